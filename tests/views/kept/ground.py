"""Camille's bookings: offered, unconfirmed, to be chosen between; and what a page says."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

from events.models import Festival, Registration, Slot, Visitor
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from tests import factories as f
from tests.factories import NOW

NB = "\u00a0"
EMAIL = "camille@example.org"
HOUR = dt.timedelta(hours=1)


def slot_of(festival: Festival, **kwargs: Any) -> Slot:
    return f.SlotFactory(
        activity__festival=festival, activity__host__territory=f.TerritoryFactory(), **kwargs
    )


def book(slot: Slot, party_size: int = 1, email: str = EMAIL, **kwargs: Any) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW, **kwargs
    ).registration


def offered(festival: Festival, party_size: int = 1, **kwargs: Any) -> Registration:
    """Places that somebody gave back, offered to Camille."""
    slot = slot_of(festival, capacity=party_size, **kwargs)
    first = book(slot, party_size, email="dominique@example.org")
    mine = book(slot, party_size, wait=True)
    cancel_registration(registration_id=first.pk, now=NOW)
    mine.refresh_from_db()
    assert (mine.status, mine.hold) == ("held", "offer")
    return mine


def unconfirmed(festival: Festival, party_size: int = 1) -> Registration:
    """Places kept until Camille's address is confirmed."""
    Festival.objects.filter(pk=festival.pk).update(confirms_addresses=True)
    mine = book(slot_of(festival), party_size)
    assert (mine.status, mine.hold) == ("held", "address")
    return mine


def to_choose(festival: Festival, **limits: Any) -> tuple[Registration, Registration]:
    """A visit that Camille has, and one kept beside it: at the same time, or beyond a limit."""
    before = book(slot_of(festival, start_time=dt.time(14), activity__title_fr="Le four solaire"))
    Festival.objects.filter(pk=festival.pk).update(**limits)
    start = dt.time(17) if limits else dt.time(14, 15)
    mine = book(slot_of(festival, start_time=start, activity__title_fr="Un robot au jardin"))
    assert (mine.status, mine.hold) == ("held", "choice")
    return before, mine


def home(email: str = EMAIL) -> str:
    return f"/mes-visites/{Visitor.objects.get(email=email).token}/"


def page_of(registration: Registration, name: str) -> str:
    return f"{home(registration.visitor.email)}{registration.reference}/{name}/"


def text(response: Any) -> str:
    main = response.content.decode().split("<main")[1].split("</main")[0]
    said = re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", main).replace("&#x27;", "'"))
    return re.sub(r" (?=[.,])", "", said)


def status(registration: Registration) -> str:
    return str(Registration.objects.values_list("status", flat=True).get(pk=registration.pk))
