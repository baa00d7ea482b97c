"""The programme's question on a map: a page that is whole without a script, and what a script asks for.

``/programme/carte/`` draws the spots as links on a sheet and lists them beside it; ``points.json`` gives the
same for any part of the map, ``portes/`` the next slots behind one of its doors.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from events.clock import on_the_wall
from events.doors import AJAR, FREE, LAST_PLACES, OPEN, SHUT
from events.forms.programme import say_count, say_question, sentence_of
from events.models import Venue
from events.models.host import paint_of
from events.programme import Amount, Counts, Filters, facets_of, find_words, index_at, matching
from events.programme.marks import Marks, first_of, marks_of, position_at, x_of, y_of
from events.templatetags.festival.faces import is_served
from events.views.cities import where_is
from events.views.clusters import (
    DEEPEST_ZOOM,
    Box,
    Spot,
    bounds,
    box_of,
    fitted,
    frame_of,
    gather,
    no_nearer,
    zoom_of,
)
from events.views.coast import CORSICA, FINEST_ZOOM, MAINLAND, MAINLAND_FRAME
from events.views.public_rows import rows_of
from events.views.sketch import HEIGHT, WIDTH, Scale, place_labels, place_on, sketch_of, walks_between
from events.wording import NB, say_day, say_distance, say_number, say_time, say_walk

MOST_LOST = 60
"""Venues without a position that are listed one by one."""
MOST_ROWS = 4
SECONDS_KEPT = 30
AS_WRITTEN = {"ensure_ascii": False, "separators": (",", ":")}
WORLD = (0.0, 0.0, 1.0, 1.0)
LEAST_UNDER_A_NAME = 60
"""From the upper edge of the sheet to the doors under the name of a city, so that the name is whole."""
SCALE_PLACE = {"scale_y": HEIGHT - 24, "scale_text_y": HEIGHT - 32}


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
        return _say_venues(self.venues)

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


@require_safe
def programme_map(request: HttpRequest) -> HttpResponse:
    """The sheet and the list: the part asked for, else metropolitan France or what there is of the answer."""
    now = timezone.now()
    filters = Filters.read(request.GET).without("after")
    index = index_at(now)
    words = find_words(filters.query, index.common)
    choices, beside = facets_of(index, now), Counts(index, filters, now, words=words, cancelled=True)
    marks = marks_of(filters, now, words=words)
    lost = _lost(marks)
    box = _first_box(filters, marks, lost)
    shown = _shown(marks, lost, filters, box, zoom_of(box, WIDTH)) if box else []
    beyond = _beyond(marks, lost, box, filters) if box else []
    without_venue = sum(slots for pk, slots, _places in marks.nowhere if pk is None)
    count = marks.total
    return render(
        request,
        "events/public/map.html",
        {
            "now": now,
            "filters": filters,
            "sentence": sentence_of(filters, choices, beside),
            "question": say_question(filters, choices),
            "count": say_count(count),
            "has_answer": bool(count.slots),
            "view_said": _say_view(shown),
            "places": shown,
            "beyond": beyond,
            "lost": [
                {"venue": venue, "said": say_count(Amount(slots, places))}
                for venue, slots, places in lost[:MOST_LOST]
            ],
            "lost_more": max(0, len(lost) - MOST_LOST),
            "are_guessed": bool(box and zoom_of(box, WIDTH) <= FINEST_ZOOM and lost),
            "lost_said": _say_slots(sum(slots for _pk, slots, _places in marks.nowhere)),
            "without_venue": _say_slots(without_venue) if without_venue else "",
            "everywhere": reverse("events:map") + filters.query_string(within=None),
            **(_sheet(box, shown) if box else {}),
            **_for_the_script(filters, box, shown),
        },
    )


def _first_box(filters: Filters, marks: Marks, lost: Lost) -> Box | None:
    """The question's own part of the map; else around its answer, the mainland's where it has one. Where no
    position is known, as far off as guesses are shown.
    """
    known, marks = len(marks), _with_guesses(marks, lost)
    if filters.within:
        return fitted(box_of(filters.within), WIDTH, HEIGHT, margin=0)
    west, north, east, south = box_of(MAINLAND_FRAME)
    inside = [
        i
        for i, (x, y) in enumerate(zip(marks.xs, marks.ys, strict=True))
        if west <= x <= east and north <= y <= south
    ]
    around = bounds(marks, inside) or bounds(marks)
    if around is None:
        return None
    wide = around[2] - around[0] > (east - west) / 2
    box = fitted((west, north, east, south) if wide else around, WIDTH, HEIGHT, margin=0 if wide else 0.12)
    return box if known else no_nearer(box, FINEST_ZOOM, WIDTH)


# What is there, in words ---------------------------------------------------------------------------


Lost = list[tuple[Venue, int, int]]
"""Venues whose position is not known, with their slots and places."""


def _lost(marks: Marks) -> Lost:
    """In the order of their names. One query, where there are any."""
    counts = {pk: (slots, places) for pk, slots, places in marks.nowhere if pk is not None}
    if not counts:
        return []
    venues = Venue.objects.filter(pk__in=list(counts)).select_related("commune", "territory")
    return [(venue, *counts[venue.pk]) for venue in venues.order_by("sort_name", "pk")]


def _shown(marks: Marks, lost: Lost, filters: Filters, box: Box, zoom: float) -> list[Place]:
    """The spots of a part of the map. From afar, the venues that are lost stand where their city is."""
    known = len(marks)
    if zoom <= FINEST_ZOOM:
        marks = _with_guesses(marks, lost)
    return _places(gather(marks, box, zoom), marks, filters, zoom=zoom, known=known)


def _with_guesses(marks: Marks, lost: Lost) -> Marks:
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


def _beyond(marks: Marks, lost: Lost, box: Box, filters: Filters) -> list[Place]:
    """What the sheet does not show, gathered as on a map of the world, guesses included."""
    west, north, east, south = box
    outside, positioned, known = Marks(), len(marks), 0
    marks = _with_guesses(marks, lost)
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


def _say_slots(slots: int) -> str:
    return ngettext("%(n)s slot", "%(n)s slots", slots) % {"n": say_number(slots)}


def _say_venues(venues: int) -> str:
    return ngettext("%(n)s venue", "%(n)s venues", venues) % {"n": say_number(venues)}


def _say_view(places: list[Place]) -> str:
    """« Sur la carte : 12 lieux, 80 créneaux. »"""
    slots = sum(place.spot.slots for place in places)
    names = {"venues": _say_venues(sum(place.venues for place in places)), "slots": _say_slots(slots)}
    return _("On the map: %(venues)s, %(slots)s.") % names


# The sheet -----------------------------------------------------------------------------------------


def _sheet(box: Box, places: list[Place]) -> dict[str, Any]:
    sketch = sketch_of(box, [place.spot for place in places])
    names = [place.title for place in places]
    labels = place_labels(sketch.marks, names, half=15)
    marks = [
        {"mark": mark, "place": place, "label": label, "name": name}
        for mark, place, label, name in zip(sketch.marks, places, labels, names, strict=True)
    ]
    found = [(name, *place_on(box, x, y)) for name, x, y in _cities(places, zoom_of(box, WIDTH))]
    cities = [(name, x, max(y, LEAST_UNDER_A_NAME)) for name, x, y in found]
    return {
        "sketch": sketch,
        "marks": marks,
        "cities": cities,
        "scale": _say_scale(sketch.scale),
        **SCALE_PLACE,
    }


def _cities(places: list[Place], zoom: float) -> list[tuple[str, float, float]]:
    """The names that stand over the doors of a city seen from near, and where on the plane these begin."""
    if zoom <= FINEST_ZOOM:
        return []
    where: dict[str, list[Spot]] = {}
    for place in places:
        where.setdefault(place.venue.city, []).append(place.spot)
    return [
        (name, sum(spot.x for spot in spots) / len(spots), min(spot.y for spot in spots))
        for name, spots in where.items()
    ]


def _say_scale(scale: Scale) -> str:
    length = say_distance(scale.metres)
    if scale.minutes is None:
        return length
    return _("%(length)s, %(minutes)s on foot") % {"length": length, "minutes": f"{scale.minutes}{NB}min"}


# For the script ------------------------------------------------------------------------------------


def _for_the_script(filters: Filters, box: Box | None, places: list[Place]) -> dict[str, Any]:
    """Nothing of it is needed to read the page."""
    if box is None or not is_served("leaflet/leaflet.js"):
        return {}
    tiles = settings.MAP_TILES_URL
    host = urlsplit(tiles).hostname or ""
    return {
        "setup": {
            "view": str(filters.within or frame_of(box)),
            "frame": str(filters.within or ""),
            "points": reverse("events:map_points") + filters.query_string(within=None),
            "question": filters.query_string(within=None),
            "search": reverse("events:map") + filters.query_string(within=None),
            "tiles": tiles,
            "credit": _credit(host),
            "coast": [MAINLAND, CORSICA],
            "finest": FINEST_ZOOM,
            "deepest": DEEPEST_ZOOM,
            **_drawn(places, zoom_of(box, WIDTH)),
        },
        "tiles_host": host if tiles else "",
    }


def _credit(host: str) -> str:
    """Who is to be named under tiles of this server."""
    known = {
        "geopf.fr": "© IGN",
        "openstreetmap.org": "© OpenStreetMap",
        "openstreetmap.fr": "© OpenStreetMap",
    }
    return next((name for end, name in known.items() if host.endswith(end)), host)


def _drawn(places: list[Place], zoom: float) -> dict[str, Any]:
    """The marks in the order of the list, and the walks between them."""
    spots = [place.spot for place in places]
    return {
        "spots": [_as_data(place) for place in places],
        "walks": walks_between(spots, zoom),
        "cities": [(name, _rounded(x, y)) for name, x, y in _cities(places, zoom)],
    }


def _rounded(x: float, y: float) -> tuple[float, float]:
    """Latitude and longitude to a metre."""
    latitude, longitude = position_at(x, y)
    return round(latitude, 5), round(longitude, 5)


def _as_data(place: Place) -> dict[str, Any]:
    data: dict[str, Any] = {
        "at": _rounded(place.spot.x, place.spot.y),
        "number": place.number,
        "venues": place.venues,
        "slots": place.spot.slots,
        "places": place.spot.places,
        "symbol": place.symbol,
        "paint": place.paint,
        "name": place.name,
        "label": place.label,
        "key": place.key,
        "url": place.url,
    }
    if place.is_venue:
        doors = reverse("events:map_doors", args=[place.venue.slug])
        return {**data, "doors": doors, "totem": place.venue.is_totem}
    return data


@require_safe
def map_points(request: HttpRequest) -> HttpResponse:
    """One part of the map: ``cadre`` is what is looked at, ``zoom`` the level of the web's tiles, 0 to 19.

    Its marks as JSON, and the list of them as HTML in the same order. Without a part, the one the page begins
    with. 400 with a sentence on what cannot be read.
    """
    now = timezone.now()
    filters = Filters.read(request.GET).without("after")
    asked = request.GET.get("zoom", "")
    zoom = _read_zoom(asked)
    if "cadre" in filters.unread or (asked and zoom is None):
        said = _("A part of the map is asked for as cadre=south,west,north,east&zoom=0 to 19.")
        return JsonResponse({"error": said}, status=400, json_dumps_params=AS_WRITTEN)
    marks = marks_of(filters, now, frame=filters.within)
    lost = _lost(marks)
    box = box_of(filters.within) if filters.within else _first_box(filters, marks, lost)
    if zoom is None:
        zoom = zoom_of(box, WIDTH) if box else 0
    places = _shown(marks, lost, filters.without("within"), box, zoom) if box else []
    data = {
        "said": _say_view(places),
        "list": render_to_string("events/public/_map_list.html", {"places": places}),
        **_drawn(places, zoom),
    }
    response = JsonResponse(data, json_dumps_params=AS_WRITTEN)
    patch_cache_control(response, private=True, max_age=SECONDS_KEPT)
    return response


def _read_zoom(text: str) -> float | None:
    """A whole level of the web's tiles, or None."""
    fits = text.isascii() and text.isdigit() and len(text) <= 2
    return int(text) if fits and int(text) <= DEEPEST_ZOOM else None


@require_safe
def map_doors(request: HttpRequest, slug: str) -> HttpResponse:
    """What is behind a door of the map: the next slots of a venue that answer the question, as a part of a
    page.
    """
    now = timezone.now()
    filters = Filters.read(request.GET).without("after", "within")
    venue = get_object_or_404(Venue.objects.select_related("commune", "territory"), slug=slug)
    found = matching(filters, now, cancelled=True).filter(venue=venue)
    slots = list(found.for_showing().in_order()[: MOST_ROWS + 1])
    if not slots:
        raise Http404
    return render(
        request,
        "events/public/_map_doors.html",
        {
            "now": now,
            "venue": venue,
            "rows": rows_of(slots[:MOST_ROWS], now=now),
            "more": len(slots) > MOST_ROWS,
        },
    )
