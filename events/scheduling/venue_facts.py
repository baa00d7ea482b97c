"""What is known of a venue and who has looked at it: its position, its verification, its address asked again.

Who may is decided where the venue is fetched: organisers alone verify.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from accounts.models import User
from events.models import JournalEntry, Territory, Venue

VERIFIED = ("name", "address", "postcode", "commune_id", "latitude", "longitude", "safety_capacity")
"""What somebody stands for who verifies a venue."""
PLACE = ("address", "postcode", "commune_id")

Facts = dict[str, Any]


def facts_of(venue: Venue) -> Facts:
    """What a verification is about, as it stands."""
    return {name: getattr(venue, name) for name in VERIFIED}


def follow_position(venue: Venue, was: Facts) -> None:
    """Say where a changed venue's position comes from, and whether its address is asked for (again).

    Numbers that changed were put by hand; taken away, they are looked for by the address. Does not save.
    """
    position = (venue.latitude, venue.longitude)
    if position != (was["latitude"], was["longitude"]):
        is_put = venue.latitude is not None
        venue.position_from = Venue.PositionFrom.HAND if is_put else ""
        if not is_put:
            _ask_again(venue)
    elif any(getattr(venue, name) != was[name] for name in PLACE):
        _ask_again(venue)


def lift_verification(venue: Venue, was: Facts, *, by: User, now: dt.datetime) -> bool:
    """Take the verification back when somebody else than an organiser changed what it was about.

    Does not save the venue. Returns whether it was lifted.
    """
    if not venue.is_verified or facts_of(venue) == was or organises(by, venue):
        return False
    venue.is_verified, venue.verified_at, venue.verified_by = False, None, None
    JournalEntry.objects.create(at=now, actor=by, verb="venue_changed", text=f"« {venue.name} »")
    return True


def organises(user: User, venue: Venue) -> bool:
    return Territory.objects.run_by(user).filter(pk=venue.territory_id).exists()


@transaction.atomic
def verify_venue(*, venue_id: int, by: User, now: dt.datetime) -> bool:
    """An organiser has looked: what the page says is right. False when it was so already."""
    verified = Venue.objects.filter(pk=venue_id, is_verified=False).update(
        is_verified=True, verified_at=now, verified_by=by
    )
    return _noted("venue_verified", venue_id, by, now) if verified else False


@transaction.atomic
def unverify_venue(*, venue_id: int, by: User, now: dt.datetime) -> bool:
    """Take the verification back. False when there was none."""
    lifted = Venue.objects.filter(pk=venue_id, is_verified=True).update(
        is_verified=False, verified_at=None, verified_by=None
    )
    return _noted("venue_unverified", venue_id, by, now) if lifted else False


def look_up_again(*, venue_id: int) -> bool:
    """Have the address asked for at the next sweep. False for a position put by hand or without address."""
    free = Venue.objects.filter(pk=venue_id, position_from__in=["", Venue.PositionFrom.GEOCODER])
    return bool(free.exclude(address="").update(geocoded_at=None, geocoded_label=""))


def _ask_again(venue: Venue) -> None:
    venue.geocoded_at, venue.geocoded_label = None, ""


def _noted(verb: str, venue_id: int, by: User, now: dt.datetime) -> bool:
    name = Venue.objects.values_list("name", flat=True).get(pk=venue_id)
    JournalEntry.objects.create(at=now, actor=by, verb=verb, text=f"« {name} »")
    return True
