"""Nobody is in two places and no room in two uses, however many place at once: real processes, both engines.

The negative controls take the guard away: what the site promises then no longer holds.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events import guards
from events.models import Appearance, RoomOccupancy, Slot
from events.registration.invariants import find_drift
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    AppearanceFactory,
    FestivalFactory,
    HostFactory,
    HostPersonFactory,
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
import random
from collections import Counter
from accounts.models import User
from events.models import Appearance, RoomOccupancy, Slot
from events.scheduling.people import choose_people
from events.scheduling.place import When, move_slot, place_slot, swap_rooms, unplace_slot
by = User.objects.get(pk=task["by"])
DAY = dt.date.fromisoformat(task["day"])


def choose(slot_id, *people):
    choose_people(slot_id=slot_id, person_ids=people, by=by, now=now)
    return "chosen"


def insert(slot_id, person_id):
    # What the admin, an import or plain SQL would do: no rule, no lock, and times that are not true.
    late = now + dt.timedelta(days=300)
    Appearance.objects.bulk_create(
        [Appearance(person_id=person_id, slot_id=slot_id, starts_at=late, ends_at=late + dt.timedelta(1))]
    )
    return "chosen"


def move(slot_id, hour):
    move_slot(slot_id=slot_id, day=DAY, start_time=dt.time(hour), duration=60, by=by, now=now)
    return "moved"


def move_by_hand(slot_id, starts_at):
    start = dt.datetime.fromisoformat(starts_at)
    Slot.objects.filter(pk=slot_id).update(starts_at=start, ends_at=start + dt.timedelta(hours=1))
    return "moved"


def storm(seed, number, slots, rooms, people):
    # Everything at random: one in ten by a rule, the others written past every rule.
    chance, said = random.Random(seed), Counter()
    for _ in range(number):
        do = step if chance.random() < 0.1 else write
        said[answer(do, chance, slots, rooms, people)] += 1
    return dict(said)


KNOWN = {
    "nobody_is_in_two_places": "nobody_is_in_two_places",
    "a_placed_slot_keeps_the_time_of_its_room": "a_placed_slot_keeps_the_time_of_its_room",
    "no_room_is_occupied_twice": "no_room_is_occupied_twice",
    "a_person_appears_once_in_a_slot": "already",
    "events_appearance.person_id, events_appearance.slot_id": "already",
}


def answer(do, chance, slots, rooms, people):
    try:
        return do(chance, slots, rooms, people)
    except Refused as refused:
        return refused.reason.value
    except IntegrityError as error:
        return next((said for name, said in KNOWN.items() if name in str(error)), f"IntegrityError: {error}")
    except OperationalError as error:
        # The rules try again; what is written past them the database may break off.
        if do is write and "deadlock detected" in str(error):
            return "broken_off"
        raise


def write(chance, slots, rooms, people):
    what, room = chance.random(), chance.choice(rooms[1:])
    start = dt.datetime.combine(DAY, dt.time(6), dt.UTC) + dt.timedelta(minutes=5 * chance.randrange(150))
    end = start + dt.timedelta(minutes=chance.choice((30, 45, 60, 90)))
    if what < 0.4:
        days = dt.timedelta(days=chance.randrange(10))
        RoomOccupancy.objects.bulk_create(
            [RoomOccupancy(room_id=room, label="x", starts_at=start + days, ends_at=end + days)]
        )
    elif what < 0.6:
        RoomOccupancy.objects.filter(
            room=room, slot=None, starts_at__lt=start + dt.timedelta(days=chance.randrange(10))
        ).delete()
    elif what < 0.8:
        Slot.objects.filter(pk=chance.choice(slots)).update(starts_at=start, ends_at=end)
    elif what < 0.95:
        insert(chance.choice(slots), chance.choice(people))
    else:
        Appearance.objects.filter(slot=chance.choice(slots)).delete()
    return "written"


def step(chance, slots, rooms, people):
    slot, other = chance.sample(slots, 2)
    at = dt.time(8 + chance.randrange(11), chance.randrange(12) * 5)
    when = When(DAY, at, chance.choice((30, 45, 60, 90)))
    what = chance.random()
    if what < 0.6:
        place_slot(slot_id=slot, room_id=chance.choice(rooms), when=when, by=by, now=now)
    elif what < 0.75:
        move_slot(slot_id=slot, day=DAY, start_time=at, duration=when.duration, by=by, now=now)
    elif what < 0.82:
        swap_rooms(slot_id=slot, other_id=other, by=by, now=now)
    elif what < 0.94:
        choose_people(slot_id=slot, person_ids=chance.sample(people, 2), by=by, now=now)
    else:
        unplace_slot(slot_id=slot, by=by, now=now)
    return "done"
"""


def race(site: Site, acts: list[list[Any]], *, by: int, processes: int = 5) -> list[Any]:
    """All acts at the same instant; their answers, in order."""
    return races.race(
        site, ACTIONS, acts, processes=processes, now=NOW.isoformat(), by=by, day=DAY.isoformat()
    )


@pytest.fixture
def host(database: Site):
    return HostFactory(territory=TerritoryFactory())


@pytest.fixture
def by(database: Site) -> int:
    return UserFactory().pk


def slots_of(host, number: int, *, hour: int = 10, **values) -> list[Slot]:
    """Slots of as many activities, an hour long and all at once."""
    festival = FestivalFactory()
    return [
        SlotFactory(
            activity=ActivityFactory(host=host, festival=festival),
            start_time=dt.time(hour),
            duration=60,
            **values,
        )
        for _ in range(number)
    ]


def overlaps(rows: Any, key: str) -> list[tuple[Any, Any]]:
    """Pairs of one room or person that share an instant."""
    return [
        (a, b)
        for _of, ones in itertools.groupby(rows.order_by(key, "starts_at"), key=lambda row: getattr(row, key))
        for a, b in itertools.combinations(ones, 2)
        if a.starts_at < b.ends_at and b.starts_at < a.ends_at
    ]


def test_of_forty_slots_at_once_a_person_gets_exactly_one(database: Site, host, by):
    person, slots = HostPersonFactory(host=host), slots_of(host, 40)

    answers = race(database, [["choose", slot.pk, person.pk] for slot in slots], by=by)

    assert Counter(answers) == {"chosen": 1, "person_busy": 39}
    assert Appearance.objects.count() == 1


def test_forty_bare_inserts_leave_one_too(database: Site, host, by):
    person, slots = HostPersonFactory(host=host), slots_of(host, 40)

    answers = race(database, [["insert", slot.pk, person.pk] for slot in slots], by=by)

    assert answers.count("chosen") == 1
    refused = [answer for answer in answers if answer != "chosen"]
    assert [answer for answer in refused if not races.is_refused_by(guards.PERSON_GUARD, answer)] == []
    assert Appearance.objects.count() == 1


def test_without_the_guard_more_than_one_gets_in(database: Site, host, by):
    person, slots = HostPersonFactory(host=host), slots_of(host, 40)
    guards.lift(connection, guards.PEOPLE)

    answers = race(database, [["insert", slot.pk, person.pk] for slot in slots], by=by)

    assert answers.count("chosen") > 1
    assert overlaps(Appearance.objects.all(), "person_id") != []


def test_without_the_ties_a_slot_moved_by_hand_leaves_its_people_behind(database: Site, host, by):
    person = HostPersonFactory(host=host)
    first, second = slots_of(host, 1, hour=10) + slots_of(host, 1, hour=14)
    for slot in (first, second):
        AppearanceFactory(slot=slot, person=person)
    act = ["move_by_hand", second.pk, first.starts_at.isoformat()]

    assert guards.PERSON_GUARD in race(database, [act], by=by)[0]
    guards.untie(connection)
    assert race(database, [act], by=by) == ["moved"]
    assert Slot.objects.filter(starts_at=first.starts_at).count() == 2


def test_moves_that_cross_with_the_same_people_end_without_a_deadlock(database: Site, host, by):
    """Thirty slots of the same two people, each its own hour of its own day: all want the same hour."""
    people = [HostPersonFactory(host=host) for _ in range(2)]
    slots = []
    for number in range(30):
        (slot,) = slots_of(host, 1, day=DAY + dt.timedelta(days=1 + number), hour=10)
        for person in people if number % 2 else people[::-1]:
            AppearanceFactory(slot=slot, person=person)
        slots.append(slot)

    answers = race(database, [["move", slot.pk, 10] for slot in slots], by=by)

    assert Counter(answers) == {"moved": 1, "person_busy": 29}
    assert overlaps(Appearance.objects.all(), "person_id") == []


def test_a_slot_moved_while_somebody_is_chosen_keeps_their_times_the_same(database: Site, host, by):
    people, slots = [HostPersonFactory(host=host) for _ in range(12)], slots_of(host, 12)
    acts = []
    for number, (slot, person) in enumerate(zip(slots, people, strict=True)):
        acts += [["insert", slot.pk, person.pk], ["move", slot.pk, 12 + number % 4]]

    answers = race(database, acts, by=by)

    assert set(answers) == {"chosen", "moved"}
    assert find_drift(now=timezone.now()) == []


ANSWERS = {
    "done",
    "room_occupied",
    "person_busy",
    "wrong_state",
    "same_start",
    "written",
    "already",
    "broken_off",
    guards.GUARD,
    guards.PERSON_GUARD,
    guards.TIED_GUARD,
}
"""No time-out, no error of another kind; a deadlock (``broken_off``) in nothing that a rule does."""


def test_ten_thousand_random_placements_never_overlap(database: Site, host, by):
    number = 10_000
    venue = VenueFactory(territory=host.territory)
    parts = [RoomFactory(venue=venue, turnover_minutes=5 * n, safety_capacity=None) for n in range(4)]
    hall = RoomFactory(venue=venue, safety_capacity=None, comfort_capacity=None)
    hall.parts.set(parts[:2])
    people = [HostPersonFactory(host=host) for _ in range(6)]
    slots = slots_of(host, 20, state="draft") + slots_of(host, 20, hour=15)
    rooms, workers = [hall.pk, *(room.pk for room in parts)], 4

    acts = [
        ["storm", seed, number // workers, [slot.pk for slot in slots], rooms, [one.pk for one in people]]
        for seed in range(workers)
    ]
    answers = race(database, acts, by=by, processes=workers)

    said: Counter[str] = Counter()
    for answer in answers:
        assert isinstance(answer, dict), answer
        said.update(answer)
    assert said.total() == number
    assert set(said) <= ANSWERS
    assert {"done", "written", "room_occupied", guards.GUARD, guards.PERSON_GUARD} <= set(said)
    assert overlaps(RoomOccupancy.objects.active(), "room_id") == []
    assert overlaps(Appearance.objects.filter(active=True), "person_id") == []
    assert [drift.rule for drift in find_drift(now=timezone.now())] == []
