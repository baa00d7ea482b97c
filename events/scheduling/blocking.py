"""Rooms held for something that is no slot, by the same locks and the same guard as ``place``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from events.models import Room, RoomOccupancy
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .place import lock_rooms, occupy, rooms_with_parts, told_why, write_down
from .rooms import Stay, atoms_of
from .telling import name_of_place


@told_why
@patient
@transaction.atomic
def block_room(
    *,
    room_id: int,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    label: str,
    by: User,
    now: dt.datetime,
    owner: User | None = None,
    again: Sequence[tuple[dt.datetime, dt.datetime]] = (),
) -> list[RoomOccupancy]:
    """Hold a room for something that is no slot: one row per part. ``starts_at`` and ``ends_at`` are aware.

    ``owner``: whose it is, ``by`` unless said. ``again``: further times of the same, all of them or none.

    Raises ``Refused``: ROOM_OCCUPIED (``room``, ``in_the_way``), IN_THE_PAST; ``ValueError`` when it says
    nothing or ends before it starts.
    """
    times = [(starts_at, ends_at), *again]
    if any(end <= start for start, end in times) or not label.strip():
        raise ValueError("A blocking has a label, and ends after it starts.")
    if any(end <= now for _start, end in times):
        raise Refused(Reason.IN_THE_PAST)
    label = label.strip()
    rooms = rooms_with_parts(room_id)
    lock_rooms(rooms)
    room = rooms[room_id]
    stays = [Stay(part, start, end) for start, end in times for part in atoms_of(room)]
    rows = occupy(stays, room=room, label=label, owner=owner or by)
    write_down("blocked", by=by, now=now, text=f"{name_of_place(room)} · {label}")
    return rows


def unblock_room(
    *,
    occupancy_id: int,
    by: User,
    now: dt.datetime,
    hall: Room | None = None,
    with_later: bool = False,
) -> int:
    """Lift a blocking; how many times of it were lifted.

    ``hall``: in all the parts of this hall. ``with_later``: also the times of the same that come after it.
    Raises ``Refused``: WRONG_STATE when the row belongs to a slot (take the slot out instead).
    """
    with transaction.atomic():
        occupancy = RoomOccupancy.objects.select_related("room__venue").get(pk=occupancy_id)
        if occupancy.slot_id is not None:
            raise Refused(Reason.WRONG_STATE)
        rooms = [occupancy.room_id, *([part.pk for part in atoms_of(hall)] if hall is not None else [])]
        same = RoomOccupancy.objects.filter(
            room__in=rooms, slot__isnull=True, label=occupancy.label, owner=occupancy.owner_id
        )
        at_once = {"starts_at": occupancy.starts_at, "ends_at": occupancy.ends_at}
        lifted = same.filter(starts_at__gte=occupancy.starts_at) if with_later else same.filter(**at_once)
        times = lifted.values("starts_at").distinct().count()
        lifted.delete()
        write_down("unblocked", by=by, now=now, text=f"{name_of_place(occupancy.room)} · {occupancy.label}")
    return times
