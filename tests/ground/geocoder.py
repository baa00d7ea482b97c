"""A geocoder that a test stands up: it answers as the Géoplateforme does, or as a test wants it to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.ground.loopback import Loopback, Quiet


def feature(
    longitude: object = 1.4478,
    latitude: object = 43.6049,
    *,
    label: object = "27 Rue d’Aubuisson 31000 Toulouse",
    score: object = 0.97,
    citycode: str = "31555",
    **more: object,
) -> dict[str, Any]:
    """One of the answer's features, with what the Géoplateforme says of it."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
        "properties": {"label": label, "score": score, "citycode": citycode, "type": "housenumber", **more},
    }


@dataclass
class Geocoder(Loopback):
    """``features``: what it knows; ``body``: these bytes instead; ``stall``: seconds before it answers;
    ``drip``: seconds between bytes that never end."""

    features: list[dict[str, Any]] = field(default_factory=list)
    body: bytes | None = None
    status: int = 200
    stall: float = 0
    drip: float = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        geocoder = self

        class Handler(Quiet):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                geocoder.asked.append({name: values[0] for name, values in asked.items()})
                geocoder.over.wait(geocoder.stall)
                if geocoder.drip:
                    self.drip(geocoder.drip, geocoder.over)
                    return
                body = geocoder.body
                if body is None:
                    said = {"type": "FeatureCollection", "features": geocoder.features}
                    body = json.dumps(said).encode()
                self.answer(geocoder.status, body, Content_Type="application/json")

        self.listen(Handler)

    @property
    def url(self) -> str:
        return self.at("/geocodage/search")
