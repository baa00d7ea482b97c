"""The opening minute: whole visits, many for few places of one slot, ten thousand in a minute.

Everything runs on this machine: PostgreSQL that waits for its disk, two web processes, the visitors. Pages
are asked for as browsers do, compressed, each visitor on a connection of its own.
"""

from __future__ import annotations

import statistics

from benchmarks.bench_booking import bare_bookings, serve_floor
from benchmarks.ground import Ground, Ratio, Report, load
from benchmarks.processor import processor_ms
from benchmarks.visitors import Seen, arrivals, flows
from events.models import Registration, Slot
from tests.factories import SlotFactory
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer

AT_ONCE = 32
TURNS, FLOWS, BARE = 3, 400, 1_000
RUNS, CROWD, FEW = 3, 200, 20
VISITORS, MINUTE, SLOTS, PLACES = 10_000, 60.0, 100, 20
"""Two thousand places in all."""


def run(ground: Ground) -> Report:
    """Flows against the bare view; 200 for 20; 10,000 in a minute, with Redis and with it stopped."""
    broker = ValkeyServer()
    environment = {
        "REDIS_URL": broker.url,
        "TRUSTED_PROXY_COUNT": "1",
        "QUICK_PAGE_SECONDS": "1",
        "LINE_PATIENCE": "2",
    }
    try:
        with ground.site(**environment) as site:
            web = site.serve()
            whole, bare, spent = take_turns(ground, site, web.pid)
            few = [many_for_few(site, number) for number in range(RUNS)]
            minute = opening_minute(site, 1)
            broker.stop()
            without = opening_minute(site, 2)
    finally:
        broker.remove()
    flows_rate = statistics.median(one.won / one.seconds for one in whole)
    bare_rate = statistics.median(bare)
    each = {who: statistics.median(one[who] for one in spent) for who in spent[0]}
    said = ", ".join(f"{who} {ms:.2f}" for who, ms in each.items())
    return Report(
        [
            Ratio(
                f"whole visits per second ({flows_rate:.0f}) of the bare view's requests ({bare_rate:.0f})",
                flows_rate / bare_rate,
                at_least=0.10,
            ),
            Ratio(
                f"processor time of a whole visit, ms ({said})",
                sum(each.values()),
            ),
            Ratio(
                f"{CROWD} at once for {FEW} places: places given, least of {RUNS}",
                min(seen.won for seen, _ in few),
                at_least=FEW,
            ),
            Ratio("the same: places given, most", max(taken for _, taken in few), at_most=FEW),
            Ratio(
                "the same: seconds to the last answer, worst",
                max(seen.seconds for seen, _ in few),
                at_most=2,
            ),
            Ratio("the same: answers 5xx or none", sum(_failed(seen) for seen, _ in few), at_most=0),
            *_minute("10,000 in a minute for 2,000 places", minute),
            *_minute("the same with Redis stopped", without),
        ],
        {
            "whole_visits": [one.summary() for one in whole],
            "bare_view_per_second": [round(rate, 1) for rate in bare],
            "processor_ms_of_a_visit": spent,
            "many_for_few": [seen.summary() for seen, _ in few],
            "opening_minute": minute[0].summary(),
            "opening_minute_without_redis": without[0].summary(),
        },
    )


def take_turns(
    ground: Ground, site: Site, web: int
) -> tuple[list[Seen], list[float], list[dict[str, float]]]:
    """Whole visits and the bare view, one after the other, several times; and who spent what on a visit."""
    slots = [SlotFactory(capacity=50_000).pk for _ in range(20)]
    whole, bare, spent = [], [], []
    by = {"web": web, "PostgreSQL": ground.server.pid}
    with serve_floor(ground) as floor:
        flows(site.url, slots, 100, at_once=AT_ONCE, first=1_000_000)
        load(floor, bare_bookings(200), at_once=AT_ONCE)
        for turn in range(TURNS):
            bare.append(load(floor, bare_bookings(BARE), at_once=AT_ONCE).per_second)
            first = 2_000_000 + turn * FLOWS
            with processor_ms(done=FLOWS, by=by) as ms:
                seen = flows(site.url, slots, FLOWS, at_once=AT_ONCE, first=first)
            assert seen.won == FLOWS, seen.summary()
            whole.append(seen)
            spent.append(ms)
    return whole, bare, spent


def many_for_few(site: Site, number: int) -> tuple[Seen, int]:
    """200 open the form of one slot with 20 places and send it, all at once; and what the slot says then."""
    slot = SlotFactory(capacity=FEW)
    seen = flows(site.url, [slot.pk], CROWD, at_once=CROWD, first=3_000_000 + number * CROWD)
    slot.refresh_from_db()
    booked = Registration.objects.filter(slot=slot, status="confirmed").count()
    waiting = Registration.objects.filter(slot=slot).exclude(status="confirmed").count()
    assert (slot.taken, waiting) == (booked, 0), (slot.taken, booked, waiting)
    return seen, slot.taken


def opening_minute(site: Site, seed: int) -> tuple[Seen, int]:
    """Ten thousand who did not ask whether the site keeps up; and the places given above what there is.

    Other people each time: slots made here all take place at the same hour, so whoever came before would be
    asked to choose between two visits, and costs half as much again.
    """
    slots = [SlotFactory(capacity=PLACES).pk for _ in range(SLOTS)]
    seen = arrivals(site.url, slots, VISITORS, within=MINUTE, seed=seed, first=4_000_000 + seed * VISITORS)
    too_many = 0
    for slot in Slot.objects.filter(pk__in=slots):
        booked = Registration.objects.filter(slot=slot, status="confirmed").count()
        assert slot.taken == booked, (slot.pk, slot.taken, booked)
        too_many += max(0, booked - PLACES)
    return seen, too_many


def _failed(seen: Seen) -> int:
    return seen.errors + sum(count for status, count in seen.statuses.items() if status >= 500)


def _minute(name: str, measured: tuple[Seen, int]) -> list[Ratio]:
    seen, too_many = measured
    answers = sum(seen.statuses.values())
    busy = seen.statuses[503]
    return [
        Ratio(f"{name}: places too many", too_many, at_most=0),
        Ratio(
            f"{name}: places given ({seen.won}) of those there are", seen.won / (SLOTS * PLACES), at_most=1
        ),
        Ratio(
            f"{name}: 5xx without Retry-After, or no answer",
            _failed(seen) - busy + seen.without_retry_after,
            at_most=0,
        ),
        Ratio(f"{name}: share of 503 with Retry-After", busy / max(1, answers), at_most=0.01),
        Ratio(f"{name}: p95 of {answers} answers, seconds", seen.quantile(0.95), at_most=1),
    ]
