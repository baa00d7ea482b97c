"""The draft of a territory's timetable: changed at leisure, by several people, public only when released.

Every rule locks the territory's row first, so changes of one draft happen one after the other; what the
public knows is untouched and no visitor waits. That no room is planned twice is held by the database
(``events.guards.DRAFT``). ``following`` says how the draft stands beside what is public, ``settling`` how one
change is looked at and written.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction

from accounts.models import User
from events.models import (
    DraftChange,
    Placement,
    PlannedStay,
    Territory,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .following import TIMES, lock_draft, take_over
from .place import When
from .settling import open_placement, restore, room_of, save_change, settle, state_of, write_change

KEEP = -1
"""For ``room_id``: the room the placement has."""


@patient
@transaction.atomic
def plan_slot(
    *,
    slot_id: int,
    room_id: int | None = KEEP,
    when: When | None = None,
    by: User,
    now: dt.datetime,
    seen: int | None = None,
    batch: uuid.UUID | None = None,
) -> Placement:
    """Plan a slot in a room of its territory (None: in no room) and at a time; None keeps the time it has.

    ``seen`` is the placement's ``revision`` on the page of who asks; changes of one action share a ``batch``.

    Raises ``Refused``: CHANGED_MEANWHILE (``placement``), ROOM_OCCUPIED (``room``, ``slot`` with the time
    asked, ``in_the_way``: list of Busy, ``ways_out``), PERSON_BUSY (``in_the_way``: list of Placement),
    RULE_BROKEN (``findings``), ROOM_TOO_SMALL (``safety_capacity``), ROOM_ELSEWHERE, ROOM_NOT_IN_USE,
    SAME_START, WRONG_STATE, IN_THE_PAST, NO_SUCH_TIME, TIME_TWICE, BUSY. Raises ``Slot.DoesNotExist`` and
    ``Room.DoesNotExist``.
    """
    placement = open_placement(slot_id, now, seen)
    before = state_of(placement)
    room = room_of(placement.room_id if room_id == KEEP else room_id)
    if when is not None:
        when.put_on(placement, slot=placement.slot, now=now)
    placement.cancels = False
    settle(placement, room, now)
    write_change(placement, before, verb="planned", by=by, now=now, batch=batch)
    return placement


@patient
@transaction.atomic
def swap_plans(
    *, slot_id: int, other_id: int, by: User, now: dt.datetime, batch: uuid.UUID | None = None
) -> tuple[Placement, Placement]:
    """Two slots exchange rooms and starts; each keeps its duration. Raises as ``plan_slot``."""
    if slot_id == other_id:
        raise Refused(Reason.WRONG_STATE)
    one, other = open_placement(slot_id, now), open_placement(other_id, now)
    if one.cancels or other.cancels:
        raise Refused(Reason.WRONG_STATE)
    before = state_of(one), state_of(other)
    PlannedStay.objects.filter(placement__in=[one, other]).delete()
    rooms = room_of(other.room_id), room_of(one.room_id)
    times = (
        When(other.day, other.start_time, one.duration, other.fold),
        When(one.day, one.start_time, other.duration, one.fold),
    )
    batch = batch or uuid.uuid4()
    for placement, when in zip((one, other), times, strict=True):
        when.put_on(placement, slot=placement.slot, now=now)
    # Both stand at their new times before either is looked at: they must not be in each other's way.
    Placement.objects.bulk_update([one, other], TIMES)
    for placement, room, was in zip((one, other), rooms, before, strict=True):
        settle(placement, room, now)
        write_change(placement, was, verb="swapped", by=by, now=now, batch=batch)
    return one, other


@patient
@transaction.atomic
def pin_slot(*, slot_id: int, is_pinned: bool, by: User, now: dt.datetime) -> Placement:
    """Let the automatic timetable leave a slot where it is, or not."""
    placement = open_placement(slot_id, now)
    before = state_of(placement)
    placement.is_pinned = is_pinned
    write_change(placement, before, verb="pinned", by=by, now=now)
    return placement


@patient
@transaction.atomic
def plan_cancellation(
    *,
    slot_id: int,
    by: User,
    now: dt.datetime,
    seen: int | None = None,
    batch: uuid.UUID | None = None,
) -> Placement:
    """The next release withdraws the slot and tells its visitors; its room is free in the draft at once."""
    placement = open_placement(slot_id, now, seen)
    before = state_of(placement)
    PlannedStay.objects.filter(placement=placement).delete()
    placement.cancels = True
    write_change(placement, before, verb="cancelled", by=by, now=now, batch=batch)
    return placement


@patient
@transaction.atomic
def reset_plan(*, slot_id: int, by: User, now: dt.datetime, batch: uuid.UUID | None = None) -> Placement:
    """Forget what the draft says of a slot: it is again where the public knows it.

    Raises ``Refused``: ROOM_OCCUPIED where its room has been planned for another.
    """
    placement = open_placement(slot_id, now)
    before = state_of(placement)
    slot = placement.slot
    when = When(slot.day, slot.start_time, slot.duration, slot.fold)
    restore(placement, slot.room_id, when)
    placement.cancels = False
    settle(placement, room_of(slot.room_id), now, is_asked=False)
    take_over(placement, slot)
    write_change(placement, before, verb="reset", by=by, now=now, batch=batch)
    return placement


@patient
@transaction.atomic
def undo_last(*, territory: Territory, by: User, now: dt.datetime) -> list[Placement]:
    """Take back the last action this person took in this draft: all its changes, or none.

    Raises ``Refused``: NOTHING_TO_UNDO; CHANGED_MEANWHILE (``placement``) where somebody has changed one of
    the slots since; as ``plan_slot`` where the old place is no longer free.
    """
    return _go_back(territory, by=by, now=now, undone=False)


@patient
@transaction.atomic
def redo_last(*, territory: Territory, by: User, now: dt.datetime) -> list[Placement]:
    """Do again what was undone last. Raises as ``undo_last``."""
    return _go_back(territory, by=by, now=now, undone=True)


def _go_back(territory: Territory, *, by: User, now: dt.datetime, undone: bool) -> list[Placement]:
    lock_draft(territory.pk)
    mine = DraftChange.objects.filter(territory=territory, by=by)
    if undone:
        last = mine.filter(undone_at__isnull=False).order_by("-undone_at", "at", "pk").first()
        newest = mine.filter(undone_at__isnull=True).order_by("-at", "-pk").first()
        if last and newest and last.undone_at and newest.at > last.undone_at:
            last = None  # something else was done since: there is no way forward any more
    else:
        last = mine.filter(undone_at__isnull=True).order_by("-at", "-pk").first()
    if last is None:
        raise Refused(Reason.NOTHING_TO_UNDO)
    changes = list(mine.filter(batch=last.batch).order_by("pk"))
    placements = [open_placement(change.slot_id, now) for change in changes]
    PlannedStay.objects.filter(placement__in=placements).delete()
    for change, placement in zip(changes, placements, strict=True):
        was, to = (change.before, change.after) if undone else (change.after, change.before)
        if state_of(placement) != was:
            raise Refused(Reason.CHANGED_MEANWHILE, placement=placement)
        restore(
            placement,
            to["room"],
            When(
                dt.date.fromisoformat(to["day"]),
                dt.time.fromisoformat(to["start_time"]),
                to["duration"],
                to["fold"],
            ),
        )
        placement.cancels, placement.is_pinned = to["cancels"], to["is_pinned"]
    Placement.objects.bulk_update(placements, [*TIMES, "room", "cancels", "is_pinned"])
    for placement in placements:
        if not placement.cancels:
            settle(placement, room_of(placement.room_id), now, is_asked=False)
        save_change(placement, by, now)
    DraftChange.objects.filter(pk__in=[change.pk for change in changes]).update(
        undone_at=None if undone else now
    )
    return placements
