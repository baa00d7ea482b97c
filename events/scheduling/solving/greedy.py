"""The timetable that can always be had: place what is hardest first, make room for what is left, then take a
few visits out and put them back better, over and over.

It counts its own effort instead of looking at the clock, so the same seed finds the same timetable on a slow
machine; the clock is the last resort only.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from .masks import bits
from .problem import GoalName, Outcome, Place, Problem, RoomSpec, Unplaced, Visit
from .score import score
from .table import Table

EFFORT_A_SECOND = 100_000
"""Places looked at in a second: about half of what one core does."""
LOOK_EVERY = 0.25
"""Seconds between two questions whether to stop."""
MANY = 12
"""More starts than this in one room are not all looked at: the ends of each free range, and some between."""
BETWEEN = 3
SHARE_FOR_ROOM = 0.6
"""Of the effort, at most, for making room."""
CROWD = 400
"""Places asked at most for making room."""

Progress = Callable[[int, int, str], None]


class Effort:
    """What may still be spent, and whether somebody or the clock says stop."""

    def __init__(
        self,
        seconds: float,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
        *,
        clock: float | None = None,
    ) -> None:
        """``seconds``: what a usual machine does in that time. ``clock``: when it ends whatever has been done
        (None: after as many seconds).
        """
        self.left = self.whole = int(seconds * EFFORT_A_SECOND)
        self.ends_at = time.monotonic() + (seconds if clock is None else clock)
        self.progress, self.should_stop = progress, should_stop
        self.is_stopped = self.is_cut_short = False
        self._looked_at = 0.0

    def spend(self, places: int) -> bool:
        """Whether to go on after so much more."""
        self.left -= places + 1
        return self.left > 0 and not self.is_stopped and not self.is_cut_short

    def look(self, step: str) -> bool:
        """Tell how far it is and ask whether to go on; seldom, for whoever is asked may be slow."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            if now >= self.ends_at:
                self.is_cut_short = True
            if self.progress is not None:
                done = self.whole - max(0, self.left)
                self.progress(done * 100 // max(1, self.whole), 100, step)
            if self.should_stop is not None and self.should_stop():
                self.is_stopped = True
        return self.left > 0 and not self.is_stopped and not self.is_cut_short


def solve(problem: Problem, *, seed: int, effort: Effort) -> Outcome:
    """A valid timetable, as full and then as good as the effort allows."""
    table = fill(problem, seed=seed, effort=effort)
    placed = table.assignments()
    return Outcome(
        placed,
        tuple(Unplaced(visit.key) for visit in table.unplaced()),
        score(problem, placed),
        "greedy",
        is_cut_short=effort.is_cut_short,
        is_stopped=effort.is_stopped,
    )


def better(problem: Problem, outcome: Outcome, *, seed: int, effort: Effort) -> Outcome:
    """The same timetable or a better one, begun from this one."""
    table = Table(problem)
    for one in outcome.assignments:
        if table.visits[one.visit].pinned is None:
            table.put(table.visits[one.visit], one.room, one.start)
    _Search(table, random.Random(seed), effort).improve()  # noqa: S311
    placed = table.assignments()
    unplaced = tuple(Unplaced(visit.key) for visit in table.unplaced())
    return replace(
        outcome, assignments=placed, unplaced=unplaced, score=score(problem, placed), is_proved=False
    )


def fill(problem: Problem, *, seed: int, effort: Effort) -> Table:
    table = Table(problem)
    search = _Search(table, random.Random(seed), effort)  # noqa: S311 - chance for search, no secret
    search.construct()
    search.make_room()
    search.improve()
    return table


class _Search:
    def __init__(self, table: Table, chance: random.Random, effort: Effort) -> None:
        self.table, self.chance, self.effort = table, chance, effort
        self.visits = list(table.problem.to_place)

    # One visit --------------------------------------------------------------------------------------------

    def best(self, visit: Visit, *, noise: int = 0) -> tuple[int, Place] | None:
        """The cheapest free place, and what it costs."""
        table, grid = self.table, self.table.grid
        when = table.when(visit)
        found: tuple[int, Place] | None = None
        looked = 0
        for of_itself, room in table.fit[visit.key]:
            if found is not None and of_itself >= found[0]:
                break
            starts = table.where(visit, room, when)
            if not starts:
                looked += 1
                continue
            for bit in bits(self.some(visit, starts)):
                start = grid.minute(bit)
                cost = of_itself + table.cost(visit, room, start)
                looked += 1
                if noise:
                    cost += int(self.chance.random() * noise)
                if found is None or cost < found[0]:
                    found = (cost, Place(room.key, start))
        self.effort.spend(looked)
        return found

    def some(self, visit: Visit, starts: int) -> int:
        """All starts, or, of many, those beside something and a few by chance."""
        if starts.bit_count() <= MANY:
            return starts
        step = self.table.grid.step
        chosen = starts & ~(starts << step) | starts & ~(starts >> step)
        wish = visit.wish
        if wish is not None:
            for ranges in (wish.days, wish.hours):
                if ranges:
                    wished = starts & self.table.fixed.of_wish(ranges, visit.duration)
                    chosen |= wished & ~(wished << step) | wished & ~(wished >> step)
        low, width = (starts & -starts).bit_length() - 1, starts.bit_length()
        for _ in range(BETWEEN):
            at = low + int(self.chance.random() * (width - low))
            later = starts >> at
            if later:
                chosen |= (later & -later) << at
        return chosen

    # All of them ------------------------------------------------------------------------------------------

    def construct(self) -> None:
        """Each visit at its cheapest free place, those with the fewest places first."""
        table = self.table
        ways = {visit.key: self._ways(visit) for visit in self.visits}
        order = sorted(
            self.visits, key=lambda visit: (ways[visit.key] / visit.duration, self.chance.random())
        )
        for visit in order:
            found = self.best(visit)
            if found is not None:
                table.put(visit, found[1].room, found[1].start)
            if not self.effort.look("construct"):
                break

    def _ways(self, visit: Visit) -> int:
        table = self.table
        starts = table.fixed_starts[visit.key]
        return sum(
            (starts & table.fixed.of_room(room, visit.duration)).bit_count()
            for _cost, room in table.fit[visit.key]
        )

    def make_room(self) -> None:
        """Put a visit that found no place where it pushes out the least, and find those another; what has
        been pushed out often weighs more. The fullest timetable seen is kept.
        """
        table, chance = self.table, self.chance
        waiting = [visit for visit in table.unplaced() if self._ways(visit)]
        if not waiting:
            return
        best, fewest = dict(table.at), len(waiting)
        weight: dict[str, float] = {}
        placed_at: dict[str, int] = {}
        turn = 0
        patience, since = 1_500 + 20 * len(self.visits), 0
        enough = self.effort.left * (1 - SHARE_FOR_ROOM)
        while waiting and self.effort.left > enough and self.effort.look("make_room"):
            turn += 1
            since += 1
            if since > patience:
                # Stuck: shake the table and begin again with everybody equal.
                since, weight = 0, {}
                for visit in chance.sample(self.visits, len(self.visits) // 4):
                    if visit.key in table.at:
                        table.take(visit)
                        waiting.append(visit)
            visit = waiting.pop(int(chance.random() * len(waiting)))
            free = self.best(visit)
            if free is not None:
                table.put(visit, free[1].room, free[1].start)
            else:
                where = self._least_in_the_way(visit, weight, placed_at, turn)
                if where is None:
                    waiting.append(visit)
                    continue
                room, start, others = where
                for key in sorted(others):
                    other = table.visits[key]
                    table.take(other)
                    weight[key] = weight.get(key, 1.0) + 0.3
                    waiting.append(other)
                table.put(visit, room.key, start)
                placed_at[visit.key] = turn
            if len(waiting) < fewest:
                best, fewest, since = dict(table.at), len(waiting), 0
        if len(waiting) > fewest:
            self._back_to(best)

    def _least_in_the_way(
        self, visit: Visit, weight: dict[str, float], placed_at: dict[str, int], turn: int
    ) -> tuple[RoomSpec, int, set[str]] | None:
        """The place that pushes out the least, never what is pinned nor, if it can be helped, what has only
        just come.
        """
        table, grid, chance = self.table, self.table.grid, self.chance
        starts = table.fixed_starts[visit.key]
        rooms = [
            (room, starts & table.fixed.of_room(room, visit.duration)) for _c, room in table.fit[visit.key]
        ]
        rooms = [(room, mask) for room, mask in rooms if mask]
        chance.shuffle(rooms)
        tenure = 3 + int(chance.random() * 8)
        found: tuple[float, RoomSpec, int, set[str]] | None = None
        looked = 0
        for room, mask in rooms:
            for bit in bits(mask):
                looked += 1
                start = grid.minute(bit)
                others = table.in_the_way(visit, room, start)
                burden = chance.random() * 0.5
                for key in sorted(others):
                    if table.visits[key].pinned is not None:
                        break
                    burden += weight.get(key, 1.0) * (0.1 + table.visits[key].duration / visit.duration)
                    if turn - placed_at.get(key, -100) < tenure:
                        burden += 50
                else:
                    if found is None or burden < found[0]:
                        found = (burden, room, start, others)
            if looked > CROWD and found is not None:
                break
        self.effort.spend(looked)
        return found[1:] if found is not None else None

    def _back_to(self, at: dict[str, Place]) -> None:
        """Everybody where they stood."""
        table = self.table
        for visit in self.visits:
            if visit.key in table.at and table.at[visit.key] != at.get(visit.key):
                table.take(visit)
        for visit in self.visits:
            if visit.key in at and visit.key not in table.at:
                table.put(visit, at[visit.key].room, at[visit.key].start)

    # Better -----------------------------------------------------------------------------------------------

    def improve(self) -> None:
        """Take some visits that have to do with one another out and put them back, each at its cheapest; keep
        what is better, and at first some of what is a little worse.
        """
        if len(self.visits) < 2:
            return
        table, chance, effort = self.table, self.chance, self.effort
        now = best = 0
        best_at = dict(table.at)
        heat = sum(table.weigh[goal] for goal in GoalName) * 2.0 + 1
        whole = max(1, effort.left)
        noise = int(max(table.weigh.values()) * 2)
        while effort.look("improve"):
            chosen = self._some_together()
            places = {}
            before = 0
            for visit in chosen:
                place = table.at.get(visit.key)
                if place is None:
                    before += table.lost(visit)
                    continue
                places[visit.key] = place
                table.take(visit)
                before += self._costs(visit, place)
            # Costs were taken one after the other, each without those before it, and add up the same way.
            chance.shuffle(chosen)
            after, came_back = 0, 0
            for visit in chosen:
                found = self.best(visit, noise=noise if chance.random() < 0.3 else 0)
                if found is None:
                    after += table.lost(visit)
                    continue
                came_back += 1
                after += self._costs(visit, found[1])
                table.put(visit, found[1].room, found[1].start)
            temperature = heat * (effort.left / whole) ** 2
            worse = after - before
            keeps = came_back > len(places) or (
                came_back == len(places)
                and (worse <= 0 or chance.random() < math.exp(-worse / max(1e-9, temperature)))
            )
            if not keeps:
                for visit in chosen:
                    if visit.key in table.at:
                        table.take(visit)
                for visit in chosen:
                    if visit.key in places:
                        table.put(visit, places[visit.key].room, places[visit.key].start)
                continue
            now += worse
            if len(table.at) > len(best_at) or (len(table.at) == len(best_at) and now < best):
                best, best_at = now, dict(table.at)
        self._back_to(best_at)

    def _costs(self, visit: Visit, place: Place) -> int:
        room = self.table.rooms[place.room or ""]
        return next(
            (of_itself for of_itself, at in self.table.fit[visit.key] if at is room), 0
        ) + self.table.cost(visit, room, place.start)

    def _some_together(self) -> list[Visit]:
        """Two to six visits: neighbours in a room, of one theme, or any; and one without a place."""
        table, chance = self.table, self.chance
        one = self.visits[int(chance.random() * len(self.visits))]
        place = table.at.get(one.key)
        wanted = 2 + int(chance.random() * 5)
        near: Sequence[Visit] = self.visits
        kind = chance.random()
        if place is not None and place.room is not None and kind < 0.5:
            around = {
                key
                for part in table.rooms[place.room].parts
                for start, _end, key in table.stays[part.key]
                if abs(start - place.start) < 240
            }
            near = [table.visits[key] for key in sorted(around) if table.visits[key].pinned is None]
        elif place is not None and kind < 0.8:
            near = [
                visit
                for visit in self.visits
                if (at := table.at.get(visit.key)) and abs(at.start - place.start) < 90
            ]
        chosen = {one.key: one}
        for _ in range(wanted):
            if near:
                other = near[int(chance.random() * len(near))]
                chosen[other.key] = other
        return list(chosen.values())
