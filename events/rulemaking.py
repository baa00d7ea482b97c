"""Organisers change when their visitors are written to: rules added, switched, removed, the quiet hours.

Each change waits for the sweep under way and holds from the next: what is owed by a rule that no longer
speaks is not sent.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from accounts.models import User
from events.models import Festival, JournalEntry, Programme, ReminderRule, ReminderSweep, Slot

Purpose = ReminderRule.Purpose

NAMES = {Purpose.REMINDER: "", Purpose.THANKS: "M ", Purpose.SURVEY: "Q "}
FACTS = ("purpose", "is_after", "lead_days", "at_time", "lead_hours", "minimum_lead_hours", "survey_url")


def name_of(*, purpose: str, lead_days: int | None, at_time: dt.time | None, lead_hours: int | None) -> str:
    """Its short name in journal and outbox, one in its scope: « D-1 18:00 », « H-3 », « M H+2 »."""
    sign = "-" if purpose == Purpose.REMINDER else "+"
    when = f"H{sign}{lead_hours}" if lead_hours is not None else f"D{sign}{lead_days} {at_time:%H:%M}"
    return f"{NAMES[Purpose(purpose)]}{when}"


@transaction.atomic
def add_rule(
    *,
    festival: Festival,
    by: User | None,
    now: dt.datetime,
    programme: Programme | None = None,
    slot: Slot | None = None,
    **facts: Any,
) -> ReminderRule | None:
    """Add a rule to an edition, a programme of it or a slot; None where the same is there already.

    ``facts``: ``purpose``, ``lead_days`` and ``at_time`` or ``lead_hours``, ``minimum_lead_hours``,
    ``survey_url``.
    """
    _lock(festival.pk)
    is_after = facts["purpose"] != Purpose.REMINDER
    name = name_of(
        **{key: facts.get(key) for key in ("purpose", "lead_days", "at_time", "lead_hours")}  # type: ignore[arg-type]
    )
    same = ReminderRule.objects.filter(festival=festival, programme=programme, slot=slot)
    if any(_alike(rule, facts) for rule in same):
        return None
    rule = ReminderRule.objects.create(
        festival=festival, programme=programme, slot=slot, name=name, is_after=is_after, **facts
    )
    _look_anew(rule)
    _write_down(rule, "add", by=by, now=now)
    return rule


def _alike(rule: ReminderRule, facts: dict[str, Any]) -> bool:
    return all(
        getattr(rule, key) == facts.get(key) for key in ("purpose", "lead_days", "at_time", "lead_hours")
    )


@transaction.atomic
def copy_rules(*, slot: Slot, rules: list[ReminderRule], by: User | None, now: dt.datetime) -> int:
    """Give a slot the rules that hold for it as rules of its own; how many."""
    added = 0
    for rule in rules:
        facts = {key: getattr(rule, key) for key in FACTS if key != "is_after"}
        added += add_rule(festival=slot.activity.festival, slot=slot, by=by, now=now, **facts) is not None
    return added


@transaction.atomic
def switch_rule(*, rule: ReminderRule, is_active: bool, by: User | None, now: dt.datetime) -> None:
    """Put a rule in force, or out of it: as long as it is there, wider rules do not take its place."""
    _lock(rule.festival_id)
    ReminderRule.objects.filter(pk=rule.pk).update(is_active=is_active)
    _look_anew(rule)
    _write_down(rule, "on" if is_active else "off", by=by, now=now)


@transaction.atomic
def remove_rule(*, rule: ReminderRule, by: User | None, now: dt.datetime) -> None:
    """Take a rule away; where it was the last of its purpose there, the wider rules speak again."""
    _lock(rule.festival_id)
    _write_down(rule, "remove", by=by, now=now)
    _look_anew(rule)
    rule.delete()


@transaction.atomic
def change_quiet_hours(
    *, festival: Festival, quiet_from: dt.time, quiet_until: dt.time, by: User | None, now: dt.datetime
) -> None:
    """The hours in which an edition writes to nobody, on every territory's own clock."""
    _lock(festival.pk)
    Festival.objects.filter(pk=festival.pk).update(quiet_from=quiet_from, quiet_until=quiet_until)
    said = f"{festival}: {quiet_from:%H:%M}–{quiet_until:%H:%M}"
    JournalEntry.objects.create(at=now, actor=by, verb="change_quiet_hours", text=said)


def _lock(festival_id: int) -> None:
    Festival.objects.select_for_update(no_key=True).get(pk=festival_id)


def _look_anew(rule: ReminderRule) -> None:
    """What it speaks of may be another's now, and what another spoke of its own: nothing counts as looked
    at."""
    swept = ReminderSweep.objects.filter(rule__festival=rule.festival_id)
    if rule.slot_id is not None:
        swept = swept.filter(slot=rule.slot_id)
    elif rule.programme_id is not None:
        swept = swept.filter(slot__activity__programme=rule.programme_id)
    else:
        swept = swept.filter(rule__purpose=rule.purpose)
    swept.delete()


def _write_down(rule: ReminderRule, verb: str, *, by: User | None, now: dt.datetime) -> None:
    of = rule.slot or rule.programme or rule.festival
    JournalEntry.objects.create(at=now, actor=by, verb=f"reminder_rule_{verb}", text=f"{of}: {rule.name}")
