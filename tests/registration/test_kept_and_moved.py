"""Letting pass, taking fewer, wishes for any of several, and the calendar of a moved visit: the edges."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import vobject

from events.calendar import calendar_of
from events.models import Message, Registration, Slot
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.invariants import find_drift
from events.registration.move import move_registration
from events.registration.settle import claim_place, let_pass, settle_hold, split_party, take_fewer
from events.scheduling.place import move_slot
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _books_are_right() -> Any:
    yield
    assert find_drift(now=NOW) == []


def book(slot: Slot, party_size: int = 1, email: str = "camille@example.org", **kwargs: Any) -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=party_size, submission_id=uuid.uuid4(), now=NOW, **kwargs
    ).registration


def offered() -> Registration:
    slot = f.SlotFactory(capacity=1)
    first = book(slot, email="dominique@example.org")
    mine = book(slot, wait=True)
    cancel_registration(registration_id=first.pk, now=NOW)
    return mine


def refusal(rule: Any, **kwargs: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        rule(now=NOW, **kwargs)
    return caught.value.reason


def test_letting_pass_frees_what_is_kept() -> None:
    mine = offered()

    let_pass(registration_id=mine.pk, now=NOW)

    mine.refresh_from_db()
    assert (mine.status, mine.slot.held, mine.slot.taken) == ("cancelled", 0, 0)


def test_letting_pass_never_gives_back_what_was_confirmed() -> None:
    mine = offered()
    settle_hold(registration_id=mine.pk, now=NOW)

    assert refusal(let_pass, registration_id=mine.pk) == Reason.OFFER_OVER

    mine.refresh_from_db()
    assert mine.status == "confirmed"


def full(**kwargs: Any) -> Slot:
    slot = f.SlotFactory(capacity=2, **kwargs)
    book(slot, 2, email="dominique@example.org")
    return slot


def test_a_party_takes_fewer_with_its_rank_in_every_slot_of_its_request() -> None:
    slot = full(start_time=dt.time(10))
    other = full(activity=slot.activity, start_time=dt.time(12))
    mine = book(slot, 2, wait=True, any_of=[other.pk])

    take_fewer(registration_id=mine.pk, keep=1, now=NOW)

    waiting = Registration.objects.waiting().values_list("slot", "party_size", "waiting_since")
    assert sorted(waiting) == sorted([(slot.pk, 1, NOW), (other.pk, 1, NOW)])


def test_keeping_all_changes_nothing() -> None:
    mine = book(full(), 2, wait=True)

    assert take_fewer(registration_id=mine.pk, keep=2, now=NOW).revision == 0


@pytest.mark.parametrize("keep", [0, 3])
def test_fewer_is_fewer_and_somebody(keep: int) -> None:
    mine = book(full(), 2, wait=True)

    assert refusal(take_fewer, registration_id=mine.pk, keep=keep) == Reason.LIMIT


def test_only_who_waits_takes_fewer_this_way() -> None:
    mine = book(f.SlotFactory(), 2)

    assert refusal(take_fewer, registration_id=mine.pk, keep=1) == Reason.NOT_ACTIVE


def test_a_request_for_any_of_several_ends_with_the_first_place_whatever_else_it_was_offered() -> None:
    """Offered one time, it wins another by a last call: the offer goes on to the next in line."""
    near = NOW + HOUR / 2
    soon = full(day=dt.date(2027, 5, 3), start_time=dt.time(10, 45))
    later = full(activity=soon.activity, day=dt.date(2027, 5, 4), start_time=dt.time(11))
    mine = book(soon, wait=True, any_of=[later.pk])
    following = book(later, email="sacha@example.org", wait=True)
    for slot in (later, soon):
        there = Registration.objects.get(slot=slot, visitor__email="dominique@example.org")
        cancel_registration(registration_id=there.pk, now=NOW, places=1)
    offer = Registration.objects.get(slot=later, visitor=mine.visitor)
    assert (offer.status, offer.hold) == ("held", "offer")

    claim_place(registration_id=mine.pk, now=near)

    for row in (mine, offer, following):
        row.refresh_from_db()
    assert [row.status for row in (mine, offer, following)] == ["confirmed", "cancelled", "held"]
    assert offer.cancelled_by == "other_time"


def sequence(registration: Registration) -> int:
    whole = Registration.objects.select_related("slot__activity__host", "slot__activity__festival", "visitor")
    content = calendar_of(registrations=[whole.get(pk=registration.pk)], method="REQUEST", now=NOW)
    return int(vobject.readOne(content.decode()).vevent.sequence.value)


def test_a_move_raises_the_sequence_even_into_a_slot_that_was_never_moved() -> None:
    """RFC 5546 §3.2.2: a calendar ignores what has a lower SEQUENCE than it holds."""
    old = f.SlotFactory(start_time=dt.time(10), revision=5)
    new = f.SlotFactory(activity=old.activity, start_time=dt.time(12))
    mine = book(old)
    before = sequence(mine)

    move_registration(registration_id=mine.pk, to_slot_id=new.pk, now=NOW)

    assert (before, sequence(mine)) == (5, 6)


def test_a_visit_moved_by_its_visitor_and_then_by_its_organiser_is_told_twice() -> None:
    """Both mails name the registration and a revision, one its own and one the slot's."""
    old = f.SlotFactory(start_time=dt.time(10))
    new = f.SlotFactory(activity=old.activity, start_time=dt.time(12))
    mine = book(old)
    move_registration(registration_id=mine.pk, to_slot_id=new.pk, now=NOW)

    move_slot(slot_id=new.pk, day=new.day, start_time=dt.time(15), duration=45, now=NOW, by=f.UserFactory())

    told = Message.objects.filter(registration=mine).exclude(kind="confirmation").order_by("pk")
    assert list(told.values_list("kind", flat=True)) == ["moved", "slot_moved"]


def test_both_parts_of_a_party_wait_with_the_rank_it_had() -> None:
    slot = full()
    mine = book(slot, 2, wait=True)
    later = book(slot, 1, email="sacha@example.org", wait=True)
    Registration.objects.filter(pk=later.pk).update(waiting_since=NOW + HOUR / 60)

    split_party(registration_id=mine.pk, first=1, now=NOW + HOUR)

    waiting = slot.registrations.waiting().values_list("visitor__email", flat=True)
    assert list(waiting) == ["camille@example.org", "camille@example.org", "sacha@example.org"]
