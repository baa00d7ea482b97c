"""One door to the solvers: the greedy one always, OR-Tools after it where it is installed and may help."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from . import exact, greedy
from .greedy import Effort, Progress
from .problem import Outcome, Problem
from .validate import validate
from .why import explain

GREEDY_SHARE = 0.45
"""Of the seconds, where OR-Tools takes the rest."""


LEAST = 0.2
"""Seconds a search has at the least, however late it is."""


class SolverBroke(AssertionError):
    """What a solver proposed breaks a hard rule: a mistake of ours, found before anybody saw it."""


def solve(
    problem: Problem,
    *,
    seed: int = 1,
    seconds: float = 60,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    may_use_exact: bool = True,
    clock: float | None = None,
) -> Outcome:
    """A timetable that breaks no hard rule, and why each visit without a place has none.

    ``seconds``: how long it may take; what it does in them is measured by its effort, so that the same seed
    gives the same timetable on a faster or slower machine. ``clock``: when it ends whatever it has done
    (None: after as many seconds).

    ``progress(done, total, step)`` and ``should_stop()`` are called a few times a second. Stopped, the best
    found so far is given. Raises ``SolverBroke`` where the validator says no.
    """
    is_exact = may_use_exact and exact.is_there() and exact.is_small_enough(problem)
    watch = _Watch(progress, should_stop, seconds if clock is None else clock)
    if is_exact:
        found = _exactly(problem, seed=seed, seconds=seconds, watch=watch)
    else:
        found = greedy.solve(problem, seed=seed, effort=watch.effort(seconds, 0, 1))
    if broken := validate(problem, found.assignments):
        raise SolverBroke(f"{found.solver}: {broken[0]}")
    return replace(found, unplaced=explain(problem, found.assignments))


class _Watch:
    """Shares one line of progress among several searches."""

    def __init__(
        self, progress: Progress | None, should_stop: Callable[[], bool] | None, clock: float
    ) -> None:
        self.progress, self.should_stop, self.clock = progress, should_stop, clock
        self.begun = time.monotonic()

    def effort(self, seconds: float, begins: float, share: float) -> Effort:
        """For a search that takes this share of the line from there on; what others have left is its own."""

        def tell(done: int, total: int, step: str) -> None:
            if self.progress is not None:
                self.progress(round(100 * (begins + share * done / total)), 100, step)

        left = self.begun + self.clock * (begins + share) - time.monotonic()
        return Effort(seconds * share, tell, self.should_stop, clock=max(LEAST, left))


def _exactly(problem: Problem, *, seed: int, seconds: float, watch: _Watch) -> Outcome:
    """The greedy timetable, filled up if it is not full, then made the best there is."""
    effort = watch.effort(seconds, 0, GREEDY_SHARE)
    best = greedy.solve(problem, seed=seed, effort=effort)
    at = GREEDY_SHARE
    if best.unplaced and not effort.is_stopped:
        share = (1 - at) / 3
        effort = watch.effort(seconds, at, share)
        fuller = exact.solve(
            problem,
            seed=seed,
            seconds=seconds * share,
            effort=effort,
            hint=best.assignments,
            has_goals=False,
        )
        at += share
        if fuller is not None and len(fuller.unplaced) < len(best.unplaced):
            best = fuller
            if not effort.is_stopped:
                effort = watch.effort(seconds, at, share / 2)
                best = greedy.better(problem, fuller, seed=seed, effort=effort)
                at += share / 2
    if effort.is_stopped or not problem.to_place:
        return replace(best, is_stopped=effort.is_stopped)
    effort = watch.effort(seconds, at, 1 - at)
    other = exact.solve(problem, seed=seed, seconds=seconds * (1 - at), effort=effort, hint=best.assignments)
    if other is None or len(other.unplaced) > len(best.unplaced):
        return replace(best, is_stopped=effort.is_stopped)
    if _rank(other) < _rank(best):
        return replace(best, bound=other.bound, is_stopped=effort.is_stopped)
    return other


def _rank(outcome: Outcome) -> tuple[int, float]:
    """More visits placed, then a higher score."""
    return -len(outcome.unplaced), outcome.score.total
