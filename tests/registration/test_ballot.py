"""Entering a ballot and changing one's mind, on the database."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events.models import (
    Activity,
    BallotEntry,
    Festival,
    Message,
    Mode,
    Slot,
)
from events.refusals import Reason
from events.registration.ballot import change_wishes, confirm_entry, withdraw_entry
from tests.factories import (
    NOW,
    ActivityFactory,
)

from .lots import AFTER, EMAIL, a_ballot, a_slot, counters, enter, refusal, wishes_of

pytestmark = pytest.mark.django_db


class TestEntering:
    def test_keeps_ranked_wishes_and_owes_a_mail(self) -> None:
        ballot = a_ballot()
        first, second = a_slot(ballot, 9), a_slot(ballot, 11)

        entry = enter(ballot, " Camille@Example.org ", second, first, second, party=3)

        assert wishes_of(entry) == [second.pk, first.pk]
        assert (entry.party_size, entry.visitor and entry.visitor.email) == (3, EMAIL)
        mail = Message.objects.get()
        assert (mail.kind, mail.recipient, mail.ballot_entry) == ("ballot_entered", EMAIL, entry)
        assert counters(first) == (0, 0, 0)

    def test_the_same_form_again_is_the_same_entry(self) -> None:
        ballot = a_ballot()
        slot, submission = a_slot(ballot), uuid.uuid4()

        entries = {enter(ballot, EMAIL, slot, submission_id=submission).pk for _ in range(3)}

        assert len(entries) == BallotEntry.objects.count() == Message.objects.count() == 1

    def test_the_same_form_with_other_answers_is_refused(self) -> None:
        ballot = a_ballot()
        slot, submission = a_slot(ballot), uuid.uuid4()
        enter(ballot, EMAIL, slot, submission_id=submission)

        refused = refusal(enter, ballot, EMAIL, slot, party=2, submission_id=submission)

        assert refused.reason == Reason.SUBMISSION_REUSED

    @pytest.mark.parametrize("again", [EMAIL, "camille+encore@example.org"])
    def test_one_person_enters_once_and_is_told_by_mail_alone(self, again: str) -> None:
        ballot = a_ballot()
        slot, other, submission = a_slot(ballot, 9), a_slot(ballot, 11), uuid.uuid4()
        entry = enter(ballot, EMAIL, slot)

        for _ in range(2):
            refused = refusal(enter, ballot, again, other, party=2, submission_id=submission)
            assert refused.reason == Reason.ALREADY_REGISTERED

        entry.refresh_from_db()
        assert (wishes_of(entry), entry.party_size) == ([slot.pk], 1)
        assert list(Message.objects.order_by("pk").values_list("recipient", flat=True)) == [EMAIL, EMAIL]
        assert BallotEntry.objects.count() == 1

    def test_nobody_is_written_to_twice_an_hour_by_pressing_again(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot)
        enter(ballot, EMAIL, slot)

        for _ in range(3):
            refusal(enter, ballot, EMAIL, slot)

        states = Message.objects.order_by("pk").values_list("status", flat=True)
        assert list(states) == ["pending", "pending", "suppressed", "suppressed"]

    def test_a_known_form_with_other_answers_is_refused(self) -> None:
        ballot = a_ballot()
        slot, submission = a_slot(ballot), uuid.uuid4()
        enter(ballot, EMAIL, slot)
        refusal(enter, ballot, EMAIL, slot, submission_id=submission)

        refused = refusal(enter, ballot, EMAIL, slot, party=2, submission_id=submission)

        assert refused.reason == Reason.SUBMISSION_REUSED

    @pytest.mark.parametrize(
        ("now", "reason"),
        [
            (NOW - dt.timedelta(days=1, seconds=1), Reason.NOT_OPEN_YET),
            (AFTER, Reason.CLOSED),
        ],
    )
    def test_only_between_opening_and_closing(self, now: dt.datetime, reason: Reason) -> None:
        ballot = a_ballot()

        assert refusal(enter, ballot, EMAIL, a_slot(ballot), now=now).reason == reason

    def test_not_in_an_edition_that_is_not_published(self) -> None:
        ballot = a_ballot(festival__state=Festival.State.ARCHIVED)

        assert refusal(enter, ballot, EMAIL, a_slot(ballot)).reason == Reason.CLOSED

    def test_not_once_the_list_is_fixed(self) -> None:
        ballot = a_ballot(entries_hash="0" * 64)

        assert refusal(enter, ballot, EMAIL, a_slot(ballot)).reason == Reason.CLOSED

    @pytest.mark.parametrize("party", [0, 5])
    def test_a_party_is_one_to_four(self, party: int) -> None:
        ballot = a_ballot()

        refused = refusal(enter, ballot, EMAIL, a_slot(ballot), party=party)

        assert (refused.reason, refused.facts) == (Reason.LIMIT, {"most": 4})

    def test_nor_more_than_the_edition_lets_one_person_book(self) -> None:
        ballot = a_ballot(festival__most_places=2)

        assert refusal(enter, ballot, EMAIL, a_slot(ballot), party=3).facts == {"most": 2}

    def test_without_a_wish(self) -> None:
        assert refusal(enter, a_ballot(), EMAIL).reason == Reason.NO_WISH

    def test_with_too_many_wishes(self) -> None:
        ballot = a_ballot(most_wishes=1)

        refused = refusal(enter, ballot, EMAIL, a_slot(ballot, 9), a_slot(ballot, 11))

        assert (refused.reason, refused.facts) == (Reason.TOO_MANY_WISHES, {"most": 1})

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": Slot.State.DRAFT},
            {"state": Slot.State.CANCELLED, "cancelled_at": NOW},
            {"day": AFTER.date() - dt.timedelta(days=1)},
            {"of": {"state": Activity.State.DRAFT}},
            {"of": {"ballot": None}},
            {"of": {"mode": Mode.FIRST_COME}},
        ],
    )
    def test_with_a_visit_that_cannot_be_won(self, fields: dict[str, Any]) -> None:
        ballot = a_ballot()
        of = {"ballot": ballot, "mode": Mode.BALLOT, "festival": ballot.festival, **fields.pop("of", {})}
        slot = a_slot(ballot, activity=ActivityFactory(**of), **fields)

        refused = refusal(enter, ballot, EMAIL, slot)

        assert (refused.reason, refused.facts) == (Reason.WISH_GONE, {"gone": [slot.pk]})

    def test_without_the_name_a_host_asks_for(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, of={"ask_name": True})

        assert refusal(enter, ballot, EMAIL, slot).reason == Reason.NAME_NEEDED
        assert enter(ballot, EMAIL, slot, name=" Camille ").name == "Camille"


class TestChangingOnesMind:
    def test_other_wishes_another_party(self) -> None:
        ballot = a_ballot()
        one, two = a_slot(ballot, 9), a_slot(ballot, 11)
        entry = enter(ballot, EMAIL, one)

        change_wishes(entry_id=entry.pk, party_size=2, wishes=[two.pk, one.pk], now=NOW)

        entry.refresh_from_db()
        assert (wishes_of(entry), entry.party_size, entry.revision) == ([two.pk, one.pk], 2, 1)

    def test_withdrawn_and_entered_anew(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot)
        entry = enter(ballot, EMAIL, slot)

        withdraw_entry(entry_id=entry.pk, now=NOW)
        again = enter(ballot, EMAIL, slot)

        assert again.code != entry.code
        assert refusal(withdraw_entry, entry_id=entry.pk, now=NOW).reason == Reason.NOT_ACTIVE
        assert (
            refusal(change_wishes, entry_id=entry.pk, party_size=1, wishes=[slot.pk], now=NOW).reason
            == Reason.NOT_ACTIVE
        )
        assert refusal(confirm_entry, entry_id=entry.pk, now=NOW).reason == Reason.NOT_ACTIVE

    def test_no_longer_after_the_closing(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot)
        entry = enter(ballot, EMAIL, slot)

        for act in (
            lambda: withdraw_entry(entry_id=entry.pk, now=AFTER),
            lambda: confirm_entry(entry_id=entry.pk, now=AFTER),
            lambda: change_wishes(entry_id=entry.pk, party_size=1, wishes=[slot.pk], now=AFTER),
        ):
            assert refusal(act).reason == Reason.CLOSED

    def test_a_wrong_change_changes_nothing(self) -> None:
        ballot = a_ballot()
        entry = enter(ballot, EMAIL, a_slot(ballot))
        before = wishes_of(entry)

        assert (
            refusal(change_wishes, entry_id=entry.pk, party_size=9, wishes=before, now=NOW).reason
            == Reason.LIMIT
        )
        assert (
            refusal(change_wishes, entry_id=entry.pk, party_size=1, wishes=[], now=NOW).reason
            == Reason.NO_WISH
        )
        assert wishes_of(entry) == before
