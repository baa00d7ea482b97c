"""The timetable by OR-Tools' CP-SAT, which can prove that there is no better one; the extra ``solver``.

One worker, one seed and a measure of effort that is not the clock: the same problem gives the same timetable.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from .greedy import Effort
from .masks import Fixed, bits
from .problem import Assignment, GoalName, Outcome, Problem, Range, RoomSpec, Unplaced, Visit
from .score import (
    SCALE,
    factors,
    people_who_come,
    score,
    stretch_of,
    stretches,
    total_of,
    wished_parts,
    without_a_seat,
)

WAYS_AT_MOST = 12_000
"""Ways (visit, room, stretch of opening) beyond which the model takes longer to build than it is worth."""
PAIRS_AT_MOST = 6_000
EFFORT_A_SECOND = 0.04
"""CP-SAT's own measure of effort, "deterministic time": what it does in rather less than a second."""


def is_there() -> bool:
    """Whether OR-Tools is installed. Does not import it: that takes a second and 100 MB."""
    return importlib.util.find_spec("ortools") is not None


@dataclass(slots=True)
class _Way:
    """A visit in one stretch of a room's opening, if ``taken``."""

    visit: Visit
    room: RoomSpec
    taken: Any
    starts: list[int]


@dataclass(slots=True)
class _Model:
    cp: Any
    model: Any
    problem: Problem
    told: dict[str, Assignment]
    has_goals: bool
    start: dict[str, Any] = field(default_factory=dict)
    placed: dict[str, Any] = field(default_factory=dict)
    ways: dict[str, list[_Way]] = field(default_factory=lambda: defaultdict(list))
    terms: list[Any] = field(default_factory=list)

    def hint(self, variable: Any, value: int) -> None:
        """What a variable is in the timetable to begin from."""
        self.model.add_hint(variable, value)


def is_small_enough(problem: Problem) -> bool:
    """Whether the model is worth building."""
    opens = sum(len(room.open) for room in problem.rooms)
    themes: dict[str, int] = defaultdict(int)
    for visit in problem.to_place:
        themes[visit.theme] += bool(visit.theme)
    pairs = sum(count * (count - 1) // 2 for count in themes.values())
    return len(problem.to_place) * opens <= WAYS_AT_MOST and pairs <= PAIRS_AT_MOST


def solve(
    problem: Problem,
    *,
    seed: int,
    seconds: float,
    effort: Effort,
    hint: Iterable[Assignment] = (),
    has_goals: bool = True,
) -> Outcome | None:
    """The best timetable found; None: none was found in time.

    ``seconds``: what it may do, measured by CP-SAT and not by the clock; ``effort`` ends it at its clock or
    when somebody says stop. ``hint``: a timetable to begin from. ``has_goals`` False looks at nothing but
    how many visits are placed. Raises ``ImportError`` without OR-Tools.
    """
    from ortools.sat.python import cp_model

    told = {one.visit: one for one in hint}
    built = _build(_Model(cp_model, cp_model.CpModel(), problem, told, has_goals))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % (1 << 31)
    # Probing takes longer here than it saves.
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.max_presolve_iterations = 1
    solver.parameters.max_deterministic_time = seconds * EFFORT_A_SECOND
    clock = max(0.1, effort.ends_at - time.monotonic())
    solver.parameters.max_time_in_seconds = clock
    begun = time.monotonic()
    status = _run(solver, built.model, effort, lambda: time.monotonic() - begun, clock)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    assignments = _read(built, solver)
    found = {one.visit for one in assignments}
    missing = [visit for visit in problem.to_place if visit.key not in found]
    bound = solver.best_objective_bound - len(missing) * _beyond(problem)
    return Outcome(
        assignments,
        tuple(Unplaced(visit.key) for visit in missing),
        score(problem, assignments),
        "exact",
        bound=min(100.0, total_of(problem, max(0.0, bound))),
        is_proved=status == cp_model.OPTIMAL,
        is_cut_short=status != cp_model.OPTIMAL and time.monotonic() - begun >= clock * 0.99,
        is_stopped=effort.is_stopped,
    )


def _run(solver: Any, model: Any, effort: Effort, spent: Callable[[], float], clock: float) -> Any:
    """Solve in a thread, so that whoever asked can be told how far it is, and can stop it."""
    status: list[Any] = []
    thread = threading.Thread(target=lambda: status.append(solver.solve(model)), daemon=True)
    thread.start()
    try:
        while True:
            thread.join(0.2)
            if not thread.is_alive():
                return status[0] if status else None
            effort.left = int(effort.whole * max(0.0, 1 - spent() / clock)) + 1
            effort.look("exact")
            if effort.is_stopped:
                solver.stop_search()
    finally:
        # Whoever was told may have raised: nothing goes on behind their back.
        solver.stop_search()
        thread.join()


def _beyond(problem: Problem) -> int:
    """What a visit without a place costs: more than everything else together."""
    return 20 * SCALE * max(1, problem.weights.total)


def _build(at: _Model) -> _Model:
    problem, model = at.problem, at.model
    fixed = Fixed(problem)
    weigh = factors(problem) if at.has_goals else dict.fromkeys(GoalName, 0)
    step = problem.step
    for visit in problem.to_place:
        told = at.told.get(visit.key)
        domain: set[int] = set()
        for room in problem.rooms:
            mask = fixed.starts(visit, room)
            by_stretch: dict[int, list[int]] = defaultdict(list)
            for bit in bits(mask):
                start = fixed.grid.minute(bit)
                index = stretch_of(room.open, start)
                if index is not None:
                    by_stretch[index].append(start // step)
            for index, starts in by_stretch.items():
                taken = model.new_bool_var(f"{visit.key} in {room.key} {index}")
                at.ways[visit.key].append(_Way(visit, room, taken, starts))
                domain |= set(starts)
                is_told = told is not None and told.room == room.key and told.start // step in starts
                at.hint(taken, int(is_told))
        ways = at.ways[visit.key]
        if not ways:
            at.terms.append(_beyond(problem) + _lost(visit, weigh))
            continue
        start = model.new_int_var_from_domain(at.cp.Domain.from_values(sorted(domain)), visit.key)
        placed = model.new_bool_var(f"{visit.key} placed")
        at.start[visit.key], at.placed[visit.key] = start, placed
        at.hint(placed, int(told is not None))
        at.hint(start, told.start // step if told is not None else min(domain))
        model.add_exactly_one([*(way.taken for way in ways), placed.Not()])
        at.terms.append(placed.Not() * (_beyond(problem) + _lost(visit, weigh)))
        for way in ways:
            if len(way.starts) < len(domain):
                model.add_linear_expression_in_domain(
                    start, at.cp.Domain.from_values(way.starts)
                ).only_enforce_if(way.taken)
            cost = weigh[GoalName.ROOMS] * without_a_seat(visit, way.room)
            if visit.wish is not None and visit.wish.room not in (None, way.room.key):
                cost += weigh[GoalName.WISHES]
            if cost:
                at.terms.append(way.taken * cost)
        _wish(at, visit, sorted(domain), weigh[GoalName.WISHES])
    _rooms(at, weigh[GoalName.GAPS])
    _people(at)
    _series(at)
    _themes(at, weigh[GoalName.THEMES])
    model.minimize(sum(at.terms))
    return at


def _lost(visit: Visit, weigh: dict[GoalName, int]) -> int:
    return weigh[GoalName.WISHES] * wished_parts(visit.wish) + weigh[GoalName.ROOMS] * people_who_come(visit)


def _wish(at: _Model, visit: Visit, domain: list[int], weight: int) -> None:
    """A wished day or hour costs where it is not kept."""
    if visit.wish is None or not weight:
        return
    for ranges in (visit.wish.days, visit.wish.hours):
        if not ranges:
            continue
        inside = [
            start
            for start in domain
            if any(
                first <= start * at.problem.step and start * at.problem.step + visit.duration <= last
                for first, last in ranges
            )
        ]
        if len(inside) == len(domain):
            continue
        missed = at.model.new_bool_var("")
        told = at.told.get(visit.key)
        at.hint(missed, int(told is not None and told.start // at.problem.step not in inside))
        if inside:
            at.model.add_linear_expression_in_domain(
                at.start[visit.key], at.cp.Domain.from_values(inside)
            ).only_enforce_if([missed.Not(), at.placed[visit.key]])
        else:
            at.model.add_implication(at.placed[visit.key], missed)
        at.terms.append(missed * weight)


def _rooms(at: _Model, weight: int) -> None:
    """No part is held twice; what stands empty between two visits costs.

    Pinned visits and blocked ranges are already outside the starts a visit may have.
    """
    model, problem = at.model, at.problem
    ranges = stretches(problem)
    intervals: dict[str, list[Any]] = defaultdict(list)
    held: dict[tuple[str, int], list[tuple[Any, Any, Any, int]]] = defaultdict(list)
    for key, ways in at.ways.items():
        for way in ways:
            for part in way.room.parts:
                size = part.setup + way.visit.duration + part.turnover
                begin = at.start[key] * problem.step - part.setup
                intervals[part.key].append(
                    model.new_optional_fixed_size_interval_var(begin, size, way.taken, "")
                )
                by_stretch: dict[int, list[int]] = defaultdict(list)
                for start in way.starts:
                    index = stretch_of(ranges[part.key], start * problem.step)
                    if index is not None:
                        by_stretch[index].append(start)
                for index, starts in by_stretch.items() if weight else ():
                    there = way.taken
                    if len(by_stretch) > 1:
                        # What blocks the room cuts its opening into several stretches.
                        there = model.new_bool_var("")
                        told = at.told.get(key)
                        is_told = told is not None and told.room == way.room.key
                        is_told = is_told and told is not None and told.start // problem.step in starts
                        at.hint(there, int(is_told))
                        model.add_implication(there, way.taken)
                        model.add_linear_expression_in_domain(
                            at.start[key], at.cp.Domain.from_values(starts)
                        ).only_enforce_if(there)
                        others = at.cp.Domain.from_values([s for s in way.starts if s not in set(starts)])
                        model.add_linear_expression_in_domain(at.start[key], others).only_enforce_if(
                            [there.Not(), way.taken]
                        )
                    held[part.key, index].append((there, begin, begin + size, size))
    for rows in intervals.values():
        if len(rows) > 1:
            model.add_no_overlap(rows)
    known = _stays(at, ranges)
    for at_stretch, uses in held.items():
        pinned = [stay for stay, is_pinned in known[at_stretch] if is_pinned]
        all_of_it = [stay for stay, _is_pinned in known[at_stretch]]
        _empty(at, uses, pinned, all_of_it, ranges[at_stretch[0]][at_stretch[1]], weight)


def _empty(
    at: _Model, uses: list[Any], pinned: list[Range], told: list[Range], around: Range, weight: int
) -> None:
    """The minutes between the first and the last use of one stretch that nothing uses."""
    model = at.model
    low = min([around[0] - 1440, *(start for start, _end in pinned)])
    high = max([around[1] + 1440, *(end for _start, end in pinned)])
    first, last = model.new_int_var(low, high, ""), model.new_int_var(low, high, "")
    for start, end in pinned:
        model.add(first <= start)
        model.add(last >= end)
    for there, begin, end, _size in uses:
        model.add(first <= begin).only_enforce_if(there)
        model.add(last >= end).only_enforce_if(there)
    empty = model.new_int_var(0, high - low, "")
    used = sum(there * size for there, _begin, _end, size in uses) + sum(end - start for start, end in pinned)
    model.add(empty >= last - first - used)
    begins = min((start for start, _end in told), default=low)
    ends = max((end for _start, end in told), default=low)
    at.hint(first, begins)
    at.hint(last, ends)
    at.hint(empty, max(0, ends - begins - sum(end - start for start, end in told)))
    at.terms.append(empty * weight)


def _stays(
    at: _Model, ranges: dict[str, tuple[Range, ...]]
) -> dict[tuple[str, int], list[tuple[Range, bool]]]:
    """By part and stretch: what is held of it in the timetable to begin from, and whether that is pinned."""
    rooms = {room.key: room for room in at.problem.rooms}
    found: dict[tuple[str, int], list[tuple[Range, bool]]] = defaultdict(list)
    for visit in at.problem.visits:
        place = visit.pinned or at.told.get(visit.key)
        for part in rooms[place.room].parts if place is not None and place.room else ():
            index = stretch_of(ranges[part.key], place.start) if place is not None else None
            if place is not None and index is not None:
                stay = (place.start - part.setup, place.start + visit.duration + part.turnover)
                found[part.key, index].append((stay, visit.pinned is not None))
    return found


def _people(at: _Model) -> None:
    meets: dict[str, list[Any]] = defaultdict(list)
    for visit in at.problem.to_place:
        if visit.key in at.start:
            for person in dict.fromkeys(visit.people):
                meets[person].append(
                    at.model.new_optional_fixed_size_interval_var(
                        at.start[visit.key] * at.problem.step, visit.duration, at.placed[visit.key], ""
                    )
                )
    for rows in meets.values():
        if len(rows) > 1:
            at.model.add_no_overlap(rows)


def _series(at: _Model) -> None:
    by_series: dict[str, list[str]] = defaultdict(list)
    for visit in at.problem.to_place:
        if visit.series and visit.key in at.start:
            by_series[visit.series].append(visit.key)
    for keys in by_series.values():
        for one, other in combinations(keys, 2):
            at.model.add(at.start[one] != at.start[other]).only_enforce_if(at.placed[one], at.placed[other])


def _themes(at: _Model, weight: int) -> None:
    """Two visits of one theme at one time cost, whoever of them is pinned."""
    if not weight:
        return
    model, step = at.model, at.problem.step
    by_theme: dict[str, list[Visit]] = defaultdict(list)
    for visit in at.problem.visits:
        if visit.theme:
            by_theme[visit.theme].append(visit)
    for visits in by_theme.values():
        for one, other in combinations(visits, 2):
            if set(one.people) & set(other.people):
                continue
            if one.pinned is not None:
                one, other = other, one
            if one.key not in at.start or (other.pinned is None and other.key not in at.start):
                continue
            begin = at.start[one.key] * step
            if other.pinned is not None:
                other_begin: Any = other.pinned.start
                both = [at.placed[one.key]]
            else:
                other_begin = at.start[other.key] * step
                both = [at.placed[one.key], at.placed[other.key]]
            before, after, together = (model.new_bool_var("") for _ in range(3))
            _hint_pair(at, one, other, before, after, together)
            model.add(begin + one.duration <= other_begin).only_enforce_if(before)
            model.add(other_begin + other.duration <= begin).only_enforce_if(after)
            model.add_bool_or([before, after, together, *(placed.Not() for placed in both)])
            at.terms.append(together * weight)


def _hint_pair(at: _Model, one: Visit, other: Visit, before: Any, after: Any, together: Any) -> None:
    there, place = at.told.get(one.key), other.pinned or at.told.get(other.key)
    if there is None or place is None:
        at.hint(before, 0)
        at.hint(after, 0)
        at.hint(together, 0)
        return
    is_before = there.start + one.duration <= place.start
    is_after = place.start + other.duration <= there.start
    at.hint(before, int(is_before))
    at.hint(after, int(is_after))
    at.hint(together, int(not is_before and not is_after))


def _read(at: _Model, solver: Any) -> tuple[Assignment, ...]:
    found = []
    for visit in at.problem.visits:
        if visit.pinned is not None:
            found.append(Assignment(visit.key, visit.pinned.room, visit.pinned.start))
            continue
        for way in at.ways.get(visit.key, ()):
            if solver.value(way.taken):
                found.append(
                    Assignment(visit.key, way.room.key, solver.value(at.start[visit.key]) * at.problem.step)
                )
    return tuple(found)
