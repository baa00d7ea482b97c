"""The draft of a territory's timetable: changed at leisure, by several people, public only when released.

Every rule locks the territory's row first, so changes of one draft happen one after the other; what the
public knows is untouched and no visitor waits. That no room is planned twice is held by the database
(``events.guards.DRAFT``). A placement nobody has touched follows its slot; one that was changed remembers the
slot as it stood then, so that what is done to the public timetable meanwhile is seen.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Q

from accounts.models import User
from events.clock import NoSuchTime, TwiceThatDay
from events.guards import DRAFT_GUARD
from events.models import (
    Appearance,
    DraftChange,
    Placement,
    PlannedStay,
    Room,
    RoomOccupancy,
    Slot,
    Territory,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .checks import Surroundings, refusing
from .place import When
from .rooms import OPEN_TIMES, atoms_of, clashing, people_it_may_hold, people_to_hold, stays_of
from .ways import Busy, WayOut, ways_out

FIELDS = ("room", "day", "start_time", "fold", "duration", "cancels", "is_pinned")
TIMES = ("day", "start_time", "fold", "duration", "starts_at", "ends_at")
NOTED = (
    "is_changed",
    "live_room_id",
    "live_starts_at",
    "live_ends_at",
    "revision",
    "changed_by",
    "changed_at",
)
KEEP = -1
"""For ``room_id``: the room the placement has."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a release would change of one slot. ``is_stale``: the public timetable has moved on meanwhile."""

    placement: Placement
    slot: Slot
    is_moved: bool
    is_elsewhere: bool
    is_cancelled: bool
    is_stale: bool


# Following the public timetable -----------------------------------------------------------------------------


@patient
def sync_draft(*, territory: Territory, now: dt.datetime) -> None:
    """Let the draft follow: slots that are new, moved, placed or withdrawn since it was last looked at.

    A changed placement keeps its change. Where a slot has publicly taken a room that the draft had given to
    another, the other goes back to the tray: what is public is not argued with.
    """
    if not _lags(territory.pk, now):
        return
    with transaction.atomic():
        _lock(territory.pk)
        _follow(territory.pk, now)


def drafted(slots: Iterable[Slot]) -> list[Placement]:
    """Where the draft has each of these slots, in their order, without writing anything.

    A slot the draft does not know yet, or that nobody has touched in it, is where the public has it. Slots
    come with ``placement`` and ``room``.
    """
    found = []
    for slot in slots:
        kept: Placement | None = getattr(slot, "placement", None)
        if kept is not None and kept.is_changed:
            kept.slot = slot
            found.append(kept)
            continue
        shown = kept or Placement(territory_id=slot.activity.territory_id)
        shown.slot = slot
        _take_over(shown, slot)
        shown.room = slot.room
        found.append(shown)
    return found


def _slots(territory_id: int, now: dt.datetime) -> Any:
    """The slots a draft is about: not withdrawn, not over."""
    return Slot.objects.filter(activity__territory=territory_id, ends_at__gt=now).exclude(
        state=Slot.State.CANCELLED
    )


def _behind(territory_id: int) -> Any:
    """Placements nobody has touched that no longer are where their slot is."""
    return Placement.objects.filter(territory=territory_id, is_changed=False).filter(
        ~Q(starts_at=F("slot__starts_at"))
        | ~Q(ends_at=F("slot__ends_at"))
        | (Q(room__isnull=False, slot__room__isnull=False) & ~Q(room=F("slot__room")))
        | Q(room__isnull=True, slot__room__isnull=False)
        | Q(room__isnull=False, slot__room__isnull=True)
    )


def _gone(territory_id: int, now: dt.datetime) -> Any:
    """Placements of slots that a draft is no longer about: withdrawn, over, of another territory by now."""
    return Placement.objects.filter(territory=territory_id).filter(
        Q(slot__state=Slot.State.CANCELLED)
        | Q(slot__ends_at__lte=now)
        | ~Q(slot__activity__territory=territory_id)
    )


def _lags(territory_id: int, now: dt.datetime) -> bool:
    new = _slots(territory_id, now).filter(placement__isnull=True)
    behind = Exists(new) | Exists(_behind(territory_id)) | Exists(_gone(territory_id, now))
    return Territory.objects.filter(behind, pk=territory_id).exists()


def _follow(territory_id: int, now: dt.datetime) -> None:
    _gone(territory_id, now).delete()
    new = [_of_slot(slot, territory_id) for slot in _slots(territory_id, now).filter(placement__isnull=True)]
    Placement.objects.bulk_create(new, ignore_conflicts=True)
    fresh = {placement.slot_id for placement in new}
    behind = list(_behind(territory_id).select_related("slot"))
    PlannedStay.objects.filter(placement__in=behind).delete()
    for placement in behind:
        _take_over(placement, placement.slot)
        placement.revision += 1
    Placement.objects.bulk_update(
        behind, [*TIMES, "room", "live_room_id", "live_starts_at", "live_ends_at", "revision"]
    )
    _take_publicly(
        Placement.objects.filter(
            Q(pk__in=[one.pk for one in behind]) | Q(slot__in=fresh), territory=territory_id
        )
    )


def _of_slot(slot: Slot, territory_id: int) -> Placement:
    placement = Placement(slot=slot, territory_id=territory_id)
    _take_over(placement, slot)
    return placement


def _take_over(placement: Placement, slot: Slot) -> None:
    """The placement is where its slot publicly is."""
    for name in TIMES:
        setattr(placement, name, getattr(slot, name))
    placement.room_id = placement.live_room_id = slot.room_id
    placement.live_starts_at, placement.live_ends_at = slot.starts_at, slot.ends_at
    placement.cancels = placement.is_changed = False


def _take_publicly(placements: Iterable[Placement]) -> None:
    """Copy to the draft what these slots publicly occupy; who had planned to be there goes to the tray."""
    by_slot = {placement.slot_id: placement for placement in placements}
    rows = list(RoomOccupancy.objects.active().filter(slot__in=by_slot))
    for row in rows:
        pushed = {
            stay.placement_id
            for stay in PlannedStay.objects.filter(
                room=row.room_id, starts_at__lt=row.ends_at, ends_at__gt=row.starts_at
            ).exclude(placement__slot__in=by_slot)
        }
        for placement in Placement.objects.filter(pk__in=pushed).select_related("slot"):
            PlannedStay.objects.filter(placement=placement).delete()
            placement.room = None
            placement.revision += 1
            placement.is_changed = _differs(placement)
            placement.save(update_fields=["room", "revision", "is_changed"])
    PlannedStay.objects.bulk_create(
        PlannedStay(
            placement=by_slot[row.slot_id or 0],
            room_id=row.room_id,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
        )
        for row in rows
    )


# Changing the draft -----------------------------------------------------------------------------------------


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
    placement = _open(slot_id, now, seen)
    before = _state(placement)
    room = _room(placement.room_id if room_id == KEEP else room_id)
    _set_time(placement, when, now)
    placement.cancels = False
    _settle(placement, room, now)
    _write(placement, before, verb="planned", by=by, now=now, batch=batch)
    return placement


@patient
@transaction.atomic
def plan_many(
    *,
    territory: Territory,
    plans: Mapping[int, tuple[int, When]],
    by: User | None,
    now: dt.datetime,
    batch: uuid.UUID,
) -> list[Placement]:
    """Plan many slots at once, each (by id) in a room at a time: all of them or none, undone as one.

    A fixed number of queries, whatever the number of slots. That the rooms suit is the caller's to know.
    Returns those that changed. Raises ``Refused``: CHANGED_MEANWHILE (``slot_id`` where its people or its
    activity are elsewhere by now; without, a slot is gone or a room has been planned meanwhile), IN_THE_PAST,
    NO_SUCH_TIME, TIME_TWICE (``slot``).
    """
    _lock(territory.pk)
    if _lags(territory.pk, now):
        _follow(territory.pk, now)
    found = Placement.objects.filter(territory=territory, slot__in=plans).select_related("slot__activity")
    placements = list(found.order_by("pk"))
    if len(placements) < len(plans):
        raise Refused(Reason.CHANGED_MEANWHILE)
    rooms = {
        room.pk: room
        for room in Room.objects.filter(pk__in={room_id for room_id, _when in plans.values()})
        .select_related("venue")
        .prefetch_related(*OPEN_TIMES)
    }
    before = {placement.pk: _state(placement) for placement in placements}
    for placement in placements:
        room_id, when = plans[placement.slot_id]
        _set_time(placement, when, now)
        placement.room, placement.cancels = rooms[room_id], False
    changed = [placement for placement in placements if _state(placement) != before[placement.pk]]
    if not changed:
        return []
    for placement in changed:
        _note(placement, by, now)
    Placement.objects.bulk_update(changed, [*TIMES, "room", "cancels", *NOTED], batch_size=200)
    _refuse_what_many_do_to_one_another(territory.pk, changed)
    PlannedStay.objects.filter(placement__in=changed).delete()
    try:
        with transaction.atomic():
            PlannedStay.objects.bulk_create(
                [
                    PlannedStay(
                        placement=placement, room=stay.room, starts_at=stay.starts_at, ends_at=stay.ends_at
                    )
                    for placement in changed
                    for stay in stays_of(
                        rooms[placement.room_id or 0], placement.starts_at, placement.ends_at
                    )
                ],
                batch_size=500,
            )
    except IntegrityError as error:
        if DRAFT_GUARD not in str(error):
            raise
        raise Refused(Reason.CHANGED_MEANWHILE) from error
    DraftChange.objects.bulk_create(
        [
            DraftChange(
                territory=territory,
                slot_id=placement.slot_id,
                batch=batch,
                verb="planned",
                at=now,
                by=by,
                before=before[placement.pk],
                after=_state(placement),
            )
            for placement in changed
        ],
        batch_size=500,
    )
    return changed


def _refuse_what_many_do_to_one_another(territory_id: int, changed: Iterable[Placement]) -> None:
    """Nobody in two places and no activity begun twice at once, in the whole draft as it now stands."""
    moved = {placement.slot_id for placement in changed}
    standing = Placement.objects.filter(territory=territory_id, cancels=False)
    begun: dict[tuple[int, dt.datetime], int] = {}
    times: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for slot_id, activity_id, start, end in standing.values_list(
        "slot", "slot__activity", "starts_at", "ends_at"
    ):
        times[slot_id] = (start, end)
        other = begun.setdefault((activity_id, start), slot_id)
        if other != slot_id and moved & {other, slot_id}:
            raise Refused(Reason.CHANGED_MEANWHILE, slot_id=slot_id if slot_id in moved else other)
    meets: dict[int, list[tuple[dt.datetime, dt.datetime, int]]] = {}
    of_the_draft = Appearance.objects.filter(slot__placement__territory=territory_id)
    for person_id, slot_id in of_the_draft.values_list("person", "slot"):
        if slot_id in times:
            meets.setdefault(person_id, []).append((*times[slot_id], slot_id))
    for rows in meets.values():
        rows.sort()
        for (_start, end, one), (other_start, _end, other) in itertools.pairwise(rows):
            if other_start < end and moved & {one, other}:
                raise Refused(Reason.CHANGED_MEANWHILE, slot_id=other if other in moved else one)


@patient
@transaction.atomic
def swap_plans(
    *, slot_id: int, other_id: int, by: User, now: dt.datetime, batch: uuid.UUID | None = None
) -> tuple[Placement, Placement]:
    """Two slots exchange rooms and starts; each keeps its duration. Raises as ``plan_slot``."""
    if slot_id == other_id:
        raise Refused(Reason.WRONG_STATE)
    one, other = _open(slot_id, now), _open(other_id, now)
    if one.cancels or other.cancels:
        raise Refused(Reason.WRONG_STATE)
    before = _state(one), _state(other)
    PlannedStay.objects.filter(placement__in=[one, other]).delete()
    rooms = _room(other.room_id), _room(one.room_id)
    times = (
        When(other.day, other.start_time, one.duration, other.fold),
        When(one.day, one.start_time, other.duration, one.fold),
    )
    batch = batch or uuid.uuid4()
    for placement, when in zip((one, other), times, strict=True):
        _set_time(placement, when, now)
    # Both stand at their new times before either is looked at: they must not be in each other's way.
    Placement.objects.bulk_update([one, other], TIMES)
    for placement, room, was in zip((one, other), rooms, before, strict=True):
        _settle(placement, room, now)
        _write(placement, was, verb="swapped", by=by, now=now, batch=batch)
    return one, other


@patient
@transaction.atomic
def pin_slot(*, slot_id: int, is_pinned: bool, by: User, now: dt.datetime) -> Placement:
    """Let the automatic timetable leave a slot where it is, or not."""
    placement = _open(slot_id, now)
    before = _state(placement)
    placement.is_pinned = is_pinned
    _write(placement, before, verb="pinned", by=by, now=now)
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
    placement = _open(slot_id, now, seen)
    before = _state(placement)
    PlannedStay.objects.filter(placement=placement).delete()
    placement.cancels = True
    _write(placement, before, verb="cancelled", by=by, now=now, batch=batch)
    return placement


@patient
@transaction.atomic
def reset_plan(*, slot_id: int, by: User, now: dt.datetime, batch: uuid.UUID | None = None) -> Placement:
    """Forget what the draft says of a slot: it is again where the public knows it.

    Raises ``Refused``: ROOM_OCCUPIED where its room has been planned for another.
    """
    placement = _open(slot_id, now)
    before = _state(placement)
    slot = placement.slot
    when = When(slot.day, slot.start_time, slot.duration, slot.fold)
    _restore(placement, slot.room_id, when)
    placement.cancels = False
    _settle(placement, _room(slot.room_id), now, is_asked=False)
    _take_over(placement, slot)
    _write(placement, before, verb="reset", by=by, now=now, batch=batch)
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
    _lock(territory.pk)
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
    placements = [_open(change.slot_id, now) for change in changes]
    PlannedStay.objects.filter(placement__in=placements).delete()
    for change, placement in zip(changes, placements, strict=True):
        was, to = (change.before, change.after) if undone else (change.after, change.before)
        if _state(placement) != was:
            raise Refused(Reason.CHANGED_MEANWHILE, placement=placement)
        _restore(
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
            _settle(placement, _room(placement.room_id), now, is_asked=False)
        _save(placement, by, now)
    DraftChange.objects.filter(pk__in=[change.pk for change in changes]).update(
        undone_at=None if undone else now
    )
    return placements


# What the draft would change --------------------------------------------------------------------------------


def differences(*, territory: Territory, now: dt.datetime) -> list[Difference]:
    """What a release would change, in order of time."""
    changed = (
        Placement.objects.filter(territory=territory, is_changed=True)
        .exclude(pk__in=_gone(territory.pk, now).values("pk"))
        .select_related(
            "slot__activity__host",
            "slot__activity__territory",
            "slot__room__venue",
            "slot__venue",
            "room__venue",
        )
        .order_by("starts_at", "pk")
    )
    return [
        Difference(
            placement=one,
            slot=one.slot,
            is_moved=(one.starts_at, one.ends_at) != (one.slot.starts_at, one.slot.ends_at),
            is_elsewhere=one.room_id != one.slot.room_id,
            is_cancelled=one.cancels,
            is_stale=is_stale(one),
        )
        for one in changed
    ]


def is_stale(placement: Placement) -> bool:
    """Whether the slot has publicly been moved or placed since the draft first left it."""
    slot = placement.slot
    return placement.is_changed and (
        (placement.live_starts_at, placement.live_ends_at) != (slot.starts_at, slot.ends_at)
        or placement.live_room_id != slot.room_id
    )


# One change, inside its transaction -------------------------------------------------------------------------


def _lock(territory_id: int) -> None:
    list(Territory.objects.select_for_update(no_key=True).filter(pk=territory_id).values_list("pk"))


def _open(slot_id: int, now: dt.datetime, seen: int | None = None) -> Placement:
    """The placement of a slot, under the lock of its territory and up to date."""
    territory_id = Slot.objects.values_list("activity__territory", flat=True).get(pk=slot_id)
    _lock(territory_id)
    found = Placement.objects.select_related("slot__activity__host", "slot__activity__festival", "room")
    if _lags(territory_id, now):
        _follow(territory_id, now)
    placement = found.filter(slot=slot_id).first()
    if placement is None or placement.slot.is_cancelled:
        raise Refused(Reason.WRONG_STATE)
    if placement.slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=placement.slot)
    if seen is not None and seen != placement.revision:
        raise Refused(Reason.CHANGED_MEANWHILE, placement=placement)
    return placement


def _room(room_id: int | None) -> Room | None:
    if room_id is None:
        return None
    return Room.objects.select_related("venue").prefetch_related(*OPEN_TIMES).get(pk=room_id)


def _set_time(placement: Placement, when: When | None, now: dt.datetime) -> None:
    if when is None:
        return
    slot = placement.slot
    try:
        placement.set_time(
            day=when.day,
            start_time=when.start_time,
            duration=when.duration,
            timezone=slot.timezone,
            fold=when.fold,
        )
    except NoSuchTime as error:
        raise Refused(Reason.NO_SUCH_TIME, slot=slot) from error
    except TwiceThatDay as error:
        raise Refused(Reason.TIME_TWICE, slot=slot) from error
    if placement.starts_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=slot)


def _restore(placement: Placement, room_id: int | None, when: When) -> None:
    placement.set_time(
        day=when.day,
        start_time=when.start_time,
        duration=when.duration,
        timezone=placement.slot.timezone,
        fold=when.fold,
    )
    placement.room_id = room_id


def _settle(placement: Placement, room: Room | None, now: dt.datetime, *, is_asked: bool = True) -> None:
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


def _differs(placement: Placement) -> bool:
    slot = placement.slot
    return (
        placement.cancels
        or placement.room_id != slot.room_id
        or (placement.starts_at, placement.ends_at) != (slot.starts_at, slot.ends_at)
    )


def _state(placement: Placement) -> dict[str, Any]:
    return {
        "room": placement.room_id,
        "day": placement.day.isoformat(),
        "start_time": placement.start_time.isoformat(),
        "fold": placement.fold,
        "duration": placement.duration,
        "cancels": placement.cancels,
        "is_pinned": placement.is_pinned,
    }


def _write(
    placement: Placement,
    before: dict[str, Any],
    *,
    verb: str,
    by: User,
    now: dt.datetime,
    batch: uuid.UUID | None = None,
) -> None:
    """Save, and write down the change; nothing where nothing changed."""
    after = _state(placement)
    if after == before:
        return
    _save(placement, by, now)
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


def _save(placement: Placement, by: User, now: dt.datetime) -> None:
    _note(placement, by, now)
    placement.save()


def _note(placement: Placement, by: User | None, now: dt.datetime) -> None:
    """Who has changed it when, and whether it differs from what the public knows; does not save."""
    was, slot = placement.is_changed, placement.slot
    placement.is_changed = _differs(placement)
    if not was or not placement.is_changed:
        placement.live_room_id = slot.room_id
        placement.live_starts_at, placement.live_ends_at = slot.starts_at, slot.ends_at
    placement.revision += 1
    placement.changed_by, placement.changed_at = by, now
