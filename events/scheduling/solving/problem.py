"""What is to be placed where, and what came of it.

Times are whole minutes since an origin the caller chooses (midnight of its first day); ranges are half-open,
sorted and disjoint. Keys are the caller's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Range = tuple[int, int]
Ranges = tuple[Range, ...]


class Rule(StrEnum):
    """The hard rules. None is ever broken by what a solver proposes."""

    OPEN = "open"
    WINDOW = "window"
    BLOCKED = "blocked"
    OVERLAP = "overlap"
    PEOPLE = "people"
    ABSENCE = "absence"
    CAPACITY = "capacity"
    EQUIPMENT = "equipment"
    ROOM = "room"
    SERIES = "series"
    STEP = "step"
    PINNED = "pinned"
    ONCE = "once"


class GoalName(StrEnum):
    WISHES = "wishes"
    ROOMS = "rooms"
    THEMES = "themes"
    GAPS = "gaps"


@dataclass(frozen=True, slots=True)
class Place:
    """``room`` None: at a time, in no room of the problem."""

    room: str | None
    start: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What the host would like: to lie inside one of ``days``, inside one of ``hours``, in ``room``. Each
    part that is said counts alone.
    """

    days: Ranges = ()
    hours: Ranges = ()
    room: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Something to be placed, ``duration`` minutes long, for ``size`` people.

    It must lie inside one of ``windows``, in one of ``rooms`` (None: any). Visits of one ``series`` never
    start together. ``wanted``: how many would like to come (0: as many as it has places). A visit that is
    ``pinned`` stays where it is, whatever the other rules say of it.
    """

    key: str
    duration: int
    size: int = 0
    needs: frozenset[str] = frozenset()
    people: tuple[str, ...] = ()
    theme: str = ""
    wanted: int = 0
    wish: Wish | None = None
    windows: Ranges = ()
    rooms: frozenset[str] | None = None
    series: str = ""
    pinned: Place | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An atomic room, and the minutes it needs before and after a visit in the room it is a part of."""

    key: str
    setup: int = 0
    turnover: int = 0


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """A room: one part, or the several of a hall that divides.

    ``capacity`` is never exceeded, ``comfort`` is what it should hold (None: not known). A visit lies inside
    one of ``open``; set-up and turnover may lie outside, as on the board.
    """

    key: str
    parts: tuple[Part, ...]
    open: Ranges
    capacity: int | None = None
    comfort: int | None = None
    has: frozenset[str] = frozenset()

    @property
    def seats(self) -> int | None:
        """People who are at ease in it."""
        return self.comfort if self.comfort is not None else self.capacity


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each goal counts against the others; 0: not at all."""

    wishes: int = 3
    rooms: int = 2
    themes: int = 1
    gaps: int = 1

    def of(self, goal: GoalName) -> int:
        return int(getattr(self, goal.value))

    @property
    def total(self) -> int:
        return self.wishes + self.rooms + self.themes + self.gaps


@dataclass(frozen=True, slots=True)
class Problem:
    """``blocked``: when a part is held by something that is no visit. ``absences``: by person. Starts are
    multiples of ``step`` minutes.
    """

    visits: tuple[Visit, ...]
    rooms: tuple[RoomSpec, ...]
    blocked: Mapping[str, Ranges] = field(default_factory=dict)
    absences: Mapping[str, Ranges] = field(default_factory=dict)
    step: int = 15
    weights: Weights = Weights()

    @property
    def to_place(self) -> tuple[Visit, ...]:
        return tuple(visit for visit in self.visits if visit.pinned is None)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A visit in a room from ``start`` on. Pinned visits are among the assignments of an outcome."""

    visit: str
    room: str | None
    start: int


@dataclass(frozen=True, slots=True)
class Goal:
    """How far a goal is reached. ``cost`` of ``worst``: wishes not kept; people who would like to come and
    find no seat; pairs of visits of one theme at one time; minutes a room stands empty between two visits.
    """

    name: GoalName
    weight: int
    cost: int
    worst: int

    @property
    def share(self) -> float:
        """1: fully reached. Nothing to be reached is reached."""
        return max(0.0, 1 - self.cost / self.worst) if self.worst else 1.0


@dataclass(frozen=True, slots=True)
class Score:
    """``total`` is between 0 and 100."""

    goals: tuple[Goal, ...]
    total: float


class Freed(StrEnum):
    """What would let an unplaced visit in."""

    VISIT_MOVES = "visit_moves"
    SHORTER = "shorter"
    SMALLER = "smaller"
    WITHOUT_EQUIPMENT = "without_equipment"
    OTHER_PERSON = "other_person"
    OTHER_TIME = "other_time"
    OTHER_ROOM = "other_room"
    OPEN_LONGER = "open_longer"


@dataclass(frozen=True, slots=True)
class WayIn:
    """A change after which the visit would fit at ``place``. ``what``: the visit, equipment or person that
    would give way; ``amount``: minutes or people it could then have.
    """

    kind: Freed
    place: Place
    what: str = ""
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Why a visit has no place: these ``rules`` and these other ``visits``, where they stand, leave none; and
    without any one of them there would be one. ``needs``, ``people`` and ``largest`` say which equipment,
    whose absence, how many the largest room holds. All empty: not looked into, of very many.
    """

    visit: str
    rules: tuple[Rule, ...] = ()
    visits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    largest: int | None = None
    ways_in: tuple[WayIn, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """``bound``: no timetable that places as many scores more, where that is known. ``is_proved``: no better
    one exists. ``is_cut_short``: the clock ended it before its effort was spent, so that another run may find
    another; ``is_stopped``: somebody did.
    """

    assignments: tuple[Assignment, ...]
    unplaced: tuple[Unplaced, ...]
    score: Score
    solver: str
    bound: float | None = None
    is_proved: bool = False
    is_cut_short: bool = False
    is_stopped: bool = False
