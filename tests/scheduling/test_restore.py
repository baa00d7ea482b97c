"""A withdrawn slot takes place after all: with its room, or told what stands there now."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pytest

from events.models import Appearance, JournalEntry, Message
from events.refusals import Reason
from events.registration.book import register_party
from events.registration.invariants import find_drift
from events.registration.withdraw import withdraw_slot
from events.scheduling.place import place_slot
from events.scheduling.restore import restore_slot
from tests.factories import NOW, AppearanceFactory, HostPersonFactory, RoomFactory, UserFactory

from .places import a_slot, refusal_of

pytestmark = pytest.mark.django_db
TEN = dt.time(10)


@pytest.fixture
def by(db):
    return UserFactory(is_superuser=True)


@pytest.fixture
def room(db):
    return RoomFactory()


@pytest.fixture
def withdrawn(room, by):
    slot = a_slot(room.venue.territory, at=TEN)
    place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=NOW)
    return withdraw_slot(slot_id=slot.pk, reason="Panne.", by=by, now=NOW, by_host=True)


def test_it_is_public_again_in_its_room_with_every_place_free(withdrawn, room, by):
    slot = restore_slot(slot_id=withdrawn.pk, by=by, now=NOW)

    slot.refresh_from_db()
    assert (slot.state, slot.room, slot.taken, slot.cancelled_at) == ("published", room, 0, None)
    assert slot.occupancies.filter(active=True).count() == 1
    assert JournalEntry.objects.filter(slot=slot, verb="restore_slot").exists()
    assert find_drift(now=NOW) == []


def test_who_had_a_place_books_anew(room, by):
    slot = a_slot(room.venue.territory, at=TEN)
    book = partial(
        register_party, slot_id=slot.pk, email="camille@example.org", party_size=2, locale="fr", now=NOW
    )
    book(submission_id="6f1f3c4e-0000-4000-8000-000000000001")
    withdraw_slot(slot_id=slot.pk, reason="Panne.", by=by, now=NOW, by_host=False)
    restore_slot(slot_id=slot.pk, by=by, now=NOW)
    assert slot.registrations.active().count() == 0

    again = book(submission_id="6f1f3c4e-0000-4000-8000-000000000002")

    assert again.registration.status == "confirmed"
    assert Message.objects.filter(kind="confirmation").count() == 2
    assert find_drift(now=NOW) == []


def test_a_room_taken_meanwhile_is_named_and_nothing_changes(withdrawn, room, by):
    other = a_slot(room.venue.territory, at=TEN)
    place_slot(slot_id=other.pk, room_id=room.pk, by=by, now=NOW)

    refused = refusal_of(restore_slot, slot_id=withdrawn.pk, by=by, now=NOW)

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.slot for row in refused.facts["in_the_way"]] == [other]
    withdrawn.refresh_from_db()
    assert withdrawn.is_cancelled
    assert find_drift(now=NOW) == []


def test_without_its_room_it_comes_back_all_the_same(withdrawn, room, by):
    other = a_slot(room.venue.territory, at=TEN)
    place_slot(slot_id=other.pk, room_id=room.pk, by=by, now=NOW)

    slot = restore_slot(slot_id=withdrawn.pk, by=by, now=NOW, keeps_room=False)

    assert (slot.state, slot.room_id, slot.occupancies.count()) == ("published", None, 0)
    assert find_drift(now=NOW) == []


def test_people_who_are_elsewhere_by_now_hold_it_up(withdrawn, by):
    host = withdrawn.activity.host
    person = HostPersonFactory(host=host)
    AppearanceFactory(slot=withdrawn, person=person)
    elsewhere = a_slot(host.territory, at=TEN)
    AppearanceFactory(slot=elsewhere, person=person)

    refused = refusal_of(restore_slot, slot_id=withdrawn.pk, by=by, now=NOW)

    assert refused.reason == Reason.PERSON_BUSY
    assert [row.slot for row in refused.facts["in_the_way"]] == [elsewhere]
    assert Appearance.objects.filter(slot=withdrawn, active=True).count() == 0


def test_an_activity_that_begins_then_already_is_said(withdrawn, by):
    a_slot(withdrawn.activity.territory, at=TEN, activity=withdrawn.activity)
    assert refusal_of(restore_slot, slot_id=withdrawn.pk, by=by, now=NOW).reason == Reason.SAME_START


def test_only_what_is_withdrawn_and_to_come_comes_back(withdrawn, by):
    late = refusal_of(restore_slot, slot_id=withdrawn.pk, by=by, now=withdrawn.starts_at)
    assert late.reason == Reason.IN_THE_PAST
    restore_slot(slot_id=withdrawn.pk, by=by, now=NOW)
    assert refusal_of(restore_slot, slot_id=withdrawn.pk, by=by, now=NOW).reason == Reason.WRONG_STATE
