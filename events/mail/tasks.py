"""Celery's door to the delivery of mail: thin, pinned names, safe to run twice."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass

from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone

from events.mail import deliver
from events.mail.heartbeat import beat
from events.mail.lanes import deliver_in_lanes

logger = logging.getLogger(__name__)

HINT_ONCE_IN = 0.2
"""Seconds: a hint just given covers the mails owed right after it; a task takes all that is due when it
starts."""
HINT_EXPIRES_AFTER = 10
"""Seconds: after that the sweep has done it."""
SPELL = 4.0
"""Seconds: the workers are few, and what else beat asks for must not wait behind fifteen thousand
reminders."""
REST_AFTER_FAILURE = 30.0
"""Seconds without a hint after the broker failed: a hung one costs one time-out, not one a booking."""


@shared_task(name="events.deliver_due", ignore_result=True)
def deliver_due() -> None:
    """Send what is due, for a spell: then other sweeps have their turn, and the next spell goes on."""
    report = deliver_in_lanes(seconds=SPELL)
    beat("deliver_due", timezone.now())
    if report.is_cut_short:
        hint("events.deliver_due")


@shared_task(name="events.release_leases", ignore_result=True)
def release_leases() -> None:
    """Take back what a worker left when it died."""
    deliver.release_leases()
    beat("release_leases", timezone.now())


@dataclass
class _Breaker:
    """What this process remembers of its last hints (monotonic seconds)."""

    last_hint: float = float("-inf")
    resting_until: float = float("-inf")


_breaker = _Breaker()


def nudge() -> None:
    """Hint to Celery that mail is due. Never relied on, never raises, never waits more than a second."""
    now = time.monotonic()
    if now - _breaker.last_hint < HINT_ONCE_IN:
        return
    _breaker.last_hint = now
    hint("events.deliver_due")


def hint(task: str) -> None:
    """Ask Celery for a task by its name; as ``nudge``, which leaves out what it has just asked for."""
    if time.monotonic() < _breaker.resting_until or not _has_broker():
        return
    try:
        current_app.send_task(task, retry=False, expires=HINT_EXPIRES_AFTER, ignore_result=True)
    except Exception as error:
        # kombu's errors are no ConnectionError, redis' are no kombu errors: whatever it is, the sweep will
        # do it.
        _breaker.resting_until = time.monotonic() + REST_AFTER_FAILURE
        logger.warning("No hint to the worker: %s. The sweep does it.", type(error).__name__)


def _has_broker() -> bool:
    """Whether somebody could hear: a Redis is set, or the embedded broker's socket is there."""
    return bool(settings.REDIS_URL) or os.path.exists(settings.BROKER_SOCKET)
