"""The addresses under which a public page is found: its own, and one for each language (RFC 8288; hreflang).

A bare address speaks its reader's language, so it is the one for everybody else (``x-default``). ``?hl=fr``
and ``?hl=en`` each speak one language whoever asks (``festival.languages``), so they are what ``hreflang``
names. Each of the three is canonical for itself: search engines do not follow an alternate to an address
that disowns itself (https://developers.google.com/search/docs/specialty/international/localized-versions).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.conf import settings

PARAMETER = "hl"
EVERYBODY_ELSE = "x-default"
LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)

SHARED = frozenset(
    f"events:{name}"
    for name in (
        *("home", "programme", "agenda", "map", "activity", "slot", "ballot", "territories", "territory"),
        *(
            "changes",
            "venue",
            "room",
            "host",
            "operation",
            "edition",
            "history",
            "accessibility",
            "privacy",
            "legal",
            "feeds",
        ),
    )
)
"""Routes whose pages anybody may read and pass on. What belongs to one person is not among them."""

FILTERED = frozenset({"events:programme", "events:agenda", "events:map"})
"""Pages whose filters are part of their address. A cursor never is: it is a place in the same page."""

Parameters = Sequence[tuple[str, str]]


def address_of(path: str, parameters: Parameters = (), language: str = "") -> str:
    """The whole address of a page of this site, in one language where one is named."""
    pairs = [*parameters, *([(PARAMETER, language)] if language else [])]
    return f"{settings.SITE_URL}{path}{f'?{urlencode(pairs)}' if pairs else ''}"


def alternates(path: str, parameters: Parameters = ()) -> list[tuple[str, str]]:
    """(hreflang, address) of every version of a page, in a fixed order: ``fr``, ``en``, ``x-default``."""
    spoken = [(code, address_of(path, parameters, code)) for code in LANGUAGES]
    return [*spoken, (EVERYBODY_ELSE, address_of(path, parameters))]
