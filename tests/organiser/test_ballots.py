"""The organisers' side of a draw: announced, changed until it opens, watched, drawn once, read."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.models import Activity, Ballot, Mode, Registration
from events.registration.ballot import enter_ballot
from events.registration.book import register_party
from tests.factories import NOW, ActivityFactory, BallotFactory, SlotFactory

from .conftest import a_slot

HERE = "/organisation/toulouse/tirages/"


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "name_fr": "Les ateliers rares",
        "name_en": "",
        "opens_day": "2027-05-10",
        "opens_time": "12:00",
        "closes_day": "2027-05-20",
        "closes_time": "18h",
        "most_wins": "1",
        "most_wishes": "5",
        "most_places": "4",
        **changes,
    }


@pytest.fixture
def ballot(place: Any) -> Ballot:
    made: Ballot = BallotFactory(
        festival=place.festival,
        territory=place.territory,
        slug="rares",
        opens_at=NOW + dt.timedelta(days=1),
        closes_at=NOW + dt.timedelta(days=2),
    )
    return made


def opened(ballot: Ballot) -> None:
    Ballot.objects.filter(pk=ballot.pk).update(opens_at=NOW - dt.timedelta(days=1))


def test_a_ballot_is_announced_on_the_clock_of_the_territory(desk: Client) -> None:
    answer = desk.post(f"{HERE}nouveau/", typed())

    ballot = Ballot.objects.get()
    assert answer.headers["Location"] == f"{HERE}les-ateliers-rares/"
    assert ballot.opens_at == dt.datetime(2027, 5, 10, 10, 0, tzinfo=dt.UTC)
    assert ballot.closes_at == dt.datetime(2027, 5, 20, 16, 0, tzinfo=dt.UTC)
    assert desk.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name_fr": ""}, "name_fr"),
        ({"name_fr": "a\x00b"}, "name_fr"),
        ({"closes_day": "2027-05-09"}, "closes_day"),
        ({"opens_day": "2027-04-01", "closes_day": "2027-04-02"}, "closes_day"),
        ({"closes_day": "demain"}, "closes_day"),
        ({"opens_time": "25:00"}, "opens_time"),
        ({"opens_day": "2027-03-28", "opens_time": "02:30"}, "opens_time"),
        ({"most_wins": "0"}, "most_wins"),
        ({"most_wishes": "11"}, "most_wishes"),
        ({"most_places": "5"}, "most_places"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(desk: Client, changes: dict[str, str], field: str) -> None:
    answer = desk.post(f"{HERE}nouveau/", typed(**changes))

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not Ballot.objects.exists()


def test_it_is_changed_until_it_opens(desk: Client, ballot: Ballot) -> None:
    assert desk.post(f"{HERE}rares/modifier/", typed(most_wins="2")).status_code == 302
    opened(ballot)

    assert desk.post(f"{HERE}rares/modifier/", typed(most_wins="3")).status_code == 409
    ballot.refresh_from_db()
    assert ballot.most_wins == 2


def test_activities_are_ticked(desk: Client, place: Any, ballot: Ballot) -> None:
    page = desk.get(f"{HERE}rares/").content.decode()
    assert "Un robot jardinier" in page

    desk.post(f"{HERE}rares/activites/", {"activities": [place.activity.pk]})

    assert Activity.objects.get(pk=place.activity.pk).mode == Mode.BALLOT


def test_a_booked_one_is_named_and_nothing_is_changed(desk: Client, place: Any, ballot: Ballot) -> None:
    slot = a_slot(place)
    register_party(slot_id=slot.pk, email="a@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW)

    answer = desk.post(f"{HERE}rares/activites/", {"activities": [place.activity.pk]})

    assert answer.status_code == 409
    assert "Un robot jardinier." in answer.content.decode()


@pytest.mark.parametrize("chosen", ["999999", "x"])
def test_an_activity_of_elsewhere_is_no_choice(desk: Client, ballot: Ballot, chosen: str) -> None:
    elsewhere = ActivityFactory()

    for pk in (chosen, str(elsewhere.pk)):
        assert desk.post(f"{HERE}rares/activites/", {"activities": [pk]}).status_code == 422


def test_once_open_its_activities_stay(desk: Client, place: Any, ballot: Ballot) -> None:
    opened(ballot)

    desk.post(f"{HERE}rares/activites/", {"activities": [place.activity.pk]})

    assert Activity.objects.get(pk=place.activity.pk).mode == Mode.FIRST_COME


def test_it_is_drawn_by_hand_after_the_closing_and_once(
    desk: Client, place: Any, ballot: Ballot, monkeypatch: pytest.MonkeyPatch
) -> None:
    Activity.objects.filter(pk=place.activity.pk).update(ballot=ballot, mode=Mode.BALLOT)
    slot = a_slot(place, capacity=1)
    opened(ballot)
    for number in range(2):
        enter_ballot(
            ballot_id=ballot.pk, email=f"v{number}@example.org", party_size=1, wishes=[slot.pk],
            submission_id=uuid.uuid4(), now=NOW,
        )  # fmt: skip
    assert "encore ouverte" in desk.post(f"{HERE}rares/tirer/", follow=True).content.decode()
    assert "2 participations, pour 2 personnes" in desk.get(f"{HERE}rares/").content.decode()
    later = NOW + dt.timedelta(days=2)
    monkeypatch.setattr(timezone, "now", lambda: later)

    assert "Tirer maintenant" in desk.get(f"{HERE}rares/").content.decode()
    assert "Le tirage est fait" in desk.post(f"{HERE}rares/tirer/", follow=True).content.decode()
    page = desk.post(f"{HERE}rares/tirer/", follow=True).content.decode()

    assert "avait déjà eu lieu" in page
    assert "2 participations, dont 1 avec une place" in page
    assert Registration.objects.count() == 2


def test_the_list_and_the_page_cost_the_same_for_one_and_three(
    desk: Client, place: Any, ballot: Ballot
) -> None:
    costs: list[int] = []
    for rounds in range(2):
        with CaptureQueriesContext(connection) as seen:
            desk.get(HERE)
            desk.get(f"{HERE}rares/")
        costs.append(len(seen))
        for number in range(2):
            BallotFactory(festival=place.festival, territory=place.territory, slug=f"b{rounds}{number}")
            SlotFactory(
                activity=ActivityFactory(
                    festival=place.festival, host=place.host, ballot=ballot, mode=Mode.BALLOT
                )
            )

    assert costs[0] == costs[1]
