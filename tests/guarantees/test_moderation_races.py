"""Of two organisers at once one decides, of two hands that add one time one does, and a cancelled activity
leaves nobody behind: with real processes, on both engines.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from events.models import Activity, HostMember, JournalEntry, Message, Registration, Slot
from events.registration.invariants import find_drift
from tests.factories import NOW, ActivityFactory, SlotFactory, UserFactory
from tests.ground import races
from tests.ground.site import Site

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]

ACTIONS = """
from accounts.models import User
from events import moderation
from events.models import Activity
from events.registration.book import register_party
from events.scheduling.repeat import add_slots, repetition
by = User.objects.first()


def accept(pk):
    moderation.accept_activity(activity_id=pk, by=by, now=now)
    return "accepted"


def reject(pk):
    moderation.reject_activity(activity_id=pk, reason="Non", by=by, now=now)
    return "rejected"


def look_then_decide(pk, state):
    activity = Activity.objects.get(pk=pk)
    meet()
    if activity.state != "submitted":
        return "wrong_state"
    activity.state = state
    activity.save(update_fields=["state"])
    return state


def cancel(pk):
    moderation.cancel_activity(activity_id=pk, reason="Fuite", by=by, now=now)
    return "cancelled"


def book(slot, email):
    register_party(slot_id=slot, email=email, party_size=1, submission_id=uuid.uuid4(), now=now)
    return "booked"


def add(pk):
    planned = repetition(
        days=[dt.date(2027, 6, 11)], first=dt.time(9), last=dt.time(12), every=45, duration=45,
        timezone="Europe/Paris",
    )
    add_slots(activity_id=pk, planned=planned, capacity=5, by=by, now=now)
    return "added"
"""


def race(site: Site, acts: list[tuple[Any, ...]]) -> list[Any]:
    """All ``acts`` at once; their answers, in order."""
    return races.race(site, ACTIONS, acts, processes=3, now=NOW.isoformat())


def submitted() -> Activity:
    activity = ActivityFactory(state="submitted")
    SlotFactory(activity=activity, state="draft")
    HostMember.objects.create(host=activity.host, user=UserFactory())
    return activity


def test_of_twelve_decisions_at_once_one_is_taken_and_one_mail_leaves(database: Site) -> None:
    activity = submitted()

    answers = race(database, [("accept" if n % 2 else "reject", activity.pk) for n in range(12)])

    activity.refresh_from_db()
    decision = {"published": "accepted", "rejected": "rejected"}[activity.state]
    assert Counter(answers) == {decision: 1, "wrong_state": 11}
    assert [entry.verb for entry in JournalEntry.objects.all()] == [decision]
    assert [message.kind for message in Message.objects.all()] == [activity.state]


def test_negative_control_looking_first_takes_several_decisions(database: Site) -> None:
    activity = submitted()

    answers = race(
        database,
        [("look_then_decide", activity.pk, "published" if n % 2 else "rejected") for n in range(12)],
    )

    assert Counter(answers)["wrong_state"] < 11


def test_the_same_times_added_by_six_hands_are_there_once(database: Site) -> None:
    UserFactory()
    activity = ActivityFactory(state="published")

    answers = race(database, [("add", activity.pk)] * 6)

    assert Counter(answers) == {"added": 1, "same_start": 5}
    assert activity.slots.count() == 4


def test_nobody_keeps_a_place_in_an_activity_that_was_cancelled_while_they_booked(database: Site) -> None:
    UserFactory()
    activity = ActivityFactory(state="published")
    slots = [SlotFactory(activity=activity, capacity=30) for _ in range(2)]
    bookings = [("book", slots[n % 2].pk, f"v{n}@example.org") for n in range(20)]

    answers = Counter(race(database, [*bookings[:10], ("cancel", activity.pk), *bookings[10:]]))

    assert (answers["cancelled"], answers["booked"] + answers["closed"]) == (1, 20)
    assert set(Slot.objects.values_list("state", "taken")) == {("cancelled", 0)}
    assert not Registration.objects.active().exists()
    assert Message.objects.filter(kind="slot_cancelled").count() == answers["booked"]
    assert find_drift(now=NOW) == []
