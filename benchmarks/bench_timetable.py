"""The automatic timetable: 80 visits in 10 rooms nearly as good as any can be, 1,000 in 60 complete.

Each is solved in a process of its own, on one core, so that its memory and its time are its own.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from typing import Any

from benchmarks.ground import Ground, Ratio, Report

SMALL: dict[str, Any] = {"rooms": 10, "days": 3, "fill": 0.4, "most": 80}
LARGE: dict[str, Any] = {"rooms": 60, "days": 3, "fill": 0.75, "turnover": 15, "halls": True, "most": 1_000}
SMALL_SECONDS, LARGE_SECONDS = 5.0, 120.0
GIGABYTE = 1024 * 1024
"""In the units of ``ru_maxrss``."""


def run(ground: Ground) -> Report:
    """Both timetables; OR-Tools, where it is installed, says how far the small one is from the best."""
    small = measure(SMALL, seed=1, seconds=SMALL_SECONDS)
    large = measure(LARGE, seed=1, seconds=LARGE_SECONDS)
    ratios = [
        Ratio("80 visits in 10 rooms: share placed", small["placed"], at_least=1),
        Ratio("80 visits in 10 rooms: seconds", small["seconds"], at_most=SMALL_SECONDS + 0.5),
        Ratio("80 visits in 10 rooms: hard rules broken", small["broken"], at_most=0),
        Ratio("1,000 visits in 60 rooms: share placed", large["placed"], at_least=1),
        Ratio("1,000 visits in 60 rooms: seconds", large["seconds"], at_most=LARGE_SECONDS),
        Ratio("1,000 visits in 60 rooms: hard rules broken", large["broken"], at_most=0),
        Ratio("1,000 visits in 60 rooms: gigabytes", large["gigabytes"], at_most=1),
    ]
    if small["bound"] is not None:
        share = small["score"] / small["bound"] if small["bound"] else 1.0
        ratios.insert(1, Ratio("80 visits in 10 rooms: score against the proved bound", share, at_least=0.98))
    return Report(ratios, {"small": small, "large": large})


def measure(shape: dict[str, Any], *, seed: int, seconds: float) -> dict[str, Any]:
    """Solve one problem in a process of its own.

    :returns: visits, rooms, share placed, score, bound (None: not known), seconds, gigabytes at the most,
        hard rules broken.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_solve, (shape, seed, seconds))


def _solve(shape: dict[str, Any], seed: int, seconds: float) -> dict[str, Any]:
    from events.scheduling.solving.solve import solve
    from events.scheduling.solving.validate import validate
    from tests.scheduling.solving.instances import cut

    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    problem, _known = cut(seed, **shape)
    begun = time.monotonic()
    outcome = solve(problem, seed=seed, seconds=seconds * 0.95)
    spent = time.monotonic() - begun
    return {
        "visits": len(problem.visits),
        "rooms": len(problem.rooms),
        "placed": len(outcome.assignments) / len(problem.visits),
        "score": round(outcome.score.total, 3),
        "shares": {goal.name.value: round(goal.share, 3) for goal in outcome.score.goals},
        "bound": None if outcome.bound is None else round(outcome.bound, 3),
        "solver": outcome.solver,
        "is_cut_short": outcome.is_cut_short,
        "seconds": round(spent, 2),
        "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE, 3),
        "broken": len(validate(problem, outcome.assignments)),
    }
