"""The whole of an agenda's export, page by page: within a time, a size and a number of steps.

What is asked is what ``events.outside`` lets through: ``https`` on the public network, redirects looked at
like the first address. OpenAgenda's pages end with ``after``, given back as ``after[]=…``; ours with
``next``.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.conf import settings

from events.outside import Unreachable, called, path_of

LONGEST = 20.0
"""Seconds for all of it, every page included: mails may wait behind it where no worker is beside."""
MOST_READ = 10 * 1024 * 1024
"""Bytes, every page included."""
MOST_PAGES = 100
MOST_MOVES = 3
"""Redirects of one question."""
MOVED = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Fetched:
    """``data``: as ``read_openagenda`` reads it. ``is_whole``: nothing is known to be missing. ``etag`` and
    ``last_modified`` are those of an answer that was all of it, else empty; ``digest``: SHA-256 of the data.
    """

    data: bytes
    is_whole: bool
    etag: str
    last_modified: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    etag: str
    last_modified: str


@dataclass(slots=True)
class _Budget:
    """What is left of time and size."""

    until: float
    size: int

    @property
    def seconds(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise Unreachable("no answer in time")
        return left


def fetch_agenda(url: str, *, etag: str = "", last_modified: str = "") -> Fetched | None:
    """All that stands at the address; None when nothing has changed since ``etag`` or ``last_modified``.

    Raises ``Unreachable``, also when a later page is missing: half an agenda is none.
    """
    budget = _Budget(time.monotonic() + LONGEST, MOST_READ)
    said = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    first = _get(url, {name: value for name, value in said.items() if value}, budget)
    if first.status == http.client.NOT_MODIFIED:
        return None
    page = _read(first.body)
    following = _next(url, page)
    if following is None:
        return Fetched(first.body, _is_whole(page), first.etag, first.last_modified)
    events, total = list(page["events"]), page.get("total")
    for _number in range(MOST_PAGES - 1):
        page = _read(_get(following, {}, budget).body)
        if not isinstance(page, dict) or not isinstance(page.get("events"), list):
            raise Unreachable("a later page is no list of events")
        events += page["events"]
        following = _next(following, page)
        if following is None:
            break
    else:
        raise Unreachable("too many pages")
    whole = {"events": events, "total": total}
    return Fetched(json.dumps(whole).encode(), _is_whole(whole), "", "")


def _read(body: bytes) -> Any:
    """The answer as JSON, or None: what is wrong with it is told where it is read."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _is_whole(page: Any) -> bool:
    """OpenAgenda's ``total`` counts every event; ours those of the page."""
    if not isinstance(page, dict):
        return isinstance(page, list)
    events, total = page.get("events"), page.get("total")
    return isinstance(events, list) and not (isinstance(total, int) and total > len(events))


def _next(url: str, page: Any) -> str | None:
    """Where it goes on, or None."""
    if not isinstance(page, dict) or not isinstance(page.get("events"), list) or not page["events"]:
        return None
    if isinstance(page.get("next"), str) and page["next"]:
        return urljoin(url, str(page["next"]))
    after = page.get("after")
    total = page.get("total")
    if not isinstance(after, list) or not after or (isinstance(total, int) and total <= len(page["events"])):
        return None
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, True) if not name.startswith("after[")]
    return parts._replace(query=urlencode([*kept, *(("after[]", str(one)) for one in after)])).geturl()


def _get(url: str, headers: dict[str, str], budget: _Budget) -> _Answer:
    """One page. Raises ``Unreachable`` on any answer but 200, and 304 where it was asked for."""
    for _move in range(MOST_MOVES + 1):
        with called(url, seconds=budget.seconds, private=settings.AGENDA_ALLOW_PRIVATE) as connection:
            asked = {"User-Agent": "festival-agendas/1", "Accept": "application/json", **headers}
            connection.request("GET", path_of(url), headers=asked)
            response = connection.getresponse()
            if response.status in MOVED:
                url = urljoin(url, response.getheader("Location") or "")
                continue
            if response.status != http.client.OK and not (
                headers and response.status == http.client.NOT_MODIFIED
            ):
                raise Unreachable(f"HTTP {response.status}")
            body = response.read(budget.size + 1)
            budget.size -= len(body)
            if budget.size < 0:
                raise Unreachable("the answer is too long")
            return _Answer(
                response.status,
                body,
                (response.getheader("ETag") or "")[:300],
                (response.getheader("Last-Modified") or "")[:100],
            )
    raise Unreachable("too many redirects")
