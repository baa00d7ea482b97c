"""A whole booking against the least it can cost: the same insert and conditional update in a bare view.

Both are served by gunicorn with two processes on one PostgreSQL that waits for its disk, with connections
kept open, and are measured in turns, so that what else the machine does weighs on both. The festival's POST
is all included: session, CSRF, form, limits, the owed confirmation, the hint to a real broker.
"""

import contextlib
import http.client
import os
import re
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.ground import Ground, Load, Ratio, Report, Request, load
from events.models import Message, Registration, Slot
from tests.factories import SlotFactory
from tests.ground.ports import free_port
from tests.ground.postgres import execute
from tests.ground.site import ROOT, Site
from tests.ground.valkey import ValkeyServer

AT_ONCE = 32
SLOTS = 20
PLACES = 50_000
BOOKINGS = 1_000
"""Requests in one turn."""
TURNS = 4
TARGET = 0.50
MOST_STATEMENTS = 12


def run(ground: Ground) -> Report:
    """`POST /creneaux/<pk>/inscription/`, 32 at once, against the floor measured beside it."""
    broker = ValkeyServer()
    environment = {"REDIS_URL": broker.url, "TRUSTED_PROXY_COUNT": "1", "RATE_LIMIT_FACTOR": "1000"}
    try:
        with ground.site(**environment) as site, serve_floor(ground) as floor:
            slots = [SlotFactory(capacity=PLACES).pk for _ in range(SLOTS)]
            statements = count_statements(slots[0])
            site.serve()
            form = open_form(site.url, slots[0])
            warm_up(site, form, slots, floor)
            ours, least = take_turns(site, form, slots, floor)
            one_slot = load(site.url, bookings(form, slots[:1], BOOKINGS), at_once=AT_ONCE)
            check_that_all_was_booked([*ours, one_slot], least, slots)
    finally:
        broker.remove()
    rates = [load.per_second for load in ours]
    floors = [load.per_second for load in least]
    ratio = statistics.median(rates) / statistics.median(floors)
    return Report(
        [
            Ratio(
                f"bookings per second of the bare view's ({statistics.median(rates):.0f} of "
                f"{statistics.median(floors):.0f})",
                ratio,
                at_least=TARGET,
            ),
            Ratio("SQL statements of a booking", statements, at_most=MOST_STATEMENTS),
        ],
        {
            "bookings": [load.summary() for load in ours],
            "bare_view": [load.summary() for load in least],
            "all_in_one_slot": one_slot.summary(),
            "sql_statements_per_booking": statements,
        },
    )


def take_turns(site: Site, form: "Form", slots: list[int], floor: str) -> tuple[list[Load], list[Load]]:
    """The festival and the floor, one after the other, several times."""
    ours, least = [], []
    for _ in range(TURNS):
        least.append(load(floor, bare_bookings(BOOKINGS), at_once=AT_ONCE))
        ours.append(load(site.url, bookings(form, slots, BOOKINGS), at_once=AT_ONCE))
    return ours, least


def warm_up(site: Site, form: "Form", slots: list[int], floor: str) -> None:
    """Both have loaded their code and opened their connections before anything is measured."""
    load(site.url, bookings(form, slots, 200), at_once=AT_ONCE)
    load(floor, bare_bookings(200), at_once=AT_ONCE)


def check_that_all_was_booked(ours: list[Load], least: list[Load], slots: list[int]) -> None:
    """Speed without the places is worth nothing. Raises ``AssertionError``."""
    for one in [*ours, *least]:
        assert one.statuses == {302: BOOKINGS}, one.summary()
        assert one.errors == 0, one.summary()
    taken = sum(Slot.objects.filter(pk__in=slots).values_list("taken", flat=True))
    booked = Registration.objects.filter(slot__in=slots, status="confirmed").count()
    assert taken == booked == Message.objects.filter(kind=Message.Kind.CONFIRMATION).count()


# What is sent -----------------------------------------------------------------------------------------------


class Form:
    """The cookie and the hidden token of a booking page somebody has opened."""

    def __init__(self, cookie: str, token: str) -> None:
        self.cookie, self.token = cookie, token


def open_form(url: str, slot: int) -> Form:
    """GET the page as a browser does."""
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    with contextlib.closing(client):
        client.request("GET", f"/creneaux/{slot}/inscription/", headers={"X-Forwarded-For": "10.0.0.1"})
        answer = client.getresponse()
        page = answer.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    cookie = re.search(r"csrftoken=[^;]+", answer.headers.get("Set-Cookie", ""))
    assert answer.status == 200, page[:500]
    assert token, "no CSRF token on the booking page"
    assert cookie, "no CSRF cookie with the booking page"
    return Form(cookie[0], token[1])


def bookings(form: Form, slots: list[int], number: int) -> list[Request]:
    """Bookings of as many people, each from a network of its own, over the slots in turn."""
    return [
        Request(
            "POST",
            f"/creneaux/{slots[index % len(slots)]}/inscription/",
            body_of(csrfmiddlewaretoken=form.token),
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": form.cookie,
                "X-Forwarded-For": f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}",
            },
        )
        for index in range(number)
    ]


def bare_bookings(number: int) -> list[Request]:
    """The same for the floor."""
    return [
        Request(
            "POST",
            f"/{index % SLOTS + 1}/",
            body_of(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        for index in range(number)
    ]


def body_of(**more: str) -> bytes:
    """A form with an address and a submission nobody has used."""
    submission = uuid.uuid4()
    return urlencode(
        {"email": f"{submission.hex}@example.org", "party_size": 1, "submission_id": submission, **more}
    ).encode()


def count_statements(slot: int) -> int:
    """SQL statements of one booking, in this process, the transaction's BEGIN and COMMIT left out."""
    client = Client()
    with CaptureQueriesContext(connection) as captured:
        answer = client.post(
            f"/creneaux/{slot}/inscription/",
            {"email": "statements@example.org", "party_size": 1, "submission_id": str(uuid.uuid4())},
        )
    assert answer.status_code == 302, answer.status_code
    said = [query["sql"].split()[0].upper() for query in captured.captured_queries]
    return sum(word not in ("BEGIN", "COMMIT") for word in said)


# The floor --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serve_floor(ground: Ground) -> Iterator[str]:
    """The bare view on a database of its own beside the festival's; its address."""
    name = "bench_floor"
    execute(ground.server.url("postgres"), f"CREATE DATABASE {name}")
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": ground.server.url(name),
        "DJANGO_SETTINGS_MODULE": "benchmarks.floor.settings",
        "PYTHONPATH": str(ROOT),
    }
    lay = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "from benchmarks.floor.models import Slot\n"
        "call_command('migrate', run_syncdb=True, verbosity=0)\n"
        f"Slot.objects.bulk_create([Slot(capacity={PLACES}) for _ in range({SLOTS})])\n"
    )
    subprocess.run([sys.executable, "-c", lay], cwd=ROOT, env=environment, check=True)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "benchmarks.floor.wsgi", "--worker-class", "gthread"),
            *("--workers", "2", "--threads", "4", "--no-control-socket"),
            *("--bind", f"127.0.0.1:{port}", "--log-level", "warning"),
        ],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(15)
        execute(ground.server.url("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


def wait_for(port: int) -> None:
    """Until it answers, at most half a minute."""
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            with contextlib.closing(client):
                client.request("GET", "/readyz")
                if client.getresponse().status == 200:
                    return
        assert time.monotonic() < until, "the bare view does not answer"
        time.sleep(0.1)
