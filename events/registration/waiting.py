"""The waiting list: freed places are offered to the first request that fits whole, and held for it.

Every place that comes free goes through ``offer_places`` in the transaction that freed it, with the slot's
row locked, so nobody slips in between. Who is passed has it in writing (``Overtaking``).
"""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, When

from events.mail.outbox import owe
from events.models import Message, Overtaking, Registration, Slot
from events.models.registration import RegistrationQuerySet
from events.rulebook import quiet_of
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .locks import lock_slot
from .patience import patient
from .refusing import why_closed

WAITING, HELD = Registration.Status.WAITING, Registration.Status.HELD
Why = Overtaking.Why

SHORTEST, LONGEST = dt.timedelta(minutes=15), dt.timedelta(hours=24)
NEAR = dt.timedelta(hours=1)
"""Before the start: from here on a quarter of the time left is no longer than the shortest offer."""
LONGEST_NIGHT = dt.timedelta(hours=14)
"""Quiet hours last no longer (``Festival``)."""


def offer_places(*, slot: Slot, now: dt.datetime) -> list[Registration]:
    """Offer what is free in a slot to who waits; the registrations that got an offer.

    Call it inside the transaction that freed the places, with the slot's row locked and its counters fresh.
    Nobody is offered anything in a slot that is over, withdrawn or not bookable. Near the start everybody
    waiting is told and the first click wins (``settle.claim_place``).
    """
    left = slot.places_left
    if not slot.waiting or left == 0 or why_closed(slot, now=now):
        return []
    told_at = when_told(slot, now=now)
    if is_last_call(slot, now=now):
        call_everybody(slot=slot, now=now)
        return []
    offered: list[Registration] = []
    passed: list[tuple[Registration, Why]] = []
    for registration in slot.registrations.waiting().select_related("visitor"):
        if left is not None and registration.party_size > left:
            passed.append((registration, Why.TOO_MANY))
        elif not _offer(registration, slot, told_at, now):
            passed.append((registration, Why.HAS_OFFER))
        else:
            _note(passed, by=registration, places=left or 0, now=now)
            offered.append(registration)
            left = None if left is None else left - registration.party_size
        if left == 0:
            break
    if left:
        _note(passed, by=None, places=left, now=now)
    return offered


def when_told(slot: Slot, *, now: dt.datetime) -> dt.datetime:
    """Now, or in the morning on the territory's clock where it is one of the edition's quiet hours.

    Give the slot with its activity and edition.
    """
    return quiet_of(slot.activity.festival).after(now, slot.timezone)


def is_last_call(slot: Slot, *, now: dt.datetime) -> bool:
    """Whether the visit is so near that places go to the first click instead of in turn."""
    return slot.starts_at - when_told(slot, now=now) <= NEAR


def offer_ends_at(starts_at: dt.datetime, told_at: dt.datetime) -> dt.datetime:
    """A quarter of the time left, not under a quarter of an hour nor over a day."""
    return told_at + max(SHORTEST, min(LONGEST, (starts_at - told_at) / 4))


def _offer(registration: Registration, slot: Slot, told_at: dt.datetime, now: dt.datetime) -> bool:
    """Hold the places of one request and owe it the offer; false where it holds another offer already.

    At night the places are held at once and the mail leaves in the morning, so nobody books them meanwhile.
    """
    until = offer_ends_at(slot.starts_at, told_at)
    registration.status, registration.hold, registration.held_until = HELD, Registration.Hold.OFFER, until
    registration.revision += 1
    try:
        with transaction.atomic():
            registration.save(update_fields=["status", "hold", "held_until", "revision"])
    except IntegrityError:  # one_offer_at_a_time_for_any_of_several_slots
        return False
    counters.offer(slot_id=slot.pk, places=registration.party_size)
    tell_registrations(Event.CHANGED, [registration.pk], now=now, change="offered")
    owe(
        kind=Message.Kind.OFFER,
        dedupe_key=f"offer:{registration.pk}:{registration.revision}",
        recipient=registration.visitor.email,
        locale=registration.locale,
        now=now,
        send_at=told_at,
        registration=registration,
        expires_at=until,
    )
    return True


def _note(
    passed: list[tuple[Registration, Why]], *, by: Registration | None, places: int, now: dt.datetime
) -> None:
    """Write down who was passed and why. Who has too many for what came free is told, once a day."""
    for registration, why in passed:
        notes = Overtaking.objects.filter(registration=registration, why=why, places=places)
        if by is None and notes.exists():
            continue  # said before: the same places are still too few
        Overtaking.objects.create(registration=registration, by=by, why=why, places=places, at=now)
        if why == Why.TOO_MANY:
            owe(
                kind=Message.Kind.PASSED,
                dedupe_key=f"passed:{registration.pk}:{now:%Y%m%d}",
                recipient=registration.visitor.email,
                locale=registration.locale,
                now=now,
                send_at=when_told(registration.slot, now=now),
                registration=registration,
                context={"places": places},
            )


def call_everybody(*, slot: Slot, now: dt.datetime) -> None:
    """Tell everybody who waits that places are free and the first click wins; once for each state of the
    slot.
    """
    for registration in slot.registrations.waiting().select_related("visitor"):
        owe(
            kind=Message.Kind.LAST_CALL,
            dedupe_key=f"last_call:{registration.pk}:{slot.revision}",
            recipient=registration.visitor.email,
            locale=registration.locale,
            now=now,
            registration=registration,
            expires_at=slot.starts_at,
        )
        Overtaking.objects.get_or_create(
            registration=registration,
            why=Why.LAST_CALL,
            defaults={"places": slot.places_left or 0, "at": now},
        )


def offer_where_free(*, now: dt.datetime) -> int:
    """Every slot with free places and somebody waiting, whatever freed them; how many offers. For the
    sweeps.
    """
    free = Q(capacity__isnull=True) | Q(capacity__gt=F("taken") + F("held") + F("reserved") - F("overbook"))
    slots = Slot.objects.published().upcoming(now).filter(free, waiting__gt=0)
    waiting = Registration.objects.filter(slot=OuterRef("pk"), status=WAITING)
    fits = waiting.filter(
        party_size__lte=OuterRef("capacity")
        + OuterRef("overbook")
        - OuterRef("taken")
        - OuterRef("held")
        - OuterRef("reserved")
    )
    near = Q(starts_at__lte=now + NEAR + LONGEST_NIGHT)
    slots = slots.filter(Q(capacity__isnull=True) | Exists(fits) | near)
    return sum(_offer_in(pk, now) for pk in slots.order_by("pk").values_list("pk", flat=True))


@patient
@transaction.atomic
def _offer_in(slot_id: int, now: dt.datetime) -> int:
    return len(offer_places(slot=lock_slot(slot_id), now=now))


def with_rank(registrations: RegistrationQuerySet) -> RegistrationQuerySet:
    """Each waiting registration with its ``rank`` in the list of its slot, from 1; none for the others."""
    queue = Registration.objects.filter(
        Q(waiting_since__lt=OuterRef("waiting_since"))
        | Q(waiting_since=OuterRef("waiting_since"), pk__lte=OuterRef("pk")),
        slot=OuterRef("slot"),
        status=Registration.Status.WAITING,
    )
    counted = queue.order_by().values("slot").annotate(n=Count("pk")).values("n")
    is_waiting = Q(status=Registration.Status.WAITING)
    return registrations.annotate(rank=Case(When(is_waiting, then=Subquery(counted))))
