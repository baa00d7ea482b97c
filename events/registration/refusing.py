"""Why not: read after the rollback, in one fixed order, from what everybody may see. It never looks at who
asks.
"""

from __future__ import annotations

import datetime as dt

from events.models import Activity, Festival, Mode, Slot
from events.refusals import Reason, Refused

from .wish import Wish


def why_closed(slot: Slot, *, now: dt.datetime) -> Refused | None:
    """Why nobody can book this slot now, whatever the party; none when it can be asked for."""
    activity = slot.activity
    is_published = (
        slot.state == Slot.State.PUBLISHED
        and activity.state == Activity.State.PUBLISHED
        and activity.festival.state == Festival.State.PUBLISHED
    )
    if not is_published or slot.starts_at <= now:
        return Refused(Reason.CLOSED)
    if activity.mode == Mode.DROP_IN:
        return Refused(Reason.NO_BOOKING_NEEDED)
    if activity.mode != Mode.FIRST_COME:
        return Refused(Reason.CLOSED)
    if slot.opens_at is not None and slot.opens_at > now:
        return Refused(Reason.NOT_OPEN_YET, opens_at=slot.opens_at)
    return None


def can_wait(slot: Slot, *, party_size: int) -> bool:
    """Whether a party may join the list: it is open, and the slot could hold the party at all."""
    return (
        slot.waiting_list_open and slot.capacity is not None and party_size <= slot.capacity + slot.overbook
    )


def why_not(wish: Wish) -> Refused | None:
    """Why this wish is not granted; none when nothing stands in its way any more."""
    slot = Slot.objects.select_related("activity__festival").filter(pk=wish.slot_id).first()
    if slot is None:
        return Refused(Reason.CLOSED)
    if closed := why_closed(slot, now=wish.now):
        return closed
    if wish.party_size > slot.activity.festival.most_places and not wish.takes_from:
        return Refused(Reason.LIMIT, most=slot.activity.festival.most_places)
    if slot.activity.ask_name and not wish.name:
        return Refused(Reason.NAME_NEEDED)
    if wish.takes_from:
        return None  # the pool is asked for itself
    left = slot.places_left
    if left is not None and left < wish.party_size:
        return Refused(Reason.FULL, places_left=left, can_wait=can_wait(slot, party_size=wish.party_size))
    return None
