"""Every page, on a telephone and on a desk, by day and by night: axe, the console, one heading, no sideways
scroll."""

from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from playwright.sync_api import Browser, Page

from tests.ground.axe import violations
from tests.journeys.conftest import Demonstration, complaint, sign_in
from tests.journeys.walk import ACCOUNTS, ACTIONS, FILES, NOT_WALKED, PAGES

SCENES = [((390, "light"), (1280, "dark")), ((390, "dark"), (1280, "light"))]
"""In turn, page by page: parts are shared, so that every part is met in all four."""


@pytest.mark.lengthy
@pytest.mark.parametrize("who", PAGES)
def test_no_page_has_a_fault(
    who: str, demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.extend(complaint(message)))
    page.on("pageerror", lambda error: faults.append(str(error)))
    if who in ACCOUNTS:
        sign_in(page, ACCOUNTS[who], demonstration.password)
    for number, (_name, address) in enumerate(PAGES[who](demonstration.found)):
        page.goto(address)
        faults += [f"{address}: {fault}" for fault in faults_of(page, SCENES[number % 2])]
    context.close()
    assert not faults, "\n".join(faults)


def faults_of(page: Page, scenes: tuple[tuple[int, Any], ...]) -> list[str]:
    """What axe calls serious or critical, and what it does not look for."""
    faults = []
    headings = page.locator("h1").count()
    if headings != 1:
        faults.append(f"{headings} h1")
    for width, scheme in scenes:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for fault in violations(page):
            if fault["impact"] in ("serious", "critical"):
                found = "; ".join(node["html"][:160] for node in fault["nodes"][:3])
                faults.append(f"{width} {scheme} {fault['id']}: {found}")
    page.set_viewport_size({"width": 320, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > 320:
        faults.append(f"{wide} px wide on a screen of 320")
    return faults


def test_every_page_is_walked() -> None:
    patterns = get_resolver("events.urls").url_patterns
    routes = {pattern.name for pattern in patterns if isinstance(pattern, URLPattern)}
    kept = ("kept", "offer", "unconfirmed", "choice", "waiting", "new_address")
    lots = ("ballot", "entrant", "code", "twin", "star")
    links = ("token", "stop", "no_broadcasts", "leave")
    texts = dict.fromkeys(("activity", "past", "reference", *links, *kept, *lots), "x")
    days = {"day": "2027-06-10"}
    keys = dict.fromkeys(
        ("activity_pk", "full", "open", "cancelled", "drop_in", "submitted", "room", "hook"), 1
    )
    keys |= dict.fromkeys(("greeter", "release", "picture", "commune", "job", "mail", "broadcast"), 1)
    walked = {name for pages in PAGES.values() for name, _address in pages({**texts, **keys, **days})}
    assert routes - walked - set(NOT_WALKED) - ACTIONS - FILES == set()
