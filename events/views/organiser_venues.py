"""Venues, their hours, their rooms, and rooms blocked for another reason."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.clock import on_the_wall
from events.folding import words
from events.forms.organiser import BlockForm, HoursFormSet, RoomForm, VenueForm, hours_lines
from events.hosting import free_slug
from events.models import Room, RoomOccupancy, Slot, Venue, Weekday
from events.refusals import Refused
from events.scheduling.place import block_room, unblock_room
from events.scheduling.rooms import MIDNIGHT, opens_between
from events.scheduling.venues import change_room, change_venue, open_room, open_venue

from .organiser_frame import Workplace, frame, typed, workplace
from .organiser_grid import clock_time
from .organiser_refusals import describe_occupancy

PAGE = 60
FORM = ["GET", "HEAD", "POST"]


def venue_of(place: Workplace, slug: str) -> Venue:
    venue: Venue = get_object_or_404(place.venues.select_related("commune", "territory"), slug=slug)
    return venue


@require_safe
@login_required
def venues(request: HttpRequest, territory: str) -> HttpResponse:
    """The venues one may change: all for organisers, their own for venue managers."""
    place = workplace(request, territory, venue_managers=True)
    found = place.venues
    asked = typed(request, "q", longest=120)
    for word in words(asked):
        found = found.filter(sort_name__contains=word)
    mark = None
    if after := typed(request, "apres", longest=120):
        mark = place.venues.filter(slug=after).values_list("sort_name", "pk").first()
    if mark is not None:
        found = found.filter(Q(sort_name__gt=mark[0]) | Q(sort_name=mark[0], pk__gt=mark[1]))
    ahead = Q(slots__ends_at__gt=place.now) & ~Q(slots__state=Slot.State.CANCELLED)
    page = list(
        found.select_related("commune", "territory")
        .annotate(
            room_count=Count("rooms", filter=Q(rooms__is_active=True), distinct=True),
            slot_count=Count("slots", filter=ahead, distinct=True),
            hour_count=Count("opening_hours", distinct=True),
        )
        .order_by("sort_name", "pk")[: PAGE + 1]
    )
    context = frame(
        place,
        venues=page[:PAGE],
        next_mark=page[PAGE - 1].slug if len(page) > PAGE else None,
        is_first=mark is None,
        q=asked,
    )
    return render(request, "events/organiser/venues.html", context)


@require_safe
@login_required
def venue(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    return _show(request, place, venue_of(place, venue))


def _show(
    request: HttpRequest,
    place: Workplace,
    at: Venue,
    *,
    block_form: BlockForm | None = None,
    in_the_way: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    rooms = list(at.rooms.prefetch_related("parts").order_by("-is_active", "sort_name", "pk"))
    blocked = RoomOccupancy.objects.active().filter(room__venue=at, slot__isnull=True, ends_at__gt=place.now)
    zone = place.territory.timezone
    context = frame(
        place,
        venue=at,
        rooms=rooms,
        week=_week(at),
        blocked=[
            {
                "pk": row.pk,
                "label": row.label,
                "room": row.room,
                "local_start": on_the_wall(row.starts_at, zone),
                "local_end": on_the_wall(row.ends_at, zone),
            }
            for row in blocked.select_related("room").order_by("starts_at", "pk")
        ],
        managers=list(at.managers.select_related("user").order_by("user__name", "user__email")),
        block_form=block_form if block_form is not None else BlockForm(venue=at, zone=zone),
        in_the_way=in_the_way or [],
    )
    return render(request, "events/organiser/venue.html", context, status=status)


def _week(at: Venue) -> list[dict[str, Any]]:
    """Each weekday with its opening hours joined; empty when none are known."""
    hours = list(at.opening_hours.all())
    if not hours:
        return []
    return [
        {
            "label": day.label,
            "ranges": [
                (clock_time(opens), clock_time(closes % MIDNIGHT))
                for opens, closes in opens_between(hours, day)
            ],
        }
        for day in Weekday
    ]


@require_http_methods(FORM)
@login_required
def venue_new(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    return _venue_form(request, place, None)


@require_http_methods(FORM)
@login_required
def venue_edit(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    return _venue_form(request, place, venue_of(place, venue))


def _venue_form(request: HttpRequest, place: Workplace, at: Venue | None) -> HttpResponse:
    """The venue and its hours on one page; nothing is kept unless both are right."""
    form = VenueForm(
        request.POST or None,
        request.FILES or None,
        instance=at,
        territory=place.territory,
        may_call_totem=place.organises,
    )
    hours = HoursFormSet(request.POST or None, prefix="hours", initial=hours_lines(at))
    if request.method == "POST" and form.is_valid() & hours.is_valid():
        picture = form.cleaned_data["new_picture"]
        if at is None:
            at = open_venue(
                territory=place.territory,
                slug=free_slug(Venue, form.cleaned_data["name"]),
                values=form.values,
                hours=hours.hours,  # type: ignore[attr-defined]
                picture=picture,
            )
            messages.success(request, _("%(venue)s is there. Now its rooms.") % {"venue": at})
        else:
            too_many = change_venue(
                venue_id=at.pk,
                values=form.values,
                hours=hours.hours,  # type: ignore[attr-defined]
                now=place.now,
                picture=picture,
                drop_picture=form.cleaned_data.get("drop_picture", False),
            )
            messages.success(request, _("%(venue)s is up to date.") % {"venue": form.cleaned_data["name"]})
            _warn(request, too_many)
        return redirect("events:organiser_venue", place.territory.slug, at.slug)
    status = 422 if request.method == "POST" else 200
    context = frame(place, venue=at, form=form, hours=hours)
    return render(request, "events/organiser/venue_form.html", context, status=status)


def _warn(request: HttpRequest, too_many: list[Slot]) -> None:
    """Slots that have more places than the room may now hold: said, not changed."""
    if not too_many:
        return
    number = len(too_many)
    said = ngettext(
        "%(number)s slot has more places than that: “%(title)s”. Give it another room.",
        "%(number)s slots have more places than that, first “%(title)s”. Give them other rooms.",
        number,
    )
    messages.warning(request, said % {"number": number, "title": too_many[0].activity.title})


# Rooms ----------------------------------------------------------------------------------------------------


@require_http_methods(FORM)
@login_required
def room_new(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    return _room_form(request, place, venue_of(place, venue), None)


@require_http_methods(FORM)
@login_required
def room_edit(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    return _room_form(request, place, at, get_object_or_404(at.rooms.all(), pk=pk))


def _room_form(request: HttpRequest, place: Workplace, at: Venue, room: Room | None) -> HttpResponse:
    form = RoomForm(request.POST or None, instance=room, venue=at)
    in_the_way: list[str] = []
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if room is None:
                    open_room(venue=at, values=form.values, parts=form.parts)
                    too_many = []
                else:
                    too_many = change_room(
                        room_id=room.pk, values=form.values, parts=form.parts, now=place.now
                    )
            except Refused as refused:
                status = 409
                form.add_error("parts", refused.reason.label)
                in_the_way = _named(refused, place)
            else:
                messages.success(request, _("%(room)s is up to date.") % {"room": form.cleaned_data["name"]})
                _warn(request, too_many)
                return redirect("events:organiser_venue", place.territory.slug, at.slug)
    context = frame(place, venue=at, room=room, form=form, in_the_way=in_the_way)
    return render(request, "events/organiser/room_form.html", context, status=status)


def _named(refused: Refused, place: Workplace) -> list[str]:
    return [describe_occupancy(row, place.territory.timezone) for row in refused.facts.get("in_the_way", [])]


# Blockings ------------------------------------------------------------------------------------------------


@require_POST
@login_required
def block(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    """Hold a room for works, a rehearsal, an event that is not the festival's."""
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    form = BlockForm(request.POST, venue=at, zone=place.territory.timezone)
    if not form.is_valid():
        return _show(request, place, at, block_form=form, status=422)
    try:
        block_room(
            room_id=form.cleaned_data["room"].pk,
            starts_at=form.cleaned_data["starts_at"],
            ends_at=form.cleaned_data["ends_at"],
            label=form.cleaned_data["label"],
            by=place.user,
            now=place.now,
        )
    except Refused as refused:
        form.add_error(None, refused.reason.label)
        return _show(request, place, at, block_form=form, in_the_way=_named(refused, place), status=409)
    messages.success(request, _("%(room)s is held.") % {"room": form.cleaned_data["room"]})
    return redirect("events:organiser_venue", territory, venue)


@require_POST
@login_required
def unblock(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    row = get_object_or_404(RoomOccupancy.objects.filter(room__venue=at, slot__isnull=True), pk=pk)
    unblock_room(occupancy_id=row.pk, by=place.user, now=place.now)
    messages.success(request, _("The room is free again."))
    return redirect("events:organiser_venue", territory, venue)
