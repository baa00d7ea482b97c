"""While robots storm the doors a browser works for a moment and books; without script a mail confirms it."""

import re

import pytest
from playwright.sync_api import Page, expect

from events.models import Registration, Slot
from tests.factories import SlotFactory
from tests.ground.site import Site


@pytest.fixture
def engine() -> str:
    """The shield asks nothing of the database that the guarantees have not asked on both."""
    return "sqlite"


@pytest.fixture
def slot(database: Site) -> Slot:
    return SlotFactory(activity__festival__shield="on", capacity=5)


def test_a_browser_works_for_a_moment_and_books_at_once(slot: Slot, live_site: Site, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_site.url}/creneaux/{slot.pk}/inscription/")
    page.get_by_label("Votre adresse e-mail").fill("camille@example.org")
    page.get_by_role("button", name="Réserver").click()

    expect(page).to_have_url(re.compile("/inscriptions/"))
    assert Registration.objects.get().status == "confirmed"
    assert complaints == []


def test_without_script_the_places_are_kept_until_the_address_is_confirmed(
    slot: Slot, live_site: Site, browser: object, browser_context_args: dict[str, object]
) -> None:
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_site.url}/creneaux/{slot.pk}/inscription/")
    expect(page.get_by_text("Vos places sont gardées")).to_be_visible()
    page.get_by_label("Votre adresse e-mail").fill("camille@example.org")
    page.get_by_role("button", name="Réserver").click()

    expect(page).to_have_url(re.compile("/inscriptions/"))
    context.close()
    assert (Registration.objects.get().status, Registration.objects.get().hold) == ("held", "address")
