"""A ballot with its slots, and people who enter it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from events.models import (
    Ballot,
    BallotEntry,
    Mode,
    Slot,
)
from events.refusals import Refused
from events.registration.ballot import enter_ballot
from tests.factories import (
    NOW,
    ActivityFactory,
    BallotFactory,
    SlotFactory,
)

AFTER = NOW + dt.timedelta(days=1)
EMAIL = "camille@example.org"


def a_ballot(**fields: Any) -> Ballot:
    return BallotFactory(**fields)


def a_slot(ballot: Ballot, hour: int = 9, **fields: Any) -> Slot:
    activity = fields.pop("activity", None) or ActivityFactory(
        festival=ballot.festival, ballot=ballot, mode=Mode.BALLOT, **fields.pop("of", {})
    )
    return SlotFactory(activity=activity, **{"start_time": dt.time(hour), "capacity": 2, **fields})


def enter(ballot: Ballot, email: str, *slots: Slot, party: int = 1, **more: Any) -> BallotEntry:
    more = {"submission_id": uuid.uuid4(), "now": NOW, **more}
    return enter_ballot(
        ballot_id=ballot.pk, email=email, party_size=party, wishes=[slot.pk for slot in slots], **more
    )


def refusal(act: Callable[..., Any], *arguments: Any, **named: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **named)
    return caught.value


def wishes_of(entry: BallotEntry) -> list[int]:
    return list(entry.wishes.order_by("rank").values_list("slot_id", flat=True))


def counters(slot: Slot) -> tuple[int, int, int]:
    slot.refresh_from_db()
    return slot.taken, slot.held, slot.waiting
