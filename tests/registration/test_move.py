"""Another time of the same visit: never the old place lost before the new one is had."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from events.models import Message, Pool, Registration, Slot
from events.refusals import Reason, Refused
from events.registration.move import move_registration
from events.registration.pools import Share, set_pools
from tests.factories import NOW, ActivityFactory, SlotFactory
from tests.registration.people import LATER, books, owed, register, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def slots() -> list[Slot]:
    """Two slots of one activity, at 9 and 14 h, two places each."""
    activity = ActivityFactory()
    return [SlotFactory(activity=activity, capacity=2, start_time=dt.time(hour)) for hour in (9, 14)]


def move(registration: Registration, to: Slot, **kwargs: Any) -> Registration:
    return move_registration(registration_id=registration.pk, to_slot_id=to.pk, **{"now": LATER} | kwargs)


def refusal(registration: Registration, to: Slot, **kwargs: Any) -> Refused:
    """Why it is refused, having checked that nothing moved."""
    before = (registration.slot_id, registration.revision, books(to))
    with pytest.raises(Refused) as refused:
        move(registration, to, **kwargs)
    registration.refresh_from_db()
    assert (registration.slot_id, registration.revision, books(to)) == before
    return refused.value


def test_the_places_move_and_the_ticket_stays_the_same(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille", 2)
    reference = registration.reference

    moved = move(registration, slots[1])

    registration.refresh_from_db()
    assert moved == registration
    assert (registration.slot, registration.reference, registration.revision) == (slots[1], reference, 1)
    assert (books(slots[0]), books(slots[1])) == ((0, 0, 0), (2, 0, 0))
    message = Message.objects.get(kind="moved")
    assert (message.dedupe_key, message.recipient) == (f"moved_to:{registration.pk}:1", "camille@example.org")
    assert message.context["old_starts_at"] == slots[0].starts_at.isoformat()


def test_the_place_left_is_offered_to_who_waits_there(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille", 2)
    waiting = register(slots[0], "dominique", wait=True)

    move(registration, slots[1])

    assert status(waiting) == "held"
    assert books(slots[0]) == (0, 1, 0)


def test_a_full_slot_refuses_and_the_old_place_is_kept(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille", 2)
    register(slots[1], "alix")

    refused = refusal(registration, slots[1])

    assert (refused.reason, refused.facts) == (Reason.FULL, {"places_left": 1, "can_wait": True})
    assert books(slots[0]) == (2, 0, 0)


def test_who_waits_there_gets_off_that_list_by_moving(slots: list[Slot]) -> None:
    other = register(slots[1], "alix", 2)
    registration = register(slots[0], "camille")
    waiting = register(slots[1], "camille", wait=True)
    Slot.objects.filter(pk=slots[1].pk).update(capacity=3)

    move(registration, slots[1])

    assert (status(waiting), waiting.cancelled_by, status(other)) == ("cancelled", "other_time", "confirmed")
    assert books(slots[1]) == (3, 0, 0)


def test_who_has_a_place_there_needs_no_second(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille")
    register(slots[1], "camille")

    assert refusal(registration, slots[1]).reason == Reason.ALREADY_REGISTERED


def test_another_visit_at_that_time_is_named(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille")
    other = register(SlotFactory(start_time=dt.time(14)), "camille")

    refused = refusal(registration, slots[1])

    assert (refused.reason, refused.facts) == (Reason.OVERLAP, {"others": [other]})


def test_the_visit_left_does_not_stand_in_its_own_way() -> None:
    activity = ActivityFactory(festival__most_bookings=1)
    first = SlotFactory(activity=activity, start_time=dt.time(14))
    second = SlotFactory(activity=activity, start_time=dt.time(14, 15))
    registration = register(first, "camille")

    assert move(registration, second).slot == second


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "cancelled", "cancelled_at": NOW}, Reason.CLOSED),
        ({"opens_at": LATER + dt.timedelta(hours=1)}, Reason.NOT_OPEN_YET),
    ],
)
def test_a_slot_nobody_can_book_refuses(slots: list[Slot], change: dict[str, Any], reason: Reason) -> None:
    registration = register(slots[0], "camille")
    Slot.objects.filter(pk=slots[1].pk).update(**change)

    assert refusal(registration, slots[1]).reason == reason


def test_only_within_one_activity_and_to_another_slot(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille")

    assert refusal(registration, SlotFactory()).reason == Reason.OTHER_ACTIVITY
    assert refusal(registration, slots[0]).reason == Reason.OTHER_ACTIVITY


def test_not_after_the_visit_has_begun(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille")

    assert refusal(registration, slots[1], now=slots[0].starts_at).reason == Reason.IN_THE_PAST


def test_only_a_confirmed_visit_moves(slots: list[Slot]) -> None:
    register(slots[0], "alix", 2)
    waiting = register(slots[0], "camille", wait=True)

    assert refusal(waiting, slots[1]).reason == Reason.NOT_ACTIVE


def test_places_of_a_pool_come_from_the_same_pool_where_there_is_one(slots: list[Slot]) -> None:
    for slot in slots:
        set_pools(slot_id=slot.pk, shares=[Share("access", 1)], by=None, now=NOW)
    registration = register(slots[0], "camille", pool="access")
    assert registration.pool == "access"

    move(registration, slots[1])

    registration.refresh_from_db()
    assert registration.pool == "access"
    assert list(Pool.objects.order_by("slot").values_list("taken", flat=True)) == [0, 1]
    assert (books(slots[0]), books(slots[1])) == ((0, 0, 0), (1, 0, 0))


def test_nobody_is_told_twice(slots: list[Slot]) -> None:
    registration = register(slots[0], "camille")

    move(registration, slots[1])
    move(registration, slots[0])

    assert owed("moved") == ["camille@example.org"] * 2
    assert owed("cancellation") == []
