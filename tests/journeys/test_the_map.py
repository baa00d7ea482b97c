"""The map in a real browser: by keyboard, beside its list, and asking nobody else before it is told to."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from events.models import Commune
from tests.factories import (
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)
from tests.ground.site import Site
from tests.journeys.conftest import PATIENCE, complaint
from tests.journeys.test_keyboard import go_to

TILES = "tuiles.example"
ONE_POINT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PLACES = {
    "La Cantine": (43.6027, 1.4542, 3),
    "Quai des Savoirs": (43.5943, 1.4509, 2),
    "TIC Valley": (43.5423, 1.5121, 1),
}


@pytest.fixture
def site(database: Site) -> Site:
    day = timezone.localdate() + dt.timedelta(days=90)
    festival = FestivalFactory(starts_on=day, ends_on=day)
    city = TerritoryFactory(name="Toulouse", slug="toulouse")
    commune = Commune.objects.create(territory=city, name="Toulouse")
    host = HostFactory(territory=city)
    for name, (latitude, longitude, slots) in PLACES.items():
        venue = VenueFactory(
            territory=city, commune=commune, name=name, latitude=latitude, longitude=longitude
        )
        for hour in range(slots):
            SlotFactory(
                activity=ActivityFactory(festival=festival, host=host),
                venue=venue,
                day=day,
                start_time=dt.time(10 + hour),
            )
    database.environment |= {"MAP_TILES_URL": f"https://{TILES}/{{z}}/{{x}}/{{y}}.png"}
    database.serve()
    return database


class Visit:
    """A browser that notes whom its pages ask and what they complain of."""

    def __init__(self, context: BrowserContext) -> None:
        self.hosts: list[str] = []
        self.complaints: list[str] = []
        context.route(f"https://{TILES}/**", self._a_tile)
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.hosts.append(urlsplit(request.url).hostname or ""))
        self.page.on("console", lambda message: self.complaints.extend(complaint(message)))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @staticmethod
    def _a_tile(route: Route) -> None:
        route.fulfill(body=ONE_POINT, content_type="image/png")


@pytest.fixture
def visit(site: Site, browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Visit]:
    context = browser.new_context(**{**browser_context_args, "base_url": site.url})
    context.set_default_timeout(PATIENCE)
    visit = Visit(context)
    yield visit
    context.close()
    assert visit.complaints == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_map_by_keyboard_beside_its_list(visit: Visit) -> None:
    page = visit.page
    page.goto("/programme/carte/?ville=toulouse")
    doors, lines = page.locator(".pin"), page.locator("[data-list] > li")
    expect(doors).to_have_count(3)
    said = [name.split(" :")[0].split(", ")[1] for name in doors.evaluate_all(LABELS)]
    assert said == lines.locator("h3").all_inner_texts() == list(PLACES)

    go_to(page, doors.first)
    expect(lines.first).to_have_class(re.compile("is-lit"))
    page.keyboard.press("Enter")
    inside = page.get_by_role("dialog", name="La Cantine")
    expect(inside.get_by_role("listitem")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(inside).to_have_count(0)
    expect(doors.first).to_be_focused()
    go_to(page, doors.nth(2))
    lines.nth(1).get_by_role("link").focus()
    expect(doors.nth(1)).to_have_class(re.compile("is-lit"))

    count = page.locator(".count strong")
    before = count.inner_text()
    page.locator("[data-sheet]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(400)
    expect(lines).to_have_count(1)
    expect(lines.locator("h3")).to_have_text("TIC Valley")
    search = page.get_by_role("link", name="Chercher dans cette zone")
    search.click()
    page.wait_for_url(re.compile("cadre="))
    assert "ville=toulouse" in page.url
    expect(count).to_have_text(re.compile("^1.créneau"))
    page.get_by_role("link", name="Liste", exact=True).click()
    assert "cadre=" in page.url
    page.go_back()
    page.go_back()
    expect(count).to_have_text(before)
    assert "cadre=" not in page.url


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scripted", [True, False])
def test_a_telephone_shows_the_map_first_and_the_question_when_tapped(
    site: Site, browser: Browser, browser_context_args: dict[str, Any], scripted: bool
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "java_script_enabled": scripted}
    context = browser.new_context(**{**browser_context_args, "base_url": site.url, **phone})
    page = context.new_page()
    page.goto("/programme/carte/?ville=toulouse")
    drawn, city = (
        page.locator("[data-sheet] .pin:visible, .map__sheet a:visible").first,
        page.get_by_label("Ville"),
    )

    expect(drawn).to_be_visible()
    expect(city).not_to_be_visible()
    beyond = page.locator(".mapbox, figure.map").locator("visible=true").bounding_box()
    assert beyond is not None
    assert beyond["y"] < 844 / 2

    page.get_by_text("Toutes les visites à Toulouse").click()
    expect(city).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/programme/carte/?ville=toulouse")
    expect(city).to_be_visible()
    context.close()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_on_paper_the_sheet_stands_in_for_the_map(visit: Visit) -> None:
    page = visit.page
    page.goto("/programme/carte/?ville=toulouse")
    sheet, moving = page.locator("[data-sketch]"), page.locator("[data-map]")
    expect(moving).to_be_visible()
    expect(sheet).not_to_be_visible()

    page.emulate_media(media="print")

    expect(sheet).to_be_visible()
    expect(moving).not_to_be_visible()


LABELS = "pins => pins.map(pin => pin.getAttribute('aria-label').replaceAll('\\u00a0', ' '))"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_nobody_else_is_asked_before_the_button(visit: Visit, site: Site) -> None:
    page, own = visit.page, urlsplit(site.url).hostname
    page.goto("/programme/carte/")
    expect(page.locator(".pin")).to_have_count(3)
    page.locator("[data-sheet]").focus()
    page.keyboard.press("+")
    page.wait_for_load_state("networkidle")
    assert set(visit.hosts) == {own}

    button = page.locator("[data-tiles]")
    button.click()
    expect(page.locator("img.leaflet-tile").first).to_be_visible()
    assert set(visit.hosts) == {own, TILES}
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("img.leaflet-tile").first).to_be_visible()

    button.click()
    visit.hosts.clear()
    page.reload()
    expect(page.locator(".pin").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert set(visit.hosts) == {own}
