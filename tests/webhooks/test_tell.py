"""What a partner's webhook is owed, and that nobody else pays for it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from events.models import Delivery, Registration, Slot
from events.refusals import Refused
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.holds import expire_holds
from events.registration.move import move_registration
from events.registration.settle import settle_hold, split_party
from events.registration.withdraw import change_capacity, withdraw_slot
from events.scheduling.place import move_slot
from tests.factories import NOW, SlotFactory, UserFactory

from .conftest import listen

pytestmark = pytest.mark.django_db


def book(slot: Slot, email: str = "camille@example.org", size: int = 1, **more: Any) -> Registration:
    return register_party(
        slot_id=slot.pk,
        email=email,
        party_size=size,
        submission_id=uuid.uuid4(),
        now=more.pop("now", NOW),
        **more,
    ).registration


def told() -> list[tuple[str, str, str]]:
    """What is owed: event, how, state; in the order it was written."""
    return [
        (one.event, one.payload["data"].get("change", ""), one.payload["data"]["status"])
        for one in Delivery.objects.order_by("pk")
    ]


def forget() -> None:
    Delivery.objects.all().delete()


def test_a_booking_is_told_without_address_and_name(slot: Slot, settings: Any) -> None:
    hook = listen(slot)

    registration = book(slot, size=2, name="Camille Martin")

    delivery = Delivery.objects.get()
    assert delivery.webhook == hook
    assert delivery.payload == {
        "type": "registration.created",
        "timestamp": "2027-05-03T08:00:00.000+00:00",
        "data": {
            "reference": registration.reference,
            "status": "confirmed",
            "party_size": 2,
            "slot": slot.pk,
            "starts_at": slot.local_start.isoformat(),
            "ends_at": slot.local_end.isoformat(),
            "timezone": "Europe/Paris",
            "territory": slot.activity.territory.slug,
            "url": f"{settings.SITE_URL}/creneaux/{slot.pk}/",
        },
    }
    said = json.dumps(delivery.payload)
    assert "camille" not in said.lower()


def test_what_is_rolled_back_is_told_to_nobody(slot: Slot) -> None:
    listen(slot)

    with transaction.atomic():
        book(slot)
        transaction.set_rollback(True)

    assert told() == []


def test_a_refused_booking_is_told_to_nobody(slot: Slot) -> None:
    listen(slot)

    with pytest.raises(Refused):
        book(slot, size=5)

    assert told() == []


def test_the_same_form_sent_twice_is_told_once(slot: Slot) -> None:
    listen(slot)
    same = uuid.uuid4()

    for _time in range(2):
        register_party(
            slot_id=slot.pk, email="camille@example.org", party_size=1, submission_id=same, now=NOW
        )

    assert told() == [("registration.created", "", "confirmed")]


@pytest.mark.parametrize(
    "deaf", [{"is_active": False}, {"events": ["registration.cancelled"]}], ids=["paused", "other events"]
)
def test_who_does_not_listen_is_not_told(slot: Slot, deaf: dict[str, Any]) -> None:
    listen(slot, **deaf)
    listen(SlotFactory())

    book(slot)

    assert told() == []


def test_a_booking_pays_nothing_where_nobody_listens(slot: Slot) -> None:
    listen(SlotFactory())
    book(slot, "first@example.org")
    with CaptureQueriesContext(
        connection,
    ) as quiet:
        book(slot, "second@example.org")
    listen(slot)
    with CaptureQueriesContext(connection) as heard:
        book(slot, "third@example.org")

    assert [query["sql"] for query in quiet if "events_delivery" in query["sql"]] == []
    assert len(heard) == len(quiet) + 3


def test_waiting_offers_and_their_end_are_told(slot: Slot) -> None:
    first = book(slot, "first@example.org", 4)
    listen(slot)

    waiting = book(slot, "second@example.org", 2, wait=True)
    cancel_registration(registration_id=first.pk, now=NOW)
    waiting.refresh_from_db()
    settle_hold(registration_id=waiting.pk, now=NOW)

    assert told() == [
        ("registration.created", "", "waiting"),
        ("registration.cancelled", "", "cancelled"),
        ("registration.changed", "offered", "held"),
        ("registration.changed", "confirmed", "confirmed"),
    ]


def test_an_offer_that_ends_is_told(slot: Slot) -> None:
    first = book(slot, "first@example.org", 4)
    book(slot, "second@example.org", 2, wait=True)
    cancel_registration(registration_id=first.pk, now=NOW)
    listen(slot)

    expire_holds(now=NOW + dt.timedelta(days=2))

    assert told() == [("registration.cancelled", "expired", "cancelled")]


def test_each_wish_of_a_request_for_any_of_several_is_told(slot: Slot) -> None:
    other = SlotFactory(activity=slot.activity, capacity=1)
    for full in (slot, other):
        book(full, "first@example.org" if full == slot else "second@example.org", full.capacity)
    listen(slot)

    one = book(slot, "third@example.org", wait=True, any_of=[other.pk])
    assert told() == [("registration.created", "", "waiting")] * 2
    forget()
    held = Registration.objects.get(slot=slot, visitor__email="first@example.org")
    cancel_registration(registration_id=held.pk, now=NOW)
    one.refresh_from_db()
    forget()
    settle_hold(registration_id=one.pk, now=NOW)

    assert sorted(told()) == [
        ("registration.cancelled", "", "cancelled"),
        ("registration.changed", "confirmed", "confirmed"),
    ]


def test_giving_back_some_and_all_is_told(slot: Slot) -> None:
    registration = book(slot, size=3)
    listen(slot)

    cancel_registration(registration_id=registration.pk, places=1, now=NOW)
    cancel_registration(registration_id=registration.pk, now=NOW)

    assert told() == [
        ("registration.changed", "reduced", "confirmed"),
        ("registration.cancelled", "", "cancelled"),
    ]
    assert [one.payload["data"]["party_size"] for one in Delivery.objects.order_by("pk")] == [2, 2]


def test_moving_is_told_with_the_new_time(slot: Slot) -> None:
    other = SlotFactory(activity=slot.activity)
    registration = book(slot)
    listen(slot)

    move_registration(registration_id=registration.pk, to_slot_id=other.pk, now=NOW)

    assert told() == [("registration.changed", "moved", "confirmed")]
    assert Delivery.objects.get().payload["data"]["slot"] == other.pk


def test_a_party_that_splits_is_told_as_two(slot: Slot) -> None:
    book(slot, "first@example.org", 4)
    waiting = book(slot, "second@example.org", 3, wait=True)
    listen(slot)

    split_party(registration_id=waiting.pk, first=2, now=NOW)

    assert told() == [("registration.changed", "split", "waiting"), ("registration.created", "", "waiting")]


def test_a_slot_withdrawn_moved_and_resized_is_told(slot: Slot) -> None:
    by = UserFactory()
    book(slot)
    listen(slot)

    change_capacity(slot_id=slot.pk, capacity=6, now=NOW, by=by)
    move_slot(slot_id=slot.pk, day=slot.day, start_time=dt.time(20), duration=60, by=by, now=NOW)
    withdraw_slot(slot_id=slot.pk, reason="Panne", by=by, now=NOW, by_host=True)

    assert told() == [
        ("slot.changed", "resized", "published"),
        ("slot.changed", "moved", "published"),
        ("registration.cancelled", "", "cancelled"),
        ("slot.changed", "cancelled", "cancelled"),
    ]
    moved = Delivery.objects.order_by("pk")[1].payload["data"]
    assert (moved["capacity"], moved["starts_at"]) == (6, f"{slot.day}T20:00:00+02:00")
