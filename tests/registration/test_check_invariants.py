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
from events.models import (
    Appearance,
    ErasedCount,
    Message,
    Placement,
    Registration,
    RoomOccupancy,
    Slot,
)
from events.registration.book import register_party
from events.registration.invariants import find_drift
from tests.factories import NOW, ActivityFactory, AppearanceFactory, RoomFactory, SlotFactory

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


class TestPeople:
    @pytest.fixture
    def pair(self) -> list[Appearance]:
        first = AppearanceFactory(slot__start_time=dt.time(10))
        activity = ActivityFactory(host=first.person.host)
        second = SlotFactory(activity=activity, start_time=dt.time(14))
        return [first, AppearanceFactory(slot=second, person=first.person)]

    def test_true_appearances_are_true(self, pair: list[Appearance]) -> None:
        Slot.objects.filter(pk=pair[0].slot_id).update(state="cancelled", cancelled_at=NOW)
        assert find_drift(now=NOW) == []

    def test_a_missing_guard_and_what_it_let_in_are_found(self, pair: list[Appearance]) -> None:
        connection.check_constraints()
        guards.lift(connection, guards.PEOPLE)
        first, second = (row.slot for row in pair)
        Slot.objects.filter(pk=second.pk).update(starts_at=first.starts_at, ends_at=first.ends_at)

        assert [rule for rule, *_ in rules()] == ["guard_of_people", guards.PERSON_GUARD]

    def test_missing_ties_and_what_they_let_drift_are_found(self, pair: list[Appearance]) -> None:
        connection.check_constraints()
        guards.untie(connection)
        Appearance.objects.filter(pk=pair[0].pk).update(active=False)
        later = pair[1].ends_at + dt.timedelta(hours=1)
        Appearance.objects.filter(pk=pair[1].pk).update(ends_at=later)

        assert rules() == [
            ("ties_to_the_time_of_a_slot", "present", "missing"),
            (
                "an_appearance_has_the_time_of_its_slot",
                "2027-06-10 12:00-12:45",
                "2027-06-10 12:00-13:45",
            ),
            ("an_appearance_counts_while_its_slot_takes_place", "active", "inactive"),
        ]

    def test_a_room_planned_twice_in_a_draft_is_found(self) -> None:
        room = RoomFactory()
        connection.check_constraints()
        guards.lift(connection, guards.DRAFT)
        for slot in (SlotFactory(start_time=dt.time(14, m)) for m in (0, 30)):
            placement = Placement.objects.create(
                slot=slot,
                territory=slot.activity.territory,
                day=slot.day,
                start_time=slot.start_time,
                duration=slot.duration,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                live_starts_at=slot.starts_at,
                live_ends_at=slot.ends_at,
            )
            placement.stays.create(room=room, starts_at=slot.starts_at, ends_at=slot.ends_at)

        assert [rule for rule, *_ in rules()] == ["guard_of_drafts", guards.DRAFT_GUARD]


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
