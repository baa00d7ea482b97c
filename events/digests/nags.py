"""What is left undone: drafts never submitted, slots whose day comes nearer and that nobody can book."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from events.clock import on_the_wall
from events.mail.desk_facts import IN_HOST_HANDS, IN_TEAM_HANDS
from events.models import Activity, Festival, Message, Slot

from .hours import CATCH_UP, Turn, on_that_day, places, turn
from .owing import hosts_debts, owe_desks, territories_debts

AT = dt.time(9)
DRAFT_AFTER = (3, 10, 17)
"""Days after a draft was begun: three times, then it is let be."""
SLOTS_BEFORE = (7, 2)
"""Days before a slot's day."""
AT_WORK = dt.timedelta(hours=24)
"""Whoever has just worked on a draft knows of it."""
Kind = Message.Kind
Tally = dict[int, list[int]]


def owe_nags(now: dt.datetime) -> int:
    """How many were owed."""
    due = (turn("nag", festival, zone, AT, now) for festival, zone in places())
    return sum(_owe(one, now) for one in due if one is not None)


def _owe(due: Turn, now: dt.datetime) -> int:
    drafts = _by_desk(_drafts(due, now).order_by("pk").values_list("host", "pk"))
    hosts = _by_desk(_slots(due, now, IN_HOST_HANDS).values_list("activity__host", "pk"))
    teams = _by_desk(_slots(due, now, IN_TEAM_HANDS).values_list("activity__territory", "pk"))
    expires_at = due.until + CATCH_UP
    nags = [
        (Kind.NAG_DRAFT, hosts_debts(Kind.NAG_DRAFT, _about(due.festival, "activities", drafts), now)),
        (Kind.NAG_SLOTS, hosts_debts(Kind.NAG_SLOTS, _about(due.festival, "slots", hosts), now)),
        (Kind.NAG_SLOTS, territories_debts(Kind.NAG_SLOTS, _about(due.festival, "slots", teams), now)),
    ]
    with transaction.atomic():
        owed = sum(
            owe_desks(kind, debts, day=due.day, now=now, expires_at=expires_at) for kind, debts in nags
        )
        due.is_done()
    return owed


def _days_since(due: Turn) -> list[dt.date]:
    """The local days whose nags this turn owes: today, and those that were missed."""
    first = on_the_wall(due.since, due.zone).date()
    return [first + dt.timedelta(days=n) for n in range(1, (due.day - first).days + 1)]


def _drafts(due: Turn, now: dt.datetime) -> QuerySet[Activity]:
    """Drafts begun so many local days ago, left alone since yesterday, whose edition still lies ahead."""
    begun = Q()
    for day in _days_since(due):
        for after in DRAFT_AFTER:
            begun |= _on_local_day("created_at", day - dt.timedelta(days=after), due.zone)
    drafts = Activity.objects.filter(
        begun,
        state=Activity.State.DRAFT,
        submitted_at__isnull=True,
        updated_at__lte=now - AT_WORK,
        festival=due.festival,
        territory__timezone=due.zone,
    )
    return drafts if begun and due.festival.ends_on >= due.day else drafts.none()


def _slots(due: Turn, now: dt.datetime, states: tuple[str, ...]) -> QuerySet[Slot]:
    """Slots of so many days ahead that are not public yet; the next step is with whoever ``states`` say."""
    ahead = {day + dt.timedelta(days=before) for day in _days_since(due) for before in SLOTS_BEFORE}
    slots = Slot.objects.filter(
        state=Slot.State.DRAFT,
        day__in=ahead,
        starts_at__gt=now,
        activity__state__in=states,
        activity__festival=due.festival,
        activity__territory__timezone=due.zone,
    )
    return slots.in_order()


def _on_local_day(field: str, day: dt.date, zone: str) -> Q:
    begins, ends = (on_that_day(day + dt.timedelta(days=n), dt.time(), zone) for n in (0, 1))
    return Q(**{f"{field}__gte": begins, f"{field}__lt": ends})


def _by_desk(rows: Any) -> Tally:
    tally: Tally = defaultdict(list)
    for desk, key in rows:
        tally[desk].append(key)
    return tally


def _about(festival: Festival, name: str, tally: Tally) -> dict[int, dict[str, Any]]:
    return {desk: {"festival": festival.pk, name: keys} for desk, keys in tally.items()}
