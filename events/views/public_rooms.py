"""A room's own page, and what is on in a venue or a room as a calendar one subscribes to."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_safe

from events.calendar import calendar_of
from events.clock import on_the_wall
from events.models import Equipment, Room, RoomOccupancy, Slot, Venue
from events.scheduling.managers import room_of_calendar
from events.scheduling.rooms import atoms_of
from events.views.feeds import MINUTES_KEPT, MOST_ON_A_PAGE, without_clock
from events.views.moved_venues import follow_merged_venues
from events.views.public_places import opening_said
from events.views.public_rows import by_day, rows_of

MOST_SLOTS = 200
KEPT_FOR = dt.timedelta(days=30)
"""How long what is over stays in a calendar."""


def room_shown(slug: str, pk: int) -> Room:
    """A room in use, with all its page reads."""
    rooms = Room.objects.filter(is_active=True).select_related("venue__territory", "venue__commune")
    room: Room = get_object_or_404(
        rooms.prefetch_related("parts__parts", "hours", "venue__opening_hours"), venue__slug=slug, pk=pk
    )
    return room


def held_there(room: Room) -> Q:
    """Slots that are in the room, in a hall around it, or in a part of it."""
    return Q(room=room) | Q(occupancies__room__in=[part.pk for part in atoms_of(room)])


@require_safe
@follow_merged_venues("slug")
def room(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What is on in it, how many it holds, what is there, how one gets in."""
    now, shown = timezone.now(), room_shown(slug, pk)
    slots = list(
        Slot.objects.published()
        .upcoming(now)
        .filter(held_there(shown))
        .distinct()
        .for_showing()
        .in_order()[:MOST_SLOTS]
    )
    labels = dict(Equipment.choices)
    venue = shown.venue
    today = on_the_wall(now, venue.territory.timezone).date()
    context = {
        "now": now,
        "room": shown,
        "venue": venue,
        "days": by_day(rows_of(slots, now=now)),
        "has": [labels[code] for code in shown.has if code in labels],
        "hours": opening_said(shown) or opening_said(venue),
        "special_days": list(
            venue.special_days.filter(Q(room=shown) | Q(room__isnull=True), last_day__gte=today)
        ),
        "codes": [code for code in ("mi", "hi", "vi", "pi", "ii") if code in venue.access],
    }
    return render(request, "events/public/room.html", context)


@require_safe
@follow_merged_venues("slug")
def venue_calendar(request: HttpRequest, slug: str) -> HttpResponseBase:
    venue = get_object_or_404(Venue.objects.all(), slug=slug)
    return _calendar(request, Slot.objects.filter(venue=venue), venue.name)


@require_safe
@follow_merged_venues("slug")
def room_calendar(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    shown = room_shown(slug, pk)
    return _calendar(request, Slot.objects.filter(held_there(shown)), f"{shown.name}, {shown.venue.name}")


def _calendar(request: HttpRequest, slots: Any, name: str) -> HttpResponseBase:
    """What the public may know: published, and withdrawn marked so."""
    now = timezone.now()
    with translation.override("en" if request.GET.get("hl") == "en" else "fr"):
        body = calendar_of(slots=_of_these_days(slots.visible(), now), now=now, name=name)
    etag = f'"{hashlib.sha256(without_clock(body)).hexdigest()[:32]}"'
    response = _ics(body)
    response["ETag"] = etag
    response["Access-Control-Allow-Origin"] = "*"
    patch_cache_control(response, public=True, max_age=MINUTES_KEPT * 60)
    return get_conditional_response(request, etag=etag, response=response) or response


@require_safe
def manager_calendar(request: HttpRequest, pk: int, token: str) -> HttpResponse:
    """Behind the secret link: drafts and what else holds the room, too. Kept by nobody."""
    shown, now = room_of_calendar(room_id=pk, token=token), timezone.now()
    if shown is None:
        raise Http404
    parts = [part.pk for part in atoms_of(shown)]
    blockings = (
        RoomOccupancy.objects.active()
        .filter(room__in=parts, slot__isnull=True, ends_at__gt=now - KEPT_FOR)
        .select_related("room__venue__commune", "room__venue__territory", "owner")
        .order_by("starts_at", "pk")[:MOST_ON_A_PAGE]
    )
    with translation.override("en" if request.GET.get("hl") == "en" else "fr"):
        body = calendar_of(
            slots=_of_these_days(Slot.objects.filter(held_there(shown)), now),
            blockings=blockings,
            now=now,
            name=f"{shown.name}, {shown.venue.name}",
        )
    response = _ics(body)
    patch_cache_control(response, private=True, no_store=True)
    response["X-Robots-Tag"] = "noindex"
    return response


def _of_these_days(slots: Any, now: dt.datetime) -> list[Slot]:
    recent = slots.filter(ends_at__gt=now - KEPT_FOR).distinct()
    return list(recent.for_showing().in_order()[:MOST_ON_A_PAGE])


def _ics(body: bytes) -> HttpResponse:
    return HttpResponse(
        body,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="calendrier.ics"'},
    )
