"""Booking: what it takes, what it owes, and each way it refuses."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.links import hash_of
from events.models import Activity, ApiToken, Festival, Message, Mode, Registration, Slot, Visitor
from events.refusals import Reason, Refused
from events.registration import book
from events.registration.book import Booking, register_party
from events.registration.cancel import cancel_registration
from tests.factories import NOW, ActivityFactory, SlotFactory

pytestmark = pytest.mark.django_db


def register(slot: Slot, email: str = "camille@example.org", **kwargs: Any) -> Booking:
    kwargs = {"party_size": 1, "submission_id": uuid.uuid4(), "now": NOW} | kwargs
    return register_party(slot_id=slot.pk, email=email, **kwargs)


def refusal(slot: Slot, email: str = "camille@example.org", **kwargs: Any) -> Refused:
    """The refusal of a booking, having checked that nothing was written."""
    before = _everything()
    with pytest.raises(Refused) as refused:
        register(slot, email, **kwargs)
    assert _everything() == before
    return refused.value


def _everything() -> list[Any]:
    slots = Slot.objects.order_by("pk").values_list("taken", "held", "waiting")
    return [Visitor.objects.count(), Registration.objects.count(), Message.objects.count(), *slots]


def counters(slot: Slot) -> tuple[int, int, int]:
    slot.refresh_from_db()
    return slot.taken, slot.held, slot.waiting


def messages() -> list[tuple[str, str, str]]:
    return list(Message.objects.order_by("pk").values_list("kind", "dedupe_key", "recipient"))


def test_a_booking_takes_the_places_and_owes_one_confirmation() -> None:
    slot = SlotFactory(capacity=10)

    booking = register(slot, "  Camille@Example.ORG ", party_size=3, locale="en")

    registration = Registration.objects.get()
    assert booking == Booking(registration, replayed=False)
    assert registration.visitor.email == "camille@example.org"
    assert (registration.status, registration.party_size, registration.locale) == ("confirmed", 3, "en")
    assert (registration.created_at, registration.confirmed_at) == (NOW, NOW)
    assert counters(slot) == (3, 0, 0)
    assert messages() == [("confirmation", f"confirm:{registration.pk}:0", "camille@example.org")]


def test_the_link_of_a_new_visitor_opens_and_lasts_a_year() -> None:
    register(SlotFactory())

    visitor = Visitor.objects.get()

    assert visitor.link_expires_at == NOW + dt.timedelta(days=365)

    assert visitor.link_hash == hash_of(visitor.token)


def test_a_known_visitor_keeps_the_link_and_books_elsewhere() -> None:
    first, second = SlotFactory(), SlotFactory()
    register(first)
    token = Visitor.objects.get().token

    register(second, "CAMILLE@example.org", now=NOW + dt.timedelta(days=1))

    visitor = Visitor.objects.get()
    assert visitor.token == token
    assert visitor.link_expires_at == NOW + dt.timedelta(days=366)
    assert (counters(first), counters(second)) == ((1, 0, 0), (1, 0, 0))


def test_a_booking_is_at_most_four_statements_in_one_transaction() -> None:
    slot = SlotFactory()

    with CaptureQueriesContext(connection) as queries:
        register(slot)

    said = [query["sql"].split('"')[0].split()[0] for query in queries]
    assert [word for word in said if word not in ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")] == [
        "INSERT",
        "INSERT",
        "INSERT",
        "UPDATE",
    ]


def test_the_last_places_can_be_taken_and_no_more() -> None:
    slot = SlotFactory(capacity=3)
    register(slot, "a@example.org", party_size=2)

    refused = refusal(slot, "b@example.org", party_size=2)
    register(slot, "b@example.org", party_size=1)

    assert (refused.reason, refused.facts) == (Reason.FULL, {"places_left": 1, "can_wait": True})
    assert counters(slot) == (3, 0, 0)


def test_places_held_for_an_offer_are_not_free() -> None:
    slot = SlotFactory(capacity=3, held=2)

    assert refusal(slot, party_size=2).facts["places_left"] == 1


def test_overbooking_adds_places() -> None:
    slot = SlotFactory(capacity=1, overbook=1)

    register(slot, party_size=2)

    assert counters(slot) == (2, 0, 0)


def test_no_limit_is_no_limit() -> None:
    slot = SlotFactory(capacity=None)

    for number in range(3):
        register(slot, f"v{number}@example.org", party_size=6)

    assert counters(slot) == (18, 0, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": Slot.State.DRAFT}, Reason.CLOSED),
        ({"state": Slot.State.CANCELLED, "cancelled_at": NOW}, Reason.CLOSED),
        ({"opens_at": NOW + dt.timedelta(seconds=1)}, Reason.NOT_OPEN_YET),
        ({"capacity": 0}, Reason.FULL),
    ],
)
def test_a_slot_that_is_not_open_refuses(change: dict[str, Any], reason: Reason) -> None:
    slot = SlotFactory(**change)

    assert refusal(slot).reason == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mode": Mode.DROP_IN}, Reason.NO_BOOKING_NEEDED),
        ({"mode": Mode.BALLOT}, Reason.CLOSED),
        ({"state": Activity.State.DRAFT}, Reason.CLOSED),
        ({"state": Activity.State.CANCELLED}, Reason.CLOSED),
        ({"festival__state": Festival.State.DRAFT}, Reason.CLOSED),
        ({"festival__state": Festival.State.ARCHIVED}, Reason.CLOSED),
        ({"ask_name": True}, Reason.NAME_NEEDED),
    ],
)
def test_an_activity_that_does_not_take_bookings_refuses(change: dict[str, Any], reason: Reason) -> None:
    slot = SlotFactory(activity=ActivityFactory(**change))

    assert refusal(slot).reason == reason


def test_it_opens_at_the_second_and_closes_at_the_start() -> None:
    slot = SlotFactory(opens_at=NOW)

    register(slot, "a@example.org", now=NOW)
    register(slot, "b@example.org", now=slot.starts_at - dt.timedelta(seconds=1))

    assert refusal(slot, "c@example.org", now=slot.starts_at).reason == Reason.CLOSED
    assert counters(slot) == (2, 0, 0)


def test_a_name_is_kept_where_the_host_asks() -> None:
    slot = SlotFactory(activity=ActivityFactory(ask_name=True))

    assert register(slot, name=" Camille ").registration.name == "Camille"


@pytest.mark.parametrize(("party_size", "most"), [(5, 4), (101, 100), (0, 100), (-1, 100)])
def test_a_party_has_its_limits(party_size: int, most: int) -> None:
    slot = SlotFactory(capacity=None, activity=ActivityFactory(festival__most_places=4))

    refused = refusal(slot, party_size=party_size)

    assert (refused.reason, refused.facts) == (Reason.LIMIT, {"most": most})


def test_an_unknown_slot_is_closed() -> None:
    slot = SlotFactory()
    slot.pk += 1000

    assert refusal(slot).reason == Reason.CLOSED


def test_the_same_submission_gets_the_same_registration() -> None:
    slot, submission = SlotFactory(), uuid.uuid4()
    first = register(slot, submission_id=submission)

    second = register(slot, submission_id=submission, locale="en", now=NOW + dt.timedelta(minutes=5))

    assert second == Booking(first.registration, replayed=True)
    assert counters(slot) == (1, 0, 0)
    assert len(messages()) == 1


def test_the_same_submission_gets_it_still_when_the_slot_is_full_or_the_place_given_back() -> None:
    slot, submission = SlotFactory(capacity=1), uuid.uuid4()
    first = register(slot, submission_id=submission).registration
    assert register(slot, submission_id=submission).registration == first

    cancel_registration(registration_id=first.pk, now=NOW)

    assert register(slot, submission_id=submission).replayed
    assert counters(slot) == (0, 0, 0)


@pytest.mark.parametrize(
    "change", [{"party_size": 2}, {"email": "autre@example.org"}, {"name": "Dominique"}, {"wait": True}]
)
def test_the_same_submission_with_other_answers_is_refused(change: dict[str, Any]) -> None:
    slot, submission = SlotFactory(), uuid.uuid4()
    register(slot, submission_id=submission)

    assert refusal(slot, **{"submission_id": submission, **change}).reason == Reason.SUBMISSION_REUSED


def test_the_same_submission_for_another_slot_is_refused() -> None:
    submission = uuid.uuid4()
    register(SlotFactory(), submission_id=submission)

    assert refusal(SlotFactory(), submission_id=submission).reason == Reason.SUBMISSION_REUSED


def test_a_reference_that_exists_already_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["AAAA-AAAA", "AAAA-AAAA", "BBBB-BBBB"])
    field = Registration._meta.get_field("reference")
    monkeypatch.setattr(field, "default", lambda: next(drawn))
    monkeypatch.setitem(field.__dict__, "_get_default", field.default)
    slot = SlotFactory()

    references = [register(slot, f"v{n}@example.org").registration.reference for n in range(2)]

    assert references == ["AAAA-AAAA", "BBBB-BBBB"]
    assert counters(slot) == (2, 0, 0)


class TestAKnownAddress:
    """Whoever types somebody else's address learns nothing: see guarantees, « nobody sees what is not theirs
    ».
    """

    def test_gets_what_a_fresh_one_would_and_the_ticket_goes_by_mail(self) -> None:
        slot = SlotFactory()
        held = register(slot).registration
        submission = uuid.uuid4()

        with pytest.raises(Refused) as refused:
            register(slot, "Camille@example.org", party_size=2, submission_id=submission)

        assert (refused.value.reason, refused.value.facts) == (
            Reason.ALREADY_REGISTERED,
            {"outcome": "confirmed"},
        )
        assert counters(slot) == (1, 0, 0)
        assert messages()[1:] == [("already_registered", f"again:{submission}", "camille@example.org")]
        assert Message.objects.latest("pk").registration == held

    def test_is_told_full_when_it_is(self) -> None:
        slot = SlotFactory(capacity=1)
        register(slot)

        known, fresh = refusal(slot), refusal(slot, "autre@example.org")

        assert (known.reason, known.facts) == (fresh.reason, fresh.facts)

    def test_is_told_waiting_when_it_would_wait(self) -> None:
        slot = SlotFactory(capacity=1)
        register(slot)

        with pytest.raises(Refused) as refused:
            register(slot, wait=True)

        assert refused.value.facts == {"outcome": "waiting"}
        assert counters(slot) == (1, 0, 0)

    def test_is_told_closed_when_it_is(self) -> None:
        slot = SlotFactory()
        register(slot)

        assert refusal(slot, now=slot.starts_at).reason == Reason.CLOSED

    def test_sending_the_form_again_shows_the_same_though_the_slot_has_filled(self) -> None:
        slot, submission = SlotFactory(capacity=2), uuid.uuid4()
        register(slot)
        with pytest.raises(Refused):
            register(slot, submission_id=submission)
        register(slot, "autre@example.org")

        again = refusal(slot, submission_id=submission)

        assert (again.reason, again.facts) == (Reason.ALREADY_REGISTERED, {"outcome": "confirmed"})

    def test_the_form_with_other_answers_is_refused_as_anybody_s(self) -> None:
        slot, submission = SlotFactory(), uuid.uuid4()
        register(slot)
        with pytest.raises(Refused):
            register(slot, submission_id=submission)

        assert refusal(slot, submission_id=submission, party_size=2).reason == Reason.SUBMISSION_REUSED
        assert refusal(slot, "autre@example.org", submission_id=submission).reason == Reason.SUBMISSION_REUSED

    def test_is_written_to_once_an_hour(self) -> None:
        slot = SlotFactory()
        register(slot)

        for minutes in (0, 10, 61):
            with pytest.raises(Refused):
                register(slot, now=NOW + dt.timedelta(minutes=minutes))

        again = Message.objects.filter(kind="already_registered").order_by("pk")
        assert list(again.values_list("status", flat=True)) == ["pending", "suppressed", "pending"]

    def test_that_gave_its_place_back_books_again(self) -> None:
        slot = SlotFactory()
        first = register(slot).registration
        cancel_registration(registration_id=first.pk, now=NOW)

        second = register(slot).registration

        assert second != first
        assert counters(slot) == (1, 0, 0)


class TestAPartner:
    @pytest.fixture
    def partner(self) -> ApiToken:
        return ApiToken.objects.create(name="Ville de Toulouse", token_hash="0" * 64)

    def test_is_told_of_an_address_that_has_a_place(self, partner: ApiToken) -> None:
        slot = SlotFactory(capacity=1)
        register(slot)

        assert refusal(slot, partner=partner).reason == Reason.ALREADY_REGISTERED

    def test_is_refused_an_overlap_that_is_kept_for_a_visitor_to_choose(self, partner: ApiToken) -> None:
        first = SlotFactory(start_time=dt.time(14), duration=45)
        second = SlotFactory(start_time=dt.time(14, 30), duration=45)
        register(first)

        assert refusal(second, partner=partner).reason == Reason.OVERLAP
        kept = register(second).registration

        assert (kept.status, kept.hold) == ("held", "choice")
        assert counters(second) == (0, 1, 0)

    def test_may_book_back_to_back(self, partner: ApiToken) -> None:
        register(SlotFactory(start_time=dt.time(14), duration=45))
        second = SlotFactory(start_time=dt.time(14, 45))

        assert register(second, partner=partner).registration.partner == partner

    def test_may_book_a_time_whose_place_was_given_back(self, partner: ApiToken) -> None:
        first = register(SlotFactory(start_time=dt.time(14))).registration
        cancel_registration(registration_id=first.pk, now=NOW)

        assert register(SlotFactory(start_time=dt.time(14)), partner=partner).registration.is_active


def test_a_race_lost_four_times_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time the last update finds it full, and each time the reading after finds a place: somebody is
    quicker."""
    slot = SlotFactory(capacity=0)
    monkeypatch.setattr(book, "why_not", lambda wish: None)

    assert refusal(slot).reason == Reason.BUSY
