"""What one person may hold: no two visits at once, so many a day, so many in all, so many places in a slot.

Counted by mailbox, so that +tags are one person. To be asked with the visitor's row locked
(``meet_visitor``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from events.models import Registration, Slot
from events.refusals import Reason, Refused

CONFIRMED, HELD = Registration.Status.CONFIRMED, Registration.Status.HELD
CHOICE, OFFER = Registration.Hold.CHOICE, Registration.Hold.OFFER


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one more visit is one too many, and the visits that are in the way (the earliest first)."""

    reason: Reason
    others: list[Registration]

    def refused(self) -> Refused:
        """For somebody who may know: partner, or whoever holds the visitor's own link."""
        return Refused(self.reason, others=self.others)


def find_trouble(
    *,
    mailbox: str,
    visitor_id: int,
    slot_id: int,
    party_size: int,
    now: dt.datetime,
    without: Collection[int] = (),
) -> Trouble | None:
    """What stands between this mailbox and one more visit; none when nothing does.

    ``without``: registrations that do not count, because they are the one in question or are given back with
    it. A visit still to be chosen and an offer not taken do not count, and the visitor's own booking of this
    very slot is a matter of ``one_active_registration_per_email_and_slot``.
    """
    slot = Slot.objects.select_related("activity__festival").get(pk=slot_id)
    festival = slot.activity.festival
    held = list(
        Registration.objects.filter(visitor__mailbox=mailbox, status__in=[CONFIRMED, HELD])
        .exclude(hold__in=[CHOICE, OFFER])
        .exclude(pk__in=list(without))
        .select_related("slot__activity", "visitor")
        .order_by("slot__starts_at", "pk")
    )
    here = [other for other in held if other.slot_id == slot_id and other.visitor_id != visitor_id]
    if here and sum(other.party_size for other in here) + party_size > festival.most_places:
        return Trouble(Reason.LIMIT, here)
    elsewhere = [other for other in held if other.slot_id != slot_id]
    overlapping = [
        other
        for other in elsewhere
        if other.slot.starts_at < slot.ends_at and other.slot.ends_at > slot.starts_at
    ]
    if overlapping:
        return Trouble(Reason.OVERLAP, overlapping)
    in_all = [other for other in elsewhere if other.slot.activity.festival_id == festival.pk]
    that_day = [other for other in in_all if other.slot.day == slot.day]
    if _is_reached(festival.most_bookings_per_day, that_day):
        return Trouble(Reason.DAY_LIMIT, that_day)
    if _is_reached(festival.most_bookings, in_all):
        ahead = [other for other in in_all if other.slot.starts_at > now]
        return Trouble(Reason.FESTIVAL_LIMIT, ahead or in_all)
    return None


def _is_reached(most: int | None, visits: list[Registration]) -> bool:
    """Counted in slots: the two parts of a party that split are one visit."""
    return most is not None and len({visit.slot_id for visit in visits}) >= most


def crowd_of_tags(*, mailbox: str, visitor_id: int, slot_id: int, party_size: int) -> list[Registration]:
    """What other tags of a mailbox hold or wait for in a slot, where one more party would be too many; else
    nothing.

    Waiting counts here: each tag would be made an offer, and the places kept for all of them.
    """
    here = list(
        Registration.objects.active()
        .filter(slot=slot_id, visitor__mailbox=mailbox)
        .exclude(visitor=visitor_id)
        .select_related("visitor", "slot__activity__festival")
        .order_by("pk")
    )
    if not here:
        return []
    most = here[0].slot.activity.festival.most_places
    return here if sum(other.party_size for other in here) + party_size > most else []


def unsettled_choice(*, mailbox: str) -> Registration | None:
    """A visit of this mailbox that still waits to be chosen: a second one is not kept beside it."""
    held = Registration.objects.filter(visitor__mailbox=mailbox, status=HELD, hold=CHOICE)
    return held.select_related("visitor").order_by("pk").first()
