"""Waiting lists under real processes on both engines: an offer ends in one way, a place is held once, and the
books agree at every instant. Each promise with its negative control.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from typing import Any

import pytest

from events.models import Message, Registration, Slot
from events.registration.invariants import find_drift
from tests.factories import NOW, ActivityFactory, FestivalFactory, SlotFactory
from tests.ground import races
from tests.ground.site import Site
from tests.registration.people import give_back, register

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]
AT = NOW.isoformat()

ACTIONS = """
from django.db.models import F
from events.models import Registration, Slot
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.holds import _expire
from events.registration.invariants import find_drift
from events.registration.move import move_registration
from events.registration.settle import settle_hold, split_party
from events.registration.waiting import offer_where_free
from events.registration.withdraw import change_capacity


def settle(pk):
    settle_hold(registration_id=pk, now=now)
    return "settled"


def expire(pk, at):
    return "expired" if _expire(pk, dt.datetime.fromisoformat(at)) else "not over"


def give_back(pk, places=None):
    cancel_registration(registration_id=pk, now=now, places=places)
    return "given back"


def move(pk, to):
    move_registration(registration_id=pk, to_slot_id=to, now=now)
    return "moved"


def split(pk, first):
    split_party(registration_id=pk, first=first, now=now)
    return "split"


def book(slot, email, places, wait, any_of=()):
    register_party(
        slot_id=slot, email=email, party_size=places, submission_id=uuid.uuid4(), now=now, wait=wait,
        any_of=any_of,
    )
    return "booked"


def sweep():
    offer_where_free(now=now)
    return "swept"


def look():
    # What one snapshot shows, in the middle of everything.
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return [drift.rule for drift in find_drift(now=now)]


# What people usually write, for the negative control: look first, then write what was seen to be possible.

def look_then_settle(pk):
    registration = Registration.objects.get(pk=pk)
    meet()
    if registration.status != "held":
        return "not held"
    Registration.objects.filter(pk=pk).update(status="confirmed", hold="", held_until=None)
    Slot.objects.filter(pk=registration.slot_id).update(
        held=F("held") - registration.party_size, taken=F("taken") + registration.party_size
    )
    return "settled"


def look_then_expire(pk, at):
    registration = Registration.objects.get(pk=pk)
    meet()
    if registration.status != "held":
        return "not over"
    Registration.objects.filter(pk=pk).update(status="cancelled", cancelled_at=now, hold="", held_until=None)
    Slot.objects.filter(pk=registration.slot_id).update(held=F("held") - registration.party_size)
    return "expired"
"""


def race(site: Site, acts: list[tuple[Any, ...]]) -> list[Any]:
    return races.race(site, ACTIONS, acts, now=AT)


def offers(number: int) -> list[Registration]:
    """As many offers, each in a slot of its own, held until a day after now."""
    activity = ActivityFactory()
    found = []
    for index in range(number):
        slot = SlotFactory(activity=activity, capacity=2, start_time=dt.time(8, index))
        holder = register(slot, f"holder{index}", 2)
        waiting = register(slot, f"waiting{index}", 2, wait=True)
        give_back(holder, now=NOW)
        waiting.refresh_from_db()
        found.append(waiting)
    return found


class TestAcceptAndExpiry:
    """Two clocks that disagree by a moment: one hand takes the offer, the other ends it."""

    def both(self, settle: str, expire: str, held: list[Registration]) -> list[tuple[Any, ...]]:
        acts: list[tuple[Any, ...]] = []
        for one in held:
            assert one.held_until is not None
            acts += [(settle, one.pk), (expire, one.pk, one.held_until.isoformat())]
        return acts

    def test_each_offer_ends_in_one_way(self, database: Site) -> None:
        held = offers(12)

        answers = race(database, self.both("settle", "expire", held))

        pairs = [tuple(answers[index : index + 2]) for index in range(0, len(answers), 2)]
        assert set(pairs) <= {("settled", "not over"), ("offer_over", "expired")}
        states = Counter(
            Registration.objects.filter(pk__in=[one.pk for one in held]).values_list("status", flat=True)
        )
        assert states == Counter("confirmed" if pair[0] == "settled" else "cancelled" for pair in pairs)
        assert find_drift(now=NOW) == []

    def test_negative_control_looking_first_ends_some_in_both_ways(self, database: Site) -> None:
        held = offers(6)

        answers = race(database, self.both("look_then_settle", "look_then_expire", held))

        pairs = [tuple(answers[index : index + 2]) for index in range(0, len(answers), 2)]
        broken = [pair for pair in pairs if pair not in {("settled", "not over"), ("not held", "expired")}]
        assert broken or find_drift(now=NOW)


class TestAnyOfSeveral:
    def requests(self, slots: list[Slot], number: int) -> list[Registration]:
        """Holders of every place, and as many people who would take any of the slots."""
        held = [register(slot, f"h{slot.pk}-{n}") for slot in slots for n in range(3)]
        for n in range(number):
            register(slots[n % 4], f"w{n}", wait=True, any_of=[slot.pk for slot in slots])
        return held

    def slots(self) -> list[Slot]:
        activity = ActivityFactory()
        return [SlotFactory(activity=activity, capacity=3, start_time=dt.time(9 + n)) for n in range(4)]

    def test_one_request_is_never_held_two_places(self, database: Site) -> None:
        slots = self.slots()
        held = self.requests(slots, 6)

        answers = race(database, [("give_back", one.pk) for one in held] + [("sweep",)] * 2)

        assert Counter(answers) == {"given back": 12, "swept": 2}
        offered = Registration.objects.filter(status="held", hold="offer").values_list("any_of", flat=True)
        assert len(offered) == len(set(offered)) == 6
        assert find_drift(now=NOW) == []


class TestEverythingAtOnce:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_the_books_agree_at_every_instant(self, database: Site, seed: int) -> None:
        chance = random.Random(seed)
        activity = ActivityFactory(festival=FestivalFactory(most_bookings_per_day=3))
        slots = [SlotFactory(activity=activity, capacity=6, start_time=dt.time(9 + 2 * n)) for n in range(4)]
        for n in range(30):
            slot = slots[n % 4]
            register(slot, f"v{n}", chance.randint(1, 3), wait=True, any_of=[slots[(n + 1) % 4].pk])
        keys = [slot.pk for slot in slots]

        for _round in range(2):
            rows = list(Registration.objects.active().values_list("pk", "status", "slot"))
            acts: list[tuple[Any, ...]] = [("look",)] * 3 + [("sweep",)] * 2
            for pk, status, slot in chance.sample(rows, min(len(rows), 30)):
                acts.append(
                    {
                        "confirmed": chance.choice(
                            [("give_back", pk), ("give_back", pk, 1), ("move", pk, chance.choice(keys))]
                        ),
                        "waiting": chance.choice([("split", pk, 1), ("give_back", pk)]),
                        "held": chance.choice([("settle", pk), ("give_back", pk)]),
                    }[status]
                )
                acts.append(("book", slot, f"n{pk}-{_round}@example.org", chance.randint(1, 2), True, keys))
            answers = race(database, acts)

            seen = [answer for answer in answers if isinstance(answer, list)]
            assert seen == [[]] * 3
            errors = [answer for answer in answers if isinstance(answer, str) and ":" in answer]
            assert errors == []
            assert find_drift(now=NOW) == []
        assert Message.objects.filter(kind="offer").exists()
