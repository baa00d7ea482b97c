"""What a host would like of a slot's place, for the automatic timetable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction

from events.models import Room, Slot, SlotWish
from events.refusals import Reason, Refused


@transaction.atomic
def wish_for_slot(
    *,
    slot_id: int,
    days: Sequence[dt.date],
    earliest: dt.time | None,
    latest: dt.time | None,
    room_id: int | None,
) -> SlotWish | None:
    """Write down what is wished, instead of what was; nothing wished: None.

    Times are on the local clock. Raises ``Refused``: ROOM_ELSEWHERE, WRONG_STATE (it would end before it
    begins). Raises ``Slot.DoesNotExist``.
    """
    slot = Slot.objects.select_for_update(of=("self",)).select_related("activity").get(pk=slot_id)
    if earliest is not None and latest is not None and latest <= earliest:
        raise Refused(Reason.WRONG_STATE)
    rooms = Room.objects.filter(venue__territory=slot.activity.territory_id)
    if room_id is not None and not rooms.filter(pk=room_id).exists():
        raise Refused(Reason.ROOM_ELSEWHERE)
    if not days and earliest is None and latest is None and room_id is None:
        SlotWish.objects.filter(slot=slot).delete()
        return None
    wish, _is_new = SlotWish.objects.update_or_create(
        slot=slot,
        defaults={
            "days": [day.isoformat() for day in sorted(set(days))],
            "earliest": earliest,
            "latest": latest,
            "room_id": room_id,
        },
    )
    return wish
