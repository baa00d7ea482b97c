"""What one person may hold, and that nobody learns it by typing somebody else's address."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events.links import mailbox_of
from events.models import ApiToken, Message, Registration, Slot, Visitor
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.holds import expire_holds
from events.registration.settle import settle_hold
from tests.factories import DAY, NOW, ActivityFactory, FestivalFactory, SlotFactory
from tests.registration.people import books, give_back, owed, register, status

pytestmark = pytest.mark.django_db
HALF_HOUR = dt.timedelta(minutes=30)


def slots_at(*hours: int, festival: Any = None, **kwargs: Any) -> list[Slot]:
    """Slots of as many activities of one edition."""
    festival = festival or FestivalFactory()
    return [
        SlotFactory(activity=ActivityFactory(festival=festival), start_time=dt.time(hour), **kwargs)
        for hour in hours
    ]


def refusal(slot: Slot, name: str = "camille", party_size: int = 1, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        register(slot, name, party_size, **kwargs)
    return refused.value


@pytest.mark.parametrize(
    ("email", "mailbox"),
    [
        ("camille@example.org", "camille@example.org"),
        ("Camille+visite@Example.org", "camille@example.org"),
        ("+camille@example.org", "+camille@example.org"),
        ("ca.mil.le+x@gmail.com", "camille@gmail.com"),
        ("camille@googlemail.com", "camille@gmail.com"),
        ("ca.mille@example.org", "ca.mille@example.org"),
    ],
)
def test_a_mailbox_is_where_the_mail_arrives(email: str, mailbox: str) -> None:
    assert mailbox_of(email) == mailbox


class TestTwoVisitsAtOnce:
    def test_for_a_stranger_the_second_is_kept_until_its_owner_chooses(self) -> None:
        first, second = slots_at(14, 14)
        register(first, "camille")

        kept = register(second, "camille")

        assert (kept.status, kept.hold, kept.held_until) == ("held", "choice", NOW + HALF_HOUR)
        assert (books(first), books(second)) == ((1, 0, 0), (0, 1, 0))
        message = Message.objects.get(kind="choose")
        assert (message.recipient, message.expires_at) == ("camille@example.org", NOW + HALF_HOUR)

    def test_chosen_it_takes_the_place_of_the_other(self) -> None:
        first, second = slots_at(14, 14)
        one = register(first, "camille")
        other = register(second, "camille")

        settle_hold(registration_id=other.pk, now=NOW, instead_of=[one.pk])

        assert (status(one), status(other)) == ("cancelled", "confirmed")
        assert (books(first), books(second)) == ((0, 0, 0), (1, 0, 0))

    def test_not_chosen_in_half_an_hour_its_place_is_free_again(self) -> None:
        first, second = slots_at(14, 14)
        register(first, "camille")
        kept = register(second, "camille")

        assert expire_holds(now=NOW + HALF_HOUR) == 1

        assert status(kept) == "cancelled"
        assert books(second) == (0, 0, 0)
        assert owed("offer_over") == []

    def test_one_choice_at_a_time_is_kept(self) -> None:
        first, second, third = slots_at(14, 14, 14)
        register(first, "camille")
        kept = register(second, "camille")

        refused = refusal(third)

        assert (refused.reason, refused.facts) == (Reason.ALREADY_REGISTERED, {"outcome": "confirmed"})
        assert books(third) == (0, 0, 0)
        again = Message.objects.latest("pk")
        assert (again.kind, again.registration) == ("choose", kept)

    def test_whoever_holds_the_visitor_s_link_is_told_at_once(self) -> None:
        first, second = slots_at(14, 14)
        one = register(first, "camille")

        refused = refusal(second, is_theirs=True)

        assert (refused.reason, refused.facts) == (Reason.OVERLAP, {"others": [one]})
        assert books(second) == (0, 0, 0)

    def test_it_counts_in_every_edition(self) -> None:
        register(SlotFactory(start_time=dt.time(14)), "camille")

        assert refusal(SlotFactory(start_time=dt.time(14, 30)), is_theirs=True).reason == Reason.OVERLAP

    def test_one_after_the_other_is_no_overlap(self) -> None:
        register(SlotFactory(start_time=dt.time(14), duration=45), "camille")

        assert register(SlotFactory(start_time=dt.time(14, 45)), "camille").status == "confirmed"

    def test_what_was_given_back_or_is_waited_for_does_not_count(self) -> None:
        first, second, third = slots_at(14, 14, 14, capacity=1)
        give_back(register(first, "camille"))
        register(second, "alix")
        register(second, "camille", wait=True)

        assert register(third, "camille").status == "confirmed"


class TestLimits:
    def test_so_many_visits_a_day(self) -> None:
        festival = FestivalFactory(most_bookings_per_day=2)
        nine, eleven, two = slots_at(9, 11, 14, festival=festival)
        (next_day,) = slots_at(9, festival=festival, day=DAY + dt.timedelta(days=1))
        held = [register(slot, "camille") for slot in (nine, eleven)]

        refused = refusal(two, is_theirs=True)

        assert (refused.reason, refused.facts) == (Reason.DAY_LIMIT, {"others": held})
        assert register(two, "camille").hold == "choice"
        assert register(next_day, "camille").status == "confirmed"
        assert register(two, "alix").status == "confirmed"

    def test_so_many_visits_in_all(self) -> None:
        festival = FestivalFactory(most_bookings=1)
        nine, eleven = slots_at(9, 11, festival=festival)
        held = register(nine, "camille")

        refused = refusal(eleven, is_theirs=True)

        assert (refused.reason, refused.facts) == (Reason.FESTIVAL_LIMIT, {"others": [held]})

    def test_another_edition_has_its_own_count(self) -> None:
        (nine,) = slots_at(9, festival=FestivalFactory(most_bookings=1))
        (eleven,) = slots_at(11, festival=FestivalFactory(most_bookings=1))
        register(nine, "camille")

        assert register(eleven, "camille").status == "confirmed"

    def test_tags_of_one_mailbox_share_the_places_of_a_slot(self) -> None:
        slot = SlotFactory(capacity=20, activity=ActivityFactory(festival__most_places=4))
        register(slot, "camille+a@example.org", 3)

        kept = register(slot, "camille+b@example.org", 2)

        assert (kept.status, kept.hold) == ("held", "choice")
        assert register(slot, "camille+c@example.org", 1).status == "confirmed"
        assert books(slot) == (4, 2, 0)

    def test_tags_of_one_mailbox_share_the_places_they_wait_for(self) -> None:
        slot = SlotFactory(capacity=4, activity=ActivityFactory(festival__most_places=4))
        register(slot, "anne", 4)
        register(slot, "camille+a@example.org", 3, wait=True)

        refused = refusal(slot, "camille+b@example.org", 2, wait=True)

        assert (refused.reason, refused.facts) == (Reason.ALREADY_REGISTERED, {"outcome": "waiting"})
        assert register(slot, "camille+c@example.org", 1, wait=True).status == "waiting"
        assert register(slot, "denis", 2, wait=True).status == "waiting"
        partner = ApiToken.objects.create(name="Ville", token_hash="0" * 64)
        theirs = refusal(slot, "camille+d@example.org", 1, wait=True, partner=partner)
        assert theirs.reason == Reason.LIMIT

    def test_a_request_for_any_of_several_leaves_out_where_another_tag_stands(self) -> None:
        activity = ActivityFactory()
        first, second = (
            SlotFactory(activity=activity, start_time=dt.time(hour), capacity=1) for hour in (9, 15)
        )
        for slot, name in ((first, "anne"), (second, "bruno")):
            register(slot, name, 1)
        register(second, "camille+a@example.org", wait=True)

        register(first, "camille+b@example.org", wait=True, any_of=[second.pk])

        assert [slot.registrations.waiting().count() for slot in (first, second)] == [1, 1]

    def test_a_partner_is_told(self) -> None:
        partner = ApiToken.objects.create(name="Ville", token_hash="0" * 64)
        nine, eleven = slots_at(9, 11, festival=FestivalFactory(most_bookings=1))
        register(nine, "camille")

        assert refusal(eleven, partner=partner).reason == Reason.FESTIVAL_LIMIT


class TestConfirmingTheAddress:
    """Where the edition asks for it, or while robots storm the doors."""

    def slots(self, *hours: int) -> list[Slot]:
        return slots_at(*hours, festival=FestivalFactory(confirms_addresses=True))

    def test_a_new_address_has_half_an_hour(self) -> None:
        (slot,) = self.slots(14)

        kept = register(slot, "camille", 2)

        assert (kept.status, kept.hold, kept.held_until) == ("held", "address", NOW + HALF_HOUR)
        assert books(slot) == (0, 2, 0)
        assert owed("confirm_address") == ["camille@example.org"]
        assert owed("confirmation") == []

    def test_confirmed_once_it_is_known(self) -> None:
        nine, eleven = self.slots(9, 11)
        kept = register(nine, "camille")

        settle_hold(registration_id=kept.pk, now=NOW)

        assert status(kept) == "confirmed"
        assert register(eleven, "camille").status == "confirmed"
        assert (books(nine), books(eleven)) == ((1, 0, 0), (1, 0, 0))

    def test_after_half_an_hour_the_places_are_free_again(self) -> None:
        (slot,) = self.slots(14)
        kept = register(slot, "camille")

        expire_holds(now=NOW + HALF_HOUR)
        with pytest.raises(Refused) as refused:
            settle_hold(registration_id=kept.pk, now=NOW + HALF_HOUR)

        assert refused.value.reason == Reason.OFFER_OVER
        assert books(slot) == (0, 0, 0)

    def test_three_at_most_are_kept_for_one_mailbox(self) -> None:
        slots = self.slots(9, 10, 11, 12)
        kept = [register(slot, f"camille+{n}@example.org") for n, slot in enumerate(slots[:3])]

        refused = refusal(slots[3], "camille+3@example.org")

        assert (refused.reason, refused.facts) == (Reason.ALREADY_REGISTERED, {"outcome": "confirmed"})
        assert {one.hold for one in kept} == {"address"}
        assert books(slots[3]) == (0, 0, 0)
        assert not Registration.objects.filter(slot=slots[3]).exists()

    def test_without_a_proof_the_places_are_only_kept(self) -> None:
        slot = SlotFactory()

        kept = register(slot, "camille", is_vouched=False)

        assert (kept.status, kept.hold) == ("held", "address")

    def test_a_known_address_needs_no_proof(self) -> None:
        Visitor.objects.create(email="camille@example.org", verified_at=NOW)

        assert register(SlotFactory(), "camille", is_vouched=False).status == "confirmed"

    def test_a_partner_vouches_for_its_people(self) -> None:
        (slot,) = self.slots(14)
        partner = ApiToken.objects.create(name="Ville", token_hash="0" * 64)

        assert register(slot, "camille", partner=partner, is_vouched=False).status == "confirmed"

    def test_booking_again_sends_the_same_mail_again(self) -> None:
        (slot,) = self.slots(14)
        kept = register(slot, "camille")

        with pytest.raises(Refused) as refused:
            register(slot, "camille")

        assert refused.value.facts == {"outcome": "confirmed"}
        again = Message.objects.latest("pk")
        assert (again.kind, again.registration, books(slot)) == ("confirm_address", kept, (0, 1, 0))

    def test_the_last_place_is_kept_too(self) -> None:
        (slot,) = slots_at(14, festival=FestivalFactory(confirms_addresses=True), capacity=1)
        register(slot, "camille")

        assert refusal(slot, "alix").reason == Reason.FULL


def test_a_fresh_visitor_costs_no_look_at_what_it_holds(django_assert_num_queries: Any) -> None:
    """A visitor of the rush is new: four statements and the transaction around them."""
    slot = SlotFactory()

    with django_assert_num_queries(6):  # savepoint, four statements, release
        register(slot, "camille")


def test_nothing_tells_a_known_address_from_a_fresh_one() -> None:
    """What a page could show: the kind of answer alone."""
    first, second = slots_at(14, 14)
    register(first, "camille")

    def told(name: str) -> str:
        try:
            found = register_party(
                slot_id=second.pk,
                email=f"{name}@example.org",
                party_size=1,
                submission_id=uuid.uuid4(),
                now=NOW,
            ).registration
        except Refused as refused:
            return str(refused.facts["outcome"])
        return "waiting" if found.waiting_since else "confirmed"

    assert [told(name) for name in ("camille", "camille", "alix", "alix")] == ["confirmed"] * 4
