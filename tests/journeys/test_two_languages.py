"""No page mixes its languages: its frame is looked up in the catalogue, days and months in a list."""

import re
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


@pytest.mark.parametrize("who", PAGES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_page_mixes_its_languages(
    who: str,
    language: str,
    demonstration: Demonstration,
    browser: Browser,
    browser_context_args: dict[str, Any],
) -> None:
    options = {**browser_context_args, "base_url": demonstration.site.url, "locale": f"{language}-FR"}
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    if who in ACCOUNTS:
        sign_in(page, ACCOUNTS[who], demonstration.password)
    other = "en" if language == "fr" else "fr"
    foreign, calendar = said_in(other), re.compile(rf"\b({CALENDAR[other].replace(' ', '|')})\b", re.I)
    found = []
    for name, address in PAGES[who](demonstration.found):
        if name == "gadget":  # speaks the language its address asks for: tests/public/test_gadget.py
            continue
        page.goto(address)
        assert page.locator("html").get_attribute("lang") == language
        texts = {plain(text) for text in texts_of(page)}
        found += [f"{address}: {text}" for text in texts if text in foreign or calendar.search(text)]
    context.close()
    assert not found, "\n".join(found)


def texts_of(page: Page) -> list[str]:
    """As `TEXT` says."""
    texts: list[str] = page.evaluate(TEXT)
    return texts
