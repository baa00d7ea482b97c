"""From kept to confirmed: an offer taken, an address confirmed, one of several visits chosen, a last call
won.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection

from django.db import transaction
from django.db.models import F

from events.mail.outbox import owe
from events.models import Message, Overtaking, Registration, Slot, Visitor
from events.refusals import Reason, Refused
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .cancel import cancel_registration
from .conduct import find_trouble
from .locks import lock_slot_of, lock_slots
from .patience import patient
from .refusing import can_wait, why_closed
from .waiting import is_last_call, offer_places

CONFIRMED, WAITING, HELD = (
    Registration.Status.CONFIRMED,
    Registration.Status.WAITING,
    Registration.Status.HELD,
)


@patient
@transaction.atomic
def settle_hold(
    *, registration_id: int, now: dt.datetime, instead_of: Collection[int] = (), tells: bool = True
) -> Registration:
    """Confirm places that are kept, giving back the visits ``instead_of`` (registrations of the same
    mailbox).

    Whoever calls it has the visitor's own link, so its address is confirmed too. All or nothing. Other slots
    of the same request are waited for no longer. ``tells``: owe the confirmation; else who calls it does.
    Raises ``Refused``: OFFER_OVER (the time is over, or it was
    answered before), CLOSED, and what one person may not hold (OVERLAP, DAY_LIMIT, FESTIVAL_LIMIT, LIMIT;
    fact ``others``).
    """
    slots, registration = _lock(registration_id, instead_of)
    if registration.status != HELD or registration.held_until is None or registration.held_until <= now:
        raise Refused(Reason.OFFER_OVER)
    slot = slots[registration.slot_id]
    if slot.state != Slot.State.PUBLISHED or slot.starts_at <= now:
        raise Refused(Reason.CLOSED)
    return _confirm(registration, slots, now, instead_of, tells=tells)


@patient
@transaction.atomic
def let_pass(*, registration_id: int, now: dt.datetime) -> Registration:
    """Let go places that are only kept; the next in line is offered them.

    Raises ``Refused(OFFER_OVER)`` where they are not kept any more: what was confirmed meanwhile stays.
    """
    lock_slot_of(registration_id)
    if not Registration.objects.filter(pk=registration_id, status=HELD).exists():
        raise Refused(Reason.OFFER_OVER)
    return cancel_registration(registration_id=registration_id, now=now)


@patient
@transaction.atomic
def claim_place(*, registration_id: int, now: dt.datetime, instead_of: Collection[int] = ()) -> Registration:
    """Near the start: whoever waits takes places that are free, the first click first.

    Raises ``Refused``: NOT_ACTIVE (no longer waiting), NOT_YET (offers still go in turn), FULL (facts
    ``places_left``, ``can_wait``), CLOSED, and what one person may not hold.
    """
    slots, registration = _lock(registration_id, instead_of)
    if registration.status != WAITING:
        raise Refused(Reason.NOT_ACTIVE)
    slot = slots[registration.slot_id]
    if closed := why_closed(slot, now=now):
        raise closed
    if not is_last_call(slot, now=now):
        raise Refused(Reason.NOT_YET)
    left = slot.places_left
    if left is not None and left < registration.party_size:
        waits = can_wait(slot, party_size=registration.party_size)
        raise Refused(Reason.FULL, places_left=left, can_wait=waits)
    return _confirm(registration, slots, now, instead_of)


def _lock(registration_id: int, instead_of: Collection[int]) -> tuple[dict[int, Slot], Registration]:
    """The slots of a registration, of the rest of its request and of what is given back for it; then
    itself.
    """
    registration = Registration.objects.get(pk=registration_id)
    touched = {registration.slot_id}
    touched |= set(Registration.objects.filter(pk__in=list(instead_of)).values_list("slot_id", flat=True))
    if registration.any_of:
        same = Registration.objects.filter(any_of=registration.any_of, status__in=[WAITING, HELD])
        touched |= set(same.values_list("slot_id", flat=True))
    slots = lock_slots(touched)
    Visitor.objects.select_for_update(no_key=True).get(pk=registration.visitor_id)
    return slots, Registration.objects.select_related("visitor").get(pk=registration_id)


def _confirm(
    registration: Registration,
    slots: dict[int, Slot],
    now: dt.datetime,
    instead_of: Collection[int],
    *,
    tells: bool = True,
) -> Registration:
    before, visitor = registration.status, registration.visitor
    offered = _offered_elsewhere(registration, slots)
    trouble = find_trouble(
        mailbox=visitor.mailbox,
        visitor_id=visitor.pk,
        slot_id=registration.slot_id,
        party_size=registration.party_size,
        now=now,
        without={registration.pk, *instead_of, *offered},
    )
    if trouble:
        raise trouble.refused()
    # The state makes it happen once, whoever answers or ends the same hold at this moment.
    mine = Registration.objects.filter(pk=registration.pk, status=before, revision=registration.revision)
    changed = {
        "status": CONFIRMED,
        "hold": "",
        "held_until": None,
        "confirmed_at": now,
        "revision": registration.revision + 1,
    }
    if not mine.update(**changed):
        raise Refused(Reason.OFFER_OVER)
    for field, value in changed.items():
        setattr(registration, field, value)
    if before == HELD:
        counters.settle(slot_id=registration.slot_id, places=registration.party_size)
    else:
        counters.seat_from_queue(slot_id=registration.slot_id, places=registration.party_size)
    Visitor.objects.filter(pk=visitor.pk, verified_at__isnull=True).update(verified_at=now)
    for given_back in sorted(instead_of):
        theirs = Registration.objects.active().filter(pk=given_back, visitor__mailbox=visitor.mailbox)
        if theirs.exists():
            cancel_registration(registration_id=given_back, now=now)
    _wait_no_longer(registration, slots, now)
    tell_registrations(Event.CHANGED, [registration.pk], now=now, change="confirmed")
    if tells:
        owe(
            kind=Message.Kind.CONFIRMATION,
            dedupe_key=f"confirm:{registration.pk}:{registration.revision}",
            recipient=visitor.email,
            locale=registration.locale,
            now=now,
            registration=registration,
        )
    return registration


def _offered_elsewhere(registration: Registration, slots: dict[int, Slot]) -> list[int]:
    """What the same request for any of several is offered in another slot, whose row is locked."""
    if not registration.any_of:
        return []
    held = Registration.objects.filter(any_of=registration.any_of, status=HELD, slot__in=slots)
    return list(held.exclude(pk=registration.pk).order_by("slot_id").values_list("pk", flat=True))


def _wait_no_longer(registration: Registration, slots: dict[int, Slot], now: dt.datetime) -> None:
    """The other slots of a request for any of several, whose rows are locked."""
    if not registration.any_of:
        return
    for offered in _offered_elsewhere(registration, slots):
        cancel_registration(registration_id=offered, now=now, by="other_time")
    rest = Registration.objects.filter(any_of=registration.any_of, status=WAITING, slot__in=slots)
    others = list(rest.order_by("slot_id"))
    for other in others:
        counters.leave_queue(slot_id=other.slot_id)
    rest.update(
        status=Registration.Status.CANCELLED,
        cancelled_at=now,
        cancelled_by="other_time",
        revision=F("revision") + 1,
    )
    tell_registrations(Event.CANCELLED, [other.pk for other in others], now=now)


@patient
@transaction.atomic
def split_party(*, registration_id: int, first: int, now: dt.datetime) -> tuple[Registration, Registration]:
    """Let a waiting party split: ``first`` people and the rest wait as two requests, both with the old rank.

    In every slot of the request. Raises ``Refused``: NOT_ACTIVE (no longer waiting), LIMIT (``first`` is
    none or all of them; fact ``most``).
    """
    slots, registration = _lock(registration_id, ())
    if registration.status != WAITING:
        raise Refused(Reason.NOT_ACTIVE)
    if not 1 <= first < registration.party_size:
        raise Refused(Reason.LIMIT, most=registration.party_size - 1)
    whole = [registration]
    if registration.any_of:
        rest = Registration.objects.filter(any_of=registration.any_of, status=WAITING, slot__in=slots)
        whole += list(rest.exclude(pk=registration.pk).select_related("visitor").order_by("slot_id"))
    other_request = registration.split_id() if registration.any_of else None
    parts = []
    for one in whole:
        parts.append(_part_of(one, first=first, any_of=other_request, now=now))
        one.party_size, one.revision = first, one.revision + 1
        one.save(update_fields=["party_size", "revision"])
        Slot.objects.filter(pk=one.slot_id).update(waiting=F("waiting") + 1)
    tell_registrations(Event.CHANGED, [one.pk for one in whole], now=now, change="split")
    tell_registrations(Event.BOOKED, [part.pk for part in parts], now=now)
    for slot in slots.values():
        slot.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
        offer_places(slot=slot, now=now)
    registration.refresh_from_db()
    parts[0].refresh_from_db()
    return registration, parts[0]


@patient
@transaction.atomic
def take_fewer(*, registration_id: int, keep: int, now: dt.datetime) -> Registration:
    """Let a waiting party become ``keep`` people, with its rank, in every slot of its request.

    Raises ``Refused``: NOT_ACTIVE (no longer waiting), LIMIT (``keep`` is none, or more than it is; fact
    ``most``).
    """
    slots, registration = _lock(registration_id, ())
    if registration.status != WAITING:
        raise Refused(Reason.NOT_ACTIVE)
    if not 1 <= keep <= registration.party_size:
        raise Refused(Reason.LIMIT, most=registration.party_size)
    request = Registration.objects.filter(pk=registration.pk)
    if registration.any_of:
        request = Registration.objects.filter(any_of=registration.any_of, slot__in=slots)
    waiting = request.filter(status=WAITING, party_size__gt=keep).order_by("slot_id")
    for pk, size in list(waiting.values_list("pk", "party_size")):
        cancel_registration(registration_id=pk, now=now, places=size - keep)
    registration.refresh_from_db()
    return registration


def _part_of(one: Registration, *, first: int, any_of: uuid.UUID | None, now: dt.datetime) -> Registration:
    part = Registration.objects.create(
        slot_id=one.slot_id,
        visitor_id=one.visitor_id,
        party_size=one.party_size - first,
        name=one.name,
        locale=one.locale,
        submission_id=one.split_id(),
        submission_hash=one.submission_hash,
        partner_id=one.partner_id,
        any_of=any_of,
        part_of=one,
        status=WAITING,
        created_at=now,
        waiting_since=one.waiting_since,
    )
    # Why the whole party was passed holds for its parts, which keep its rank.
    Overtaking.objects.bulk_create(
        Overtaking(registration=part, by_id=said.by_id, why=said.why, places=said.places, at=said.at)
        for said in one.overtakings.all()
    )
    return part
