"""When booking opens, for all of an edition or a part of it, at once or in two waves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction

from accounts.models import User
from events.models import Activity, Festival, JournalEntry, Opening, Pool, Programme, Slot, Territory
from events.models.slot import SlotQuerySet
from events.refusals import Reason, Refused

from .patience import patient


def opening_of(activity: Activity, openings: Iterable[Opening]) -> Opening | None:
    """The opening that holds for an activity: the narrowest part it belongs to; none opens at once."""
    fitting = [
        opening
        for opening in openings
        if opening.programme_id in (None, activity.programme_id)
        and opening.territory_id in (None, activity.territory_id)
    ]
    narrowness = {(True, True): 3, (False, True): 2, (True, False): 1, (False, False): 0}
    return max(
        fitting,
        key=lambda one: narrowness[one.programme_id is not None, one.territory_id is not None],
        default=None,
    )


@patient
@transaction.atomic
def announce_opening(
    *,
    festival: Festival,
    programme: Programme | None,
    territory: Territory | None,
    opens_at: dt.datetime,
    second_opens_at: dt.datetime | None = None,
    second_share: int | None = None,
    by: User | None,
    now: dt.datetime,
) -> Opening:
    """Say when booking opens for a part of an edition, and lay it on its slots that are not open yet.

    Raises ``Refused``: IN_THE_PAST (``opens_at``), WRONG_STATE (a second wave before the first or without its
    share).
    """
    if opens_at <= now:
        raise Refused(Reason.IN_THE_PAST)
    if (second_opens_at is None) != (second_share is None) or (
        second_opens_at and second_opens_at <= opens_at
    ):
        raise Refused(Reason.WRONG_STATE)
    opening, _is_new = Opening.objects.update_or_create(
        festival=festival,
        programme=programme,
        territory=territory,
        defaults={
            "opens_at": opens_at,
            "second_opens_at": second_opens_at,
            "second_share": second_share,
        },
    )
    JournalEntry.objects.create(at=now, actor=by, verb="announce_opening", text=str(opening))
    lay_openings(festival=festival, now=now)
    return opening


@patient
@transaction.atomic
def drop_opening(*, opening_id: int, by: User | None, now: dt.datetime) -> None:
    """Take an announcement back: its slots follow the next wider one, or open at once."""
    opening = Opening.objects.select_related("festival").get(pk=opening_id)
    JournalEntry.objects.create(at=now, actor=by, verb="drop_opening", text=str(opening))
    slots = Slot.objects.filter(opening=opening, opens_at__gt=now)
    Pool.objects.filter(slot__in=slots, kind=Pool.Kind.LATER, taken=0, released_at__isnull=True).delete()
    touched = list(slots.values_list("pk", flat=True))
    Slot.objects.filter(pk__in=touched).update(opening=None, opens_at=None)
    festival = opening.festival
    opening.delete()
    _count_again(Slot.objects.filter(pk__in=touched))
    lay_openings(festival=festival, now=now)


def lay_openings(*, festival: Festival, now: dt.datetime, activity: Activity | None = None) -> int:
    """Give the slots of an edition (or one activity of it) the opening that holds for them; how many changed.

    Inside a transaction. A slot that is open stays so; one whose opening was set by hand keeps it.
    """
    openings = list(Opening.objects.filter(festival=festival))
    activities = Activity.objects.filter(festival=festival)
    if activity is not None:
        activities = activities.filter(pk=activity.pk)
    changed = 0
    parts: dict[int, list[int]] = {}
    by_key = {opening.pk: opening for opening in openings}
    for one in activities.only("pk", "programme_id", "territory_id"):
        if opening := opening_of(one, openings):
            parts.setdefault(opening.pk, []).append(one.pk)
    for pk, activity_ids in parts.items():
        opening = by_key[pk]
        slots = Slot.objects.filter(activity__in=activity_ids, starts_at__gt=opening.opens_at).exclude(
            state=Slot.State.CANCELLED
        )
        follows = slots.filter(opening__isnull=False, opens_at__gt=now) | slots.filter(
            opening__isnull=True, opens_at__isnull=True, taken=0, held=0
        )
        keys = list(follows.order_by("pk").values_list("pk", flat=True))
        mine = Slot.objects.filter(pk__in=keys)
        changed += mine.update(opening=opening, opens_at=opening.opens_at)
        _lay_second_wave(opening, mine)
    return changed


def _lay_second_wave(opening: Opening, slots: SlotQuerySet) -> None:
    """The share of each slot's places that waits for the second wave, as a pool."""
    Pool.objects.filter(slot__in=slots, kind=Pool.Kind.LATER, taken=0, released_at__isnull=True).delete()
    waves = []
    for slot in slots.filter(capacity__gt=0).prefetch_related("pools"):
        places = (slot.capacity or 0) * (opening.second_share or 0) // 100
        kept = sum(pool.places for pool in slot.pools.all())
        if 0 < places < (slot.capacity or 0) - kept:
            wave = Pool(slot=slot, kind=Pool.Kind.LATER, places=places, releases_at=opening.second_opens_at)
            waves.append(wave)
    Pool.objects.bulk_create(waves, batch_size=500)
    _count_again(slots)


def _count_again(slots: SlotQuerySet) -> None:
    """``reserved`` and ``next_release_at`` of slots nobody books yet, from their pools."""
    for slot in slots.prefetch_related("pools"):
        kept = [pool for pool in slot.pools.all() if pool.released_at is None]
        reserved = sum(pool.places - pool.taken for pool in kept)
        release = min((pool.releases_at for pool in kept if pool.releases_at), default=None)
        if (slot.reserved, slot.next_release_at) != (reserved, release):
            slot.reserved, slot.next_release_at = reserved, release
            slot.save(update_fields=["reserved", "next_release_at"])
