"""The programme's page over 600 slots: against a hello-world view, in bytes, and on a slow telephone.

The site runs as in production, two web processes on PostgreSQL with a broker. The yardstick is `/hello/`
behind the same middleware in the same processes, asked in turns with the page; a second pair of processes
keeps nothing at all. Requests ask for gzip as browsers do, so compressing is part of the price.
"""

import gzip
import re
import statistics
from typing import Any

from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, sync_playwright

from benchmarks.ground import Ground, Load, Ratio, Report, Request, load
from events.models import Slot
from tests.ground.needs import chromium
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer

PAGE = "/programme/"
SLOTS = 600
AT_ONCE = 16
TURNS = 3
ASKED = {"hello": 1500, "kept": 400, "drawn": 60}
"""Requests in one turn."""
READER = {"Accept-Encoding": "gzip", "Accept-Language": "fr"}
LEAST_KEPT, LEAST_DRAWN = 0.06, 0.012
MOST_BYTES, MOST_STATIC_BYTES = 60_000, 120_000
PAINTS = 5
MOST_SECONDS = 1.0
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
"""Milliseconds of one round trip; bytes a second."""
SLOW_CPU = 4
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def run(ground: Ground) -> Report:
    """The page as deployed and with every cache off, its weight, its first paint."""
    broker = ValkeyServer()
    deployed = {
        "REDIS_URL": broker.url,
        "FESTIVAL_MODE": "production",
        "SECRET_KEY": "k7#Rb2!vXq9@Lw4$Tn8^Zc3&Hj6*Pm1(Gs5)Fd0_Ye-only-a-benchmark",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "benchmarks.floor.hello",
        "LOG_LEVEL": "WARNING",
    }
    try:
        with ground.site(_six_hundred, **deployed) as site:
            site.manage("collectstatic", "--noinput", "--verbosity", "0")
            site.serve()
            bare = Site(site.database_url)
            bare.environment |= {**deployed, "DJANGO_SETTINGS_MODULE": "benchmarks.floor.uncached"}
            bare.environment["VAR_DIR"] = str(site.var_dir)
            try:
                bare.serve()
                kept = _in_turns(site, ASKED["kept"])
                drawn = _in_turns(bare, ASKED["drawn"])
            finally:
                bare.close()
            weight, statics = _weigh(site)
            paints = _paint(site)
    finally:
        broker.remove()
    return Report(
        [
            _ratio("as deployed", kept, LEAST_KEPT),
            _ratio("with every cache off", drawn, LEAST_DRAWN),
            Ratio("bytes of the page, compressed", weight, at_most=MOST_BYTES),
            Ratio(
                "bytes of its style and scripts, compressed", sum(statics.values()), at_most=MOST_STATIC_BYTES
            ),
            Ratio(
                "seconds to its first paint on a slow telephone",
                statistics.median(paints),
                at_most=MOST_SECONDS,
            ),
        ],
        {
            "as_deployed": {name: [one.summary() for one in loads] for name, loads in kept.items()},
            "every_cache_off": {name: [one.summary() for one in loads] for name, loads in drawn.items()},
            "static_bytes": statics,
            "first_paint_seconds": paints,
        },
    )


def _six_hundred(site: Site) -> None:
    """So many slots to come, over the whole country."""
    site.manage("load_demo", "--scale", "national", env={"FESTIVAL_MODE": "test"})
    coming = Slot.objects.filter(state="published", activity__festival__is_demo=True)
    shown = list(coming.order_by("pk").values_list("pk", flat=True))[:: max(1, coming.count() // SLOTS)]
    coming.exclude(pk__in=shown[:SLOTS]).update(state="draft")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _in_turns(site: Site, number: int) -> dict[str, list[Load]]:
    """Page and yardstick, one after the other, several times."""
    page, hello = Request("GET", PAGE, headers=READER), Request("GET", "/hello/", headers=READER)
    loads: dict[str, list[Load]] = {"page": [], "hello": []}
    for request, warm in ((hello, 100), (page, 20)):
        load(site.url, [request] * warm, at_once=AT_ONCE)
    for _turn in range(TURNS):
        loads["hello"].append(load(site.url, [hello] * ASKED["hello"], at_once=AT_ONCE))
        loads["page"].append(load(site.url, [page] * number, at_once=AT_ONCE))
    for one in (*loads["page"], *loads["hello"]):
        assert set(one.statuses) == {200}, one.summary()
        assert one.errors == 0, one.summary()
    return loads


def _ratio(how: str, loads: dict[str, list[Load]], least: float) -> Ratio:
    page, hello = (statistics.median(one.per_second for one in loads[name]) for name in ("page", "hello"))
    return Ratio(
        f"programme pages per second {how}, of the hello-world view's ({page:.0f} of {hello:.0f})",
        page / hello,
        at_least=least,
    )


def _weigh(site: Site) -> tuple[int, dict[str, int]]:
    """Bytes of the page and, by address, of what it has the browser read besides, under gzip."""
    page = Client().get(PAGE, headers={"host": "127.0.0.1"}).content
    found = re.findall(r'(?:<script[^>]* src|<link[^>]*rel="stylesheet"[^>]* href)="([^"]+)"', page.decode())
    statics = {}
    for address in found:
        with open(str(finders.find(address.removeprefix("/static/"))), "rb") as file:
            statics[address] = len(gzip.compress(file.read(), 6))
    return len(gzip.compress(page, 6)), statics


def _paint(site: Site) -> list[float]:
    """Seconds from asking to the first contentful paint, each time with nothing in the browser's cache."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        try:
            _first_paint(browser, site.url + PAGE)
            return [_first_paint(browser, site.url + PAGE) for _time in range(PAINTS)]
        finally:
            browser.close()


def _first_paint(browser: Browser, address: str) -> float:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="fr-FR")
    page = context.new_page()
    devtools: Any = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_CPU})
    page.goto(address)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    at = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return float(at) / 1000
