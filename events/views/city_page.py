"""What the page of a city shows, for its readers and for the team that writes it.

``shown`` may hold words not yet written, and ``figures`` and ``entries`` rows not yet written: the preview.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.doors import SHUT, SOON
from events.models import (
    Activity,
    ArchiveEntry,
    EcosystemEntry,
    Festival,
    Figure,
    Programme,
    Slot,
    Territory,
    Venue,
)
from events.programme import Filters, matching
from events.views.minimap import minimap
from events.views.public_rows import Row, rows_of
from events.wording import language, say_day, say_list, say_number

STREET_DOORS, MOST_DAYS, MOST_PAST = 6, 10, 200
ANYWHERE = Q()


@dataclass(frozen=True, slots=True)
class DayLine:
    """A day on which doors open: how many, in how many slots, in how many of them are places left."""

    day: dt.date
    doors: str
    slots: str
    left: str
    url: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A figure as it is read: « 240 », what it counts, « mars 2026 », and who says so."""

    value: str
    label: str
    is_french: bool
    when: str
    source_name: str
    source_url: str
    is_made_up: bool


def next_doors(
    filters: Filters, now: dt.datetime, *, here: Q = ANYWHERE, most: int = STREET_DOORS
) -> list[Row]:
    """One door for each host, those first that can be entered now: with places left, then whatever comes.

    ``here`` says where, in the place of what the filters say.
    """
    chosen: dict[int, Row] = {}
    for places in (1, 0):
        asked = Filters(programme=filters.programme, places=places)
        slots = matching(asked, now).filter(here).for_showing().in_order()[: most * 10]
        rows = rows_of(list(slots), now=now)
        for row in sorted(rows, key=lambda row: row.door.symbol in (SHUT, SOON)):
            if len(chosen) < most:
                chosen.setdefault(row.slot.activity.host_id, row)
        if len(chosen) == most:
            break
    return sorted(chosen.values(), key=lambda row: (row.slot.starts_at, row.slot.pk))


def days_of(filters: Filters, now: dt.datetime, *, here: Q = ANYWHERE) -> list[DayLine]:
    """The next days with something on, at most ten; ``here`` as above."""
    days = list(
        matching(filters.without("place"), now)
        .filter(here)
        .order_by()
        .values("day")
        .annotate(slots=Count("pk"), doors=Count("activity__host", distinct=True))
        .order_by("day")[:MOST_DAYS]
    )
    with_places = matching(Filters(programme=filters.programme, places=1), now).filter(here)
    left = dict(with_places.order_by().values("day").annotate(n=Count("pk")).values_list("day", "n"))
    programme = reverse("events:programme")
    return [
        DayLine(
            day=row["day"],
            doors=ngettext("%(n)s door", "%(n)s doors", row["doors"]) % {"n": say_number(row["doors"])},
            slots=ngettext("%(n)s slot", "%(n)s slots", row["slots"]) % {"n": say_number(row["slots"])},
            left=_say_left(left.get(row["day"], 0)),
            url=programme + filters.query_string(day=row["day"]),
        )
        for row in days
    ]


def _say_left(slots: int) -> str:
    if not slots:
        return _("full for now")
    return ngettext("places left in %(n)s slot", "places left in %(n)s slots", slots) % {
        "n": say_number(slots)
    }


def read_figures(figures: Iterable[Figure]) -> list[Counted]:
    return [
        Counted(
            value=one.value,
            label=one.label,
            is_french=language() == "en" and not one.label_en,
            when=say_as_of(one.as_of, one.as_of_exact),
            source_name=one.source_name,
            source_url=one.source_url,
            is_made_up=one.is_made_up,
        )
        for one in figures
    ]


def say_as_of(day: dt.date, exact: str) -> str:
    """« 15 mars 2026 », « mars 2026 », « 2026 »."""
    if exact == Figure.Exact.YEAR:
        return str(day.year)
    said = say_day(day, year=True, weekday=False)
    if exact == Figure.Exact.MONTH:
        return said.partition("\u00a0")[2] or said.partition(" ")[2]
    return said


def city_page(
    shown: Territory,
    now: dt.datetime,
    *,
    figures: Iterable[Figure] | None = None,
    entries: Iterable[EcosystemEntry] | None = None,
) -> dict[str, Any]:
    filters, here = Filters(place=shown.slug), Q(activity__territory=shown)
    known = list(shown.ecosystem.all() if entries is None else entries)
    venues = list(_venues(shown, now))
    return {
        "now": now,
        "territory": shown,
        "communes": say_list(commune.name for commune in shown.communes.all()),
        "filters": filters,
        "street": next_doors(filters, now, here=here),
        "day_lines": days_of(filters, now, here=here),
        "venues": venues,
        "totems": [venue for venue in venues if venue.is_totem],
        "minimap": minimap(venues),
        "figures": read_figures(shown.figures.all() if figures is None else figures),
        "members": [one for one in known if one.kind == EcosystemEntry.Kind.MEMBER],
        "partners": [one for one in known if one.kind == EcosystemEntry.Kind.PARTNER],
        "operations": list(_operations(shown, now)),
        "past_editions": list(Festival.objects.archived().filter(territories=shown)),
        "archive": list(
            ArchiveEntry.objects.filter(territory=shown).select_related("festival", "venue")[:MOST_PAST]
        ),
    }


def _venues(shown: Territory, now: dt.datetime) -> Any:
    """Venues where something is to come, and the totem buildings, by name; with the number of slots."""
    upcoming = Q(
        slots__state=Slot.State.PUBLISHED,
        slots__starts_at__gt=now,
        slots__activity__state=Activity.State.PUBLISHED,
        slots__activity__festival__state=Festival.State.PUBLISHED,
    )
    return (
        Venue.objects.filter(territory=shown)
        .annotate(coming=Count("slots", filter=upcoming, distinct=True))
        .filter(Q(coming__gt=0) | Q(is_totem=True))
        .select_related("commune", "territory")
        .prefetch_related("opening_hours")
        .order_by("sort_name")
    )


def _operations(shown: Territory, now: dt.datetime) -> Any:
    running = (
        matching(Filters(), now).filter(activity__territory=shown).order_by().values("activity__programme")
    )
    return Programme.objects.filter(pk__in=running).order_by("starts_on", "name")
