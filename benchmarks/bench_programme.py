"""The programme's page with 5,000 slots beside the same page with 150: time, queries, bytes.

Two sites on one PostgreSQL, two web processes each, asked in turns so that a busy moment of the machine falls
on both.
"""

import gzip
import re
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.ground import Ground, Load, Ratio, Report, Request, load
from events.programme import index_at, shelf
from tests.ground.site import Site

ROUNDS = 6
REQUESTS_A_ROUND = 40
AT_ONCE = 2
NAMES = ("the programme", "its second page", "a search")
MOST_QUERIES = 8
MOST_BYTES = 60_000


def run(ground: Ground) -> Report:
    """p95 of the page without a question, of the next one, of a search; queries and bytes of the large."""
    counted = {"PROGRAMME_COUNTS_SECONDS": "2"}
    with ground.site(_small, **counted) as small:
        small.serve()
        with ground.site(_national, **counted) as large:
            paths = _paths()
            queries, sizes = _look_at(paths)
            large.serve()
            loads = {path: _in_turns(small, large, path) for path in paths}
    worst = {
        path: large_load.quantile(0.95) / small_load.quantile(0.95)
        for path, (small_load, large_load) in loads.items()
    }
    return Report(
        [
            *(
                Ratio(f"p95 with 5,000 slots against 150, {name}", ratio, at_most=2)
                for name, ratio in zip(NAMES, worst.values(), strict=True)
            ),
            Ratio(
                "queries with 5,000 slots, nothing in the cache", max(queries.values()), at_most=MOST_QUERIES
            ),
            Ratio("bytes of the page, compressed", max(sizes.values()), at_most=MOST_BYTES),
        ],
        {
            "queries": queries,
            "bytes_compressed": sizes,
            "loads": {
                path: {"150": small_load.summary(), "5000": large_load.summary()}
                for path, (small_load, large_load) in loads.items()
            },
        },
    )


def _small(site: Site) -> None:
    site.manage("load_demo", "--scale", "small")


def _national(site: Site) -> None:
    site.manage("load_demo", "--scale", "national")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _paths() -> list[str]:
    """The page without a question, the one after it, and a search."""
    first = Client().get("/programme/").content.decode()
    onward = re.search(r'href="(/programme/\?apres=[^"]+)" rel="next"', first)
    assert onward, "5,000 slots fit on one page"
    return ["/programme/", onward[1], "/programme/?q=atelier&places=1"]


def _look_at(paths: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """By address: queries with an empty cache where the programme has been counted, and bytes under gzip."""
    queries, sizes = {}, {}
    with override_settings(PROGRAMME_COUNTS_SECONDS=600):
        shelf.forget()
        index_at(timezone.now())
        for path in paths:
            caches["fast"].clear()
            with CaptureQueriesContext(connection) as captured:
                response = Client().get(path)
            assert response.status_code == 200, path
            queries[path] = len(captured)
            sizes[path] = len(gzip.compress(response.content, 6))
        shelf.forget()
    return queries, sizes


def _in_turns(small: Site, large: Site, path: str) -> tuple[Load, Load]:
    """The same page of both sites, by turns; the second page of both starts at the large site's cursor."""
    results: dict[Any, list[Load]] = {small: [], large: []}
    request = [Request("GET", path, headers={"Accept-Language": "fr"})]
    for site in (small, large):
        load(site.url, request * 10, at_once=AT_ONCE)
    for _round in range(ROUNDS):
        for site in (small, large):
            results[site].append(load(site.url, request * REQUESTS_A_ROUND, at_once=AT_ONCE))
    return _together(results[small]), _together(results[large])


def _together(loads: list[Load]) -> Load:
    statuses: dict[int, int] = {}
    for one in loads:
        for status, count in one.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    assert set(statuses) == {200}, statuses
    return Load(
        [time for one in loads for time in one.times],
        statuses,
        sum(one.errors for one in loads),
        sum(one.seconds for one in loads),
        sum(one.bytes_received for one in loads),
    )
