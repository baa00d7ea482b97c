"""The programme renewed in parts: the same as a whole page, Back that goes back, and nobody left behind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ground.axe import violations
from tests.journeys.conftest import PATIENCE, Demonstration, complaint

BLOCK = """() => {
  const copy = document.querySelector("#programme").cloneNode(true);
  for (const one of [copy, ...copy.querySelectorAll("*")]) {
    one.classList.remove("htmx-settling", "htmx-swapping", "htmx-request", "htmx-added");
    if (!one.classList.length) one.removeAttribute("class");
    one.removeAttribute("aria-busy");
  }
  return copy.outerHTML.replace(/ (selected|open)=""/g, " $1");
}"""
WATCH = """window.broken = [];
addEventListener("securitypolicyviolation", event => broken.push(event.violatedDirective));
addEventListener("DOMContentLoaded", () => window.firstLoad = window.firstLoad || Math.random());"""


@pytest.fixture
def context(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[Any]:
    made = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    made.set_default_timeout(PATIENCE)
    made.add_init_script(WATCH)
    yield made
    made.close()


@pytest.fixture
def page(context: Any) -> Iterator[Page]:
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda message: complaints.extend(complaint(message)))
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    assert complaints == []
    assert made.evaluate("broken") == []


def settle(page: Page) -> None:
    """Until what was asked for stands there."""
    expect(page.locator("#programme[aria-busy]")).to_have_count(0)
    expect(page.locator(".htmx-request, .htmx-settling, .htmx-swapping")).to_have_count(0)


def step(page: Page, dice: random.Random) -> None:
    """One thing a visitor does: another choice in the sentence, words, the next page, a wider question."""
    links = page.locator("#programme [hx-boost=true] a:visible")
    if links.count() and dice.random() < 0.4:
        links.nth(dice.randrange(links.count())).click()
    elif dice.random() < 0.2:
        if page.locator("details.more:not([open]) > summary").count():
            page.locator("details.more > summary").first.click()
        page.locator("#q").fill(dice.choice(["robot", "atelier", "rien de tel", ""]))
        page.locator("#affiner").click()
    else:
        select = page.locator(f"#{dice.choice(['format', 'ville', 'jour', 'moment', 'places'])}")
        select.select_option(index=dice.randrange(select.locator("option").count()))
        page.locator("#chercher").click()
    settle(page)


@pytest.mark.parametrize("seed", [6, 27])
def test_a_renewed_part_is_the_part_of_the_whole_page(seed: int, page: Page, context: Any) -> None:
    dice = random.Random(seed)
    page.goto("/programme/")
    once = page.evaluate("firstLoad")
    other = context.new_page()
    for _step in range(7):
        step(page, dice)
        assert page.evaluate("window.firstLoad") == once, "the page itself was not loaded again"
        other.goto(page.url)
        assert page.evaluate(BLOCK) == other.evaluate(BLOCK), page.url
        assert page.title() == other.title()
        onward = "document.querySelector('#langues [name=next]').value"
        assert page.evaluate(onward) == other.evaluate(onward), "the language changes on the page shown"


def test_back_focus_voice_and_scroll(page: Page) -> None:
    page.goto("/programme/")
    page.locator("#ville").select_option("toulouse")
    page.evaluate("scrollTo(0, 60)")
    page.locator("#chercher").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/programme/?*ville=toulouse*")
    settle(page)
    expect(page.locator("#chercher")).to_be_focused()
    assert page.evaluate("scrollY") == 60
    said = page.locator("#annonce").text_content()
    assert said
    assert said == " ".join((page.locator("#compte").text_content() or "").split())
    expect(page.locator("#annonce")).to_have_attribute("role", "status")
    assert violations(page) == []

    first = page.locator("#resultats .slot h3").first.text_content()
    page.locator(".pager a[rel=next]").click()
    page.wait_for_url("**apres=*")
    settle(page)
    expect(page.locator("#resultats")).to_be_focused()
    expect(page.locator("#resultats")).to_be_in_viewport()
    assert page.locator("#resultats .slot h3").first.text_content() != first

    page.go_back()
    page.wait_for_url(lambda url: "apres" not in url)
    expect(page.locator("#resultats .slot h3").first).to_have_text(first or "?")
    page.go_back()
    page.wait_for_url("**/programme/")
    expect(page.locator("#ville")).to_have_value("")


def test_back_twice_while_the_page_is_still_coming_leads_to_where_one_began(page: Page) -> None:
    page.goto("/programme/")
    page.locator("#ville").select_option("toulouse")
    page.locator("#chercher").click()
    page.wait_for_url("**/programme/?*ville=toulouse*")
    settle(page)
    page.locator(".pager a[rel=next]").click()
    page.wait_for_url("**apres=*")
    settle(page)

    held: list[Any] = []
    page.route("**/*.js", lambda route: held.append(route))
    page.evaluate("history.back()")
    while not held:  # the scripts of the page that comes
        page.wait_for_timeout(20)
    page.evaluate("history.back()")
    page.wait_for_url("**/programme/", wait_until="commit")
    for route in held:
        route.continue_()
    page.unroute("**/*.js")

    expect(page.locator("#ville")).to_have_value("")


def test_what_fails_becomes_the_whole_page(context: Any) -> None:
    page = context.new_page()
    page.goto("/programme/")
    once = page.evaluate("firstLoad")
    page.route(
        "**/programme/?*",
        lambda route: route.abort() if "hx-request" in route.request.headers else route.continue_(),
    )
    page.locator("#ville").select_option("toulouse")
    page.locator("#chercher").click()
    page.wait_for_url("**/programme/?*ville=toulouse*")
    expect(page.locator("#ville")).to_have_value("toulouse")
    assert page.evaluate("window.firstLoad") != once


def test_without_script_every_part_is_a_page(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    asked = {**browser_context_args, "base_url": demonstration.site.url, "java_script_enabled": False}
    context = browser.new_context(**asked)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/programme/")
    page.locator("#ville").select_option("toulouse")
    page.locator("#chercher").click()
    page.wait_for_url("**/programme/?*ville=toulouse*")
    page.locator(".pager a[rel=next]").click()
    page.wait_for_url("**apres=*")
    page.go_back()
    expect(page.locator("#ville")).to_have_value("toulouse")
    context.close()


def test_the_entrance_begins_with_the_city_looked_for_last_and_everywhere_forgets_it(page: Page) -> None:
    page.goto("/")
    city = page.get_by_role("search").first.get_by_label("Ville")
    city.select_option("nantes")
    assert city.locator("option:checked").inner_text() == "à Nantes", (
        "how many it would find is said in the list"
    )
    page.locator("#chercher").click()
    page.wait_for_url("**/programme/?**")

    page.goto("/")
    expect(city).to_have_value("nantes")
    city.select_option("")
    page.locator("#chercher").click()
    page.wait_for_url("**/programme/?**")

    page.goto("/")
    expect(city).to_have_value("")
