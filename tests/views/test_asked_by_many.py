"""The programme drawn once for many: each reader keeps their own, and nobody who acted sees an old page."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Slot
from events.registration.book import register_party
from events.views import asked_by_many, quick_pages
from tests.factories import NOW, ActivityFactory, SlotFactory, TerritoryFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/programme/",
    "/programme/?q=visite&ville=toulouse&places=1&acces=mi&langue=fr&public=everyone&thematique=ai",
]


@pytest.fixture(autouse=True)
def _kept_long(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.QUICK_PAGE_SECONDS = 600.0
    settings.VAR_DIR = tmp_path
    quick_pages._pages.clear()
    quick_pages._things.clear()
    with time_machine.travel(NOW, tick=False):
        yield
    quick_pages._pages.clear()
    quick_pages._things.clear()


def read(path: str, client: Client | None = None, **headers: str) -> tuple[str, int]:
    """The page, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        response = (client or Client()).get(path, headers=headers or None)
    assert response.status_code == 200
    return response.content.decode(), len(queries)


def without_own(page: str) -> str:
    page = re.sub(r'nonce="[^"]+"', 'nonce=""', page)
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)


@pytest.mark.parametrize("path", PAGES)
def test_the_second_who_asks_the_same_costs_no_query(path: str) -> None:
    there = TerritoryFactory(name="Toulouse", slug="toulouse")
    visit = ActivityFactory(
        title_fr="Visite", territory=there, access=["mi"], languages=["fr"], audience="everyone", theme="ai"
    )
    SlotFactory(activity=visit, capacity=5)
    first, cost = read(path)
    assert "Visite" in first
    second, cost_of_second = read(path, **{"hx-request": "true"})
    assert cost > 0
    assert cost_of_second == 0
    assert without_own(second) == without_own(first)
    for name in ("csrfmiddlewaretoken", "nonce"):
        values = [re.findall(rf'{name}"? ?(?:value)?="([^"]+)"', page) for page in (first, second)]
        assert not set(values[0]) & set(values[1]), f"each has a {name} of their own"


def test_another_question_or_language_is_another_page() -> None:
    SlotFactory(capacity=5)
    pages = {
        read("/programme/", **{"accept-language": lang})[0].partition("</head>")[0] for lang in ("fr", "en")
    }
    assert len(pages) == 2
    assert 'value="mousse"' in read("/programme/?q=mousse")[0]
    assert 'value="mousse"' not in read("/programme/?q=lichen")[0]


def test_who_can_be_told_apart_gets_a_page_of_their_own() -> None:
    """A session, an opened link, a message; not stars, which the browser alone puts on the page."""
    SlotFactory(capacity=5)
    reader = UserFactory(email="camille@example.org", name="Camille Unique")
    signed_in = Client()
    signed_in.force_login(reader)
    own, _cost = read("/programme/", signed_in)
    assert read("/programme/")[1] > 0, "a page of somebody's is not kept"
    assert read("/programme/", signed_in)[1] > 0, "nor is a kept one given to somebody"
    assert "/bureau/" in own
    assert "/bureau/" not in read("/programme/")[0]

    opened = Client()
    opened.cookies["mes_visites"] = "whatever"
    assert read("/programme/", opened)[1] > 0
    starred = Client()
    starred.cookies[asked_by_many.STARS] = "1.2*"
    assert read("/programme/", starred)[1] == 0


def test_the_guard_is_what_keeps_readers_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without it the test before would see one reader's page given to another."""
    monkeypatch.setattr(quick_pages, "_is_anybody", lambda _request, _asks: True)
    SlotFactory(capacity=5)
    signed_in = Client()
    signed_in.force_login(UserFactory())
    assert "/bureau/" in read("/programme/", signed_in)[0]
    assert "/bureau/" in read("/programme/")[0]


def test_who_has_just_booked_sees_it_and_others_within_a_moment(settings: Any) -> None:
    slot = SlotFactory(capacity=2)
    assert "2\u00a0places" in read("/programme/")[0]
    _book(slot, 2)
    booked = Client()
    booked.cookies["mes_visites"] = "opened by the one who booked"
    assert "Complet" in read("/programme/", booked)[0]
    quick_pages._pages.clear()  # a moment later
    assert "Complet" in read("/programme/")[0]


def test_a_point_is_nobody_elses_question() -> None:
    SlotFactory(capacity=5)
    path = "/programme/?autour=43.6,1.44"
    assert read(path)[1] > 0
    assert read(path)[1] > 0


def test_a_crowd_of_questions_does_not_drive_out_the_rush(monkeypatch: pytest.MonkeyPatch) -> None:
    SlotFactory(capacity=5)
    monkeypatch.setattr(quick_pages, "MOST_ANSWERS", 2)
    for word in ("un", "deux", "trois"):
        read(f"/programme/?q={word}")
    assert len(quick_pages._pages) == 2
    assert read("/programme/")[1] > 0
    assert read("/programme/")[1] == 0, "the page without a question has its place"
    assert read(f"/programme/?q={'x' * 400}")[1] > 0


def _book(slot: Slot, places: int) -> None:
    register_party(
        slot_id=slot.pk,
        email="first@example.org",
        party_size=places,
        name="First",
        submission_id=uuid.uuid4(),
        now=NOW,
    )
