"""Why something is not part of a plan, and what it would cost to have it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from .problem import Day, Impossible, Plan
from .solve import plan_day

MOST_EXPLAINED = 12
"""For so many it is worked out what would have to go for them: each costs a plan."""


class Why(enum.StrEnum):
    """Why a candidate was left out."""

    OUTSIDE = "outside"
    """It is over before one can be there, or lasts longer than the day."""
    FIXED = "fixed"
    """It does not fit beside what is fixed."""
    OTHERS = "others"
    """It fits, but others weigh more."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate (by number) that is not in the plan. ``instead_of``: those that would have to go for it
    (OTHERS; of the first ``MOST_EXPLAINED``), or the fixed ones in its way (FIXED).
    """

    candidate: int
    why: Why
    instead_of: tuple[int, ...] = ()


def left_out(day: Day, plan: Plan) -> list[LeftOut]:
    """Each candidate outside the plan, in order, with why."""
    left = [number for number in range(len(day.candidates)) if number not in plan.chosen]
    return [_why(day, plan, number, in_full=place < MOST_EXPLAINED) for place, number in enumerate(left)]


def _why(day: Day, plan: Plan, number: int, *, in_full: bool) -> LeftOut:
    if not _fits(day, [number]):
        return LeftOut(number, Why.OUTSIDE)
    fixed = [n for n, candidate in enumerate(day.candidates) if candidate.is_fixed]
    if not _fits(day, [*fixed, number]):
        in_the_way = tuple(n for n in fixed if not _fits(day, [n, number]))
        return LeftOut(number, Why.FIXED, in_the_way or tuple(fixed))
    if not in_full:
        return LeftOut(number, Why.OTHERS)
    wanted = replace(day.candidates[number], is_fixed=True)
    chosen = {n: day.candidates[n] for n in sorted(plan.chosen)}
    numbers = [*chosen, number]
    with_it = plan_day(replace(day, candidates=(*chosen.values(), wanted)))
    kept = {numbers[stop.candidate] for stop in with_it.stops}
    return LeftOut(number, Why.OTHERS, tuple(n for n in chosen if n not in kept))


def _fits(day: Day, numbers: list[int]) -> bool:
    """Whether these, and nothing else, fit into the day."""
    only = tuple(replace(day.candidates[n], is_fixed=True) for n in numbers)
    try:
        plan_day(replace(day, candidates=only))
    except Impossible:
        return False
    return True
