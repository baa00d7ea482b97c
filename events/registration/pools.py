"""Places kept for some people, released to everybody when nobody of them came for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from events.models import JournalEntry, Opening, Pool, Slot
from events.refusals import Reason, Refused

from .locks import lock_slot, lock_slots
from .patience import patient
from .waiting import offer_places
from .wish import Wish

KEPT = Coalesce(
    Sum(
        F("pools__places") - F("pools__taken"),
        filter=Q(pools__released_at__isnull=True) & ~Q(pools__kind=Pool.Kind.LATER),
    ),
    0,
)
"""Of a slot: places still free in its reserves, the second wave left out."""


@dataclass(frozen=True, slots=True)
class Share:
    """``places`` kept for a kind of people until ``releases_at``, or until so long ``before`` the visit
    (neither: until it begins).
    """

    kind: str
    places: int
    releases_at: dt.datetime | None = None
    before: dt.timedelta | None = None

    def in_slot(self, slot: Slot) -> Share:
        """The same with the moment that ``before`` means there."""
        return self if self.before is None else Share(self.kind, self.places, slot.starts_at - self.before)


@patient
@transaction.atomic
def set_pools(
    *,
    slot_id: int,
    shares: Iterable[Share],
    by: User | None,
    now: dt.datetime,
    kinds: Collection[str] = tuple(Pool.Kind.values),
) -> Slot:
    """Say how a slot's places are divided; what is in no share is everybody's. Offers what that frees.

    Of ``kinds``, one that is not among ``shares`` keeps only what is taken of it; other kinds and released
    pools stay as they are.
    Raises ``Refused``: NO_LIMIT (a slot without a number of places), WRONG_STATE (withdrawn, or begun),
    PLACES_TAKEN (fact ``left``: places that can still be kept), POOL_TAKEN (facts ``kind``, ``taken``),
    IN_THE_PAST (fact ``kind``: released before now, or not before the visit begins).
    """
    slot = lock_slot(slot_id)
    if slot.state == Slot.State.CANCELLED or slot.starts_at <= now:
        raise Refused(Reason.WRONG_STATE)
    if slot.capacity is None:
        raise Refused(Reason.NO_LIMIT)
    wanted = {share.kind: share.in_slot(slot) for share in shares if share.places and share.kind in kinds}
    for share in wanted.values():
        if share.releases_at is not None and not now < share.releases_at < slot.starts_at:
            raise Refused(Reason.IN_THE_PAST, kind=share.kind)
    pools = {pool.kind: pool for pool in slot.pools.all()}
    before = _said(pools.values())
    for kind, pool in pools.items():
        mine = wanted.pop(kind) if kind in wanted else None
        if pool.released_at is not None or kind not in kinds:
            continue
        if mine is not None and mine.places < pool.taken:
            raise Refused(Reason.POOL_TAKEN, kind=kind, taken=pool.taken)
        pool.places = mine.places if mine is not None else pool.taken
        pool.releases_at = mine.releases_at if mine is not None else pool.releases_at
    for kind, share in wanted.items():
        pools[kind] = Pool(slot=slot, kind=kind, places=share.places, releases_at=share.releases_at)
    left = slot.capacity + slot.overbook - slot.taken - slot.held
    if _kept(pools.values()) > left:
        raise Refused(Reason.PLACES_TAKEN, left=left)
    for pool in pools.values():
        if pool.places:
            pool.save()
        elif pool.pk:
            pool.delete()
    said = _said(pools.values())
    if said == before:
        count_pools(slot, pools.values())
        return slot
    JournalEntry.objects.create(
        at=now, actor=by, verb="set_pools", slot=slot, activity=slot.activity, text=f"{before} → {said}"
    )
    count_pools(slot, pools.values())
    offer_places(slot=slot, now=now)
    slot.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
    return slot


@patient
@transaction.atomic
def set_pools_of_visit(
    *,
    activity_id: int,
    shares: Iterable[Share],
    by: User | None,
    now: dt.datetime,
    kinds: Collection[str] = tuple(Pool.Kind.values),
) -> int:
    """The same shares in every slot to come of an activity, all or none; how many slots.

    Raises ``Refused`` as ``set_pools`` does, with the ``slot`` it does not fit.
    """
    slots = Slot.objects.filter(activity=activity_id, starts_at__gt=now, capacity__isnull=False)
    slots = slots.exclude(state=Slot.State.CANCELLED)
    kept = list(shares)
    for slot in lock_slots(slots.order_by("pk").values_list("pk", flat=True)).values():
        try:
            set_pools(slot_id=slot.pk, shares=kept, by=by, now=now, kinds=kinds)
        except Refused as refused:
            raise Refused(refused.reason, **refused.facts, slot=slot) from refused
    return len(slots)


@patient
def release_due(*, slot_id: int, now: dt.datetime) -> bool:
    """Release the pools of a slot whose moment has come, by the server's clock; whether any was.

    Asked by a booking that found too few places, so that a second wave opens on the second.
    """
    if not Slot.objects.filter(pk=slot_id, next_release_at__lte=now).exists():
        return False
    with transaction.atomic():
        slot = lock_slot(slot_id)
        pools = list(slot.pools.all())
        due = [
            pool
            for pool in pools
            if pool.released_at is None and pool.releases_at and pool.releases_at <= now
        ]
        for pool in due:
            pool.released_at = now
            pool.save(update_fields=["released_at"])
        count_pools(slot, pools)
        offer_places(slot=slot, now=now)
    return bool(due)


def pool_is_short(wish: Wish) -> bool:
    """Whether the pool a wish takes from is released, absent, or holds too few: then everybody's places are
    asked for.
    """
    if not wish.takes_from:
        return False
    enough = Pool.objects.filter(
        slot=wish.slot_id,
        kind=wish.takes_from,
        released_at__isnull=True,
        places__gte=F("taken") + wish.party_size,
    )
    return not enough.exists()


def release_all_due(*, now: dt.datetime) -> int:
    """Every slot with a pool to release; how many slots. For the sweeps."""
    due = Slot.objects.filter(next_release_at__lte=now).order_by("next_release_at", "pk")
    return sum(release_due(slot_id=pk, now=now) for pk in due.values_list("pk", flat=True))


def second_wave_of(slot: Slot, opening: Opening, *, kept: int) -> int:
    """Places of a slot that wait for the second wave of its opening: the share, rounded down, as long as the
    first wave keeps one. ``kept``: places free in other reserves.
    """
    places = _share_of(slot.capacity, opening)
    free = (slot.capacity or 0) + slot.overbook - slot.taken - slot.held - kept
    return places if 0 < places < free else 0


def _share_of(capacity: int | None, opening: Opening) -> int:
    return (capacity or 0) * (opening.second_share or 0) // 100


def fit_second_wave(slot: Slot, *, before: int | None, now: dt.datetime) -> None:
    """The second wave of a locked slot whose ``capacity`` is no longer ``before``: it keeps its share, and
    never stands in the way of fewer places. Does not save the slot.
    """
    pools = list(slot.pools.all())
    wave = next((pool for pool in pools if pool.kind == Pool.Kind.LATER), None)
    if wave is not None and wave.released_at is not None:
        return
    opening, wanted = slot.opening, wave.places if wave else 0
    comes = opening is not None and opening.second_opens_at is not None and opening.second_opens_at > now
    if opening is not None and comes and wanted == _share_of(before, opening):
        wanted = _share_of(slot.capacity, opening)
    if wave is None and wanted and opening is not None:
        wave = Pool(slot=slot, kind=Pool.Kind.LATER, places=0, releases_at=opening.second_opens_at)
        pools.append(wave)
    if wave is None:
        return
    kept = _kept(pool for pool in pools if pool is not wave)
    free = (slot.capacity or 0) + slot.overbook - slot.taken - slot.held - kept
    wave.places = max(wave.taken, min(wanted, free))
    if wave.places:
        wave.save()
    elif wave.pk:
        wave.delete()
    _note(slot, [pool for pool in pools if pool.places])


def _said(pools: Iterable[Pool]) -> str:
    """« access 2, later 5 2027-06-09T16:00Z »: for the journal, put into words where it is shown."""
    kept = sorted((pool for pool in pools if pool.places), key=lambda pool: pool.kind)
    return ", ".join(
        f"{pool.kind} {pool.places}" + (f" {pool.releases_at:%Y-%m-%dT%H:%MZ}" if pool.releases_at else "")
        for pool in kept
    )


def _kept(pools: Iterable[Pool]) -> int:
    return sum(pool.places - pool.taken for pool in pools if pool.released_at is None)


def count_pools(slot: Slot, pools: Iterable[Pool]) -> None:
    """The slot's own numbers of its pools, with its row locked."""
    _note(slot, list(pools))
    slot.save(update_fields=["reserved", "next_release_at"])


def _note(slot: Slot, pools: list[Pool]) -> None:
    coming = [
        pool.releases_at for pool in pools if pool.released_at is None and pool.releases_at and pool.places
    ]
    slot.reserved, slot.next_release_at = _kept(pools), min(coming, default=None)
