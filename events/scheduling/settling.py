"""One change of a draft, inside its transaction: looked at, refused by name, or written with its trace."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from events.guards import DRAFT_GUARD
from events.models import (
    DraftChange,
    Placement,
    PlannedStay,
    Room,
    RoomOccupancy,
    Slot,
)
from events.refusals import Reason, Refused

from .checks import Surroundings, refusing
from .following import TIMES, differs, follow, lags, lock_draft
from .place import When
from .rooms import OPEN_TIMES, atoms_of, clashing, people_it_may_hold, people_to_hold, stays_of
from .ways import Busy, WayOut, ways_out

NOTED = (
    "is_changed",
    "live_room_id",
    "live_starts_at",
    "live_ends_at",
    "revision",
    "changed_by",
    "changed_at",
)


def open_placement(slot_id: int, now: dt.datetime, seen: int | None = None) -> Placement:
    """The placement of a slot, under the lock of its territory and up to date."""
    territory_id = Slot.objects.values_list("activity__territory", flat=True).get(pk=slot_id)
    lock_draft(territory_id)
    found = Placement.objects.select_related("slot__activity__host", "slot__activity__festival", "room")
    if lags(territory_id, now):
        follow(territory_id, now)
    placement = found.filter(slot=slot_id).first()
    if placement is None or placement.slot.is_cancelled:
        raise Refused(Reason.WRONG_STATE)
    if placement.slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=placement.slot)
    if seen is not None and seen != placement.revision:
        raise Refused(Reason.CHANGED_MEANWHILE, placement=placement)
    return placement


def room_of(room_id: int | None) -> Room | None:
    if room_id is None:
        return None
    return Room.objects.select_related("venue").prefetch_related(*OPEN_TIMES).get(pk=room_id)


def restore(placement: Placement, room_id: int | None, when: When) -> None:
    placement.set_time(
        day=when.day,
        start_time=when.start_time,
        duration=when.duration,
        timezone=placement.slot.timezone,
        fold=when.fold,
    )
    placement.room_id = room_id


def settle(placement: Placement, room: Room | None, now: dt.datetime, *, is_asked: bool = True) -> None:
    """Look at what is in the way, then write what the placement takes of the room.

    ``is_asked`` False goes back to a state that stood before: only clashes are looked at.
    """
    placement.room = room
    _refuse_the_same_start(placement)
    _refuse_people_elsewhere(placement)
    PlannedStay.objects.filter(placement=placement).delete()
    if is_asked:
        if room is not None:
            _refuse_a_room_that_does_not_suit(placement, room)
        _refuse_what_the_rules_forbid(placement, room, now)
    if room is None:
        return
    stays = stays_of(room, placement.starts_at, placement.ends_at)
    others = taken_in_the_draft(
        {stay.room.pk for stay in stays},
        min(stay.starts_at for stay in stays),
        max(stay.ends_at for stay in stays),
        but=placement,
    )
    in_the_way = clashing(stays, others)
    if in_the_way:
        raise _occupied(placement, room, in_the_way, now)
    try:
        with transaction.atomic():
            PlannedStay.objects.bulk_create(
                PlannedStay(
                    placement=placement, room=stay.room, starts_at=stay.starts_at, ends_at=stay.ends_at
                )
                for stay in stays
            )
    except IntegrityError as error:
        if DRAFT_GUARD not in str(error):
            raise
        raise _occupied(placement, room, [], now) from error


def taken_in_the_draft(
    room_ids: Iterable[int], starts_at: dt.datetime, ends_at: dt.datetime, *, but: Placement | None = None
) -> list[Busy]:
    """What holds these atomic rooms in the draft: planned slots, and what blocks the rooms publicly."""
    rooms = list(room_ids)
    planned = PlannedStay.objects.filter(room__in=rooms, starts_at__lt=ends_at, ends_at__gt=starts_at)
    if but is not None:
        planned = planned.exclude(placement=but)
    rows = planned.select_related("placement__slot__activity__host", "room__venue")
    busy = [Busy(at.room_id, at.starts_at, at.ends_at, at.placement.slot, "") for at in rows]
    blocked = RoomOccupancy.objects.active().filter(room__in=rooms, slot__isnull=True)
    busy += [
        Busy(at.room_id, at.starts_at, at.ends_at, None, at.label)
        for at in blocked.between(starts_at, ends_at)
    ]
    return sorted(busy, key=lambda one: (one.starts_at, one.room_id))


def _refuse_what_the_rules_forbid(placement: Placement, room: Room | None, now: dt.datetime) -> None:
    """Rules that refuse at once; those that refuse at release only warn in a draft."""
    around = Surroundings.around([placement], in_draft=True)
    if broken := refusing(around.findings(placement), at_release=False):
        ways = _ways_out(placement, room, now) if room is not None else []
        raise Refused(Reason.RULE_BROKEN, slot=placement.slot, room=room, findings=broken, ways_out=ways)


def _occupied(placement: Placement, room: Room, in_the_way: Sequence[Busy], now: dt.datetime) -> Refused:
    return Refused(
        Reason.ROOM_OCCUPIED,
        slot=_as_slot(placement),
        room=room,
        in_the_way=list(in_the_way),
        ways_out=_ways_out(placement, room, now),
    )


def _ways_out(placement: Placement, room: Room, now: dt.datetime) -> list[WayOut]:
    """The nearest free placements, by the draft."""
    day = dt.timedelta(days=1)
    parts = {part.pk for at in room.venue.rooms.filter(is_active=True) for part in atoms_of(at)}
    busy = taken_in_the_draft(parts, placement.starts_at - day, placement.ends_at + day, but=placement)
    return ways_out(slot=_as_slot(placement), room=room, now=now, busy=busy)


def _as_slot(placement: Placement) -> Slot:
    """The slot with the time of the placement, never to be saved."""
    slot = Slot.objects.select_related("activity__host", "activity__territory").get(pk=placement.slot_id)
    for name in TIMES:
        setattr(slot, name, getattr(placement, name))
    return slot


def refuse_what_no_longer_fits(placement: Placement) -> None:
    """What has happened since a slot was planned, and the database would refuse without naming it.

    Raises ``Refused``: SAME_START, PERSON_BUSY, ROOM_ELSEWHERE, ROOM_NOT_IN_USE, ROOM_TOO_SMALL.
    """
    _refuse_the_same_start(placement)
    _refuse_people_elsewhere(placement)
    if placement.room is not None:
        _refuse_a_room_that_does_not_suit(placement, placement.room)


def _refuse_the_same_start(placement: Placement) -> None:
    others = Placement.objects.filter(
        slot__activity=placement.slot.activity_id, starts_at=placement.starts_at, cancels=False
    )
    if others.exclude(pk=placement.pk).exists():
        raise Refused(Reason.SAME_START, slot=placement.slot)


def _refuse_people_elsewhere(placement: Placement) -> None:
    people = list(placement.slot.appearances.values_list("person", flat=True))
    if not people:
        return
    others = (
        Placement.objects.filter(
            slot__appearances__person__in=people,
            cancels=False,
            starts_at__lt=placement.ends_at,
            ends_at__gt=placement.starts_at,
        )
        .exclude(pk=placement.pk)
        .select_related("slot__activity", "room")
        .distinct()
    )
    if found := list(others):
        raise Refused(Reason.PERSON_BUSY, slot=placement.slot, in_the_way=found)


def _refuse_a_room_that_does_not_suit(placement: Placement, room: Room) -> None:
    slot = placement.slot
    if room.venue.territory_id != placement.territory_id:
        raise Refused(Reason.ROOM_ELSEWHERE, slot=slot, room=room)
    if not room.is_active:
        raise Refused(Reason.ROOM_NOT_IN_USE, slot=slot, room=room)
    most, asked = people_it_may_hold(room), people_to_hold(slot)
    if most is not None and asked is not None and asked > most:
        raise Refused(Reason.ROOM_TOO_SMALL, slot=slot, room=room, safety_capacity=most)


# Writing it down -------------------------------------------------------------------------------------------


def state_of(placement: Placement) -> dict[str, Any]:
    return {
        "room": placement.room_id,
        "day": placement.day.isoformat(),
        "start_time": placement.start_time.isoformat(),
        "fold": placement.fold,
        "duration": placement.duration,
        "cancels": placement.cancels,
        "is_pinned": placement.is_pinned,
    }


def write_change(
    placement: Placement,
    before: dict[str, Any],
    *,
    verb: str,
    by: User,
    now: dt.datetime,
    batch: uuid.UUID | None = None,
) -> None:
    """Save, and write down the change; nothing where nothing changed."""
    after = state_of(placement)
    if after == before:
        return
    save_change(placement, by, now)
    DraftChange.objects.create(
        territory_id=placement.territory_id,
        slot_id=placement.slot_id,
        batch=batch or uuid.uuid4(),
        verb=verb,
        at=now,
        by=by,
        before=before,
        after=after,
    )


def save_change(placement: Placement, by: User, now: dt.datetime) -> None:
    note_change(placement, by, now)
    placement.save()


def note_change(placement: Placement, by: User | None, now: dt.datetime) -> None:
    """Who has changed it when, and whether it differs from what the public knows; does not save."""
    was, slot = placement.is_changed, placement.slot
    placement.is_changed = differs(placement)
    if not was or not placement.is_changed:
        placement.live_room_id = slot.room_id
        placement.live_starts_at, placement.live_ends_at = slot.starts_at, slot.ends_at
    placement.revision += 1
    placement.changed_by, placement.changed_at = by, now
