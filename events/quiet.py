"""The hours in which nobody is written to without need, on the clock of the visit's territory.

They usually span midnight. Hours that begin when they end are none.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from events.clock import on_the_wall

ENOUGH_BEFORE = dt.timedelta(hours=1)
"""What is put off to the morning leaves at least so long before the visit; else it leaves the evening
before."""
JUST_BEFORE = dt.timedelta(minutes=15)
"""So long before the quiet begins, in the evening."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begin`` until ``end``, half-open, wall clock."""

    begin: dt.time
    end: dt.time

    def cover(self, at: dt.datetime, zone: str) -> bool:
        """Whether people sleep at this instant in ``zone``."""
        time = on_the_wall(at, zone).time()
        if self.begin <= self.end:
            return self.begin <= time < self.end
        return time >= self.begin or time < self.end

    def after(self, at: dt.datetime, zone: str) -> dt.datetime:
        """``at`` itself, or the morning that ends the quiet it falls into; UTC."""
        if not self.cover(at, zone):
            return at
        local = on_the_wall(at, zone)
        day = local.date() + dt.timedelta(days=local.time() >= self.end)
        return dt.datetime.combine(day, self.end, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)

    def before(self, at: dt.datetime, zone: str) -> dt.datetime:
        """``at`` itself, or the evening just before the quiet it falls into; UTC."""
        if not self.cover(at, zone):
            return at
        local = on_the_wall(at, zone)
        day = local.date() - dt.timedelta(days=local.time() < self.begin)
        evening = dt.datetime.combine(day, self.begin, tzinfo=ZoneInfo(zone))
        return evening.astimezone(dt.UTC) - JUST_BEFORE

    def ahead_of(self, starts_at: dt.datetime, due: dt.datetime, zone: str) -> dt.datetime:
        """When what is due at ``due`` for something that starts at ``starts_at`` may leave: never at night.

        The morning after where that is still an hour before the start, else the evening before.
        """
        morning = self.after(due, zone)
        return morning if morning + ENOUGH_BEFORE <= starts_at else self.before(due, zone)
