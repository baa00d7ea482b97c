"""A ballot at the desk, and its commands."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.models import (
    Activity,
    Ballot,
    BallotEntry,
    JournalEntry,
    Mode,
)
from events.refusals import Reason
from events.registration.ballot_desk import announce_ballot, attach_activities, change_ballot
from events.registration.book import register_party
from events.registration.drawing import (
    draw_ballot,
    published_file,
)
from tests.factories import (
    NOW,
    ActivityFactory,
    FestivalFactory,
    SlotFactory,
    UserFactory,
)

from .lots import AFTER, EMAIL, a_ballot, a_slot, enter, refusal

pytestmark = pytest.mark.django_db


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
