"""The draft of a timetable: what is planned, refused, undone, and that it follows what is public."""

from __future__ import annotations

import datetime as dt
import itertools
import random

import pytest
from django.db import IntegrityError, connection, transaction

from events import guards
from events.models import Appearance, DraftChange, HostPerson, Message, Placement, PlannedStay, Slot
from events.refusals import Reason, Refused
from events.scheduling.blocking import block_room
from events.scheduling.draft import (
    pin_slot,
    plan_cancellation,
    plan_slot,
    redo_last,
    reset_plan,
    swap_plans,
    undo_last,
)
from events.scheduling.following import differences, is_stale, sync_draft
from events.scheduling.place import When, move_slot, place_slot
from tests.factories import (
    DAY,
    NOW,
    RegistrationFactory,
    RoomFactory,
    TerritoryFactory,
    UserFactory,
)

from .places import a_slot, paris, refusal_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot(territory):
    return a_slot(territory, at=dt.time(10))


def at(hour, minute=0, duration=60):
    return When(DAY, dt.time(hour, minute), duration)


def stays(slot):
    rows = PlannedStay.objects.filter(placement__slot=slot).order_by("room")
    return [(row.room.name, row.starts_at, row.ends_at) for row in rows]


def plan(slot, room, by, when=None, **more):
    return plan_slot(slot_id=slot.pk, room_id=room.pk if room else None, when=when, by=by, now=NOW, **more)


class TestFollowing:
    def test_the_draft_begins_as_what_is_public(self, territory, slot, room, organiser):
        place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

        sync_draft(territory=territory, now=NOW)

        placement = Placement.objects.get(slot=slot)
        assert (placement.room, placement.starts_at, placement.is_changed) == (room, paris(10), False)
        assert stays(slot) == [("Grande salle", paris(10), paris(11))]

    def test_what_is_moved_publicly_moves_in_the_draft(self, territory, slot, room, organiser):
        place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
        sync_draft(territory=territory, now=NOW)
        move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(14), duration=30, by=organiser, now=NOW)

        sync_draft(territory=territory, now=NOW)

        assert stays(slot) == [("Grande salle", paris(14), paris(14, 30))]
        assert differences(territory=territory, now=NOW) == []

    def test_what_was_changed_in_the_draft_stays_and_is_said_to_be_stale(
        self, territory, slot, room, organiser
    ):
        plan(slot, room, organiser)
        move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(14), duration=60, by=organiser, now=NOW)

        sync_draft(territory=territory, now=NOW)

        placement = Placement.objects.get(slot=slot)
        assert (placement.starts_at, is_stale(placement)) == (paris(10), True)
        assert [one.is_stale for one in differences(territory=territory, now=NOW)] == [True]

    def test_who_had_planned_a_room_that_is_publicly_taken_goes_to_the_tray(
        self, territory, slot, room, organiser
    ):
        plan(slot, room, organiser)
        other = a_slot(territory, at=dt.time(10, 30))
        place_slot(slot_id=other.pk, room_id=room.pk, by=organiser, now=NOW)

        sync_draft(territory=territory, now=NOW)

        assert stays(slot) == []
        assert Placement.objects.get(slot=slot).room is None
        assert stays(other) == [("Grande salle", paris(10, 30), paris(11, 30))]

    def test_a_withdrawn_slot_leaves_the_draft(self, territory, slot, room, organiser):
        plan(slot, room, organiser)
        Slot.objects.filter(pk=slot.pk).update(state="cancelled", cancelled_at=NOW)

        sync_draft(territory=territory, now=NOW)

        assert not Placement.objects.exists()

    def test_another_territory_is_left_alone(self, territory, slot):
        a_slot(TerritoryFactory(), at=dt.time(10))

        sync_draft(territory=territory, now=NOW)

        assert list(Placement.objects.values_list("slot", flat=True)) == [slot.pk]

    def test_looking_at_a_draft_that_is_up_to_date_writes_nothing(
        self, territory, slot, django_assert_num_queries
    ):
        sync_draft(territory=territory, now=NOW)

        with django_assert_num_queries(1):
            sync_draft(territory=territory, now=NOW)


class TestPlanning:
    def test_nothing_public_changes_and_nobody_is_told(self, slot, room, organiser):
        RegistrationFactory(slot=slot)

        plan(slot, room, organiser, at(15))

        slot.refresh_from_db()
        assert (slot.room, slot.starts_at, slot.revision) == (None, paris(10), 0)
        assert not Message.objects.exists()
        assert stays(slot) == [("Grande salle", paris(15), paris(16))]

    def test_a_hall_that_divides_takes_its_parts(self, slot, venue, room, other_room, organiser):
        hall = RoomFactory(venue=venue, name="Tout", turnover_minutes=15)
        hall.parts.set([room, other_room])

        plan(slot, hall, organiser)

        assert stays(slot) == [
            ("Grande salle", paris(10), paris(11, 15)),
            ("Salle Canal", paris(10), paris(11, 15)),
        ]

    def test_a_room_planned_for_another_is_refused_with_ways_out(
        self, territory, slot, room, other_room, organiser
    ):
        other = a_slot(territory, at=dt.time(10, 30))
        plan(other, room, organiser)

        refused = refusal_of(plan_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

        assert refused.reason == Reason.ROOM_OCCUPIED
        assert [busy.slot for busy in refused.facts["in_the_way"]] == [other]
        assert {way.kind for way in refused.facts["ways_out"]} >= {"room"}
        assert stays(slot) == []

    def test_back_to_back_is_no_clash(self, territory, slot, room, organiser):
        plan(slot, room, organiser)

        plan(a_slot(territory, at=dt.time(11)), room, organiser)

        assert PlannedStay.objects.count() == 2

    def test_a_blocked_room_is_refused(self, slot, room, organiser):
        block_room(
            room_id=room.pk, starts_at=paris(9), ends_at=paris(12), label="Ménage", by=organiser, now=NOW
        )

        refused = refusal_of(plan_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

        assert [busy.label for busy in refused.facts["in_the_way"]] == ["Ménage"]

    def test_the_database_itself_refuses_two_plans_for_one_room(self, territory, slot, room, organiser):
        plan(slot, room, organiser)
        other = a_slot(territory, at=dt.time(10))
        placement = plan(other, None, organiser)

        with pytest.raises(IntegrityError, match=guards.DRAFT_GUARD), transaction.atomic():
            PlannedStay.objects.bulk_create(
                [PlannedStay(placement=placement, room=room, starts_at=paris(10), ends_at=paris(11))]
            )

    @pytest.mark.django_db(transaction=True)
    def test_without_the_guard_the_database_would_not(self, territory, slot, room, organiser):
        plan(slot, room, organiser)
        placement = plan(a_slot(territory, at=dt.time(10)), None, organiser)
        guards.lift(connection, guards.DRAFT)

        try:
            PlannedStay.objects.create(placement=placement, room=room, starts_at=paris(10), ends_at=paris(11))
        finally:
            PlannedStay.objects.all().delete()
            guards.lay(connection)

        assert guards.present(connection, guards.DRAFT)

    def test_a_person_in_two_places_is_refused(self, territory, slot, room, other_room, organiser):
        other = a_slot(territory, at=dt.time(15))
        person = HostPerson.objects.create(host=slot.activity.host, name="Camille")
        for one in (slot, other):
            Appearance.objects.create(person=person, slot=one, starts_at=one.starts_at, ends_at=one.ends_at)
        plan(slot, room, organiser)

        refused = refusal_of(
            plan_slot, slot_id=other.pk, room_id=other_room.pk, when=at(10, 30), by=organiser, now=NOW
        )

        assert refused.reason == Reason.PERSON_BUSY
        assert [placement.slot for placement in refused.facts["in_the_way"]] == [slot]

    def test_who_saw_an_older_state_is_told_and_nothing_is_overwritten(self, slot, room, organiser):
        placement = plan(slot, room, organiser)
        plan(slot, room, UserFactory(), at(14))

        refused = refusal_of(
            plan_slot, slot_id=slot.pk, room_id=None, by=organiser, now=NOW, seen=placement.revision
        )

        assert refused.reason == Reason.CHANGED_MEANWHILE
        assert stays(slot) == [("Grande salle", paris(14), paris(15))]

    def test_a_room_too_small_is_refused(self, territory, venue, organiser):
        small = RoomFactory(venue=venue, comfort_capacity=5, safety_capacity=8)

        refused = refusal_of(
            plan_slot, slot_id=a_slot(territory, at=dt.time(9)).pk, room_id=small.pk, by=organiser, now=NOW
        )

        assert (refused.reason, refused.facts["safety_capacity"]) == (Reason.ROOM_TOO_SMALL, 8)

    @pytest.mark.parametrize(
        ("when", "reason"),
        [
            (When(dt.date(2028, 3, 26), dt.time(2, 30), 60), Reason.NO_SUCH_TIME),
            (When(dt.date(2027, 10, 31), dt.time(2, 30), 60), Reason.TIME_TWICE),
            (When(dt.date(2027, 5, 1), dt.time(10), 60), Reason.IN_THE_PAST),
        ],
    )
    def test_a_time_that_cannot_be_is_refused(self, slot, room, organiser, when, reason):
        refused = refusal_of(plan_slot, slot_id=slot.pk, room_id=room.pk, when=when, by=organiser, now=NOW)

        assert refused.reason == reason

    def test_the_same_start_of_one_activity_is_refused(self, territory, slot, organiser):
        other = a_slot(territory, at=dt.time(15), activity=slot.activity)

        refused = refusal_of(plan_slot, slot_id=other.pk, room_id=None, when=at(10), by=organiser, now=NOW)

        assert refused.reason == Reason.SAME_START

    def test_a_room_of_another_territory_is_refused(self, slot, organiser):
        refused = refusal_of(plan_slot, slot_id=slot.pk, room_id=RoomFactory().pk, by=organiser, now=NOW)

        assert refused.reason == Reason.ROOM_ELSEWHERE

    def test_a_change_back_to_what_is_public_is_none(self, territory, slot, room, organiser):
        plan(slot, room, organiser)

        plan(slot, None, organiser)

        assert differences(territory=territory, now=NOW) == []


class TestSwapping:
    def test_two_slots_exchange_rooms_and_starts(self, territory, slot, room, other_room, organiser):
        other = a_slot(territory, at=dt.time(10, 30), duration=90)
        plan(slot, room, organiser)
        plan(other, other_room, organiser)

        swap_plans(slot_id=slot.pk, other_id=other.pk, by=organiser, now=NOW)

        assert stays(slot) == [("Salle Canal", paris(10, 30), paris(11, 30))]
        assert stays(other) == [("Grande salle", paris(10), paris(11, 30))]

    def test_two_slots_of_one_room_do_too(self, territory, slot, room, organiser):
        other = a_slot(territory, at=dt.time(11))
        plan(slot, room, organiser)
        plan(other, room, organiser)

        swap_plans(slot_id=slot.pk, other_id=other.pk, by=organiser, now=NOW)

        assert (stays(slot)[0][1], stays(other)[0][1]) == (paris(11), paris(10))

    def test_a_swap_that_does_not_fit_changes_neither(self, territory, slot, room, organiser):
        long = a_slot(territory, at=dt.time(11), duration=90)
        plan(slot, room, organiser)
        plan(long, room, organiser)
        plan(a_slot(territory, at=dt.time(12, 30)), room, organiser)
        before = stays(slot), stays(long)

        with pytest.raises(Refused):
            swap_plans(slot_id=slot.pk, other_id=long.pk, by=organiser, now=NOW)

        assert (stays(slot), stays(long)) == before


class TestUndoing:
    def test_the_last_action_is_taken_back_and_done_again(self, territory, slot, room, organiser):
        plan(slot, room, organiser)
        plan(slot, room, organiser, at(14))

        undo_last(territory=territory, by=organiser, now=NOW)
        assert stays(slot) == [("Grande salle", paris(10), paris(11))]
        undo_last(territory=territory, by=organiser, now=NOW)
        assert (stays(slot), differences(territory=territory, now=NOW)) == ([], [])
        redo_last(territory=territory, by=organiser, now=NOW)
        assert stays(slot) == [("Grande salle", paris(10), paris(11))]
        redo_last(territory=territory, by=organiser, now=NOW)
        assert stays(slot) == [("Grande salle", paris(14), paris(15))]

    def test_a_swap_is_one_action(self, territory, slot, room, other_room, organiser):
        other = a_slot(territory, at=dt.time(10))
        plan(slot, room, organiser)
        plan(other, other_room, organiser)
        swap_plans(slot_id=slot.pk, other_id=other.pk, by=organiser, now=NOW)

        undo_last(territory=territory, by=organiser, now=NOW)

        assert (stays(slot)[0][0], stays(other)[0][0]) == ("Grande salle", "Salle Canal")

    def test_nobody_undoes_what_somebody_else_did(self, territory, slot, room, organiser):
        plan(slot, room, organiser)

        refused = refusal_of(undo_last, territory=territory, by=UserFactory(), now=NOW)

        assert refused.reason == Reason.NOTHING_TO_UNDO

    def test_nor_over_a_later_change_of_somebody_else(self, territory, slot, room, organiser):
        plan(slot, room, organiser)
        plan(slot, room, UserFactory(), at(14))

        refused = refusal_of(undo_last, territory=territory, by=organiser, now=NOW)

        assert refused.reason == Reason.CHANGED_MEANWHILE
        assert stays(slot) == [("Grande salle", paris(14), paris(15))]

    def test_a_new_action_ends_the_way_forward(self, territory, slot, room, organiser):
        plan(slot, room, organiser)
        undo_last(territory=territory, by=organiser, now=NOW)
        later = NOW + dt.timedelta(seconds=1)
        pin_slot(slot_id=slot.pk, is_pinned=True, by=organiser, now=later)

        refused = refusal_of(redo_last, territory=territory, by=organiser, now=later)

        assert refused.reason == Reason.NOTHING_TO_UNDO


def test_a_planned_cancellation_frees_the_room_in_the_draft_alone(territory, slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    plan_cancellation(slot_id=slot.pk, by=organiser, now=NOW)

    plan(a_slot(territory, at=dt.time(10)), room, organiser)

    slot.refresh_from_db()
    assert (slot.state, slot.occupancies.count()) == (Slot.State.PUBLISHED, 1)
    first, second = differences(territory=territory, now=NOW)
    assert (first.is_cancelled, second.is_elsewhere) == (True, True)


def test_a_reset_goes_back_to_what_is_public(territory, slot, room, other_room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    plan(slot, other_room, organiser, at(16))

    reset_plan(slot_id=slot.pk, by=organiser, now=NOW)

    assert stays(slot) == [("Grande salle", paris(10), paris(11))]
    assert differences(territory=territory, now=NOW) == []


def test_a_reset_whose_room_was_given_away_is_refused(territory, slot, room, other_room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    plan(slot, other_room, organiser)
    plan(a_slot(territory, at=dt.time(10)), room, organiser)

    refused = refusal_of(reset_plan, slot_id=slot.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert stays(slot) == [("Salle Canal", paris(10), paris(11))]


@pytest.mark.parametrize("seed", range(6))
def test_after_any_sequence_the_draft_is_whole(territory, venue, organiser, seed):
    """Stays are exactly what the placements say, nothing overlaps, and undoing everything leads back."""
    chance = random.Random(seed)
    rooms = [RoomFactory(venue=venue) for _ in range(3)]
    hall = RoomFactory(venue=venue, turnover_minutes=10)
    hall.parts.set(rooms[:2])
    slots = [a_slot(territory, at=dt.time(9 + number)) for number in range(6)]
    now, done = NOW, 0
    for _step in range(40):
        now += dt.timedelta(seconds=1)
        slot, other = chance.sample(slots, 2)
        when = When(
            DAY, dt.time(chance.randrange(9, 18), chance.choice([0, 20, 45])), chance.choice([30, 60])
        )
        action = chance.choice(["plan", "plan", "plan", "swap", "cancel", "live"])
        try:
            if action == "plan":
                room = chance.choice([*rooms, hall, None])
                plan_slot(
                    slot_id=slot.pk, room_id=room.pk if room else None, when=when, by=organiser, now=now
                )
            elif action == "swap":
                swap_plans(slot_id=slot.pk, other_id=other.pk, by=organiser, now=now)
            elif action == "cancel":
                plan_cancellation(slot_id=slot.pk, by=organiser, now=now)
            else:
                place_slot(slot_id=slot.pk, room_id=chance.choice(rooms).pk, when=when, by=organiser, now=now)
                sync_draft(territory=territory, now=now)
            done += 1
        except Refused:
            pass
        look_at_the_books(territory)
    assert done > 10


def look_at_the_books(territory):
    from events.scheduling.rooms import stays_of
    from events.scheduling.settling import room_of

    for placement in Placement.objects.filter(territory=territory).select_related("slot"):
        expected = []
        if placement.room_id and not placement.cancels:
            room = room_of(placement.room_id)
            expected = [
                (stay.room.name, stay.starts_at, stay.ends_at)
                for stay in stays_of(room, placement.starts_at, placement.ends_at)
            ]
        assert sorted(stays(placement.slot)) == sorted(expected)
        same = (
            not placement.cancels
            and placement.room_id == placement.slot.room_id
            and placement.starts_at == placement.slot.starts_at
        )
        assert placement.is_changed is not same or placement.ends_at != placement.slot.ends_at
    rows = list(PlannedStay.objects.order_by("room", "starts_at"))
    for one, next_one in itertools.pairwise(rows):
        assert one.room_id != next_one.room_id or one.ends_at <= next_one.starts_at
    assert all(change.before != change.after for change in DraftChange.objects.all())
