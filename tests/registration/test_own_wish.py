"""Who may know what an address holds is refused at once, but may wait where it could not visit."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events.models import Registration, Slot
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.cancel import leave_lists
from tests.factories import NOW, SlotFactory

pytestmark = pytest.mark.django_db


def book(slot: Slot, email: str = "camille@example.org", **kwargs: Any) -> Registration:
    wish = {"party_size": 1, "submission_id": uuid.uuid4(), "now": NOW} | kwargs
    return register_party(slot_id=slot.pk, email=email, **wish).registration


@pytest.fixture
def slot() -> Slot:
    """One place, at a time when Camille is elsewhere."""
    book(SlotFactory(start_time=dt.time(14)))
    return SlotFactory(start_time=dt.time(14, 30), capacity=1)


def test_it_is_refused_where_places_are_free(slot: Slot) -> None:
    for wait in (False, True):
        with pytest.raises(Refused) as refused:
            book(slot, is_theirs=True, wait=wait)
        assert refused.value.reason == Reason.OVERLAP


def test_it_may_wait_where_it_is_full(slot: Slot) -> None:
    """Waiting is no visit yet: what comes of it asks again."""
    book(slot, email="dominique@example.org")

    assert book(slot, is_theirs=True, wait=True).status == "waiting"


def test_it_is_refused_where_the_list_is_closed(slot: Slot) -> None:
    book(slot, email="dominique@example.org")
    Slot.objects.filter(pk=slot.pk).update(waiting_list_open=False)

    with pytest.raises(Refused) as refused:
        book(slot, is_theirs=True, wait=True)
    assert refused.value.reason == Reason.OVERLAP


class TestLeavingTheLists:
    @pytest.fixture
    def several(self) -> list[Slot]:
        first = SlotFactory(capacity=1)
        slots = [first, *(SlotFactory(activity=first.activity, capacity=1) for _ in range(2))]
        for number, one in enumerate(slots):
            book(one, email=f"dominique{number}@example.org")
        return slots

    def waiting(self) -> list[int]:
        return list(Slot.objects.order_by("pk").values_list("waiting", flat=True))

    def test_of_one_request_leaves_all_of_its_own(self, several: list[Slot]) -> None:
        mine = book(several[0], wait=True, any_of=[several[1].pk, several[2].pk])
        book(several[0], email="sacha@example.org", wait=True, any_of=[several[1].pk])
        assert self.waiting() == [2, 2, 1]

        assert leave_lists(registration_id=mine.pk, now=NOW) == 3

        assert self.waiting() == [1, 1, 0]

    def test_of_a_request_for_one_slot_leaves_that_one(self, several: list[Slot]) -> None:
        mine = book(several[0], wait=True)
        book(several[1], wait=True)

        assert leave_lists(registration_id=mine.pk, now=NOW) == 1

        assert self.waiting() == [0, 1, 0]

    def test_twice_is_refused(self, several: list[Slot]) -> None:
        mine = book(several[0], wait=True)
        leave_lists(registration_id=mine.pk, now=NOW)

        with pytest.raises(Refused) as refused:
            leave_lists(registration_id=mine.pk, now=NOW)
        assert refused.value.reason == Reason.NOT_ACTIVE
