"""Places kept for some people, released to everybody when nobody of them came for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from accounts.models import User
from events.models import JournalEntry, Pool, Slot
from events.refusals import Reason, Refused

from .locks import lock_slot
from .patience import patient
from .waiting import offer_places
from .wish import Wish


@dataclass(frozen=True, slots=True)
class Share:
    """``places`` kept for a kind of people until ``releases_at`` (None: until the visit begins)."""

    kind: str
    places: int
    releases_at: dt.datetime | None = None


@patient
@transaction.atomic
def set_pools(*, slot_id: int, shares: Iterable[Share], by: User | None, now: dt.datetime) -> Slot:
    """Say how a slot's places are divided; what is in no share is everybody's. Offers what that frees.

    A kind that is not among ``shares`` keeps only what is taken of it. Released pools stay as they are.
    Raises ``Refused``: NO_LIMIT (a slot without a number of places), WRONG_STATE (withdrawn), PLACES_TAKEN
    (fact ``left``: places that can still be kept), POOL_TAKEN (facts ``kind``, ``taken``).
    """
    slot = lock_slot(slot_id)
    if slot.state == Slot.State.CANCELLED:
        raise Refused(Reason.WRONG_STATE)
    if slot.capacity is None:
        raise Refused(Reason.NO_LIMIT)
    wanted = {share.kind: share for share in shares if share.places}
    pools = {pool.kind: pool for pool in slot.pools.all()}
    for kind, pool in pools.items():
        share = wanted.pop(kind, None)
        if pool.released_at is not None:
            continue
        if share is not None and share.places < pool.taken:
            raise Refused(Reason.POOL_TAKEN, kind=kind, taken=pool.taken)
        pool.places = share.places if share is not None else pool.taken
        pool.releases_at = share.releases_at if share is not None else pool.releases_at
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
    said = ", ".join(f"{pool.kind} {pool.places}" for _kind, pool in sorted(pools.items()) if pool.places)
    JournalEntry.objects.create(
        at=now, actor=by, verb="set_pools", slot=slot, activity=slot.activity, text=said
    )
    _count(slot, pools.values())
    offer_places(slot=slot, now=now)
    slot.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
    return slot


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
        _count(slot, pools)
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


def _kept(pools: Iterable[Pool]) -> int:
    return sum(pool.places - pool.taken for pool in pools if pool.released_at is None)


def _count(slot: Slot, pools: Iterable[Pool]) -> None:
    """The slot's own numbers of its pools, with its row locked."""
    pools = list(pools)
    coming = [
        pool.releases_at for pool in pools if pool.released_at is None and pool.releases_at and pool.places
    ]
    slot.reserved, slot.next_release_at = _kept(pools), min(coming, default=None)
    slot.save(update_fields=["reserved", "next_release_at"])
