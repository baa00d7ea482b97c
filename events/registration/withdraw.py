"""A slot that will not take place, and a slot that grows or shrinks."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F

from accounts.models import User
from events.mail.outbox import owe
from events.models import JournalEntry, Message, Registration, RoomOccupancy, Slot
from events.refusals import Reason, Refused

from .cancel import lock_slot
from .patience import patient
from .waiting import promote_waiting


@patient
@transaction.atomic
def withdraw_slot(*, slot_id: int, reason: str, by: User, now: dt.datetime, by_host: bool) -> Slot:
    """Withdraw a published slot: who holds a place or waits is told why, the room is free again.

    Raises ``Refused``: REASON_NEEDED, WRONG_STATE (a draft, or withdrawn before), IN_THE_PAST (it is over).
    """
    reason = reason.strip()
    if not reason:
        raise Refused(Reason.REASON_NEEDED)
    slot = lock_slot(slot_id)
    if slot.state != Slot.State.PUBLISHED:
        raise Refused(Reason.WRONG_STATE)
    if slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST)

    slot.state = Slot.State.CANCELLED
    slot.cancelled_at, slot.cancelled_by_host, slot.cancel_reason = now, by_host, reason
    slot.revision += 1
    slot.taken = slot.held = slot.waiting = 0
    slot.save(
        update_fields=[
            "state", "cancelled_at", "cancelled_by_host", "cancel_reason", "revision", "taken", "held",
            "waiting",
        ]
    )  # fmt: skip
    told = list(slot.registrations.active().select_related("visitor"))
    for registration in told:
        owe(
            kind=Message.Kind.SLOT_CANCELLED,
            dedupe_key=f"slot_cancelled:{registration.pk}:{slot.revision}",
            recipient=registration.visitor.email,
            locale=registration.locale,
            now=now,
            registration=registration,
            slot=slot,
            context={"reason": reason},
        )
    Registration.objects.filter(pk__in=[registration.pk for registration in told]).update(
        status=Registration.Status.CANCELLED,
        cancelled_at=now,
        cancelled_by="host" if by_host else "organiser",
        revision=F("revision") + 1,
    )
    RoomOccupancy.objects.filter(slot=slot).update(active=False)
    JournalEntry.objects.create(
        at=now, actor=by, verb="withdraw_slot", slot=slot, activity=slot.activity, text=reason
    )
    return slot


@patient
@transaction.atomic
def change_capacity(*, slot_id: int, capacity: int | None, now: dt.datetime, by: User) -> Slot:
    """Give a slot more or fewer places (None: no limit) and seat who waits.

    Raises ``Refused``: PLACES_TAKEN (fact ``taken``), ROOM_TOO_SMALL (fact ``most``), WRONG_STATE
    (withdrawn).
    """
    slot = lock_slot(slot_id)
    if slot.state == Slot.State.CANCELLED:
        raise Refused(Reason.WRONG_STATE)
    if capacity is not None:
        if capacity + slot.overbook < slot.taken + slot.held:
            raise Refused(Reason.PLACES_TAKEN, taken=slot.taken + slot.held)
        if slot.safety_capacity is not None and capacity + slot.overbook > slot.safety_capacity:
            raise Refused(Reason.ROOM_TOO_SMALL, most=slot.safety_capacity - slot.overbook)
    if capacity == slot.capacity:
        return slot
    before, slot.capacity = slot.capacity, capacity
    slot.save(update_fields=["capacity"])
    JournalEntry.objects.create(
        at=now,
        actor=by,
        verb="change_capacity",
        slot=slot,
        activity=slot.activity,
        text=f"{'∞' if before is None else before} → {'∞' if capacity is None else capacity}",
    )
    promote_waiting(slot=slot, now=now)
    slot.refresh_from_db(fields=["taken", "held", "waiting"])
    return slot
