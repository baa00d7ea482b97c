"""How the mail relay does: one row that every worker reads before it claims anything."""

from __future__ import annotations

import datetime as dt
import logging

from django.db.models import F

from events.models import RelayState

logger = logging.getLogger(__name__)

FIRST_PAUSE = dt.timedelta(seconds=15)
LONGEST_PAUSE = dt.timedelta(minutes=5)


def why_paused(now: dt.datetime) -> str:
    """Why nothing is handed to the relay now; empty when it may be tried."""
    state = RelayState.objects.filter(pk=1, paused_until__gt=now).first()
    return (state.reason or "paused") if state else ""


def pause(*, now: dt.datetime, reason: str) -> None:
    """Leave the relay alone for a while, longer at each failure in a row."""
    state, _created = RelayState.objects.get_or_create(pk=1)
    pause_for = min(FIRST_PAUSE * 2 ** min(state.failures, 10), LONGEST_PAUSE)
    # Two workers that meet the same failure count it once.
    RelayState.objects.filter(pk=1, failures=state.failures).update(
        paused_until=now + pause_for, reason=reason[:500], failures=F("failures") + 1
    )
    logger.error("The mail relay is paused for %s s: %s", int(pause_for.total_seconds()), reason)


def note_success(now: dt.datetime) -> None:
    """The relay takes mail."""
    changed = RelayState.objects.filter(pk=1).update(
        paused_until=None, reason="", failures=0, last_sent_at=now
    )
    if not changed:
        RelayState.objects.bulk_create([RelayState(pk=1, last_sent_at=now)], ignore_conflicts=True)
