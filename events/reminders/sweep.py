"""Which slots fall due under which rule; each is looked at once."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from events.models import Activity, Festival, Registration, ReminderRule, ReminderSweep, Slot
from events.quiet import QuietHours
from events.rulebook import CATCH_UP, RuleBook, closes_at, opens_at

from .owing import BATCH, owe, visits_where
from .rules import book_of


@dataclass(frozen=True, slots=True)
class Moment:
    """A time at which slots begin, in one zone."""

    timezone: str
    day: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime


def owe_reminders(now: dt.datetime, *, since: dt.datetime | None = None) -> int:
    """Owe every reminder, word of thanks and survey that is due at ``now`` and not owed yet: how many.

    With ``since`` only those that have become due after it are looked for, and single bookings that ask for
    it; without it every open window is, so that nothing missed, moved or published late stays out. Safe to
    run beside itself.
    """
    owed = 0
    for festival in Festival.objects.published().prefetch_related("reminder_rules"):
        book = book_of(festival)
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
    due = visits_where(Q(slot__in=slots))
    owed = owe(book, rule, siblings, due, now)
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
                visits = visits_where(Q(pk__in=list(mine)))
                for rule, siblings in book.active():
                    owed += owe(book, rule, siblings, visits, now)
    return owed
