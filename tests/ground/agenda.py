"""An agenda's server that a test stands up: pages of JSON with an ETag, or whatever a test wants of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class AgendaServer:
    """``events``: the agenda; ``size`` of them on a page (0: all), gone through by ``after[]``.

    ``body``: these bytes instead; ``move``: addresses redirected to from every path but theirs; ``drip``:
    seconds between bytes that never end; ``drop_after``: pages after which it hangs up.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    body: bytes | None = None
    status: int = 200
    move: str = ""
    drip: float = 0
    drop_after: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        agenda = self
        self.over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                agenda.asked.append((self.path, headers))
                if agenda.drop_after and len(agenda.asked) > agenda.drop_after:
                    return
                if agenda.drip:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    while not agenda.over.wait(agenda.drip):
                        self.wfile.write(b" ")
                        self.wfile.flush()
                    return
                if agenda.move and not self.path.startswith("/moved"):
                    self.send_response(302)
                    self.send_header("Location", agenda.move)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = agenda.page(self.path)
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                if agenda.status == 200 and headers.get("if-none-match") == etag:
                    self.send_response(304)
                    self.end_headers()
                    return
                self.send_response(agenda.status)
                self.send_header("ETag", etag)
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
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def page(self, path: str) -> bytes:
        if self.body is not None:
            return self.body
        after = parse_qs(urlsplit(path).query).get("after[]", ["0"])
        begin = int(after[-1])
        some = self.events[begin : begin + self.size] if self.size else self.events
        end = begin + len(some)
        more = [str(end)] if end < len(self.events) else []
        return json.dumps({"total": len(self.events), "events": some, "after": more}).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/agendas/1/events.v2.json?size=300"

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


def event(
    uid: str, days: int = 1, *, city: str = "Labège", title: str = "Visite", **more: Any
) -> dict[str, Any]:
    """An event with so many timings, one a day from 1 June 2027 on."""
    timings = [
        {"begin": f"2027-06-{day:02d}T14:00:00+02:00", "end": f"2027-06-{day:02d}T15:00:00+02:00"}
        for day in range(1, days + 1)
    ]
    return {
        "uid": uid,
        "title": {"fr": title},
        "organisateur": "Hôte",
        "location": {"city": city},
        "timings": timings,
        **more,
    }
