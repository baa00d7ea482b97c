"""Who is owed a reminder, thanks or a survey now: derived from bookings and rules, never scheduled ahead.

When a rule speaks, and which speaks for a slot, stands in ``events.rulebook``. What would leave at night
leaves in the morning (``events.quiet``).

A visitor gets one mail for a rule and a visited day, when the first visit of the day falls due (after the
visit: the last). It tells all of them, and what it has told no later mail of that rule and day tells again,
unless the slot has moved (it has another revision) or the address is another. Nor does another rule tell it
again on the day on which it was told: two programmes, or a night that puts H-3 beside D-1, make no second
mail. A missed tick catches up; what the next rule has overtaken, or what has begun, is not told any more.

Two sweeps beside one another wait for the row of the edition, so neither misses what the other does. The cost
follows what is due: a slot once looked at for a rule is not looked at again (``ReminderSweep``).

``sweep`` finds the slots that fall due, ``owing`` what their visitors are owed; ``coming`` says what is left
to come.
"""

from __future__ import annotations

from .coming import Planned, planned_days
from .rules import default_reminder_rules
from .sweep import owe_reminders

__all__ = ["Planned", "default_reminder_rules", "owe_reminders", "planned_days"]
