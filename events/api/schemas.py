"""What the API takes and gives, as it describes itself."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from django.conf import settings
from ninja import Field, Schema

from events.calendar import venue_of
from events.clock import on_the_wall
from events.models import Slot
from events.registration.refusing import can_wait, why_closed

Status = Literal["open", "waiting_list", "full", "not_open_yet", "drop_in", "ballot", "closed", "cancelled"]


class ActivityOut(Schema):
    title: str
    format: str
    url: str


class HostOut(Schema):
    name: str
    url: str


class VenueOut(Schema):
    name: str
    address: str
    city: str
    latitude: float | None
    longitude: float | None
    url: str


class TerritoryOut(Schema):
    name: str
    slug: str
    url: str


class BallotOut(Schema):
    name: str
    url: str
    opens_at: dt.datetime
    closes_at: dt.datetime = Field(description="Drawn right after.")


class SlotOut(Schema):
    """``capacity`` and ``places_left`` are null where there is no limit."""

    id: int
    url: str
    activity: ActivityOut
    host: HostOut
    venue: VenueOut | None
    territory: TerritoryOut
    starts_at: dt.datetime = Field(description="On the clock of `timezone`, with its offset.")
    ends_at: dt.datetime
    timezone: str = Field(description="IANA name.")
    mode: Literal["drop_in", "first_come", "ballot"]
    capacity: int | None
    places_left: int | None
    waiting: int = Field(description="Parties on the waiting list.")
    opens_at: dt.datetime | None
    next_release_at: dt.datetime | None = Field(description="When more places are to come.")
    next_places: int | None = Field(description="How many come then.")
    ballot: BallotOut | None = Field(description="The draw that gives its places, until it is drawn.")
    status: Status


class SlotPage(Schema):
    items: list[SlotOut]
    next: str | None = Field(description="Give it as `after` to read on; null at the end.")


class SlotQuery(Schema):
    """The programme's filters. One that is not understood is refused, never ignored."""

    q: str = Field("", description="Words; marks and case aside.")
    ville: str = Field("", description="Slug of a territory or name of a commune.")
    jour: str = Field("", description="Local day, YYYY-MM-DD.")
    moment: str = Field("", description="matin, midi, apres-midi or soir.")
    operation: str = ""
    format: str = ""
    thematique: str = ""
    langue: str = ""
    public: str = Field("", description="everyone, families, schools, students, job_seekers, ...")
    acces: list[str] = Field([], description="hi, vi, pi, mi, ii.")
    mode: str = Field("", description="drop_in, first_come or ballot.")
    places: str = Field("", description="Places wanted together, or libre.")
    autour: str = Field("", description="latitude,longitude,kilometres: around a point, 100 km at most.")
    cadre: str = Field("", description="south,west,north,east: in this part of the map.")
    after: str = Field("", description="The cursor `next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


class RegistrationIn(Schema):
    """``submission_id`` is yours: sending it again with the same body is safe and gives the same answer."""

    email: str = Field(max_length=254)
    party_size: Annotated[int, Field(ge=1)] = 1
    name: str = Field("", max_length=120, description="Where the host asks for one.")
    locale: Literal["fr", "en"] = Field("fr", description="The language of the mails.")
    submission_id: uuid.UUID
    wait: bool = Field(False, description="Join the waiting list when there is not enough room.")
    any_of: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field(
        [],
        max_length=20,
        description="With `wait`: other slots of the activity that would do as well. The first place offered "
        "ends the waiting for the others once it is taken.",
    )
    pool: Literal["", "access", "group"] = Field(
        "",
        description="Take the places kept for access needs and companions, or for groups; everybody's places "
        "once those are gone. Only where it is true of the visitor.",
    )


class RegistrationOut(Schema):
    """``held`` is a place offered from the waiting list: who is invited answers by the link in the mail."""

    reference: str
    status: Literal["confirmed", "waiting", "held", "cancelled"]
    slot: int
    party_size: int
    held_until: dt.datetime | None = Field(description="When an offer ends.")
    manage_url: str = Field(description="Where this booking, and no other, can be seen and given back.")


class RefusalOut(Schema):
    """``limit``: more places in a slot, or visits in a day or in all, than one person may hold; ``detail``
    says which.
    """

    reason: Literal[
        "full",
        "closed",
        "already_registered",
        "overlap",
        "limit",
        "not_open_yet",
        "no_booking_needed",
        "in_the_past",
    ]
    detail: str
    places_left: int | None = None
    can_wait: bool | None = None
    most: int | None = None
    opens_at: dt.datetime | None = None


class ErrorsOut(Schema):
    errors: dict[str, list[str]]


class DetailOut(Schema):
    detail: str


def show_slot(slot: Slot, now: dt.datetime) -> dict[str, Any]:
    """A slot fetched ``for_showing()``, without a further query."""
    activity, venue = slot.activity, venue_of(slot)
    return {
        "id": slot.pk,
        "url": _absolute(slot),
        "activity": {"title": activity.title, "format": activity.format, "url": _absolute(activity)},
        "host": {"name": activity.host.name, "url": _absolute(activity.host)},
        "venue": venue
        and {
            "name": venue.name,
            "address": venue.address,
            "city": venue.city,
            "latitude": venue.latitude,
            "longitude": venue.longitude,
            "url": _absolute(venue),
        },
        "territory": {
            "name": activity.territory.name,
            "slug": activity.territory.slug,
            "url": _absolute(activity.territory),
        },
        "starts_at": slot.local_start,
        "ends_at": slot.local_end,
        "timezone": slot.timezone,
        "mode": slot.mode,
        "capacity": slot.capacity,
        "places_left": slot.places_left,
        "waiting": slot.waiting,
        "opens_at": slot.opens_at,
        "next_release_at": slot.next_release_at,
        "next_places": slot.next_places,
        "ballot": _show_ballot(slot),
        "status": status_of(slot, now),
    }


def _show_ballot(slot: Slot) -> dict[str, Any] | None:
    ballot = slot.activity.ballot
    if slot.mode != "ballot" or ballot is None:
        return None
    return {
        "name": ballot.name,
        "url": _absolute(ballot),
        "opens_at": on_the_wall(ballot.opens_at, slot.timezone),
        "closes_at": on_the_wall(ballot.closes_at, slot.timezone),
    }


def status_of(slot: Slot, now: dt.datetime) -> Status:
    if slot.is_cancelled:
        return "cancelled"
    if slot.mode == "drop_in":
        return "drop_in" if slot.ends_at > now else "closed"
    if slot.mode == "ballot" and slot.draws_at is not None and slot.starts_at > now:
        return "ballot"
    if closed := why_closed(slot, now=now):
        return "not_open_yet" if closed.reason == "not_open_yet" else "closed"
    if slot.places_left == 0:
        return "waiting_list" if can_wait(slot, party_size=1) else "full"
    return "open"


def _absolute(thing: Any) -> str:
    return f"{settings.SITE_URL}{thing.get_absolute_url()}"
