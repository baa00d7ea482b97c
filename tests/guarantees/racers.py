"""What racers do in the races for places, and what people usually write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.ground import races
from tests.ground.site import Site

ACTIONS = """
from django.db.models import F, Sum
from events.models import Message, Registration, Slot, Visitor
from events.registration.book import register_party
from events.registration.cancel import cancel_registration


def book(slot_id, email, party_size, submission_id, wait=False):
    booking = register_party(
        slot_id=slot_id, email=email, party_size=party_size, submission_id=uuid.UUID(submission_id), now=now,
        wait=wait,
    )
    return [booking.registration.pk, booking.replayed]


def give_back(registration_id, places):
    cancel_registration(registration_id=registration_id, now=now, places=places)
    return "given back"


# What people usually write, for the negative controls: look first, then write what was seen to be possible.

def count_then_insert(slot_id, email, party_size, submission_id):
    slot = Slot.objects.get(pk=slot_id)
    taken = slot.registrations.confirmed().aggregate(n=Sum("party_size"))["n"] or 0
    meet()
    if taken + party_size > slot.capacity:
        return "full"
    visitor, _ = Visitor.objects.get_or_create(email=email)
    registration = Registration.objects.create(
        slot=slot, visitor=visitor, party_size=party_size, submission_id=submission_id, submission_hash="0" *
        64, status="confirmed", created_at=now, confirmed_at=now,
    )
    return [registration.pk, False]


def look_then_insert(slot_id, email, party_size, submission_id):
    seen = Registration.objects.filter(submission_hash=submission_id).exists()
    meet()
    if seen:
        return "seen"
    visitor = Visitor.objects.create(email=f"{uuid.uuid4()}@example.org")
    registration = Registration.objects.create(
        slot_id=slot_id, visitor=visitor, party_size=party_size, submission_id=uuid.uuid4(),
        submission_hash=submission_id, status="confirmed", created_at=now, confirmed_at=now,
    )
    return [registration.pk, False]


def look_then_give_back(registration_id, places):
    registration = Registration.objects.get(pk=registration_id)
    meet()
    if not registration.is_active:
        return "inactive"
    Registration.objects.filter(pk=registration_id).update(status="cancelled", cancelled_at=now)
    Slot.objects.filter(pk=registration.slot_id).update(taken=F("taken") - registration.party_size)
    return "given back"
"""


def race(site: Site, acts: Sequence[Sequence[Any]], *, now: str) -> list[Any]:
    """Do all ``acts`` at once; their answers, in order."""
    return races.race(site, ACTIONS, acts, now=now)
