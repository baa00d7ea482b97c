"""What visitors' pages show of their bookings: tickets, the walk between them, the code for the door."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import segno
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.calendar import position_of, venue_of
from events.links import hash_of_address, mask
from events.models import Registration, Slot, Venue
from events.wording import is_tight, say_duration, say_number, say_walk

RECEIPT_SALT = "events.receipt"
RECEIPT_LASTS = dt.timedelta(days=3)


def secret_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page behind a link that opens somebody's visits: kept by no cache, found by no engine, told to no
    other site.

    Not ``no-referrer``: browsers then send ``Origin: null`` with a form, and its CSRF check fails (Fetch
    §3.2).
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return guarded


# The receipt
# ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a booking shows at once. It holds nothing that only the owner of the address may know."""

    slot_id: int
    party_size: int
    is_waiting: bool
    address: str
    also: tuple[int, ...] = ()
    """Other slots the same request waits for."""
    must_confirm: bool = False
    """Whether anybody's places would be kept until the address is confirmed."""
    address_hash: str = ""
    """By it the receipt finds out whether mail to the address comes back."""


def write_receipt(
    *,
    slot_id: int,
    party_size: int,
    is_waiting: bool,
    email: str,
    also: Sequence[int] = (),
    must_confirm: bool = False,
) -> str:
    """The token of a receipt: signed, dated, readable by whoever has it; so the address is there in part
    only."""
    said: list[Any] = [slot_id, party_size, int(is_waiting), mask(email), list(also), int(must_confirm)]
    said.append(hash_of_address(email))
    return signing.dumps(said, salt=RECEIPT_SALT)


def read_receipt(token: str) -> Receipt:
    """Raises ``signing.SignatureExpired`` after three days, ``signing.BadSignature`` on what was not written
    here.
    """
    said = signing.loads(token, salt=RECEIPT_SALT, max_age=RECEIPT_LASTS)
    slot_id, party_size, is_waiting, address, *more = said
    also = tuple(more[0]) if more else ()
    must_confirm = bool(more[1:2] and more[1])
    address_hash = str(more[2]) if len(more) > 2 else ""  # a receipt written by the release before has none
    return Receipt(slot_id, party_size, bool(is_waiting), address, also, must_confirm, address_hash)


# Tickets ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code as one path on a grid of ``size`` modules."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Ticket:
    registration: Registration
    venue: Venue | None
    places: str
    code: Code | None = None
    onward: str = ""
    """The way to the next ticket of the same day, in words."""
    is_tight: bool = False

    @property
    def slot(self) -> Slot:
        return self.registration.slot

    @property
    def some(self) -> range:
        """How many places can be given back without giving up the visit."""
        return range(1, self.registration.party_size)


@dataclass(frozen=True, slots=True)
class Day:
    """A day's tickets in their order; ``code`` holds all their references, one on a line: a door finds its
    own.
    """

    day: dt.date
    tickets: list[Ticket]
    code: Code


def say_places(number: int) -> str:
    """« 2 places »."""
    return ngettext("%(number)s place", "%(number)s places", number) % {"number": say_number(number)}


def code_of(text: str) -> Code:
    """The QR code (ISO/IEC 18004) of a reference, error level M, as one SVG path: no style, no script, no
    picture."""
    matrix = segno.make(text, error="m", micro=False).matrix
    runs = []
    for y, row in enumerate(matrix):
        x = 0
        for dark, group in itertools.groupby(row):
            width = len(list(group))
            if dark:
                runs.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return Code("".join(runs), len(matrix))


def ticket_of(registration: Registration, following: Registration | None = None) -> Ticket:
    """``following`` is the next visit of the same day, if any."""
    onward, is_tight = _way_to(following, registration.slot) if following else ("", False)
    return Ticket(
        registration,
        venue_of(registration.slot),
        say_places(registration.party_size),
        code_of(registration.reference),
        onward,
        is_tight,
    )


def by_day(registrations: Iterable[Registration]) -> list[Day]:
    """Tickets by the local day of their slot; give registrations in the order of time."""
    days = []
    for day, group in itertools.groupby(registrations, key=lambda registration: registration.slot.day):
        visits = list(group)
        pairs = itertools.zip_longest(visits, visits[1:])
        tickets = [ticket_of(visit, following) for visit, following in pairs]
        days.append(Day(day, tickets, code_of("\n".join(visit.reference for visit in visits))))
    return days


def _way_to(following: Registration, slot: Slot) -> tuple[str, bool]:
    """« 16 min à pied jusqu’à la visite suivante, vous avez 2 h 15 devant vous », and whether that is
    tight."""
    if following.slot.timezone != slot.timezone:
        return "", False  # another end of the world: nobody walks there
    minutes = int((following.slot.starts_at - slot.ends_at).total_seconds() // 60)
    if minutes < 0:
        return _("These two visits overlap: one of them could be given back."), True
    here, there = venue_of(slot), venue_of(following.slot)
    ahead = {"time": say_duration(minutes)}
    start, end = position_of(here), position_of(there)
    if start is None or end is None:
        return _("%(time)s until the next visit") % ahead, False
    walk = say_walk(start, end)
    if not walk:
        return _("The next visit is in the same place, in %(time)s") % ahead, False
    said = _("%(walk)s to the next visit; you have %(time)s") % {"walk": walk, **ahead}
    return said, is_tight(start, end, minutes)
