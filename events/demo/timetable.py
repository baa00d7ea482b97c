"""Finding a free room and a free time for invented slots, in memory, so that no two share a room.

Times are minutes of the local day and days are counted from the first of the edition. The database's own
guard still holds: should this go wrong, the load fails as a whole.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A bookable room: the atomic rooms it fills, its open hours for each day, its margins in minutes.

    :param hours: for each day of the edition, the spans of minutes when it is open; empty when closed.
    """

    key: int
    atoms: tuple[int, ...]
    hours: tuple[tuple[Span, ...], ...]
    holds: int
    setup: int = 0
    turnover: int = 0


@dataclass(frozen=True, slots=True)
class Seat:
    """What was found: a room, a day and a first minute."""

    place: Place
    day: int
    minute: int


class Timetable:
    """Who holds which atomic room when, and when each host is busy."""

    def __init__(self, rng: random.Random, *, step: int = 30) -> None:
        self._rng = rng
        self._step = step
        self._busy: dict[tuple[int, int], list[Span]] = defaultdict(list)
        self._own: dict[tuple[int, int], list[Span]] = defaultdict(list)

    def seat(
        self, *, host: int, places: Sequence[Place], minutes: int, evening: bool = False, first_day: int = 0
    ) -> Seat | None:
        """Take a free room and time, or say None when every room is full. The host is never in two places."""
        for day, minute, place in self._candidates(places, minutes, evening=evening, first_day=first_day):
            span = (minute, minute + minutes)
            room_span = (minute - place.setup, minute + minutes + place.turnover)
            if _meets(self._own[host, day], span):
                continue
            if any(_meets(self._busy[atom, day], room_span) for atom in place.atoms):
                continue
            self._own[host, day].append(span)
            for atom in place.atoms:
                self._busy[atom, day].append(room_span)
            return Seat(place, day, minute)
        return None

    def hour(self, *, host: int, minutes: int, days: int, spans: Sequence[Span]) -> tuple[int, int] | None:
        """A day and a minute at which the host is free, with no room at all."""
        options = [
            (day, minute)
            for day in range(days)
            for opens, closes in spans
            for minute in range(opens, closes - minutes + 1, self._step)
        ]
        self._rng.shuffle(options)
        for day, minute in options:
            span = (minute, minute + minutes)
            if not _meets(self._own[host, day], span):
                self._own[host, day].append(span)
                return day, minute
        return None

    def _candidates(
        self, places: Sequence[Place], minutes: int, *, evening: bool, first_day: int
    ) -> Iterator[tuple[int, int, Place]]:
        """Every possible seat: the wanted day first, then by chance."""
        found = [
            (day, minute, place)
            for place in places
            for day, spans in enumerate(place.hours)
            for opens, closes in spans
            for minute in range(-(-opens // self._step) * self._step, closes - minutes + 1, self._step)
            if (minute >= 17 * 60 + 30) == evening or not evening
        ]
        self._rng.shuffle(found)
        found.sort(key=lambda one: (one[0] - first_day) % 7)
        yield from found


def _meets(taken: Sequence[Span], span: Span) -> bool:
    """Whether a half-open span shares a minute with one of those taken."""
    return any(start < span[1] and end > span[0] for start, end in taken)
