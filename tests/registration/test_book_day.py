"""A whole day at once: all of it, or nothing and the slot that was in the way."""

from __future__ import annotations

import datetime as dt
import uuid
from functools import partial

import pytest

from events.models import Message, Registration, Slot
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.book_day import MOST_AT_ONCE, book_day
from events.registration.cancel import cancel_registration
from events.registration.invariants import find_drift
from tests.factories import NOW, SlotFactory

pytestmark = pytest.mark.django_db(transaction=True)
SENT = uuid.UUID("6f1f3c4e-0000-4000-8000-000000000001")
book = partial(book_day, email="camille@example.org", party_size=2, submission_id=SENT, now=NOW)


def slots_at(*hours, **fields) -> list[Slot]:
    return [SlotFactory(start_time=dt.time(hour), capacity=4, **fields) for hour in hours]


def keys(slots):
    return [slot.pk for slot in slots]


def test_every_slot_is_booked_and_each_has_its_ticket():
    slots = slots_at(9, 11, 14)

    booked = book(slot_ids=keys(slots)[::-1])

    assert [one.slot_id for one in booked] == keys(slots)
    assert {one.status for one in booked} == {"confirmed"}
    assert list(Slot.objects.order_by("pk").values_list("taken", flat=True)) == [2, 2, 2]
    [mail] = Message.objects.all()
    assert (mail.kind, mail.context["registrations"]) == ("day", keys(booked))
    assert find_drift(now=NOW) == []


def test_where_one_is_full_nothing_is_booked_and_it_is_named():
    slots = slots_at(9, 11, 14)
    register_party(
        slot_id=slots[1].pk, email="b@example.org", party_size=3, submission_id=uuid.uuid4(), now=NOW
    )

    with pytest.raises(Refused) as refused:
        book(slot_ids=keys(slots))

    assert (refused.value.reason, refused.value.facts["slot_id"]) == (Reason.FULL, slots[1].pk)
    assert list(Slot.objects.order_by("pk").values_list("taken", flat=True)) == [0, 3, 0]
    assert not Registration.objects.filter(visitor__email="camille@example.org").exists()
    assert not Message.objects.filter(recipient="camille@example.org").exists()
    assert find_drift(now=NOW) == []


def test_the_same_day_sent_twice_is_booked_once():
    slots = slots_at(9, 11)
    first, again = book(slot_ids=keys(slots)), book(slot_ids=keys(slots))
    assert keys(first) == keys(again)
    assert Registration.objects.count() == 2
    assert Message.objects.filter(kind="day").count() == 1


def test_what_the_address_holds_already_stays_and_is_not_told_to_a_stranger():
    slots = slots_at(9, 11)
    held = register_party(
        slot_id=slots[0].pk, email="camille@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW
    ).registration

    booked = book(slot_ids=keys(slots))

    assert [one.slot_id for one in booked] == [slots[1].pk]
    held.refresh_from_db()
    assert (held.status, held.party_size) == ("confirmed", 1)
    assert find_drift(now=NOW) == []


def test_each_visit_is_given_back_alone():
    slots = slots_at(9, 11)
    first, _second = book(slot_ids=keys(slots))
    cancel_registration(registration_id=first.pk, now=NOW)
    assert list(Slot.objects.order_by("pk").values_list("taken", flat=True)) == [0, 2]


@pytest.mark.parametrize("number", [0, MOST_AT_ONCE + 1])
def test_nobody_books_nothing_or_the_whole_festival_at_once(number):
    with pytest.raises(Refused) as refused:
        book(slot_ids=range(1, number + 1))
    assert refused.value.reason == Reason.LIMIT


def test_a_slot_whose_host_asks_for_a_name_gets_it_and_the_others_none():
    asks, asks_not = slots_at(9, 11)
    asks.activity.ask_name = True
    asks.activity.save()

    book(slot_ids=[asks.pk, asks_not.pk], names={asks.pk: "Camille"})

    assert dict(Registration.objects.values_list("slot", "name")) == {asks.pk: "Camille", asks_not.pk: ""}
