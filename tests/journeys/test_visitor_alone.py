"""A visitor with a telephone and nobody to ask: waiting at any of several times, and changing the time."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Browser, expect

from events.models import Registration, Slot
from events.registration.book import register_party
from tests.factories import ActivityFactory, HostFactory, SlotFactory
from tests.ground.site import Site
from tests.journeys.conftest import PATIENCE, Edition
from tests.journeys.postbox import plain

TITLE = "Un robot au jardin"
EMAIL = "camille@example.org"


def book(slot: Slot, email: str, party_size: int = 1) -> Registration:
    return register_party(
        slot_id=slot.pk,
        email=email,
        party_size=party_size,
        submission_id=uuid.uuid4(),
        now=timezone.now(),
    ).registration


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_visitor_waits_at_several_times_and_changes_the_time_alone(
    database: Site, edition: Edition, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    """The link comes by mail, see the main job; here it is derived as the site does, by the same secret."""
    database.environment["SECRET_KEY"] = settings.SECRET_KEY
    database.serve()
    host = HostFactory(territory=edition.territory)
    activity = ActivityFactory(festival=edition.festival, host=host, title_fr=TITLE, venue=edition.venue)
    morning, noon, afternoon, evening = (
        SlotFactory(activity=activity, day=edition.day, start_time=dt.time(hour), capacity=1)
        for hour in (9, 12, 15, 18)
    )
    for slot in (morning, noon):
        book(slot, "dominique@example.org")
    screen = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    context = browser.new_context(**{**browser_context_args, **screen, "base_url": database.url})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()

    page.goto(f"/creneaux/{morning.pk}/inscription/")
    page.get_by_label("Votre adresse e-mail").fill(EMAIL)
    page.get_by_label(re.compile("12.h.: complet")).check()
    page.get_by_role("button", name="Attendre une place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")
    expect(page.get_by_text("La même demande vaut aussi pour")).to_be_visible()

    page.goto(f"/mes-visites/{book(evening, EMAIL).visitor.token}/")
    request = page.get_by_role("article", name=TITLE).last
    expect(request.get_by_text("1er sur la liste")).to_have_count(2)

    page.get_by_role("article", name=TITLE).first.get_by_role("link", name="Changer de créneau").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Changer de créneau")
    page.get_by_role("button", name=re.compile("^Passer à 15")).click()
    expect(page.get_by_role("status")).to_contain_text("C’est fait")
    ticket = page.get_by_role("article", name=TITLE).first
    assert "15 h" in plain(ticket.inner_text())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    # The device knows its owner now: the form says which visit is in the way.
    page.goto(f"/creneaux/{afternoon.pk}/inscription/")
    expect(page.get_by_role("alert")).to_contain_text("Cette visite est déjà parmi les vôtres")
    context.close()
    database.manage("check_invariants")
