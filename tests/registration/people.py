"""Short words for tests about places: book, give back, read the books."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from events.models import Message, Overtaking, Registration, Slot
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.invariants import find_drift
from tests.factories import NOW

LATER = NOW + dt.timedelta(hours=1)


def register(slot: Slot, name: str, party_size: int = 1, **kwargs: Any) -> Registration:
    """What `name@example.org` got; with `wait=True` a place on the list where there is none."""
    email = name if "@" in name else f"{name}@example.org"
    kwargs = {"submission_id": uuid.uuid4(), "now": NOW, "email": email} | kwargs
    return register_party(slot_id=slot.pk, party_size=party_size, **kwargs).registration


def give_back(registration: Registration, places: int | None = None, **kwargs: Any) -> Registration:
    return cancel_registration(registration_id=registration.pk, places=places, **{"now": LATER} | kwargs)


def books(slot: Slot) -> tuple[int, int, int]:
    """Taken, held, waiting; having checked that everything agrees with the ledger."""
    assert find_drift(now=NOW) == []
    slot.refresh_from_db()
    return slot.taken, slot.held, slot.waiting


def status(registration: Registration) -> str:
    registration.refresh_from_db()
    return registration.status


def owed(kind: str) -> list[str]:
    """To whom mails of a kind are owed, in order."""
    return list(Message.objects.filter(kind=kind).order_by("pk").values_list("recipient", flat=True))


def passed() -> list[tuple[int, int | None, str, int]]:
    """Who was passed by whom, why, and how many places were free."""
    return list(Overtaking.objects.order_by("pk").values_list("registration", "by", "why", "places"))
