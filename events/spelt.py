"""How a searched word may stand in a text: singular or plural, the whole of it or its beginning.

The text is folded words between spaces (``folding.padded``); a searched word becomes a few patterns, any of
which may occur in it. Nothing of this is left to the database, so every engine finds the same.
"""

from __future__ import annotations

from events.folding import fold

_LITTLE = """
a au aux avec c ce ces d dans de des du elle en est et il j je l la le les leur ma mes mon n ne notre nous ou
par pas pour qu que qui s sa sans se ses son sur t un une vos votre vous y
and at by for from in is of on or the to with
"""
LITTLE_WORDS = frozenset(_LITTLE.split())
"""Left out of a question that holds any other word: « l’atelier des robots » asks for atelier and robots."""

SHORTEST_BEGINNING = 3
"""Letters from which a word also stands for what begins with it: « ia » is a word, « rob » a beginning."""


def searched(query: str, *, most: int = 8) -> list[str]:
    """The words a question is about, folded, each once, at most ``most`` of them."""
    typed = list(dict.fromkeys(fold(query[:200]).split()))
    telling = [word for word in typed if word not in LITTLE_WORDS]
    return (telling or typed)[:most]


def patterns(word: str) -> tuple[str, ...]:
    """What to look for in a padded text: « velos » is " velo", « journaux » is " journaux" or " journal".

    The plurals of French (s, x, -aux of -al and -ail) and English (s, -ies of -y) in both directions.
    """
    if len(word) < SHORTEST_BEGINNING:
        return (f" {word} ",)
    beginnings = {_singular(word)}
    if len(word) == SHORTEST_BEGINNING + 1 and word[-1] in "sx":
        return (f" {word[:-1]} ", f" {word}")  # « prix » is no beginning of « prise »
    if word.endswith("aux") and not word.endswith("eaux") and len(word) > 4:
        beginnings |= {word, f"{word[:-2]}l", f"{word[:-2]}il"}
        beginnings.discard(word[:-1])
    elif word.endswith("al") and len(word) > 4:
        beginnings.add(f"{word[:-1]}ux")
    elif word.endswith("ail") and len(word) > 4:
        beginnings.add(f"{word[:-2]}ux")
    elif word.endswith("ies") and len(word) > 4:
        beginnings.add(f"{word[:-3]}y")
    elif word.endswith("y") and len(word) > 3:
        beginnings.add(f"{word[:-1]}ie")
    return tuple(f" {beginning}" for beginning in sorted(beginnings))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > SHORTEST_BEGINNING and word[-1] in "sx" else word


def stands_in(word: str, padded: str) -> bool:
    """Whether a searched word stands in a padded text."""
    return any(pattern in padded for pattern in patterns(word))
