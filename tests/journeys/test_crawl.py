"""What the walk sees of a page: nothing asked of a third party, nothing the policy stops, nothing missing,
nothing on the console. Every page is walked in tests/journeys/test_axe.py; here are the doors beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.journeys.conftest import PATIENCE, Demonstration
from tests.journeys.watching import Watched

Look = Callable[[str], list[str]]


@pytest.fixture
def look(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[tuple[Look, Page]]:
    """Opens a page, waits until it asks for nothing more, and tells what went wrong."""
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    context.set_default_timeout(PATIENCE)
    watched = Watched(context, demonstration.site.url)

    def look_at(address: str) -> list[str]:
        watched.seen()
        watched.page.goto(address)
        return watched.seen()

    yield look_at, watched.page
    context.close()


@pytest.mark.parametrize("address", ["/?hl=en", "/programme/?hl=en", "/compte/login/", "/compte/signup/"])
def test_no_page_asks_elsewhere_or_breaks(address: str, look: tuple[Look, Page]) -> None:
    look_at, _page = look
    assert look_at(address) == []


def test_the_crawl_sees_what_it_looks_for(look: tuple[Look, Page]) -> None:
    """Negative control: a page with a picture of a third party, a style in an attribute and a file that is
    not there."""
    look_at, page = look

    def spoil(route: Any) -> None:
        answer = route.fetch()
        spoilt = '<img src="https://tiers.example/1.png" alt=""><p style="color: red"></p>'
        missing = '<script src="/static/js/nothing-there.js"></script></body>'
        route.fulfill(response=answer, body=answer.text().replace("</body>", spoilt + missing))

    page.route("**/mentions-legales/", spoil)
    found = "\n".join(look_at("/mentions-legales/"))
    assert "img-src https://tiers.example/1.png" in found
    assert "style-src" in found
    assert "404: " in found
    page.context.unroute_all()
    page.route(
        "**/accessibilite/",
        lambda route: route.fulfill(content_type="text/html", body="<img src='https://tiers.example/2.png'>"),
    )
    assert "asks elsewhere: https://tiers.example/2.png" in look_at("/accessibilite/")
