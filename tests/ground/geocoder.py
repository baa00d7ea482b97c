"""A geocoder that a test stands up: it answers as the Géoplateforme does, or as a test wants it to."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


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
class Geocoder:
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
        self.over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                geocoder.asked.append({name: values[0] for name, values in asked.items()})
                geocoder.over.wait(geocoder.stall)
                if geocoder.drip:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    while not geocoder.over.wait(geocoder.drip):
                        self.wfile.write(b" ")
                        self.wfile.flush()
                    return
                body = geocoder.body
                if body is None:
                    said = {"type": "FeatureCollection", "features": geocoder.features}
                    body = json.dumps(said).encode()
                self.send_response(geocoder.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/geocodage/search"

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
