"""Places kept for some people, and more bookings than places: each refusal, and that the books stay true."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events.models import JournalEntry, Pool, Registration, Slot
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.forgetting import purge_expired
from events.registration.invariants import find_drift
from events.registration.overbooking import choices, risk_of_turning_away
from events.registration.pools import Share, release_all_due, release_due, set_pools
from events.registration.withdraw import change_capacity, change_overbook
from tests.factories import NOW, SlotFactory, UserFactory

pytestmark = pytest.mark.django_db

LATER = NOW + dt.timedelta(days=7)


def keep(slot: Slot, *shares: Share, **fields: Any) -> Slot:
    fields = {"by": None, "now": NOW} | fields
    kept = set_pools(slot_id=slot.pk, shares=shares, **fields)
    assert find_drift(now=fields["now"]) == []
    return kept


def book(slot: Slot, name: str, places: int = 1, *, now: dt.datetime = NOW, **fields: Any) -> Registration:
    return register_party(
        slot_id=slot.pk,
        email=f"{name}@example.org",
        party_size=places,
        submission_id=uuid.uuid4(),
        now=now,
        **fields,
    ).registration


def refusal(rule: Any, *arguments: Any, **fields: Any) -> tuple[Reason, dict[str, Any]]:
    with pytest.raises(Refused) as refused:
        rule(*arguments, **fields)
    return refused.value.reason, refused.value.facts


class TestKeeping:
    def test_what_is_kept_is_nobody_elses(self) -> None:
        slot, by = SlotFactory(capacity=5), UserFactory()

        keep(slot, Share("access", 2), Share("walk_in", 1), by=by)

        slot.refresh_from_db()
        assert (slot.reserved, slot.places_left) == (3, 2)
        entry = JournalEntry.objects.get()
        assert (entry.verb, entry.actor, entry.text) == ("set_pools", by, " → access 2, walk_in 1")
        assert refusal(book, slot, "camille", 3) == (Reason.FULL, {"places_left": 2, "can_wait": True})
        assert book(slot, "camille", 2, pool="access").pool == "access"
        assert find_drift(now=NOW) == []

    def test_said_twice_the_same_is_said_once(self) -> None:
        slot = SlotFactory()
        for _again in range(2):
            keep(slot, Share("access", 2))

        assert JournalEntry.objects.count() == 1

    def test_refused_where_there_is_no_limit(self) -> None:
        slot = SlotFactory(capacity=None)
        assert refusal(keep, slot, Share("access", 1)) == (Reason.NO_LIMIT, {})

    def test_refused_in_a_withdrawn_slot_and_in_one_that_has_begun(self) -> None:
        gone = SlotFactory(state="cancelled", cancelled_at=NOW)
        assert refusal(keep, gone, Share("access", 1)) == (Reason.WRONG_STATE, {})
        slot = SlotFactory()
        assert refusal(keep, slot, Share("access", 1), now=slot.starts_at) == (Reason.WRONG_STATE, {})

    def test_refused_when_more_is_kept_than_is_left(self) -> None:
        slot = SlotFactory(capacity=5)
        book(slot, "camille", 2)

        assert refusal(keep, slot, Share("access", 2), Share("group", 2)) == (
            Reason.PLACES_TAKEN,
            {"left": 3},
        )
        assert not Pool.objects.exists()

    def test_refused_under_what_is_taken_of_it(self) -> None:
        slot = SlotFactory()
        keep(slot, Share("group", 4))
        book(slot, "camille", 3, pool="group")

        assert refusal(keep, slot, Share("group", 2)) == (
            Reason.POOL_TAKEN,
            {"kind": "group", "taken": 3},
        )
        keep(slot)
        assert Pool.objects.values_list("places", "taken").get() == (3, 3)

    @pytest.mark.parametrize("when", [NOW, None])
    def test_refused_when_released_too_early_or_too_late(self, when: dt.datetime | None) -> None:
        slot = SlotFactory()
        at = when or slot.starts_at
        assert refusal(keep, slot, Share("access", 1, at)) == (Reason.IN_THE_PAST, {"kind": "access"})

    def test_fewer_places_than_are_kept_are_refused_with_both_numbers(self) -> None:
        slot = SlotFactory(capacity=10)
        keep(slot, Share("access", 2))
        book(slot, "camille", 3)

        changed = {"slot_id": slot.pk, "now": NOW, "by": UserFactory()}
        assert refusal(change_capacity, capacity=4, **changed) == (
            Reason.PLACES_TAKEN,
            {"taken": 3, "kept": 2},
        )
        assert refusal(change_capacity, capacity=None, **changed)[0] == Reason.PLACES_TAKEN
        assert change_capacity(capacity=5, **changed).capacity == 5
        assert find_drift(now=NOW) == []

    @pytest.mark.parametrize("kind", ["walk_in", "later", "nonsense"])
    def test_nobody_books_places_of_the_door_or_of_the_second_wave(self, kind: str) -> None:
        slot = SlotFactory(capacity=2)
        keep(slot, *[Share(kind, 2)] if kind != "nonsense" else [])

        assert refusal(book, slot, "camille", pool=kind) == (Reason.WRONG_STATE, {})


class TestReleasing:
    def test_the_rest_is_everybodys_on_the_second(self) -> None:
        slot = SlotFactory(capacity=3)
        keep(slot, Share("group", 3, LATER))
        book(slot, "camille", pool="group")

        assert release_due(slot_id=slot.pk, now=LATER - dt.timedelta(seconds=1)) is False
        assert release_due(slot_id=slot.pk, now=LATER) is True
        assert release_due(slot_id=slot.pk, now=LATER) is False

        slot.refresh_from_db()
        assert (slot.reserved, slot.next_release_at, slot.places_left) == (0, None, 2)
        assert find_drift(now=LATER) == []

    def test_a_place_given_back_after_it_is_everybodys(self) -> None:
        slot = SlotFactory(capacity=1)
        keep(slot, Share("access", 1, LATER))
        mine = book(slot, "camille", pool="access")
        release_all_due(now=LATER)

        cancel_registration(registration_id=mine.pk, now=LATER)

        assert book(slot, "dominique", now=LATER).pool == ""
        assert find_drift(now=LATER) == []

    def test_a_place_given_back_before_it_is_kept_again(self) -> None:
        slot = SlotFactory(capacity=1)
        keep(slot, Share("access", 1, LATER))

        cancel_registration(registration_id=book(slot, "camille", pool="access").pk, now=NOW)

        assert refusal(book, slot, "dominique")[0] == Reason.FULL
        assert book(slot, "sacha", pool="access").pool == "access"


class TestForgetting:
    def test_the_need_of_an_access_is_forgotten_30_days_after_the_visit(self) -> None:
        slot = SlotFactory(capacity=5)
        keep(slot, Share("access", 2), Share("group", 1))
        book(slot, "camille", pool="access")
        book(slot, "dominique", pool="group")
        given_back = book(slot, "sacha", pool="access")
        cancel_registration(registration_id=given_back.pk, now=NOW)

        purge_expired(now=slot.ends_at + dt.timedelta(days=30))
        assert Registration.objects.filter(pool="access").count() == 2
        purge_expired(now=slot.ends_at + dt.timedelta(days=30, seconds=1))

        assert sorted(Registration.objects.values_list("visitor__email", "pool")) == [
            ("camille@example.org", ""),
            ("dominique@example.org", "group"),
            ("sacha@example.org", ""),
        ]
        slot.refresh_from_db()
        assert (slot.taken, slot.reserved) == (2, 0)
        assert find_drift(now=NOW) == []


class TestOverbooking:
    def change(self, slot: Slot, overbook: int) -> Slot:
        return change_overbook(slot_id=slot.pk, overbook=overbook, now=NOW, by=UserFactory())

    def test_lets_so_many_more_book_and_offers_them_to_who_waits(self) -> None:
        slot = SlotFactory(capacity=1)
        book(slot, "camille")
        waiting = book(slot, "dominique", wait=True)

        self.change(slot, 1)

        waiting.refresh_from_db()
        assert (waiting.status, waiting.hold) == ("held", "offer")
        assert JournalEntry.objects.get().text == "+0 → +1"
        assert find_drift(now=NOW) == []

    def test_refused(self) -> None:
        slot = SlotFactory(capacity=4, safety_capacity=5)
        gone = SlotFactory(capacity=4, state="cancelled", cancelled_at=NOW)

        assert refusal(self.change, slot, 2) == (Reason.ROOM_TOO_SMALL, {"most": 1})
        assert refusal(self.change, gone, 1) == (Reason.WRONG_STATE, {})
        assert refusal(self.change, SlotFactory(capacity=None), 1) == (Reason.NO_LIMIT, {})
        self.change(slot, 1)
        book(slot, "camille", 5)
        assert refusal(self.change, slot, 0) == (Reason.PLACES_TAKEN, {"taken": 5})

    def test_the_risk_is_the_tail_of_a_binomial(self) -> None:
        assert round(risk_of_turning_away(capacity=12, booked=14, absence=0.28), 4) == 0.0648
        assert round(risk_of_turning_away(capacity=12, booked=14, absence=0.32), 4) == 0.0343
        assert risk_of_turning_away(capacity=1, booked=2, absence=0.5) == pytest.approx(0.25)
        assert risk_of_turning_away(capacity=12, booked=12, absence=0.28) == 0
        assert risk_of_turning_away(capacity=12, booked=13, absence=0) == 1

    def test_the_choices_of_a_small_and_of_a_large_slot(self) -> None:
        small = choices(capacity=12, absence=0.28, most=None)
        large = choices(capacity=5000, absence=0.28, most=None)

        assert [(one.booked, round(100 * one.risk)) for one in small] == [
            *((12, 0), (13, 1), (14, 6), (15, 16), (16, 30)),
        ]
        assert len(large) <= 8
        assert large[-1].booked > 6800
        assert [one.risk for one in large] == sorted(one.risk for one in large)

    def test_no_choice_above_what_the_building_may_hold_or_where_everybody_comes(self) -> None:
        assert [one.booked for one in choices(capacity=12, absence=0.28, most=13)] == [12, 13]
        assert [one.booked for one in choices(capacity=12, absence=0.0, most=None)] == [12]


class TestDriftIsFound:
    """The negative controls of ``check_invariants``: each number that drifts is named."""

    def kept(self) -> Slot:
        slot: Slot = SlotFactory(capacity=5)
        keep(slot, Share("access", 2), Share("later", 2, LATER))
        book(slot, "camille", pool="access")
        return slot

    def rules(self) -> list[tuple[str, str, str]]:
        return [(drift.rule, drift.expected, drift.found) for drift in find_drift(now=NOW)]

    def test_true_reserves_are_true(self) -> None:
        self.kept()
        assert self.rules() == []

    def test_reserved(self) -> None:
        self.kept()
        Slot.objects.update(reserved=2)
        assert self.rules() == [("slot_reserved", "3", "2")]

    def test_what_is_taken_of_a_pool(self) -> None:
        slot = self.kept()
        slot.pools.filter(kind="access").update(taken=0)
        Slot.objects.update(reserved=4)
        assert self.rules() == [("pool_taken", "1", "0")]

    @pytest.mark.parametrize("drifted", [None, LATER + dt.timedelta(hours=1)])
    def test_the_next_release(self, drifted: dt.datetime | None) -> None:
        self.kept()
        Slot.objects.update(next_release_at=drifted)
        assert self.rules() == [("slot_next_release_at", str(LATER), str(drifted))]

    def test_a_release_that_none_is_due_for(self) -> None:
        slot = self.kept()
        slot.pools.filter(kind="later").update(releases_at=None)
        assert self.rules() == [("slot_next_release_at", "None", str(LATER))]
