"""Every page, on a telephone and on a desk, by day and by night: axe, the console, one heading, no sideways
scroll, no word of English, nothing of a third party, no link that leads nowhere, all by the Tab key.

To open a page takes as long as to look at it: who walks through all of them looks for all that can be seen.
"""

from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from playwright.sync_api import Browser, Page, expect

from tests.ground.axe import violations
from tests.journeys.conftest import PATIENCE, Demonstration, sign_in
from tests.journeys.links import Links
from tests.journeys.test_keyboard_everywhere import missed_by_keyboard
from tests.journeys.test_two_languages import THEIR_OWN, strangers
from tests.journeys.walk import ACCOUNTS, ACTIONS, FILES, NOT_WALKED, PAGES
from tests.journeys.watching import Watched

SCENES = [((390, "light"), (1280, "dark")), ((390, "dark"), (1280, "light"))]
"""In turn, page by page: parts are shared, so that every part is met in all four."""


SHARES = {"public": 2, "organiser": 2}
"""Walks that two may go at once. A visitor is known on the device after a while: that one is one."""
OPEN_TO_ALL = ("public", "visitor")
"""Their links lead where anybody may go."""
WALKS = [(who, share) for who in PAGES for share in range(SHARES.get(who, 1))]


@pytest.mark.lengthy
@pytest.mark.parametrize(("who", "share"), WALKS)
def test_no_page_has_a_fault(
    who: str,
    share: int,
    demonstration: Demonstration,
    browser: Browser,
    browser_context_args: dict[str, Any],
) -> None:
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    context.set_default_timeout(PATIENCE)
    watched, links, faults = Watched(context, demonstration.site.url), Links(), list[str]()
    page = watched.page
    if who in ACCOUNTS:
        sign_in(page, ACCOUNTS[who], demonstration.password)
    pages = list(enumerate(PAGES[who](demonstration.found)))
    for number, (name, address) in pages[share :: SHARES.get(who, 1)]:
        page.goto(address)
        found = [] if name in THEIR_OWN else [f"not French: {text}" for text in strangers(page, "fr")]
        if who in OPEN_TO_ALL:
            links.note(page)
        found += faults_of(page, SCENES[number % 2])
        page.set_viewport_size({"width": 1280, "height": 900})
        found += missed_by_keyboard(page)
        faults += [f"{address}: {fault}" for fault in (*found, *watched.seen())]
    context.close()
    assert not faults, "\n".join(faults)
    assert links.broken(demonstration.site.url) == []


def test_the_way_to_the_day_covers_no_button(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    """It stands over the list after a star, wherever the list has been scrolled to."""
    phone = {"viewport": {"width": 390, "height": 844}}
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url, **phone})
    page = context.new_page()
    page.goto("/programme/?ville=toulouse")
    page.locator("[data-star]").first.click()
    expect(page.locator("[data-day-bar]")).to_be_visible()
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
