"""The map on which a venue's position is put: tiles that MAP_TILES_URL names, once asked for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Avg

from events.models import Territory
from events.templatetags.festival.faces import is_served


@dataclass(frozen=True, slots=True)
class TileMap:
    """``host``: who is asked for the tiles; ``centre``: "latitude,longitude" of the territory's venues, or
    empty.
    """

    tiles: str
    host: str
    centre: str


def map_of(territory: Territory) -> TileMap | None:
    """None without tiles or without Leaflet: the two fields do without a map."""
    if not settings.MAP_TILES_URL or not is_served("leaflet/leaflet.js"):
        return None
    middle = territory.venues.aggregate(latitude=Avg("latitude"), longitude=Avg("longitude"))
    known = middle["latitude"] is not None
    return TileMap(
        tiles=settings.MAP_TILES_URL,
        host=urlsplit(settings.MAP_TILES_URL).hostname or "",
        centre=f"{middle['latitude']:.5f},{middle['longitude']:.5f}" if known else "",
    )
