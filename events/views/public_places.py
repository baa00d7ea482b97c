"""Where: the cities, one city, a venue, and who receives there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from events.clock import on_the_wall
from events.exchange.cards import card_of_city, card_of_host, card_of_venue
from events.exchange.schema_org import host_as_organization, venue_as_place
from events.forms.programme import say_in, sentence_of
from events.models import Activity, ArchiveEntry, Festival, Host, Room, Slot, Territory, Venue, Weekday
from events.models.host import paint_of
from events.programme import Counts, Filters, facets_of, index_at, matching
from events.views.city_page import city_page
from events.views.context import current_festival
from events.views.crumbs import crumbs_of_city, crumbs_of_host, crumbs_of_venue
from events.views.moved_venues import follow_merged_venues
from events.views.public_rows import Row, by_day, position_of, rows_of
from events.views.quick_pages import quick
from events.wording import (
    WALKABLE_METRES,
    metres_between,
    say_list,
    say_number,
    say_time,
    say_walk,
)

STREET_DOORS, NEARBY = 6, 3
MOST_SLOTS = 200


@require_safe
def territories(request: HttpRequest) -> HttpResponse:
    """Every territory of the coming editions, with its doors; those of past editions after them."""
    now = timezone.now()
    doors = {
        row["activity__territory"]: row["doors"]
        for row in matching(Filters(), now)
        .values("activity__territory")
        .annotate(doors=Count("activity__host", distinct=True))
        .order_by()
    }
    known = (
        Territory.objects.filter(
            Q(pk__in=list(doors)) | Q(festivals__state=Festival.State.PUBLISHED) | Q(archive__isnull=False)
        )
        .distinct()
        .prefetch_related("communes")
        .order_by("sort_name")
    )
    lines = [_city_line(territory, doors.get(territory.pk, 0)) for territory in known]
    return render(
        request,
        "events/public/territories.html",
        {
            "open_cities": [line for line in lines if line["doors"]],
            "other_cities": [line for line in lines if not line["doors"]],
        },
    )


def _city_line(territory: Territory, doors: int) -> dict[str, Any]:
    communes = [commune.name for commune in territory.communes.all() if commune.name not in territory.name]
    return {
        "territory": territory,
        "paint": paint_of(territory.slug),
        "doors": doors,
        "said": ngettext("%(n)s door", "%(n)s doors", doors) % {"n": say_number(doors)},
        "communes": say_list(communes),
    }


@require_safe
def territory(request: HttpRequest, slug: str) -> HttpResponse:
    """A city: its street, its venues, its relay, what is known of its past."""
    now = timezone.now()
    shown = get_object_or_404(Territory.objects.prefetch_related("communes"), slug=slug)
    return quick(request, ("territory", shown.pk), lambda: _draw_territory(request, shown, now))


def _draw_territory(request: HttpRequest, shown: Territory, now: dt.datetime) -> HttpResponse:
    page, index = city_page(shown, now), index_at(now)
    return render(
        request,
        "events/public/territory.html",
        {
            **page,
            "where": say_in(shown.name),
            "sentence": sentence_of(
                page["filters"], facets_of(index, now), Counts(index, page["filters"], now, cancelled=True)
            ),
            "totem_facts": [(totem, opening_said(totem)) for totem in page["totems"]],
            "edit_url": city_edit_url(request.user, shown),
            "card": card_of_city(shown, current_festival(request)),
            "linked": [crumbs_of_city(shown)],
        },
    )


def city_edit_url(user: Any, shown: Territory) -> str:
    """Where the team of the city writes its page, for who belongs to it."""
    if not user.is_authenticated or not Territory.objects.run_by(user).filter(pk=shown.pk).exists():
        return ""
    return reverse("events:organiser_city", args=[shown.slug])


@require_safe
@follow_merged_venues("slug")
def venue(request: HttpRequest, slug: str) -> HttpResponse:
    """A place: how to come, when it is open, its rooms, what happens there."""
    now = timezone.now()
    shown = get_object_or_404(
        Venue.objects.select_related("territory", "commune").prefetch_related("opening_hours", "pictures"),
        slug=slug,
    )
    slots = list(
        Slot.objects.published().upcoming(now).filter(venue=shown).for_showing().in_order()[:MOST_SLOTS]
    )
    for slot in slots:
        slot.venue = shown
    return render(
        request,
        "events/public/venue.html",
        {
            "now": now,
            "venue": shown,
            "card": card_of_venue(shown),
            "linked": [venue_as_place(shown), crumbs_of_venue(shown)],
            "days": by_day(rows_of(slots, now=now)),
            "rooms": list(shown.rooms.filter(is_active=True).order_by("sort_name")),
            "hours": opening_said(shown),
            "special_days": list(
                shown.special_days.filter(room__isnull=True, last_day__gte=_today(shown, now))
            ),
            "nearby": _nearby(shown, now),
            "codes": [code for code in ("mi", "hi", "vi", "pi", "ii") if code in shown.access],
            "archive": list(ArchiveEntry.objects.filter(venue=shown).select_related("festival")[:50]),
        },
    )


def _today(shown: Venue, now: dt.datetime) -> dt.date:
    return on_the_wall(now, shown.territory.timezone).date()


def _nearby(shown: Venue, now: dt.datetime) -> list[tuple[Venue, str]]:
    """The nearest venues with something to come within a walk, and how long it takes."""
    here = position_of(shown)
    if here is None:
        return []
    busy = matching(Filters(place=shown.territory.slug), now).order_by().values("venue")
    others = (
        Venue.objects.filter(pk__in=busy, latitude__isnull=False)
        .exclude(pk=shown.pk)
        .select_related("territory", "commune")
    )
    apart = sorted(
        (metres_between(here, there), other.sort_name, other)
        for other in others
        if (there := position_of(other))
    )
    near = [other for metres, _name, other in apart if metres <= WALKABLE_METRES]
    return [(other, say_walk(here, position_of(other))) for other in near[:NEARBY]]


def opening_said(shown: Venue | Room) -> list[tuple[str, str]]:
    """« lundi : 9 h – 12 h et 14 h – 18 h » for every day, « fermé » where none is said; or nothing."""
    rows: list[Any] = list(shown.hours.all() if isinstance(shown, Room) else shown.opening_hours.all())
    if not rows:
        return []
    said = []
    for day in Weekday:
        spans = [f"{say_time(r.opens)} – {say_time(r.closes)}" for r in rows if r.weekday == day]
        said.append((str(day.label), say_list(spans) or _("closed")))
    return said


@require_safe
def host(request: HttpRequest, slug: str) -> HttpResponse:
    """Who receives: in its own words, and the street of its activities."""
    now = timezone.now()
    shown = get_object_or_404(Host.objects.public().select_related("territory"), slug=slug)
    activities = list(
        Activity.objects.published().filter(host=shown).select_related("festival").order_by("title_fr")
    )
    if not activities:
        raise Http404
    slots = list(
        Slot.objects.published()
        .upcoming(now)
        .filter(activity__host=shown)
        .for_showing()
        .in_order()[:MOST_SLOTS]
    )
    for slot in slots:
        slot.activity.host = shown
    rows = rows_of(slots, now=now)
    first: dict[int, Row] = {}
    for row in rows:
        first.setdefault(row.slot.activity_id, row)
    return render(
        request,
        "events/public/host.html",
        {
            "now": now,
            "host": shown,
            "card": card_of_host(shown, current_festival(request)),
            "linked": [host_as_organization(shown), crumbs_of_host(shown)],
            "door_classes": f"door paint-{shown.paint} act__door",
            "door_classes_small": f"door paint-{shown.paint}",
            "street": list(first.values())[:STREET_DOORS],
            "days": by_day(rows),
            "activities": [
                one
                for one in activities
                if one.pk not in first and one.festival.state == Festival.State.PUBLISHED
            ],
            "before": [one for one in activities if one.festival.state == Festival.State.ARCHIVED],
            "where": _where_of(rows),
            "is_demo": any(one.festival.is_demo for one in activities),
        },
    )


def _where_of(rows: Iterable[Row]) -> list[tuple[Venue, str]]:
    """The venues in which a host receives, each with how many of its slots, the busiest first."""
    found: dict[int, tuple[Venue, int]] = {}
    for row in rows:
        if row.slot.venue:
            venue, slots = found.get(row.slot.venue.pk, (row.slot.venue, 0))
            found[venue.pk] = (venue, slots + 1)
    ordered = sorted(found.values(), key=lambda one: (-one[1], one[0].sort_name))
    return [
        (venue, ngettext("%(n)s slot", "%(n)s slots", slots) % {"n": say_number(slots)})
        for venue, slots in ordered
    ]
