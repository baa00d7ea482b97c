"""What every page of the organisers' desk stands on: whose desk it is, and what hangs in its navigation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import User
from events.clock import on_the_wall
from events.models import Activity, Festival, Slot, Territory, Venue, VenueManager


@dataclass(frozen=True, slots=True)
class Workplace:
    """A territory as the person at the desk may work in it: all of it, or only the venues they manage."""

    territory: Territory
    user: User
    organises: bool
    now: dt.datetime

    @property
    def venues(self) -> Any:
        """The territory's venues this person may change."""
        return Venue.objects.managed_by(self.user).filter(territory=self.territory)

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


def territories_of(user: User) -> Any:
    """Territories where a person organises or manages a venue."""
    if user.is_superuser:
        return Territory.objects.all()
    return Territory.objects.filter(
        Q(pk__in=Territory.objects.run_by(user).values("pk"))
        | Q(pk__in=VenueManager.objects.filter(user=user).values("venue__territory"))
    )


def signed_in(request: HttpRequest) -> User:
    """The person at the desk; the views that call this are behind the sign-in."""
    assert isinstance(request.user, User)  # noqa: S101 - for the types; ``login_required`` holds it
    return request.user


def workplace(request: HttpRequest, territory: str, *, venue_managers: bool = False) -> Workplace:
    """The territory of that address, for who organises it; 404 for everybody else.

    ``venue_managers``: also for who manages a venue there.
    """
    user = signed_in(request)
    run = Territory.objects.run_by(user)
    at = get_object_or_404(territories_of(user) if venue_managers else run, slug=territory)
    organises = not venue_managers or run.filter(pk=at.pk).exists()
    return Workplace(at, user, organises, timezone.now())


def edition_of(place: Workplace) -> Festival | None:
    """The edition under way in the territory: published before draft, the last to start."""
    return (
        place.territory.festivals.exclude(state=Festival.State.ARCHIVED)
        .order_by("-state", "-starts_on", "-pk")
        .first()
    )


def typed(request: HttpRequest, name: str, *, longest: int = 200) -> str:
    """What a search box or a cursor says, without the sign that PostgreSQL takes for no text at all."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:longest]


def frame(place: Workplace, **more: Any) -> dict[str, Any]:
    """The context of a desk page: one query for the number in the navigation."""
    to_moderate = place.activities.to_moderate().count() if place.organises else 0
    return {
        "territory": place.territory,
        "organises": place.organises,
        "to_moderate": to_moderate,
        "now": place.now,
        **more,
    }
