"""Joining a waiting list: one request, one party, one slot or any of several of the same activity."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress

from django.db.models import Max

from events.links import mailbox_of
from events.models import Registration, Slot
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .wish import Wish


def queue_up(wish: Wish, registration: Registration) -> None:
    """Count a waiting registration in its slot, and put the same request into the other slots it names.

    In the order of the slots' numbers, inside the transaction that wrote ``registration``. A further slot
    that is not full, not of the same activity, or where the visitor stands already, by whatever tag, is left
    out. Raises ``Unmoved`` when the first slot has no list to join.
    """
    others = _others(wish, registration)
    written = [registration.pk]
    for slot_id in sorted({wish.slot_id, *others}):
        if slot_id == wish.slot_id:
            counters.queue_up(wish)
            _stand_last(registration)
            continue
        with suppress(counters.Unmoved):
            counters.queue_up(wish, slot_id=slot_id)
            other = Registration.objects.create(
                slot_id=slot_id,
                visitor_id=registration.visitor_id,
                party_size=wish.party_size,
                name=wish.name,
                locale=wish.locale,
                submission_id=uuid.uuid5(wish.submission_id, str(slot_id)),
                submission_hash=wish.fingerprint,
                partner=wish.partner,
                any_of=registration.any_of,
                status=Registration.Status.WAITING,
                created_at=wish.now,
                waiting_since=wish.now,
            )
            _stand_last(other)
            written.append(other.pk)
    tell_registrations(Event.BOOKED, written, now=wish.now)


def _stand_last(registration: Registration) -> None:
    """Behind everybody who joined before, whose row of the slot was locked before ours.

    Two people may arrive in one order and be written down in the other; only the lock's order is one that
    nobody can be said to have overtaken.
    """
    others = Registration.objects.filter(slot=registration.slot_id).exclude(pk=registration.pk)
    last = others.aggregate(last=Max("waiting_since"))["last"]
    if last is not None and registration.waiting_since is not None and last >= registration.waiting_since:
        registration.waiting_since = last + dt.timedelta(microseconds=1)
        registration.save(update_fields=["waiting_since"])


def _others(wish: Wish, registration: Registration) -> set[int]:
    if not wish.any_of:
        return set()
    activity = Slot.objects.filter(pk=wish.slot_id).values("activity")
    stands = Registration.objects.active().filter(visitor__mailbox=mailbox_of(wish.email)).values("slot")
    others = Slot.objects.filter(pk__in=wish.any_of, activity__in=activity).exclude(pk__in=stands)
    return set(others.values_list("pk", flat=True))
