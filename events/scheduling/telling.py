"""Who is told when a slot is moved or placed: its visitors, once for each state of the slot."""

from __future__ import annotations

import datetime as dt

from events.mail.outbox import owe
from events.models import Message, Registration, Room, Slot
from events.webhooks.tell import tell_slot


def tell_the_public(
    slot: Slot, *, old_start: dt.datetime, old_end: dt.datetime, old_place: str, now: dt.datetime
) -> int:
    """A published slot earns a new revision, and each of its registrations a mail: what was, what is.

    Returns how many are told.
    """
    if slot.state != Slot.State.PUBLISHED:
        return 0
    slot.revision += 1
    slot.save(update_fields=["revision"])
    # « Yes, I come » was said of another time or place.
    slot.registrations.filter(coming_at__isnull=False).update(coming_at=None)
    tell_slot(slot, "moved", now=now)
    people = list(
        slot.registrations.filter(status__in=Registration.ACTIVE).select_related("visitor").order_by("pk")
    )
    for registration in people:
        owe(
            kind=Message.Kind.SLOT_MOVED,
            dedupe_key=f"moved:{registration.pk}:{slot.revision}",
            recipient=registration.visitor.email,
            locale=registration.locale,
            now=now,
            registration=registration,
            slot=slot,
            visitor=registration.visitor,
            context={
                "old_starts_at": old_start.isoformat(),
                "old_ends_at": old_end.isoformat(),
                "old_place": old_place,
            },
            expires_at=slot.ends_at,
        )
    return len(people)


def name_of_place(room: Room | None, venue: object | None = None) -> str:
    """« Grande salle, La Cantine », the venue alone, or nothing."""
    if room is not None:
        return f"{room.name}, {room.venue.name}"
    return str(venue) if venue is not None else ""
