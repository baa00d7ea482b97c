"""Links that a walk comes across, followed: none leads nowhere."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import Page

MOST_OF_A_KIND = 4
"""Links followed to one route."""


class Links:
    """By route."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, None]] = {}

    def note(self, page: Page) -> None:
        """Those of the page that lead to another of the site."""
        for link in page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))"):
            if link.startswith("/") and (kind := kind_of(link)):
                self._found.setdefault(kind, {})[link] = None

    def broken(self, site: str) -> list[str]:
        """A few of each route are followed."""
        few = [link for same in self._found.values() for link in list(same)[:MOST_OF_A_KIND]]
        answers = {link: status_of(site + link) for link in few}
        return [f"{status}: a link to {link}" for link, status in answers.items() if status >= 400]


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
