"""What a rule owes the visitors of some visits: one mail for a visitor and a day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from events.mail.days import KIND_OF, UNTOLD, Told
from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.models import Activity, Message, Registration, ReminderRule, Slot
from events.quiet import QuietHours
from events.rulebook import CATCH_UP, RuleBook, is_booked_too_late, opens_at, overtaken_at

from .rules import is_meant_beside, local_day

Purpose = ReminderRule.Purpose

BATCH = 1000
"""Places of slots looked at in one transaction."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A confirmed booking as the sweep reads it."""

    registration: int
    visitor: int
    email: str
    locale: str
    confirmed_at: dt.datetime | None
    checked_in_at: dt.datetime | None
    slot: int
    revision: int
    day: dt.date
    timezone: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    programme: int | None
    territory: int

    @property
    def told(self) -> Told:
        return self.registration, self.slot, self.revision


_FACTS = (
    *("pk", "visitor_id", "visitor__email", "locale", "confirmed_at", "checked_in_at"),
    *("slot_id", "slot__revision", "slot__day", "slot__timezone", "slot__starts_at", "slot__ends_at"),
    *("slot__activity__programme_id", "slot__activity__territory_id"),
)


def visits_where(where: Q) -> list[Visit]:
    rows = Registration.objects.confirmed().filter(
        where, slot__state=Slot.State.PUBLISHED, slot__activity__state=Activity.State.PUBLISHED
    )
    found = rows.order_by("slot__starts_at", "pk").values_list(*_FACTS)
    return [Visit(*row) for row in found.iterator(chunk_size=BATCH)]


def owe(
    book: RuleBook,
    rule: ReminderRule,
    siblings: Sequence[ReminderRule],
    looked_at: Sequence[Visit],
    now: dt.datetime,
) -> int:
    """What a rule owes the visitors of these visits, each with the rest of the day."""
    days = _days_around(book, rule, looked_at)
    if not days:
        return 0
    said = _said(rule, {visitor for visitor, _day in days})
    absent = _absent(days.values()) if rule.is_after else set()
    owed: list[Message] = []
    for (visitor, day), visits in days.items():
        visits = [
            one for one in visits if one.registration not in absent and (rule.is_after or one.starts_at > now)
        ]
        so_far = said[visitor, day]
        fresh = [
            one
            for one in visits
            if (one.told, one.email) not in so_far.by_it
            and not _was_told_today(rule, siblings, one, so_far, book.quiet, now)
        ]
        tell = (
            _after(rule, visits, book.quiet, now)
            if rule.is_after
            else _before(rule, siblings, visits, fresh, book.quiet, now)
        )
        if tell is None or not fresh:
            continue
        first, expires_at = tell
        owed.append(_message(book, rule, day, first, fresh, so_far.ordinal, expires_at, now))
    _insert(owed)
    return len(owed)


def _days_around(
    book: RuleBook, rule: ReminderRule, looked_at: Sequence[Visit]
) -> dict[tuple[int, dt.date], list[Visit]]:
    """By visitor and day: all visits of which the rule speaks, in order, where one of those is among them."""
    wanted = {(one.visitor, one.day) for one in looked_at if _speaks(book, rule, one)}
    if not wanted:
        return {}
    around = visits_where(
        Q(
            visitor__in={visitor for visitor, _day in wanted},
            slot__day__in={day for _visitor, day in wanted},
            slot__activity__festival=book.festival,
        )
    )
    days: dict[tuple[int, dt.date], list[Visit]] = defaultdict(list)
    for one in around:
        if (one.visitor, one.day) in wanted and _speaks(book, rule, one):
            days[one.visitor, one.day].append(one)
    return days


def _speaks(book: RuleBook, rule: ReminderRule, one: Visit) -> bool:
    speaking = book.speaking(rule.purpose, slot=one.slot, programme=one.programme)
    return any(other.pk == rule.pk for other in speaking)


@dataclass(slots=True)
class _Said:
    """What mails of a rule's kind have said of one visitor's day: which visits, at which address.

    ``ordinal``: how many mails the rule has owed. ``by_it``: what it told, or another mail for it.
    ``by_others``: what another rule's mail told, with its key and when the mail left.
    """

    ordinal: int = 0
    by_it: set[tuple[Told, str]] = field(default_factory=set)
    by_others: list[tuple[tuple[Told, str], int, dt.datetime]] = field(default_factory=list)


def _said(rule: ReminderRule, visitors: set[int]) -> dict[tuple[int, dt.date], _Said]:
    """By visitor and day."""
    said: dict[tuple[int, dt.date], _Said] = defaultdict(_Said)
    messages = Message.objects.filter(visitor__in=visitors, kind=KIND_OF[rule.purpose])
    facts = ("visitor_id", "recipient", "status", "context", "sent_at", "data_started_at")
    for visitor, email, status, context, sent_at, begun_at in messages.values_list(*facts):
        by = context.get("rule_id")
        if visitor is None or by is None:
            continue
        of = said[visitor, dt.date.fromisoformat(context["day"])]
        of.ordinal += by == rule.pk
        if status in UNTOLD:
            continue
        tells: list[tuple[Told, str]] = [((one[0], one[1], one[2]), email) for one in context["tells"]]
        left_at = sent_at or begun_at
        if rule.pk in (by, *context.get("said_for", [])):
            of.by_it.update(tells)
        elif left_at is not None:
            of.by_others += [(one, by, left_at) for one in tells]
    return said


def _was_told_today(
    rule: ReminderRule,
    siblings: Sequence[ReminderRule],
    one: Visit,
    so_far: _Said,
    quiet: QuietHours,
    now: dt.datetime,
) -> bool:
    """Whether a mail of another rule has told this visit on the same local day. A survey asks its own
    questions."""
    if rule.purpose == Purpose.SURVEY:
        return False
    return any(
        told == (one.told, one.email)
        and local_day(at, one.timezone) == local_day(now, one.timezone)
        and not is_meant_beside(rule, by, siblings, one, quiet)
        for told, by, at in so_far.by_others
    )


def _absent(days: Iterable[Sequence[Visit]]) -> set[int]:
    """Who did not come, where somebody was checked in at all."""
    visits = [one for day in days for one in day]
    checked = set(
        Registration.objects.filter(
            slot__in={one.slot for one in visits}, checked_in_at__isnull=False
        ).values_list("slot_id", flat=True)
    )
    return {one.registration for one in visits if one.slot in checked and one.checked_in_at is None}


def _before(
    rule: ReminderRule,
    siblings: Sequence[ReminderRule],
    visits: Sequence[Visit],
    fresh: Sequence[Visit],
    quiet: QuietHours,
    now: dt.datetime,
) -> tuple[Visit, dt.datetime] | None:
    """The visit for which a reminder is due and until when it makes sense.

    The next rule overtakes it for the whole day as soon as it speaks of one visit.
    """
    due = [
        one
        for one in fresh
        if (opens := opens_at(rule, one, quiet)) <= now
        and not is_booked_too_late(rule, one.confirmed_at, opens)
    ]
    if not due:
        return None
    overtaken = [over for one in visits if (over := overtaken_at(rule, siblings, one, quiet))]
    expires_at = min([max(one.starts_at for one in due), *overtaken])
    return (due[0], expires_at) if now < expires_at else None


def _after(
    rule: ReminderRule, visits: Sequence[Visit], quiet: QuietHours, now: dt.datetime
) -> tuple[Visit, dt.datetime] | None:
    """The last visit of the day and until when thanks make sense; None while another of the day is to come.

    Then the earlier ones ask to be looked at again, whatever becomes of the last.
    """
    if not visits:
        return None
    opens = max(opens_at(rule, one, quiet) for one in visits)
    if opens > now:
        waiting = [one.registration for one in visits]
        Registration.objects.filter(pk__in=waiting, remind_again_at__isnull=True).update(
            remind_again_at=opens
        )
        return None
    return (visits[-1], opens + CATCH_UP) if now < opens + CATCH_UP else None


def _message(
    book: RuleBook,
    rule: ReminderRule,
    day: dt.date,
    first: Visit,
    fresh: Sequence[Visit],
    ordinal: int,
    expires_at: dt.datetime,
    now: dt.datetime,
) -> Message:
    kind = KIND_OF[rule.purpose]
    morning = book.quiet.after(now, first.timezone)
    return Message(
        kind=kind,
        dedupe_key=f"remind:{first.visitor}:{rule.pk}:{day.isoformat()}:{ordinal}",
        recipient=first.email,
        locale=first.locale,
        priority=PRIORITY.get(kind, 7),
        registration_id=first.registration,
        slot_id=first.slot,
        visitor_id=first.visitor,
        territory_id=first.territory,
        context={
            "rule": rule.name,
            "rule_id": rule.pk,
            "day": day.isoformat(),
            "tells": [list(one.told) for one in fresh],
        },
        message_id=new_message_id(),
        # Moved at night, a visit early next morning is still told of: there is no better hour left.
        next_attempt_at=morning if morning < expires_at else now,
        expires_at=expires_at,
        created_at=now,
    )


def _insert(messages: Sequence[Message]) -> None:
    """``INSERT … ON CONFLICT DO NOTHING``: what was owed under that name stays as it is."""
    if messages:
        Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=1000)
        nudge_after_commit()
