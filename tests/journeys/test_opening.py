"""Booking opens while somebody looks: the countdown runs, the page comes again, and the place is held."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from events.models import Registration
from tests.factories import SlotFactory
from tests.ground.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def engine() -> str:
    """The clock of the server decides on both alike: tests/registration/test_openings.py."""
    return "sqlite"


@pytest.fixture
def page(browser: Browser, browser_context_args: dict[str, Any], database: Site) -> Iterator[Page]:
    database.serve(workers=1)
    context = browser.new_context(**{**browser_context_args, "base_url": database.url})
    yield context.new_page()
    context.close()


def test_the_form_appears_when_booking_opens(page: Page) -> None:
    page.goto("/")  # the first page of a fresh site takes its time
    slot = SlotFactory(opens_at=timezone.now() + dt.timedelta(seconds=20))
    page.goto(f"/creneaux/{slot.pk}/inscription/")
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"\d\ss$"))
    expect(page.get_by_label("Votre adresse e-mail")).to_have_count(0)

    page.get_by_label("Votre adresse e-mail").wait_for(timeout=60_000)
    page.get_by_label("Votre adresse e-mail").fill("premiere@example.org")
    page.get_by_role("button", name=re.compile("^Réserver")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")
    assert Registration.objects.get(slot=slot).status == "confirmed"
    assert timezone.now() > slot.opens_at
