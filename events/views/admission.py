"""Who gets to the booking at all: limits by peer, and a proof of work while robots storm the doors.

Nobody is shut out for a lack of script or for a busy connection: where nothing vouches for a booking, its
places are kept until the address is confirmed, which costs a robot a real mailbox each.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from events.forms.booking import BookingForm
from events.limits import Limit, count, household, note_storm
from events.models import Slot
from events.proofs import Challenge, is_proof, new_challenge
from events.registration.terms import Terms

BOOKINGS, PER = 120, dt.timedelta(minutes=10)
"""How many bookings one peer may try: a family or a class behind one address, not a robot."""

BOOKINGS_HERE, PER_HERE = 12, dt.timedelta(hours=1)
"""In one slot: beyond them the places are kept until the address is confirmed."""

HOLDS, PER_HOLDS = 20, dt.timedelta(minutes=10)
"""Bookings whose places are kept until the address is confirmed: beyond them one peer has to wait."""

NOTED_ONCE_IN = 10
"""A flood counts as one sign at its first refusal and at each tenth after it, not at each."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """``must_confirm``: the places of an address that was never confirmed are kept until it is."""

    is_vouched: bool
    must_confirm: bool
    too_many: bool


def admit(request: HttpRequest, slot_id: int, form: BookingForm, *, now: dt.datetime) -> Admitted:
    """Count this try of its peer, in one statement as long as all is calm."""
    peer = str(request.META["REMOTE_ADDR"])
    holds = Limit("hold", peer, HOLDS, PER_HOLDS)
    is_vouched = not form.terms.is_shielded or _has_proof(request, slot_id, form, now)
    must_confirm = form.terms.confirms or not is_vouched
    limits = [
        Limit("register", peer, BOOKINGS, PER),
        Limit("register_here", f"{slot_id}|{household(peer)}", BOOKINGS_HERE, PER_HERE),
    ]
    over = count([*limits, holds] if must_confirm else limits, now=now)
    if "register_here" in over and is_vouched:
        is_vouched = False
        if not must_confirm:
            must_confirm = True
            over |= count([holds], now=now)
    if any(by % NOTED_ONCE_IN == 1 for by in over.values()):
        note_storm(now=now)
    return Admitted(is_vouched, must_confirm, too_many="register" in over or "hold" in over)


def admit_day(request: HttpRequest, terms: Sequence[Terms], *, now: dt.datetime) -> Admitted:
    """The same for a whole day: each slot counts as a try. No proof of work is asked for; while robots storm
    the doors the places are kept until the address is confirmed.
    """
    peer = str(request.META["REMOTE_ADDR"])
    is_vouched = not any(one.is_shielded for one in terms)
    must_confirm = not is_vouched or any(one.confirms for one in terms)
    over: dict[str, int] = {}
    for _slot in terms:
        over |= count([Limit("register", peer, BOOKINGS, PER)], now=now)
    if must_confirm:
        over |= count([Limit("hold", peer, HOLDS, PER_HOLDS)], now=now)
    if any(by % NOTED_ONCE_IN == 1 for by in over.values()):
        note_storm(now=now)
    return Admitted(is_vouched, must_confirm, too_many=bool(over))


def challenge_for(
    slot: Slot, form: BookingForm, submission_id: uuid.UUID, *, now: dt.datetime
) -> Challenge | None:
    """What the form asks the browser to work on; nothing while all is calm."""
    if not form.terms.is_shielded:
        return None
    return new_challenge(slot_id=slot.pk, submission_id=submission_id, now=now)


def _has_proof(request: HttpRequest, slot_id: int, form: BookingForm, now: dt.datetime) -> bool:
    return is_proof(
        proof=request.POST.get("proof", ""),
        challenge=request.POST.get("challenge", ""),
        slot_id=slot_id,
        submission_id=form.cleaned_data["submission_id"],
        now=now,
    )
