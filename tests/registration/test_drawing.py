"""The closing, the draw and what comes of it, on the database."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events import jobs
from events.models import (
    Activity,
    Ballot,
    BallotEntry,
    Festival,
    Message,
    Mode,
    Registration,
    Slot,
)
from events.refusals import Reason
from events.registration.ballot import confirm_entry
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.drawing import (
    differences,
    draw_ballot,
    draw_due,
    fix_entries,
)
from events.registration.invariants import find_drift
from tests.factories import (
    NOW,
    ActivityFactory,
    FestivalFactory,
    SlotFactory,
)

from .lots import AFTER, EMAIL, a_ballot, a_slot, counters, enter, refusal

pytestmark = pytest.mark.django_db


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
