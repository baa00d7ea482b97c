"""The spots of a part of the map with their words: what stands there, and what is lost or beyond."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.clock import on_the_wall
from events.doors import AJAR, FREE, LAST_PLACES, OPEN, SHUT
from events.forms.programme import say_count
from events.models import Venue
from events.models.host import paint_of
from events.programme import Amount, Filters
from events.programme.marks import Marks, first_of, x_of, y_of
from events.views.cities import where_is
from events.views.clusters import Box, Spot, bounds, fitted, frame_of, gather
from events.views.coast import FINEST_ZOOM
from events.views.sketch import HEIGHT, WIDTH, walks_between
from events.wording import say_day, say_number, say_time, say_walk

WORLD = (0.0, 0.0, 1.0, 1.0)


@dataclass(slots=True)
class Place:
    """A spot with its words. ``venue`` is what it is, or for several the one that names them."""

    number: int
    spot: Spot
    venue: Venue
    name: str
    said: str
    url: str = ""
    first: str = ""
    way: str = ""
    way_to: str = ""
    is_guess: bool = False
    is_near: bool = False

    @property
    def is_venue(self) -> bool:
        return self.spot.is_venue

    @property
    def venues(self) -> int:
        return len(self.spot.members)

    @property
    def venues_said(self) -> str:
        return say_venues(self.venues)

    @property
    def title(self) -> str:
        """« La Cantine », « La Cantine et 3 autres » from near, « 12 lieux, Toulouse » from afar."""
        if self.is_venue or self.is_near:
            return self.name
        return f"{self.venues_said}, {self.name}"

    @property
    def symbol(self) -> str:
        """The door as one would find it: see docs/look.md."""
        if not self.spot.open:
            return SHUT
        if not self.spot.places:
            return FREE
        return AJAR if self.spot.places <= LAST_PLACES else OPEN

    @property
    def paint(self) -> str:
        return paint_of(self.venue.slug)

    @property
    def door_classes(self) -> str:
        return f"door paint-{self.paint}"

    @property
    def label(self) -> str:
        """As the mark is read alone: « 3, La Cantine : 12 créneaux, 80 places libres »."""
        if self.is_venue:
            names = {"number": self.number, "name": self.name, "said": self.said}
            return _("%(number)s, %(name)s: %(said)s") % names
        names = {"venues": self.venues_said, "name": self.name, "said": self.said}
        return _("%(venues)s, %(name)s: %(said)s") % names

    @property
    def key(self) -> str:
        """The anchor of its line in the list."""
        return self.venue.slug if self.is_venue else f"lieux-{self.number}"


Lost = list[tuple[Venue, int, int]]
"""Venues whose position is not known, with their slots and places."""


def lost_of(marks: Marks) -> Lost:
    """In the order of their names. One query, where there are any."""
    counts = {pk: (slots, places) for pk, slots, places in marks.nowhere if pk is not None}
    if not counts:
        return []
    venues = Venue.objects.filter(pk__in=list(counts)).select_related("commune", "territory")
    return [(venue, *counts[venue.pk]) for venue in venues.order_by("sort_name", "pk")]


def places_shown(marks: Marks, lost: Lost, filters: Filters, box: Box, zoom: float) -> list[Place]:
    """The spots of a part of the map. From afar, the venues that are lost stand where their city is."""
    known = len(marks)
    if zoom <= FINEST_ZOOM:
        marks = with_guesses(marks, lost)
    return _places(gather(marks, box, zoom), marks, filters, zoom=zoom, known=known)


def with_guesses(marks: Marks, lost: Lost) -> Marks:
    if not lost:
        return marks
    guessed = copy.deepcopy(marks)
    for venue, slots, places in lost:
        if at := where_is(venue.city, venue.territory.name, zone=venue.territory.timezone):
            guessed.venues.append(venue.pk)
            guessed.xs.append(x_of(at[1]))
            guessed.ys.append(y_of(at[0]))
            guessed.cities.append(venue.commune_id or -venue.territory_id)
            guessed.slots.append(slots)
            guessed.places.append(places)
            guessed.open.append(min(places, 1))
            guessed.firsts.append(0)
    return guessed


def _places(
    spots: list[Spot], marks: Marks, filters: Filters, *, zoom: float, known: int | None = None
) -> list[Place]:
    """One query for the names. ``known``: the position of the marks from this one on is a guess."""
    if not spots:
        return []
    named = [marks.venues[_foremost(spot, marks, near=zoom > FINEST_ZOOM)] for spot in spots]
    venues = Venue.objects.select_related("commune", "territory").in_bulk(named)
    places = [
        _place(number, spot, venues[pk], marks, filters, known, near=zoom > FINEST_ZOOM)
        for number, (spot, pk) in enumerate(zip(spots, named, strict=True), start=1)
        if pk in venues
    ]
    _say_ways(places, zoom)
    return places


def _foremost(spot: Spot, marks: Marks, *, near: bool) -> int:
    """The member that names the spot: from near the one with most slots, from afar one of its first city."""
    if near:
        return min(spot.members, key=lambda i: (-marks.slots[i], marks.venues[i]))
    city = min(spot.cities, key=lambda one: (-spot.cities[one], one))
    return next(i for i in spot.members if marks.cities[i] == city)


def _place(
    number: int, spot: Spot, venue: Venue, marks: Marks, filters: Filters, known: int | None, *, near: bool
) -> Place:
    place = Place(number, spot, venue, venue.name, say_count(Amount(spot.slots, spot.places)))
    place.is_guess = known is not None and any(i >= known for i in spot.members)
    if spot.first:
        at = on_the_wall(first_of(spot.first), venue.territory.timezone)
        place.first = f"{say_day(at.date())}, {say_time(at)}"
    if spot.is_venue:
        place.url = venue.get_absolute_url()
        return place
    place.is_near, others = near, len(spot.members) - 1
    if near:
        place.name = _say_and_others(venue.name, others)
    else:
        place.name = venue.city if len(spot.cities) == 1 else _("%(city)s and around") % {"city": venue.city}
    part: dict[str, Any] = {"within": None, "place": venue.territory.slug}
    if not place.is_guess and (around := bounds(marks, spot.members)):
        part = {"within": frame_of(fitted(around, WIDTH, HEIGHT))}
    place.url = reverse("events:map") + filters.query_string(**part)
    return place


def _say_and_others(name: str, others: int) -> str:
    said = ngettext("%(name)s and %(n)s other", "%(name)s and %(n)s others", others)
    return said % {"name": name, "n": say_number(others)}


def _say_ways(places: list[Place], zoom: float) -> None:
    """« 16 min à pied jusqu’à Quai des Savoirs »: the shortest walk from each, where walks are drawn."""
    best: dict[int, tuple[int, int]] = {}
    for a, b, minutes in walks_between([place.spot for place in places], zoom):
        for one, other in ((a, b), (b, a)):
            best[one] = min(best.get(one, (minutes, other)), (minutes, other))
    for one, (_minutes, other) in best.items():
        places[one].way = say_walk(places[one].spot.at, places[other].spot.at)
        places[one].way_to = places[other].name


def places_beyond(marks: Marks, lost: Lost, box: Box, filters: Filters) -> list[Place]:
    """What the sheet does not show, gathered as on a map of the world, guesses included."""
    west, north, east, south = box
    outside, positioned, known = Marks(), len(marks), 0
    marks = with_guesses(marks, lost)
    for i, (x, y) in enumerate(zip(marks.xs, marks.ys, strict=True)):
        if not (west <= x <= east and north <= y <= south):
            for name in ("venues", "xs", "ys", "cities", "slots", "places", "open", "firsts"):
                getattr(outside, name).append(getattr(marks, name)[i])
            known += i < positioned
    if not outside:
        return []
    spots = gather(outside, WORLD, 5.0)
    places = _places(spots, outside, filters, zoom=0, known=known)
    for place in places:
        if place.is_guess:
            part: dict[str, Any] = {"within": None, "place": place.venue.territory.slug}
            place.url = reverse("events:map") + filters.query_string(**part)
        elif place.is_venue:
            around = fitted((place.spot.x, place.spot.y, place.spot.x, place.spot.y), WIDTH, HEIGHT)
            place.url = reverse("events:map") + filters.query_string(within=frame_of(around))
            place.name = f"{place.name}, {place.venue.city}"
    return places


def say_slots(slots: int) -> str:
    return ngettext("%(n)s slot", "%(n)s slots", slots) % {"n": say_number(slots)}


def say_venues(venues: int) -> str:
    return ngettext("%(n)s venue", "%(n)s venues", venues) % {"n": say_number(venues)}


def say_view(places: list[Place]) -> str:
    """« Sur la carte : 12 lieux, 80 créneaux. »"""
    slots = sum(place.spot.slots for place in places)
    names = {"venues": say_venues(sum(place.venues for place in places)), "slots": say_slots(slots)}
    return _("On the map: %(venues)s, %(slots)s.") % names
