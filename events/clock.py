"""Wall clocks: the time on the wall of a territory, and the instant it stands for.

The source of a slot's time is the wall clock plus an IANA zone (RFC 5545 §3.3.5, form 3); the instant in UTC
is derived from it. A time the clock skips is refused, one it shows twice is asked about.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


class NoSuchTime(ValueError):
    """The wall clock jumps over this time (the spring change)."""


class TwiceThatDay(ValueError):
    """The wall clock shows this time twice (the autumn change): say ``fold`` 0 for the first, 1 for the
    second.
    """


def instant(day: dt.date, time: dt.time, zone: str, *, fold: int | None = None) -> dt.datetime:
    """The instant, in UTC, at which clocks in ``zone`` show ``time`` on ``day``.

    Raises ``NoSuchTime``, and ``TwiceThatDay`` when ``fold`` is not said and the time exists twice.
    """
    tz = ZoneInfo(zone)
    naive = dt.datetime.combine(day, time.replace(tzinfo=None, fold=0))
    first, second = (naive.replace(tzinfo=tz, fold=f).astimezone(dt.UTC) for f in (0, 1))
    if first.astimezone(tz).replace(tzinfo=None, fold=0) != naive:
        raise NoSuchTime(f"{naive:%Y-%m-%d %H:%M} does not exist in {zone}")
    if first == second:
        return first
    if fold is None:
        raise TwiceThatDay(f"{naive:%Y-%m-%d %H:%M} exists twice in {zone}")
    return second if fold else first


def on_the_wall(at: dt.datetime, zone: str) -> dt.datetime:
    """The same instant as clocks in ``zone`` show it; aware."""
    return at.astimezone(ZoneInfo(zone))
