"""The day a mail about a visitor's visits speaks of: what of it still holds, and what the mail tells.

A message names in its context what it was owed for: the rule, the day, and every visit it ``tells``
(registration, slot, revision of the slot). What it shows is the whole day as it stands when it leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q

from events.mail.batch import beside, registrations_at_hand, with_the_slots_at_hand
from events.models import Message, Registration, ReminderRule, Slot
from events.quiet import QuietHours
from events.rulebook import RuleBook

Kind, Status, Purpose = Message.Kind, Message.Status, ReminderRule.Purpose

KIND_OF: dict[str, Message.Kind] = {
    Purpose.REMINDER: Kind.REMINDER,
    Purpose.THANKS: Kind.THANKS,
    Purpose.SURVEY: Kind.SURVEY,
}
PURPOSE_OF = {str(kind): purpose for purpose, kind in KIND_OF.items()}
KINDS = frozenset(KIND_OF.values())
AFTER = frozenset({Kind.THANKS, Kind.SURVEY})

UNTOLD = (Status.CANCELLED, Status.EXPIRED)
"""A message that ended so told nobody anything."""

Told = tuple[int, int, int]
"""Registration, slot, revision of the slot."""


def told_of(registration: Registration) -> Told:
    return registration.pk, registration.slot_id, registration.slot.revision


def tells(message: Message | UnderWay) -> set[Told]:
    """The visits a message was owed for, and those it has taken along since."""
    return {(one[0], one[1], one[2]) for one in message.context.get("tells", [])}


def came(rows: Any) -> Any:
    """Registrations of who was there: checked in, or confirmed for a slot where nobody is checked in."""
    checked = Registration.objects.filter(slot=OuterRef("slot"), checked_in_at__isnull=False)
    return rows.confirmed().filter(Q(checked_in_at__isnull=False) | ~Exists(checked))


class UnderWay(NamedTuple):
    """Of another message what is asked of it here."""

    pk: int
    kind: str
    visitor_id: int | None
    context: dict[str, Any]


@dataclass
class Day:
    """The visits of a message's day as they stand now, in order.

    ``still``: the visits it was owed for that stand as they did and of which its rule still speaks.
    ``is_ruled``: its rule is in force, or it was owed by hand, without one: then it stands for every visit
    of the day. ``beside``: other messages under way for the same day, by the same rule or another of the
    edition, which this one makes superfluous. ``quiet``: when nothing of its edition leaves.
    """

    visits: list[Registration] = field(default_factory=list)
    still: set[Told] = field(default_factory=set)
    is_ruled: bool = False
    beside: list[UnderWay] = field(default_factory=list)
    quiet: QuietHours | None = None


def day_of(message: Message, now: dt.datetime) -> Day:
    """Read once for a message; ``load_days`` reads those of many at once."""
    day: Day | None = getattr(message, "_day", None)
    if day is None:
        load_days(beside(message), now=now)
        day = message._day  # type: ignore[attr-defined]
    return day


def load_days(messages: Sequence[Message], *, now: dt.datetime) -> None:
    """Read the days of these messages in three questions, however many they are; other kinds are let be."""
    mine = [one for one in messages if one.kind in KINDS and whose(one) is not None]
    for message in messages:
        if message.kind in KINDS:
            message._day = Day()  # type: ignore[attr-defined]
    if not mine:
        return
    visits = _visits_of(mine, now)
    books = _books_of(mine)
    under_way = list(
        Message.objects.filter(
            kind__in={one.kind for one in mine},
            visitor__in={whose(one) for one in mine},
            status__in=[Status.PENDING, Status.SENDING],
            next_attempt_at__lte=now,
        ).values_list("pk", "kind", "visitor_id", "context")
    )
    of_a_visitor: dict[int | None, list[UnderWay]] = {}
    for one in map(UnderWay._make, under_way):
        of_a_visitor.setdefault(one.visitor_id, []).append(one)
    for message in mine:
        book = books.get(message.context.get("rule_id"))
        others = of_a_visitor.get(message.visitor_id, [])
        day = Day(beside=[one for one in others if one.pk != message.pk and _same(one, message, book)])
        message._day = day  # type: ignore[attr-defined]
        day.visits = visits.get(_key(message), [])
        if "rule_id" not in message.context:
            day.is_ruled, day.still = True, {told_of(one) for one in day.visits}
        elif book is not None:
            day.quiet = book.quiet
            day.visits = [one for one in day.visits if one.slot.activity.festival_id == book.festival.pk]
            day.is_ruled = any(rule.pk == message.context["rule_id"] for rule, _siblings in book.active())
            owed = tells(message)
            day.still = {
                told
                for one in day.visits
                if (told := told_of(one)) in owed and _speaks(book, message, one.slot)
            }


def _books_of(messages: Sequence[Message]) -> dict[int, RuleBook]:
    """The rules of the editions these messages are about, by the number of the rule each was owed by."""
    asked = {one.context.get("rule_id") for one in messages} - {None}
    rules = list(
        ReminderRule.objects.filter(
            festival__in=ReminderRule.objects.filter(pk__in=asked).values("festival")
        ).select_related("festival")
    )
    books: dict[int, RuleBook] = {}
    for festival in {rule.festival for rule in rules}:
        book = RuleBook(festival, [rule for rule in rules if rule.festival_id == festival.pk])
        books |= {rule.pk: book for rule in rules if rule.pk in asked and rule.festival_id == festival.pk}
    return books


def _speaks(book: RuleBook, message: Message, slot: Slot) -> bool:
    speaking = book.speaking(PURPOSE_OF[message.kind], slot=slot.pk, programme=slot.activity.programme_id)
    return any(rule.pk == message.context["rule_id"] for rule in speaking)


def whose(message: Message) -> int | None:
    """The visitor it goes to; None where nobody is left."""
    return message.visitor_id or (message.registration.visitor_id if message.registration else None)


def _date(message: Message) -> str:
    said = message.context.get("day")
    return str(said or (message.registration.slot.day.isoformat() if message.registration else ""))


def _key(message: Message) -> tuple[bool, int | None, str]:
    return message.kind in AFTER, whose(message), _date(message)


def _same(one: UnderWay, other: Message, book: RuleBook | None) -> bool:
    """Whether this mail would say what the other says: of the same day, by the same rule, or by any rule of
    the edition. A survey asks its own rule's questions."""
    if (one.visitor_id, one.kind, one.context.get("day")) != (
        other.visitor_id,
        other.kind,
        other.context.get("day"),
    ):
        return False
    by = one.context.get("rule_id")
    if by == other.context.get("rule_id"):
        return True
    return other.kind != Kind.SURVEY and book is not None and book.holds(by)


def _visits_of(
    messages: Sequence[Message], now: dt.datetime
) -> dict[tuple[bool, int | None, str], list[Registration]]:
    found: dict[tuple[bool, int | None, str], list[Registration]] = {}
    for is_after in sorted({one.kind in AFTER for one in messages}):
        some = [one for one in messages if (one.kind in AFTER) == is_after]
        rows = Registration.objects.filter(
            visitor__in={whose(one) for one in some},
            slot__day__in={day for one in some if (day := _date(one))},
            slot__state=Slot.State.PUBLISHED,
        )
        rows = (
            came(rows).filter(slot__ends_at__lte=now)
            if is_after
            else rows.confirmed().filter(slot__starts_at__gt=now)
        )
        visits = _read(list(rows.order_by("slot__starts_at", "pk").values_list("pk", flat=True)))
        for row in visits:
            found.setdefault((is_after, row.visitor_id, row.slot.day.isoformat()), []).append(row)
    return found


def _read(keys: Sequence[int]) -> list[Registration]:
    """These registrations in their order, with slot and visitor: most are at hand with the batch."""
    known = registrations_at_hand()
    others = Registration.objects.select_related("visitor").in_bulk([key for key in keys if key not in known])
    visits = [row for key in keys if (row := known.get(key) or others.get(key)) is not None]
    with_the_slots_at_hand(visits)
    return visits
