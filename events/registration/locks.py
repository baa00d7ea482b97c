"""The order of locks: slots by their number, then what belongs to them. Rules that touch several keep to
it.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from events.models import Registration, Slot

READ = "SELECT entries_hash FROM events_ballot WHERE id = %s"
READ_SHARED = "SELECT entries_hash FROM events_ballot WHERE id = %s FOR SHARE"


def lock_slot_of(registration_id: int) -> Slot:
    """The slot of a registration, locked; once more where it moved to another slot meanwhile."""
    while True:
        slot_id = Registration.objects.values_list("slot_id", flat=True).get(pk=registration_id)
        slot = lock_slot(slot_id)
        if Registration.objects.filter(pk=registration_id, slot=slot_id).exists():
            return slot


def lock_slot(slot_id: int) -> Slot:
    """The slot with its activity and edition, its own row locked until the end of the transaction."""
    return lock_slots([slot_id])[slot_id]


def lock_slots(slot_ids: Iterable[int]) -> dict[int, Slot]:
    """Several, in the order of their numbers. Raises ``Slot.DoesNotExist`` where one is gone."""
    wanted = sorted(set(slot_ids))
    slots = Slot.objects.select_related("activity__festival").filter(pk__in=wanted).order_by("pk")
    found = {slot.pk: slot for slot in slots.select_for_update(of=("self",), no_key=True)}
    if len(found) != len(wanted):
        raise Slot.DoesNotExist
    return found


def keep_ballot_open(ballot_id: int) -> bool:
    """Whether the entries of a ballot may still change; if so it cannot be closed before this transaction
    ends.

    Shared, so that entries do not wait for each other; the closing asks for the row alone.
    """
    with connection.cursor() as cursor:
        cursor.execute(READ_SHARED if connection.vendor == "postgresql" else READ, [ballot_id])
        row = cursor.fetchone()
    return row is not None and row[0] == ""
