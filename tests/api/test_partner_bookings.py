"""What partners get beyond the plain booking: their territory, pools, any of several slots, reading."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from events.models import ApiToken, Pool, Registration, Slot
from events.partners import issue_token
from events.refusals import Reason
from events.registration.cancel import cancel_registration
from events.registration.pools import Share, set_pools
from tests.factories import NOW, FestivalFactory, SlotFactory, TerritoryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def partner() -> str:
    return issue_token(name="Ville de Toulouse")


def book(slot: Slot, token: str, **more: Any) -> Any:
    data = {"email": "camille@example.org", "party_size": 1, "submission_id": str(uuid.uuid4())} | more
    return Client().post(
        f"/api/v1/slots/{slot.pk}/registrations/",
        data,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def read(reference: str, token: str) -> Any:
    return Client().get(f"/api/v1/registrations/{reference}/", headers={"Authorization": f"Bearer {token}"})


class TestTheTerritory:
    def test_a_key_of_a_territory_books_there_alone(self) -> None:
        here, elsewhere = SlotFactory(), SlotFactory()
        token = issue_token(name="Ville", territory=here.activity.territory)

        answers = [book(slot, token).status_code for slot in (here, elsewhere)]

        assert answers == [201, 404]
        assert Registration.objects.get().slot == here

    def test_a_foreign_slot_answers_as_one_that_is_not_there(self) -> None:
        token = issue_token(name="Ville", territory=TerritoryFactory())
        foreign, draft = SlotFactory(), SlotFactory(state="draft")

        assert book(foreign, token).content == book(draft, token).content

    def test_the_command_makes_a_key_of_a_territory(self, capsys: pytest.CaptureFixture[str]) -> None:
        territory = TerritoryFactory(slug="toulouse")

        call_command("create_api_token", "Ville", "--territory", "toulouse")

        assert ApiToken.objects.get().territory == territory
        assert capsys.readouterr().out.startswith("fft_")

    def test_the_command_knows_no_such_territory(self) -> None:
        with pytest.raises(CommandError):
            call_command("create_api_token", "Ville", "--territory", "nulle-part")

        assert not ApiToken.objects.exists()


class TestRefusals:
    @pytest.mark.parametrize(
        ("limits", "detail"),
        [
            ({"most_bookings_per_day": 1}, Reason.DAY_LIMIT),
            ({"most_bookings": 1}, Reason.FESTIVAL_LIMIT),
        ],
        ids=["a day", "in all"],
    )
    def test_too_many_visits_are_a_limit_that_says_which(
        self, partner: str, limits: dict[str, int], detail: Reason
    ) -> None:
        festival = FestivalFactory(**limits)
        first = SlotFactory(activity__festival=festival, start_time=dt.time(9))
        second = SlotFactory(activity__festival=festival, start_time=dt.time(15))
        book(first, partner)

        answer = book(second, partner)

        said = answer.json()
        assert (answer.status_code, said["reason"]) == (409, "limit")
        assert said == {"reason": "limit", "detail": str(detail.label)}

    def test_a_refusal_says_nothing_of_the_visitor_s_other_visits(self, partner: str) -> None:
        festival = FestivalFactory()
        mine = SlotFactory(activity__festival=festival, start_time=dt.time(14))
        reference = book(mine, partner).json()["reference"]

        answer = book(SlotFactory(activity__festival=festival, start_time=dt.time(14)), partner)

        assert sorted(answer.json()) == ["detail", "reason"]
        assert reference not in answer.content.decode()
        assert mine.activity.title_fr not in answer.content.decode()


class TestWaitingAndPools:
    def test_one_request_waits_for_any_of_several_slots(self, partner: str) -> None:
        slot = SlotFactory(capacity=1)
        other = SlotFactory(activity=slot.activity, capacity=1)
        for number, full in enumerate((slot, other)):
            book(full, partner, email=f"{number}@example.org")

        answer = book(slot, partner, wait=True, any_of=[other.pk])

        assert (answer.status_code, answer.json()["status"]) == (201, "waiting")
        assert list(Registration.objects.waiting().order_by("slot_id").values_list("slot_id", flat=True)) == [
            slot.pk,
            other.pk,
        ]

    @pytest.mark.parametrize("value", [["a"], [0], [2**70], list(range(1, 30)), "12", None])
    def test_slots_that_are_none_are_refused_at_their_field(self, partner: str, value: Any) -> None:
        answer = book(SlotFactory(), partner, wait=True, any_of=value)

        assert answer.status_code == 422
        assert not Registration.objects.exists()

    def test_a_reserved_place_is_taken_from_its_pool(self, partner: str) -> None:
        slot = SlotFactory(capacity=2)
        set_pools(slot_id=slot.pk, shares=[Share("access", 1)], by=None, now=NOW)

        answers = [
            book(slot, partner, email=f"{n}@example.org", pool=p) for n, p in enumerate(["", "access"])
        ]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert Registration.objects.get(reference=answers[1].json()["reference"]).pool == "access"
        assert Pool.objects.get().taken == 1

    @pytest.mark.parametrize("pool", ["walk_in", "later", "vip", 3])
    def test_only_pools_for_visitors_can_be_asked_for(self, partner: str, pool: Any) -> None:
        answer = book(SlotFactory(), partner, pool=pool)

        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["pool"])


class TestReading:
    def test_a_booking_can_be_read_as_it_stands(self, partner: str) -> None:
        slot = SlotFactory(capacity=1)
        first = book(slot, partner, email="a@example.org").json()["reference"]
        waiting = book(slot, partner, wait=True).json()["reference"]
        cancel_registration(
            registration_id=Registration.objects.get(reference=first).pk, now=NOW, by="organiser"
        )

        answer = read(waiting, partner)

        said = answer.json()
        assert (said["status"], said["slot"], said["party_size"]) == ("held", slot.pk, 1)
        assert said["held_until"] is not None
        assert read(first, partner).json()["status"] == "cancelled"
        assert "no-store" in answer.headers["Cache-Control"]

    def test_a_foreign_booking_does_not_exist(self, partner: str) -> None:
        reference = book(SlotFactory(), partner).json()["reference"]
        other = issue_token(name="Office de tourisme")

        assert read(reference, other).status_code == 404
        assert read("AAAA-AAAA", partner).status_code == 404
        assert read(reference, "fft_wrong").status_code == 401

    def test_no_answer_holds_the_address(self, partner: str) -> None:
        answer = book(SlotFactory(), partner, name="Camille")
        said = answer.json() | read(answer.json()["reference"], partner).json()

        assert "camille" not in json.dumps(said).lower()
