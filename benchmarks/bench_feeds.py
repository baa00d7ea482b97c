"""The feeds: how often the calendar of 600 slots goes out, what 200,000 slots cost who sends them.

Two web processes on PostgreSQL, no page kept anywhere. Memory is the most a web process held (VmHWM), the
time to the first byte that of the answer's first line.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.db import connection

from benchmarks.ground import Ground, Ratio, Report, Request, load
from events.models import Slot
from tests.ground.site import Site

CALENDAR_SLOTS, ALL_SLOTS = 600, 200_000
PRETALX_A_SECOND = 1.2
TIMES_PRETALX = 30
MOST_MEGABYTES = 200
MOST_SECONDS_TO_FIRST_BYTE = 3.0
KINDS = ("ics", "json", "csv", "geojson")
REQUESTS, AT_ONCE = 200, 8
"""So many readers at once that no process stands idle."""

COPIES = """
INSERT INTO events_slot (activity_id, venue_id, room_id, day, start_time, fold, duration, timezone, starts_at,
    ends_at, capacity, overbook, taken, held, reserved, waiting, waiting_list_open, state, revision,
    cancelled_by_host, cancel_reason, external_id, created_at, changed_ms)
SELECT activity_id, venue_id, room_id, day, start_time, fold, duration, timezone,
    starts_at + n * interval '1 second', ends_at + n * interval '1 second', capacity, overbook, taken, 0,
    0, 0, true, state, 0, false, '', '', created_at, changed_ms
FROM (SELECT * FROM events_slot WHERE state = 'published' ORDER BY id) slot, generate_series(1, %(times)s) n
LIMIT %(wanted)s
"""


def run(ground: Ground) -> Report:
    """Answers in a second of the small site, bytes of memory and seconds of the large one."""
    with ground.site(lambda site: fill(site, "small", CALENDAR_SLOTS)) as small:
        small.serve()
        calendar = [Request("GET", "/programme.ics")]
        load(small.url, calendar * 8, at_once=AT_ONCE)
        often = load(small.url, calendar * REQUESTS, at_once=AT_ONCE)
        assert set(often.statuses) == {200}, often.statuses
    with ground.site(lambda site: fill(site, "national", ALL_SLOTS)) as large:
        web = large.serve()
        whole = {kind: fetch(large.url, f"/programme.{kind}") for kind in KINDS}
        unchanged = fetch(large.url, "/programme.ics", etag=whole["ics"]["etag"])
        megabytes = most_held(web.pid)
    return Report(
        [
            Ratio(
                f"calendar of {CALENDAR_SLOTS} slots, answers in a second, times pretalx's",
                often.per_second / PRETALX_A_SECOND,
                at_least=TIMES_PRETALX,
            ),
            Ratio(f"megabytes of a web process after {ALL_SLOTS:,} slots", megabytes, at_most=MOST_MEGABYTES),
            *(
                Ratio(
                    f"seconds to the first byte of {ALL_SLOTS:,} slots, {kind}",
                    whole[kind]["first"],
                    at_most=MOST_SECONDS_TO_FIRST_BYTE,
                )
                for kind in KINDS
            ),
        ],
        {"calendar": often.summary(), "whole": whole, "not_modified": unchanged, "megabytes": megabytes},
    )


def fill(site: Site, scale: str, number: int) -> None:
    """The demonstration edition with its published slots copied until there are so many."""
    site.manage("load_demo", "--scale", scale, timeout=300)
    there = Slot.objects.published().count()
    with connection.cursor() as cursor:
        cursor.execute(COPIES, {"times": number // there + 1, "wanted": number - there})
        cursor.execute("ANALYZE")


def fetch(url: str, path: str, *, etag: str = "") -> dict[str, Any]:
    """One answer read to its end and thrown away: status, ETag, seconds to its first line and to its end."""
    parts = urlsplit(url)
    begun = time.perf_counter()
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=300) as wire:
        known = f"If-None-Match: {etag}\r\n" if etag else ""
        wire.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{known}Connection: close\r\n\r\n".encode()
        )
        head = wire.recv(65536)
        first = time.perf_counter() - begun
        size = len(head)
        while piece := wire.recv(1 << 20):
            size += len(piece)
    said = head.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
    tags = [line.partition(": ")[2] for line in said if line.lower().startswith("etag:")]
    return {
        "status": int(said[0].split(" ")[1]),
        "etag": tags[0] if tags else "",
        "first": round(first, 3),
        "seconds": round(time.perf_counter() - begun, 2),
        "bytes": size,
    }


def most_held(pid: int) -> float:
    """The most any process of the server ever held, in megabytes (VmHWM of proc(5))."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    held = 0
    for process in processes:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                held = max(held, int(line.split()[1]))
    return round(held / 1024, 1)
