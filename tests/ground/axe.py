"""axe-core in the page of a browser: put there once a page, and asked for what it finds wrong alone."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    # What it fetches anew before each run: style sheets are for a rule that is none of these.
    "preload": {"assets": ["media"]},
}


def violations(page: Page) -> list[dict[str, Any]]:
    """What the page, as it is now, breaks: each with its `id`, its `impact` and its `nodes`."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        "async rules => (await axe.run(document, rules)).violations", RULES
    )
    return found
