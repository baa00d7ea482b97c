"""Slots in rooms: what is refused, what is in the way, who is told."""

from __future__ import annotations

import datetime as dt

import pytest

from events.models import JournalEntry, Message, OpeningHours, Registration, RoomOccupancy, Slot
from events.refusals import Reason
from events.scheduling.blocking import block_room, unblock_room
from events.scheduling.place import When, move_slot, place_slot, swap_rooms, unplace_slot
from tests.factories import (
    DAY,
    NOW,
    RegistrationFactory,
    RoomFactory,
)

from .places import a_slot, paris, refusal_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def slot(territory):
    return a_slot(territory, at=dt.time(10), duration=60)


def test_a_placed_slot_holds_its_room_for_its_time(slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    slot.refresh_from_db()
    assert (slot.room, slot.venue, slot.safety_capacity) == (room, room.venue, 30)
    assert list(RoomOccupancy.objects.values_list("room", "slot", "starts_at", "ends_at", "active")) == [
        (room.pk, slot.pk, paris(10), paris(11), True)
    ]
    entry = JournalEntry.objects.get()
    assert (entry.verb, entry.actor, entry.slot) == ("placed", organiser, slot)
    assert entry.text == "Grande salle, La Cantine, jeudi\u00a010\u00a0juin, 10\u00a0h – 11\u00a0h"


def test_set_up_and_turnover_belong_to_the_time_a_room_is_held(slot, venue, organiser):
    room = RoomFactory(venue=venue, setup_minutes=15, turnover_minutes=30)

    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    held = RoomOccupancy.objects.get()
    assert (held.starts_at, held.ends_at) == (paris(9, 45), paris(11, 30))


def test_an_overlap_is_refused_and_names_what_is_in_the_way(slot, territory, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    other = a_slot(territory, at=dt.time(10, 30))

    refused = refusal_of(place_slot, slot_id=other.pk, room_id=room.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.slot for row in refused.facts["in_the_way"]] == [slot]
    assert refused.facts["room"] == room
    other.refresh_from_db()
    assert (other.room, other.venue, other.safety_capacity) == (None, None, None)
    assert RoomOccupancy.objects.count() == 1


def test_back_to_back_is_no_clash(slot, territory, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    after = a_slot(territory, at=dt.time(11))
    before = a_slot(territory, at=dt.time(9))

    place_slot(slot_id=after.pk, room_id=room.pk, by=organiser, now=NOW)
    place_slot(slot_id=before.pk, room_id=room.pk, by=organiser, now=NOW)

    assert RoomOccupancy.objects.count() == 3


def test_turnover_makes_back_to_back_a_clash(territory, venue, organiser):
    room = RoomFactory(venue=venue, turnover_minutes=15)
    first, second = a_slot(territory, at=dt.time(10)), a_slot(territory, at=dt.time(11))
    place_slot(slot_id=first.pk, room_id=room.pk, by=organiser, now=NOW)

    refused = refusal_of(place_slot, slot_id=second.pk, room_id=room.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_OCCUPIED
    ways = [(way.kind, way.room, way.local_start.time()) for way in refused.facts["ways_out"]]
    assert ways == [("shift", room, dt.time(11, 15))]


def test_the_ways_out_are_a_shift_another_room_and_a_shorter_visit(territory, venue, room, organiser):
    taken = a_slot(territory, at=dt.time(10, 45), duration=45)
    place_slot(slot_id=taken.pk, room_id=room.pk, by=organiser, now=NOW)
    snug = RoomFactory(venue=venue, name="Salle Canal", comfort_capacity=12, safety_capacity=19)
    RoomFactory(venue=venue, name="Cagibi", comfort_capacity=4, safety_capacity=5)
    RoomFactory(venue=venue, name="Fermée", is_active=False)
    RoomFactory(name="Ailleurs")
    slot = a_slot(territory, at=dt.time(10), duration=60)

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    said = [(way.kind, way.room, way.local_start.time(), way.duration) for way in refused.facts["ways_out"]]
    assert said == [
        ("shift", room, dt.time(9, 45), 60),
        ("room", snug, dt.time(10), 60),
        ("shorter", room, dt.time(10), 45),
    ]


def test_without_a_near_shift_the_next_free_time_is_offered(territory, room, organiser):
    taken = a_slot(territory, at=dt.time(9), duration=180)
    place_slot(slot_id=taken.pk, room_id=room.pk, by=organiser, now=NOW)
    slot = a_slot(territory, at=dt.time(10), duration=60)

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    ways = [(way.kind, way.local_start.time()) for way in refused.facts["ways_out"]]
    assert ways == [("later", dt.time(12))]
    way = refused.facts["ways_out"][0]
    when = When(way.local_start.date(), way.local_start.time(), way.duration)
    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW, when=when).starts_at == paris(
        12
    )


def test_a_hall_takes_each_of_its_parts(slot, territory, venue, organiser):
    left, right = RoomFactory(venue=venue, name="A"), RoomFactory(venue=venue, name="B")
    hall = RoomFactory(venue=venue, name="A+B", comfort_capacity=None, safety_capacity=None)
    hall.parts.set([left, right])
    place_slot(slot_id=slot.pk, room_id=hall.pk, by=organiser, now=NOW)
    other = a_slot(territory, at=dt.time(10, 15))

    refused = refusal_of(place_slot, slot_id=other.pk, room_id=right.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.slot for row in refused.facts["in_the_way"]] == [slot]
    assert sorted(RoomOccupancy.objects.values_list("room", flat=True)) == sorted([left.pk, right.pk])
    slot.refresh_from_db()
    assert (slot.room, slot.safety_capacity) == (hall, 60)


def test_a_hall_is_refused_while_one_of_its_parts_is_taken(slot, territory, venue, organiser):
    left, right = RoomFactory(venue=venue, name="A"), RoomFactory(venue=venue, name="B")
    hall = RoomFactory(venue=venue, name="A+B")
    hall.parts.set([left, right])
    place_slot(slot_id=slot.pk, room_id=left.pk, by=organiser, now=NOW)
    other = a_slot(territory, at=dt.time(10, 30))

    refused = refusal_of(place_slot, slot_id=other.pk, room_id=hall.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert list(RoomOccupancy.objects.values_list("room", flat=True)) == [left.pk]


def test_more_places_than_the_safety_capacity_are_refused(territory, venue, room, organiser):
    slot = a_slot(territory, at=dt.time(10), capacity=31)
    big = RoomFactory(venue=venue, name="Halle", comfort_capacity=50, safety_capacity=80)

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_TOO_SMALL
    assert refused.facts["safety_capacity"] == 30
    assert [(way.kind, way.room) for way in refused.facts["ways_out"]] == [("room", big)]


def test_the_building_s_safety_capacity_counts_too(territory, room, organiser):
    room.venue.safety_capacity = 9
    room.venue.save()
    slot = a_slot(territory, at=dt.time(10), capacity=10)

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    assert (refused.reason, refused.facts["safety_capacity"]) == (Reason.ROOM_TOO_SMALL, 9)


def test_comfort_does_not_refuse(territory, room, organiser):
    slot = a_slot(territory, at=dt.time(10), capacity=30)

    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW).room == room


@pytest.mark.parametrize(
    ("at", "duration", "said"),
    [
        (dt.time(9), 60, "open"),
        (dt.time(8, 59), 60, "closed"),
        (dt.time(11, 30), 60, "closed"),
        (dt.time(11), 60, "open"),
        (dt.time(14), 240, "open"),
        (dt.time(17, 45), 20, "closed"),
    ],
)
def test_a_venue_s_hours_bind(territory, room, organiser, at, duration, said):
    for opens, closes in [(9, 12), (14, 16), (16, 18)]:
        OpeningHours.objects.create(
            venue=room.venue, weekday=DAY.isoweekday(), opens=dt.time(opens), closes=dt.time(closes)
        )
    slot = a_slot(territory, at=at, duration=duration)

    if said == "open":
        assert place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW).room == room
    else:
        refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
        assert refused.reason == Reason.ROOM_CLOSED
        assert not RoomOccupancy.objects.exists()


def test_a_day_without_hours_is_closed_where_others_have_some(slot, room, organiser):
    OpeningHours.objects.create(
        venue=room.venue, weekday=DAY.isoweekday() + 1, opens=dt.time(9), closes=dt.time(18)
    )

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_CLOSED


def test_a_room_of_another_territory_is_refused(slot, organiser):
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=RoomFactory().pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_ELSEWHERE


def test_a_room_out_of_use_is_refused(slot, venue, organiser):
    room = RoomFactory(venue=venue, is_active=False)

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.ROOM_NOT_IN_USE


def test_a_cancelled_slot_is_not_placed(territory, room, organiser):
    slot = a_slot(territory, at=dt.time(10), state=Slot.State.CANCELLED, cancelled_at=NOW)

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.WRONG_STATE


def test_what_is_over_is_not_placed(slot, room, organiser):
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=slot.ends_at)

    assert refused.reason == Reason.IN_THE_PAST


def test_placing_again_in_another_room_frees_the_first(slot, venue, room, organiser):
    other = RoomFactory(venue=venue, name="Salle Canal")
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    place_slot(slot_id=slot.pk, room_id=other.pk, by=organiser, now=NOW)

    assert list(RoomOccupancy.objects.values_list("room", flat=True)) == [other.pk]


def test_placing_twice_in_the_same_room_changes_nothing(slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    assert (RoomOccupancy.objects.count(), JournalEntry.objects.count()) == (1, 1)


def test_moving_takes_the_room_along(slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(15), duration=30, by=organiser, now=NOW)

    held = RoomOccupancy.objects.get()
    assert (held.starts_at, held.ends_at) == (paris(15), paris(15, 30))


def test_moving_into_somebody_s_time_is_refused_and_nothing_moves(slot, territory, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    other = a_slot(territory, at=dt.time(15))
    before = place_slot(slot_id=other.pk, room_id=room.pk, by=organiser, now=NOW).revision

    refused = refusal_of(
        move_slot, slot_id=other.pk, day=DAY, start_time=dt.time(10, 45), duration=60, by=organiser, now=NOW
    )

    assert refused.reason == Reason.ROOM_OCCUPIED
    other.refresh_from_db()
    assert (other.starts_at, other.revision) == (paris(15), before)
    assert other.occupancies.get().starts_at == paris(15)


def test_a_move_may_overlap_the_slot_s_own_old_time(slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(10, 15), duration=60, by=organiser, now=NOW)

    assert RoomOccupancy.objects.get().starts_at == paris(10, 15)


def test_everybody_with_a_place_or_waiting_is_told_of_a_move(slot, organiser):
    confirmed = RegistrationFactory(slot=slot, locale="en")
    waiting = RegistrationFactory(slot=slot, status=Registration.Status.WAITING, waiting_since=NOW)
    RegistrationFactory(slot=slot, status=Registration.Status.CANCELLED, cancelled_at=NOW)

    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(15), duration=60, by=organiser, now=NOW)

    slot.refresh_from_db()
    assert slot.revision == 1
    owed = Message.objects.order_by("pk").values_list("kind", "dedupe_key", "recipient", "locale", "context")
    context = {
        "old_starts_at": "2027-06-10T08:00:00+00:00",
        "old_ends_at": "2027-06-10T09:00:00+00:00",
        "old_place": "",
    }
    assert list(owed) == [
        ("slot_moved", f"moved:{confirmed.pk}:1", confirmed.visitor.email, "en", context),
        ("slot_moved", f"moved:{waiting.pk}:1", waiting.visitor.email, "fr", context),
    ]


def test_nobody_is_told_of_a_draft(territory, organiser):
    slot = a_slot(territory, at=dt.time(10), state=Slot.State.DRAFT)
    RegistrationFactory(slot=slot)

    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(15), duration=60, by=organiser, now=NOW)

    slot.refresh_from_db()
    assert (slot.revision, Message.objects.count()) == (0, 0)


def test_a_room_named_for_the_first_time_in_the_same_venue_is_no_move(slot, room, organiser):
    slot.venue = room.venue
    slot.save()
    RegistrationFactory(slot=slot)

    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    slot.refresh_from_db()
    assert (slot.revision, Message.objects.count()) == (0, 0)


def test_a_change_of_room_tells_where_it_was(slot, venue, room, organiser):
    slot.venue = venue
    slot.save()
    RegistrationFactory(slot=slot)
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    place_slot(slot_id=slot.pk, room_id=RoomFactory(venue=venue).pk, by=organiser, now=NOW)

    assert [message.context["old_place"] for message in Message.objects.all()] == ["Grande salle, La Cantine"]


def test_a_time_that_the_clock_skips_is_refused(slot, organiser):
    spring = dt.date(2028, 3, 26)

    refused = refusal_of(
        move_slot, slot_id=slot.pk, day=spring, start_time=dt.time(2, 30), duration=60, by=organiser, now=NOW
    )

    assert refused.reason == Reason.NO_SUCH_TIME


def test_a_time_that_exists_twice_is_asked_about(slot, organiser):
    when = {"day": dt.date(2027, 10, 31), "start_time": dt.time(2, 30), "duration": 60}

    refused = refusal_of(move_slot, slot_id=slot.pk, by=organiser, now=NOW, **when)
    second = move_slot(slot_id=slot.pk, by=organiser, now=NOW, fold=1, **when)

    assert refused.reason == Reason.TIME_TWICE
    assert second.starts_at == dt.datetime(2027, 10, 31, 1, 30, tzinfo=dt.UTC)


def test_a_move_into_the_past_is_refused(slot, organiser):
    refused = refusal_of(
        move_slot,
        slot_id=slot.pk,
        day=dt.date(2027, 5, 3),
        start_time=dt.time(9),
        duration=60,
        by=organiser,
        now=NOW,
    )

    assert refused.reason == Reason.IN_THE_PAST


def test_an_activity_does_not_start_twice_at_a_time(slot, territory, organiser):
    other = a_slot(territory, at=dt.time(15), activity=slot.activity)

    refused = refusal_of(
        move_slot, slot_id=other.pk, day=DAY, start_time=dt.time(10), duration=60, by=organiser, now=NOW
    )

    assert refused.reason == Reason.SAME_START
    other.refresh_from_db()
    assert other.starts_at == paris(15)


def test_a_slot_taken_out_leaves_the_room_free(slot, territory, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    unplace_slot(slot_id=slot.pk, by=organiser, now=NOW)

    slot.refresh_from_db()
    assert (slot.room, slot.venue, slot.safety_capacity) == (None, room.venue, None)
    other = a_slot(territory, at=dt.time(10))
    assert place_slot(slot_id=other.pk, room_id=room.pk, by=organiser, now=NOW).room == room


def test_two_slots_of_the_same_time_swap_their_rooms(slot, territory, venue, room, organiser):
    other_room = RoomFactory(venue=venue, name="Salle Canal")
    other = a_slot(territory, at=dt.time(10))
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    place_slot(slot_id=other.pk, room_id=other_room.pk, by=organiser, now=NOW)

    swap_rooms(slot_id=slot.pk, other_id=other.pk, by=organiser, now=NOW)

    rows = set(RoomOccupancy.objects.values_list("slot", "room"))
    assert rows == {(slot.pk, other_room.pk), (other.pk, room.pk)}


def test_a_swap_with_a_slot_that_has_no_room_is_refused(slot, territory, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    other = a_slot(territory, at=dt.time(12))

    refused = refusal_of(swap_rooms, slot_id=slot.pk, other_id=other.pk, by=organiser, now=NOW)

    assert refused.reason == Reason.WRONG_STATE
    assert RoomOccupancy.objects.count() == 1


def test_a_blocked_room_refuses_a_slot_until_it_is_free_again(slot, room, organiser):
    (row,) = block_room(
        room_id=room.pk, starts_at=paris(9), ends_at=paris(18), label="Peinture", by=organiser, now=NOW
    )

    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)
    unblock_room(occupancy_id=row.pk, by=organiser, now=NOW)

    assert [held.label for held in refused.facts["in_the_way"]] == ["Peinture"]
    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW).room == room


def test_a_room_is_not_blocked_over_a_slot(slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    refused = refusal_of(
        block_room,
        room_id=room.pk,
        starts_at=paris(9),
        ends_at=paris(18),
        label="Peinture",
        by=organiser,
        now=NOW,
    )

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.slot for row in refused.facts["in_the_way"]] == [slot]


def test_a_slot_s_occupancy_is_not_lifted_as_a_blocking(slot, room, organiser):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW)

    refused = refusal_of(unblock_room, occupancy_id=slot.occupancies.get().pk, by=organiser, now=NOW)

    assert refused.reason == Reason.WRONG_STATE
    assert RoomOccupancy.objects.count() == 1


def test_a_slot_across_two_days_needs_both_nights_open(territory, room, organiser):
    for weekday in (4, 5):
        OpeningHours.objects.create(
            venue=room.venue, weekday=weekday, opens=dt.time(0), closes=dt.time(23, 59)
        )
    slot = a_slot(territory, at=dt.time(23), duration=120)

    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=organiser, now=NOW).room == room
