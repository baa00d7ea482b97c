"""Another time of the same visit in one step: the old place is given up only once the new one is had."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from events.mail.outbox import owe
from events.models import Message, Registration, Slot, Visitor
from events.refusals import Reason, Refused
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .cancel import cancel_registration
from .conduct import find_trouble
from .locks import lock_slots
from .patience import patient
from .refusing import can_wait, why_closed
from .waiting import offer_places

CONFIRMED, WAITING = Registration.Status.CONFIRMED, Registration.Status.WAITING


@patient
@transaction.atomic
def move_registration(*, registration_id: int, to_slot_id: int, now: dt.datetime) -> Registration:
    """Move a confirmed party to another slot of its activity; its reference, ticket and calendar entry stay.

    Raises ``Refused`` and changes nothing: NOT_ACTIVE (not confirmed), IN_THE_PAST (the visit has begun),
    OTHER_ACTIVITY (also for the slot it is in), ALREADY_REGISTERED (it has a place there), FULL (facts
    ``places_left``, ``can_wait``), why nobody can book there (CLOSED, NOT_OPEN_YET …), and what one person
    may not hold (fact ``others``).
    """
    from_slot_id = Registration.objects.values_list("slot_id", flat=True).get(pk=registration_id)
    slots = lock_slots({from_slot_id, to_slot_id})
    old, new = slots[from_slot_id], slots[to_slot_id]
    registration = Registration.objects.select_related("visitor").get(pk=registration_id)
    visitor = Visitor.objects.select_for_update(no_key=True).get(pk=registration.visitor_id)
    if registration.status != CONFIRMED or registration.slot_id != old.pk:
        raise Refused(Reason.NOT_ACTIVE)
    if old.starts_at <= now:
        raise Refused(Reason.IN_THE_PAST)
    if new.activity_id != old.activity_id or new.pk == old.pk:
        raise Refused(Reason.OTHER_ACTIVITY)
    if closed := why_closed(new, now=now):
        raise closed
    _leave_list_or_refuse(visitor, new, now)
    trouble = find_trouble(
        mailbox=visitor.mailbox,
        visitor_id=visitor.pk,
        slot_id=new.pk,
        party_size=registration.party_size,
        now=now,
        without=[registration.pk],
    )
    if trouble:
        raise trouble.refused()
    pool = _take(registration, new)
    before = registration.pool
    # A calendar's SEQUENCE is the sum of both revisions (``events.calendar``): it rises whatever revision
    # the new slot has.
    registration.revision += 1 + max(0, old.revision - new.revision)
    registration.slot, registration.pool = new, pool
    # As if it were booked now: the mail that says so is fresh, and « yes, I come » was said of another time.
    registration.confirmed_at, registration.coming_at = now, None
    registration.save(update_fields=["slot", "pool", "revision", "confirmed_at", "coming_at"])
    counters.give_back(slot_id=old.pk, places=registration.party_size, pool=before)
    tell_registrations(Event.CHANGED, [registration.pk], now=now, change="moved")
    owe(
        kind=Message.Kind.MOVED,
        dedupe_key=f"moved_to:{registration.pk}:{registration.revision}",
        recipient=visitor.email,
        locale=registration.locale,
        now=now,
        registration=registration,
        context={"old_starts_at": old.starts_at.isoformat(), "old_ends_at": old.ends_at.isoformat()},
    )
    old.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
    offer_places(slot=old, now=now)
    return registration


def _leave_list_or_refuse(visitor: Visitor, new: Slot, now: dt.datetime) -> None:
    """Who waits there already gets the place by moving; who has one there needs no second."""
    for there in new.registrations.active().filter(visitor=visitor).order_by("pk"):
        if there.status != WAITING:
            raise Refused(Reason.ALREADY_REGISTERED)
        cancel_registration(registration_id=there.pk, now=now, by="other_time")
    new.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])


def _take(registration: Registration, new: Slot) -> str:
    """Take the places in the new slot, from the same pool where it has them; the pool they come from."""
    places = registration.party_size
    for pool in dict.fromkeys([registration.pool, ""]):
        try:
            with transaction.atomic():
                counters.take_in(slot_id=new.pk, places=places, pool=pool)
            return pool
        except counters.Unmoved:
            continue
    waits = can_wait(new, party_size=places)
    raise Refused(Reason.FULL, places_left=new.places_left, can_wait=waits)
