"""When booking opens: announced, changed, taken back, in two waves; what is open stays open."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Activity, JournalEntry, Opening, Pool, Programme, Slot
from events.moderation import accept_activity
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.foresight import Preview, preview_opening
from events.registration.invariants import find_drift
from events.registration.openings import announce_opening, drop_opening, lay_openings
from events.registration.pools import Share, set_pools
from events.registration.withdraw import change_capacity
from events.scheduling.repeat import PlannedSlot, add_slots
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

FIRST = NOW + dt.timedelta(days=3)
SECOND = NOW + dt.timedelta(days=10)


def announce(festival: Any, **fields: Any) -> Opening:
    fields = {"programme": None, "territory": None, "opens_at": FIRST, "by": None, "now": NOW} | fields
    return announce_opening(festival=festival, **fields)


def book(slot: Slot, name: str, places: int = 1, *, now: dt.datetime = NOW, **fields: Any) -> str:
    registration = register_party(
        slot_id=slot.pk,
        email=f"{name}@example.org",
        party_size=places,
        submission_id=uuid.uuid4(),
        now=now,
        **fields,
    ).registration
    return registration.status


def opens(slot: Slot) -> dt.datetime | None:
    slot.refresh_from_db()
    return slot.opens_at


def wave(slot: Slot) -> int:
    return sum(slot.pools.filter(kind="later", released_at__isnull=True).values_list("places", flat=True))


class TestAnnouncing:
    def test_closes_what_nobody_has_booked_until_then_and_says_who_did_it(self) -> None:
        slot, by = SlotFactory(), UserFactory()

        announce(slot.activity.festival, by=by)

        assert opens(slot) == FIRST
        assert JournalEntry.objects.values_list("verb", "actor").get() == ("announce_opening", by.pk)
        with pytest.raises(Refused) as refused:
            book(slot, "camille")
        assert refused.value.reason == Reason.NOT_OPEN_YET
        assert book(slot, "camille", now=FIRST) == "confirmed"

    def test_leaves_open_what_somebody_has_booked(self) -> None:
        slot = SlotFactory()
        book(slot, "camille")

        announce(slot.activity.festival)

        assert opens(slot) is None
        assert book(slot, "dominique") == "confirmed"

    def test_leaves_what_was_set_by_hand_and_what_has_begun_by_then(self) -> None:
        by_hand = SlotFactory(opens_at=SECOND)
        festival = by_hand.activity.festival
        early = SlotFactory(activity__festival=festival, day=dt.date(2027, 5, 5))

        announce(festival)

        assert (opens(by_hand), opens(early)) == (SECOND, None)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"opens_at": NOW}, Reason.IN_THE_PAST),
            ({"second_opens_at": SECOND}, Reason.WRONG_STATE),
            ({"second_share": 20}, Reason.WRONG_STATE),
            ({"second_opens_at": FIRST, "second_share": 20}, Reason.WRONG_STATE),
            ({"second_opens_at": SECOND, "second_share": 91}, Reason.WRONG_STATE),
            ({"second_opens_at": SECOND, "second_share": 0}, Reason.WRONG_STATE),
        ],
    )
    def test_refused(self, fields: dict[str, Any], reason: Reason) -> None:
        with pytest.raises(Refused) as refused:
            announce(FestivalFactory(), **fields)

        assert refused.value.reason == reason
        assert not Opening.objects.exists()

    def test_the_narrowest_part_wins_whatever_the_order(self) -> None:
        slot = SlotFactory()
        festival, territory = slot.activity.festival, slot.activity.territory
        programme = Programme.objects.create(festival=festival, name="Assembly", slug="assembly")
        Activity.objects.update(programme=programme)

        announce(festival, territory=territory, opens_at=FIRST + dt.timedelta(hours=2))
        announce(festival, programme=programme, opens_at=FIRST + dt.timedelta(hours=1))
        announce(festival)
        assert opens(slot) == FIRST + dt.timedelta(hours=2)

        announce(festival, programme=programme, territory=territory, opens_at=FIRST + dt.timedelta(hours=3))
        assert opens(slot) == FIRST + dt.timedelta(hours=3)

    def test_slots_published_later_follow_it(self) -> None:
        draft = SlotFactory(state="draft", activity__state="submitted")
        announce(draft.activity.festival)
        accept_activity(activity_id=draft.activity_id, by=UserFactory(), now=NOW)
        planned = PlannedSlot(DAY, dt.time(20), 30, "Europe/Paris")
        instant = dt.datetime(2027, 6, 10, 18, tzinfo=dt.UTC)
        planned = PlannedSlot(DAY, dt.time(20), 30, "Europe/Paris", None, instant)

        (added,) = add_slots(
            activity_id=draft.activity_id, planned=[planned], capacity=5, by=UserFactory(), now=NOW
        )

        assert (opens(draft), opens(added)) == (FIRST, FIRST)

    def test_a_slot_added_beside_it_closes_none_that_is_open(self) -> None:
        slot = SlotFactory()
        booked = book(slot, "camille")
        announce(slot.activity.festival)
        Slot.objects.update(taken=0)  # the place is given back

        lay_openings(festival=slot.activity.festival, now=NOW, activity=slot.activity)

        assert (booked, opens(slot)) == ("confirmed", None)


class TestChanging:
    def test_moves_what_waits_for_it_only(self) -> None:
        slot = SlotFactory()
        festival = slot.activity.festival
        announce(festival)
        other = SlotFactory(activity=slot.activity, start_time=dt.time(20))  # open, beside the announcement

        announce(festival, opens_at=SECOND)

        assert (opens(slot), opens(other)) == (SECOND, None)
        assert Opening.objects.count() == 1

    def test_never_closes_what_has_opened(self) -> None:
        slot = SlotFactory()
        announce(slot.activity.festival)

        announce(slot.activity.festival, opens_at=SECOND, now=FIRST)
        announce(slot.activity.festival, territory=slot.activity.territory, opens_at=SECOND, now=FIRST)

        assert opens(slot) == FIRST
        assert book(slot, "camille", now=FIRST) == "confirmed"

    def test_taken_back_the_slots_follow_the_wider_one_or_open(self) -> None:
        slot = SlotFactory()
        festival, territory = slot.activity.festival, slot.activity.territory
        wide = announce(festival, opens_at=SECOND)
        narrow = announce(festival, territory=territory, second_opens_at=SECOND, second_share=20)
        assert (opens(slot), wave(slot)) == (FIRST, 2)

        drop_opening(opening_id=narrow.pk, by=None, now=NOW)
        assert (opens(slot), wave(slot), slot.reserved) == (SECOND, 0, 0)

        drop_opening(opening_id=wide.pk, by=None, now=NOW)
        assert (opens(slot), slot.opening_id) == (None, None)
        assert book(slot, "camille") == "confirmed"
        assert find_drift(now=NOW) == []

    def test_taken_back_after_it_opened_the_second_wave_stays(self) -> None:
        slot = SlotFactory()
        opening = announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)

        drop_opening(opening_id=opening.pk, by=None, now=FIRST)

        assert (opens(slot), wave(slot), slot.next_release_at) == (FIRST, 2, SECOND)


class TestTheSecondWave:
    def test_opens_on_the_second(self) -> None:
        slot = SlotFactory()
        announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)
        assert book(slot, "camille", 6, now=FIRST) == "confirmed"
        assert book(slot, "dominique", 2, now=FIRST) == "confirmed"

        with pytest.raises(Refused) as refused:
            book(slot, "sacha", now=SECOND - dt.timedelta(seconds=1))
        assert (refused.value.reason, refused.value.facts["places_left"]) == (Reason.FULL, 0)

        assert book(slot, "sacha", 2, now=SECOND) == "confirmed"
        assert find_drift(now=SECOND) == []

    def test_who_waits_is_served_before_it(self) -> None:
        slot = SlotFactory(capacity=5)
        announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)
        book(slot, "camille", 4, now=FIRST)
        assert book(slot, "dominique", now=FIRST, wait=True) == "waiting"

        with pytest.raises(Refused) as refused:
            book(slot, "sacha", now=SECOND)

        assert refused.value.reason == Reason.FULL
        assert slot.registrations.get(visitor__email="dominique@example.org").status == "held"

    @pytest.mark.parametrize(
        ("capacity", "share", "kept"), [(10, 20, 2), (12, 20, 2), (4, 20, 0), (1, 90, 0), (10, 90, 9)]
    )
    def test_is_a_share_rounded_down(self, capacity: int, share: int, kept: int) -> None:
        slot = SlotFactory(capacity=capacity)

        announce(slot.activity.festival, second_opens_at=SECOND, second_share=share)

        slot.refresh_from_db()
        assert (wave(slot), slot.reserved) == (kept, kept)

    def test_never_comes_where_the_visit_has_begun_by_then_or_has_no_limit(self) -> None:
        early = SlotFactory(day=dt.date(2027, 5, 10))
        endless = SlotFactory(activity=early.activity, capacity=None)

        announce(early.activity.festival, second_opens_at=SECOND, second_share=20)

        assert (opens(early), opens(endless)) == (FIRST, FIRST)
        assert not Pool.objects.exists()

    def test_leaves_other_reserves_alone(self) -> None:
        slot = SlotFactory(capacity=10)
        set_pools(slot_id=slot.pk, shares=[Share("access", 8)], by=None, now=NOW)

        announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)

        assert dict(slot.pools.values_list("kind", "places")) == {
            "access": 8
        }  # none would be left for June 2
        assert find_drift(now=NOW) == []

    def test_follows_the_capacity(self) -> None:
        slot, by = SlotFactory(capacity=10), UserFactory()
        announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)

        change_capacity(slot_id=slot.pk, capacity=20, now=NOW, by=by)
        assert wave(slot) == 4
        book(slot, "camille", 5, now=FIRST)
        change_capacity(slot_id=slot.pk, capacity=6, now=FIRST, by=by)
        assert wave(slot) == 1

        change_capacity(slot_id=slot.pk, capacity=5, now=FIRST, by=by)
        assert wave(slot) == 0
        with pytest.raises(Refused) as refused:
            change_capacity(slot_id=slot.pk, capacity=4, now=FIRST, by=by)
        assert (refused.value.reason, refused.value.facts) == (Reason.PLACES_TAKEN, {"taken": 5})
        assert find_drift(now=FIRST) == []

    def test_one_set_by_hand_stays_as_large_when_places_are_added(self) -> None:
        slot = SlotFactory(capacity=10)
        announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)
        set_pools(slot_id=slot.pk, shares=[Share("later", 5, SECOND)], by=None, now=NOW)

        change_capacity(slot_id=slot.pk, capacity=20, now=NOW, by=UserFactory())

        assert wave(slot) == 5

    def test_without_limit_it_is_gone(self) -> None:
        slot = SlotFactory(capacity=10)
        announce(slot.activity.festival, second_opens_at=SECOND, second_share=20)

        change_capacity(slot_id=slot.pk, capacity=None, now=NOW, by=UserFactory())

        slot.refresh_from_db()
        assert (wave(slot), slot.reserved, slot.next_release_at) == (0, 0, None)


def test_a_hundred_slots_cost_no_more_statements_than_three() -> None:
    activity = ActivityFactory()

    def statements(number: int) -> int:
        taken = activity.slots.count()
        for index in range(taken, number):
            SlotFactory(activity=activity, start_time=dt.time(8 + index // 60, index % 60), duration=5)
        Opening.objects.all().delete()
        Pool.objects.all().delete()
        Slot.objects.update(opening=None, opens_at=None, reserved=0, next_release_at=None)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            announce(activity.festival, second_opens_at=SECOND, second_share=20)
        assert Pool.objects.count() == number
        return len(queries)

    assert statements(3) == statements(100)
    assert find_drift(now=NOW) == []


class TestTheForesight:
    def foresee(self, festival: Any, **fields: Any) -> Preview:
        fields = {"programme": None, "territory": None, "opens_at": FIRST, "now": NOW} | fields
        return preview_opening(festival=festival, **fields)

    def test_counts_slots_and_places_of_each_wave(self) -> None:
        activity = ActivityFactory()
        festival = activity.festival
        SlotFactory(activity=activity, capacity=10)
        SlotFactory(activity=activity, capacity=3)
        SlotFactory(activity=activity, capacity=10, day=dt.date(2027, 5, 5))
        book(SlotFactory(activity=activity, capacity=8), "camille")
        SlotFactory(activity__festival=festival, activity__mode="drop_in")
        waves = {"second_opens_at": SECOND, "second_share": 20}

        seen = self.foresee(festival, **waves)

        assert seen == Preview(slots=2, places=13, second_slots=1, second_places=2, stay_open=1, too_late=1)
        assert seen.first_places == 11
        assert not Opening.objects.exists()
        announce(festival, **waves)
        assert Slot.objects.filter(opens_at=FIRST, activity__mode="first_come").count() == seen.slots
        assert sum(Pool.objects.values_list("places", flat=True)) == seen.second_places

    def test_sees_the_narrower_part_and_the_one_it_replaces(self) -> None:
        slot = SlotFactory()
        festival, territory = slot.activity.festival, slot.activity.territory
        SlotFactory(activity__festival=festival)
        announce(festival, territory=territory)

        assert self.foresee(festival).slots == 1
        assert self.foresee(festival, territory=territory, opens_at=SECOND).slots == 1
        assert self.foresee(festival, territory=TerritoryFactory()).slots == 0

    def test_asks_as_much_for_three_slots_as_for_one(self) -> None:
        activity = ActivityFactory()
        counts = []
        for _number in range(2):
            SlotFactory(activity=activity)
            with CaptureQueriesContext(connection) as queries:
                self.foresee(activity.festival)
            counts.append(len(queries))
            SlotFactory(activity=activity)

        assert counts[0] == counts[1]
