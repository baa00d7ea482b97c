"""What there is to choose from in the whole programme."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from events.models import Format
from events.programme.index import Index
from events.programme.shelf import index_at, tell_change
from events.programme.tallies import DEFAULT_ZONE


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its code in the query string, its name, and how many slots it has."""

    code: str
    name: str
    slots: int = 0


@dataclass(frozen=True, slots=True)
class Facets:
    """What there is to choose from in the whole programme."""

    territories: list[Choice]
    days: list[dt.date]
    formats: list[str]
    programmes: list[Choice]
    zones: dict[str, str]
    """Territory slug → IANA time zone."""

    def territory(self, slug: str) -> Choice | None:
        return next((choice for choice in self.territories if choice.code == slug), None)

    def zone_of(self, slug: str) -> str:
        return self.zones.get(slug, DEFAULT_ZONE)


def facets(now: dt.datetime) -> Facets:
    """What upcoming slots offer, in order, as it was some seconds ago."""
    return facets_of(index_at(now), now)


def facets_of(index: Index, now: dt.datetime) -> Facets:
    coming = index.standing & index.upcoming(now)
    slots = {slug: (one & coming).bit_count() for slug, one in index.sets["place"].items()}
    return Facets(
        territories=[
            Choice(slug, name, slots[slug]) for slug, name, _zone in index.territories if slots[slug]
        ],
        days=[dt.date.fromisoformat(day) for day, one in index.sets["day"].items() if one & coming],
        formats=[code for code in Format.values if index.sets["format"][code] & coming],
        programmes=[Choice(slug, name) for slug, name in index.programmes],
        zones={slug: zone for slug, _name, zone in index.territories if slots[slug]},
    )


def forget_facets() -> None:
    """Have the next pages look afresh, once the transaction that published something stands."""
    tell_change()
