"""For a word that stands nowhere, the nearest one that does: « robto » may mean « robot »."""

from __future__ import annotations

import string
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from events.folding import fold
from events.models import Activity, Commune, Festival, Format, Host, Territory, Theme, Venue
from events.models.festival import in_both_languages
from events.programme.words import Found

SHORTEST = 4
"""Letters of a word and of what is proposed for it."""
KEPT_SECONDS = 600
ALIKE = 0.75
_LETTERS = string.ascii_lowercase + string.digits
_kept: dict[str, tuple[float, dict[str, tuple[str, int]]]] = {}

Vocabulary = dict[str, tuple[str, int]]
"""Folded word → as it is written most often, and how often."""


def nearest_words(found: list[Found]) -> dict[str, str]:
    """For each word that stands nowhere and has a neighbour: the neighbour, with its accents."""
    lost = [one.word for one in found if not one.activities and not one.venues and len(one.word) >= SHORTEST]
    if not lost:
        return {}
    vocabulary = _vocabulary()
    near = {word: _nearest(word, vocabulary) for word in lost}
    return {word: vocabulary[other][0] for word, other in near.items() if other}


def _nearest(word: str, vocabulary: Vocabulary) -> str:
    """One edit away, the commonest; else the most alike of those that begin with the same letter; or none."""
    one_away = [other for other in set(_edits(word)) if other in vocabulary]
    if one_away:
        return max(one_away, key=lambda other: (vocabulary[other][1], other))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(word)
    best, found = ALIKE, ""
    for other in vocabulary:
        if other[0] != word[0] or abs(len(other) - len(word)) > 2:
            continue
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
            best, found = matcher.ratio(), other
    return found


def _edits(word: str) -> Iterator[str]:
    """Everything one letter away: left out, swapped, other, added (Damerau 1964)."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            if tail:
                yield head + letter + tail[1:]
            yield head + letter + tail


def _vocabulary() -> Vocabulary:
    """Words of titles and names that the public may see, kept for ten minutes in each process."""
    key = str(connection.settings_dict["NAME"])
    kept = _kept.get(key)
    if kept and time.monotonic() - kept[0] < KEPT_SECONDS and settings.PROGRAMME_COUNTS_SECONDS:
        return kept[1]
    shown = {"activities__festival__state": Festival.State.PUBLISHED, "activities__state": "published"}
    texts: list[str] = [
        *(" ".join(pair) for pair in _published().values_list("title_fr", "title_en")),
        *Host.objects.filter(**shown).distinct().values_list("name", flat=True),
        *Venue.objects.filter(slots__state="published").distinct().values_list("name", flat=True),
        *Territory.objects.values_list("name", flat=True),
        *Commune.objects.values_list("name", flat=True),
        *(word for label in (*Format.labels, *Theme.labels) for word in in_both_languages(label)),
    ]
    vocabulary = _counted(texts)
    _kept[key] = (time.monotonic(), vocabulary)
    return vocabulary


def _published() -> QuerySet[Activity]:
    return Activity.objects.published().filter(festival__state=Festival.State.PUBLISHED)


def _counted(texts: Iterable[str]) -> Vocabulary:
    written: Counter[str] = Counter()
    for text in texts:
        written.update(part.lower() for part in text.replace("’", " ").replace("-", " ").split())
    vocabulary: Vocabulary = {}
    for word, times in written.items():
        folded = fold(word)
        if len(folded) >= SHORTEST and " " not in folded and times > vocabulary.get(folded, ("", 0))[1]:
            vocabulary[folded] = (word.strip(string.punctuation + "«»…\u00a0"), times)
    return vocabulary
