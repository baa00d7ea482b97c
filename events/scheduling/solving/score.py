"""The soft goals: what each costs, and how they are weighed into one number.

A cost unit of a goal weighs ``factors`` in the solvers' objective, so that a goal wholly missed costs its
weight times ``SCALE`` whatever it counts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping

from .problem import Assignment, Goal, GoalName, Problem, Range, RoomSpec, Score, Visit, Wish

SCALE = 1_000_000


def wished_parts(wish: Wish | None) -> int:
    """How many things a host has asked for."""
    return 0 if wish is None else bool(wish.days) + bool(wish.hours) + (wish.room is not None)


def unkept(visit: Visit, room: str | None, start: int) -> int:
    """Wished parts that a visit does not get there."""
    wish, end = visit.wish, start + visit.duration
    if wish is None:
        return 0
    missed = sum(
        1
        for ranges in (wish.days, wish.hours)
        if ranges and not any(first <= start and end <= last for first, last in ranges)
    )
    return missed + (wish.room is not None and wish.room != room)


def people_who_come(visit: Visit) -> int:
    return visit.wanted or visit.size


def without_a_seat(visit: Visit, room: RoomSpec) -> int:
    """Of those who would like to come, how many the room is too small for."""
    return 0 if room.seats is None else max(0, people_who_come(visit) - room.seats)


def stretches(problem: Problem) -> dict[str, tuple[Range, ...]]:
    """By part: the longest ranges in which a room it belongs to is open and nothing blocks it. Standing empty
    counts inside a stretch only.
    """
    opens: dict[str, list[Range]] = defaultdict(list)
    for room in problem.rooms:
        for part in room.parts:
            opens[part.key] += room.open
    return {
        part: tuple(_without(_joined(ranges), problem.blocked.get(part, ())))
        for part, ranges in opens.items()
    }


def stretch_of(ranges: tuple[Range, ...], at: int) -> int | None:
    """The index of the range that holds an instant."""
    index = bisect_right(ranges, (at, 1 << 60)) - 1
    return index if index >= 0 and at < ranges[index][1] else None


def worst_of(problem: Problem) -> dict[GoalName, int]:
    """What each goal would cost wholly missed. What is pinned against its wish is nobody's fault."""
    movable = problem.to_place
    themes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for visit in problem.visits:
        if visit.theme:
            themes[visit.theme][visit.pinned is not None] += 1
    return {
        GoalName.WISHES: sum(wished_parts(visit.wish) for visit in movable),
        GoalName.ROOMS: sum(people_who_come(visit) for visit in movable),
        GoalName.THEMES: sum(free * (free - 1) // 2 + free * fixed for free, fixed in themes.values()),
        GoalName.GAPS: sum(visit.duration for visit in movable),
    }


def factors(problem: Problem) -> dict[GoalName, int]:
    """What one unit of each goal's cost weighs in the objective."""
    return {
        goal: round(SCALE * problem.weights.of(goal) / worst) if worst else 0
        for goal, worst in worst_of(problem).items()
    }


def score(problem: Problem, assignments: Iterable[Assignment]) -> Score:
    """How good a timetable is. A visit without a place gets no wish and no seat."""
    at = {one.visit: one for one in assignments}
    costs = {
        GoalName.WISHES: _wishes(problem, at),
        GoalName.ROOMS: _rooms(problem, at),
        GoalName.THEMES: _themes(problem, at),
        GoalName.GAPS: _gaps(problem, at),
    }
    weigh = factors(problem)
    total = total_of(problem, sum(weigh[goal] * cost for goal, cost in costs.items()))
    costs[GoalName.GAPS] = max(0, costs[GoalName.GAPS] - _given_gaps(problem))
    worst = worst_of(problem)
    goals = tuple(Goal(goal, problem.weights.of(goal), costs[goal], worst[goal]) for goal in GoalName)
    return Score(goals, total)


def total_of(problem: Problem, objective: float) -> float:
    """0 to 100 for what the solvers' objective says. Gaps between what is pinned are nobody's fault."""
    most = SCALE * problem.weights.total
    own = objective - factors(problem)[GoalName.GAPS] * _given_gaps(problem)
    return min(100.0, max(0.0, 100 * (1 - own / most))) if most else 100.0


def _given_gaps(problem: Problem) -> int:
    """Minutes that rooms stand empty between visits that do not move, before anything else is placed."""
    stays = [(visit.key, visit.pinned) for visit in problem.visits if visit.pinned is not None]
    return _gaps(problem, {key: Assignment(key, place.room, place.start) for key, place in stays})


def _wishes(problem: Problem, at: Mapping[str, Assignment]) -> int:
    return sum(
        unkept(visit, at[visit.key].room, at[visit.key].start)
        if visit.key in at
        else wished_parts(visit.wish)
        for visit in problem.to_place
    )


def _rooms(problem: Problem, at: Mapping[str, Assignment]) -> int:
    rooms = {room.key: room for room in problem.rooms}
    return sum(
        without_a_seat(visit, rooms[at[visit.key].room or ""]) if visit.key in at else people_who_come(visit)
        for visit in problem.to_place
    )


def _themes(problem: Problem, at: Mapping[str, Assignment]) -> int:
    """Pairs of one theme that share an instant, those apart of which both are pinned."""
    themes: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    for visit in problem.visits:
        if visit.theme and visit.key in at:
            start = at[visit.key].start
            themes[visit.theme].append((start, start + visit.duration, visit.pinned is not None))
    pairs = 0
    for running in themes.values():
        running.sort()
        for index, (_start, end, fixed) in enumerate(running):
            for other_start, _end, other_fixed in running[index + 1 :]:
                if other_start >= end:
                    break
                pairs += not (fixed and other_fixed)
    return pairs


def _gaps(problem: Problem, at: Mapping[str, Assignment]) -> int:
    rooms = {room.key: room for room in problem.rooms}
    held: dict[tuple[str, int], list[Range]] = defaultdict(list)
    ranges = stretches(problem)
    for visit in problem.visits:
        place = at.get(visit.key)
        if place is None or place.room is None:
            continue
        for part in rooms[place.room].parts:
            index = stretch_of(ranges[part.key], place.start)
            if index is not None:
                held[part.key, index].append(
                    (place.start - part.setup, place.start + visit.duration + part.turnover)
                )
    return sum(
        max(end for _start, end in stays) - min(stays)[0] - sum(end - start for start, end in stays)
        for stays in held.values()
    )


def _joined(ranges: Iterable[Range]) -> list[Range]:
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    left = list(ranges)
    for start, end in taken:
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, start)), (max(first, end), last))
            if piece[0] < piece[1]
        ]
    return left
