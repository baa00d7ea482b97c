"""Where the answers are: each venue that has some, with how many, ready to be put on a map.

A ``Marks`` holds one entry a venue in flat arrays: seventeen thousand of them are half a megabyte, read back
from a cache in a millisecond. Positions are those of the plane all web maps share (spherical Mercator, EPSG:
3857), from 0 to 1 across the world, west to east and north to south.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from array import array
from dataclasses import dataclass, field, replace

from django.core.cache import caches
from django.db.models import Case, Count, F, IntegerField, Min, Q, Sum, When

from events.models import Mode, Slot
from events.programme.area import Frame
from events.programme.filters import Filters
from events.programme.matches import matching
from events.programme.tallies import FREE_PLACES, Amount
from events.programme.words import Found
from events.wording import Position

SECONDS_KEPT = 30
NARROW = 0.7
"""Degrees of latitude up to which a part of the map is asked for by itself: a city with its suburbs."""
NORTHMOST = 85.05
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

MAY_ENTER = Case(
    When(
        Q(state=Slot.State.PUBLISHED)
        & (
            Q(capacity__isnull=True)
            | Q(activity__mode=Mode.DROP_IN)
            | Q(capacity__gt=F("taken") + F("held") + F("reserved") - F("overbook"))
        ),
        then=1,
    ),
    default=0,
    output_field=IntegerField(),
)


@dataclass(slots=True)
class Marks:
    """Parallel arrays, one entry for each venue whose position is known; the others are in ``nowhere``.

    ``cities`` holds the id of a commune, or that of a territory below zero where the commune is not known.
    ``open`` counts the slots one may still enter; ``firsts`` are minutes since 1970. ``nowhere``: (venue or
    None where the slot has none yet, slots, places).
    """

    venues: array[int] = field(default_factory=lambda: array("q"))
    xs: array[float] = field(default_factory=lambda: array("d"))
    ys: array[float] = field(default_factory=lambda: array("d"))
    cities: array[int] = field(default_factory=lambda: array("q"))
    slots: array[int] = field(default_factory=lambda: array("i"))
    places: array[int] = field(default_factory=lambda: array("i"))
    open: array[int] = field(default_factory=lambda: array("i"))
    firsts: array[int] = field(default_factory=lambda: array("i"))
    nowhere: list[tuple[int | None, int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.venues)

    @property
    def total(self) -> Amount:
        """Of all of them, those without a position included."""
        return Amount(
            sum(self.slots) + sum(slots for _v, slots, _p in self.nowhere),
            sum(self.places) + sum(places for _v, _s, places in self.nowhere),
        )


def x_of(longitude: float) -> float:
    return (longitude + 180) / 360


def y_of(latitude: float) -> float:
    bent = math.radians(max(-NORTHMOST, min(NORTHMOST, latitude)))
    return (1 - math.log(math.tan(bent) + 1 / math.cos(bent)) / math.pi) / 2


def position_at(x: float, y: float) -> Position:
    """Latitude and longitude of a point of the plane."""
    return (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y)))), x * 360 - 180)


def first_of(minutes: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(minutes=minutes)


def marks_of(
    filters: Filters, now: dt.datetime, *, frame: Frame | None = None, words: list[Found] | None = None
) -> Marks:
    """The venues of a question, cancelled slots counted as in the list.

    ``frame`` stands in for the question's own part of the map. A part no larger than a city is asked for by
    itself; beyond, the whole question is, and kept for ``SECONDS_KEPT`` where there is a cache, because who
    moves about a map asks for the same thing again and again. Some entries may then lie outside the frame.
    """
    if frame is not None:
        filters = filters.without("within")
        if 0 < frame.north - frame.south <= NARROW and frame.west < frame.east:
            return _ask(replace(filters, within=frame), now, words)
        return _kept(filters, now, words)
    return _ask(filters, now, words) if filters.within else _kept(filters, now, words)


def _kept(filters: Filters, now: dt.datetime, words: list[Found] | None) -> Marks:
    key = "programme:marks:" + hashlib.sha256(filters.query_string().encode()).hexdigest()[:32]
    kept = caches["fast"].get(key)
    if isinstance(kept, Marks):
        return kept
    fresh = _ask(filters, now, words)
    caches["fast"].set(key, fresh, SECONDS_KEPT)
    return fresh


def _ask(filters: Filters, now: dt.datetime, words: list[Found] | None) -> Marks:
    """One query, one row for each venue."""
    rows = (
        matching(filters, now, cancelled=True, words=words)
        .order_by()
        .values_list("venue", "venue__latitude", "venue__longitude", "venue__commune", "venue__territory")
        .annotate(n=Count("pk"), free=Sum(FREE_PLACES), enter=Sum(MAY_ENTER), first=Min("starts_at"))
    )
    marks = Marks()
    for venue, latitude, longitude, commune, territory, slots, places, open_, first in rows:
        if latitude is None or longitude is None:
            marks.nowhere.append((venue, slots, places or 0))
            continue
        marks.venues.append(venue)
        marks.xs.append(x_of(longitude))
        marks.ys.append(y_of(latitude))
        marks.cities.append(commune or -territory)
        marks.slots.append(slots)
        marks.places.append(places or 0)
        marks.open.append(open_)
        marks.firsts.append(int((first - _EPOCH).total_seconds()) // 60)
    return marks
