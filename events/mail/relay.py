"""How the mail relay does, and how much it may be given: one row for all workers.

``MAIL_PER_MINUTE`` is how many mails it takes in a minute of the clock, over all workers; 0 is as many as it
can. What goes to many gets no more than its share of the minute as the seconds pass, so that what one person
waits for always finds room.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F

from events.models import RelayState

logger = logging.getLogger(__name__)

FIRST_PAUSE = dt.timedelta(seconds=15)
LONGEST_PAUSE = dt.timedelta(minutes=5)
BULK = 6
"""From this priority on a mail is one of many; a smaller number is waited for by somebody."""
SHARE_OF_BULK = 0.8
"""Of what the relay takes in a minute."""


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


@dataclass(frozen=True)
class Room:
    """What may still be given to the relay in the minute under way: at all, and of what goes to many."""

    left: int
    for_bulk: int

    def first_of(self, due: Iterable[tuple[int, int]]) -> list[int]:
        """Of due messages, each with its priority, in order: the keys of those for which there is room."""
        keys: list[int] = []
        for key, priority in due:
            if len(keys) >= (self.for_bulk if priority >= BULK else self.left):
                break
            keys.append(key)
        return keys


def room(now: dt.datetime) -> Room | None:
    """What may be given to the relay now; None is as much as there is. Locks the row until the commit."""
    limit: int = settings.MAIL_PER_MINUTE
    if limit <= 0:
        return None
    RelayState.objects.bulk_create([RelayState(pk=1)], ignore_conflicts=True)
    state = RelayState.objects.select_for_update().get(pk=1)
    given = state.in_minute if state.minute == _minute(now) else 0
    share = math.ceil(limit * SHARE_OF_BULK * (now.second + 1) / 60)
    return Room(left=max(0, limit - given), for_bulk=max(0, min(limit, share) - given))


def count(number: int, now: dt.datetime) -> None:
    """So many are about to be given to the relay. In the transaction of ``room``."""
    minute = _minute(now)
    if not RelayState.objects.filter(pk=1, minute=minute).update(in_minute=F("in_minute") + number):
        RelayState.objects.filter(pk=1).update(minute=minute, in_minute=number)


def give_back(number: int, now: dt.datetime) -> None:
    """So many of them were not given after all."""
    if settings.MAIL_PER_MINUTE > 0 and number:
        RelayState.objects.filter(pk=1, minute=_minute(now), in_minute__gte=number).update(
            in_minute=F("in_minute") - number
        )


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)
