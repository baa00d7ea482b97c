"""A register of companies that a test stands up: it answers as the State's search does, or as one wants."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.ground.loopback import Loopback, Quiet


def company(siren: str = "552100554", **more: object) -> dict[str, Any]:
    """One of the answer's results, with a part of what the search says of it."""
    return {
        "siren": siren,
        "nom_complet": "LES ROBOTS DU CANAL (LRC)",
        "etat_administratif": "A",
        "siege": {"siret": f"{siren}00013", "adresse": "27 RUE D'AUBUISSON 31000 TOULOUSE"},
        **more,
    }


@dataclass
class Registry(Loopback):
    """``results``: what it finds; ``body``: these bytes instead; ``asked``: the numbers it was asked for."""

    results: list[dict[str, Any]] = field(default_factory=list)
    body: bytes | None = None
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        registry = self

        class Handler(Quiet):
            def do_GET(self) -> None:
                registry.asked.append(parse_qs(urlsplit(self.path).query)["q"][0])
                said = {"results": registry.results, "total_results": len(registry.results)}
                body = registry.body if registry.body is not None else json.dumps(said).encode()
                self.answer(registry.status, body, Content_Type="application/json")

        self.listen(Handler)

    @property
    def url(self) -> str:
        return self.at("/search")
