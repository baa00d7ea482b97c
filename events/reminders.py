"""Who is owed a reminder now: derived from the bookings, never scheduled ahead.

A rule of the edition says when: so many days before at an hour of the local clock, or so many hours before.
Its reminder may leave from that instant until the next rule takes over or the visit begins; so a missed tick
catches up, a late one is overtaken, and a slot that was moved (it has another revision) earns its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.models import Activity, Festival, Message, Registration, ReminderRule, Slot

BATCH = 1000


def default_reminder_rules(festival: Festival) -> list[ReminderRule]:
    """Give an edition that has no rule the usual three: D-7 and D-1 at 9 h on the local clock, H-3.

    An edition that wants no reminder keeps its rules and makes them inactive.
    """
    rules = ReminderRule.objects.filter(festival=festival)
    with transaction.atomic():
        if not rules.exists():
            nine = dt.time(9)
            ReminderRule.objects.bulk_create(
                [
                    ReminderRule(
                        festival=festival, name="D-7", lead_days=7, at_time=nine, minimum_lead_hours=48
                    ),
                    ReminderRule(
                        festival=festival, name="D-1", lead_days=1, at_time=nine, minimum_lead_hours=12
                    ),
                    ReminderRule(festival=festival, name="H-3", lead_hours=3, minimum_lead_hours=3),
                ],
                ignore_conflicts=True,
            )
    # The engines disagree where a rule by hours stands among rules by days (NULL first or last).
    return list(rules.order_by("pk"))


@dataclass(frozen=True)
class Planned:
    """A reminder to come: by which rule, at which instant (UTC)."""

    rule: ReminderRule
    at: dt.datetime


def planned_reminders(registration: Registration, now: dt.datetime) -> list[Planned]:
    """The reminders this registration will still earn as things stand, the first first."""
    slot = registration.slot
    if registration.status != Registration.Status.CONFIRMED or slot.state != Slot.State.PUBLISHED:
        return []
    rules = _active(slot.activity.festival.reminder_rules.all())
    planned = [
        Planned(rule, opens)
        for rule in rules
        for opens, closes in [_window(rule, rules, slot.day, slot.timezone, slot.starts_at)]
        if now < opens < closes and not _booked_too_late(rule, registration.confirmed_at, opens)
    ]
    return sorted(planned, key=lambda one: one.at)


def owe_reminders(now: dt.datetime, *, since: dt.datetime | None = None) -> int:
    """Owe every reminder that is due at ``now`` and not owed yet: how many.

    With ``since`` only those that have become due after it are looked for, which costs next to nothing when
    there are none; without it every open window is, so that nothing missed or moved stays out. Safe to run
    beside itself.
    """
    owed = 0
    for festival in Festival.objects.published().prefetch_related("reminder_rules"):
        rules = _active(festival.reminder_rules.all() or default_reminder_rules(festival))
        if not rules:
            continue
        days = _days_to_come(festival, rules, now)
        for rule in rules:
            slots = _slots_in_window(festival, rule, days, now, since)
            if slots is not None:
                owed += _owe(rule, rules, slots, now)
    return owed


def _active(rules: Iterable[ReminderRule]) -> list[ReminderRule]:
    return [rule for rule in rules if rule.is_active]


def due_at(rule: ReminderRule, day: dt.date, zone: str, starts_at: dt.datetime) -> dt.datetime:
    """The instant at which a rule falls due for a slot of that local ``day`` in ``zone`` that starts at
    ``starts_at``.

    Days are counted on the local calendar and the hour read on the local clock, so neither summer time nor
    an ocean shifts it. An hour that the clock skips is taken as many minutes later, one it shows twice the
    first time.
    """
    if rule.lead_hours is not None:
        return starts_at - dt.timedelta(hours=rule.lead_hours)
    assert rule.lead_days is not None  # noqa: S101 - a constraint of the table
    assert rule.at_time is not None  # noqa: S101
    local = dt.datetime.combine(day - dt.timedelta(days=rule.lead_days), rule.at_time, tzinfo=ZoneInfo(zone))
    return local.astimezone(dt.UTC)


def _window(
    rule: ReminderRule, rules: Sequence[ReminderRule], day: dt.date, zone: str, starts_at: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """From when until when (half-open) this rule's reminder may leave: until the next rule is due, or the
    start."""
    opens = due_at(rule, day, zone, starts_at)
    later = [due_at(other, day, zone, starts_at) for other in rules if other.pk != rule.pk]
    return opens, min([starts_at, *(at for at in later if at > opens)])


def _booked_too_late(rule: ReminderRule, confirmed_at: dt.datetime | None, due: dt.datetime) -> bool:
    """A place taken shortly before the reminder was due needs none: its confirmation is fresh."""
    return confirmed_at is None or confirmed_at > due - dt.timedelta(hours=rule.minimum_lead_hours)


def _days_to_come(
    festival: Festival, rules: Sequence[ReminderRule], now: dt.datetime
) -> list[tuple[str, dt.date]]:
    """The local days, with their zone, of the published slots to come that some rule may speak of."""
    furthest = max(
        dt.timedelta(days=rule.lead_days or 0, hours=rule.lead_hours or 0) for rule in rules
    ) + dt.timedelta(days=2)
    coming = Slot.objects.filter(
        state=Slot.State.PUBLISHED,
        starts_at__gt=now,
        starts_at__lte=now + furthest,
        activity__festival=festival,
    )
    return list(coming.order_by().values_list("timezone", "day").distinct())


def _slots_in_window(
    festival: Festival,
    rule: ReminderRule,
    days: Sequence[tuple[str, dt.date]],
    now: dt.datetime,
    since: dt.datetime | None,
) -> Q | None:
    """Which slots, as a condition on a registration's slot; None when the rule has nothing to say now."""
    if rule.lead_hours is not None:
        lead = dt.timedelta(hours=rule.lead_hours)
        when = Q(
            slot__starts_at__gt=max(now, since + lead) if since else now, slot__starts_at__lte=now + lead
        )
    else:
        when = Q()
        for zone, day in days:
            due = due_at(rule, day, zone, now)
            if due <= now and (since is None or due > since):
                when |= Q(slot__timezone=zone, slot__day=day)
        if not when:
            return None
    return when & Q(
        slot__starts_at__gt=now,
        slot__state=Slot.State.PUBLISHED,
        slot__activity__state=Activity.State.PUBLISHED,
        slot__activity__festival=festival,
    )


def _owe(rule: ReminderRule, rules: Sequence[ReminderRule], slots: Q, now: dt.datetime) -> int:
    key = Concat(
        Value("remind:"),
        Cast(OuterRef("pk"), CharField()),
        Value(f":{rule.pk}:"),
        Cast(OuterRef("slot_id"), CharField()),
        Value(":"),
        Cast(OuterRef("slot__revision"), CharField()),
        output_field=CharField(),
    )
    found = (
        Registration.objects.confirmed()
        .filter(slots)
        .filter(~Exists(Message.objects.filter(dedupe_key=key)))
        .order_by("pk")
        .values_list(
            *("pk", "visitor_id", "visitor__email", "locale", "confirmed_at"),
            *("slot_id", "slot__revision", "slot__day", "slot__timezone", "slot__starts_at"),
            "slot__activity__territory_id",
        )
    )
    owed = 0
    batch: list[Message] = []
    for row in found.iterator(chunk_size=BATCH):
        message = _message(rule, rules, row, now)
        if message is not None:
            batch.append(message)
        if len(batch) >= BATCH:
            owed += _insert(batch)
            batch = []
    return owed + _insert(batch)


def _message(
    rule: ReminderRule, rules: Sequence[ReminderRule], row: tuple[Any, ...], now: dt.datetime
) -> Message | None:
    key, visitor, email, locale, confirmed_at, slot, revision, day, zone, starts_at, territory = row
    opens, closes = _window(rule, rules, day, zone, starts_at)
    if not opens <= now < closes or _booked_too_late(rule, confirmed_at, opens):
        return None
    return Message(
        kind=Message.Kind.REMINDER,
        dedupe_key=f"remind:{key}:{rule.pk}:{slot}:{revision}",
        recipient=email,
        locale=locale,
        priority=PRIORITY[Message.Kind.REMINDER],
        registration_id=key,
        slot_id=slot,
        visitor_id=visitor,
        territory_id=territory,
        context={"rule": rule.name, "day": day.isoformat()},
        message_id=new_message_id(),
        next_attempt_at=now,
        expires_at=closes,
        created_at=now,
    )


def _insert(batch: Sequence[Message]) -> int:
    """``INSERT … ON CONFLICT DO NOTHING``: another tick beside this one changes nothing."""
    if batch:
        with transaction.atomic():
            Message.objects.bulk_create(batch, ignore_conflicts=True)
            nudge_after_commit()
    return len(batch)
