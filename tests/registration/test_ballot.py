"""Entering a ballot, changing one's mind, the closing, the draw and what comes of it, on the database."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from events import jobs
from events.models import (
    Activity,
    Ballot,
    BallotEntry,
    Festival,
    JournalEntry,
    Message,
    Mode,
    Registration,
    Slot,
    Visitor,
)
from events.refusals import Reason, Refused
from events.registration.address import _take_in
from events.registration.ballot import change_wishes, confirm_entry, enter_ballot, withdraw_entry
from events.registration.ballot_desk import announce_ballot, attach_activities, change_ballot
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.drawing import (
    differences,
    draw_ballot,
    draw_due,
    fix_entries,
    published_file,
)
from events.registration.forgetting import erase_person, export_person, purge_expired
from events.registration.invariants import find_drift
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    BallotFactory,
    FestivalFactory,
    SlotFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
AFTER = NOW + dt.timedelta(days=1)
EMAIL = "camille@example.org"


def a_ballot(**fields: Any) -> Ballot:
    return BallotFactory(**fields)


def a_slot(ballot: Ballot, hour: int = 9, **fields: Any) -> Slot:
    activity = fields.pop("activity", None) or ActivityFactory(
        festival=ballot.festival, ballot=ballot, mode=Mode.BALLOT, **fields.pop("of", {})
    )
    return SlotFactory(activity=activity, **{"start_time": dt.time(hour), "capacity": 2, **fields})


def enter(ballot: Ballot, email: str, *slots: Slot, party: int = 1, **more: Any) -> BallotEntry:
    more = {"submission_id": uuid.uuid4(), "now": NOW, **more}
    return enter_ballot(
        ballot_id=ballot.pk, email=email, party_size=party, wishes=[slot.pk for slot in slots], **more
    )


def refusal(act: Callable[..., Any], *arguments: Any, **named: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **named)
    return caught.value


def wishes_of(entry: BallotEntry) -> list[int]:
    return list(entry.wishes.order_by("rank").values_list("slot_id", flat=True))


def counters(slot: Slot) -> tuple[int, int, int]:
    slot.refresh_from_db()
    return slot.taken, slot.held, slot.waiting


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


class TestTheDraw:
    def test_gives_places_lists_and_news_in_the_drawn_order(self) -> None:
        ballot = a_ballot(most_wins=1)
        first, second = a_slot(ballot, 9, capacity=2), a_slot(ballot, 11, capacity=1)
        entries = [enter(ballot, f"v{n}@example.org", first, second) for n in range(6)]

        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        ranked = sorted(BallotEntry.objects.all(), key=lambda entry: entry.rank or 0)
        assert [entry.rank for entry in ranked] == [1, 2, 3, 4, 5, 6]
        won = [list(e.wishes.filter(won=True).values_list("slot_id", flat=True)) for e in ranked]
        assert won == [[first.pk], [first.pk], [second.pk], [], [], []]
        assert (counters(first), counters(second)) == ((2, 0, 3), (1, 0, 3))
        waiting = Registration.objects.waiting().filter(slot=first)
        assert [row.ballot_entry for row in waiting] == ranked[3:]
        assert len({row.waiting_since for row in waiting}) == 3
        assert [row.any_of for row in waiting] == [entry.code for entry in ranked[3:]]
        kinds = [Message.objects.get(dedupe_key=f"ballot_drawn:{entry.pk}").kind for entry in ranked]
        assert kinds == ["ballot_won"] * 3 + ["ballot_lost"] * 3
        activity = Activity.objects.get(pk=first.activity_id)
        assert (activity.mode, activity.ballot) == (Mode.FIRST_COME, ballot)
        assert drawn.drawn_at == AFTER
        assert len(entries) == 6
        assert find_drift(now=AFTER) == []

    def test_a_place_given_back_goes_to_the_next_drawn(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, capacity=1)
        for number in range(3):
            enter(ballot, f"v{number}@example.org", slot)
        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        cancel_registration(registration_id=Registration.objects.confirmed().get().pk, now=AFTER)

        offered = Registration.objects.get(status="held")
        assert offered.ballot_entry is not None
        assert offered.ballot_entry.rank == 2
        assert find_drift(now=AFTER) == []

    def test_what_is_left_is_for_who_comes_first(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, capacity=3)
        enter(ballot, EMAIL, slot, party=2)
        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        booked = register_party(
            slot_id=slot.pk, email="b@example.org", party_size=1, submission_id=uuid.uuid4(), now=AFTER
        ).registration

        assert booked.status == "confirmed"
        assert counters(slot) == (3, 0, 0)

    def test_before_the_draw_nobody_books(self) -> None:
        slot = a_slot(a_ballot())

        refused = refusal(
            register_party,
            slot_id=slot.pk, email="b@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW,
        )  # fmt: skip

        assert refused.reason == Reason.CLOSED

    def test_only_the_places_that_are_free(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, capacity=10, overbook=1, reserved=4, taken=3, held=2)
        for number in range(4):
            enter(ballot, f"v{number}@example.org", slot)

        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert drawn.places_at_draw["slots"][str(slot.pk)]["places"] == 2
        assert counters(slot) == (5, 2, 2)

    def test_only_once(self) -> None:
        ballot = a_ballot()
        enter(ballot, EMAIL, a_slot(ballot))
        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert refusal(draw_ballot, ballot_id=ballot.pk, now=AFTER).reason == Reason.WRONG_STATE
        assert draw_due(now=AFTER) == 0
        assert Registration.objects.count() == 1

    def test_not_before_the_closing(self) -> None:
        ballot = a_ballot()

        assert refusal(draw_ballot, ballot_id=ballot.pk, now=NOW).reason == Reason.NOT_YET

    def test_not_of_an_edition_that_is_not_published(self) -> None:
        ballot = a_ballot(festival__state=Festival.State.DRAFT)

        assert refusal(draw_ballot, ballot_id=ballot.pk, now=AFTER).reason == Reason.WRONG_STATE

    def test_not_with_another_seed_than_the_one_promised(self, settings: Any) -> None:
        ballot = a_ballot()
        settings.SECRET_KEY = "another secret than the one the promise was made with"

        assert refusal(draw_ballot, ballot_id=ballot.pk, now=AFTER).reason == Reason.SEED_LOST

    def test_not_when_the_list_was_touched_after_the_closing(self) -> None:
        ballot = a_ballot()
        entry = enter(ballot, EMAIL, a_slot(ballot))
        fix_entries(ballot_id=ballot.pk, now=AFTER)
        BallotEntry.objects.filter(pk=entry.pk).update(party_size=2)

        assert refusal(draw_ballot, ballot_id=ballot.pk, now=AFTER).reason == Reason.ENTRIES_CHANGED
        assert not Registration.objects.exists()

    def test_without_entries(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot)

        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert counters(slot) == (0, 0, 0)
        assert differences(Ballot.objects.get(pk=ballot.pk)) == []

    def test_nobody_wins_in_a_slot_or_activity_that_was_withdrawn(self) -> None:
        ballot = a_ballot()
        gone, cancelled, there = a_slot(ballot, 9), a_slot(ballot, 10), a_slot(ballot, 11)
        entry = enter(ballot, EMAIL, gone, cancelled, there)
        Slot.objects.filter(pk=gone.pk).update(state="cancelled", cancelled_at=NOW)
        Activity.objects.filter(pk=cancelled.activity_id).update(state="cancelled")

        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert list(entry.wishes.filter(won=True).values_list("slot_id", flat=True)) == [there.pk]
        assert find_drift(now=AFTER) == []

    def test_who_wished_for_nothing_but_withdrawn_slots_waits_nowhere(self) -> None:
        ballot = a_ballot()
        gone = a_slot(ballot)
        enter(ballot, EMAIL, gone)
        Slot.objects.filter(pk=gone.pk).update(state="cancelled", cancelled_at=NOW)

        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert not Registration.objects.exists()
        assert Message.objects.filter(kind="ballot_lost").count() == 1

    def test_a_slot_without_list_or_too_small_is_not_waited_for(self) -> None:
        ballot = a_ballot()
        closed, small = a_slot(ballot, 9, capacity=1, waiting_list_open=False), a_slot(ballot, 11, capacity=1)
        enter(ballot, EMAIL, closed, small, party=2)

        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert not Registration.objects.exists()

    def test_a_visit_held_elsewhere_blocks_what_overlaps_it(self) -> None:
        ballot = a_ballot()
        own = SlotFactory(activity=ActivityFactory(festival=ballot.festival), start_time=dt.time(9, 30))
        register_party(slot_id=own.pk, email=EMAIL, party_size=1, submission_id=uuid.uuid4(), now=NOW)
        overlaps, free = a_slot(ballot, 9), a_slot(ballot, 11)
        entry = enter(ballot, "camille+tirage@example.org", overlaps, free)

        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert list(entry.wishes.filter(won=True).values_list("slot_id", flat=True)) == [free.pk]
        assert drawn.places_at_draw["limits"] == {
            str(entry.code): {"blocked": [str(overlaps.pk)], "most": None, "days": {}}
        }
        assert differences(drawn) == []

    @pytest.mark.parametrize(
        ("rule", "won"),
        [({"most_bookings": 2}, 1), ({"most_bookings": 1}, 0), ({"most_bookings_per_day": 2}, 1), ({}, 2)],
    )
    def test_the_limits_of_the_edition_count_what_is_held(self, rule: dict[str, int], won: int) -> None:
        ballot = a_ballot(most_wins=2, festival=FestivalFactory(**rule))
        own = SlotFactory(activity=ActivityFactory(festival=ballot.festival), start_time=dt.time(15))
        register_party(slot_id=own.pk, email=EMAIL, party_size=1, submission_id=uuid.uuid4(), now=NOW)
        entry = enter(ballot, EMAIL, a_slot(ballot, 9), a_slot(ballot, 11))

        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert entry.wishes.filter(won=True).count() == won
        assert differences(drawn) == []
        assert Registration.objects.waiting().count() == 0

    @pytest.mark.parametrize("confirmed", [True, False])
    def test_where_addresses_are_confirmed_an_unconfirmed_entry_wins_nothing(self, confirmed: bool) -> None:
        ballot = a_ballot(festival__confirms_addresses=True)
        entry = enter(ballot, EMAIL, a_slot(ballot))
        if confirmed:
            confirm_entry(entry_id=entry.pk, now=NOW)

        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert Registration.objects.count() == int(confirmed)

    def test_the_sweep_draws_what_is_due(self) -> None:
        due, not_due = a_ballot(), a_ballot(closes_at=AFTER + dt.timedelta(hours=1))

        assert jobs.draw_ballots(AFTER) == 1

        due.refresh_from_db()
        not_due.refresh_from_db()
        assert (due.drawn_at, not_due.drawn_at) == (AFTER, None)

    def test_a_ballot_that_cannot_be_drawn_does_not_hold_up_the_next(self) -> None:
        broken, sound = a_ballot(seed_hash="0" * 64), a_ballot()
        Ballot.objects.filter(pk=broken.pk).update(seed_hash="0" * 64)

        assert draw_due(now=AFTER) == 1

        sound.refresh_from_db()
        assert sound.drawn_at == AFTER


class TestPeopleWhoLeave:
    def test_erased_before_the_closing_they_take_no_part(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, capacity=1)
        enter(ballot, EMAIL, slot)
        other = enter(ballot, "b@example.org", slot)

        erase_person(email=EMAIL, now=NOW)
        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert [row[1] for row in published_file(drawn)["outcome"]] == [str(other.code)]
        assert counters(slot) == (1, 0, 0)

    def test_erased_between_closing_and_draw_they_stay_in_the_list_and_take_nothing(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, capacity=1)
        entry = enter(ballot, EMAIL, slot)
        enter(ballot, "b@example.org", slot)
        fix_entries(ballot_id=ballot.pk, now=AFTER)

        erase_person(email=EMAIL, now=AFTER)
        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        entry.refresh_from_db()
        assert (entry.visitor, entry.name, entry.wishes.get().won) == (None, "", False)
        assert len(published_file(drawn)["entries"]) == 2
        assert differences(drawn) == []
        assert Registration.objects.get().visitor.email == "b@example.org"

    def test_erased_and_purged_after_the_draw_it_still_replays(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot, capacity=1)
        for email in (EMAIL, "b@example.org"):
            enter(ballot, email, slot, name="Camille")
        draw_ballot(ballot_id=ballot.pk, now=AFTER)

        erase_person(email=EMAIL, now=AFTER)
        ballot.refresh_from_db()
        assert differences(ballot) == []
        purge_expired(now=AFTER + dt.timedelta(days=200))

        assert differences(ballot) == []
        assert not BallotEntry.objects.exclude(name="").exists()
        assert not Visitor.objects.exists()
        assert find_drift(now=AFTER) == []

    def test_who_entered_long_ago_is_not_purged_before_the_draw(self) -> None:
        ballot = a_ballot(closes_at=NOW + dt.timedelta(days=120))
        enter(ballot, EMAIL, a_slot(ballot, day=DAY + dt.timedelta(days=365)))
        Visitor.objects.update(created_at=NOW)

        purge_expired(now=NOW + dt.timedelta(days=100))

        assert Visitor.objects.count() == 1

    def test_the_export_has_the_entries(self) -> None:
        ballot = a_ballot(name_fr="Les ateliers rares")
        slot = a_slot(ballot, of={"title_fr": "Un robot"})
        entry = enter(ballot, EMAIL, slot, party=2)

        (said,) = export_person(email=EMAIL)["ballots"]

        assert said["wishes"] == [
            {"rank": 1, "activity": "Un robot", "starts_at": slot.local_start, "won": False}
        ]
        assert (said["ballot"], said["code"], said["places"]) == ("Les ateliers rares", str(entry.code), 2)

    def test_two_addresses_that_become_one_keep_one_entry_and_the_list(self) -> None:
        ballot = a_ballot()
        slot = a_slot(ballot)
        mine, theirs = enter(ballot, EMAIL, slot), enter(ballot, "b@example.org", slot)
        fix_entries(ballot_id=ballot.pk, now=AFTER)
        assert mine.visitor is not None
        assert theirs.visitor is not None

        _take_in(mine.visitor, theirs.visitor, AFTER)
        drawn = draw_ballot(ballot_id=ballot.pk, now=AFTER)

        assert len(published_file(drawn)["entries"]) == 2
        assert Registration.objects.count() == 1


class TestTheDesk:
    VALUES = {
        "name_fr": "Les ateliers rares",
        "opens_at": NOW + dt.timedelta(days=1),
        "closes_at": NOW + dt.timedelta(days=2),
    }

    def test_announcing_promises_the_seed(self) -> None:
        festival = FestivalFactory()

        ballot = announce_ballot(
            festival=festival, territory=None, slug="rares", values=self.VALUES, now=NOW, by=UserFactory()
        )

        assert len(ballot.seed_hash) == 64
        assert ballot.seed not in str(Ballot.objects.values())
        assert JournalEntry.objects.get().verb == "announce_ballot"

    def test_not_with_a_closing_that_is_past(self) -> None:
        values = {**self.VALUES, "opens_at": NOW - dt.timedelta(days=1), "closes_at": NOW}

        refused = refusal(
            announce_ballot,
            festival=FestivalFactory(), territory=None, slug="rares", values=values, now=NOW, by=None,
        )  # fmt: skip

        assert refused.reason == Reason.IN_THE_PAST

    def test_changed_until_it_opens(self) -> None:
        ballot = a_ballot(opens_at=NOW + dt.timedelta(hours=1))

        change_ballot(ballot_id=ballot.pk, values={"most_wins": 3}, now=NOW, by=None)

        ballot.refresh_from_db()
        assert ballot.most_wins == 3
        late = NOW + dt.timedelta(hours=1)
        refused = refusal(change_ballot, ballot_id=ballot.pk, values={"most_wins": 1}, now=late, by=None)
        assert refused.reason == Reason.WRONG_STATE
        refused = refusal(change_ballot, ballot_id=ballot.pk, values={"closes_at": NOW}, now=NOW, by=None)
        assert refused.reason == Reason.IN_THE_PAST

    def test_activities_join_and_leave_until_it_opens(self) -> None:
        ballot = a_ballot(opens_at=NOW + dt.timedelta(hours=1))
        stays, leaves = (
            ActivityFactory(festival=ballot.festival, ballot=ballot, mode=Mode.BALLOT) for _ in range(2)
        )
        joins, elsewhere = ActivityFactory(festival=ballot.festival), ActivityFactory()

        attach_activities(
            ballot_id=ballot.pk, activity_ids=[stays.pk, joins.pk, elsewhere.pk], now=NOW, by=None
        )

        assert set(ballot.activities.all()) == {stays, joins}
        modes = [Activity.objects.get(pk=one.pk).mode for one in (stays, joins, leaves, elsewhere)]
        assert modes == ["ballot", "ballot", "first_come", "first_come"]
        late = NOW + dt.timedelta(hours=1)
        refused = refusal(attach_activities, ballot_id=ballot.pk, activity_ids=[], now=late, by=None)
        assert refused.reason == Reason.WRONG_STATE

    def test_an_activity_with_bookings_is_not_drawn(self) -> None:
        ballot = a_ballot(opens_at=NOW + dt.timedelta(hours=1))
        slot = SlotFactory(activity=ActivityFactory(festival=ballot.festival))
        register_party(slot_id=slot.pk, email=EMAIL, party_size=1, submission_id=uuid.uuid4(), now=NOW)

        refused = refusal(
            attach_activities, ballot_id=ballot.pk, activity_ids=[slot.activity_id], now=NOW, by=None
        )

        assert (refused.reason, refused.facts) == (Reason.HAS_BOOKINGS, {"activities": [slot.activity]})


def run(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


class TestCommands:
    def test_draw_by_name_or_all_that_are_due(self) -> None:
        one, _two = a_ballot(slug="rares"), a_ballot()
        enter(one, EMAIL, a_slot(one))

        said = run("ballot_draw", "rares", "--now", AFTER.isoformat())

        assert said == f"rares: 1 entries, 1 with a place. Seed {one.seed}.\n"
        assert run("ballot_draw", "--now", AFTER.isoformat()) == "1 ballot drawn.\n"

    @pytest.mark.parametrize("slug", ["rares", "ailleurs"])
    def test_what_cannot_be_drawn_is_an_error(self, slug: str) -> None:
        a_ballot(slug="rares")

        with pytest.raises(CommandError):
            run("ballot_draw", slug, "--now", NOW.isoformat())

    def test_verify_agrees_with_the_rows_and_the_file(self, tmp_path: Path) -> None:
        ballot = a_ballot(slug="rares")
        slot = a_slot(ballot, capacity=1)
        for number in range(3):
            enter(ballot, f"v{number}@example.org", slot)
        file = tmp_path / "tirage.json"
        file.write_text(json.dumps(published_file(draw_ballot(ballot_id=ballot.pk, now=AFTER))))

        assert run("ballot_verify", "rares") == "3 entries replayed, 0 differences.\n"
        Ballot.objects.filter(slug="rares").update(slug="autre")
        assert run("ballot_verify", str(file)) == "3 entries replayed, 0 differences.\n"

    def test_verify_finds_a_changed_entry(self) -> None:
        ballot = a_ballot(slug="rares")
        slot = a_slot(ballot, capacity=1)
        for number in range(3):
            enter(ballot, f"v{number}@example.org", slot)
        draw_ballot(ballot_id=ballot.pk, now=AFTER)
        loser = BallotEntry.objects.get(rank=3)
        loser.wishes.update(won=True)

        with pytest.raises(SystemExit) as ended:
            run("ballot_verify", "rares")

        assert ended.value.code == 1

    @pytest.mark.parametrize("what", ["rares", "ailleurs", "file"])
    def test_verify_needs_a_draw(self, what: str, tmp_path: Path) -> None:
        a_ballot(slug="rares")
        if what == "file":
            what = str(tmp_path / "tirage.json")
            Path(what).write_text("{}")

        with pytest.raises(CommandError):
            run("ballot_verify", what)
