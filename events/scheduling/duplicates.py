"""Venues that are perhaps one: told by their names and where they stand. Pure; nothing here writes."""

from __future__ import annotations

import difflib
import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from events.folding import fold
from events.models import Venue
from events.wording import Position, metres_between

DOORSTEP = 150.0
"""Metres within which two positions may be one entrance, as two geocoders put it."""
ELSEWHERE = 1500.0
"""Metres beyond which a name shared is a coincidence."""

SMALL_WORDS = frozenset(["a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "the"])
SHORT_FORMS = {
    "all": "allee",
    "allees": "allee",
    "av": "avenue",
    "ave": "avenue",
    "bd": "boulevard",
    "bld": "boulevard",
    "blvd": "boulevard",
    "boul": "boulevard",
    "ch": "chemin",
    "chem": "chemin",
    "imp": "impasse",
    "pl": "place",
    "r": "rue",
    "rte": "route",
    "sq": "square",
    "st": "saint",
    "ste": "sainte",
}
POSTCODE = re.compile(r"\b\d{5}\b")
CELL = 0.002
"""Degrees: wider than ``DOORSTEP`` on the parallels of France."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is compared of a venue."""

    pk: int
    name: str
    address: str = ""
    postcode: str = ""
    city: str = ""
    position: Position | None = None

    @classmethod
    def of(cls, venue: Venue) -> Place:
        """Reads its commune and territory: select them where many are asked."""
        position = None
        if venue.latitude is not None and venue.longitude is not None:
            position = (venue.latitude, venue.longitude)
        return cls(venue.pk, venue.name, venue.address, venue.postcode, venue.city, position)


@dataclass(frozen=True, slots=True)
class Likeness:
    """``score`` from 0 to 1; ``metres`` between them, None when a position is missing."""

    score: float
    same_address: bool
    metres: float | None


def alike(one: Place, other: Place) -> Likeness | None:
    """Why two venues may be one, or None.

    The same door suffices, whatever they are called. Else the name decides, the more strictly the further
    apart they are; an address typed into the name counts as the address.
    """
    names = name_likeness(one, other)
    metres = metres_between(one.position, other.position) if one.position and other.position else None
    streets = (street_key(one), street_key(other))
    same_address = streets[0] == streets[1] != "" and _same_town(one, other)
    if same_address:
        return Likeness(0.6 + 0.4 * names, True, metres)
    if metres is not None:
        enough = 0.6 if metres <= DOORSTEP else 0.9 if metres <= ELSEWHERE else 2.0
    elif _same_town(one, other):
        enough = 0.99 if all(streets) else 0.84
    else:
        return None
    return Likeness(names * 0.9, False, metres) if names >= enough else None


def pairs(
    places: Iterable[Place], apart: Collection[tuple[int, int]] = ()
) -> list[tuple[int, int, Likeness]]:
    """Ids, the smaller first, of those alike and not in ``apart``, the most alike first.

    Only those are compared that share the beginning of a word, a door or a doorstep.
    """
    known = {place.pk: place for place in places}
    buckets: dict[object, list[int]] = defaultdict(list)
    for place in known.values():
        for key in set(_traits(place)):
            buckets[key].append(place.pk)
    asked = {
        (min(two), max(two)) for pks in buckets.values() for two in itertools.combinations(sorted(pks), 2)
    }
    found = []
    for one, other in sorted(asked - set(apart)):
        likeness = alike(known[one], known[other])
        if likeness is not None:
            found.append((one, other, likeness))
    return sorted(found, key=lambda pair: (-pair[2].score, pair[0], pair[1]))


def name_likeness(one: Place, other: Place) -> float:
    """From 0 to 1; 0.85 when all that one is called is in the other's name."""
    mine, theirs = name_words(one), name_words(other)
    if set(mine) == set(theirs):
        return 1.0
    short, long = sorted((mine, theirs), key=len)
    if any(len(word) >= 4 for word in short) and all(_is_among(word, long) for word in short):
        return 0.95 if len(short) == len(long) else 0.85
    # « Maison Nord » and « Maison Centre »: each has a word of its own.
    return min(0.8, difflib.SequenceMatcher(None, " ".join(mine), " ".join(theirs), autojunk=False).ratio())


def name_words(place: Place) -> list[str]:
    """Its name folded, without small words, its city and the address some write behind a comma."""
    name, _address = _split(place.name)
    words = fold(name).split()
    city = set(fold(place.city).split())
    telling = [word for word in words if word not in SMALL_WORDS and word not in city]
    return telling or [word for word in words if word not in SMALL_WORDS] or words


def street_key(place: Place) -> str:
    """« 27 rue aubuisson » of « 27, rue d’Aubuisson, 31000 Toulouse »; empty without number and street."""
    typed = place.address or _split(place.name)[1]
    typed = POSTCODE.split(typed)[0]
    words = [SHORT_FORMS.get(word, word) for word in fold(typed).split()]
    words = [word for word in words if word not in SMALL_WORDS]
    start = next((at for at, word in enumerate(words) if word[0].isdigit()), None)
    if start is None or len(words) < start + 2:
        return ""
    city = fold(place.city).split()
    words = words[start:]
    if city and words[-len(city) :] == city and len(words) > len(city) + 2:
        words = words[: -len(city)]
    return " ".join(words)


def _split(name: str) -> tuple[str, str]:
    """A name, and the address behind its first comma when that holds a number."""
    before, _comma, behind = name.partition(",")
    return (before, behind) if any(sign.isdigit() for sign in behind) else (name, "")


def _same_town(one: Place, other: Place) -> bool:
    """Nothing says that they are in two towns."""
    for mine, theirs in ((one.postcode, other.postcode), (fold(one.city), fold(other.city))):
        if mine and theirs:
            return mine == theirs
    return True


def _is_among(word: str, words: Iterable[str]) -> bool:
    """The word itself, or one a slip of the pen away from it."""
    return any(
        word == other
        or (
            min(len(word), len(other)) >= 5
            and difflib.SequenceMatcher(None, word, other, autojunk=False).ratio() >= 0.85
        )
        for other in words
    )


def _traits(place: Place) -> Iterator[object]:
    for word in name_words(place):
        yield word[:4]
    if key := street_key(place):
        yield key
    if place.position is not None:
        row, column = (int(degrees // CELL) for degrees in place.position)
        yield from itertools.product((row, row + 1), (column, column + 1))
