"""One more slot beside what somebody has planned: what it overlaps, what is too far to walk to, what else
there is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from events.calendar import position_of, venue_of
from events.models import Registration, Slot, Visitor
from events.wording import is_tight

from .refusing import can_wait, why_closed


@dataclass(frozen=True, slots=True)
class Rush:
    """A visit of the same day that is hard to reach from a slot, or the slot from it."""

    visit: Registration
    minutes: int
    """Between the two, by the clock."""
    comes_first: bool
    """The visit is over before the slot begins."""


def visits_of(visitor: Visitor, *, now: dt.datetime, without: Collection[int] = ()) -> list[Registration]:
    """What this address has confirmed or kept and is not over, the earliest first; each with where it is.

    Left out: a visit still to be chosen, and the registrations ``without``.
    """
    held = Registration.objects.filter(
        visitor=visitor,
        status__in=[Registration.Status.CONFIRMED, Registration.Status.HELD],
        slot__ends_at__gt=now,
    )
    return list(
        held.exclude(hold=Registration.Hold.CHOICE)
        .exclude(pk__in=list(without))
        .select_related("slot__activity__host", "slot__activity__venue", "slot__venue")
        .order_by("slot__starts_at", "pk")
    )


def overlapping(slot: Slot, visits: Iterable[Registration]) -> list[Registration]:
    """The visits at the same time as a slot, its own booking left out."""
    return [
        visit
        for visit in visits
        if visit.slot_id != slot.pk
        and visit.slot.starts_at < slot.ends_at
        and visit.slot.ends_at > slot.starts_at
    ]


def rushes(slot: Slot, visits: Iterable[Registration]) -> list[Rush]:
    """The visits of the slot's day that one does not reach in time, the earliest first."""
    found = []
    for visit in visits:
        if visit.slot.day != slot.day or visit.slot_id == slot.pk or overlapping(slot, [visit]):
            continue
        comes_first = visit.slot.starts_at < slot.starts_at
        first, second = (visit.slot, slot) if comes_first else (slot, visit.slot)
        minutes = int((second.starts_at - first.ends_at).total_seconds() // 60)
        if is_tight(position_of(venue_of(first)), position_of(venue_of(second)), minutes):
            found.append(Rush(visit, minutes, comes_first))
    return found


def other_times(slot: Slot, *, now: dt.datetime) -> list[Slot]:
    """The other slots of the activity that are still to come, the earliest first."""
    slots = Slot.objects.published().upcoming(now).filter(activity=slot.activity_id).exclude(pk=slot.pk)
    others = list(slots.select_related("venue__commune", "venue__territory", "room").in_order())
    for other in others:
        other.activity = slot.activity  # read already, and the same for all
    return others


def with_room(slots: Iterable[Slot], *, party_size: int, now: dt.datetime) -> list[Slot]:
    """Those a party can book now."""
    return [
        slot
        for slot in slots
        if not why_closed(slot, now=now) and (slot.places_left is None or slot.places_left >= party_size)
    ]


def to_wait_for(slots: Iterable[Slot], *, party_size: int, now: dt.datetime) -> list[Slot]:
    """Those a party can only wait for."""
    return [
        slot
        for slot in slots
        if not why_closed(slot, now=now)
        and slot.places_left is not None
        and slot.places_left < party_size
        and can_wait(slot, party_size=party_size)
    ]
