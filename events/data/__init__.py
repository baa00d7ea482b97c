"""The sourced facts of the project: editions, events, venues, visits. Knows no model and no database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
FACTS = FOLDER / "festival_facts.json"
COMMUNITY_EVENTS = FOLDER / "toulouse_community_events.csv"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read. ``url`` is empty where none is known; it may name a repository, not a page."""

    key: str
    title: str
    url: str = ""
    note: str = ""

    def as_json(self) -> dict[str, str]:
        """For a ``sources`` field: ``{"key", "title", "url"?, "note"?}``."""
        parts = {"key": self.key, "title": self.title, "url": self.url, "note": self.note}
        return {name: text for name, text in parts.items() if text}


@cache
def facts() -> dict[str, Any]:
    """The whole file, as it stands. Do not change what you are given."""
    loaded: dict[str, Any] = json.loads(FACTS.read_text("utf-8"))
    return loaded


@cache
def sources() -> dict[str, Source]:
    """Every source by its key."""
    return {
        key: Source(key, title=said["title"].strip(), url=said.get("url", ""), note=said.get("note", ""))
        for key, said in facts()["sources"].items()
    }


def sources_of(fact: dict[str, Any]) -> list[Source]:
    """The sources a fact names, in its order. Raises ``KeyError`` on one that the file does not describe."""
    return [sources()[key] for key in fact["source"]]


@cache
def any_fact(identifier: str) -> dict[str, Any]:
    """An edition or an event by its identifier, such as ``edi-001``. Raises ``KeyError``."""
    for kind in ("editions", "festival_events"):
        for fact in facts()[kind]:
            if fact["id"] == identifier:
                found: dict[str, Any] = fact
                return found
    raise KeyError(identifier)


@cache
def venue_fact(identifier: str) -> dict[str, Any]:
    """A real venue by its identifier, such as ``ven-001``. Raises ``KeyError``."""
    for venue in facts()["venues"]:
        if venue["id"] == identifier:
            found: dict[str, Any] = venue
            return found
    raise KeyError(identifier)
