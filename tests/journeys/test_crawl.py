"""Every page a visitor may open, in a real browser: nothing asked of a third party, nothing the policy stops,
nothing missing, nothing on the console; and no link that leads nowhere."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Browser, Page, Request, Response

from tests.journeys.conftest import PATIENCE, Demonstration, complaint
from tests.journeys.walk import public_pages, visitor_pages

WATCH = """addEventListener("securitypolicyviolation",
  event => console.error("policy: " + event.violatedDirective + " " + event.blockedURI));"""
AT_A_TIME = 4
MOST_OF_A_KIND = 4
"""Links followed to one route."""

Look = Callable[[str], list[str]]


@pytest.fixture
def look(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[tuple[Look, Page]]:
    """Opens a page, waits until it asks for nothing more, and tells what went wrong."""
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    page = context.new_page()
    here = urlsplit(demonstration.site.url).netloc
    faults: list[str] = []

    def asked(request: Request) -> None:
        if urlsplit(request.url).netloc != here and not request.url.startswith(("data:", "blob:")):
            faults.append(f"asks elsewhere: {request.url}")

    def answered(response: Response) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            faults.append(f"{response.status}: {response.url}")

    page.on("request", asked)
    page.on("response", answered)
    page.on("console", lambda message: faults.extend(complaint(message)))
    page.on("pageerror", lambda error: faults.append(str(error)))

    def look_at(address: str) -> list[str]:
        faults.clear()
        page.goto(address, wait_until="load")
        page.wait_for_load_state("networkidle")
        return list(faults)

    yield look_at, page
    context.close()


def addresses(demonstration: Demonstration) -> list[str]:
    found = demonstration.found
    pages = [address for _name, address in (*public_pages(found), *visitor_pages(found))]
    return list(dict.fromkeys([*pages, "/?hl=en", "/programme/?hl=en", "/compte/login/", "/compte/signup/"]))


@pytest.mark.lengthy
@pytest.mark.parametrize("share", range(AT_A_TIME))
def test_no_page_asks_elsewhere_or_breaks(
    share: int, look: tuple[Look, Page], demonstration: Demonstration
) -> None:
    look_at, page = look
    faults: list[str] = []
    links: dict[str, list[str]] = {}
    for address in addresses(demonstration)[share::AT_A_TIME]:
        faults += [f"{address}: {fault}" for fault in look_at(address)]
        for link in page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))"):
            if link.startswith("/") and (kind := kind_of(link)):
                links.setdefault(kind, []).append(link)
    for same in links.values():
        for link in list(dict.fromkeys(same))[:MOST_OF_A_KIND]:
            if (status := status_of(demonstration.site.url + link)) >= 400:
                faults.append(f"{status}: a link to {link}")
    assert not faults, "\n".join(faults)


def kind_of(link: str) -> str:
    """The route of a link; none where following it would act, or leads into somebody's own pages."""
    path = urlsplit(link).path
    try:
        route = resolve(path).view_name
    except Resolver404:
        return path
    return "" if re.match(r"/(compte|admin|courriels)/", path) else route


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


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
