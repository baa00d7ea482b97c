"""The rules by which an edition writes to its visitors: which of them speaks for a slot, and when.

A rule says so many days before at an hour of the local clock, or so many hours before; where it speaks after
the visit, as long after its end. Of the rules of one purpose a slot's own replace its programme's, which
replace the edition's: inactive ones too, so that a slot can be without.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from events.models import Festival, ReminderRule
from events.quiet import QuietHours

CATCH_UP = dt.timedelta(days=3)
"""So long after its moment a word of thanks or a survey still leaves."""
Purpose = ReminderRule.Purpose
NO_RULES: list[ReminderRule] = []
NO_QUIET = QuietHours(dt.time(), dt.time())


def quiet_of(festival: Festival) -> QuietHours:
    """When this edition's visitors sleep."""
    return QuietHours(festival.quiet_from, festival.quiet_until)


@functools.lru_cache(maxsize=50_000)
def _opens(
    lead_days: int | None,
    at_time: dt.time | None,
    lead_hours: int | None,
    is_after: bool,
    quiet: QuietHours,
    zone: str,
    day: dt.date,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
) -> dt.datetime:
    if lead_hours is not None:
        hours = dt.timedelta(hours=lead_hours)
        due = ends_at + hours if is_after else starts_at - hours
    else:
        assert lead_days is not None  # noqa: S101 - a constraint of the table
        assert at_time is not None  # noqa: S101
        of = day + dt.timedelta(days=lead_days) if is_after else day - dt.timedelta(days=lead_days)
        due = dt.datetime.combine(of, at_time, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    if is_after:
        return quiet.after(max(due, ends_at), zone)
    return quiet.ahead_of(starts_at, due, zone)


def opens_at(rule: ReminderRule, slot: Any, quiet: QuietHours) -> dt.datetime:
    """The instant from which a rule's mail about a slot may leave, never in quiet hours; UTC.

    Days are counted on the local calendar and the hour read on the local clock, so neither summer time nor
    an ocean shifts it. An hour that the clock skips is taken as many minutes later, one it shows twice the
    first time. ``slot``: anything with ``timezone``, ``day``, ``starts_at`` and ``ends_at``.
    """
    return _opens(
        rule.lead_days,
        rule.at_time,
        rule.lead_hours,
        rule.is_after,
        quiet,
        slot.timezone,
        slot.day,
        slot.starts_at,
        slot.ends_at,
    )


def is_moved(rule: ReminderRule, slot: Any, quiet: QuietHours) -> bool:
    """Whether the night has put the rule's mail about that slot to another time than the rule says."""
    return opens_at(rule, slot, quiet) != opens_at(rule, slot, NO_QUIET)


def overtaken_at(
    rule: ReminderRule, siblings: Sequence[ReminderRule], slot: Any, quiet: QuietHours
) -> dt.datetime | None:
    """When the next of its siblings speaks of that slot, so that this rule has nothing to add."""
    opens = opens_at(rule, slot, quiet)
    return min((at for one in siblings if (at := opens_at(one, slot, quiet)) > opens), default=None)


def closes_at(
    rule: ReminderRule, siblings: Sequence[ReminderRule], slot: Any, quiet: QuietHours
) -> dt.datetime:
    """Until when (half-open): until the next rule speaks or the visit begins; after a visit for three
    days."""
    end = opens_at(rule, slot, quiet) + CATCH_UP if rule.is_after else slot.starts_at
    overtaken = overtaken_at(rule, siblings, slot, quiet)
    return end if overtaken is None else min(end, overtaken)


def is_booked_too_late(rule: ReminderRule, confirmed_at: dt.datetime | None, opens: dt.datetime) -> bool:
    """A place taken shortly before the reminder was due needs none: its confirmation is fresh."""
    if rule.is_after:
        return False
    return confirmed_at is None or confirmed_at > opens - dt.timedelta(hours=rule.minimum_lead_hours)


def usual_rules(festival: Festival) -> list[ReminderRule]:
    """What an edition starts with, unsaved: D-7 and D-1 at 9 h on the local clock, H-3."""
    nine = dt.time(9)
    return [
        ReminderRule(festival=festival, name="D-7", lead_days=7, at_time=nine, minimum_lead_hours=48),
        ReminderRule(festival=festival, name="D-1", lead_days=1, at_time=nine, minimum_lead_hours=12),
        ReminderRule(festival=festival, name="H-3", lead_hours=3, minimum_lead_hours=3),
    ]


def of_the_edition(rules: Iterable[ReminderRule]) -> list[ReminderRule]:
    """Those of the edition itself that remind."""
    return [one for one in rules if one.purpose == Purpose.REMINDER and _scope(one)[0] == "edition"]


class RuleBook:
    """The rules of an edition, and which of them speak for a slot: the narrowest that has any."""

    def __init__(self, festival: Festival, rules: Iterable[ReminderRule]) -> None:
        self.festival, self.quiet = festival, quiet_of(festival)
        self._of: dict[tuple[str, str, int | None], list[ReminderRule]] = defaultdict(list)
        self._keys: set[int] = set()
        for rule in sorted(rules, key=lambda one: one.pk or 0):
            self._keys.add(rule.pk)
            self._of[rule.purpose, *_scope(rule)].append(rule)

    def speaking(self, purpose: str, *, slot: int, programme: int | None) -> list[ReminderRule]:
        """The active rules for that slot."""
        for scope, key in (("slot", slot), ("programme", programme), ("edition", None)):
            rules = self._of.get((purpose, scope, key), NO_RULES)
            if rules:
                return [rule for rule in rules if rule.is_active]
        return []

    def holds(self, rule_id: int | None) -> bool:
        """Whether it is one of this edition's rules."""
        return rule_id in self._keys

    def scope_of(self, purpose: str, *, slot: int, programme: int | None) -> str:
        """Whose rules they are: « slot », « programme » or « edition »."""
        if self._of.get((purpose, "slot", slot)):
            return "slot"
        return "programme" if programme and self._of.get((purpose, "programme", programme)) else "edition"

    def active(self) -> Iterator[tuple[ReminderRule, list[ReminderRule]]]:
        """Each rule in force with all of its scope and purpose that are."""
        for rules in self._of.values():
            speaking = [rule for rule in rules if rule.is_active]
            for rule in speaking:
                yield rule, speaking

    def slots_of(self, rule: ReminderRule) -> Q:
        """The slots a rule speaks for, as a condition on slots."""
        if rule.slot_id is not None:
            return Q(pk=rule.slot_id)
        own = [key for purpose, scope, key in self._of if (purpose, scope) == (rule.purpose, "slot")]
        others = ~Q(pk__in=own) if own else Q()
        if rule.programme_id is not None:
            return others & Q(activity__programme=rule.programme_id)
        theirs = [key for purpose, scope, key in self._of if (purpose, scope) == (rule.purpose, "programme")]
        if theirs:
            others &= Q(activity__programme__isnull=True) | ~Q(activity__programme__in=theirs)
        return others

    def version_of(self, rule: ReminderRule) -> str:
        """A digest of what moves its instant."""
        facts = (rule.lead_days, rule.at_time, rule.lead_hours, rule.is_after, self.quiet)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _scope(rule: ReminderRule) -> tuple[str, int | None]:
    if rule.slot_id is not None:
        return "slot", rule.slot_id
    if rule.programme_id is not None:
        return "programme", rule.programme_id
    return "edition", None
