"""How many slots each choice would find, with the rest of the question as it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property

from events.programme.area import RADII_KM
from events.programme.bits import total
from events.programme.filters import Filters
from events.programme.index import Index
from events.programme.tallies import DEFAULT_ZONE, Amount, Tally
from events.programme.words import Found

PARTIES = (1, 2, 3, 4)
"""Numbers of places wanted together that are counted."""


@dataclass(frozen=True, slots=True)
class Loosened:
    """What one would find by giving up one thing asked: the field of ``Filters``, the number of slots."""

    field: str
    slots: int


class Counts:
    """The sets that answer each part of a question, and what comes of joining all of them but one.

    ``cancelled`` counts the cancelled slots a page shows too, as in ``matching``.
    """

    def __init__(
        self,
        index: Index,
        filters: Filters,
        now: dt.datetime,
        *,
        words: list[Found] | None = None,
        cancelled: bool = False,
    ) -> None:
        self.index, self.filters, self.words = index, filters, words or []
        self.whole = index.upcoming(now)
        if not cancelled:
            self.whole &= index.standing
        self.parts = self._parts()

    def _parts(self) -> dict[str, int]:
        """By field of ``Filters``, what is asked there; a question of words has a set a word."""
        asked, index = self.filters, self.index
        parts: dict[str, int] = {}
        if asked.query:
            parts["query"] = -1
            for word in self.words:
                parts["query"] &= index.standing_in(word)
        if asked.place:
            parts["place"] = self.at_place(asked.place)
        for name in ("moment", "programme", "format", "theme", "language", "audience", "mode"):
            if code := getattr(asked, name):
                parts[name] = index.sets[name].get(code, 0)
        if asked.day:
            parts["day"] = index.sets["day"].get(asked.day.isoformat(), 0)
        if asked.access:
            parts["access"] = -1
            for code in asked.access:
                parts["access"] &= index.sets["access"][code]
        if asked.places:
            parts["places"] = index.bookable & index.places.at_least(asked.places)
        if asked.near:
            parts["near"] = index.at_venues(asked.near)
        if asked.within:
            parts["within"] = index.at_venues(asked.within)
        return parts

    def at_place(self, place: str) -> int:
        """The slots of a territory, or of the communes of this name."""
        of_territory = self.index.sets["place"].get(place)
        if of_territory is not None:
            return of_territory
        return self.index.venues.slots_of(self.index.communes.get(place.replace("-", " "), ()))

    def without(self, *fields: str) -> int:
        """The set that answers the question with these parts left open."""
        answer = self.whole
        for name, part in self.parts.items():
            if name not in fields:
                answer &= part
        return answer

    @cached_property
    def answer(self) -> int:
        return self.without()

    @property
    def total(self) -> int:
        return self.answer.bit_count()

    def of(self, field: str) -> dict[str, int]:
        """The slots of each choice of a field, with what is asked there now left open; choices with none too.

        ``access`` is counted differently, since its choices narrow one another: what ticking one more finds.
        ``places`` counts by number of places wanted together, ``near`` by circles around the same point,
        ``place`` without the part of the map and the circle, which another place leaves behind.
        """
        left_open = ("place", "near", "within") if field == "place" else (field,)
        base = self.answer if field == "access" else self.without(*left_open)
        if field == "near":
            return self._by_radius(base)
        if field == "places":
            open_ones = base & self.index.bookable
            return {str(n): (open_ones & self.index.places.at_least(n)).bit_count() for n in PARTIES}
        return {code: (base & one).bit_count() for code, one in self.index.sets[field].items()}

    def _by_radius(self, base: int) -> dict[str, int]:
        near = self.filters.near
        if near is None:
            return {}
        rings = self.index.around(near, sorted({*RADII_KM, near.kilometres}))
        return {str(replace(near, kilometres=km)): (base & ring).bit_count() for km, ring in rings.items()}

    def loosened(self) -> list[Loosened]:
        """Which one thing given up finds something, the most first."""
        ways = [Loosened(name, self.without(name).bit_count()) for name in self.parts]
        return sorted((way for way in ways if way.slots), key=lambda way: -way.slots)

    def tally(self, zone: str = DEFAULT_ZONE) -> Tally:
        """What ``tallies.tally`` asks of the database, from memory."""
        index, answer = self.index, self.answer
        result = Tally(Amount(), {}, {})
        planes = [plane & answer for plane in index.places.planes]
        for at, first, end in index.hours(zone):
            shift, hour = index.size - end, (1 << (end - first)) - 1
            slots = (answer >> shift & hour).bit_count()
            if not slots:
                continue
            places = total([plane >> shift & hour for plane in planes], hour)
            for count in (
                result.total,
                result.by_day.setdefault(at.date(), Amount()),
                result.by_hour.setdefault((at.date(), at.hour), Amount()),
            ):
                count.add(slots, places)
        return result
