"""A visitor's day: how long a plan takes, and how far it is from the best there is.

Days are made by chance, the same each time: doors in a town of three kilometres, of which 44 in 100 are open
for hours and the others at one, two or four times. No database: what is measured is the search.
"""

from __future__ import annotations

import math
import random
import statistics
import time

from benchmarks.ground import Ground, Ratio, Report
from events.planner.check import faults
from events.planner.problem import Candidate, Day, Option, Plan
from events.planner.solve import heaviest, plan_day

FEW, FEW_DAYS = 12, 100
MANY, MANY_DAYS = 30, 15
DROP_IN = 0.44
"""The share of slots without booking (docs: what happened at such festivals)."""
METRES_PER_MINUTE = 80


def run(ground: Ground) -> Report:
    """Twelve candidates, planned for certain; thirty, compared with the best found by searching on."""
    chance = random.Random(2027)
    few = [timed(a_day(chance, FEW)) for _ in range(FEW_DAYS)]
    many = [timed(a_day(chance, MANY)) for _ in range(MANY_DAYS)]
    shares = [plan.weight / heaviest(day) for day, plan, _seconds in many]
    sure = sum(plan.is_best for _day, plan, _seconds in few) / FEW_DAYS
    wrong = sum(bool(faults(day, plan)) for day, plan, _seconds in [*few, *many])
    return Report(
        [
            Ratio(f"days of {FEW} candidates planned for certain", sure, at_least=1),
            Ratio(f"the same: seconds for a plan, p95 of {FEW_DAYS}", late(few), at_most=0.3),
            Ratio(
                f"days of {MANY} candidates: weight of the plan in that of the best, median of {MANY_DAYS}",
                statistics.median(shares),
                at_least=0.98,
            ),
            Ratio(f"the same: seconds for a plan, p95 of {MANY_DAYS}", late(many), at_most=0.3),
            Ratio("plans that cannot be lived", wrong, at_most=0),
        ],
        {"shares": [round(share, 4) for share in shares]},
    )


def timed(day: Day) -> tuple[Day, Plan, float]:
    begun = time.perf_counter()
    plan = plan_day(day)
    return day, plan, time.perf_counter() - begun


def late(measured: list[tuple[Day, Plan, float]]) -> float:
    ordered = sorted(seconds for _day, _plan, seconds in measured)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def a_day(chance: random.Random, number: int) -> Day:
    """From nine to six, on foot, from a place in the middle of nowhere in particular."""
    doors = [(chance.uniform(0, 3000), chance.uniform(0, 3000)) for _ in range(number + 1)]
    travel = tuple(tuple(math.ceil(math.dist(a, b) * 1.3 / METRES_PER_MINUTE) for b in doors) for a in doors)
    return Day(tuple(a_candidate(chance, n) for n in range(number)), travel, 9 * 60, 18 * 60, start_place=0)


def a_candidate(chance: random.Random, number: int) -> Candidate:
    weight = chance.choice((1, 1, 2, 3))
    if chance.random() < DROP_IN:
        opens, closes = chance.randrange(9, 12) * 60, chance.randrange(15, 19) * 60
        options = [Option(number + 1, opens, closes, chance.choice((20, 30, 45)))]
    else:
        lasts = chance.choice((30, 45, 60, 90))
        times = chance.sample(range(9 * 60, 18 * 60 - 90, 15), chance.choice((1, 2, 4)))
        options = [Option(number + 1, starts, starts + lasts, lasts) for starts in sorted(times)]
    return Candidate(number, tuple(options), weight)
