"""Too many at once: the page that says so tries again by itself, and the booking is there once."""

from __future__ import annotations

import datetime as dt
import http.client
import re
import time
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import transaction
from django.db.models import F
from playwright.sync_api import Browser, Page, expect

from events.models import Registration, Slot
from tests.factories import SlotFactory
from tests.ground.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def narrow_door(database: Site) -> Site:
    """A site with one thread, where nobody waits longer than half a second."""
    database.serve(workers=1, threads=1, env={"LINE_PATIENCE": "0.5"})
    return database


@pytest.fixture
def page(browser: Browser, browser_context_args: dict[str, Any], narrow_door: Site) -> Iterator[Page]:
    context = browser.new_context(**{**browser_context_args, "base_url": narrow_door.url})
    yield context.new_page()
    context.close()


def open_form(url: str) -> tuple[str, str]:
    """The cookie and the token of somebody else's form."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
        assert token
        return answer.headers["Set-Cookie"].partition(";")[0], token[1]


def send(url: str, cookie: str, token: str) -> http.client.HTTPConnection:
    """Their booking is on its way when this returns; nobody reads the answer."""
    sent = {
        "email": f"{uuid.uuid4()}@example.org",
        "party_size": 1,
        "submission_id": uuid.uuid4(),
        "csrfmiddlewaretoken": token,
    }
    there = urlsplit(url)
    connection = http.client.HTTPConnection(there.netloc)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", there.path, urlencode(sent), headers)
    return connection


def is_sent_away(page: Page, site: Site, slot: Slot) -> bool:
    """Whether who books now has stood in line too long. The one before them waits for the slot's row."""
    form = f"/creneaux/{slot.pk}/inscription/"
    page.goto(form)
    page.get_by_label("Votre adresse e-mail").fill("camille@example.org")
    cookie, token = open_form(site.url + form)
    with transaction.atomic():
        Slot.objects.filter(pk=slot.pk).update(revision=F("revision") + 1)
        before = send(site.url + form, cookie, token)
        time.sleep(0.3)
        page.get_by_role("button", name="Réserver").click(no_wait_after=True)
        time.sleep(1)
    before.close()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(re.compile("Du monde à la porte|C’est noté"))
    return heading.inner_text() == "Du monde à la porte"


def test_the_page_sends_again_what_was_typed_until_it_is_served(page: Page, narrow_door: Site) -> None:
    page.clock.install()
    page.clock.pause_at(dt.datetime.now() + dt.timedelta(hours=1))  # it tries again when the test says so

    # On a busy machine the line may empty before they have stood in it: then with the next slot.
    slot = next(
        slot
        for slot in (SlotFactory(capacity=10) for _try in range(5))
        if is_sent_away(page, narrow_door, slot)
    )

    expect(page.get_by_text("Cette page réessaie d’elle-même")).to_be_visible()
    until = time.monotonic() + 60
    while "/inscriptions/" not in page.url:
        assert time.monotonic() < until, page.url
        page.clock.run_for(8_000)
        page.wait_for_timeout(100)
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")
    assert Registration.objects.filter(visitor__email="camille@example.org", slot=slot).count() == 1
