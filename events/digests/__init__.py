"""What desks are written without asking: yesterday's changes, the door list, what is left undone, an
agenda that waits for somebody.

Derived by a sweep from what the database says, never scheduled ahead (docs/mail.md).
"""

from __future__ import annotations

import datetime as dt

from .agendas import owe_agendas
from .daily import owe_daily
from .door_lists import owe_door_lists
from .nags import owe_nags


def owe_digests(now: dt.datetime) -> int:
    """Owe what is due to desks at ``now`` and not owed yet: how many. Safe to run beside itself."""
    return owe_daily(now) + owe_door_lists(now) + owe_nags(now) + owe_agendas(now)
