"""The sheet the map is drawn on, and the same for the script that moves it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from events.programme import Filters
from events.programme.marks import position_at
from events.templatetags.festival.faces import is_served
from events.views.clusters import DEEPEST_ZOOM, Box, Spot, frame_of, zoom_of
from events.views.coast import CORSICA, FINEST_ZOOM, MAINLAND
from events.views.map_places import Place
from events.views.sketch import HEIGHT, WIDTH, Scale, place_labels, place_on, sketch_of, walks_between
from events.wording import NB, say_distance

LEAST_UNDER_A_NAME = 60
"""From the upper edge of the sheet to the doors under the name of a city, so that the name is whole."""
SCALE_PLACE = {"scale_y": HEIGHT - 24, "scale_text_y": HEIGHT - 32}


def sheet_of(box: Box, places: list[Place]) -> dict[str, Any]:
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


def for_the_script(filters: Filters, box: Box | None, places: list[Place]) -> dict[str, Any]:
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
            **drawn(places, zoom_of(box, WIDTH)),
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


def drawn(places: list[Place], zoom: float) -> dict[str, Any]:
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
