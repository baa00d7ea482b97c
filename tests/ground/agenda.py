"""An agenda's server that a test stands up: pages of JSON with an ETag, or whatever a test wants of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.ground.loopback import Loopback, Quiet


@dataclass
class AgendaServer(Loopback):
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

        class Handler(Quiet):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                agenda.asked.append((self.path, headers))
                if agenda.drop_after and len(agenda.asked) > agenda.drop_after:
                    return
                if agenda.drip:
                    self.drip(agenda.drip, agenda.over)
                    return
                if agenda.move and not self.path.startswith("/moved"):
                    self.answer(302, b"", Location=agenda.move)
                    return
                body = agenda.page(self.path)
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                if agenda.status == 200 and headers.get("if-none-match") == etag:
                    self.send_response(304)
                    self.end_headers()
                    return
                self.answer(agenda.status, body, ETag=etag, Content_Type="application/json")

        self.listen(Handler)

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
        return self.at("/agendas/1/events.v2.json?size=300")


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
