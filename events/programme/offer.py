"""What there is to choose from in the whole programme."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.core.cache import caches
from django.db import transaction
from django.db.models import Count

from events.models import Festival, Format, Programme
from events.programme.filters import Filters
from events.programme.matches import matching
from events.programme.tallies import DEFAULT_ZONE

FACETS_KEY = "programme:facets"
FACETS_SECONDS = 60


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
    """What upcoming slots offer, in order. Two queries, kept for a minute where there is a cache."""
    kept = caches["fast"].get(FACETS_KEY)
    if isinstance(kept, Facets):
        return kept
    fresh = _facets(now)
    caches["fast"].set(FACETS_KEY, fresh, FACETS_SECONDS)
    return fresh


def forget_facets() -> None:
    """Have the next page look afresh, once the transaction that published something stands.

    Where no cache answers there is nothing to forget. Whoever counted just before may still keep the old
    choice for ``FACETS_SECONDS``.
    """
    transaction.on_commit(lambda: caches["fast"].delete(FACETS_KEY))


def _facets(now: dt.datetime) -> Facets:
    territories: Counter[tuple[str, str, str, str]] = Counter()
    days: set[dt.date] = set()
    formats: set[str] = set()
    rows = (
        matching(Filters(), now)
        .values_list(
            "activity__territory__sort_name",
            "activity__territory__slug",
            "activity__territory__name",
            "activity__territory__timezone",
            "day",
            "activity__format",
        )
        .annotate(slots=Count("pk"))
        .order_by()
    )
    for sort_name, slug, name, zone, day, form, slots in rows:
        territories[(sort_name, slug, name, zone)] += slots
        days.add(day)
        formats.add(form)
    programmes = Programme.objects.filter(festival__state=Festival.State.PUBLISHED).values_list(
        "slug", "name"
    )
    return Facets(
        territories=[
            Choice(slug, name, slots) for (_s, slug, name, _z), slots in sorted(territories.items())
        ],
        days=sorted(days),
        formats=[code for code in Format.values if code in formats],
        programmes=[Choice(slug, name) for slug, name in dict(programmes.order_by("name")).items()],
        zones={slug: zone for _sort, slug, _name, zone in territories},
    )
