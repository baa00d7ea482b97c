"""A slot that will not take place, and a slot that grows or shrinks."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F

from accounts.models import User
from events.mail.outbox import owe
from events.models import JournalEntry, Message, Registration, RoomOccupancy, Slot
from events.refusals import Reason, Refused
from events.webhooks.tell import Event, tell_registrations, tell_slot

from .locks import lock_slot
from .patience import patient
from .pools import fit_second_wave
from .waiting import offer_places


@patient
@transaction.atomic
def withdraw_slot(*, slot_id: int, reason: str, by: User | None, now: dt.datetime, by_host: bool) -> Slot:
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
    slot.taken = slot.held = slot.waiting = slot.reserved = 0
    slot.next_release_at = None
    slot.save(
        update_fields=[
            "state", "cancelled_at", "cancelled_by_host", "cancel_reason", "revision", "taken", "held",
            "waiting", "reserved", "next_release_at",
        ]
    )  # fmt: skip
    slot.pools.all().delete()
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
        hold="",
        held_until=None,
        revision=F("revision") + 1,
    )
    tell_registrations(Event.CANCELLED, [registration.pk for registration in told], now=now)
    tell_slot(slot, "cancelled", now=now)
    RoomOccupancy.objects.filter(slot=slot).update(active=False)
    JournalEntry.objects.create(
        at=now, actor=by, verb="withdraw_slot", slot=slot, activity=slot.activity, text=reason
    )
    return slot


@patient
@transaction.atomic
def change_capacity(*, slot_id: int, capacity: int | None, now: dt.datetime, by: User | None) -> Slot:
    """Give a slot more or fewer places (None: no limit) and offer what is free to who waits.

    A second wave keeps its share of them. Raises ``Refused``: PLACES_TAKEN (facts ``taken``, and ``kept``
    where reserves hold some), ROOM_TOO_SMALL (fact ``most``), WRONG_STATE (withdrawn).
    """
    slot = lock_slot(slot_id)
    before = slot.capacity
    if capacity == before and slot.state != Slot.State.CANCELLED:
        return slot
    slot.capacity = capacity
    if capacity is None:
        slot.overbook = 0
    fit_second_wave(slot, before=before, now=now)
    _refuse_size(slot, capacity=capacity, overbook=slot.overbook, fixed=slot.overbook)
    slot.save(update_fields=["capacity", "overbook", "reserved", "next_release_at"])
    said = f"{'∞' if before is None else before} → {'∞' if capacity is None else capacity}"
    return _resized(slot, "change_capacity", said, by, now)


@patient
@transaction.atomic
def change_overbook(*, slot_id: int, overbook: int, now: dt.datetime, by: User | None) -> Slot:
    """Let ``overbook`` people more book than there are places, because some will not come.

    Raises ``Refused``: NO_LIMIT, PLACES_TAKEN (facts ``taken``, ``kept``), ROOM_TOO_SMALL (fact ``most``:
    people more than places, as many as the building may hold), WRONG_STATE (withdrawn).
    """
    slot = lock_slot(slot_id)
    if slot.capacity is None:
        raise Refused(Reason.NO_LIMIT)
    before = slot.overbook
    _refuse_size(slot, capacity=slot.capacity, overbook=overbook, fixed=slot.capacity)
    if overbook == before:
        return slot
    slot.overbook = overbook
    slot.save(update_fields=["overbook"])
    return _resized(slot, "change_overbook", f"+{before} → +{overbook}", by, now)


def _refuse_size(slot: Slot, *, capacity: int | None, overbook: int, fixed: int) -> None:
    """``fixed``: which of the two is not being changed."""
    if slot.state == Slot.State.CANCELLED:
        raise Refused(Reason.WRONG_STATE)
    if slot.reserved and (capacity is None or capacity + overbook < slot.taken + slot.held + slot.reserved):
        raise Refused(Reason.PLACES_TAKEN, taken=slot.taken + slot.held, kept=slot.reserved)
    if capacity is None:
        return
    if capacity + overbook < slot.taken + slot.held:
        raise Refused(Reason.PLACES_TAKEN, taken=slot.taken + slot.held)
    if slot.safety_capacity is not None and capacity + overbook > slot.safety_capacity:
        is_places = capacity == slot.capacity and overbook != slot.overbook
        raise Refused(
            Reason.ROOM_TOO_SMALL, most=slot.safety_capacity - (capacity if is_places else overbook)
        )


def _resized(slot: Slot, verb: str, said: str, by: User | None, now: dt.datetime) -> Slot:
    JournalEntry.objects.create(at=now, actor=by, verb=verb, slot=slot, activity=slot.activity, text=said)
    tell_slot(slot, "resized", now=now)
    offer_places(slot=slot, now=now)
    slot.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
    return slot
