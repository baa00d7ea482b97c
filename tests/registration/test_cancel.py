"""Giving back, waiting, withdrawing: the counters, who is offered the places, who is told."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events.models import JournalEntry, Message, Registration, RoomOccupancy, Slot, Visitor
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.resend import send_link_again
from events.registration.waiting import with_rank
from events.registration.withdraw import change_capacity, withdraw_slot
from tests.factories import NOW, RoomFactory, SlotFactory, UserFactory, VisitorFactory

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)


def register(slot: Slot, name: str, party_size: int = 1, **kwargs: Any) -> Registration:
    kwargs = {"submission_id": uuid.uuid4(), "now": NOW, "email": f"{name}@example.org"} | kwargs
    return register_party(slot_id=slot.pk, party_size=party_size, **kwargs).registration


def give_back(registration: Registration, places: int | None = None, **kwargs: Any) -> Registration:
    return cancel_registration(registration_id=registration.pk, places=places, **{"now": LATER} | kwargs)


def counters(slot: Slot) -> tuple[int, int, int]:
    slot.refresh_from_db()
    return slot.taken, slot.held, slot.waiting


def state(registration: Registration) -> tuple[str, int, int]:
    registration.refresh_from_db()
    return registration.status, registration.party_size, registration.revision


def rank_of(registration: Registration) -> int | None:
    return with_rank(Registration.objects.all()).get(pk=registration.pk).rank  # type: ignore[attr-defined]


def owed_since(number: int) -> list[tuple[str, str]]:
    return list(Message.objects.order_by("pk").values_list("kind", "dedupe_key"))[number:]


def test_a_place_given_back_is_free_again() -> None:
    slot = SlotFactory(capacity=3)
    registration = register(slot, "camille", 3)

    given = give_back(registration)

    assert given == registration
    assert state(registration) == ("cancelled", 3, 1)
    assert (registration.cancelled_at, registration.cancelled_by) == (LATER, "visitor")
    assert counters(slot) == (0, 0, 0)
    assert owed_since(1) == [("cancellation", f"cancel:{registration.pk}:1")]


def test_some_places_can_be_given_back() -> None:
    slot = SlotFactory(capacity=3)
    registration = register(slot, "camille", 3)

    give_back(registration, 1)

    assert state(registration) == ("confirmed", 2, 1)
    assert counters(slot) == (2, 0, 0)
    assert owed_since(1) == [("reduced", f"reduce:{registration.pk}:1")]
    assert Message.objects.latest("pk").context == {"given_back": 1}


def test_more_than_one_has_is_all() -> None:
    slot = SlotFactory(capacity=3)

    registration = give_back(register(slot, "camille", 2), 5)

    assert state(registration) == ("cancelled", 2, 1)
    assert counters(slot) == (0, 0, 0)


def test_a_place_is_given_back_once() -> None:
    slot = SlotFactory(capacity=3)
    registration = register(slot, "camille", 2)
    register(slot, "dominique")
    give_back(registration)

    with pytest.raises(Refused) as refused:
        give_back(registration)

    assert refused.value.reason == Reason.NOT_ACTIVE
    assert counters(slot) == (1, 0, 0)


@pytest.mark.parametrize("places", [0, -1])
def test_nothing_cannot_be_given_back(places: int) -> None:
    registration = register(SlotFactory(), "camille")

    with pytest.raises(Refused) as refused:
        give_back(registration, places)

    assert refused.value.reason == Reason.LIMIT
    assert state(registration) == ("confirmed", 1, 0)


def test_a_visit_that_has_begun_is_kept_but_by_the_organisers() -> None:
    slot = SlotFactory()
    registration = register(slot, "camille")

    with pytest.raises(Refused) as refused:
        give_back(registration, now=slot.starts_at)
    assert refused.value.reason == Reason.IN_THE_PAST

    give_back(registration, now=slot.starts_at, by="organiser")
    assert counters(slot) == (0, 0, 0)


def test_who_waits_is_on_the_list_and_told() -> None:
    slot = SlotFactory(capacity=1)
    register(slot, "camille")

    first = register(slot, "dominique", wait=True)
    second = register(slot, "sacha", wait=True)

    assert state(first) == ("waiting", 1, 0)
    assert (first.waiting_since, first.confirmed_at) == (NOW, None)
    assert [rank_of(first), rank_of(second)] == [1, 2]
    assert rank_of(Registration.objects.confirmed().get()) is None
    assert counters(slot) == (1, 0, 2)
    assert owed_since(1) == [("waiting", f"wait:{first.pk}"), ("waiting", f"wait:{second.pk}")]


def test_who_would_wait_gets_a_place_when_there_is_one() -> None:
    assert register(SlotFactory(capacity=1), "camille", wait=True).status == "confirmed"


@pytest.mark.parametrize(("change", "party_size"), [({"waiting_list_open": False}, 2), ({"capacity": 1}, 2)])
def test_a_list_that_is_closed_or_hopeless_takes_nobody(change: dict[str, Any], party_size: int) -> None:
    slot = SlotFactory(**{"capacity": 2} | change)
    register(slot, "camille")

    with pytest.raises(Refused) as refused:
        register(slot, "dominique", party_size, wait=True)

    assert (refused.value.reason, refused.value.facts["can_wait"]) == (Reason.FULL, False)
    assert counters(slot) == (1, 0, 0)


def test_the_first_who_waits_is_offered_the_place_that_comes_free() -> None:
    slot = SlotFactory(capacity=1)
    holder = register(slot, "camille")
    first = register(slot, "dominique", wait=True)
    second = register(slot, "sacha", wait=True)

    give_back(holder)

    assert (state(first), state(second)) == (("held", 1, 1), ("waiting", 1, 0))
    assert (first.hold, first.waiting_since) == ("offer", NOW)
    assert counters(slot) == (0, 1, 1)
    assert owed_since(3) == [
        ("cancellation", f"cancel:{holder.pk}:1"),
        ("offer", f"offer:{first.pk}:1"),
    ]


def test_parties_are_offered_places_whole_and_a_small_one_may_pass_a_bigger_one() -> None:
    slot = SlotFactory(capacity=3)
    holder = register(slot, "camille", 2)
    register(slot, "alix")
    big = register(slot, "dominique", 3, wait=True)
    small = register(slot, "sacha", 1, wait=True)
    last = register(slot, "eden", 1, wait=True)

    give_back(holder)

    assert [state(r)[0] for r in (big, small, last)] == ["waiting", "held", "held"]
    assert counters(slot) == (1, 2, 1)


def test_one_place_given_back_is_offered_to_who_fits() -> None:
    slot = SlotFactory(capacity=2)
    holder = register(slot, "camille", 2)
    waiting = register(slot, "dominique", wait=True)

    give_back(holder, 1)

    assert state(waiting)[0] == "held"
    assert counters(slot) == (1, 1, 0)


def test_leaving_the_list_owes_no_mail_and_moves_the_others_up() -> None:
    slot = SlotFactory(capacity=1)
    register(slot, "camille")
    first = register(slot, "dominique", wait=True)
    second = register(slot, "sacha", wait=True)

    give_back(first)

    assert state(first) == ("cancelled", 1, 1)
    assert rank_of(second) == 1
    assert counters(slot) == (1, 0, 1)
    assert owed_since(3) == []


def test_a_waiting_party_that_shrinks_may_fit() -> None:
    slot = SlotFactory(capacity=2)
    register(slot, "camille")
    waiting = register(slot, "dominique", 2, wait=True)

    give_back(waiting, 1)

    assert state(waiting)[:2] == ("held", 1)
    assert counters(slot) == (1, 1, 0)


def test_nobody_is_seated_in_a_visit_that_has_begun() -> None:
    slot = SlotFactory(capacity=1)
    holder = register(slot, "camille")
    waiting = register(slot, "dominique", wait=True)

    give_back(holder, now=slot.starts_at, by="organiser")

    assert state(waiting)[0] == "waiting"
    assert counters(slot) == (0, 0, 1)


def test_a_declined_offer_lets_its_places_go() -> None:
    slot = SlotFactory(capacity=2)
    registration = register(slot, "camille", 2)
    Registration.objects.update(status="held", hold="offer", held_until=LATER + dt.timedelta(hours=1))
    Slot.objects.update(taken=0, held=2)
    waiting = register(slot, "dominique", wait=True)

    give_back(registration)

    assert (state(registration)[0], registration.hold, registration.held_until) == ("cancelled", "", None)
    assert state(waiting)[0] == "held"
    assert counters(slot) == (0, 1, 0)
    assert owed_since(2) == [("offer", f"offer:{waiting.pk}:1")]


class TestWithdrawing:
    def test_everybody_is_told_and_the_room_is_free(self) -> None:
        slot, room, host = SlotFactory(capacity=1), RoomFactory(), UserFactory()
        RoomOccupancy.objects.create(
            room=room, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at, active=True
        )
        holder = register(slot, "camille")
        waiting = register(slot, "dominique", wait=True)
        gone = register(slot, "sacha", wait=True)
        give_back(gone)

        withdraw_slot(slot_id=slot.pk, reason=" Panne de courant ", by=host, now=LATER, by_host=True)

        assert counters(slot) == (0, 0, 0)
        assert (slot.state, slot.cancelled_at, slot.cancelled_by_host) == ("cancelled", LATER, True)
        assert (slot.cancel_reason, slot.revision) == ("Panne de courant", 1)
        assert (state(holder), state(waiting)) == (("cancelled", 1, 1), ("cancelled", 1, 1))
        assert holder.cancelled_by == "host"
        assert owed_since(3) == [
            ("slot_cancelled", f"slot_cancelled:{holder.pk}:1"),
            ("slot_cancelled", f"slot_cancelled:{waiting.pk}:1"),
        ]
        assert Message.objects.latest("pk").context == {"reason": "Panne de courant"}
        assert not RoomOccupancy.objects.active().exists()
        assert list(JournalEntry.objects.values_list("verb", "actor", "slot", "text")) == [
            ("withdraw_slot", host.pk, slot.pk, "Panne de courant")
        ]

    def refusal(self, slot: Slot, **kwargs: Any) -> Reason:
        kwargs = {"reason": "Panne", "by": UserFactory(), "now": LATER, "by_host": False} | kwargs
        with pytest.raises(Refused) as refused:
            withdraw_slot(slot_id=slot.pk, **kwargs)
        assert not JournalEntry.objects.exists()
        return refused.value.reason

    def test_a_reason_is_needed(self) -> None:
        assert self.refusal(SlotFactory(), reason="  ") == Reason.REASON_NEEDED

    def test_a_draft_is_not_withdrawn(self) -> None:
        assert self.refusal(SlotFactory(state="draft")) == Reason.WRONG_STATE

    def test_a_slot_is_withdrawn_once(self) -> None:
        assert self.refusal(SlotFactory(state="cancelled", cancelled_at=NOW)) == Reason.WRONG_STATE

    def test_what_is_over_is_over(self) -> None:
        slot = SlotFactory()
        assert self.refusal(slot, now=slot.ends_at) == Reason.IN_THE_PAST


class TestChangingTheCapacity:
    def change(self, slot: Slot, capacity: int | None) -> Slot:
        return change_capacity(slot_id=slot.pk, capacity=capacity, now=LATER, by=UserFactory())

    def test_more_places_are_offered_to_who_waits(self) -> None:
        slot = SlotFactory(capacity=1)
        register(slot, "camille")
        waiting = register(slot, "dominique", wait=True)

        changed = self.change(slot, 2)

        assert (changed.capacity, changed.taken, changed.held, changed.waiting) == (2, 1, 1, 0)
        assert state(waiting)[0] == "held"
        assert JournalEntry.objects.get().text == "1 → 2"

    def test_without_limit_everybody_is_offered_a_place(self) -> None:
        slot = SlotFactory(capacity=1)
        register(slot, "camille")
        register(slot, "dominique", wait=True)
        register(slot, "sacha", wait=True)

        self.change(slot, None)

        assert counters(slot) == (1, 2, 0)

    def test_never_under_what_is_taken(self) -> None:
        slot = SlotFactory(capacity=4)
        register(slot, "camille", 3)

        with pytest.raises(Refused) as refused:
            self.change(slot, 2)

        assert (refused.value.reason, refused.value.facts) == (Reason.PLACES_TAKEN, {"taken": 3})
        assert self.change(slot, 3).capacity == 3

    def test_never_over_what_the_room_may_hold(self) -> None:
        slot = SlotFactory(capacity=4, safety_capacity=10, overbook=1)

        with pytest.raises(Refused) as refused:
            self.change(slot, 10)

        assert (refused.value.reason, refused.value.facts) == (Reason.ROOM_TOO_SMALL, {"most": 9})

    def test_a_withdrawn_slot_stays_as_it_is(self) -> None:
        with pytest.raises(Refused) as refused:
            self.change(SlotFactory(state="cancelled", cancelled_at=NOW), 12)

        assert refused.value.reason == Reason.WRONG_STATE


class TestSendingTheLinkAgain:
    def send(self, email: str, now: dt.datetime = NOW) -> None:
        send_link_again(email=email, now=now, locale="en")

    def test_a_visitor_gets_it(self) -> None:
        visitor = VisitorFactory(email="camille@example.org")

        self.send(" Camille@example.org")

        message = Message.objects.get()
        assert (message.kind, message.recipient, message.locale) == ("link", visitor.email, "en")
        assert message.visitor == visitor
        assert message.dedupe_key == f"link:{visitor.pk}:202705030800"

    def test_an_unknown_address_gets_nothing(self) -> None:
        self.send("inconnu@example.org")

        assert not Message.objects.exists()
        assert not Visitor.objects.exists()

    def test_a_link_past_its_date_is_replaced(self) -> None:
        visitor = VisitorFactory(link_expires_at=NOW)
        old = visitor.token

        self.send(visitor.email)

        visitor.refresh_from_db()
        assert visitor.token != old
        assert visitor.link_expires_at == NOW + dt.timedelta(days=365)

    def test_a_good_link_stays(self) -> None:
        visitor = VisitorFactory(link_expires_at=NOW + dt.timedelta(days=1))

        self.send(visitor.email)

        assert Visitor.objects.get().token == visitor.token

    def test_three_times_an_hour(self) -> None:
        visitor = VisitorFactory()

        for minutes in range(5):
            self.send(visitor.email, NOW + dt.timedelta(minutes=minutes))

        assert Message.objects.count() == 3
