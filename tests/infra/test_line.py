"""Too many at once: whoever stood in line too long is sent away and comes back with what was typed."""

from __future__ import annotations

import html
import re
import uuid
from typing import Any

import pytest
from django.test import Client

from events.models import Registration, Slot
from festival import line
from tests.factories import SlotFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gunicorn's thread writes down before it begins: this request stood in line for five seconds."""
    monkeypatch.setattr(line._thread, "waited", 5.0, raising=False)


def url(slot: Slot) -> str:
    return f"/creneaux/{slot.pk}/inscription/"


def typed(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


def sent(**kwargs: Any) -> dict[str, str]:
    return {"email": "camille@example.org", "party_size": "2", "submission_id": str(uuid.uuid4())} | kwargs


@pytest.mark.usefixtures("late")
class TestWhoWaitedTooLong:
    def test_is_told_when_to_come_again(self, client: Client, django_assert_num_queries: Any) -> None:
        slot = SlotFactory()

        with django_assert_num_queries(0):
            response = client.get(url(slot))

        assert response.status_code == 503
        assert 2 <= int(response.headers["Retry-After"]) <= 5
        assert response.headers["Cache-Control"] == "private, no-store"
        assert "Du monde à la porte" in response.content.decode()
        assert f'href="{url(slot)}"' in response.content.decode()

    def test_reads_it_in_their_language(self, client: Client) -> None:
        page = client.get("/programme/", headers={"Accept-Language": "en"}).content.decode()

        assert '<html lang="en"' in page
        assert "Many people at the door" in page

    def test_finds_everything_typed_in_a_form_that_can_be_sent_again(self, client: Client) -> None:
        form = sent(name='Ann "O\'Neil" <b>', wait="1")

        response = client.post(url(SlotFactory()), form)

        assert response.status_code == 503
        assert typed(response.content.decode()) == form
        assert not Registration.objects.exists()

    def test_finds_nothing_of_who_was_sent_away_before(self, client: Client) -> None:
        slot = SlotFactory()
        pages = [
            client.post(url(slot), sent(email=mail)).content.decode()
            for mail in ("ann@example.org", "bob@example.org")
        ]

        assert ["ann@example.org" in page for page in pages] == [True, False]
        assert ["bob@example.org" in page for page in pages] == [False, True]
        assert "hole-" not in "".join(pages)

    def test_never_finds_a_password_on_the_page(self, client: Client) -> None:
        page = client.post("/compte/login/", {"login": "a@example.org", "password": "sesame-31"})

        assert page.status_code == 503
        assert "sesame-31" not in page.content.decode()

    def test_is_answered_in_json_at_the_api(self, client: Client) -> None:
        response = client.get("/api/v1/slots")

        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/json"
        assert "Retry-After" in response.headers

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_health_is_told_all_the_same(self, client: Client, path: str) -> None:
        assert client.get(path).status_code == 200

    def test_who_is_signed_in_is_served(self, client: Client) -> None:
        client.force_login(UserFactory())

        assert client.get("/programme/").status_code == 200


def test_the_same_form_sent_again_books_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    slot, form = SlotFactory(capacity=10), sent()
    monkeypatch.setattr(line._thread, "waited", 5.0, raising=False)
    page = client.post(url(slot), form).content.decode()
    monkeypatch.setattr(line._thread, "waited", 0.0)

    answers = [client.post(url(slot), typed(page)).status_code for _time in range(2)]

    assert answers == [302, 302]
    assert Registration.objects.get().party_size == 2


def test_who_waited_a_moment_is_served(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line._thread, "waited", 1.9, raising=False)

    assert client.get("/programme/").status_code == 200
