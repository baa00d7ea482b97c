"""Parts of the map of 17,000 venues with 200,000 slots, from all of France to a street: bytes, time, queries.

One site on PostgreSQL, two web processes, as deployed: with its cache, which holds for 30 seconds which venue
of a question has how many (docs/map.md). No page and no answer is kept. Without any cache the parts that are
asked of the database by themselves, a city and smaller, are measured once more.
"""

from __future__ import annotations

import gzip
import random

from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.ground import Ground, Load, Ratio, Report, Request, load
from benchmarks.many_venues import fill
from events.views.cities import COMMUNES
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer

POINTS = "/programme/carte/points.json"
MOST_BYTES, MOST_MS, MOST_QUERIES = 100_000, 100, 4
VIEWS, AT_ONCE = 300, 2
QUESTIONS = ("", "jour=2027-06-11&", "moment=matin&places=1&", "q=visite&")
WIDE = {"France": 6, "a region": 8}
NARROW = {"a city": 11, "a quarter": 14, "a street": 17}


def run(ground: Ground) -> Report:
    """p95 of views at five scales, the heaviest view, its queries."""
    broker = ValkeyServer()
    try:
        with ground.site(lambda site: fill(), REDIS_URL=broker.url) as site:
            site.serve()
            usual = {name: _ask(site, zoom, QUESTIONS) for name, zoom in {**WIDE, **NARROW}.items()}
            sizes, queries = _look_at()
            broker.stop()
            bare = {name: _ask(site, zoom, QUESTIONS) for name, zoom in NARROW.items()}
            far = _ask(site, WIDE["France"], QUESTIONS, views=20)
    finally:
        broker.remove()
    return Report(
        [
            *(
                Ratio(f"p95 of {name}, milliseconds", _p95(one), at_most=MOST_MS)
                for name, one in usual.items()
            ),
            *(
                Ratio(f"p95 of {name} with no cache at all, milliseconds", _p95(one), at_most=MOST_MS)
                for name, one in bare.items()
            ),
            Ratio("bytes of the heaviest view, as written", max(sizes.values()), at_most=MOST_BYTES),
            Ratio("queries of a view, nothing in the cache", max(queries.values()), at_most=MOST_QUERIES),
        ],
        {
            "views": {name: one.summary() for name, one in usual.items()},
            "views_without_a_cache": {name: one.summary() for name, one in {**bare, "France": far}.items()},
            "bytes": sizes,
            "queries": queries,
        },
    )


def _frames(zoom: int, number: int) -> list[str]:
    """Parts as a map of 1000 × 700 points shows them, always the same: around cities, moved a little."""
    draw = random.Random(zoom)
    cities = list(COMMUNES.values())
    wide, high = 1000 * 360 / 256 / 2**zoom, 700 * 360 / 256 / 2**zoom * 0.7
    found = []
    for _view in range(number):
        latitude, longitude = (46.6, 2.5) if zoom <= WIDE["France"] else draw.choice(cities)
        latitude += draw.uniform(0, 0.1) + draw.uniform(-high, high) / 4
        longitude += draw.uniform(0, 0.15) + draw.uniform(-wide, wide) / 4
        edges = (latitude - high / 2, longitude - wide / 2, latitude + high / 2, longitude + wide / 2)
        found.append(",".join(f"{edge:.4f}" for edge in edges))
    return found


def _paths(zoom: int, number: int, questions: tuple[str, ...]) -> list[str]:
    return [
        f"{POINTS}?{questions[n % len(questions)]}cadre={frame}&zoom={zoom}"
        for n, frame in enumerate(_frames(zoom, number))
    ]


def _ask(site: Site, zoom: int, questions: tuple[str, ...], views: int = VIEWS) -> Load:
    """Every view is another one; the first ten warm the processes up and do not count."""
    requests = [
        Request("GET", path, headers={"Accept-Language": "fr"})
        for path in _paths(zoom, views + 10, questions)
    ]
    load(site.url, requests[:10], at_once=AT_ONCE)
    done = load(site.url, requests[10:], at_once=AT_ONCE)
    assert set(done.statuses) == {200}, done.summary()
    return done


def _p95(done: Load) -> float:
    return done.quantile(0.95) * 1000


def _look_at() -> tuple[dict[str, int], dict[str, int]]:
    """Bytes as written and under gzip of the heaviest of twenty views of each scale, and their queries."""
    sizes, queries = {}, {}
    for name, zoom in {**WIDE, **NARROW}.items():
        heaviest = b""
        for path in _paths(zoom, 20, ("",)):
            answer = Client().get(path).content
            heaviest = max(heaviest, answer, key=len)
        caches["fast"].clear()
        with CaptureQueriesContext(connection) as captured:
            Client().get(_paths(zoom, 1, ("",))[0])
        sizes[name], sizes[f"{name}, gzip"] = len(heaviest), len(gzip.compress(heaviest, 6))
        queries[name] = len(captured)
    return sizes, queries
