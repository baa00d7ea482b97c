"""Letters made comparable: « Éléphant », "elephant" and « ELEPHANT » are one word to search and to sort."""

from __future__ import annotations

import re
import unicodedata

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "’": "'", "ʼ": "'"})
_NOT_A_WORD = re.compile(r"[^0-9a-z]+")


def fold(text: str) -> str:
    """Lower case, no marks, ligatures undone, every run of other signs one space (Unicode NFKD, UAX #15)."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return _NOT_A_WORD.sub(" ", bare).strip()


def padded(*texts: str) -> str:
    """The words of some texts, folded, each once, between spaces: « velo atelier »."""
    return f" {' '.join(dict.fromkeys(fold(' '.join(texts)).split()))} "


def words(query: str, *, most: int = 8) -> list[str]:
    """The words of a search, folded, at most ``most`` of them."""
    return fold(query[:200]).split()[:most]
