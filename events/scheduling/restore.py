"""A withdrawn slot takes place after all."""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction

from accounts.models import User
from events.guards import GUARD, PERSON_GUARD
from events.models import Activity, JournalEntry, RoomOccupancy, Slot
from events.refusals import Reason, Refused
from events.registration.patience import patient
from events.webhooks.tell import tell_slot

from .place import (
    begins_then_already,
    lock_people,
    lock_rooms_of,
    lock_slot_with_its_place,
    refuse_what_the_rules_forbid,
    told_why,
)
from .rooms import people_it_may_hold, stays_of


@told_why
@patient
@transaction.atomic
def restore_slot(*, slot_id: int, by: User, now: dt.datetime, keeps_room: bool = True) -> Slot:
    """Publish a withdrawn slot again, empty, in the room it had; without one where ``keeps_room`` is false.

    Who held a place was told that it does not take place, and books anew: nobody's place comes back by
    itself. The database gives the slot its room again or refuses (``guards.TIED_GUARD``).

    Raises ``Refused``: WRONG_STATE (not withdrawn, or its activity is not public), IN_THE_PAST (begun),
    SAME_START, and as ``place_slot`` ROOM_OCCUPIED, ROOM_TOO_SMALL, ROOM_CLOSED, PERSON_BUSY, RULE_BROKEN,
    BUSY. Raises ``Slot.DoesNotExist``.
    """
    slot = lock_slot_with_its_place(slot_id)
    if not slot.is_cancelled or slot.activity.state != Activity.State.PUBLISHED:
        raise Refused(Reason.WRONG_STATE, slot=slot)
    if slot.starts_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=slot)
    slot.state, slot.cancelled_at, slot.cancelled_by_host = Slot.State.PUBLISHED, None, False
    was_reason, slot.cancel_reason = slot.cancel_reason, ""
    slot.revision += 1
    if not keeps_room:
        slot.occupancies.all().delete()
        slot.room = None
    room = slot.room
    refuse_what_the_rules_forbid(slot)
    lock_people(slot.appearances.values("person"))
    if room is not None:
        lock_rooms_of(slot)
    slot.safety_capacity = people_it_may_hold(room) if room is not None else None
    changed = ["state", "cancelled_at", "cancelled_by_host", "cancel_reason", "revision"]
    changed += ["room", "safety_capacity"]
    stays = stays_of(room, slot.starts_at, slot.ends_at) if room is not None else []
    try:
        with transaction.atomic():
            if room is not None and not slot.occupancies.exists():
                RoomOccupancy.objects.bulk_create(
                    RoomOccupancy(room=at.room, slot=slot, starts_at=at.starts_at, ends_at=at.ends_at)
                    for at in stays
                )
            slot.save(update_fields=changed)
    except IntegrityError as error:
        said = str(error)
        if GUARD in said:
            raise Refused(Reason.ROOM_OCCUPIED, slot=slot, room=room, stays=stays) from error
        if PERSON_GUARD in said:
            raise Refused(Reason.PERSON_BUSY, slot=slot, room=room) from error
        if begins_then_already(slot):
            raise Refused(Reason.SAME_START, slot=slot) from error
        raise
    tell_slot(slot, "restored", now=now)
    JournalEntry.objects.create(
        at=now, actor=by, verb="restore_slot", slot=slot, activity=slot.activity, text=was_reason
    )
    return slot
