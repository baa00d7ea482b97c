"""Venues that are perhaps one: listed, told apart, or made one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.models import NotTheSame, Venue
from events.refusals import Refused
from events.scheduling.duplicates import Place, pairs
from events.scheduling.merging import CHOICES, better_taken, differing, merge_venues, tell_apart
from events.wording import say_time

from .organiser_frame import Workplace, frame, workplace
from .organiser_rooms import warn_of_too_many
from .organiser_venues import FORM, venue_of

MOST_PAIRS = 100

CHOICE_LABELS = {
    "name": gettext_lazy("Name"),
    "address": gettext_lazy("Address"),
    "position": gettext_lazy("Position"),
    "website": gettext_lazy("Website"),
    "picture": gettext_lazy("Picture"),
    "is_totem": gettext_lazy("Totem building"),
    "access": gettext_lazy("Accessibility"),
    "access_text": gettext_lazy("How to come"),
    "safety_capacity": gettext_lazy("Safety capacity"),
    "contact": pgettext_lazy("person at a venue", "Contact"),
    "hours": gettext_lazy("Opening hours"),
}


@require_safe
@login_required
def twins(request: HttpRequest, territory: str) -> HttpResponse:
    """Pairs of the territory's venues that look alike, the most alike first."""
    place = workplace(request, territory)
    here = Venue.objects.filter(territory=place.territory)
    known = {
        venue.pk: venue
        for venue in here.select_related("commune", "territory").annotate(
            room_count=Count("rooms", distinct=True), slot_count=Count("slots", distinct=True)
        )
    }
    apart = set(NotTheSame.objects.filter(one__territory=place.territory).values_list("one", "other"))
    found = pairs(map(Place.of, known.values()), apart)
    rows = [
        {"both": _the_fuller_first(known[one], known[other]), "likeness": likeness}
        for one, other, likeness in found[:MOST_PAIRS]
    ]
    context = frame(place, pairs=rows, left=max(0, len(found) - MOST_PAIRS))
    return render(request, "events/organiser/venue_twins.html", context)


def _the_fuller_first(one: Any, other: Any) -> list[Venue]:
    """The one with more that hangs on it is proposed to stay."""
    return sorted([one, other], key=lambda venue: (-venue.slot_count, -venue.room_count, venue.pk))


def _two(place: Workplace, venue: str, other: str) -> tuple[Venue, Venue]:
    if venue == other:
        raise Http404
    return venue_of(place, venue), venue_of(place, other)


@require_POST
@login_required
def apart(request: HttpRequest, territory: str, venue: str, other: str) -> HttpResponse:
    """These two are not the same: they are not proposed again."""
    place = workplace(request, territory)
    one, two = _two(place, venue, other)
    tell_apart(one_id=one.pk, other_id=two.pk)
    messages.success(
        request, _("%(one)s and %(other)s stay two venues.") % {"one": one.name, "other": two.name}
    )
    return redirect("events:organiser_venue_twins", territory)


@require_http_methods(FORM)
@login_required
def merge(request: HttpRequest, territory: str, venue: str, other: str) -> HttpResponse:
    """Both side by side, to choose from where they differ. ``venue`` stays, ``other`` becomes part of it."""
    place = workplace(request, territory)
    keep, drop = _two(place, venue, other)
    status, taken = 200, better_taken(keep, drop)
    if request.method == "POST":
        taken = [choice for choice in CHOICES if request.POST.get(choice) == "autre"]
        try:
            too_many = merge_venues(
                keep_id=keep.pk, drop_id=drop.pk, take=taken, by=place.user, now=place.now
            )
        except Refused as refused:
            status = 409
            messages.error(request, refused.reason.label)
        else:
            name = drop.name if "name" in taken else keep.name
            messages.success(
                request,
                _("The two venues are one: %(venue)s. The old address leads there.") % {"venue": name},
            )
            warn_of_too_many(request, too_many)
            return redirect("events:organiser_venue", territory, keep.slug)
    rows = [
        {
            "name": choice,
            "label": CHOICE_LABELS[choice],
            "mine": _said(keep, choice),
            "theirs": _said(drop, choice),
            "takes": choice in taken,
        }
        for choice in differing(keep, drop)
    ]
    context = frame(place, keep=keep, drop=drop, rows=rows, moves=_what_moves(drop))
    return render(request, "events/organiser/venue_merge.html", context, status=status)


def _what_moves(drop: Venue) -> dict[str, int]:
    return {
        "rooms": drop.rooms.count(),
        "slots": drop.slots.count(),
        "activities": drop.activities.count(),
        "pictures": drop.pictures.count(),
        "managers": drop.managers.count(),
    }


def _said(venue: Venue, choice: str) -> list[str]:
    """What a venue says about a choice, line by line; empty when it says nothing."""
    return [line for line in map(str, _lines(venue, choice)) if line]


def _lines(venue: Venue, choice: str) -> Iterable[object]:
    match choice:
        case "address":
            return [venue.address, f"{venue.postcode} {venue.commune or ''}".strip()]
        case "position":
            if venue.latitude is None:
                return []
            where = f"{venue.latitude:.5f}, {venue.longitude:.5f}"
            return [where, venue.get_position_from_display() if venue.position_from else ""]
        case "picture":
            return [venue.picture.url] if venue.picture else []
        case "is_totem":
            return [_("yes") if venue.is_totem else _("no")]
        case "access":
            step_free = [_("Step-free access")] if venue.step_free else []
            return [*step_free, ", ".join(venue.access)]
        case "hours":
            rows = venue.opening_hours.all()
            return [
                f"{row.get_weekday_display()} {say_time(row.opens)} – {say_time(row.closes)}" for row in rows
            ]
        case _:
            return [getattr(venue, name) or "" for name in CHOICES[choice]]
