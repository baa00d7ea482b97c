"""A filtered search with the numbers beside its choices, over 200,000 slots and over 1,500.

Two sites on one PostgreSQL, two web processes each, no page kept; asked in turns, each question another one.
"""

from __future__ import annotations

import os
import resource
import time
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.bench_programme import AT_ONCE, _together
from benchmarks.ground import Ground, Load, Ratio, Report, Request, load
from events.models import Slot
from events.programme import index_at, shelf
from events.programme.index import build_index, count_places
from tests.ground.site import Site

ROUNDS = 5
MIDDLE = 1_500
QUESTIONS = (
    "?q=robots",
    "?q=ateliers+robots&places=1",
    "?q=atelier&moment=soir",
    "?ville=toulouse&places=2",
    "?ville=lyon&moment=matin&acces=mi",
    "?thematique=robotics&langue=en",
    "?format=workshop&public=everyone&mode=first_come",
    "?autour=48.853,2.349,2&places=1",
    "?q=conference&ville=paris",
    "?acces=mi&acces=hi&moment=apres-midi",
    "?q=visites&autour=45.764,4.836,5",
    "?langue=en&places=4&moment=midi",
)
MOST_QUERIES = 8
MOST_MS = 150


def run(ground: Ground) -> Report:
    """p95 of a search at 200,000 slots, in ms and against 1,500; queries; what the index costs."""
    counted = {"PROGRAMME_COUNTS_SECONDS": "2"}
    with ground.site(_middle, **counted) as middle:
        middle.serve()
        with ground.site(_heritage, **counted) as large:
            return measure(middle, large)


def measure(middle: Site, large: Site) -> Report:
    """:param large: whose database this process is connected to."""
    index = _index()
    queries = _queries()
    large.serve()
    of_middle, of_large = _in_turns(middle, large)
    p95 = of_large.quantile(0.95)
    return Report(
        [
            Ratio("p95 of a search over 200,000 slots, ms", p95 * 1000, at_most=MOST_MS),
            Ratio("p95 with 200,000 slots against 1,500", p95 / of_middle.quantile(0.95), at_most=3),
            Ratio("queries of a search over 200,000 slots", max(queries.values()), at_most=MOST_QUERIES),
        ],
        {
            "index": index,
            "queries": queries,
            "1500": of_middle.summary(),
            "200000": of_large.summary(),
        },
    )


def _heritage(site: Site) -> None:
    site.manage("load_demo", "--scale", "heritage", timeout=900)
    _analyse()


def _middle(site: Site) -> None:
    site.manage("load_demo", "--scale", "national", timeout=900)
    shown = Slot.objects.filter(state=Slot.State.PUBLISHED).order_by("activity__host", "pk")
    beyond = list(shown.values_list("pk", flat=True)[MIDDLE:])
    Slot.objects.filter(pk__in=beyond).update(state=Slot.State.DRAFT)
    _analyse()


def _analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _index() -> dict[str, Any]:
    """Seconds of processor and megabytes of the index, and of counting the places again."""
    before = _megabytes()
    begun = time.process_time()
    index = build_index(timezone.now())
    built = time.process_time()
    count_places(index)
    counted = time.process_time()
    return {
        "slots": index.size,
        "build_cpu_s": round(built - begun, 2),
        "places_cpu_s": round(counted - built, 2),
        "process_grew_mb": round(_megabytes() - before),
        "peak_of_process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _megabytes() -> float:
    """What this process holds in memory now (Linux)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _queries() -> dict[str, int]:
    found = {}
    with override_settings(PROGRAMME_COUNTS_SECONDS=600):
        shelf.forget()
        index_at(timezone.now())
        for question in QUESTIONS:
            caches["fast"].clear()
            with CaptureQueriesContext(connection) as captured:
                response = Client().get(f"/programme/{question}")
            assert response.status_code == 200, question
            found[question] = len(captured)
        shelf.forget()
    return found


def _in_turns(middle: Site, large: Site) -> tuple[Load, Load]:
    requests = [
        Request("GET", f"/programme/{question}", headers={"Accept-Language": "fr"}) for question in QUESTIONS
    ]
    results: dict[Any, list[Load]] = {middle: [], large: []}
    for site in (middle, large):
        load(site.url, requests * 2, at_once=AT_ONCE * 2)
    for _round in range(ROUNDS):
        for site in (middle, large):
            results[site].append(load(site.url, requests * 2, at_once=AT_ONCE))
    return _together(results[middle]), _together(results[large])
