"""When a desk is written to: at an hour of its own clock, outside the edition's quiet hours, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef

from events.clock import on_the_wall
from events.mail.heartbeat import last
from events.models import Activity, Festival, Heartbeat, Territory
from events.rulebook import quiet_of

SETTLES = dt.timedelta(minutes=2)
"""What was written just before the hour is committed by then."""
CATCH_UP = dt.timedelta(hours=10)
"""A sweep that comes later than this leaves the day out; the next day's tells what it would have told."""
FURTHEST_BACK = 7
"""Days."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An edition's desks in one zone are due: for local ``day``, about what happened from ``since`` until
    ``until`` (half-open), which is the instant they were due at.
    """

    festival: Festival
    zone: str
    day: dt.date
    since: dt.datetime
    until: dt.datetime
    mark: str

    def is_done(self) -> None:
        """Write down that it was, in the transaction of what is owed."""
        Heartbeat.objects.update_or_create(name=self.mark, defaults={"at": self.until})


def places() -> Iterator[tuple[Festival, str]]:
    """Every published edition with the time zones of its territories."""
    for festival in Festival.objects.published().order_by("pk"):
        active = Activity.objects.filter(festival=festival, territory=OuterRef("pk"))
        zones = (
            Territory.objects.filter(Exists(active)).order_by("timezone").values_list("timezone", flat=True)
        )
        for zone in zones.distinct():
            yield festival, zone


def turn(name: str, festival: Festival, zone: str, at: dt.time, now: dt.datetime) -> Turn | None:
    """What is due now; None before its hour, once it is done, and when it is too late for today."""
    day = on_the_wall(now, zone).date()
    due = in_the_morning(day, at, festival, zone)
    if not due + SETTLES <= now < due + CATCH_UP:
        return None
    mark = f"{name} {festival.pk} {zone}"
    done = last(mark)
    if done is not None and done >= due:
        return None
    furthest, yesterday = (
        in_the_morning(day - dt.timedelta(days=days), at, festival, zone) for days in (FURTHEST_BACK, 1)
    )
    since = yesterday if done is None else max(done, furthest)
    return Turn(festival, zone, day, since, due, mark)


def on_that_day(day: dt.date, at: dt.time, zone: str) -> dt.datetime:
    """The instant (UTC). An hour that the clock skips is taken as many minutes later, one it shows twice the
    first time.
    """
    return dt.datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def in_the_morning(day: dt.date, at: dt.time, festival: Festival, zone: str) -> dt.datetime:
    """That hour of the day, or the end of the night that holds it."""
    return quiet_of(festival).after(on_that_day(day, at, zone), zone)


def in_the_evening(day: dt.date, at: dt.time, festival: Festival, zone: str) -> dt.datetime:
    """That hour of the day, or shortly before the night that holds it."""
    return quiet_of(festival).before(on_that_day(day, at, zone), zone)
