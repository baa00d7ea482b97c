"""A ballot is drawn once whoever draws, and nobody slips into the list once it is fixed: real processes, both
engines.

The negative control does what people usually write: look whether it was drawn, then draw.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from typing import Any

import pytest
from django.conf import settings

from events.models import Ballot, BallotEntry, Message, Mode, Registration, Slot
from events.registration.ballot import enter_ballot
from events.registration.drawing import differences
from events.registration.invariants import find_drift
from tests.factories import NOW, ActivityFactory, BallotFactory, SlotFactory
from tests.ground import races
from tests.ground.site import Site

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]
AFTER = NOW + dt.timedelta(days=1)

ACTIONS = """
from django.db.models import F
from events.models import Ballot, Registration, Slot
from events.registration.ballot import enter_ballot
from events.registration.drawing import draw_ballot


def draw(ballot_id):
    draw_ballot(ballot_id=ballot_id, now=now)
    return "drawn"


def enter(ballot_id, slot_id, email):
    before = now - dt.timedelta(seconds=1)
    enter_ballot(
        ballot_id=ballot_id, email=email, party_size=1, wishes=[slot_id], submission_id=uuid.uuid4(),
        now=before,
    )
    return "entered"


# What people usually write, for the negative control.

def look_then_draw(ballot_id):
    ballot = Ballot.objects.get(pk=ballot_id)
    meet()
    if ballot.drawn_at is not None:
        return "drawn before"
    for wish in [wish for entry in ballot.entries.all() for wish in entry.wishes.all()]:
        Slot.objects.filter(pk=wish.slot_id).update(taken=F("taken") + 1)
    Ballot.objects.filter(pk=ballot_id).update(drawn_at=now)
    return "drawn"
"""


def a_ballot(entries: int, capacity: int) -> tuple[Ballot, Slot]:
    ballot = BallotFactory()
    activity = ActivityFactory(festival=ballot.festival, ballot=ballot, mode=Mode.BALLOT)
    slot = SlotFactory(activity=activity, capacity=capacity)
    for number in range(entries):
        enter_ballot(
            ballot_id=ballot.pk,
            email=f"v{number}@example.org",
            party_size=1,
            wishes=[slot.pk],
            submission_id=uuid.uuid4(),
            now=NOW,
        )
    return ballot, slot


def run(site: Site, acts: list[tuple[Any, ...]]) -> list[Any]:
    # The seed comes from the secret: all of them must have that of the process that announced the ballot.
    site.environment["SECRET_KEY"] = settings.SECRET_KEY
    return races.race(site, ACTIONS, acts, processes=4, now=AFTER.isoformat())


def test_eight_hands_draw_once(database: Site) -> None:
    ballot, slot = a_ballot(entries=12, capacity=5)

    answers = run(database, [("draw", ballot.pk)] * 8)

    assert Counter(answers) == {"drawn": 1, "wrong_state": 7}
    slot.refresh_from_db()
    assert (slot.taken, slot.waiting) == (5, 7)
    assert Registration.objects.count() == 12
    assert Message.objects.filter(kind__in=["ballot_won", "ballot_lost"]).count() == 12
    ballot.refresh_from_db()
    assert differences(ballot) == []
    assert find_drift(now=AFTER) == []


def test_who_enters_while_it_closes_is_in_the_list_or_refused(database: Site) -> None:
    ballot, slot = a_ballot(entries=4, capacity=5)
    late = [("enter", ballot.pk, slot.pk, f"late{number}@example.org") for number in range(16)]

    answers = run(database, [*late[:8], ("draw", ballot.pk), *late[8:], ("draw", ballot.pk)])

    said = Counter(answers)
    assert said["drawn"] == 1
    # Who comes when all has been given finds no slot left to wish for.
    assert set(said) <= {"drawn", "wrong_state", "entered", "closed", "wish_gone"}
    assert BallotEntry.objects.count() == 4 + said["entered"]
    assert BallotEntry.objects.filter(rank__isnull=False).count() == BallotEntry.objects.count()
    ballot.refresh_from_db()
    assert differences(ballot) == []
    assert find_drift(now=AFTER) == []


def test_negative_control_looking_first_draws_twice(database: Site) -> None:
    ballot, slot = a_ballot(entries=2, capacity=100)

    answers = run(database, [("look_then_draw", ballot.pk)] * 8)

    slot.refresh_from_db()
    assert answers.count("drawn") > 1
    assert slot.taken > 2
    assert "slot_taken" in [drift.rule for drift in find_drift(now=AFTER)]
