"""Every page, on a telephone and on a desk, by day and by night: axe, the console, one heading, no sideways
scroll, no word of English."""

from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from playwright.sync_api import Browser, Page

from tests.ground.axe import violations
from tests.journeys.conftest import Demonstration, complaint, sign_in
from tests.journeys.test_two_languages import THEIR_OWN, strangers
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
    for number, (name, address) in enumerate(PAGES[who](demonstration.found)):
        page.goto(address)
        if name not in THEIR_OWN:
            faults += [f"{address} is not French: {text}" for text in strangers(page, "fr")]
        faults += [f"{address}: {fault}" for fault in faults_of(page, SCENES[number % 2])]
    context.close()
    assert not faults, "\n".join(faults)


def test_the_way_to_the_day_covers_no_button(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    """It stands over the list after a star, wherever the list has been scrolled to."""
    phone = {"viewport": {"width": 390, "height": 844}}
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url, **phone})
    page = context.new_page()
    page.goto("/programme/?ville=toulouse")
    page.locator("[data-star]").first.click()
    bar = page.locator("[data-day-bar]").bounding_box()
    assert bar is not None
    for step in range(8):
        page.mouse.wheel(0, 260 + 13 * step)
        page.wait_for_timeout(100)
        lies_over = page.evaluate(COVERED, 24)
        assert lies_over == [], step
    context.close()


COVERED = """least => {
  const bar = document.querySelector("[data-day-bar]").getBoundingClientRect();
  return [...document.querySelectorAll("main .btn, main .star")].filter(one => {
    if (!one.checkVisibility()) return false;
    const box = one.getBoundingClientRect();
    const under = box.bottom > bar.top && box.top < bar.bottom && box.left < bar.right;
    return under && box.right - Math.max(box.left, bar.right) < least;
  }).map(one => one.outerHTML.slice(0, 120));
}"""
SENT_BADLY = """async ([path, fields]) => {
  const sent = fields && {method: "POST", body: new URLSearchParams(fields)};
  const answer = await fetch(path, sent || {});
  const text = (await answer.text()).replace(/<(script|style)[^>]*>[^]*?<\\/\\1>/g, "");
  document.open(); document.write(text); document.close();
  return answer.status;
}"""


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/compte/login/", {"login": "a@example.org"}, 403),  # without its token
        ("/programme/?q=%00&jour=hier&format=<b>", None, 200),  # a question half understood
        ("/creneaux/999999999/inscription/", None, 404),
        ("/mes-visites/rien/", None, 404),
        ("/gadget/mode-d-emploi/?nombre=900", None, 400),  # a form refused
    ],
)
def test_pages_that_say_no_have_no_fault(
    path: str,
    fields: dict[str, str] | None,
    status: int,
    demonstration: Demonstration,
    browser: Browser,
    browser_context_args: dict[str, Any],
) -> None:
    """Their own address cannot always be opened; what is answered is put into a page of the site."""
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    page = context.new_page()
    page.goto("/mentions-legales/")
    assert page.evaluate(SENT_BADLY, [path, fields]) == status
    page.wait_for_load_state("networkidle")
    assert faults_of(page, SCENES[0]) == []
    context.close()


def faults_of(page: Page, scenes: tuple[tuple[int, Any], ...]) -> list[str]:
    """What axe finds, whatever its weight, and what it does not look for."""
    faults = []
    headings = page.locator("h1").count()
    if headings != 1:
        faults.append(f"{headings} h1")
    for width, scheme in scenes:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for fault in violations(page):
            nodes = [node["html"] for node in fault["nodes"]]
            if fault["id"] == "aria-allowed-role":
                nodes = [
                    html for html in nodes if "ec-event" not in html
                ]  # a library's, minor: its role works
            if nodes:
                found = "; ".join(html[:160] for html in nodes[:3])
                faults.append(f"{width} {scheme} {fault['id']}: {found}")
    page.set_viewport_size({"width": 320, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > 320:
        faults.append(f"{wide} px wide on a screen of 320")
    return faults


class Anything(dict[str, Any]):
    """Rows and tokens of a site that there is none of: whatever is asked for, a word that is a number too."""

    def __missing__(self, _key: str) -> str:
        return "1"


def test_every_page_is_walked() -> None:
    patterns = get_resolver("events.urls").url_patterns
    routes = {pattern.name for pattern in patterns if isinstance(pattern, URLPattern)}
    found = Anything(day="2027-06-10")
    walked = {name for pages in PAGES.values() for name, _address in pages(found)}
    assert routes - walked - set(NOT_WALKED) - ACTIONS - FILES == set()
