"""`manage.py drain_outbox --once|--loop`: the sweeps without Celery or Redis."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from events.follows import owe_follows
from events.jobs import (
    deliver_webhooks,
    draw_ballots,
    follow_agendas,
    forget,
    geocode,
    look_up_companies,
    owe_digests_in_turn,
    owe_reminders_in_turn,
    pass_places_on,
    sweep,
    watch_mail,
    work_on_jobs,
)
from events.mail.deliver import expire, release_leases
from events.mail.heartbeat import beat
from events.mail.lanes import deliver_in_lanes
from events.mail.tasks import SPELL
from events.management.telling import told

EVERY_SECONDS: dict[str, float] = {
    "deliver_due": 2.0,
    "deliver_webhooks": 5.0,
    "release_leases": 30.0,
    "owe_reminders": 60.0,
    "expire": 60.0,
    "pass_places_on": 30.0,
    "draw_ballots": 60.0,
    "geocode": 60.0,
    "look_up_companies": 60.0,
    "follow_agendas": 60.0,
    "owe_digests": 60.0,
    "owe_follows": 60.0,
    "watch_mail": 30.0,
    "forget": 6 * 3600.0,
}
ENDS_WITHIN = 5.0
"""Seconds a step of long work has to end; another process takes the job up after its lease otherwise."""


class Command(BaseCommand):
    help = "Owe the reminders that are due and send every mail that is: once, or on and on (the life-boat)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--once", action="store_true", help="until nothing is due, then end")
        how.add_argument("--loop", action="store_true", help="until SIGTERM or Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            done = sweep()
            self.stdout.write(told(owed=done.owed, report=done.report))
            return
        self.loop()

    def loop(self) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # Beside the sweeps, on a connection of its own: no mail waits until long work has ended.
        worker = threading.Thread(target=self.work, args=(stop,), daemon=True)
        worker.start()
        due = dict.fromkeys(EVERY_SECONDS, 0.0)
        while not stop.is_set():
            for name, every in EVERY_SECONDS.items():
                if time.monotonic() >= due[name] and not stop.is_set():
                    due[name] = time.monotonic() + every
                    if self.run_one(name):
                        due[name] = 0.0
            if all(due.values()):
                stop.wait(0.5)
        worker.join(timeout=ENDS_WITHIN)

    def work(self, stop: threading.Event) -> None:
        """Long work, as it is asked for; what can rest is given back when the life-boat ends."""
        while not stop.is_set():
            close_old_connections()
            try:
                work_on_jobs(timezone.now(), is_ending=stop.is_set)
            except DatabaseError as error:
                self.stderr.write(f"work_on_jobs: {error}".strip())
            stop.wait(2.0)
        connection.close()

    def run_one(self, name: str) -> bool:
        """One sweep, and whether it left something to go on with at once; a database that is away for a while
        must not end the life-boat."""
        close_old_connections()
        is_cut_short = False
        try:
            if name == "deliver_due":
                report = deliver_in_lanes(seconds=SPELL)
                if report.counts or report.paused:
                    self.stdout.write(told(report=report))
                is_cut_short = report.is_cut_short
            else:
                SWEEPS[name]()
            if name != "owe_reminders":
                beat(name, timezone.now())
        except DatabaseError as error:
            self.stderr.write(f"{name}: {error}".strip())
        return is_cut_short


SWEEPS: dict[str, Callable[[], object]] = {
    "deliver_webhooks": lambda: deliver_webhooks(timezone.now()),
    "release_leases": lambda: release_leases(),
    "owe_reminders": lambda: owe_reminders_in_turn(timezone.now()),
    "expire": lambda: expire(now=timezone.now()),
    "pass_places_on": lambda: pass_places_on(timezone.now()),
    "draw_ballots": lambda: draw_ballots(timezone.now()),
    "geocode": lambda: geocode(timezone.now()),
    "look_up_companies": lambda: look_up_companies(timezone.now()),
    "follow_agendas": lambda: follow_agendas(timezone.now()),
    "owe_digests": lambda: owe_digests_in_turn(timezone.now()),
    "owe_follows": lambda: owe_follows(timezone.now()),
    "watch_mail": lambda: watch_mail(timezone.now()),
    "forget": lambda: forget(timezone.now()),
}
