"""People who leave before a ballot is drawn, and after."""

from __future__ import annotations

import datetime as dt

import pytest

from events.models import (
    BallotEntry,
    Registration,
    Visitor,
)
from events.registration.address import _take_in
from events.registration.drawing import (
    differences,
    draw_ballot,
    fix_entries,
    published_file,
)
from events.registration.forgetting import erase_person, export_person, purge_expired
from events.registration.invariants import find_drift
from tests.factories import (
    DAY,
    NOW,
)

from .lots import AFTER, EMAIL, a_ballot, a_slot, counters, enter

pytestmark = pytest.mark.django_db


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
