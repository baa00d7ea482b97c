"""A room is never held twice, and nobody is told of a deadlock: with real processes, on both engines.

The negative controls take the guard away: what the site promises then no longer holds.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from events import guards
from events.models import Room, RoomOccupancy, Slot
from tests.factories import (
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)
from tests.ground import races
from tests.ground.site import Site

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]

ACTIONS = """
from accounts.models import User
from events.models import Room, RoomOccupancy, Slot
from events.scheduling.place import place_slot, unplace_slot
from tests.ground.locks import who_wait
by = User.objects.get(pk=task["by"])


def place(slot_id, room_id):
    place_slot(slot_id=slot_id, room_id=room_id, by=by, now=now)
    return "placed"


def insert(slot_id, room_id):
    # What the admin, an import or plain SQL would do: no rule, no lock.
    slot = Slot.objects.get(pk=slot_id)
    RoomOccupancy.objects.bulk_create(
        [RoomOccupancy(room_id=room_id, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at)]
    )
    return "placed"


def series(*pairs):
    # One after the other in one transaction: what two people do who fill a day from both ends.
    said = []
    for slot_id, room_id in pairs:
        try:
            said.append(place(slot_id, room_id))
        except Refused as refused:
            said.append(refused.reason.value)
    return said


def place_and_linger(slot_id, room_id):
    with transaction.atomic():
        place(slot_id, room_id)
        with open(task["sign"], "w"):
            pass  # the other one comes now
        time.sleep(0.3)
        while connection.vendor == "postgresql" and not who_wait():
            time.sleep(0.01)
    return "placed"


def take_out(slot_id):
    while not os.path.exists(task["sign"]):
        time.sleep(0.01)
    unplace_slot(slot_id=slot_id, by=by, now=now)
    return "out"
"""


def race(site: Site, acts: list[list[Any]], *, by: int) -> list[Any]:
    """All acts at the same instant; their answers, in order."""
    sign = str(site.var_dir / "sign")
    return races.race(site, ACTIONS, acts, processes=5, now=NOW.isoformat(), by=by, sign=sign)


@pytest.fixture
def venue(database: Site):
    return VenueFactory(territory=TerritoryFactory())


@pytest.fixture
def by(database: Site) -> int:
    return UserFactory().pk


def slots_at_once(venue, number: int, *, minutes_apart: int = 0) -> list[Slot]:
    """Slots of as many activities, all at ten, or one after the other."""
    host, festival = HostFactory(territory=venue.territory), FestivalFactory()
    start = dt.datetime(2027, 6, 10, 10)
    return [
        SlotFactory(
            activity=ActivityFactory(host=host, festival=festival),
            day=start.date(),
            start_time=(start + dt.timedelta(minutes=minutes_apart * n)).time(),
            duration=60,
        )
        for n in range(number)
    ]


def clashes() -> list[tuple[RoomOccupancy, RoomOccupancy]]:
    """Pairs of active occupancies of one room that share an instant."""
    rows = list(RoomOccupancy.objects.active().order_by("room", "starts_at"))
    return [
        (a, b)
        for a, b in itertools.combinations(rows, 2)
        if a.room_id == b.room_id and a.starts_at < b.ends_at and b.starts_at < a.ends_at
    ]


def test_of_fifty_placements_into_one_room_exactly_one_gets_in(database: Site, venue, by):
    room = RoomFactory(venue=venue)
    slots = slots_at_once(venue, 50)

    answers = race(database, [["place", slot.pk, room.pk] for slot in slots], by=by)

    assert Counter(answers) == {"placed": 1, "room_occupied": 49}
    assert RoomOccupancy.objects.count() == 1
    assert Slot.objects.filter(room=room).count() == 1


def test_fifty_bare_inserts_into_one_room_leave_one_row_too(database: Site, venue, by):
    room = RoomFactory(venue=venue)
    slots = slots_at_once(venue, 50)

    answers = race(database, [["insert", slot.pk, room.pk] for slot in slots], by=by)

    assert answers.count("placed") == 1
    refused = [answer for answer in answers if answer != "placed"]
    assert [answer for answer in refused if not races.is_refused_by(guards.GUARD, answer)] == []
    assert RoomOccupancy.objects.count() == 1


def test_without_the_guard_more_than_one_gets_in(database: Site, venue, by):
    room = RoomFactory(venue=venue)
    slots = slots_at_once(venue, 50)
    guards.lift(connection)

    answers = race(database, [["insert", slot.pk, room.pk] for slot in slots], by=by)

    assert answers.count("placed") > 1
    assert len(clashes()) > 0


def test_crossing_series_fill_the_rooms_and_nobody_sees_a_deadlock(database: Site, venue, by):
    rooms = [RoomFactory(venue=venue) for _ in range(4)]
    acts = []
    for number in range(20):
        mine = slots_at_once(venue, len(rooms), minutes_apart=60)
        order = rooms if number % 2 else rooms[::-1]
        acts.append(["series", *([slot.pk, room.pk] for slot, room in zip(mine, order, strict=True))])

    answers = race(database, acts, by=by)

    said = Counter(itertools.chain.from_iterable(answers))
    assert set(said) <= {"placed", "room_occupied"}
    assert said["placed"] == RoomOccupancy.objects.count()
    assert said["placed"] >= len(rooms)
    assert clashes() == []


def test_a_slot_taken_out_while_it_moves_to_another_room_is_in_none(database: Site, venue, by):
    """Who waits for the slot's row sees the room it moved to, not the one it was in when it asked."""
    room, other = RoomFactory(venue=venue), RoomFactory(venue=venue)
    (slot,) = slots_at_once(venue, 1)
    assert race(database, [["place", slot.pk, room.pk]], by=by) == ["placed"]

    acts = [["place_and_linger", slot.pk, other.pk], ["take_out", slot.pk]]
    assert race(database, acts, by=by) == ["placed", "out"]

    slot.refresh_from_db()
    assert (slot.room, slot.occupancies.count()) == (None, 0)


def test_halls_and_their_parts_at_once_never_clash(database: Site, venue, by):
    parts = [RoomFactory(venue=venue, safety_capacity=None) for _ in range(3)]
    halls = []
    for pair in itertools.combinations(parts, 2):
        hall = RoomFactory(venue=venue, safety_capacity=None, comfort_capacity=None)
        hall.parts.set(pair[::-1])
        halls.append(hall)
    rooms: list[Room] = [*halls, *parts]
    slots = slots_at_once(venue, 24)

    acts = [["place", slot.pk, rooms[number % len(rooms)].pk] for number, slot in enumerate(slots)]
    answers = race(database, acts, by=by)

    assert set(answers) == {"placed", "room_occupied"}
    assert clashes() == []
    for slot in Slot.objects.filter(room__isnull=False):
        parts_of_it = slot.room.parts.count() if slot.room else 0
        assert slot.occupancies.count() == (parts_of_it or 1)


def test_one_slot_pulled_into_many_rooms_ends_in_one(database: Site, venue, by):
    rooms = [RoomFactory(venue=venue) for _ in range(10)]
    (slot,) = slots_at_once(venue, 1)

    answers = race(database, [["place", slot.pk, room.pk] for room in rooms], by=by)

    assert set(answers) == {"placed"}
    slot.refresh_from_db()
    assert [row.room_id for row in RoomOccupancy.objects.all()] == [slot.room_id]
