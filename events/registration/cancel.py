"""Giving places back, all or some, once."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from events.mail.outbox import owe
from events.models import Message, Registration
from events.refusals import Reason, Refused
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .locks import lock_slot_of, lock_slots
from .patience import patient
from .waiting import offer_places

CONFIRMED, HELD = Registration.Status.CONFIRMED, Registration.Status.HELD


@patient
@transaction.atomic
def cancel_registration(
    *, registration_id: int, now: dt.datetime, places: int | None = None, by: str = "visitor"
) -> Registration:
    """Give back ``places`` of a registration (None, or as many as it has: all) and offer them to who waits.

    Letting an offer pass and leaving the waiting list are the same act and owe no mail. Raises ``Refused``:
    NOT_ACTIVE (given back before), IN_THE_PAST (the visit has begun), LIMIT (``places`` below 1);
    ``Registration.DoesNotExist``.
    """
    if places is not None and places < 1:
        raise Refused(Reason.LIMIT, most=1)
    slot = lock_slot_of(registration_id)
    registration = Registration.objects.select_related("visitor").get(pk=registration_id)
    if not registration.is_active:
        raise Refused(Reason.NOT_ACTIVE)
    if slot.starts_at <= now and by == "visitor":
        raise Refused(Reason.IN_THE_PAST)
    before, given = registration.status, min(places or registration.party_size, registration.party_size)
    is_over = given == registration.party_size

    changed: dict[str, Any] = {"revision": registration.revision + 1}
    if is_over:
        changed |= {"status": Registration.Status.CANCELLED, "cancelled_at": now, "cancelled_by": by}
        changed |= {"hold": "", "held_until": None}
    else:
        changed |= {"party_size": registration.party_size - given}
    # The revision makes it happen once, whoever else is giving the same places back.
    mine = Registration.objects.filter(pk=registration.pk, revision=registration.revision, status=before)
    if not mine.update(**changed):
        raise Refused(Reason.NOT_ACTIVE)
    for field, value in changed.items():
        setattr(registration, field, value)

    if before == CONFIRMED:
        counters.give_back(slot_id=slot.pk, places=given, pool=registration.pool)
        _tell(registration, given=given, now=now)
    elif before == HELD:
        counters.let_go(slot_id=slot.pk, places=given, pool=registration.pool)
    elif is_over:
        counters.leave_queue(slot_id=slot.pk)
    event, change = (Event.CANCELLED, "") if is_over else (Event.CHANGED, "reduced")
    tell_registrations(event, [registration.pk], now=now, change=change)
    slot.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
    offer_places(slot=slot, now=now)
    return registration


@patient
@transaction.atomic
def leave_lists(*, registration_id: int, now: dt.datetime) -> int:
    """Wait no longer in any slot of a request, all or nothing; how many lists were left.

    Raises ``Refused``: NOT_ACTIVE (nothing of the request waits any more).
    """
    registration = Registration.objects.get(pk=registration_id)
    same = Registration.objects.filter(pk=registration_id)
    if registration.any_of:
        same = Registration.objects.filter(any_of=registration.any_of, visitor=registration.visitor_id)
    lock_slots(same.values_list("slot_id", flat=True))
    same = same.waiting().filter(slot__starts_at__gt=now)
    waiting = list(same.order_by("slot_id").values_list("pk", flat=True))
    if not waiting:
        raise Refused(Reason.NOT_ACTIVE)
    for pk in waiting:
        cancel_registration(registration_id=pk, now=now)
    return len(waiting)


def _tell(registration: Registration, *, given: int, now: dt.datetime) -> None:
    is_over = not registration.is_active
    kind = Message.Kind.CANCELLATION if is_over else Message.Kind.REDUCED
    owe(
        kind=kind,
        dedupe_key=f"{'cancel' if is_over else 'reduce'}:{registration.pk}:{registration.revision}",
        recipient=registration.visitor.email,
        locale=registration.locale,
        now=now,
        registration=registration,
        context={} if is_over else {"given_back": given},
    )
