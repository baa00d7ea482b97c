"""Mail against a plain smtplib loop, fifteen thousand reminders beside a site that still answers, and what
mail costs where it should cost nothing: a million registrations with nothing due, a booking with Redis hung.

The floor is one connection, kept open, and the same body each time; the sink is the same for both. Everything
shares the cores of this machine, so what is compared is measured in turns.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import smtplib
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
from django.conf import settings
from django.db import connection
from django.utils import timezone

from benchmarks.bench_booking import bookings, open_form
from benchmarks.bench_growth import FEW, MANY, fill
from benchmarks.ground import Ground, Load, Ratio, Report, Request, load
from events.mail.compose import compose
from events.mail.wire import on_the_wire
from events.models import Message, Registration, ReminderRule, Visitor
from events.reminders import owe_reminders
from tests import factories as f
from tests.ground.ports import free_port
from tests.ground.site import ROOT, Site
from tests.ground.valkey import ValkeyServer

SLOTS = 100
TURNS, A_TURN = 3, 2_000
"""Mails in one turn, by each of both ways."""
MANY_REMINDERS = 15_000
BESIDE_PER_SECOND, BESIDE_SECONDS = 20, 15
"""Pages asked for while they leave, and before."""

SINK = """
import sys, time
from aiosmtpd.controller import Controller

class Sink:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"

Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]), ready_timeout=30).start()
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def run(ground: Ground) -> Report:
    """In turns against smtplib; fifteen thousand in one go; a sweep over a million; Redis hung."""
    parts = [delivery(ground), the_rest(ground)]
    ratios = [ratio for part in parts for ratio in part.ratios]
    return Report(ratios, {name: seen for part in parts for name, seen in part.measured.items()})


def delivery(ground: Ground) -> Report:
    """In turns against smtplib."""
    broker = ValkeyServer()
    try:
        with sink() as port:
            floor, ours, speed = against_smtplib(ground, broker, port)
    finally:
        broker.remove()
    return Report(
        [
            Ratio(
                f"mails per second by a worker of two ({statistics.median(ours):.0f}) of a smtplib loop's "
                f"({statistics.median(floor):.0f})",
                statistics.median(ours) / statistics.median(floor),
                at_least=0.60,
            )
        ],
        {
            "smtplib_per_second": [round(one, 1) for one in floor],
            "worker_per_second": [round(one, 1) for one in ours],
            **speed,
        },
    )


def the_rest(ground: Ground) -> Report:
    """Fifteen thousand in one go; a sweep over a million; Redis hung."""
    broker = ValkeyServer()
    try:
        with sink() as port:
            before, during, in_one_go = many_at_once(ground, broker, port)
        sweeps = sweeps_with_nothing_due(ground)
        usual, hung = bookings_with_redis_hung(ground, broker)
    finally:
        broker.remove()
    typical = statistics.median(usual)
    slower = sorted((one - typical for one in hung), reverse=True)
    return Report(
        [
            Ratio(
                f"p95 of pages while {MANY_REMINDERS:,} reminders are owed and sent ({_p95(during)}) "
                f"against before ({_p95(before)})",
                during.quantile(0.95) / before.quantile(0.95),
                at_most=2,
            ),
            Ratio("the same: answers 5xx or none", _failed(during), at_most=0),
            Ratio(
                f"milliseconds of a sweep over {MANY:,} registrations with nothing due, the whole one",
                1000 * max(sweeps["whole"]),
                at_most=200,
            ),
            Ratio("the same, the usual one", 1000 * max(sweeps["usual"]), at_most=200),
            Ratio("seconds by which the slowest booking is slower with Redis hung", slower[0], at_most=1.2),
            Ratio("the same: the third slowest, as there are two web processes", slower[2], at_most=0.2),
        ],
        {
            "pages_before": before.summary(),
            "pages_while_mail_leaves": during.summary(),
            "fifteen_thousand": in_one_go,
            "sweep_ms": {name: [round(1000 * one, 1) for one in times] for name, times in sweeps.items()},
            "bookings_ms": [round(1000 * one, 1) for one in usual],
            "bookings_with_redis_hung_ms": [round(1000 * one, 1) for one in hung],
        },
    )


PARTS = {"delivery": delivery, "rest": the_rest}


# Against smtplib --------------------------------------------------------------------------------------------


def against_smtplib(
    ground: Ground, broker: ValkeyServer, port: int
) -> tuple[list[float], list[float], dict[str, Any]]:
    """Mails per second by the loop and by the worker, by turn; the size of a mail."""
    with ground.site(REDIS_URL=broker.url, EMAIL_URL=f"smtp://127.0.0.1:{port}") as site:
        Edition().book(A_TURN // 10)
        owe_reminders(timezone.now())
        body = a_body()
        start_worker(site)
        until_sent(site)
        floor, ours, spent = [], [], []
        for _turn in range(TURNS):
            floor.append(by_smtplib(port, body))
            Edition().book(A_TURN)
            assert owe_reminders(timezone.now()) == A_TURN
            before = _spent(ground)
            ours.append(A_TURN / until_sent(site))
            spent.append(1000 * (_spent(ground) - before) / A_TURN)
        floor.append(by_smtplib(port, body))
    return (
        floor,
        ours,
        {"bytes_of_a_mail": len(body), "processor_ms_a_mail": [round(one, 2) for one in spent]},
    )


def by_smtplib(port: int, body: bytes) -> float:
    """Mails per second by the plainest loop there is."""
    with smtplib.SMTP("127.0.0.1", port) as line:
        begun = time.perf_counter()
        for number in range(A_TURN):
            line.sendmail("festival@example.org", [f"crowd-{number}@example.org"], body)
        return A_TURN / (time.perf_counter() - begun)


def a_body() -> bytes:
    """A reminder as it goes over the wire."""
    message = Message.objects.select_related("registration__slot", "visitor").first()
    assert message is not None
    return on_the_wire(compose(message, now=timezone.now()))


def until_sent(site: Site) -> float:
    """Hint to the worker as every debt does, and wait until nothing is owed: seconds."""
    begun = time.perf_counter()
    for _process in range(2):
        hint("events.deliver_due", site)
    while Message.objects.filter(status__in=["pending", "sending"]).exists():
        assert time.perf_counter() - begun < 300, list(Message.objects.values_list("status").distinct())
        time.sleep(0.05)
    return time.perf_counter() - begun


# Fifteen thousand -------------------------------------------------------------------------------------------


def many_at_once(ground: Ground, broker: ValkeyServer, port: int) -> tuple[Load, Load, dict[str, Any]]:
    """Pages at a steady pace, alone and while the sweep owes and the worker sends; and how long it takes."""
    environment = {"REDIS_URL": broker.url, "EMAIL_URL": f"smtp://127.0.0.1:{port}", "WORKER_NICE": "10"}
    with ground.site(**environment) as site:
        edition = Edition()
        edition.book(MANY_REMINDERS)
        site.serve()
        pages = [Request("GET", f"/creneaux/{slot.pk}/") for slot in edition.slots]
        pages = [pages[number % SLOTS] for number in range(BESIDE_PER_SECOND * BESIDE_SECONDS)]
        load(site.url, pages[: 2 * SLOTS], at_once=4)
        before = at_a_pace(site.url, pages)
        start_worker(site)
        begun = time.perf_counter()
        hint("events.owe_reminders", site)
        during = at_a_pace(site.url, pages)
        beats = 0
        while Message.objects.filter(status="sent").count() < MANY_REMINDERS:
            assert time.perf_counter() - begun < 600
            beats += 1
            if beats % 10 == 0:
                hint("events.deliver_due", site)
            time.sleep(1)
        seconds = time.perf_counter() - begun
    return before, during, {"seconds": round(seconds, 1), "per_second": round(MANY_REMINDERS / seconds, 1)}


def at_a_pace(url: str, pages: list[Request]) -> Load:
    """The pages one after the other, so many a second, whether or not the one before was answered."""
    result = Load([], {}, 0, 0.0, 0)
    lock = threading.Lock()

    def ask(page: Request) -> None:
        one = load(url, [page], at_once=1)
        with lock:
            result.times += one.times
            result.errors += one.errors
            for status, number in one.statuses.items():
                result.statuses[status] = result.statuses.get(status, 0) + number

    begun = time.perf_counter()
    threads = []
    for number, page in enumerate(pages):
        time.sleep(max(0.0, begun + number / BESIDE_PER_SECOND - time.perf_counter()))
        threads.append(threading.Thread(target=ask, args=(page,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - begun
    return result


def _p95(seen: Load) -> str:
    return f"{1000 * seen.quantile(0.95):.0f} ms"


def _failed(seen: Load) -> int:
    return seen.errors + sum(number for status, number in seen.statuses.items() if status >= 500)


# Nothing due, and no Redis ----------------------------------------------------------------------------------


def sweeps_with_nothing_due(ground: Ground) -> dict[str, list[float]]:
    """Seconds of the sweep that owes reminders, over everything and of the last minutes; the first warms
    up."""
    times: dict[str, list[float]] = {"whole": [], "usual": []}
    with ground.site(lambda site: fill(MANY)):
        now = timezone.now()
        owe_reminders(now)
        for turn in range(1, 6):
            at = now + dt.timedelta(minutes=turn)
            for name, since in (("whole", None), ("usual", at - dt.timedelta(minutes=6))):
                begun = time.perf_counter()
                assert owe_reminders(at, since=since) == 0
                times[name].append(time.perf_counter() - begun)
        assert Registration.objects.count() >= MANY > FEW
    return times


def bookings_with_redis_hung(ground: Ground, broker: ValkeyServer) -> tuple[list[float], list[float]]:
    """Seconds of single bookings one after the other, before Redis hangs and while it does."""
    environment = {"REDIS_URL": broker.url, "TRUSTED_PROXY_COUNT": "1", "RATE_LIMIT_FACTOR": "1000"}
    with ground.site(**environment) as site:
        slots = [f.SlotFactory(capacity=50_000).pk for _ in range(2)]
        site.serve()
        form = open_form(site.url, slots[0])
        load(site.url, bookings(form, slots, 40), at_once=4)
        usual = load(site.url, bookings(form, slots, 60), at_once=1)
        broker.freeze()
        try:
            hung = load(site.url, bookings(form, slots, 60), at_once=1)
        finally:
            broker.thaw()
        assert usual.statuses == hung.statuses == {302: 60}, (usual.summary(), hung.summary())
    return usual.times, hung.times


# The ground -------------------------------------------------------------------------------------------------


class Edition:
    """An edition tomorrow, with a rule that has fallen due, and as many visitors as one asks for."""

    def __init__(self) -> None:
        self.now = timezone.now()
        festival = f.FestivalFactory(
            name="Festival French Tech Toulouse", quiet_from=dt.time(8), quiet_until=dt.time(8)
        )
        territory = f.TerritoryFactory(name="Toulouse")
        ReminderRule.objects.create(festival=festival, name="H-72", lead_hours=72, minimum_lead_hours=0)
        day = (self.now + dt.timedelta(days=2)).date()
        self.slots = [
            f.SlotFactory(
                activity=f.ActivityFactory(
                    festival=festival,
                    host__territory=territory,
                    venue=f.VenueFactory(territory=territory, latitude=43.6, longitude=1.44),
                    description_fr="Un robot apprend à désherber sans rien abîmer. " * 10,
                    meeting_point="Porte de gauche",
                ),
                day=day,
                start_time=dt.time(8 + number % 12, number // 12 * 5),
                capacity=50_000,
            )
            for number in range(SLOTS)
        ]

    def book(self, number: int) -> None:
        """So many visitors more, a place each, booked a week ago."""
        first, ago = Visitor.objects.count(), self.now - dt.timedelta(days=7)
        emails = [f"crowd-{first + index}@example.org" for index in range(number)]
        visitors = [Visitor(email=email, mailbox=email, locale="fr") for email in emails]
        for visitor in visitors:
            visitor.link_hash = uuid.uuid4().hex * 2
        Registration.objects.bulk_create(
            [
                Registration(
                    slot=self.slots[index % SLOTS],
                    visitor=visitor,
                    reference=f"{first + index:012d}",
                    submission_id=uuid.uuid4(),
                    submission_hash="0" * 64,
                    party_size=1,
                    name="Camille Martin",
                    status="confirmed",
                    created_at=ago,
                    confirmed_at=ago,
                )
                for index, visitor in enumerate(Visitor.objects.bulk_create(visitors))
            ]
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """The port of an SMTP server in a process of its own that takes everything."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SINK, str(port)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"ready"
        yield port
    finally:
        process.terminate()
        process.wait(10)


def start_worker(site: Site) -> None:
    """`celery worker -c 2`, ready when this returns."""
    sign = site.var_dir / "worker-is-ready"
    site.celery(
        *("worker", "-c", "2", "--without-gossip", "--without-mingle"), env={"FESTIVAL_READY_SIGN": str(sign)}
    )
    until = time.monotonic() + 60
    while not sign.exists():
        assert time.monotonic() < until
        time.sleep(0.1)


def hint(task: str, site: Site) -> None:
    """As the site asks its worker for a task."""
    from celery import Celery

    with Celery(broker=site.environment["REDIS_URL"]) as app:
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        app.send_task(task, ignore_result=True, queue=settings.CELERY_TASK_DEFAULT_QUEUE)


def _spent(ground: Ground) -> float:
    """Processor seconds so far of PostgreSQL's sessions and the worker's processes."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            name = " ".join(process.cmdline())
            if "celery" in name or name.startswith("postgres: postgres "):
                times = process.cpu_times()
                total += times.user + times.system
    return total
