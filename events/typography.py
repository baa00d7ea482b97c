"""French as it is printed, out of French as it is typed: spaces that do not break, curly apostrophes.

After the *Lexique des règles typographiques en usage à l'Imprimerie nationale*. One space is used throughout,
U+00A0: the faces of the site lack the narrow one. Takes plain text and gives plain text; addresses, e-mail
addresses, `code` between backticks and HTML entities are left as they are. What is set once stays as it is
when set again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

NB = "\u00a0"
_SPACE = "[ \u00a0\u202f]"

_LEFT_ALONE = re.compile(
    r"(`[^`]*`|\b[a-z][a-z+.-]*://\S+|\bwww\.\S+|\b(?:mailto|tel):\S+|\S+@\S+|&#?\w+;|[\w.-]+\.\w{2,}/\S*)",
    re.IGNORECASE,
)
_MONTHS = (
    "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
    "|janv\\.|févr\\.|juil\\.|sept\\.|oct\\.|nov\\.|déc\\."
)
_UNITS = "%|€|°C|°|min|km|kg|cm|mm|ans?|euros?|m²|m2|m|s|Go|Mo|k€|M€"

_RULES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(?<=\w)'(?=\w)"), "’"),
    (re.compile(r"(?<!\.)\.\.\.(?!\.)"), "…"),
    # guillemets, and the signs made of two parts
    (re.compile(rf"«{_SPACE}*(?=\S)"), f"«{NB}"),
    (re.compile(rf"(?<=[^\s«]){_SPACE}*»"), f"{NB}»"),
    (re.compile(rf"{_SPACE}+([:;!?%€])"), rf"{NB}\1"),
    # a space nobody typed: after a word, before what ends it; « Yahoo! » and « 14:30 » are none of these
    (re.compile(r"(?<=[^\W_])([:;?]+)(?=[\s)»…]|$)"), rf"{NB}\1"),
    (re.compile(r"(?<![^\s(«’])([^\W\dA-ZÀ-Ý_][\w’-]*)(!+)(?=[\s)»…]|$)"), rf"\1{NB}\2"),
    # « 14 h 30 », « 9 h »
    (
        re.compile(rf"(?<![\w:.,/])(\d{{1,2}}){_SPACE}?[hH]{_SPACE}?(\d{{2}})(?!\w)"),
        rf"\1{NB}h{NB}\2",
    ),
    (re.compile(rf"(?<![\w:.,/])(\d{{1,2}}){_SPACE}?h(?!\w)"), rf"\1{NB}h"),
    # « 1 240 », « 45 min », « 10 juin », « n° 3 »
    (
        re.compile(rf"(?<![\d,.])\d{{1,3}}(?:{_SPACE}\d{{3}})+(?![\d])"),
        lambda found: re.sub(_SPACE, NB, found[0]),
    ),
    (re.compile(rf"(?<=\d){_SPACE}(?=(?:{_UNITS})(?!\w))"), NB),
    (re.compile(rf"(?<![\w])(\d{{1,2}}|1er){_SPACE}(?=(?:{_MONTHS})(?!\w))", re.IGNORECASE), rf"\1{NB}"),
    (re.compile(rf"\b([nN]°){_SPACE}?(?=\d)"), rf"\1{NB}"),
]


@lru_cache(maxsize=4096)
def set_in_french(text: str) -> str:
    """« L'atelier : 14h30 ! » as « L’atelier : 14 h 30 ! », no line to be broken at any of its signs."""
    pieces = _LEFT_ALONE.split(text)
    pieces[::2] = [_set(piece) for piece in pieces[::2]]
    return "".join(pieces)


def _set(text: str) -> str:
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
