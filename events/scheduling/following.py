"""The draft beside what is public: it follows, it knows where it differs, and it gives way.

A placement nobody has touched follows its slot; one that was changed remembers the slot as it stood then, so
that what is done to the public timetable meanwhile is seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, Q

from events.models import (
    Placement,
    PlannedStay,
    RoomOccupancy,
    Slot,
    Territory,
)
from events.registration.patience import patient

TIMES = ("day", "start_time", "fold", "duration", "starts_at", "ends_at")


@dataclass(frozen=True, slots=True)
class Difference:
    """What a release would change of one slot. ``is_stale``: the public timetable has moved on meanwhile."""

    placement: Placement
    slot: Slot
    is_moved: bool
    is_elsewhere: bool
    is_cancelled: bool
    is_stale: bool


def lock_draft(territory_id: int) -> None:
    list(Territory.objects.select_for_update(no_key=True).filter(pk=territory_id).values_list("pk"))


@patient
def sync_draft(*, territory: Territory, now: dt.datetime) -> None:
    """Let the draft follow: slots that are new, moved, placed or withdrawn since it was last looked at.

    A changed placement keeps its change. Where a slot has publicly taken a room that the draft had given to
    another, the other goes back to the tray: what is public is not argued with.
    """
    if not lags(territory.pk, now):
        return
    with transaction.atomic():
        lock_draft(territory.pk)
        follow(territory.pk, now)


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
        take_over(shown, slot)
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


def no_longer(territory_id: int, now: dt.datetime) -> Any:
    """Placements of slots that a draft is no longer about: withdrawn, over, of another territory by now."""
    return Placement.objects.filter(territory=territory_id).filter(
        Q(slot__state=Slot.State.CANCELLED)
        | Q(slot__ends_at__lte=now)
        | ~Q(slot__activity__territory=territory_id)
    )


def lags(territory_id: int, now: dt.datetime) -> bool:
    new = _slots(territory_id, now).filter(placement__isnull=True)
    behind = Exists(new) | Exists(_behind(territory_id)) | Exists(no_longer(territory_id, now))
    return Territory.objects.filter(behind, pk=territory_id).exists()


def follow(territory_id: int, now: dt.datetime) -> None:
    no_longer(territory_id, now).delete()
    new = [_of_slot(slot, territory_id) for slot in _slots(territory_id, now).filter(placement__isnull=True)]
    Placement.objects.bulk_create(new, ignore_conflicts=True)
    fresh = {placement.slot_id for placement in new}
    behind = list(_behind(territory_id).select_related("slot"))
    PlannedStay.objects.filter(placement__in=behind).delete()
    for placement in behind:
        take_over(placement, placement.slot)
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
    take_over(placement, slot)
    return placement


def take_over(placement: Placement, slot: Slot) -> None:
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
            placement.is_changed = differs(placement)
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


# What the draft would change --------------------------------------------------------------------------------


def differences(*, territory: Territory, now: dt.datetime) -> list[Difference]:
    """What a release would change, in order of time."""
    changed = (
        Placement.objects.filter(territory=territory, is_changed=True)
        .exclude(pk__in=no_longer(territory.pk, now).values("pk"))
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


def differs(placement: Placement) -> bool:
    slot = placement.slot
    return (
        placement.cancels
        or placement.room_id != slot.room_id
        or (placement.starts_at, placement.ends_at) != (slot.starts_at, slot.ends_at)
    )
