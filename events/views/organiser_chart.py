"""The curve of places held, as the lengths and words of an SVG drawing. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from django.utils.translation import gettext as _

from events.wording import say_day, say_number

LEFT, RIGHT, TOP, BOTTOM = 40.0, 580.0, 25.5, 200.5
STEPS = (1, 2, 5)
MOST_POINTS = 60


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """``line`` and ``area`` are SVG paths in a box of 620 by 236; ``rows`` the same figures as a table."""

    line: str
    area: str
    x: float
    y: float
    total: str
    name: str
    heights: list[Tick]
    days: list[Tick]
    rows: list[tuple[str, str]]
    label_y: float
    label_anchor: str


def draw(per_day: dict[dt.date, int], *, today: dt.date, end: dt.date) -> Chart | None:
    """``per_day``: places by local day. None when there are none yet."""
    if not per_day:
        return None
    first = min(per_day)
    last = max(today, max(per_day))
    # As much room ahead as there is past, so that the curve never sits in a corner.
    end = min(max(end, last), last + max(dt.timedelta(days=7), last - first))
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    totals = list(accumulate(per_day.get(day, 0) for day in days))
    if days[0] == days[-1]:
        days, totals = [days[0] - dt.timedelta(days=1), *days], [0, *totals]
    most = _ceiling(totals[-1])
    span = max(1, (end - days[0]).days)

    def across(day: dt.date) -> float:
        return round(LEFT + (RIGHT - LEFT) * (day - days[0]).days / span, 1)

    def up(total: int) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * total / most, 1)

    points = [(across(day), up(total)) for day, total in _thin(list(zip(days, totals, strict=True)))]
    line = "M" + " ".join(f"{x:g} {y:g}" for x, y in points)
    x, y = points[-1]
    total = say_number(totals[-1])
    return Chart(
        line=line,
        area=f"{line} {x:g} {BOTTOM:g} {points[0][0]:g} {BOTTOM:g}z",
        x=x,
        y=y,
        total=total,
        name=_("%(number)s places held on %(day)s; the first were booked on %(first)s.")
        % {"number": total, "day": say_day(last), "first": say_day(first)},
        heights=[Tick(up(value), say_number(value)) for value in _heights(most)],
        days=_days(days[0], last, end, across),
        rows=[(say_day(day, weekday=False), say_number(value)) for day, value in _weekly(days, totals)],
        label_y=max(14.0, y - 12),
        label_anchor="end" if x > 200 else "start",
    )


def _ceiling(total: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 … that is not below, at least 10."""
    power = 1
    while True:
        for step in STEPS:
            if step * power >= max(10, total):
                return step * power
        power *= 10


def _heights(most: int) -> list[int]:
    return [0, most // 2, most]


def _thin(points: list[tuple[dt.date, int]]) -> list[tuple[dt.date, int]]:
    """At most so many points, the first and the last among them."""
    step = -(-len(points) // MOST_POINTS)
    kept = points[::step]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _weekly(days: list[dt.date], totals: list[int]) -> list[tuple[dt.date, int]]:
    """Every seventh day counted back from the last."""
    return list(zip(days, totals, strict=True))[::-1][::7][::-1]


def _days(first: dt.date, last: dt.date, end: dt.date, across: Callable[[dt.date], float]) -> list[Tick]:
    """The first day, today and the edition's last, where they do not stand on one another."""
    ticks = [Tick(across(first), say_day(first, weekday=False), "start")]
    if across(last) - across(first) > 90:
        ticks.append(Tick(across(last), say_day(last, weekday=False)))
    if across(end) - max(across(last), across(first)) > 90:
        ticks.append(Tick(across(end), say_day(end, weekday=False), "end"))
    return ticks
