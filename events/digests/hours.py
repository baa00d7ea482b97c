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

SETTLES = dt.timedelta(minutes=2)
"""What was written just before the hour is committed by then."""
CATCH_UP = dt.timedelta(hours=10)
"""A sweep that comes later than this leaves the day out; the next day's tells what it would have told."""
FURTHEST_BACK = 7
"""Days."""
BEFORE_THE_NIGHT = dt.timedelta(minutes=15)


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
    awake = after_the_night(at, festival)
    due = on_that_day(day, awake, zone)
    if not due + SETTLES <= now < due + CATCH_UP:
        return None
    mark = f"{name} {festival.pk} {zone}"
    done = last(mark)
    if done is not None and done >= due:
        return None
    furthest = on_that_day(day - dt.timedelta(days=FURTHEST_BACK), awake, zone)
    since = on_that_day(day - dt.timedelta(days=1), awake, zone) if done is None else max(done, furthest)
    return Turn(festival, zone, day, since, due, mark)


def on_that_day(day: dt.date, at: dt.time, zone: str) -> dt.datetime:
    """The instant (UTC). An hour that the clock skips is taken as many minutes later, one it shows twice the
    first time.
    """
    return dt.datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def is_quiet(at: dt.time, festival: Festival) -> bool:
    """Whether the edition's night holds this hour; equal ends mean no night at all."""
    begins, ends = festival.quiet_from, festival.quiet_until
    return begins <= at < ends if begins <= ends else at >= begins or at < ends


def after_the_night(at: dt.time, festival: Festival) -> dt.time:
    """The hour itself, or the end of the night that holds it, where that is later on the same day."""
    return max(at, festival.quiet_until) if is_quiet(at, festival) else at


def before_the_night(at: dt.time, festival: Festival) -> dt.time:
    """The hour itself, or shortly before the night that holds it, where that is earlier on the same day."""
    if not is_quiet(at, festival) or festival.quiet_from > at:
        return at
    begins = dt.datetime.combine(dt.date.min, festival.quiet_from)
    midnight = dt.datetime.combine(dt.date.min, dt.time())
    return (max(midnight + BEFORE_THE_NIGHT, begins) - BEFORE_THE_NIGHT).time()


def end_of_the_night(now: dt.datetime, festival: Festival, zone: str) -> dt.datetime | None:
    """When the edition's night ends on clocks in ``zone``; None by day."""
    local = on_the_wall(now, zone)
    if not is_quiet(local.time(), festival):
        return None
    ends = on_that_day(local.date(), festival.quiet_until, zone)
    return (
        ends if ends > now else on_that_day(local.date() + dt.timedelta(days=1), festival.quiet_until, zone)
    )
