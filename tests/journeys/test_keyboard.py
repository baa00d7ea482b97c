"""Booking and placing with the keyboard alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.conftest import PATIENCE, Demonstration, sign_in
from tests.journeys.walk import ACCOUNTS

MOST_TABS = 400
FOCUS_IS_DRAWN = """element => [element, ...element.querySelectorAll("*"),
  element.closest(".chip, .slot, .check")]
  .some(one => one && getComputedStyle(one).outlineStyle !== "none")"""


@pytest.fixture
def keyboard(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[Page]:
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def go_to(page: Page, target: Locator) -> None:
    """Tab until it has the focus, and see that the focus is drawn.

    :raises AssertionError: it is never reached.
    """
    expect(target).to_be_visible()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            drawn = target.evaluate(FOCUS_IS_DRAWN)
            assert drawn, f"no focus to be seen on {target}"
            return
    raise AssertionError(f"{target} is not reached by Tab")


def test_a_visit_is_booked_without_a_mouse(keyboard: Page, demonstration: Demonstration) -> None:
    page = keyboard
    page.goto(f"/creneaux/{demonstration.found['open']}/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    page.keyboard.press("Enter")
    go_to(page, page.get_by_role("main").get_by_role("link", name=re.compile("^Réserver")).first)
    page.keyboard.press("Enter")
    page.wait_for_url("**/inscription/")
    go_to(page, page.get_by_label("Votre adresse e-mail"))
    page.keyboard.type("clavier@example")
    go_to(page, page.get_by_label("Nombre de places"))
    name = page.get_by_label("Un nom pour l’accueil")
    if name.count():
        go_to(page, name)
        page.keyboard.type("Camille")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the fault leads to its field
    expect(page.get_by_label("Votre adresse e-mail")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(".org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")


def test_a_slot_is_placed_without_a_mouse(keyboard: Page, demonstration: Demonstration) -> None:
    page = keyboard
    sign_in(page, ACCOUNTS["organiser"], demonstration.password)
    page.goto("/organisation/toulouse/salles/?lieu=la-cantine")
    tray = page.get_by_role("group", name=re.compile("À placer")).get_by_role("radio")
    number = tray.count()
    assert number
    booked = page.get_by_role("radio", name=re.compile("Le robot, version enfants")).first
    go_to(page, tray.first)
    page.keyboard.press("Space")
    for _ in range(number):
        if not booked.is_checked():
            page.keyboard.press("ArrowDown")
    expect(booked).to_be_checked()
    go_to(page, page.get_by_role("button", name="Placer à 9 h, Salle Garonne"))
    page.keyboard.press("Enter")
    question = page.get_by_role("alert")
    expect(question).to_be_focused()  # its public would be told: asked first
    go_to(page, question.get_by_role("button").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Salle Garonne")
    expect(tray).to_have_count(number - 1)
