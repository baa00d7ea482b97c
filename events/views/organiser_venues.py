"""Venues, their hours, the days that are not like the others, rooms held for another reason."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events import geocoding
from events.folding import words
from events.forms.organiser import HoursFormSet, VenueForm, hours_lines
from events.forms.rooms import BlockForm, SpecialDaysForm
from events.hosting import free_slug
from events.models import RoomOccupancy, Slot, Venue
from events.scheduling.duplicates import Place, alike
from events.scheduling.venues import change_venue, drop_special_days, open_venue, set_special_days

from .moved_venues import follow_merged_venues
from .organiser_frame import Workplace, frame, typed, workplace
from .organiser_rooms import blockings, hold, named, warn_of_too_many, week_of
from .venue_map import map_of

PAGE = 60
FORM = ["GET", "HEAD", "POST"]


def venue_of(place: Workplace, slug: str) -> Venue:
    venue: Venue = get_object_or_404(
        place.venues.select_related("commune", "territory", "verified_by"), slug=slug
    )
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
@follow_merged_venues("venue")
def venue(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    return _show(request, place, venue_of(place, venue))


def _show(
    request: HttpRequest,
    place: Workplace,
    at: Venue,
    *,
    block_form: BlockForm | None = None,
    days_form: SpecialDaysForm | None = None,
    in_the_way: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    rooms = list(at.rooms.prefetch_related("parts").order_by("-is_active", "sort_name", "pk"))
    zone = place.territory.timezone
    context = frame(
        place,
        venue=at,
        rooms=rooms,
        week=week_of(at),
        blocked=blockings(place, RoomOccupancy.objects.filter(room__venue=at)),
        special_days=list(
            at.special_days.filter(last_day__gte=place.today)
            .select_related("room")
            .order_by("first_day", "pk")
        ),
        days_form=days_form if days_form is not None else SpecialDaysForm(venue=at),
        managers=list(at.managers.select_related("user").order_by("user__name", "user__email")),
        block_form=block_form if block_form is not None else BlockForm(venue=at, zone=zone),
        in_the_way=in_the_way or [],
        can_be_looked_up=geocoding.is_set(),
    )
    return render(request, "events/organiser/venue.html", context, status=status)


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
            _warn_of_twin(request, at)
        else:
            too_many = change_venue(
                venue_id=at.pk,
                values=form.values,
                hours=hours.hours,  # type: ignore[attr-defined]
                by=place.user,
                now=place.now,
                picture=picture,
                drop_picture=form.cleaned_data.get("drop_picture", False),
            )
            messages.success(request, _("%(venue)s is up to date.") % {"venue": form.cleaned_data["name"]})
            warn_of_too_many(request, too_many)
        return redirect("events:organiser_venue", place.territory.slug, at.slug)
    status = 422 if request.method == "POST" else 200
    context = frame(
        place,
        venue=at,
        form=form,
        hours=hours,
        can_be_looked_up=geocoding.is_set(),
        map=map_of(place.territory),
    )
    return render(request, "events/organiser/venue_form.html", context, status=status)


def _warn_of_twin(request: HttpRequest, made: Venue) -> None:
    """A venue that was perhaps there already: said, not refused."""
    there = Venue.objects.filter(territory=made.territory).exclude(pk=made.pk)
    mine = Place.of(made)
    twin = next(
        (
            other
            for other in there.select_related("commune", "territory").order_by("pk")
            if alike(mine, Place.of(other))
        ),
        None,
    )
    if twin is not None:
        said = _("%(venue)s looks like it: if they are the same, merge them under Venues, Duplicates.")
        messages.warning(request, said % {"venue": twin})


# Days that are not like the others ------------------------------------------------------------------------


@require_POST
@login_required
def days_add(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    """Close the venue or one room on some days, or give it other hours then."""
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    form = SpecialDaysForm(request.POST, venue=at)
    if not form.is_valid():
        return _show(request, place, at, days_form=form, status=422)
    outside = set_special_days(venue=at, now=place.now, **form.cleaned_data)
    messages.success(request, _("Noted: %(reason)s.") % {"reason": form.cleaned_data["reason"]})
    if outside:
        said = ngettext(
            "%(number)s slot is placed there while it is closed: “%(title)s”. Move it.",
            "%(number)s slots are placed there while it is closed, first “%(title)s”. Move them.",
            len(outside),
        )
        messages.warning(request, said % {"number": len(outside), "title": outside[0].activity.title})
    return redirect("events:organiser_venue", territory, venue)


@require_POST
@login_required
def days_drop(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    special = get_object_or_404(at.special_days.all(), pk=pk)
    drop_special_days(venue_id=at.pk, special_id=special.pk)
    messages.success(request, _("As usual again: %(reason)s.") % {"reason": special.reason})
    return redirect("events:organiser_venue", territory, venue)


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
    room = form.cleaned_data["room"]
    refused = hold(request, place, room, form)
    if refused is not None:
        return _show(request, place, at, block_form=form, in_the_way=named(refused, place), status=409)
    return redirect("events:organiser_venue", territory, venue)
