"""What a browser notes of a page while somebody looks at it."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Request, Response

from tests.journeys.conftest import complaint

WATCH = """addEventListener("securitypolicyviolation",
  event => console.error("policy: " + event.violatedDirective + " " + event.blockedURI));"""
NO_PICTURE = "/media/venues/none.webp"
"""The walk's picture of a venue has a row and no file: tests/journeys/walk.py."""


class Watched:
    """A page of the site. ``seen``: what it asked of a third party, what was missing, what the policy stopped
    and what stood on the console.
    """

    def __init__(self, context: BrowserContext, site: str) -> None:
        context.add_init_script(WATCH)
        self.page: Page = context.new_page()
        self._here = urlsplit(site).netloc
        self._seen: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.on("console", lambda message: self._seen.extend(complaint(message)))
        self.page.on("pageerror", lambda error: self._seen.append(str(error)))

    def seen(self) -> list[str]:
        """Since it was asked last, once the page asks for nothing more."""
        self.page.wait_for_load_state("networkidle")
        seen, self._seen = self._seen, []
        return seen

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._here and not request.url.startswith(("data:", "blob:")):
            self._seen.append(f"asks elsewhere: {request.url}")

    def _answered(self, response: Response) -> None:
        if urlsplit(response.url).path == NO_PICTURE:
            return
        if response.status >= 400 and response.request.resource_type != "document":
            self._seen.append(f"{response.status}: {response.url}")
