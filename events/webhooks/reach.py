"""One POST to a partner's address: to the public network alone, for so long, without redirects."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from events.outside import Unreachable, called, path_of

__all__ = ["Answer", "Unreachable", "post"]

LONGEST = 10.0
"""Seconds for all of it, however slowly the bytes drip."""
MOST_READ = 1000
"""Bytes of an answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str


def post(url: str, *, body: bytes, headers: dict[str, str]) -> Answer:
    """Raises ``Unreachable``."""
    with called(url, seconds=LONGEST, private=settings.WEBHOOK_ALLOW_PRIVATE) as connection:
        connection.request(
            "POST", path_of(url), body=body, headers={"User-Agent": "festival-webhooks/1", **headers}
        )
        response = connection.getresponse()
        return Answer(response.status, response.read(MOST_READ).decode("utf-8", "replace"))
