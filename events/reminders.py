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
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from events.clock import on_the_wall
from events.mail.days import KIND_OF, UNTOLD, Told
from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.models import Activity, Festival, Message, Registration, ReminderRule, ReminderSweep, Slot
from events.quiet import QuietHours
from events.rulebook import (
    CATCH_UP,
    RuleBook,
    closes_at,
    is_booked_too_late,
    is_moved,
    of_the_edition,
    opens_at,
    overtaken_at,
    quiet_of,
    usual_rules,
)

Purpose = ReminderRule.Purpose

BATCH = 1000
"""Places of slots looked at in one transaction."""


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


def _book_of(festival: Festival) -> RuleBook:
    """The rules of an edition that has them at hand; with the usual three where it has no reminder."""
    rules = list(festival.reminder_rules.all())
    if not of_the_edition(rules):
        rules += default_reminder_rules(festival)
    return RuleBook(festival, rules)


# What is to come ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """A mail to come: by which rule, at which instant (UTC), and the visits for which it comes."""

    rule: ReminderRule
    at: dt.datetime
    registrations: tuple[Registration, ...] = ()


def planned_days(registrations: Iterable[Registration], now: dt.datetime) -> list[Planned]:
    """The reminders one visitor's registrations will still earn, one for a rule and a day, the first first.

    Give them with their slot, activity and edition.
    """
    books: dict[int, RuleBook] = {}
    days: dict[tuple[int, dt.date], list[tuple[ReminderRule, list[ReminderRule], Registration]]] = {}
    for registration in registrations:
        slot = registration.slot
        if registration.status != Registration.Status.CONFIRMED or slot.state != Slot.State.PUBLISHED:
            continue
        festival = slot.activity.festival
        book = books.setdefault(festival.pk, RuleBook(festival, festival.reminder_rules.all()))
        speaking = book.speaking(Purpose.REMINDER, slot=slot.pk, programme=slot.activity.programme_id)
        for rule in speaking:
            days.setdefault((rule.pk, slot.day), []).append((rule, speaking, registration))
    planned: list[tuple[Planned, Sequence[ReminderRule]]] = []
    for found in days.values():
        rule, speaking, first = found[0]
        quiet = quiet_of(first.slot.activity.festival)
        visits = [one for _rule, _speaking, one in found if one.slot.starts_at > now]
        if one := _mail_of_a_day(rule, speaking, visits, quiet):
            planned.append((one, speaking))
    kept: list[Planned] = []
    for one, siblings in sorted(planned, key=lambda pair: pair[0].at):
        if not any(_has_said_it(earlier, one, siblings) for earlier in kept):
            kept.append(one)
    # What is past has left, and everything it could tell is told.
    return [one for one in kept if one.at > now]


def _has_said_it(earlier: Planned, one: Planned, siblings: Sequence[ReminderRule]) -> bool:
    """Whether the other mail of the same local day tells all that this one would."""
    slot, other = one.registrations[0].slot, earlier.registrations[0].slot
    festival = slot.activity.festival
    if (slot.day, festival.pk) != (other.day, other.activity.festival_id):
        return False
    if _local_day(one.at, slot.timezone) != _local_day(earlier.at, slot.timezone):
        return False
    if _is_meant_beside(one.rule, earlier.rule.pk, siblings, slot, quiet_of(festival)):
        return False
    return all(visit.confirmed_at and visit.confirmed_at <= earlier.at for visit in one.registrations)


def _is_meant_beside(
    rule: ReminderRule, other: int, siblings: Sequence[ReminderRule], slot: Any, quiet: QuietHours
) -> bool:
    """Whether somebody set both rules for one day: then both speak. Rules of other scopes know nothing of
    each other, and the night puts rules where nobody meant them."""
    return other in {one.pk for one in siblings} and not is_moved(rule, slot, quiet)


def _local_day(at: dt.datetime, zone: str) -> dt.date:
    return on_the_wall(at, zone).date()


def _mail_of_a_day(
    rule: ReminderRule, speaking: Sequence[ReminderRule], visits: Sequence[Registration], quiet: QuietHours
) -> Planned | None:
    """The mail of a rule for a day, whether it has left or not."""
    opens = {
        one.pk: at
        for one in visits
        if not is_booked_too_late(rule, one.confirmed_at, at := opens_at(rule, one.slot, quiet))
    }
    if not opens:
        return None
    at = min(opens.values())
    overtaken = [over for one in visits if (over := overtaken_at(rule, speaking, one.slot, quiet))]
    if any(over <= at for over in overtaken):
        return None
    return Planned(rule, at, tuple(sorted(visits, key=lambda one: (one.slot.starts_at, one.pk))))


# The sweep ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """A time at which slots begin, in one zone."""

    timezone: str
    day: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime


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


def owe_reminders(now: dt.datetime, *, since: dt.datetime | None = None) -> int:
    """Owe every reminder, word of thanks and survey that is due at ``now`` and not owed yet: how many.

    With ``since`` only those that have become due after it are looked for, and single bookings that ask for
    it; without it every open window is, so that nothing missed, moved or published late stays out. Safe to
    run beside itself.
    """
    owed = 0
    for festival in Festival.objects.published().prefetch_related("reminder_rules"):
        book = _book_of(festival)
        moments = _moments(book, now)
        for rule, siblings in book.active():
            when = _when(rule, siblings, book.quiet, moments, now, since)
            if when is None:
                continue
            for slots in _batches(_unswept(book, rule, when)):
                owed += _owe_for_slots(festival.pk, rule.pk, slots, now)
    if since is None:
        # Switched on again, a rule looks at everything anew.
        ReminderSweep.objects.filter(rule__is_active=False).delete()
    return owed + _owe_asked_for(now)


def _moments(book: RuleBook, now: dt.datetime) -> list[Moment]:
    """When slots begin that some rule may speak of: few, however many slots there are."""
    ahead, behind = dt.timedelta(), None
    for rule, _siblings in book.active():
        lead = dt.timedelta(days=rule.lead_days or 0, hours=rule.lead_hours or 0) + dt.timedelta(days=2)
        if rule.is_after:
            behind = max(behind or lead, lead)
        else:
            ahead = max(ahead, lead)
    reach = Q(starts_at__gt=now, starts_at__lte=now + ahead)
    if behind is not None:
        reach |= Q(ends_at__lte=now, starts_at__gt=now - behind - CATCH_UP - dt.timedelta(days=1))
    slots = Slot.objects.filter(reach, state=Slot.State.PUBLISHED, activity__festival=book.festival)
    rows = slots.order_by().values_list("timezone", "day", "starts_at", "ends_at").distinct()
    return [Moment(*row) for row in rows]


def _when(
    rule: ReminderRule,
    siblings: Sequence[ReminderRule],
    quiet: QuietHours,
    moments: Iterable[Moment],
    now: dt.datetime,
    since: dt.datetime | None,
) -> Q | None:
    """The moments of which the rule may speak now, as a condition on slots; None where there are none."""
    times: dict[str, set[dt.datetime]] = defaultdict(set)
    for moment in moments:
        opens = opens_at(rule, moment, quiet)
        if opens > now or (since is not None and opens <= since):
            continue
        if now < closes_at(rule, siblings, moment, quiet) and (rule.is_after or moment.starts_at > now):
            times[moment.timezone].add(moment.ends_at if rule.is_after else moment.starts_at)
    if not times:
        return None
    at = "ends_at__in" if rule.is_after else "starts_at__in"
    when = Q()
    for zone, instants in times.items():
        when |= Q(**{"timezone": zone, at: sorted(instants)})
    return when


def _unswept(book: RuleBook, rule: ReminderRule, when: Q) -> list[tuple[int, int]]:
    """The slots the rule has not looked at, with the places taken there."""
    swept = ReminderSweep.objects.filter(
        rule=rule, slot=OuterRef("pk"), revision=OuterRef("revision"), version=book.version_of(rule)
    )
    slots = Slot.objects.filter(
        when,
        book.slots_of(rule),
        state=Slot.State.PUBLISHED,
        activity__state=Activity.State.PUBLISHED,
        activity__festival=book.festival,
    ).filter(~Exists(swept))
    return list(slots.order_by("starts_at", "pk").values_list("pk", "taken"))


def _batches(slots: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    batch, places = [], 0
    for slot, taken in slots:
        batch.append(slot)
        places += taken + 1
        if places >= BATCH:
            yield batch
            batch, places = [], 0
    if batch:
        yield batch


@transaction.atomic
def _owe_for_slots(festival_id: int, rule_id: int, slots: Sequence[int], now: dt.datetime) -> int:
    """What a rule owes in these slots; then they count as looked at."""
    book = _book_locked(festival_id)
    found = next(((rule, siblings) for rule, siblings in book.active() if rule.pk == rule_id), None)
    if found is None:
        return 0  # switched off meanwhile
    rule, siblings = found
    due = _visits(Q(slot__in=slots))
    owed = _owe(book, rule, siblings, due, now)
    revisions = dict(Slot.objects.filter(pk__in=slots).values_list("pk", "revision"))
    seen = {one.slot: one.revision for one in due}
    ReminderSweep.objects.bulk_create(
        [
            ReminderSweep(
                rule=rule, slot_id=slot, revision=seen.get(slot, revision), version=book.version_of(rule)
            )
            for slot, revision in revisions.items()
        ],
        update_conflicts=True,
        unique_fields=["rule", "slot"],
        update_fields=["revision", "version"],
    )
    return owed


def _book_locked(festival_id: int) -> RuleBook:
    """The rules as they stand; until the transaction ends nobody else sweeps this edition or changes them."""
    festival = Festival.objects.select_for_update(no_key=True).get(pk=festival_id)
    return RuleBook(festival, ReminderRule.objects.filter(festival=festival))


def _owe_asked_for(now: dt.datetime) -> int:
    """Single bookings that are to be looked at again, under every rule that speaks for them."""
    asked = Registration.objects.filter(remind_again_at__lte=now)
    rows = list(
        asked.order_by("pk").values_list("pk", "remind_again_at", "slot__activity__festival_id")[:BATCH]
    )
    owed = 0
    for festival_id in sorted({row[2] for row in rows}):
        mine = {pk: at for pk, at, festival in rows if festival == festival_id}
        with transaction.atomic():
            book = _book_locked(festival_id)
            # Only what still asks as it did: a later wish stays.
            for at in set(mine.values()):
                keys = [pk for pk, its in mine.items() if its == at]
                asked.filter(pk__in=keys, remind_again_at=at).update(remind_again_at=None)
            if book.festival.state == Festival.State.PUBLISHED:
                visits = _visits(Q(pk__in=list(mine)))
                for rule, siblings in book.active():
                    owed += _owe(book, rule, siblings, visits, now)
    return owed


_FACTS = (
    *("pk", "visitor_id", "visitor__email", "locale", "confirmed_at", "checked_in_at"),
    *("slot_id", "slot__revision", "slot__day", "slot__timezone", "slot__starts_at", "slot__ends_at"),
    *("slot__activity__programme_id", "slot__activity__territory_id"),
)


def _visits(where: Q) -> list[Visit]:
    rows = Registration.objects.confirmed().filter(
        where, slot__state=Slot.State.PUBLISHED, slot__activity__state=Activity.State.PUBLISHED
    )
    found = rows.order_by("slot__starts_at", "pk").values_list(*_FACTS)
    return [Visit(*row) for row in found.iterator(chunk_size=BATCH)]


def _owe(
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
    around = _visits(
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
        and _local_day(at, one.timezone) == _local_day(now, one.timezone)
        and not _is_meant_beside(rule, by, siblings, one, quiet)
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
