"""How much answers the question: in all, by day and by hour, slots and places left."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, IntegerField, Q, Sum, When

from events.models import Mode, Slot
from events.programme.filters import Filters
from events.programme.matches import matching
from events.programme.words import Found

DEFAULT_ZONE = "Europe/Paris"


@dataclass(slots=True)
class Amount:
    """How many slots, and how many places are left in those that count them."""

    slots: int = 0
    places: int = 0

    def add(self, slots: int, places: int) -> None:
        self.slots += slots
        self.places += places


@dataclass(slots=True)
class Tally:
    """The whole set: in all, by day, and by hour of the day. Hours are those of ``zone``."""

    total: Amount
    by_day: dict[dt.date, Amount]
    by_hour: dict[tuple[dt.date, int], Amount]

    def hours_of(self, day: dt.date) -> list[tuple[int, Amount]]:
        """Every hour from the first to the last that has something, empty ones included."""
        hours = sorted(hour for at, hour in self.by_hour if at == day)
        if not hours:
            return []
        return [(hour, self.by_hour.get((day, hour), Amount())) for hour in range(hours[0], hours[-1] + 1)]


FREE_PLACES = Case(
    When(
        Q(state=Slot.State.PUBLISHED) & Q(capacity__isnull=False) & ~Q(activity__mode=Mode.DROP_IN),
        then=F("capacity") + F("overbook") - F("taken") - F("held") - F("reserved"),
    ),
    default=0,
    output_field=IntegerField(),
)


def tally(
    filters: Filters,
    now: dt.datetime,
    *,
    cancelled: bool = False,
    zone: str = DEFAULT_ZONE,
    words: list[Found] | None = None,
) -> Tally:
    """Counts of the whole set in one query, cursor aside. Days and hours are those of ``zone``."""
    counted = (
        matching(filters, now, cancelled=cancelled, words=words)
        .values_list("starts_at")
        .annotate(slots=Count("pk"), free=Sum(FREE_PLACES))
        .order_by()
    )
    wall = ZoneInfo(zone)
    result = Tally(Amount(), {}, {})
    for starts_at, slots, free in counted:
        at = starts_at.astimezone(wall)
        for count in (
            result.total,
            result.by_day.setdefault(at.date(), Amount()),
            result.by_hour.setdefault((at.date(), at.hour), Amount()),
        ):
            count.add(slots, free or 0)
    return result
