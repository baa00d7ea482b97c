"""The waiting list: who is offered a freed place, until when, who is passed and why, how an offer ends."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from events.models import Activity, Festival, Message, Registration, Slot
from events.refusals import Reason, Refused
from events.registration.holds import expire_holds
from events.registration.settle import claim_place, settle_hold, split_party
from events.registration.waiting import offer_ends_at, offer_where_free, when_told
from tests.factories import DAY, NOW, ActivityFactory, SlotFactory
from tests.registration.people import LATER, books, give_back, owed, passed, register, status

pytestmark = pytest.mark.django_db
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


def paris(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A moment of June 2027 on the clocks of Paris (UTC+2)."""
    return dt.datetime(2027, 6, day, hour, minute, tzinfo=dt.UTC) - 2 * HOUR


def full_slot(capacity: int = 1, **kwargs: Any) -> tuple[Slot, Registration]:
    slot = SlotFactory(capacity=capacity, **{"start_time": dt.time(14)} | kwargs)
    return slot, register(slot, "camille", capacity)


@pytest.mark.parametrize(
    ("left", "lasts"),
    [
        (dt.timedelta(days=30), dt.timedelta(hours=24)),
        (dt.timedelta(hours=96), dt.timedelta(hours=24)),
        (dt.timedelta(hours=8), dt.timedelta(hours=2)),
        (dt.timedelta(hours=1), dt.timedelta(minutes=15)),
        (dt.timedelta(minutes=20), dt.timedelta(minutes=15)),
    ],
)
def test_an_offer_lasts_a_quarter_of_the_time_left_within_its_bounds(
    left: dt.timedelta, lasts: dt.timedelta
) -> None:
    assert offer_ends_at(NOW + left, NOW) == NOW + lasts


@pytest.mark.parametrize(
    ("zone", "at", "told"),
    [
        ("Europe/Paris", paris(1, 21, 59), paris(1, 21, 59)),
        ("Europe/Paris", paris(1, 22), paris(2, 8)),
        ("Europe/Paris", paris(2, 7, 59), paris(2, 8)),
        ("Europe/Paris", paris(2, 8), paris(2, 8)),
        # 21 h in Paris is 23 h in Saint-Denis: its people are told at 8 h there, 6 h in Paris
        ("Indian/Reunion", paris(1, 21), paris(2, 6)),
    ],
)
def test_nobody_is_told_between_22_h_and_8_h_on_the_territory_s_clock(
    zone: str, at: dt.datetime, told: dt.datetime
) -> None:
    assert when_told(Slot(timezone=zone, activity=Activity(festival=Festival())), now=at) == told


def test_a_freed_place_is_held_for_the_first_who_waits_and_nobody_else_gets_it() -> None:
    slot, holder = full_slot()
    first, second = (register(slot, name, wait=True) for name in ("dominique", "sacha"))

    give_back(holder)

    first.refresh_from_db()
    assert (first.status, first.hold, first.held_until) == ("held", "offer", LATER + 24 * HOUR)
    assert status(second) == "waiting"
    assert books(slot) == (0, 1, 1)
    message = Message.objects.get(kind="offer")
    assert (message.recipient, message.next_attempt_at) == ("dominique@example.org", LATER)
    assert message.expires_at == first.held_until
    with pytest.raises(Refused) as refused:
        register(slot, "alix", now=LATER)
    assert refused.value.reason == Reason.FULL


def test_at_night_the_place_is_held_at_once_and_the_mail_leaves_in_the_morning() -> None:
    slot, holder = full_slot()
    waiting = register(slot, "dominique", wait=True)

    give_back(holder, now=paris(8, 23))

    waiting.refresh_from_db()
    assert (waiting.status, waiting.held_until) == ("held", paris(9, 8) + dt.timedelta(hours=7.5))
    assert Message.objects.get(kind="offer").next_attempt_at == paris(9, 8)


def test_who_is_passed_has_the_reason_in_writing_and_is_told() -> None:
    slot, holder = full_slot(2)
    group = register(slot, "dominique", 2, wait=True)
    single = register(slot, "sacha", wait=True)

    give_back(holder, 1)

    assert (status(group), status(single)) == ("waiting", "held")
    assert passed() == [(group.pk, single.pk, "too_many", 1)]
    assert owed("passed") == ["dominique@example.org"]
    assert books(slot) == (1, 1, 1)


def test_places_too_few_for_all_who_wait_are_said_once_and_free_for_others() -> None:
    slot, holder = full_slot(2)
    group = register(slot, "dominique", 2, wait=True)

    give_back(holder, 1)
    offer_where_free(now=LATER + HOUR)

    assert passed() == [(group.pk, None, "too_many", 1)]
    assert owed("passed") == ["dominique@example.org"]
    assert register(slot, "alix", now=LATER + HOUR).status == "confirmed"
    assert books(slot) == (2, 0, 1)


class TestTakingAnOffer:
    def offered(self, party_size: int = 1) -> tuple[Slot, Registration]:
        slot, holder = full_slot(party_size)
        waiting = register(slot, "dominique", party_size, wait=True)
        give_back(holder)
        waiting.refresh_from_db()
        return slot, waiting

    def test_it_becomes_a_visit(self) -> None:
        slot, waiting = self.offered(2)

        taken = settle_hold(registration_id=waiting.pk, now=LATER + HOUR)

        waiting.refresh_from_db()
        assert taken == waiting
        assert (waiting.status, waiting.hold, waiting.held_until) == ("confirmed", "", None)
        assert (waiting.confirmed_at, waiting.visitor.verified_at) == (LATER + HOUR, LATER + HOUR)
        assert books(slot) == (2, 0, 0)
        assert Message.objects.latest("pk").dedupe_key == f"confirm:{waiting.pk}:2"

    def test_a_second_click_is_told_it_is_answered(self) -> None:
        slot, waiting = self.offered()
        settle_hold(registration_id=waiting.pk, now=LATER)

        with pytest.raises(Refused) as refused:
            settle_hold(registration_id=waiting.pk, now=LATER)

        assert refused.value.reason == Reason.OFFER_OVER
        assert books(slot) == (1, 0, 0)

    def test_at_its_end_it_is_over_and_before_it_is_not(self) -> None:
        slot, waiting = self.offered()
        end = waiting.held_until
        assert end is not None

        assert expire_holds(now=end - MINUTE) == 0
        with pytest.raises(Refused) as refused:
            settle_hold(registration_id=waiting.pk, now=end)

        assert refused.value.reason == Reason.OFFER_OVER
        assert (status(waiting), expire_holds(now=end)) == ("held", 1)
        waiting.refresh_from_db()
        assert (waiting.status, waiting.cancelled_by) == ("cancelled", "expiry")
        assert owed("offer_over") == ["dominique@example.org"]
        assert books(slot) == (0, 0, 0)

    def test_what_ran_out_goes_to_the_next(self) -> None:
        slot, waiting = self.offered()
        following = register(slot, "sacha", wait=True, now=LATER)

        expire_holds(now=LATER + 25 * HOUR)

        assert (status(waiting), status(following)) == ("cancelled", "held")
        assert books(slot) == (0, 1, 0)

    def test_letting_it_pass_gives_it_to_the_next(self) -> None:
        slot, waiting = self.offered()
        following = register(slot, "sacha", wait=True, now=LATER)

        give_back(waiting)

        assert (status(waiting), status(following)) == ("cancelled", "held")
        assert owed("cancellation") == ["camille@example.org"]

    def test_fewer_places_may_be_taken(self) -> None:
        slot, waiting = self.offered(3)

        give_back(waiting, 1)
        settle_hold(registration_id=waiting.pk, now=LATER)

        assert books(slot) == (2, 0, 0)

    def test_in_a_withdrawn_slot_there_is_nothing_to_take(self) -> None:
        slot, waiting = self.offered()
        Slot.objects.filter(pk=slot.pk).update(state="cancelled", cancelled_at=LATER)

        with pytest.raises(Refused) as refused:
            settle_hold(registration_id=waiting.pk, now=LATER)

        assert refused.value.reason == Reason.CLOSED

    def test_another_visit_at_that_time_is_named_and_can_be_given_back_for_it(self) -> None:
        slot, waiting = self.offered()
        other = register(SlotFactory(start_time=dt.time(14)), "dominique", is_theirs=True)

        with pytest.raises(Refused) as refused:
            settle_hold(registration_id=waiting.pk, now=LATER)
        assert (refused.value.reason, refused.value.facts) == (Reason.OVERLAP, {"others": [other]})
        assert (status(waiting), status(other)) == ("held", "confirmed")

        settle_hold(registration_id=waiting.pk, now=LATER, instead_of=[other.pk])

        assert (status(waiting), status(other)) == ("confirmed", "cancelled")
        assert books(slot) == (1, 0, 0)

    def test_nobody_gives_back_what_is_somebody_else_s(self) -> None:
        slot, waiting = self.offered()
        foreign = register(SlotFactory(), "alix")

        settle_hold(registration_id=waiting.pk, now=LATER, instead_of=[foreign.pk])

        assert status(foreign) == "confirmed"
        assert books(slot) == (1, 0, 0)


class TestAnyOfSeveral:
    @pytest.fixture
    def slots(self) -> list[Slot]:
        """Three full slots of one activity, at 9, 11 and 14 h."""
        activity = ActivityFactory()
        return [SlotFactory(activity=activity, capacity=1, start_time=dt.time(hour)) for hour in (9, 11, 14)]

    def everywhere(self, slots: list[Slot]) -> list[Registration]:
        for slot in slots:
            register(slot, f"holder{slot.pk}")
        register(slots[1], "dominique", wait=True, any_of=[slot.pk for slot in slots])
        return list(Registration.objects.filter(visitor__email="dominique@example.org").order_by("slot"))

    def test_one_request_waits_in_each(self, slots: list[Slot]) -> None:
        requests = self.everywhere(slots)

        assert [request.slot for request in requests] == slots
        assert {request.any_of for request in requests} == {requests[1].submission_id}
        assert [books(slot) for slot in slots] == [(1, 0, 1)] * 3
        assert owed("waiting") == ["dominique@example.org"]

    def test_slots_that_are_free_foreign_or_known_are_left_out(self, slots: list[Slot]) -> None:
        register(slots[0], "camille")
        register(slots[1], "dominique")
        foreign = SlotFactory(capacity=0)

        first = register(
            slots[0], "dominique", wait=True, any_of=[slots[1].pk, slots[2].pk, foreign.pk], is_theirs=True
        )

        waiting = Registration.objects.waiting()
        assert (list(waiting), first.slot) == ([first], slots[0])

    def test_it_holds_one_offer_at_a_time_and_is_passed_for_that_reason(self, slots: list[Slot]) -> None:
        requests = self.everywhere(slots)
        following = register(slots[1], "sacha", wait=True)

        for slot in slots[:2]:
            give_back(Registration.objects.get(visitor__email=f"holder{slot.pk}@example.org"))

        assert [status(request) for request in requests] == ["held", "waiting", "waiting"]
        assert status(following) == "held"
        assert passed() == [(requests[1].pk, following.pk, "has_offer", 1)]

    def test_the_database_itself_refuses_a_second_offer(self, slots: list[Slot]) -> None:
        requests = self.everywhere(slots)
        give_back(Registration.objects.get(visitor__email=f"holder{slots[0].pk}@example.org"))

        with (
            pytest.raises(IntegrityError, match=r"one_offer_at_a_time|any_of"),
            transaction.atomic(),
        ):
            Registration.objects.filter(pk=requests[1].pk).update(
                status="held", hold="offer", held_until=LATER
            )

    def test_taken_once_it_waits_no_longer_elsewhere(self, slots: list[Slot]) -> None:
        requests = self.everywhere(slots)
        give_back(Registration.objects.get(visitor__email=f"holder{slots[2].pk}@example.org"))

        settle_hold(registration_id=requests[2].pk, now=LATER)

        assert [status(request) for request in requests] == ["cancelled", "cancelled", "confirmed"]
        assert Registration.objects.get(pk=requests[0].pk).cancelled_by == "other_time"
        assert [books(slot) for slot in slots] == [(1, 0, 0)] * 3
        assert owed("cancellation") == [f"holder{slots[2].pk}@example.org"]


class TestNearTheStart:
    """From an hour before on, everybody who waits is told and the first click wins."""

    def near(self, *sizes: int, capacity: int = 1) -> tuple[Slot, list[Registration]]:
        slot, holder = full_slot(capacity)
        waiting = [register(slot, f"w{n}", size, wait=True) for n, size in enumerate(sizes)]
        give_back(holder, now=paris(10, 13, 5))
        return slot, waiting

    def test_everybody_is_told_and_the_first_click_wins(self) -> None:
        slot, (first, second) = self.near(1, 1)
        assert owed("last_call") == ["w0@example.org", "w1@example.org"]
        assert books(slot) == (0, 0, 2)

        claim_place(registration_id=second.pk, now=paris(10, 13, 10))
        with pytest.raises(Refused) as refused:
            claim_place(registration_id=first.pk, now=paris(10, 13, 11))

        assert (refused.value.reason, refused.value.facts["places_left"]) == (Reason.FULL, 0)
        assert (status(first), status(second)) == ("waiting", "confirmed")
        assert passed() == [(first.pk, None, "last_call", 1), (second.pk, None, "last_call", 1)]
        assert books(slot) == (1, 0, 1)

    def test_once_is_enough(self) -> None:
        self.near(1)

        offer_where_free(now=paris(10, 13, 20))

        assert owed("last_call") == ["w0@example.org"]

    def test_places_left_over_are_called_when_the_hour_comes(self) -> None:
        slot, holder = full_slot(3)
        register(slot, "group", 3, wait=True)
        give_back(holder, 1)

        offer_where_free(now=paris(10, 13, 1))

        assert owed("last_call") == ["group@example.org"]

    def test_in_the_night_before_a_morning_visit_everybody_is_told_at_once(self) -> None:
        slot, holder = full_slot(start_time=dt.time(8, 30))
        register(slot, "dominique", wait=True)

        give_back(holder, now=paris(9, 23))

        assert Message.objects.get(kind="last_call").next_attempt_at == paris(9, 23)

    def test_before_that_hour_offers_go_in_turn(self) -> None:
        slot, _holder = full_slot()
        waiting = register(slot, "dominique", wait=True)

        with pytest.raises(Refused) as refused:
            claim_place(registration_id=waiting.pk, now=paris(10, 12, 59))

        assert refused.value.reason == Reason.NOT_YET

    def test_who_gave_the_wait_up_claims_nothing(self) -> None:
        _slot, (waiting,) = self.near(1)
        give_back(waiting, now=paris(10, 13, 6))

        with pytest.raises(Refused) as refused:
            claim_place(registration_id=waiting.pk, now=paris(10, 13, 7))

        assert refused.value.reason == Reason.NOT_ACTIVE


class TestSplitting:
    def test_both_parts_keep_the_rank_and_what_fits_is_offered(self) -> None:
        slot, holder = full_slot(4)
        group = register(slot, "dominique", 4, wait=True)
        following = register(slot, "sacha", 2, wait=True)
        give_back(holder, 1)
        assert books(slot) == (3, 0, 2)

        first, rest = split_party(registration_id=group.pk, first=1, now=LATER)

        assert (first.pk, first.party_size, status(first)) == (group.pk, 1, "held")
        assert (rest.party_size, rest.part_of, rest.waiting_since) == (3, group, group.waiting_since)
        assert (status(rest), status(following)) == ("waiting", "waiting")
        assert books(slot) == (3, 1, 2)

    def test_in_every_slot_of_the_request(self) -> None:
        activity = ActivityFactory()
        slots = [SlotFactory(activity=activity, capacity=3, start_time=dt.time(h)) for h in (9, 14)]
        for slot in slots:
            register(slot, f"holder{slot.pk}", 3)
        group = register(slots[0], "dominique", 3, wait=True, any_of=[slots[1].pk])

        first, rest = split_party(registration_id=group.pk, first=2, now=LATER)

        assert [books(slot) for slot in slots] == [(3, 0, 2)] * 2
        assert first.any_of != rest.any_of
        sizes = Registration.objects.waiting().order_by("slot", "pk").values_list("slot", "party_size")
        assert sorted(sizes) == sorted([(slot.pk, size) for slot in slots for size in (2, 1)])

    def test_the_reason_a_party_was_passed_for_holds_for_its_parts(self) -> None:
        slot, holder = full_slot(2)
        group = register(slot, "dominique", 2, wait=True)
        single = register(slot, "sacha", wait=True)
        give_back(holder, 1)

        _first, rest = split_party(registration_id=group.pk, first=1, now=LATER)

        assert passed() == [(group.pk, single.pk, "too_many", 1), (rest.pk, single.pk, "too_many", 1)]
        assert books(slot) == (1, 1, 2)

    @pytest.mark.parametrize("first", [0, 3, -1])
    def test_a_part_is_neither_nobody_nor_everybody(self, first: int) -> None:
        slot, _holder = full_slot(3)
        group = register(slot, "dominique", 3, wait=True)

        with pytest.raises(Refused) as refused:
            split_party(registration_id=group.pk, first=first, now=LATER)

        assert (refused.value.reason, refused.value.facts) == (Reason.LIMIT, {"most": 2})

    def test_who_has_a_place_does_not_split(self) -> None:
        _slot, holder = full_slot(3)

        with pytest.raises(Refused) as refused:
            split_party(registration_id=holder.pk, first=1, now=LATER)

        assert refused.value.reason == Reason.NOT_ACTIVE


def test_a_slot_that_is_open_to_nobody_offers_nothing() -> None:
    slot, holder = full_slot(day=DAY)
    register(slot, "dominique", wait=True)
    Slot.objects.filter(pk=slot.pk).update(opens_at=LATER + HOUR)

    give_back(holder)

    assert books(slot) == (0, 0, 1)
    assert owed("offer") == []


def test_the_same_submission_with_other_slots_to_wait_for_is_another_wish() -> None:
    activity = ActivityFactory()
    slots = [SlotFactory(activity=activity, capacity=0, start_time=dt.time(h)) for h in (9, 14)]
    slot = SlotFactory(activity=activity, capacity=1, start_time=dt.time(16))
    register(slot, "camille")
    submission = uuid.uuid4()
    register(slot, "dominique", wait=True, submission_id=submission)

    with pytest.raises(Refused) as refused:
        register(slot, "dominique", wait=True, submission_id=submission, any_of=[slots[0].pk])

    assert refused.value.reason == Reason.SUBMISSION_REUSED
