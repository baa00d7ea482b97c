"""Which activities and venues each searched word stands in: one query for all the words of a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from events.models import Activity, Venue
from events.spelt import patterns, searched

FEW = 400
"""Primary keys that are named to the database one by one; of more it is asked by the words themselves."""
MOST_KNOWN = 200
"""Words of which it is kept where they stand: half a megabyte each where 10,000 activities hold it."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where one word stands."""

    word: str
    activities: frozenset[int]
    venues: frozenset[int]

    @property
    def is_rare(self) -> bool:
        return len(self.activities) + len(self.venues) <= FEW

    def condition(self) -> Q:
        """Of slots: the word stands in what is told of the activity, or of the place where the slot is."""
        if not self.is_rare:
            return about(self.word)
        return Q(activity__in=self.activities) | Q(venue__in=self.venues)


def find_words(query: str, known: dict[str, Found] | None = None) -> list[Found]:
    """Where each word of a question stands. One query for all of them; none without a word.

    ``known`` keeps the words that stand in so many places that no list asks for them by key: for those, where
    they stand is only counted, and may be as old as what keeps it.
    """
    words = searched(query)
    known = {} if known is None else known
    found = {word: known[word] for word in words if word in known}
    for one in _find([word for word in words if word not in found]):
        found[one.word] = one
        if not one.is_rare:
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[one.word] = one
    return [found[word] for word in words]


def _find(words: list[str]) -> list[Found]:
    if not words:
        return []
    rows = _standing(Activity.objects.all(), words, 0).union(
        _standing(Venue.objects.all(), words, 1), all=True
    )
    found: list[tuple[set[int], set[int]]] = [(set(), set()) for _word in words]
    for pk, kind, *flags in rows:
        for sets, flag in zip(found, flags, strict=True):
            if flag:
                sets[kind].add(pk)
    return [
        Found(word, frozenset(activities), frozenset(venues))
        for word, (activities, venues) in zip(words, found, strict=True)
    ]


def _standing(owners: QuerySet[Any], words: list[str], kind: int) -> Any:
    """Primary key, kind, and 1 or 0 for each word."""
    asked = [any_of("search_text", word) for word in words]
    anywhere = Q()
    for one in asked:
        anywhere |= one
    flags = {
        f"w{number}": Case(When(one, then=Value(1)), default=Value(0), output_field=IntegerField())
        for number, one in enumerate(asked)
    }
    kinds = Value(kind, output_field=IntegerField())
    return owners.filter(anywhere).order_by().annotate(kind=kinds, **flags).values_list("pk", "kind", *flags)


def any_of(column: str, word: str) -> Q:
    """A searched word stands in this column of padded words."""
    asked = Q()
    for pattern in patterns(word):
        asked |= Q(**{f"{column}__contains": pattern})
    return asked


def about(word: str) -> Q:
    """The same as ``Found.condition``, left to the database.

    Asked of the rows a list reads anyway: of a word that stands everywhere, the first page is found by
    walking through the slots in order.
    """
    return any_of("activity__search_text", word) | any_of("venue__search_text", word)
