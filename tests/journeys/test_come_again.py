"""Too many at once: the page that says so tries again by itself, and the booking is there once."""

from __future__ import annotations

import contextlib
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
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
    with urllib.request.urlopen(url, timeout=30) as answer:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
        assert token
        return answer.headers["Set-Cookie"].partition(";")[0], token[1]


def book(url: str, cookie: str, token: str) -> None:
    """Send it, whatever the answer is."""
    sent = {
        "email": "before@example.org",
        "party_size": 1,
        "submission_id": uuid.uuid4(),
        "csrfmiddlewaretoken": token,
    }
    request = urllib.request.Request(url, urlencode(sent).encode(), {"Cookie": cookie})
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=30)


def test_the_page_sends_again_what_was_typed_until_it_is_served(page: Page, narrow_door: Site) -> None:
    slot = SlotFactory(capacity=10)
    form = f"/creneaux/{slot.pk}/inscription/"
    page.goto(form)
    page.get_by_label("Votre adresse e-mail").fill("camille@example.org")
    cookie, token = open_form(narrow_door.url + form)
    before = threading.Thread(target=book, args=[narrow_door.url + form, cookie, token])
    with transaction.atomic():
        Slot.objects.filter(pk=slot.pk).update(revision=1)  # whoever books waits for this row
        before.start()
        time.sleep(0.3)
        page.get_by_role("button", name="Réserver").click(no_wait_after=True)
        time.sleep(1)
    before.join()

    expect(page.get_by_role("heading", name="Du monde à la porte")).to_be_visible()
    expect(page.get_by_text("Cette page réessaie d’elle-même")).to_be_visible()
    page.wait_for_url("**/inscriptions/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")
    assert Registration.objects.filter(visitor__email="camille@example.org").count() == 1
