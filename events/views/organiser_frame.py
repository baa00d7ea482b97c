"""What every page of the organisers' desk stands on: whose desk it is, and what hangs in its navigation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Subquery, Value
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import User
from accounts.who import signed_in
from events.clock import on_the_wall
from events.exchange.community import edition_under_way
from events.models import (
    Activity,
    Festival,
    Room,
    RoomManager,
    RoomRequest,
    Slot,
    Territory,
    Venue,
    VenueManager,
)
from events.scheduling.requests import to_answer as requests_to_answer


@dataclass(frozen=True, slots=True)
class Workplace:
    """A territory as the person at the desk may work in it: all of it, or the venues or rooms they manage."""

    territory: Territory
    user: User
    organises: bool
    now: dt.datetime
    runs_venues: bool = True

    @property
    def venues(self) -> Any:
        """The territory's venues this person may change."""
        return Venue.objects.managed_by(self.user).filter(territory=self.territory)

    @property
    def rooms(self) -> Any:
        """The territory's rooms this person decides about."""
        return Room.objects.managed_by(self.user).filter(venue__territory=self.territory)

    @property
    def requests(self) -> Any:
        """Requests for these rooms."""
        return RoomRequest.objects.filter(room__in=self.rooms.values("pk"))

    @property
    def slots(self) -> Any:
        """Slots of the territory in editions that are not history."""
        return Slot.objects.filter(activity__territory=self.territory).exclude(
            activity__festival__state=Festival.State.ARCHIVED
        )

    @property
    def activities(self) -> Any:
        return Activity.objects.filter(territory=self.territory).exclude(
            festival__state=Festival.State.ARCHIVED
        )

    @property
    def today(self) -> dt.date:
        """The day on the wall of the territory."""
        return self.local_now.date()

    @property
    def local_now(self) -> dt.datetime:
        return on_the_wall(self.now, self.territory.timezone)


def territories_of(user: User, *, rooms: bool = False) -> Any:
    """Territories where a person organises or manages a venue; with ``rooms``, or a room."""
    if user.is_superuser:
        return Territory.objects.all()
    theirs = Q(pk__in=Territory.objects.run_by(user).values("pk"))
    theirs |= Q(pk__in=VenueManager.objects.filter(user=user).values("venue__territory"))
    if rooms:
        theirs |= Q(pk__in=RoomManager.objects.filter(user=user).values("room__venue__territory"))
    return Territory.objects.filter(theirs)


def workplace(
    request: HttpRequest, territory: str, *, venue_managers: bool = False, room_managers: bool = False
) -> Workplace:
    """The territory of that address, for who organises it; 404 for everybody else.

    ``venue_managers``: also for who manages a venue there; ``room_managers``: or a room.
    """
    user = signed_in(request)
    run = Territory.objects.run_by(user)
    others = venue_managers or room_managers
    at = get_object_or_404(territories_of(user, rooms=room_managers) if others else run, slug=territory)
    organises = not others or run.filter(pk=at.pk).exists()
    runs_venues = (
        organises or not room_managers or VenueManager.objects.filter(user=user, venue__territory=at).exists()
    )
    return Workplace(at, user, organises, timezone.now(), runs_venues)


def edition_of(place: Workplace) -> Festival | None:
    """The edition under way in the territory: published before draft, the last to start."""
    return edition_under_way(place.territory)


def editions_run(place: Workplace) -> Any:
    """Editions of the territory whose national team the person belongs to, published before draft."""
    run = Festival.objects.run_by(place.user).filter(territories=place.territory)
    return run.exclude(state=Festival.State.ARCHIVED).order_by("-state", "-starts_on", "-pk")


def edition_run_by(place: Workplace) -> Festival:
    """The edition of the territory that this person runs; 404 for a local team."""
    edition: Festival = get_object_or_404(editions_run(place)[:1])
    return edition


def typed(request: HttpRequest, name: str, *, longest: int = 200) -> str:
    """What a search box or a cursor says, without the sign that PostgreSQL takes for no text at all."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:longest]


def _numbers(place: Workplace) -> tuple[int, int]:
    """Activities to moderate, requests for rooms to answer."""
    counts = {"to_answer": _count(requests_to_answer(place.requests, place.now))}
    if place.organises:
        counts["to_moderate"] = _count(place.activities.to_moderate())
    found = Territory.objects.filter(pk=place.territory.pk).annotate(**counts).values(*counts).get()
    return found.get("to_moderate") or 0, found["to_answer"] or 0


def _count(rows: Any) -> Subquery:
    """The number of rows as a subquery of its own."""
    return Subquery(rows.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n"))


def frame(place: Workplace, **more: Any) -> dict[str, Any]:
    """The context of a desk page: one query for the numbers in the navigation."""
    to_moderate, to_answer = _numbers(place)
    return {
        "territory": place.territory,
        "organises": place.organises,
        "runs_venues": place.runs_venues,
        "to_moderate": to_moderate,
        "to_answer": to_answer,
        "now": place.now,
        **more,
    }
