"""No page mixes its languages: its frame is looked up in the catalogue, days and months in a list."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import polib
import pytest
from playwright.sync_api import Browser, Page

from tests.ground.site import ROOT
from tests.journeys.conftest import Demonstration, sign_in
from tests.journeys.postbox import plain
from tests.journeys.walk import ACCOUNTS, PAGES

CALENDAR = {
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche janvier février avril juin juillet août "
    "septembre octobre novembre décembre aujourd’hui demain hier",
    "en": "monday tuesday wednesday thursday friday saturday sunday january february april june july august "
    "september october november december today tomorrow yesterday",
}
THEIR_OWN = {"gadget"}
"""Speaks the language its address asks for: tests/public/test_gadget.py."""
LONG_ENOUGH = 12
"""Letters: shorter ones, like « Agenda », are often the same word, or stand inside others."""

TEXT = """() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll(`[lang]:not([lang="${document.documentElement.lang}"]),
    script, style, svg, .prose, a[rel~="noopener"]`)
    .forEach(e => e.remove());
  const parts = [document.title, ...Array.from(copy.querySelectorAll("[aria-label], [title], [alt]"))
    .flatMap(e => ["aria-label", "title", "alt"].map(name => e.getAttribute(name) || ""))];
  const walk = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) parts.push(walk.currentNode.data);
  return parts.map(part => part.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""
"""Every text of a page, but what is marked as being in another language, hosts’ words and cited titles."""


def said_in(other: str) -> set[str]:
    """The sentences of the frame in the other language, without those with blanks to fill."""
    catalogue = polib.pofile(str(ROOT / "locale/fr/LC_MESSAGES/django.po"))
    pairs = {(entry.msgid, entry.msgstr) for entry in catalogue if not entry.msgid_plural}
    own = {pair[1 if other == "en" else 0] for pair in pairs}
    theirs = {pair[0 if other == "en" else 1] for pair in pairs}
    return {plain(text) for text in theirs - own if len(text) >= LONG_ENOUGH and "%" not in text}


@cache
def foreign_to(language: str) -> Callable[[str], bool]:
    """Whether a text has no place on a page of this language."""
    other = "en" if language == "fr" else "fr"
    said, calendar = said_in(other), re.compile(rf"\b({CALENDAR[other].replace(' ', '|')})\b", re.I)
    return lambda text: text in said or calendar.search(text) is not None


def strangers(page: Page, language: str) -> list[str]:
    """Texts of this page that are in the other language."""
    assert page.locator("html").get_attribute("lang") == language
    return sorted(text for text in {plain(text) for text in texts_of(page)} if foreign_to(language)(text))


@pytest.mark.lengthy
@pytest.mark.parametrize("who", PAGES)
def test_no_english_page_speaks_french(
    who: str, demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    """The French ones are looked at where all of them are open anyway: tests/journeys/test_axe.py."""
    options = {**browser_context_args, "base_url": demonstration.site.url, "locale": "en-FR"}
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    if who in ACCOUNTS:
        sign_in(page, ACCOUNTS[who], demonstration.password)
    found = []
    for name, address in PAGES[who](demonstration.found):
        if name in THEIR_OWN:
            continue
        page.goto(address, wait_until="domcontentloaded")  # pictures have no words
        found += [f"{address}: {text}" for text in strangers(page, "en")]
    context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("language", "other"), [("en", "fr"), ("fr", "en")])
def test_a_sentence_and_a_day_of_the_other_language_are_noticed(
    language: str,
    other: str,
    demonstration: Demonstration,
    browser: Browser,
    browser_context_args: dict[str, Any],
) -> None:
    options = {**browser_context_args, "base_url": demonstration.site.url, "locale": f"{language}-FR"}
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto("/mentions-legales/")
    assert strangers(page, language) == []
    sentence, day = min(said_in(other) - said_in(language)), CALENDAR[other].split(" ")[0]

    page.evaluate(
        "texts => texts.forEach(one => document.body.append(one, document.createElement('hr')))",
        [sentence, day],
    )

    assert strangers(page, language) == sorted([sentence, day])
    context.close()


def texts_of(page: Page) -> list[str]:
    """As `TEXT` says."""
    texts: list[str] = page.evaluate(TEXT)
    return texts
