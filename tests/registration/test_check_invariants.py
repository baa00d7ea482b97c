"""The books are checked against the ledger; each kind of drift is found and named."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from events import guards
from events.models import ErasedCount, Message, Registration, RoomOccupancy, Slot
from events.registration.book import register_party
from events.registration.invariants import find_drift
from tests.factories import NOW, RoomFactory, SlotFactory

pytestmark = pytest.mark.django_db


def booked(**kwargs: Any) -> Slot:
    slot: Slot = SlotFactory(**kwargs)
    register_party(
        slot_id=slot.pk, email="camille@example.org", party_size=2, submission_id=uuid.uuid4(), now=NOW
    )
    slot.refresh_from_db()
    return slot


def rules() -> list[tuple[str, str, str]]:
    return [(drift.rule, drift.expected, drift.found) for drift in find_drift(now=NOW)]


def test_true_books_are_true() -> None:
    booked()

    assert find_drift(now=NOW) == []


@pytest.mark.parametrize("counter", ["taken", "held", "waiting"])
def test_a_counter_that_drifts_is_found(counter: str) -> None:
    slot = booked()
    true = getattr(slot, counter)
    Slot.objects.update(**{counter: true + 1})

    assert rules() == [(f"slot_{counter}", str(true), str(true + 1))]


def test_erased_registrations_still_count() -> None:
    slot = booked()
    Message.objects.all().delete()
    Registration.objects.all().delete()
    ErasedCount.objects.create(slot=slot, registrations=1, places=2)

    assert find_drift(now=NOW) == []


def test_a_registration_left_in_a_withdrawn_slot_is_found() -> None:
    booked()
    Slot.objects.update(state="cancelled", cancelled_at=NOW)

    assert rules() == [("nobody_is_left_in_a_withdrawn_slot", "cancelled", "confirmed")]


class TestRooms:
    def occupy(self, slot: Slot, **kwargs: Any) -> RoomOccupancy:
        times = {"starts_at": slot.starts_at, "ends_at": slot.ends_at}
        return RoomOccupancy.objects.create(slot=slot, room=slot.room, **times | kwargs)

    def test_a_placed_slot_occupies_its_room(self) -> None:
        slot = SlotFactory(room=RoomFactory())
        assert rules() == [("a_placed_slot_occupies_its_room", "an occupancy", "none that covers it")]

        self.occupy(slot)
        assert find_drift(now=NOW) == []

    def test_an_occupancy_at_another_time_is_found(self) -> None:
        slot = SlotFactory(room=RoomFactory())
        self.occupy(slot, ends_at=slot.starts_at + (slot.ends_at - slot.starts_at) / 2)

        assert [rule for rule, *_ in rules()] == ["a_placed_slot_occupies_its_room"]

    def test_a_withdrawn_slot_that_keeps_its_room_is_found(self) -> None:
        slot = SlotFactory(room=RoomFactory(), state="cancelled", cancelled_at=NOW)
        self.occupy(slot)

        assert [rule for rule, *_ in rules()] == ["only_placed_slots_occupy_rooms"]

    def test_a_missing_guard_and_what_it_let_in_are_found(self) -> None:
        room = RoomFactory()
        first, second = (SlotFactory(room=room, start_time=dt.time(14, m)) for m in (0, 30))
        self.occupy(first)
        connection.check_constraints()  # PostgreSQL alters no table with checks still to come
        guards.lift(connection)
        self.occupy(second)

        assert [rule for rule, *_ in rules()] == ["guard_of_rooms", guards.GUARD]


class TestTheCommand:
    def run(self, *arguments: str) -> tuple[int, str]:
        out, code = StringIO(), 0
        try:
            call_command("check_invariants", *arguments, stdout=out)
        except SystemExit as left:
            code = int(left.code or 0)
        return code, out.getvalue()

    def test_says_that_all_holds(self) -> None:
        booked()

        assert self.run() == (0, "1 slots, 1 registrations, 0 occupancies, 1 messages\nEverything holds.\n")

    def test_shows_what_does_not_and_exits_1(self) -> None:
        slot = booked()
        Slot.objects.update(taken=5)

        code, said = self.run()

        assert code == 1
        assert said.splitlines()[-1].split() == ["slot_taken", "slot", str(slot.pk), "2", "5"]

    def test_speaks_json(self) -> None:
        slot = booked()
        Slot.objects.update(taken=5)

        code, said = self.run("--json")

        assert code == 1
        assert json.loads(said) == {
            "ok": False,
            "checked": {"slots": 1, "registrations": 1, "occupancies": 0, "messages": 1},
            "drift": [{"rule": "slot_taken", "where": f"slot {slot.pk}", "expected": "2", "found": "5"}],
        }
