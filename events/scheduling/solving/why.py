"""Why a visit has no place: the fewest rules and other visits that leave it none, and what would let it in.

The other visits are taken where they stand. What is found is minimal by construction: each rule and visit is
left out in turn, and stays out where the visit still finds no place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .masks import NOTHING_LEFT_OUT, Fixed, Grid, bits
from .problem import (
    Assignment,
    Freed,
    Place,
    Problem,
    Rule,
    Unplaced,
    Visit,
    WayIn,
)

RULES = (
    Rule.WINDOW,
    Rule.ABSENCE,
    Rule.OPEN,
    Rule.BLOCKED,
    Rule.ROOM,
    Rule.EQUIPMENT,
    Rule.CAPACITY,
)
"""In the order in which they are tried without: what is left at the end is said."""
SHORTEST, SHORTER = 15, 5
"""Minutes: no visit is proposed shorter than that, or than half of what was asked; tried in such steps."""
NEAR, MOVES = 60, 3
"""Visits of which is asked whether their leaving would help, and of how many that is said."""
EXPLAINED = 60
"""Visits without a place that are explained; of very many more, the reasons are the same."""


def explain(problem: Problem, assignments: Iterable[Assignment]) -> tuple[Unplaced, ...]:
    """For each visit that stands nowhere, in the order of the problem."""
    placed = {one.visit: one for one in assignments}
    missing = [visit for visit in problem.to_place if visit.key not in placed]
    if not missing:
        return ()
    standing = _Standing(problem, placed)
    return tuple(
        _why(standing, visit) if number < EXPLAINED else Unplaced(visit.key)
        for number, visit in enumerate(missing)
    )


class _Standing:
    """The timetable as it stands, asked whether a visit would find a place without this or that."""

    def __init__(self, problem: Problem, placed: dict[str, Assignment]) -> None:
        self.problem, self.placed = problem, placed
        # Pinned visits are held like all others, so that they too can be left out.
        free = tuple(replace(visit, pinned=None) for visit in problem.visits)
        self.fixed = Fixed(replace(problem, visits=free), Grid(problem))
        self.problem_visits = {visit.key: visit for visit in problem.visits}
        grid = self.fixed.grid
        self.stays: dict[str, list[tuple[int, str]]] = {}
        self.meets: dict[str, list[tuple[int, str]]] = {}
        self.begun: dict[str, list[tuple[int, str]]] = {}
        for visit in problem.visits:
            at = placed.get(visit.key)
            if at is None:
                continue
            end = at.start + visit.duration
            for part in self.fixed.rooms[at.room].parts if at.room else ():
                stay = grid.mask([(at.start - part.setup, end + part.turnover)])
                self.stays.setdefault(part.key, []).append((stay, visit.key))
            for person in visit.people:
                self.meets.setdefault(person, []).append((grid.mask([(at.start, end)]), visit.key))
            if visit.series:
                start = grid.mask([(at.start, at.start + grid.unit)])
                self.begun.setdefault(visit.series, []).append((start, visit.key))

    def first_place(
        self,
        visit: Visit,
        *,
        without: frozenset[Rule] = NOTHING_LEFT_OUT,
        others: frozenset[str] | None = None,
    ) -> Place | None:
        """The first place the visit finds.

        ``others``: the only other visits that stand there (None: all).
        """
        fixed, grid = self.fixed, self.fixed.grid
        fixed.hold_only(
            busy={person: _together(self.meets.get(person, []), others) for person in visit.people},
            begun={visit.series: _together(self.begun.get(visit.series, []), others)},
        )
        when = fixed.of_visit(visit, without)
        if not when:
            return None
        for room in self.problem.rooms:
            if not fixed.fits(visit, room, without):
                continue
            fixed.hold_only(
                held={part.key: _together(self.stays.get(part.key, []), others) for part in room.parts}
            )
            for bit in bits(when & fixed.of_room(room, visit.duration, without)):
                return Place(room.key, grid.minute(bit))
        return None

    def is_pinned(self, key: str) -> bool:
        return self.problem_visits[key].pinned is not None

    def near(self, visit: Visit) -> list[str]:
        """Visits that could be in its way: those that hold a room that would do, or share its people."""
        found: dict[str, None] = {}
        rooms = [room for room in self.problem.rooms if self.fixed.fits(visit, room)]
        for part in {part.key: None for room in rooms for part in room.parts}:
            found |= dict.fromkeys(key for _mask, key in self.stays.get(part, []))
        for person in visit.people:
            found |= dict.fromkeys(key for _mask, key in self.meets.get(person, []))
        found |= dict.fromkeys(key for _mask, key in self.begun.get(visit.series, []) if visit.series)
        return list(found)


def _together(rows: list[tuple[int, str]], others: frozenset[str] | None) -> int:
    mask = 0
    for row, key in rows:
        if others is None or key in others:
            mask |= row
    return mask


def _why(standing: _Standing, visit: Visit) -> Unplaced:
    """Leave out the other visits, then the rules, one after the other; what is left cannot be left out."""
    others = standing.near(visit)
    if standing.first_place(visit, others=frozenset()) is None:
        others = []
    # In chunks first: most of many visits have nothing to do with it.
    chunk = max(1, len(others) // 2)
    needed = frozenset(others)
    while others:
        for at in range(0, len(others), chunk):
            fewer = needed - frozenset(others[at : at + chunk])
            if standing.first_place(visit, others=fewer) is None:
                needed = fewer
        others = [key for key in others if key in needed]
        if chunk == 1:
            break
        chunk = max(1, min(chunk // 2, len(others) // 2))
    without = NOTHING_LEFT_OUT
    for rule in RULES:
        if standing.first_place(visit, without=without | {rule}, others=needed) is None:
            without |= {rule}
    rules = tuple(rule for rule in RULES if rule not in without)
    rooms = standing.problem.rooms
    capacities = [room.capacity for room in rooms if room.capacity is not None]
    return Unplaced(
        visit.key,
        rules=rules,
        visits=tuple(sorted(needed, key=lambda key: (standing.placed[key].start, key))),
        needs=tuple(sorted(visit.needs)) if Rule.EQUIPMENT in rules else (),
        people=tuple(visit.people) if Rule.ABSENCE in rules else (),
        largest=max(capacities, default=None) if Rule.CAPACITY in rules else None,
        ways_in=tuple(_ways_in(standing, visit)),
    )


def _ways_in(standing: _Standing, visit: Visit) -> Iterator[WayIn]:
    """Changes of one thing after which the visit fits, all others where they stand."""
    yield from _shorter(standing, visit)
    yield from _smaller(standing, visit)
    for code in sorted(visit.needs):
        if place := standing.first_place(replace(visit, needs=visit.needs - {code})):
            yield WayIn(Freed.WITHOUT_EQUIPMENT, place, code)
    for person in visit.people:
        less = tuple(other for other in visit.people if other != person)
        if place := standing.first_place(replace(visit, people=less)):
            yield WayIn(Freed.OTHER_PERSON, place, person)
    for kind, rule in (
        (Freed.OTHER_TIME, Rule.WINDOW),
        (Freed.OTHER_ROOM, Rule.ROOM),
        (Freed.OPEN_LONGER, Rule.OPEN),
    ):
        if place := standing.first_place(visit, without=frozenset({rule})):
            yield WayIn(kind, place)
    everybody = frozenset(standing.placed)
    near = sorted(standing.near(visit), key=lambda key: (not standing.is_pinned(key), key))
    found = 0
    for key in near[:NEAR]:
        if found < MOVES and (place := standing.first_place(visit, others=everybody - {key})):
            found += 1
            yield WayIn(Freed.VISIT_MOVES, place, key)


def _shorter(standing: _Standing, visit: Visit) -> Iterator[WayIn]:
    unit = standing.fixed.grid.unit
    step = unit * -(-SHORTER // unit)
    minutes = visit.duration - step
    while minutes >= max(SHORTEST, visit.duration // 2):
        if place := standing.first_place(replace(visit, duration=minutes)):
            yield WayIn(Freed.SHORTER, place, amount=minutes)
            return
        minutes -= step


def _smaller(standing: _Standing, visit: Visit) -> Iterator[WayIn]:
    smaller = {
        room.capacity for room in standing.problem.rooms if room.capacity and room.capacity < visit.size
    }
    for capacity in sorted(smaller, reverse=True):
        if place := standing.first_place(replace(visit, size=capacity)):
            yield WayIn(Freed.SMALLER, place, amount=capacity)
            return
