"""Partners at the organisers' desk: keys shown once, webhooks, what became of each telling."""

from __future__ import annotations

import datetime as dt
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from events.links import hash_of
from events.models import ApiToken, Delivery, Registration, Webhook
from events.partners import MOST_WEBHOOKS, pause_webhook
from events.webhooks.tell import Event, tell_registrations
from tests.factories import NOW, RegistrationFactory, TerritoryFactory, UserFactory

from .conftest import a_slot

DESK = "/organisation/toulouse/partenaires/"
NEW = f"{DESK}webhooks/nouveau/"
FORM = {
    "name": "Ville de Toulouse",
    "url": "https://partner.example/festival",
    "events": ["registration.created", "slot.changed"],
}


def a_hook(place: SimpleNamespace, **fields: Any) -> Webhook:
    fields = {"name": "Ville", "url": "https://partner.example/", "events": Webhook.Event.values, **fields}
    return Webhook.objects.create(territory=place.territory, **fields)


def a_delivery(place: SimpleNamespace, hook: Webhook, **fields: Any) -> Delivery:
    registration = RegistrationFactory(slot=a_slot(place))
    tell_registrations(Event.BOOKED, [registration.pk], now=NOW)
    Delivery.objects.filter(webhook=hook).update(**fields)
    return hook.deliveries.get()


def test_only_organisers_see_partners(client: Client, people: dict[str, User | None]) -> None:
    seen = {}
    for role, person in people.items():
        client.logout()
        if person is not None:
            client.force_login(person)
        seen[role] = client.get(DESK).status_code

    assert seen == {
        "organiser": 200,
        "elsewhere": 404,
        "manager": 404,
        "host": 404,
        "stranger": 404,
        "anonymous": 302,
    }


class TestKeys:
    def test_a_key_is_shown_once_and_kept_as_a_hash(self, desk: Client, place: SimpleNamespace) -> None:
        answer = desk.post(f"{DESK}cles/", {"name": "Ville de Toulouse"})

        token = re.search(r"fft_[\w-]{32}", answer.content.decode())
        assert token is not None
        key = ApiToken.objects.get()
        assert (key.token_hash, key.territory, key.created_by) == (
            hash_of(token[0]),
            place.territory,
            place.organiser,
        )
        assert "no-store" in answer.headers["Cache-Control"]
        assert token[0] not in desk.get(DESK).content.decode()

    def test_a_key_needs_a_name(self, desk: Client) -> None:
        answer = desk.post(f"{DESK}cles/", {"name": " "})

        assert answer.status_code == 422
        assert not ApiToken.objects.exists()

    def test_the_list_says_when_a_key_was_used_and_what_it_booked(
        self, desk: Client, place: SimpleNamespace
    ) -> None:
        key = ApiToken.objects.create(name="Ville", territory=place.territory, token_hash="a" * 64)
        slot = a_slot(place)
        RegistrationFactory(slot=slot, partner=key)
        RegistrationFactory(slot=slot, partner=key, status=Registration.Status.CANCELLED, cancelled_at=NOW)
        ApiToken.objects.create(name="Lyon", territory=TerritoryFactory(), token_hash="b" * 64)

        page = desk.get(DESK)

        assert [(one.name, one.made, one.standing) for one in page.context["tokens"]] == [("Ville", 2, 1)]
        assert "jamais utilisée" in page.content.decode()

    def test_a_key_withdrawn_opens_nothing(self, desk: Client, place: SimpleNamespace) -> None:
        page = desk.post(f"{DESK}cles/", {"name": "Ville"}).content.decode()
        token = re.search(r"fft_[\w-]{32}", page)[0]
        slot = a_slot(place)
        headers = {"Authorization": f"Bearer {token}"}
        url = f"/api/v1/slots/{slot.pk}/registrations/"
        before = Client().post(url, {}, content_type="application/json", headers=headers)

        desk.post(f"{DESK}cles/{ApiToken.objects.get().pk}/retirer/")

        after = Client().post(url, {}, content_type="application/json", headers=headers)
        assert (before.status_code, after.status_code) == (422, 401)

    def test_a_key_of_another_territory_is_not_withdrawn_here(self, desk: Client) -> None:
        key = ApiToken.objects.create(name="Lyon", territory=TerritoryFactory(), token_hash="b" * 64)
        national = ApiToken.objects.create(name="National", token_hash="c" * 64)

        answers = [desk.post(f"{DESK}cles/{one.pk}/retirer/").status_code for one in (key, national)]

        assert answers == [404, 404]
        assert not ApiToken.objects.filter(revoked_at__isnull=False).exists()

    def test_the_list_asks_as_much_for_three_as_for_one(self, desk: Client, place: SimpleNamespace) -> None:
        counts = []
        for letter in "abc":
            ApiToken.objects.create(name=letter, territory=place.territory, token_hash=letter * 64)
            a_hook(place, name=letter)
            with CaptureQueriesContext(connection) as asked:
                desk.get(DESK)
            counts.append(len(asked))

        assert counts[0] == counts[1] == counts[2]


class TestWebhooks:
    def test_a_webhook_is_added_with_the_events_chosen(self, desk: Client, place: SimpleNamespace) -> None:
        answer = desk.post(NEW, FORM)

        hook = Webhook.objects.get()
        assert answer.headers["Location"] == f"{DESK}webhooks/{hook.pk}/"
        assert (hook.name, hook.url, hook.territory) == (
            "Ville de Toulouse",
            "https://partner.example/festival",
            place.territory,
        )
        assert list(hook.events) == ["registration.created", "slot.changed"]
        assert hook.secret in desk.get(answer.headers["Location"]).content.decode().replace("&#x27;", "'")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": ""}, "name"),
            ({"url": "http://partner.example/"}, "url"),
            ({"url": "ftp://partner.example/"}, "url"),
            ({"url": "https://user:secret@partner.example/"}, "url"),
            ({"url": "https://partner.example:99999/"}, "url"),
            ({"url": "pas une adresse"}, "url"),
            ({"events": []}, "events"),
            ({"events": ["registration.created", "everything"]}, "events"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(
        self, desk: Client, change: dict[str, Any], field: str
    ) -> None:
        answer = desk.post(NEW, FORM | change)

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert not Webhook.objects.exists()

    def test_there_are_only_so_many(self, desk: Client, place: SimpleNamespace) -> None:
        for number in range(MOST_WEBHOOKS):
            a_hook(place, name=str(number))

        assert desk.post(NEW, FORM).status_code == 422
        assert Webhook.objects.count() == MOST_WEBHOOKS

    def test_another_address_gets_another_secret(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place)
        before = hook.secret

        desk.post(f"{DESK}webhooks/{hook.pk}/modifier/", FORM | {"url": hook.url})
        hook.refresh_from_db()
        same = hook.secret
        desk.post(f"{DESK}webhooks/{hook.pk}/modifier/", FORM)
        hook.refresh_from_db()

        assert same == before
        assert hook.secret != before
        assert hook.events == FORM["events"]

    def test_it_is_paused_and_resumed(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place, failures=3)

        desk.post(f"{DESK}webhooks/{hook.pk}/pause/")
        hook.refresh_from_db()
        paused = [hook.is_active, hook.was_given_up]
        desk.post(f"{DESK}webhooks/{hook.pk}/pause/", {"resume": "1"})
        hook.refresh_from_db()

        assert paused == [False, False]
        assert hook.is_active

    def test_one_the_site_paused_is_told_on_the_desk(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place, is_active=False, failures=12)

        assert "Partenaires qui ne sont plus prévenus" in desk.get("/organisation/toulouse/").content.decode()
        assert "Le webhook est en pause" in desk.get(f"{DESK}webhooks/{hook.pk}/").content.decode()

        pause_webhook(webhook_id=hook.pk)
        assert "Partenaires qui ne" not in desk.get("/organisation/toulouse/").content.decode()

    def test_a_test_is_owed(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place)

        desk.post(f"{DESK}webhooks/{hook.pk}/essai/")

        assert hook.deliveries.get().payload["type"] == "ping"
        assert "Essai" in desk.get(f"{DESK}webhooks/{hook.pk}/").content.decode()

    def test_it_is_deleted_with_its_list(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place)
        a_delivery(place, hook)

        desk.post(f"{DESK}webhooks/{hook.pk}/supprimer/")

        assert not Webhook.objects.exists()
        assert not Delivery.objects.exists()

    def test_one_of_another_territory_is_not_there(self, desk: Client) -> None:
        other = Webhook.objects.create(territory=TerritoryFactory(), name="Lyon", url="https://lyon.example/")

        assert desk.get(f"{DESK}webhooks/{other.pk}/").status_code == 404
        assert desk.post(f"{DESK}webhooks/{other.pk}/supprimer/").status_code == 404
        assert Webhook.objects.count() == 1


class TestDeliveries:
    def test_the_list_shows_state_and_answer(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place)
        one = a_delivery(
            place, hook, status="failed", attempts=12, last_status=500, last_answer="<b>Panne</b>"
        )

        page = desk.get(f"{DESK}webhooks/{hook.pk}/").content.decode()

        assert one.payload["data"]["reference"] in page
        assert "500" in page
        assert "&lt;b&gt;Panne&lt;/b&gt;" in page

    def test_one_is_sent_again(self, desk: Client, place: SimpleNamespace) -> None:
        hook = a_hook(place)
        one = a_delivery(place, hook, status="failed", attempts=12)

        desk.post(f"{DESK}webhooks/{hook.pk}/envois/{one.pk}/renvoyer/")

        one.refresh_from_db()
        assert (one.status, one.attempts, one.next_attempt_at) == ("pending", 0, NOW)

    def test_one_of_another_webhook_is_not_sent(self, desk: Client, place: SimpleNamespace) -> None:
        one = a_delivery(place, a_hook(place), status="failed")
        other = a_hook(place, name="Autre")

        answer = desk.post(f"{DESK}webhooks/{other.pk}/envois/{one.pk}/renvoyer/")

        assert answer.status_code == 404
        one.refresh_from_db()
        assert one.status == "failed"

    def test_the_page_asks_as_much_for_three_as_for_one(self, desk: Client, place: SimpleNamespace) -> None:
        hook, counts = a_hook(place), []
        for hour in (10, 11, 12):
            registration = RegistrationFactory(slot=a_slot(place, dt.time(hour)))
            tell_registrations(Event.BOOKED, [registration.pk], now=NOW)
            with CaptureQueriesContext(connection) as asked:
                desk.get(f"{DESK}webhooks/{hook.pk}/")
            counts.append(len(asked))

        assert counts[0] == counts[1] == counts[2]


def test_a_superuser_may_as_well(client: Client, place: SimpleNamespace) -> None:
    client.force_login(UserFactory(is_superuser=True))

    assert client.get(DESK).status_code == 200


def test_what_no_server_said_is_said_in_the_reader_s_language(desk: Client, place: SimpleNamespace) -> None:
    hook = a_hook(place)
    a_delivery(place, hook, attempts=1, last_answer="no answer in time")

    page = desk.get(f"{DESK}webhooks/{hook.pk}/").content.decode()

    assert "pas de réponse à temps" in page
    assert "no answer" not in page
