"""What a visitor's pages show of places that are only kept: an offer, an address to confirm, a choice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from events.calendar import venue_of
from events.clock import on_the_wall
from events.mail.letters import tight_walks
from events.models import Registration, Slot, Venue
from events.views.tickets import say_places
from events.wording import say_duration

PAGES = {
    Registration.Hold.OFFER: "events:my_visit_offer",
    Registration.Hold.ADDRESS: "events:my_visit_confirm",
    Registration.Hold.CHOICE: "events:my_visit_choose",
}
"""Where each kind of hold is answered."""


@dataclass(frozen=True, slots=True)
class Kept:
    """``until`` on the wall clock of the territory, ``left`` in words; ``walks``: where the way is tight."""

    registration: Registration
    venue: Venue | None
    places: str
    url: str
    until: dt.datetime
    left: str
    walks: list[str]

    @property
    def slot(self) -> Slot:
        return self.registration.slot


def is_kept(registration: Registration, *, now: dt.datetime) -> bool:
    """Whether its places are kept still; not where the time is over, or the visit begun, and no sweep has
    come by yet."""
    until = registration.held_until
    return until is not None and until > now and registration.slot.starts_at > now


def kept_of(
    registration: Registration, token: str, *, now: dt.datetime, visits: Iterable[Registration] = ()
) -> Kept:
    """A registration that ``is_kept``; ``visits``: the confirmed ones, between which one would have to
    walk."""
    assert registration.held_until is not None  # noqa: S101 - a constraint of the table
    minutes = -(-(registration.held_until - now).total_seconds() // 60)
    return Kept(
        registration,
        venue_of(registration.slot),
        say_places(registration.party_size),
        reverse(PAGES[Registration.Hold(registration.hold)], args=[token, registration.reference]),
        on_the_wall(registration.held_until, registration.slot.timezone),
        say_duration(int(minutes)),
        tight_walks(registration, visits),
    )
