"""The gadget in a page of another site: other origin, a policy that allows our site alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ground.axe import violations
from tests.journeys.conftest import PATIENCE, Demonstration

PAGE = """<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Ville</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>La ville</h1>{}</main></body></html>"""
STRICT = (
    "default-src 'none'; script-src {site}; connect-src {site}; frame-src {site}; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
WATCH = """window.broken = [];
addEventListener("securitypolicyviolation",
  event => broken.push(event.violatedDirective + " " + event.blockedURI));"""

Show = Callable[..., Page]


@pytest.fixture
def city(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[Show]:
    """Opens a page of another site, with the body given, at a width."""
    bodies = {"/": ""}
    site = demonstration.site.url

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.format(bodies.get(self.path, "")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", STRICT.format(site=site))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Not onto the screen of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context(**browser_context_args)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)

    def show(body: str, *, width: int = 390, scheme: Any = "light") -> Page:
        bodies["/"] = body
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        return page

    yield show
    context.close()
    server.shutdown()
    server.server_close()


def test_it_stands_in_a_strict_page_of_another_site(city: Show, demonstration: Demonstration) -> None:
    site = demonstration.site.url
    asked = 'data-ville="toulouse" data-nombre="3" data-niveau="2" async'
    page = city(f'<script src="{site}/gadget.js" {asked}></script>')
    gadget = page.get_by_role("region", name="À Toulouse")

    expect(gadget.get_by_role("listitem")).to_have_count(3)
    expect(gadget.get_by_role("heading", level=2)).to_have_text("À Toulouse et Labège")
    expect(gadget.get_by_role("heading", level=3).first).to_be_visible()
    assert gadget.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 253, 248)", "dressed"
    assert page.evaluate("broken") == []
    assert page.context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    for width, scheme in ((320, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        assert [(one["id"], one["nodes"][0]["html"]) for one in violations(page)] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.keyboard.press("Tab")
    first = gadget.get_by_role("link").first
    expect(first).to_be_focused()
    outline = "e => getComputedStyle(e.closest('li')).outlineStyle"
    assert first.evaluate(outline) == "solid", "the focus is drawn"
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/creneaux/*/")


def test_it_says_what_is_not_there_and_takes_the_place_it_is_given(
    city: Show, demonstration: Demonstration
) -> None:
    site = demonstration.site.url
    page = city(
        f'<div id="portes"></div><script src="{site}/gadget.js" data-ville="nulle-part" data-langue="en" '
        'data-theme="dark" data-cible="portes" async></script>'
    )
    gadget = page.locator("#portes").get_by_role("region")
    expect(gadget).to_contain_text("No door is open for this choice at the moment.")
    expect(gadget.get_by_role("link", name="The whole programme")).to_be_visible()
    assert gadget.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(15, 23, 40)"


def test_without_an_answer_it_says_so_and_tries_again(city: Show, demonstration: Demonstration) -> None:
    site = demonstration.site.url
    refuse = lambda route: route.abort()  # noqa: E731
    page = city("")
    page.context.route("**/gadget.json*", refuse)
    page = city(f'<script src="{site}/gadget.js" data-ville="toulouse" async></script>')
    expect(page.get_by_role("status")).to_have_text("Le programme ne peut pas être lu en ce moment.")
    expect(page.get_by_role("link", name="Le programme sur le site du festival")).to_be_visible()
    assert violations(page) == []
    page.context.unroute("**/gadget.json*", refuse)
    page.get_by_role("button", name="Réessayer").click()
    expect(page.get_by_role("listitem")).to_have_count(5)
    expect(page.get_by_role("heading", name="À Toulouse et Labège")).to_be_focused()


def test_the_frame_shows_the_same_without_script(city: Show, demonstration: Demonstration) -> None:
    site = demonstration.site.url
    page = city(f'<iframe src="{site}/gadget/?ville=toulouse&nombre=3" title="Portes ouvertes"></iframe>')
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("listitem")).to_have_count(3)
    assert page.evaluate("broken") == []
    assert page.context.cookies() == []
    frame.get_by_role("link").first.click()
    page.wait_for_url(f"{site}/creneaux/*/")

    other = city(f'<iframe src="{site}/programme/" title="Le programme"></iframe>')
    expect(other.frame_locator("iframe").get_by_role("heading", name="Programme")).to_have_count(0)
