"""What visitors see and do before booking opens, between two waves, and where places are kept for them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.test import Client

from events.models import Registration, Slot
from events.registration.book import register_party
from events.registration.openings import announce_opening
from events.registration.pools import Share, set_pools
from tests.factories import NOW, ActivityFactory, SlotFactory

pytestmark = pytest.mark.django_db

OPENS, SECOND = NOW + dt.timedelta(days=3), NOW + dt.timedelta(days=10)


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def url(slot: Slot) -> str:
    return f"/creneaux/{slot.pk}/inscription/"


def answers(**fields: Any) -> dict[str, Any]:
    return {"email": "camille@example.org", "party_size": "1", "submission_id": str(uuid.uuid4())} | fields


def waves(slot: Slot) -> None:
    announce_opening(
        festival=slot.activity.festival,
        programme=None,
        territory=None,
        opens_at=OPENS,
        second_opens_at=SECOND,
        second_share=20,
        by=None,
        now=NOW,
    )


def book(slot: Slot, places: int, now: dt.datetime) -> None:
    register_party(
        slot_id=slot.pk, email="sacha@example.org", party_size=places, submission_id=uuid.uuid4(), now=now
    )


def keep(slot: Slot, *shares: Share) -> Slot:
    set_pools(slot_id=slot.pk, shares=shares, by=None, now=NOW)
    slot.refresh_from_db()
    return slot


class TestBeforeItOpens:
    def test_every_page_says_when_and_carries_both_clocks(self, client: Client) -> None:
        slot = SlotFactory(capacity=10)
        waves(slot)

        closed = client.get(url(slot)).content.decode()
        activity = client.get(slot.activity.get_absolute_url()).content.decode()
        listed = client.get("/programme/").content.decode()

        assert "jeudi\u00a06\u00a0mai à\u00a010\u00a0h" in closed
        assert "2\u00a0places de plus le 13\u00a0mai à\u00a010\u00a0h." in closed
        assert "Les réservations ouvrent jeudi\u00a06\u00a0mai à\u00a010\u00a0h" in activity
        for page in (closed, activity):
            assert 'data-opens="2027-05-06T10:00:00+02:00"' in page
            assert 'data-now="2027-05-03T10:00:00+02:00"' in page
        assert "ouvre le 6\u00a0mai à\u00a010\u00a0h" in listed

    def test_the_form_is_there_at_the_second(self, client: Client) -> None:
        slot = SlotFactory()
        waves(slot)

        with time_machine.travel(OPENS - dt.timedelta(seconds=1), tick=False):
            assert client.post(url(slot), answers()).status_code == 409
            assert 'name="email"' not in client.get(url(slot)).content.decode()
        with time_machine.travel(OPENS, tick=False):
            assert 'name="email"' in client.get(url(slot)).content.decode()
            assert client.post(url(slot), answers()).status_code == 302

    def test_machines_are_told_too(self, client: Client) -> None:
        slot = SlotFactory()
        waves(slot)

        (event,) = client.get("/programme.json").json()["events"]
        said = client.get(f"/api/v1/slots/{slot.pk}/").json()

        assert event["timings"][0]["opensAt"] == "2027-05-06T10:00:00+02:00"
        assert event["timings"][0]["nextPlacesAt"] == "2027-05-13T10:00:00+02:00"
        assert (said["opens_at"], said["next_release_at"], said["next_places"]) == (
            "2027-05-06T08:00:00Z",
            "2027-05-13T08:00:00Z",
            2,
        )
        assert '"validFrom":"2027-05-06T10:00+02:00"' in client.get(slot.get_absolute_url()).content.decode()


class TestBetweenTwoWaves:
    def test_full_for_now_and_how_many_come_when(self, client: Client) -> None:
        slot = SlotFactory(capacity=10)
        waves(slot)
        for places in (6, 2):
            register_party(
                slot_id=slot.pk,
                email=f"groupe{places}@example.org",
                party_size=places,
                submission_id=uuid.uuid4(),
                now=OPENS,
            )

        with time_machine.travel(OPENS, tick=False):
            listed = client.get("/programme/").content.decode()
        with time_machine.travel(SECOND, tick=False):
            form = client.get(url(slot)).content.decode()

        assert "Complet pour l’instant" in listed
        assert "2\u00a0places le 13\u00a0mai à\u00a010\u00a0h" in listed
        assert "Réserver ma place" in form
        slot.refresh_from_db()
        assert (slot.reserved, slot.places_left) == (0, 2)


class TestPlacesKept:
    def test_are_offered_where_there_are_some(self, client: Client) -> None:
        plain, kept = SlotFactory(), keep(SlotFactory(), Share("access", 2), Share("group", 5))
        door = keep(SlotFactory(), Share("walk_in", 2), Share("later", 2, SECOND))

        for slot in (plain, door):
            words = client.get(url(slot)).content.decode()
            assert 'name="access"' not in words
            assert 'name="group"' not in words
        words = client.get(url(kept)).content.decode()
        assert "Une personne de mon groupe a besoin d’un accès adapté" in words
        assert "Jusqu’à 5\u00a0places ensemble." in words

    @pytest.mark.parametrize(
        ("typed", "pool"),
        [
            ({}, ""),
            ({"access": "on"}, "access"),
            ({"group": "on", "party_size": "8"}, "group"),
            ({"group": "on", "access": "on"}, "access"),
            ({"group": "on", "access": "on", "party_size": "8"}, "group"),
            ({"pool": "walk_in"}, ""),
        ],
    )
    def test_are_taken_from_their_reserve(self, client: Client, typed: dict[str, str], pool: str) -> None:
        slot = keep(SlotFactory(capacity=20), Share("access", 2), Share("group", 9))

        assert client.post(url(slot), answers(**typed)).status_code == 302

        assert Registration.objects.get().pool == pool

    def test_a_group_larger_than_what_is_kept_is_refused_at_the_number(self, client: Client) -> None:
        slot = keep(SlotFactory(capacity=20), Share("group", 9))

        answer = client.post(url(slot), answers(group="on", party_size="10"))

        assert answer.status_code == 422
        assert answer.context["form"].errors == {
            "party_size": ["9\u00a0places au plus pour un groupe dans ce créneau."]
        }
        assert 'value="10"' in answer.content.decode()
        assert "checked" in answer.content.decode().split('name="group"')[1].split(">")[0]

    def test_nobody_holds_more_than_the_rules_without_the_tick(self, client: Client) -> None:
        slot = keep(SlotFactory(capacity=20), Share("group", 9))

        answer = client.post(url(slot), answers(party_size="8"))

        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["party_size"])

    def test_are_found_where_the_rest_is_full_and_the_list_closed(self, client: Client) -> None:
        slot = keep(SlotFactory(capacity=3, waiting_list_open=False), Share("access", 1))
        book(slot, 2, NOW)

        words = client.get(url(slot)).content.decode()
        assert 'name="access"' in words
        assert client.post(url(slot), answers(access="on")).status_code == 302
        assert client.post(url(slot), answers(email="b@example.org", party_size="1")).status_code == 409

    def test_more_bookings_than_places_are_nobodys_business(self, client: Client) -> None:
        slot = SlotFactory(activity=ActivityFactory(), capacity=12, overbook=2)

        words = client.get(slot.get_absolute_url()).content.decode()

        assert "12\u00a0places" in words
        assert "14" not in words.split("doorstep")[1].split("</section>")[0]
        assert '"remainingAttendeeCapacity":12' in words
