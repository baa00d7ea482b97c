"""What the booking form tells a visitor known on this device: the visits in the way, ways too long, other
times.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from events.calendar import position_of, venue_of
from events.models import Registration, Slot, Visitor
from events.refusals import Reason, Refused
from events.registration.plans import (
    Rush,
    other_times,
    overlapping,
    rushes,
    visits_of,
    with_room,
)
from events.wording import say_day, say_duration, say_time, say_walk

MOST_SHOWN = 3
IN_THE_WAY = (
    Reason.OVERLAP,
    Reason.DAY_LIMIT,
    Reason.FESTIVAL_LIMIT,
    Reason.LIMIT,
    Reason.ALREADY_REGISTERED,
)


@dataclass(frozen=True, slots=True)
class Beside:
    """``reason`` is empty where nothing stands in the way; ``has_more``: what is counted under another
    spelling of the address stays untold.
    """

    visitor: Visitor
    reason: str = ""
    visits: list[Registration] = field(default_factory=list)
    has_more: bool = False
    rushes: list[tuple[Rush, str]] = field(default_factory=list)
    instead: list[tuple[Slot, str]] = field(default_factory=list)
    was_tried: bool = False


def look_beside(visitor: Visitor, slot: Slot, *, party_size: int, now: dt.datetime) -> Beside:
    """What is to be said before anything is asked for."""
    visits = visits_of(visitor, now=now)
    here = [visit for visit in visits if visit.slot_id == slot.pk]
    at_once = overlapping(slot, visits)
    too_far = rushes(slot, visits)
    reason = Reason.ALREADY_REGISTERED.value if here else Reason.OVERLAP.value if at_once else ""
    is_needed = reason or too_far
    return Beside(
        visitor,
        reason,
        here or at_once,
        rushes=[] if reason else [(rush, say_rush(rush, slot)) for rush in too_far],
        instead=times_beside(visits, slot, party_size=party_size, now=now) if is_needed else [],
    )


def look_at_refusal(
    visitor: Visitor, slot: Slot, refused: Refused, *, party_size: int, now: dt.datetime
) -> Beside:
    """What is to be said after a rule said no to the owner of the address."""
    visits = visits_of(visitor, now=now)
    others = [other.pk for other in refused.facts.get("others", ())]
    shown = [visit for visit in visits if visit.pk in others]
    if refused.reason == Reason.ALREADY_REGISTERED:
        held = Registration.objects.active().filter(slot=slot, visitor=visitor)
        shown = list(held.select_related("slot__activity__host"))
    return Beside(
        visitor,
        refused.reason.value,
        shown[:5],
        has_more=len(others) > len(shown),
        instead=times_beside(visits, slot, party_size=party_size, now=now),
        was_tried=True,
    )


def times_beside(
    visits: Iterable[Registration], slot: Slot, *, party_size: int, now: dt.datetime
) -> list[tuple[Slot, str]]:
    """Up to three other times of the activity with places that go with these visits, each in words."""
    visits = list(visits)
    there = {visit.slot_id for visit in visits}
    found = with_room(other_times(slot, now=now), party_size=party_size, now=now)
    fitting = [
        one
        for one in found
        if one.pk not in there and not overlapping(one, visits) and not rushes(one, visits)
    ]
    return [(one, say_slot_time(one)) for one in fitting[:MOST_SHOWN]]


def say_slot_time(slot: Slot) -> str:
    """« Vendredi 11 juin, 11 h 30 »."""
    said = say_slot(slot)
    return f"{said[:1].upper()}{said[1:]}"


def say_slot(slot: Slot) -> str:
    """The same within a sentence: « vendredi 11 juin, 11 h 30 »."""
    return f"{say_day(slot.day)}, {say_time(slot.local_start)}"


def say_rush(rush: Rush, slot: Slot) -> str:
    """« 25 min à pied, et 15 min entre les deux »."""
    walk = say_walk(position_of(venue_of(rush.visit.slot)), position_of(venue_of(slot)))
    return _("%(walk)s, and %(time)s between the two") % {"walk": walk, "time": say_duration(rush.minutes)}
