"""Time as bits: where a visit could start, as one whole number whose bits are instants of a grid.

A day of five-minute steps is 288 bits, so asking for all starts at once costs a few machine words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import gcd

from .problem import Problem, Range, Ranges, RoomSpec, Rule, Visit

NOTHING_LEFT_OUT: frozenset[Rule] = frozenset()


def runs(mask: int, length: int) -> int:
    """The bits from which ``length`` bits in a row are set."""
    width = 1
    while width < length and mask:
        shift = min(width, length - width)
        mask &= mask >> shift
        width += shift
    return mask


def bits(mask: int) -> Iterator[int]:
    """Indices of the set bits, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Grid:
    """The instants of a problem. ``unit``: minutes a bit; ``low``: the minute of bit 0."""

    def __init__(self, problem: Problem) -> None:
        points = {problem.step}
        ends: set[int] = set()
        for room in problem.rooms:
            for part in room.parts:
                points |= {part.setup, part.turnover}
            for start, end in room.open:
                ends |= {start, end}
        around = max(points)
        for ranges in (*problem.blocked.values(), *problem.absences.values()):
            for start, end in ranges:
                points |= {start, end}
        for visit in problem.visits:
            points.add(visit.duration)
            if visit.pinned is not None:
                ends |= {visit.pinned.start, visit.pinned.start + visit.duration}
            for start, end in visit.windows:
                ends |= {start, end}
        self.unit = gcd(*points, *ends)
        self.low = (min(ends, default=0) - around) // self.unit * self.unit
        self.size = (max(ends, default=0) + around - self.low) // self.unit + 1
        self.everything = (1 << self.size) - 1
        self.step = problem.step // self.unit
        first = -(-self.low // problem.step) * problem.step
        self.starts = 0
        for index in range((first - self.low) // self.unit, self.size, self.step):
            self.starts |= 1 << index

    def bit(self, minute: int) -> int:
        return (minute - self.low) // self.unit

    def minute(self, bit: int) -> int:
        return bit * self.unit + self.low

    def mask(self, ranges: Iterable[Range]) -> int:
        """The bits inside these ranges."""
        found = 0
        for start, end in ranges:
            first, last = max(0, self.bit(start)), min(self.size, self.bit(end))
            if first < last:
                found |= (1 << last) - (1 << first)
        return found


class Fixed:
    """Where each visit could start if nothing but what never moves were there: closing hours, what blocks a
    room, absences, pinned visits.

    ``without``: rules that are not looked at, for saying which of them stands in the way.
    """

    def __init__(self, problem: Problem, grid: Grid | None = None) -> None:
        self.problem = problem
        self.grid = grid or Grid(problem)
        self.rooms = {room.key: room for room in problem.rooms}
        self.visits = {visit.key: visit for visit in problem.visits}
        mask = self.grid.mask
        self.open = {room.key: mask(room.open) for room in problem.rooms}
        self.blocked = {part: mask(ranges) for part, ranges in problem.blocked.items()}
        self.absent = {person: mask(ranges) for person, ranges in problem.absences.items()}
        self.held: dict[str, int] = {}
        self.busy: dict[str, int] = {}
        self.begun: dict[str, int] = {}
        self._windows: dict[tuple[Ranges, int], int] = {}
        self._room_starts: dict[tuple[str, int], int] = {}
        for visit in problem.visits:
            if visit.pinned is not None:
                self.hold(visit, visit.pinned.room, visit.pinned.start)

    def hold(self, visit: Visit, room: str | None, start: int) -> None:
        """A visit stands there from now on."""
        self._room_starts.clear()
        grid, end = self.grid, start + visit.duration
        for part in self.rooms[room].parts if room else ():
            stay = grid.mask([(start - part.setup, end + part.turnover)])
            self.held[part.key] = self.held.get(part.key, 0) | stay
        for person in visit.people:
            self.busy[person] = self.busy.get(person, 0) | grid.mask([(start, end)])
        if visit.series and 0 <= grid.bit(start) < grid.size:
            self.begun[visit.series] = self.begun.get(visit.series, 0) | 1 << grid.bit(start)

    def hold_only(
        self,
        *,
        held: dict[str, int] | None = None,
        busy: dict[str, int] | None = None,
        begun: dict[str, int] | None = None,
    ) -> None:
        """Of parts, of people and of series nothing is held but this."""
        self._room_starts.clear()
        self.held = self.held if held is None else held
        self.busy = self.busy if busy is None else busy
        self.begun = self.begun if begun is None else begun

    def fits(self, visit: Visit, room: RoomSpec, without: frozenset[Rule] = NOTHING_LEFT_OUT) -> bool:
        """Whether the room would do, whenever."""
        return (
            (room.capacity is None or visit.size <= room.capacity or Rule.CAPACITY in without)
            and (visit.needs <= room.has or Rule.EQUIPMENT in without)
            and (visit.rooms is None or room.key in visit.rooms or Rule.ROOM in without)
        )

    def of_visit(self, visit: Visit, without: frozenset[Rule] = NOTHING_LEFT_OUT) -> int:
        """Starts inside the visit's windows at which its people are there."""
        grid, length = self.grid, visit.duration // self.grid.unit
        starts = grid.starts
        if Rule.WINDOW not in without:
            starts &= self.of_wish(visit.windows, visit.duration)
        for person in visit.people:
            away = 0 if Rule.ABSENCE in without else self.absent.get(person, 0)
            away |= self.busy.get(person, 0)
            if away:
                starts &= runs(grid.everything & ~away, length)
        return starts & ~self.begun.get(visit.series, 0) if visit.series else starts

    def of_wish(self, ranges: Ranges, duration: int) -> int:
        """Starts from which a visit of that length lies inside one of the ranges."""
        length = duration // self.grid.unit
        known = (ranges, length)
        if known not in self._windows:
            self._windows[known] = runs(self.grid.mask(ranges), length)
        return self._windows[known]

    def of_room(self, room: RoomSpec, duration: int, without: frozenset[Rule] = NOTHING_LEFT_OUT) -> int:
        """Starts at which the room is open and no part of it held."""
        if not without:
            known = self._room_starts.get((room.key, duration))
            if known is not None:
                return known
        grid = self.grid
        length = duration // grid.unit
        starts = runs(grid.everything if Rule.OPEN in without else self.open[room.key], length)
        for part in room.parts:
            taken = self.held.get(part.key, 0)
            if Rule.BLOCKED not in without:
                taken |= self.blocked.get(part.key, 0)
            if taken:
                setup = part.setup // grid.unit
                block = length + setup + part.turnover // grid.unit
                starts &= runs(grid.everything & ~taken, block) << setup
        if not without:
            self._room_starts[room.key, duration] = starts
        return starts

    def starts(self, visit: Visit, room: RoomSpec) -> int:
        """All starts of a visit in a room, as a mask."""
        return self.of_visit(visit) & self.of_room(room, visit.duration) if self.fits(visit, room) else 0
