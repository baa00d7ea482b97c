"""Many slots planned at once, all or none: what the automatic timetable puts into a draft."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Iterable, Mapping

from django.db import IntegrityError, transaction

from accounts.models import User
from events.guards import DRAFT_GUARD
from events.models import (
    Appearance,
    DraftChange,
    Placement,
    PlannedStay,
    Room,
    Territory,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .following import TIMES, follow, lags, lock_draft
from .place import When
from .rooms import OPEN_TIMES, stays_of
from .settling import NOTED, note_change, state_of


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
    lock_draft(territory.pk)
    if lags(territory.pk, now):
        follow(territory.pk, now)
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
    before = {placement.pk: state_of(placement) for placement in placements}
    for placement in placements:
        room_id, when = plans[placement.slot_id]
        when.put_on(placement, slot=placement.slot, now=now)
        placement.room, placement.cancels = rooms[room_id], False
    changed = [placement for placement in placements if state_of(placement) != before[placement.pk]]
    if not changed:
        return []
    for placement in changed:
        note_change(placement, by, now)
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
                after=state_of(placement),
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
