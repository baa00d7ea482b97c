"""Following a host, a city, a theme or an activity: asked for, confirmed by mail, told once, stopped by one
click (docs/follow.md).
"""

from __future__ import annotations

import datetime as dt

from events.mail.heartbeat import beat
from events.models import Follow

from .free import owe_freed
from .opening import owe_opened


def owe_follows(now: dt.datetime) -> int:
    """Owe what is due to who follows and not owed yet: how many mails. Safe to run beside itself.

    Derived by a sweep from what the database says, never scheduled ahead. Where nobody follows anything it is
    one question.
    """
    owed = 0
    if Follow.objects.active().exists():
        owed = owe_opened(now) + owe_freed(now)
    beat("owe_follows", now)
    return owed
