"""A timetable under construction: who stands where, what is free, and what one more visit would cost.

Costs are in the objective's units (``score.factors``); a cheaper timetable is a better one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from .masks import Fixed, Grid, runs
from .problem import Assignment, GoalName, Place, Problem, RoomSpec, Visit
from .score import factors, people_who_come, stretch_of, stretches, unkept, wished_parts, without_a_seat

Stay = tuple[int, int, str]


class Table:
    """Visits that are pinned stand in it from the beginning. Only ``put`` and ``take`` change it."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.fixed = Fixed(problem, Grid(problem))
        self.grid = self.fixed.grid
        self.rooms = self.fixed.rooms
        self.visits = self.fixed.visits
        self.weigh = factors(problem)
        self.at: dict[str, Place] = {}
        self.free: dict[str, int] = {}
        self.stays: dict[str, list[Stay]] = {}
        self.busy: dict[str, int] = {}
        self.meets: dict[str, list[Stay]] = {}
        self.series: dict[str, dict[int, str]] = {}
        self.theme_starts: dict[str, list[int]] = {}
        self.theme_ends: dict[str, list[int]] = {}
        self.stretches = stretches(problem)
        self.spans: dict[tuple[str, int], list[Stay]] = {}
        self._runs: dict[str, dict[tuple[int, int], int]] = {}
        for room in problem.rooms:
            for part in room.parts:
                self.free[part.key] = self.grid.everything & ~self.fixed.blocked.get(part.key, 0)
                self.stays[part.key] = []
                self._runs[part.key] = {}
        self.fit = {visit.key: self._rooms_that_fit(visit) for visit in problem.to_place}
        self.fixed_starts = {visit.key: self.fixed.of_visit(visit) for visit in problem.to_place}
        for visit in problem.visits:
            if visit.pinned is not None:
                self.put(visit, visit.pinned.room, visit.pinned.start)

    def _rooms_that_fit(self, visit: Visit) -> list[tuple[int, RoomSpec]]:
        """With what each room costs of itself, the cheapest and then the smallest first."""
        found = []
        for room in self.problem.rooms:
            if self.fixed.fits(visit, room):
                cost = self.weigh[GoalName.ROOMS] * without_a_seat(visit, room)
                if visit.wish is not None and visit.wish.room is not None and visit.wish.room != room.key:
                    cost += self.weigh[GoalName.WISHES]
                found.append((cost, room))
        found.sort(key=lambda pair: (pair[0], len(pair[1].parts), pair[1].seats or 1 << 30, pair[1].key))
        return found

    # What is free -----------------------------------------------------------------------------------------

    def when(self, visit: Visit) -> int:
        """Starts at which the visit's people, and its series, are free."""
        starts = self.fixed_starts[visit.key]
        length = visit.duration // self.grid.unit
        for person in visit.people:
            if taken := self.busy.get(person, 0):
                starts &= runs(self.grid.everything & ~taken, length)
        for start in self.series.get(visit.series, ()) if visit.series else ():
            starts &= ~(1 << self.grid.bit(start))
        return starts

    def where(self, visit: Visit, room: RoomSpec, starts: int) -> int:
        """Those of ``starts`` at which the room is open and free."""
        unit = self.grid.unit
        starts &= self.fixed.of_room(room, visit.duration)
        for part in room.parts:
            if not starts:
                break
            setup = part.setup // unit
            block = visit.duration // unit + setup + part.turnover // unit
            known = self._runs[part.key]
            mask = known.get((block, setup))
            if mask is None:
                mask = known[block, setup] = runs(self.free[part.key], block) << setup
            starts &= mask
        return starts

    def in_the_way(self, visit: Visit, room: RoomSpec, start: int) -> set[str]:
        """Visits that would have to leave, were this one there."""
        end = start + visit.duration
        found: set[str] = set()
        for part in room.parts:
            _overlapping(self.stays[part.key], start - part.setup, end + part.turnover, found)
        for person in visit.people:
            _overlapping(self.meets.get(person, []), start, end, found)
        if visit.series:
            other = self.series.get(visit.series, {}).get(start)
            if other is not None:
                found.add(other)
        return found

    # What it costs ----------------------------------------------------------------------------------------

    def cost(self, visit: Visit, room: RoomSpec, start: int) -> int:
        """What the visit would add there, its wish for a room and its seats left out: see ``fit``."""
        weigh, end = self.weigh, start + visit.duration
        cost = 0
        if visit.wish is not None:
            wish = visit.wish
            missed = unkept(visit, room.key, start) - (wish.room is not None and wish.room != room.key)
            cost = weigh[GoalName.WISHES] * missed
        if visit.theme and weigh[GoalName.THEMES]:
            starts = self.theme_starts.get(visit.theme)
            if starts:
                together = bisect_left(starts, end) - bisect_right(self.theme_ends[visit.theme], start)
                cost += weigh[GoalName.THEMES] * together
        if weigh[GoalName.GAPS]:
            for part in room.parts:
                index = stretch_of(self.stretches[part.key], start)
                rows = self.spans.get((part.key, index)) if index is not None else None
                if rows:
                    first, last = rows[0][0], rows[-1][1]
                    begins, ends = start - part.setup, end + part.turnover
                    more = max(last, ends) - min(first, begins) - (last - first) - (ends - begins)
                    cost += weigh[GoalName.GAPS] * more
        return cost

    def lost(self, visit: Visit) -> int:
        """What the visit costs while it has no place."""
        return self.weigh[GoalName.WISHES] * wished_parts(visit.wish) + self.weigh[
            GoalName.ROOMS
        ] * people_who_come(visit)

    # Changing it ------------------------------------------------------------------------------------------

    def put(self, visit: Visit, room_key: str | None, start: int) -> None:
        grid, end = self.grid, start + visit.duration
        self.at[visit.key] = Place(room_key, start)
        for part in self.rooms[room_key].parts if room_key else ():
            stay = (start - part.setup, end + part.turnover, visit.key)
            insort(self.stays[part.key], stay)
            self.free[part.key] &= ~grid.mask([stay[:2]])
            self._runs[part.key].clear()
            index = stretch_of(self.stretches[part.key], start)
            if index is not None:
                insort(self.spans.setdefault((part.key, index), []), stay)
        for person in visit.people:
            insort(self.meets.setdefault(person, []), (start, end, visit.key))
            self.busy[person] = self.busy.get(person, 0) | grid.mask([(start, end)])
        if visit.series:
            self.series.setdefault(visit.series, {})[start] = visit.key
        if visit.theme:
            insort(self.theme_starts.setdefault(visit.theme, []), start)
            insort(self.theme_ends.setdefault(visit.theme, []), end)

    def take(self, visit: Visit) -> Place:
        """Out of it again; its place."""
        grid, place = self.grid, self.at.pop(visit.key)
        start, end = place.start, place.start + visit.duration
        for part in self.rooms[place.room].parts if place.room else ():
            stay = (start - part.setup, end + part.turnover, visit.key)
            self.stays[part.key].remove(stay)
            self.free[part.key] |= grid.mask([stay[:2]])
            self._runs[part.key].clear()
            index = stretch_of(self.stretches[part.key], start)
            if index is not None:
                self.spans[part.key, index].remove(stay)
        for person in visit.people:
            self.meets[person].remove((start, end, visit.key))
            self.busy[person] &= ~grid.mask([(start, end)])
        if visit.series:
            del self.series[visit.series][start]
        if visit.theme:
            self.theme_starts[visit.theme].remove(start)
            self.theme_ends[visit.theme].remove(end)
        return place

    def assignments(self) -> tuple[Assignment, ...]:
        """In the order of the problem's visits."""
        return tuple(
            Assignment(visit.key, place.room, place.start)
            for visit in self.problem.visits
            if (place := self.at.get(visit.key)) is not None
        )

    def unplaced(self) -> Iterator[Visit]:
        return (visit for visit in self.problem.to_place if visit.key not in self.at)


def _overlapping(rows: list[Stay], start: int, end: int, found: set[str]) -> None:
    """Add the visits of disjoint rows that share an instant with [start, end)."""
    index = bisect_left(rows, (start, start, ""))
    if index and rows[index - 1][1] > start:
        found.add(rows[index - 1][2])
    while index < len(rows) and rows[index][0] < end:
        found.add(rows[index][2])
        index += 1
