"""The rules of an edition, the usual three where it has none, and rules that meet on one day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from events.clock import on_the_wall
from events.models import Festival, ReminderRule
from events.quiet import QuietHours
from events.rulebook import RuleBook, is_moved, of_the_edition, usual_rules

Purpose = ReminderRule.Purpose


def default_reminder_rules(festival: Festival) -> list[ReminderRule]:
    """Give an edition that has no rule the usual three: D-7 and D-1 at 9 h on the local clock, H-3.

    An edition that wants no reminder keeps its rules and makes them inactive. The edition's own reminders.
    """
    rules = ReminderRule.objects.filter(
        festival=festival, purpose=Purpose.REMINDER, programme=None, slot=None
    )
    with transaction.atomic():
        if not rules.exists():
            ReminderRule.objects.bulk_create(usual_rules(festival), ignore_conflicts=True)
    # The engines disagree where a rule by hours stands among rules by days (NULL first or last).
    return list(rules.order_by("pk"))


def book_of(festival: Festival) -> RuleBook:
    """The rules of an edition that has them at hand; with the usual three where it has no reminder."""
    rules = list(festival.reminder_rules.all())
    if not of_the_edition(rules):
        rules += default_reminder_rules(festival)
    return RuleBook(festival, rules)


def is_meant_beside(
    rule: ReminderRule, other: int, siblings: Sequence[ReminderRule], slot: Any, quiet: QuietHours
) -> bool:
    """Whether somebody set both rules for one day: then both speak. Rules of other scopes know nothing of
    each other, and the night puts rules where nobody meant them."""
    return other in {one.pk for one in siblings} and not is_moved(rule, slot, quiet)


def local_day(at: dt.datetime, zone: str) -> dt.date:
    return on_the_wall(at, zone).date()
