"""A booking among a million registrations against one among a thousand.

Two sites on one PostgreSQL, asked in turns. What is compared is the processor time of the web processes and
of PostgreSQL for each booking, which other work on the machine disturbs less than the clock.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import psutil
from django.db import connection
from django.utils import timezone

from benchmarks.bench_booking import AT_ONCE, bookings, open_form
from benchmarks.ground import Ground, Ratio, Report, load
from tests.factories import SlotFactory
from tests.ground.site import Site

FEW, MANY = 1_000, 1_000_000
SLOTS = 20
"""Slots of which bookings are measured; the others lie in ``A_SLOT`` registrations each."""
A_SLOT = 50
ROUNDS, BOOKINGS = 9, 300
ENVIRONMENT = {"TRUSTED_PROXY_COUNT": "1", "RATE_LIMIT_FACTOR": "1000"}

SLOTS_OF_OTHERS = """
INSERT INTO events_slot (activity_id, day, start_time, fold, duration, timezone, starts_at, ends_at, capacity,
    overbook, taken, held, reserved, waiting, waiting_list_open, state, revision, cancelled_by_host,
    cancel_reason, external_id, created_at)
SELECT activity_id, day, start_time, fold, duration, timezone, starts_at + n * interval '1 minute',
    ends_at + n * interval '1 minute', %(places)s, 0, %(places)s, 0, 0, 0, true, state, 0, false, '', '',
    created_at
FROM events_slot, generate_series(1, %(slots)s) n WHERE id = %(like)s
"""
VISITORS = """
INSERT INTO events_visitor (email, mailbox, locale, link_nonce, link_hash, created_at)
SELECT 'crowd-' || n || '@example.org', 'crowd-' || n || '@example.org', 'fr', md5(n::text),
    md5(n::text) || md5('hash' || n), %(now)s
FROM generate_series(1, %(number)s) n
"""
REGISTRATIONS = """
INSERT INTO events_registration (slot_id, visitor_id, reference, submission_id, submission_hash, party_size,
    name, locale, status, revision, hold, pool, created_at, confirmed_at, cancelled_by)
SELECT %(first_slot)s + n / %(places)s, %(first_visitor)s + n, upper(substr(md5('r' || n), 1, 12)),
    md5('s' || n)::uuid,
    md5(n::text) || md5(n::text), 1, '', 'fr', 'confirmed', 0, '', '', %(now)s, %(now)s, ''
FROM generate_series(0, %(number)s - 1) n
"""
MESSAGES = """
INSERT INTO events_message (kind, dedupe_key, recipient, locale, priority, registration_id, context, subject,
    text_body, html_body, message_id, status, next_attempt_at, attempts, handed_over, last_answer, created_at,
    sent_at)
SELECT 'confirmation', 'confirm:' || id || ':0', 'crowd@example.org', 'fr', 2, id, '{}', '', '', '',
    '<' || id || '@example.org>', 'sent', %(now)s, 1, 0, '', %(now)s, %(now)s
FROM events_registration
"""


def run(ground: Ground) -> Report:
    """Median processor time of a booking, large site against small."""
    with ground.site(lambda site: fill(FEW), **ENVIRONMENT) as small:
        few = _bookable()
        small.serve()
        with ground.site(lambda site: fill(MANY), **ENVIRONMENT) as large:
            many = _bookable()
            large.serve()
            turns = _in_turns(ground, {small.url: (small, few), large.url: (large, many)})
    cost = {url: statistics.median(costs) for url, costs in turns.items()}
    return Report(
        [
            Ratio(
                f"processor time of a booking among {MANY:,} registrations against {FEW:,}",
                cost[large.url] / cost[small.url],
                at_most=1.10,
            )
        ],
        {
            "ms_a_booking": {
                str(FEW): [round(1000 * one, 3) for one in turns[small.url]],
                str(MANY): [round(1000 * one, 3) for one in turns[large.url]],
            }
        },
    )


def fill(number: int) -> None:
    """So many confirmed registrations, each with its visitor and its mail sent, always the same rows."""
    like = SlotFactory(capacity=A_SLOT)
    said: dict[str, Any] = {
        "number": number,
        "now": timezone.now(),
        "places": A_SLOT,
        "slots": -(-number // A_SLOT),
    }
    with connection.cursor() as cursor:
        # The rows are right: checking each foreign key would take longer than writing them.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(SLOTS_OF_OTHERS, {**said, "like": like.pk})
        cursor.execute("SELECT min(id) FROM events_slot WHERE id > %s", [like.pk])
        (first_slot,) = cursor.fetchone()
        cursor.execute(VISITORS, said)
        cursor.execute("SELECT min(id) FROM events_visitor")
        (first_visitor,) = cursor.fetchone()
        cursor.execute(REGISTRATIONS, {**said, "first_slot": first_slot, "first_visitor": first_visitor})
        cursor.execute(MESSAGES, said)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM (ANALYZE, FREEZE)")
        cursor.execute("CHECKPOINT")


def _bookable() -> list[int]:
    return [SlotFactory(capacity=50_000).pk for _ in range(SLOTS)]


def _in_turns(ground: Ground, sites: dict[str, tuple[Site, list[int]]]) -> dict[str, list[float]]:
    """Seconds of processor time for one booking, by round; a first round warms up and does not count."""
    costs: dict[str, list[float]] = {url: [] for url in sites}
    forms = {url: open_form(url, slots[0]) for url, (_site, slots) in sites.items()}
    for number in range(ROUNDS + 1):
        for url, (_site, slots) in sites.items():
            before = _spent(ground)
            done = load(url, bookings(forms[url], slots, BOOKINGS), at_once=AT_ONCE)
            assert done.statuses == {302: BOOKINGS}, done.summary()
            time.sleep(0.2)  # what is written behind the answer
            if number:
                costs[url].append((_spent(ground) - before) / BOOKINGS)
    return costs


def _spent(ground: Ground) -> float:
    """Processor seconds so far of PostgreSQL's sessions and of every web process started here."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            name = " ".join(process.cmdline())
            if "gunicorn" in name or name.startswith("postgres: postgres "):
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total
