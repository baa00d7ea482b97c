"""The API: what partners and readers rely on."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.api import v1
from events.links import hash_of
from events.models import ApiToken, Message, Mode, Registration, Slot
from events.partners import issue_token
from events.refusals import Reason, Refused
from events.registration.book import register_party
from tests.factories import NOW, ActivityFactory, SlotFactory, VenueFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def partner() -> str:
    return issue_token(name="Ville de Toulouse")


def body(**kwargs: Any) -> dict[str, Any]:
    return {"email": "camille@example.org", "party_size": 2, "submission_id": str(uuid.uuid4())} | kwargs


def post(slot: Slot | int, data: Any, token: str = "") -> Any:
    pk = slot if isinstance(slot, int) else slot.pk
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client().post(
        f"/api/v1/slots/{pk}/registrations/", data, content_type="application/json", headers=headers
    )


def delete(reference: str, token: str) -> Any:
    return Client().delete(
        f"/api/v1/registrations/{reference}/", headers={"Authorization": f"Bearer {token}"}
    )


class TestReading:
    def test_a_slot_says_all_of_the_contract(self, client: Client) -> None:
        slot = SlotFactory(
            start_time=dt.time(14), capacity=10, taken=4, venue=VenueFactory(name="La Cantine")
        )

        answer = client.get(f"/api/v1/slots/{slot.pk}/")

        said = answer.json()
        expected = {
            "id": slot.pk,
            "starts_at": "2027-06-10T14:00:00+02:00",
            "ends_at": "2027-06-10T14:45:00+02:00",
            "timezone": "Europe/Paris",
            "mode": "first_come",
            "capacity": 10,
            "places_left": 6,
            "status": "open",
        }
        assert {key: said[key] for key in expected} == expected
        assert said["activity"]["title"] == slot.activity.title_fr
        assert said["host"]["name"] == slot.activity.host.name
        assert said["venue"]["name"] == "La Cantine"
        assert said["territory"]["slug"] == slot.activity.territory.slug

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({}, "open"),
            ({"capacity": 0}, "waiting_list"),
            ({"capacity": 0, "waiting_list_open": False}, "full"),
            ({"opens_at": NOW + dt.timedelta(hours=1)}, "not_open_yet"),
            ({"state": "cancelled", "cancelled_at": NOW}, "cancelled"),
            ({"activity__mode": Mode.DROP_IN}, "drop_in"),
            ({"activity__mode": Mode.BALLOT}, "closed"),
            ({"day": NOW.date() - dt.timedelta(days=1)}, "closed"),
        ],
    )
    def test_a_slot_says_how_it_stands(self, client: Client, change: dict[str, Any], status: str) -> None:
        activity = ActivityFactory(
            **{key.partition("__")[2]: change.pop(key) for key in list(change) if "__" in key}
        )
        slot = SlotFactory(**{"capacity": 5, "activity": activity} | change)

        # A slot without room cannot be full: none waits for a place in nothing.
        if change.get("capacity") == 0 and status == "waiting_list":
            Slot.objects.filter(pk=slot.pk).update(capacity=1, taken=1)

        assert client.get(f"/api/v1/slots/{slot.pk}/").json()["status"] == status

    @pytest.mark.parametrize("state", ["draft"])
    def test_what_is_not_public_does_not_exist(self, client: Client, state: str) -> None:
        slot = SlotFactory(state=state)

        assert client.get(f"/api/v1/slots/{slot.pk}/").status_code == 404
        assert client.get("/api/v1/slots/").json() == {"items": [], "next": None}

    @pytest.mark.parametrize("pk", ["999999", "9" * 30])
    def test_an_unknown_slot_is_not_found(self, client: Client, pk: str) -> None:
        answer = client.get(f"/api/v1/slots/{pk}/")

        assert (answer.status_code, answer.json()) == (404, {"detail": "Introuvable."})

    def test_the_list_is_read_page_by_page(self, client: Client) -> None:
        slots = [SlotFactory(start_time=dt.time(9 + n)).pk for n in range(5)]
        seen, after = [], ""
        for _page in range(3):
            page = client.get("/api/v1/slots/", {"limit": 2, "after": after}).json()
            seen += [item["id"] for item in page["items"]]
            after = page["next"]

        assert seen == slots
        assert after is None

    def test_the_list_takes_the_programme_s_filters(self, client: Client) -> None:
        wanted = SlotFactory(activity=ActivityFactory(title_fr="Un vélo à voile"))
        SlotFactory()

        items = client.get("/api/v1/slots/", {"q": "velo"}).json()["items"]

        assert [item["id"] for item in items] == [wanted.pk]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"after": "nonsense"}, "after"),
            ({"jour": "demain"}, "jour"),
            ({"limit": "0"}, "limit"),
            ({"limit": "201"}, "limit"),
            ({"limit": "beaucoup"}, "limit"),
        ],
    )
    def test_what_is_not_understood_is_refused(
        self, client: Client, query: dict[str, str], field: str
    ) -> None:
        answer = client.get("/api/v1/slots/", query)

        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == [field]

    def test_the_list_costs_the_same_for_one_and_three(self, client: Client) -> None:
        counts = []
        for number in (1, 3):
            while Slot.objects.count() < number:
                SlotFactory(venue=VenueFactory())
            with CaptureQueriesContext(connection) as queries:
                assert len(client.get("/api/v1/slots/").json()["items"]) == number
            counts.append(len(queries))

        assert counts[0] == counts[1]

    def test_readings_may_be_kept_for_a_moment(self, client: Client) -> None:
        SlotFactory()
        first = client.get("/api/v1/slots/")

        again = client.get("/api/v1/slots/", headers={"If-None-Match": first.headers["ETag"]})

        assert first.headers["Cache-Control"] == "public, max-age=15"
        assert (again.status_code, again.content) == (304, b"")

    def test_readings_are_counted(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(v1, "READS", 1)
        client.get("/api/v1/slots/")

        answer = client.get("/api/v1/slots/")

        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60

    def test_it_describes_itself(self, client: Client) -> None:
        said = client.get("/api/v1/openapi.json").json()

        assert said["openapi"] == "3.1.0"
        assert set(said["paths"]) == {
            "/api/v1/slots/",
            "/api/v1/slots/{slot_id}/",
            "/api/v1/slots/{slot_id}/registrations/",
            "/api/v1/registrations/{reference}/",
        }


class TestBooking:
    def test_takes_the_places(self, partner: str) -> None:
        slot = SlotFactory(capacity=5)

        answer = post(slot, body(locale="en"), partner)

        registration = Registration.objects.get()
        said = answer.json()
        assert answer.status_code == 201
        assert (said["reference"], said["status"]) == (registration.reference, "confirmed")
        assert (registration.party_size, registration.locale) == (2, "en")
        assert registration.partner == ApiToken.objects.get()
        assert Message.objects.get().recipient == "camille@example.org"

    def test_the_link_manages_this_booking_and_no_other(self, partner: str, client: Client) -> None:
        mine = SlotFactory(activity__title_fr="Par le site")
        register_party(
            slot_id=mine.pk,
            email="camille@example.org",
            party_size=1,
            submission_id=uuid.uuid4(),
            now=NOW,
        )
        said = post(SlotFactory(activity__title_fr="Par la ville"), body(), partner).json()
        path = said["manage_url"].removeprefix("http://127.0.0.1:8000")

        page = client.get(path).content.decode()

        assert "Par la ville" in page
        assert "Par le site" not in page
        assert client.post(f"{path}{said['reference']}/rendre/").status_code == 302
        assert Registration.objects.get(reference=said["reference"]).status == "cancelled"

    def test_the_same_submission_again_is_200(self, partner: str) -> None:
        slot, data = SlotFactory(), body()
        first = post(slot, data, partner)

        again = post(slot, data, partner)

        assert (again.status_code, again.json()) == (200, first.json())
        assert Registration.objects.count() == 1

    def test_the_same_submission_with_another_body_is_422(self, partner: str) -> None:
        slot, data = SlotFactory(), body()
        post(slot, data, partner)

        answer = post(slot, data | {"party_size": 1}, partner)

        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["submission_id"]

    def test_waits_when_asked(self, partner: str) -> None:
        slot = SlotFactory(capacity=2)
        post(slot, body(email="a@example.org"), partner)

        assert post(slot, body(), partner).json()["reason"] == "full"
        answer = post(slot, body(wait=True), partner)

        assert (answer.status_code, answer.json()["status"]) == (201, "waiting")

    @pytest.mark.parametrize(
        ("make", "data", "reason"),
        [
            ({"capacity": 1}, {}, {"reason": "full", "places_left": 1, "can_wait": False}),
            ({"day": NOW.date() - dt.timedelta(days=1)}, {}, {"reason": "closed"}),
            ({}, {"party_size": 7}, {"reason": "limit", "most": 6}),
            ({}, {"party_size": 10**12}, {"reason": "limit", "most": 100}),
            (
                {"opens_at": NOW + dt.timedelta(hours=1)},
                {},
                {"reason": "not_open_yet", "opens_at": "2027-05-03T09:00:00Z"},
            ),
        ],
    )
    def test_each_refusal_says_why(
        self, partner: str, make: dict[str, Any], data: dict[str, Any], reason: dict[str, Any]
    ) -> None:
        answer = post(SlotFactory(**make), body(**data), partner)

        said = answer.json()
        assert answer.status_code == 409
        assert said.pop("detail")
        assert said == reason
        assert not Registration.objects.exists()

    def test_a_place_held_already_and_an_overlap(self, partner: str) -> None:
        slot = SlotFactory(start_time=dt.time(14))
        post(slot, body(), partner)

        assert post(slot, body(), partner).json()["reason"] == "already_registered"
        assert post(SlotFactory(start_time=dt.time(14)), body(), partner).json()["reason"] == "overlap"

    @pytest.mark.parametrize(
        ("change", "fields"),
        [
            ({"email": "camille@example"}, ["email"]),
            ({"email": "a@b.fr\nBcc: c@d.fr"}, ["email"]),
            ({"email": None}, ["email"]),
            ({"email": 12}, ["email"]),
            ({"email": "x" * 300 + "@example.org"}, ["email"]),
            ({"party_size": 0}, ["party_size"]),
            ({"party_size": "deux"}, ["party_size"]),
            ({"party_size": 1.5}, ["party_size"]),
            ({"submission_id": "7c1e"}, ["submission_id"]),
            ({"submission_id": None}, ["submission_id"]),
            ({"name": "Ca\x00mille"}, ["name"]),
            ({"locale": "de"}, ["locale"]),
            ({"wait": "peut-être"}, ["wait"]),
        ],
    )
    def test_bad_fields_are_named(self, partner: str, change: dict[str, Any], fields: list[str]) -> None:
        slot = SlotFactory(activity=ActivityFactory(ask_name=True))

        answer = post(slot, body(name="Camille") | change, partner)

        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == fields
        assert not Registration.objects.exists()

    def test_a_name_is_needed_where_the_host_asks(self, partner: str) -> None:
        slot = SlotFactory(activity=ActivityFactory(ask_name=True))

        answer = post(slot, body(), partner)

        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["name"])

    @pytest.mark.parametrize("raw", ["", "{", "[]", "null", "12", '{"email": "\ud800"}'])
    def test_a_body_that_is_no_object_is_refused(self, partner: str, raw: str) -> None:
        answer = post(SlotFactory(), raw.encode("utf-8", "surrogatepass"), partner)

        assert answer.status_code in (400, 422)

    @pytest.mark.parametrize("token", ["", "fft_wrong"])
    def test_a_token_is_needed(self, token: str) -> None:
        answer = post(SlotFactory(), body(), token)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert not Registration.objects.exists()

    def test_a_token_taken_back_opens_nothing(self, partner: str) -> None:
        ApiToken.objects.update(revoked_at=NOW)

        assert post(SlotFactory(), body(), partner).status_code == 401

    def test_an_unknown_slot_is_not_found(self, partner: str) -> None:
        assert post(SlotFactory(state="draft"), body(), partner).status_code == 404
        assert post(999_999, body(), partner).status_code == 404

    def test_a_busy_database_says_when_to_come_back(
        self, partner: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def busy(**kwargs: Any) -> None:
            raise Refused(Reason.BUSY)

        monkeypatch.setattr(v1, "register_party", busy)

        answer = post(SlotFactory(), body(), partner)

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")

    def test_bookings_are_counted_by_partner(self, partner: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(v1, "BOOKINGS", 1)
        slot = SlotFactory()
        post(slot, body(), partner)

        assert post(slot, body(email="a@example.org"), partner).status_code == 429
        other = issue_token(name="Office de tourisme")
        assert post(slot, body(email="a@example.org"), other).status_code == 201


class TestGivingBack:
    def test_is_204_and_again_204(self, partner: str) -> None:
        slot = SlotFactory()
        reference = post(slot, body(), partner).json()["reference"]

        answers = [delete(reference, partner).status_code for _ in range(2)]

        slot.refresh_from_db()
        assert answers == [204, 204]
        assert slot.taken == 0

    def test_a_foreign_booking_does_not_exist(self, partner: str) -> None:
        reference = post(SlotFactory(), body(), partner).json()["reference"]
        other = issue_token(name="Office de tourisme")

        assert delete(reference, other).status_code == 404
        assert delete("AAAA-AAAA", partner).status_code == 404
        assert Registration.objects.get().is_active

    def test_a_visit_that_has_begun_is_kept(self, partner: str) -> None:
        slot = SlotFactory()
        reference = post(slot, body(), partner).json()["reference"]

        with time_machine.travel(slot.starts_at, tick=False):
            answer = delete(reference, partner)

        assert (answer.status_code, answer.json()["reason"]) == (409, "in_the_past")


class TestTheCommand:
    def test_prints_the_token_once_and_keeps_its_hash(self) -> None:
        out = StringIO()
        call_command("create_api_token", "Ville de Lyon", stdout=out)

        token = out.getvalue().strip()
        partner = ApiToken.objects.get()
        assert (partner.name, partner.token_hash) == ("Ville de Lyon", hash_of(token))
        assert len(token) > 30
        assert json.dumps(token) not in json.dumps(list(ApiToken.objects.values("name", "token_hash")))

    @pytest.mark.parametrize("name", ["", "  ", "x" * 121])
    def test_asks_for_a_name(self, name: str) -> None:
        with pytest.raises(CommandError):
            call_command("create_api_token", name)
