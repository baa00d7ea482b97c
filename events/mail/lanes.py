"""Several mails on their way at once out of one worker: while one waits for the disk or the relay's word,
the next is written.

A lane is what a worker is, in a thread: a connection to the database and one to the relay of its own, claims
under tokens of its own. So what holds for workers beside each other holds for lanes, and PostgreSQL waits for
the disk once for all that stand there. The first is the worker itself; others open while more is due than it
takes at once. SQLite has one writer and gets one lane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.mail import relay
from events.mail.deliver import FIRST_BATCH, Report, deliver_due
from events.models import Message


def deliver_in_lanes(*, seconds: float) -> Report:
    """``deliver_due`` for so many seconds at most, by as many lanes as what is due is worth.

    Raises what a lane raised, once all have ended.
    """
    lanes = [_Lane(seconds) for _number in range(_worth_while())]
    for lane in lanes:
        lane.start()
    try:
        report = deliver_due(seconds=seconds)
    finally:
        for lane in lanes:
            lane.join()
    for lane in lanes:
        report.add(lane.result())
    return report


def _worth_while() -> int:
    """How many lanes beside the first."""
    more = settings.MAIL_LANES - 1
    if more < 1 or connection.vendor != "postgresql":
        return 0
    now = timezone.now()
    waiting = Message.objects.due(now).values_list("pk", flat=True)
    many = waiting[FIRST_BATCH : FIRST_BATCH * more + 1 : FIRST_BATCH]
    return 0 if relay.why_paused(now) else len(many)


class _Lane(threading.Thread):
    """Delivers beside the others and closes its connection."""

    def __init__(self, seconds: float) -> None:
        super().__init__(name="mail lane", daemon=True)
        self._seconds = seconds
        self.result: Callable[[], Report] = Report

    def run(self) -> None:
        try:
            report = deliver_due(seconds=self._seconds)
            self.result = lambda: report
        except Exception as error:
            self.result = _raising(error)
        finally:
            connection.close()


def _raising(error: Exception) -> Callable[[], Report]:
    def result() -> Report:
        raise error

    return result
