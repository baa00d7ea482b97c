"""What one visitor's registrations will still earn: shown, not owed yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events.models import Registration, ReminderRule, Slot
from events.quiet import QuietHours
from events.rulebook import RuleBook, is_booked_too_late, opens_at, overtaken_at, quiet_of

from .rules import is_meant_beside, local_day

Purpose = ReminderRule.Purpose


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
    if local_day(one.at, slot.timezone) != local_day(earlier.at, slot.timezone):
        return False
    if is_meant_beside(one.rule, earlier.rule.pk, siblings, slot, quiet_of(festival)):
        return False
    return all(visit.confirmed_at and visit.confirmed_at <= earlier.at for visit in one.registrations)


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
