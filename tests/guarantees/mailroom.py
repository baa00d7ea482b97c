"""Mails owed, processes that deliver them, and what was seen of it: the ground of every proof about mail."""

from __future__ import annotations

import datetime as dt
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from events.mail.deliver import release_leases
from events.mail.outbox import owe
from events.models import Message
from tests import factories as f
from tests.ground.nursery import Child
from tests.ground.site import Site
from tests.ground.smtp import SmtpSink

PATIENTLY = """
from events.mail import tasks
from festival.celery import app

assert app.conf.broker_transport_options["socket_timeout"] == app.conf.broker_connection_timeout == 1.0
app.conf.broker_connection_timeout = tasks.HINT_EXPIRES_AFTER = 60
app.conf.broker_transport_options |= {"socket_timeout": 60, "socket_connect_timeout": 60}
"""
"""Before what gives a hint: one that a busy machine is too slow for is made good by a sweep, and none runs in
a test that only the hint can have served.
"""
HINT = PATIENTLY + "tasks.nudge()"
DELIVER = "from events.mail.deliver import deliver_due\nprint(deliver_due().counts)"


def states() -> dict[str, int]:
    """How many messages are in which state, read by this process beside the others."""
    return dict(Message.objects.order_by().values_list("status").annotate(number=Count("pk")))


def owe_mails(kind: str, number: int, *, first: int = 0) -> None:
    """The debts of one slot, in one transaction: to v0@example.org and so on."""
    with transaction.atomic():
        slot = f.SlotFactory()
        for index in range(first, first + number):
            registration = f.RegistrationFactory(slot=slot, visitor__email=f"v{index}@example.org")
            owe(
                kind=kind,
                dedupe_key=f"{kind}:{index}:0",
                recipient=f"v{index}@example.org",
                locale="fr",
                now=timezone.now(),
                registration=registration,
                visitor=registration.visitor,
                context={"rule": "D-1", "day": slot.day.isoformat()},
            )


def end_the_leases() -> int:
    """Two minutes later, without the wait."""
    Message.objects.filter(status="sending").update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    return release_leases()


def ready_worker(site: Site) -> subprocess.Popen[str] | Child:
    """A Celery worker that listens: a hint given before would be too old when it comes."""
    sign = site.var_dir / f"worker-{time.monotonic()}"
    worker = site.celery(
        *("worker", "-c", "1", "--without-gossip", "--without-mingle"), env={"FESTIVAL_READY_SIGN": str(sign)}
    )
    wait_for(sign.exists)
    return worker


def wait_for(what: Any, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)


def at_best(measure: Callable[[], bool], tries: int = 20) -> bool:
    """Whether it takes no longer than it may, once in so many tries: a busy machine adds time and takes none
    away.
    """
    return any(measure() for _try in range(tries))


def how_often(sink: SmtpSink) -> Counter[str]:
    return Counter(mail.message["Message-ID"] for mail in sink.received)


# ── Time made shorter ─────────────────────────────────────────────────────────────────────────────────────

HURRY = """
import datetime as dt, os, sys
from events.mail import deliver
from festival.celery import app

assert deliver.LEASE == dt.timedelta(seconds=120)
deliver.LEASE = dt.timedelta(seconds=float(os.environ.get("LEASE", "6")))
for name in ("deliver_due", "release_leases", "owe_reminders", "expire"):
    tick = app.conf.beat_schedule[f"events.{name}"]
    tick["schedule"] = tick["options"]["expires"] = tick["schedule"] / 20
"""
"""Leases and sweeps twenty times as short, in a process of the site. A test in which nobody dies says
`LEASE`: who is stopped for six seconds by a busy machine has lost a short one.
"""

CELERY = HURRY + "app.start(['--quiet', *sys.argv[1:]])"
LIFE_BOAT = HURRY + "from django.core.management import call_command; call_command('drain_outbox', '--loop')"


def hurried_celery(site: Site, *arguments: str) -> subprocess.Popen[str] | Child:
    """`hurried_celery(site, "worker", "-c", "1")`: Celery with leases and sweeps twenty times as short.

    What it says goes to a file: see `leases_that_ran_out`.
    """
    return start_telling(site, CELERY, *arguments)


def start_telling(site: Site, script: str, *arguments: str) -> subprocess.Popen[str] | Child:
    """A worker of the site that goes on; what it and its children say goes to the file of `told`."""
    told = (
        "import os; told = os.open(os.environ['TOLD'], os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
        "os.dup2(told, 1); os.dup2(told, 2)\n"
    )
    environment = {"FESTIVAL_PROCESS": "worker", "C_FORCE_ROOT": "1", "TOLD": str(site.var_dir / "told.log")}
    return site.start_python(told + script, *arguments, env=environment)


def leases_that_ran_out(site: Site) -> int:
    """How often a worker found, when a mail had left, that it had been too slow for its lease: then it is in
    doubt though nobody died.
    """
    file = site.var_dir / "told.log"
    return file.read_text(errors="replace").count("ran out while it was sent") if file.exists() else 0


def hurried_worker(site: Site) -> subprocess.Popen[str] | Child:
    """One worker process, which takes two to kill."""
    return hurried_celery(site, "worker", "-c", "1", "--without-gossip", "--without-mingle")


def hurried_beat(site: Site) -> subprocess.Popen[str] | Child:
    """One beat with a schedule file of its own."""
    file = site.var_dir / f"beat-{time.monotonic()}"
    return hurried_celery(site, "beat", "-s", str(file), "--pidfile", "")


def names_in_doubt(sink: SmtpSink) -> set[str]:
    """The Message-IDs that came more than once."""
    return {name for name, times in how_often(sink).items() if times > 1}
