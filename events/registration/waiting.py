"""The waiting list: first come, first seated, whole parties only."""

from __future__ import annotations

import datetime as dt

from django.db.models import Case, Count, OuterRef, Q, Subquery, When

from events.mail.outbox import owe
from events.models import Message, Registration, Slot
from events.models.registration import RegistrationQuerySet

from . import counters
from .refusing import why_closed


def promote_waiting(*, slot: Slot, now: dt.datetime) -> list[Registration]:
    """Seat who waits while whole parties fit: the first that does, so a small one may pass a bigger one.

    Call it inside the transaction that freed the places, with the slot's row locked and its counters fresh.
    Each is told by mail. Nobody is seated in a slot that is over, withdrawn or not bookable.
    """
    seated: list[Registration] = []
    if not slot.waiting or why_closed(slot, now=now):
        return seated
    left = slot.places_left
    while registration := _first_that_fits(slot, left):
        registration.status = Registration.Status.CONFIRMED
        registration.confirmed_at = now
        registration.revision += 1
        registration.save(update_fields=["status", "confirmed_at", "revision"])
        counters.seat_from_queue(slot_id=slot.pk, places=registration.party_size)
        owe(
            kind=Message.Kind.PROMOTED,
            dedupe_key=f"promote:{registration.pk}:{registration.revision}",
            recipient=registration.visitor.email,
            locale=registration.locale,
            now=now,
            registration=registration,
        )
        left = None if left is None else left - registration.party_size
        seated.append(registration)
    return seated


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


def _first_that_fits(slot: Slot, left: int | None) -> Registration | None:
    queue = slot.registrations.waiting().select_related("visitor")
    return queue.first() if left is None else queue.filter(party_size__lte=left).first()
