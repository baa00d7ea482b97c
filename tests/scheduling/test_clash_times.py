"""Clashes are of instants: nights when clocks change, midnight, Réunion and Nouvelle-Calédonie."""

from __future__ import annotations

import datetime as dt

import pytest

from events.models import RoomOccupancy
from events.refusals import Reason, Refused
from events.registration.withdraw import withdraw_slot
from events.scheduling.people import choose_people
from events.scheduling.place import When, move_slot, place_slot
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    AppearanceFactory,
    HostFactory,
    HostPersonFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

PARIS, REUNION, NOUMEA = "Europe/Paris", "Indian/Reunion", "Pacific/Noumea"
SPRING, AUTUMN = dt.date(2028, 3, 26), dt.date(2027, 10, 31)
"""The nights on which clocks in Paris go from 2 to 3, and from 3 back to 2."""
TOMORROW = DAY + dt.timedelta(days=1)


def when(day, hour, minute=0, duration=60, fold=None):
    return When(day, dt.time(hour, minute), duration, fold)


CASES = [
    # In autumn half past two comes twice, an hour apart.
    (PARIS, when(AUTUMN, 2, 30, 60, 0), when(AUTUMN, 2, 30, 60, 1), False),
    (PARIS, when(AUTUMN, 2, 30, 65, 0), when(AUTUMN, 2, 30, 60, 1), True),
    (PARIS, when(AUTUMN, 1, 30, 150), when(AUTUMN, 2, 45, 15, 1), True),
    (PARIS, when(AUTUMN, 1, 30, 150), when(AUTUMN, 3, 0), False),
    # In spring two and three o'clock are the same instant.
    (PARIS, when(SPRING, 1, 0, 60), when(SPRING, 3, 0), False),
    (PARIS, when(SPRING, 1, 30, 60), when(SPRING, 3, 0), True),
    # Midnight is no wall.
    (PARIS, when(DAY, 23, 30, 60), when(TOMORROW, 0, 0), True),
    (PARIS, when(DAY, 23, 30, 60), when(TOMORROW, 0, 30), False),
    # Far from Greenwich a day lies across two days of UTC.
    (REUNION, when(DAY, 3, 30, 60), when(DAY, 4, 0), True),
    (REUNION, when(DAY, 3, 0, 60), when(DAY, 4, 0), False),
    (NOUMEA, when(DAY, 10, 30, 60), when(DAY, 11, 0), True),
    (NOUMEA, when(DAY, 10, 0, 60), when(DAY, 11, 0), False),
    (NOUMEA, when(DAY, 23, 30, 60), when(TOMORROW, 0, 15), True),
]


@pytest.fixture
def by():
    return UserFactory()


def two_slots(zone, first, second):
    """Slots of two activities of one host, at their times."""
    host = HostFactory(territory=TerritoryFactory(timezone=zone))
    return [
        SlotFactory(
            activity=ActivityFactory(host=host),
            day=at.day,
            start_time=at.start_time,
            duration=at.duration,
            fold=at.fold or 0,
        )
        for at in (first, second)
    ]


def refusal(call, **arguments):
    try:
        call(**arguments)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(("zone", "first", "second", "clash"), CASES)
def test_a_room(zone, first, second, clash, by):
    one, other = two_slots(zone, first, second)
    room = RoomFactory(venue=VenueFactory(territory=one.activity.territory))
    place_slot(slot_id=one.pk, room_id=room.pk, by=by, now=NOW)
    said = refusal(place_slot, slot_id=other.pk, room_id=room.pk, by=by, now=NOW)
    assert said == (Reason.ROOM_OCCUPIED if clash else None)


@pytest.mark.parametrize(("zone", "first", "second", "clash"), CASES)
def test_a_person(zone, first, second, clash, by):
    one, other = two_slots(zone, first, second)
    person = HostPersonFactory(host=one.activity.host)
    choose_people(slot_id=one.pk, person_ids=[person.pk], by=by, now=NOW)
    said = refusal(choose_people, slot_id=other.pk, person_ids=[person.pk], by=by, now=NOW)
    assert said == (Reason.PERSON_BUSY if clash else None)


@pytest.mark.parametrize(("zone", "first", "second", "clash"), CASES)
def test_a_move_with_people(zone, first, second, clash, by):
    one, other = two_slots(zone, first, when(dt.date(2027, 8, 1), 12))
    person = HostPersonFactory(host=one.activity.host)
    for slot in (one, other):
        AppearanceFactory(slot=slot, person=person)
    said = refusal(
        move_slot,
        slot_id=other.pk,
        day=second.day,
        start_time=second.start_time,
        duration=second.duration,
        fold=second.fold,
        by=by,
        now=NOW,
    )
    assert said == (Reason.PERSON_BUSY if clash else None)


@pytest.mark.parametrize(
    ("at", "reason"),
    [(when(SPRING, 2, 30), Reason.NO_SUCH_TIME), (when(AUTUMN, 2, 30), Reason.TIME_TWICE)],
)
def test_a_time_that_is_none_or_two_is_not_guessed(at, reason, by):
    slot, _other = two_slots(PARIS, when(DAY, 10), when(DAY, 12))
    room = RoomFactory(venue=VenueFactory(territory=slot.activity.territory))
    assert refusal(place_slot, slot_id=slot.pk, room_id=room.pk, when=at, by=by, now=NOW) == reason


def test_one_person_on_two_clocks_is_at_one_place_at_a_time(by):
    """Ten in Paris is noon on Réunion, in summer."""
    one, _other = two_slots(PARIS, when(DAY, 10), when(DAY, 20))
    person = HostPersonFactory(host=one.activity.host)
    AppearanceFactory(slot=one, person=person)
    for hour, expected in ((12, Reason.PERSON_BUSY), (10, None)):
        activity = ActivityFactory(host=one.activity.host)
        slot = SlotFactory(activity=activity, start_time=dt.time(hour), duration=60, timezone=REUNION)
        said = refusal(choose_people, slot_id=slot.pk, person_ids=[person.pk], by=by, now=NOW)
        assert said == expected


def test_a_withdrawn_slot_gives_room_and_people_back_and_does_not_take_them_again(by):
    one, other = two_slots(PARIS, when(DAY, 10), when(DAY, 10, 30))
    room = RoomFactory(venue=VenueFactory(territory=one.activity.territory))
    person = HostPersonFactory(host=one.activity.host)
    place_slot(slot_id=one.pk, room_id=room.pk, by=by, now=NOW)
    choose_people(slot_id=one.pk, person_ids=[person.pk], by=by, now=NOW)
    withdraw_slot(slot_id=one.pk, reason="Grève", by=by, now=NOW, by_host=True)
    place_slot(slot_id=other.pk, room_id=room.pk, by=by, now=NOW)
    choose_people(slot_id=other.pk, person_ids=[person.pk], by=by, now=NOW)
    assert [row.slot for row in RoomOccupancy.objects.active()] == [other]
