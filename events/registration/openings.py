"""When booking opens, for all of an edition or a part of it, at once or in two waves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from events.models import Activity, Festival, JournalEntry, Mode, Opening, Pool, Programme, Slot, Territory
from events.refusals import Reason, Refused

from .patience import patient
from .pools import KEPT, second_wave_of

AT_ONCE = 2000
"""Slots laid by one statement: 20,000 slots are ten statements of each kind."""

MOST_SHARE = 90


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
    """Say when booking opens for a part of an edition, and lay it on its slots.

    A first announcement takes in the slots anybody can book where nobody has yet; one that is changed moves
    only what waits for it. Raises ``Refused``: IN_THE_PAST (``opens_at``), WRONG_STATE (a second wave before
    the first, or with a share that is none).
    """
    if opens_at <= now:
        raise Refused(Reason.IN_THE_PAST)
    if (second_opens_at is None) != (second_share is None):
        raise Refused(Reason.WRONG_STATE)
    if second_opens_at and (second_opens_at <= opens_at or not 1 <= (second_share or 0) <= MOST_SHARE):
        raise Refused(Reason.WRONG_STATE)
    opening, is_new = Opening.objects.update_or_create(
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
    lay_openings(festival=festival, now=now, also=UNTOUCHED if is_new else NONE)
    return opening


@patient
@transaction.atomic
def drop_opening(*, opening_id: int, by: User | None, now: dt.datetime) -> None:
    """Take an announcement back: its slots follow the next wider one, or open at once.

    What it has opened stays as it is, its second wave included.
    """
    opening = Opening.objects.select_related("festival", "programme", "territory").get(pk=opening_id)
    JournalEntry.objects.create(at=now, actor=by, verb="drop_opening", text=str(opening))
    waiting = Slot.objects.filter(opening=opening, opens_at__gt=now).order_by("pk")
    touched = list(waiting.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    for keys in _parts(touched):
        _waves(keys).delete()
        Slot.objects.filter(pk__in=keys).update(opening=None, opens_at=None)
        _count_again(keys)
    festival = opening.festival
    opening.delete()
    for keys in _parts(touched):
        lay_openings(festival=festival, now=now, also=Q(pk__in=keys))


UNTOUCHED = Q(opening__isnull=True, opens_at__isnull=True, taken=0, held=0, waiting=0)
"""Slots anybody can book and nobody has."""

NONE = Q(pk__in=[])


def lay_openings(
    *, festival: Festival, now: dt.datetime, activity: Activity | None = None, also: Q = NONE
) -> int:
    """Give the slots of an edition (or one activity of it) the opening that holds for them; how many.

    Inside a transaction. Those that wait for an opening follow the one that holds for them now; drafts, and
    what ``also`` names, take the one there is. What is open stays open, and what was set by hand stays. A
    slot that has begun by then keeps what it had: it could never be booked. A ballot has days of its own.
    """
    openings = list(Opening.objects.filter(festival=festival))
    if not openings:
        return 0
    activities = Activity.objects.filter(festival=festival).exclude(mode=Mode.BALLOT)
    if activity is not None:
        activities = activities.filter(pk=activity.pk)
    parts: dict[int, list[int]] = {}
    for one in activities.only("pk", "programme_id", "territory_id"):
        if opening := opening_of(one, openings):
            parts.setdefault(opening.pk, []).append(one.pk)
    waits = Q(opening__isnull=False, opens_at__gt=now)
    draft = Q(state=Slot.State.DRAFT, opening__isnull=True, opens_at__isnull=True)
    laid = 0
    for opening in openings:
        for activity_ids in _parts(parts.get(opening.pk, [])):
            slots = Slot.objects.filter(activity__in=activity_ids, starts_at__gt=opening.opens_at)
            slots = slots.filter(waits | draft | also).exclude(state=Slot.State.CANCELLED).order_by("pk")
            locked = slots.select_for_update(of=("self",), no_key=True)
            for keys in _parts(list(locked.values_list("pk", flat=True))):
                laid += Slot.objects.filter(pk__in=keys).update(opening=opening, opens_at=opening.opens_at)
                _lay_second_wave(opening, keys, now)
    return laid


def _lay_second_wave(opening: Opening, keys: list[int], now: dt.datetime) -> None:
    """The share of each slot's places that waits for the second wave, as a pool."""
    _waves(keys).delete()
    if opening.second_opens_at and opening.second_opens_at > now:
        later = Slot.objects.filter(pk__in=keys, activity__mode=Mode.FIRST_COME, capacity__gt=0)
        later = later.filter(starts_at__gt=opening.second_opens_at).exclude(pools__kind=Pool.Kind.LATER)
        waves = [
            Pool(slot=slot, kind=Pool.Kind.LATER, places=places, releases_at=opening.second_opens_at)
            for slot in later.annotate(kept=KEPT).order_by("pk")
            if (places := second_wave_of(slot, opening, kept=slot.kept))
        ]
        Pool.objects.bulk_create(waves, batch_size=500)
    _count_again(keys)


def _waves(keys: list[int]) -> QuerySet[Pool]:
    """Second waves still whole and still to come."""
    return Pool.objects.filter(slot__in=keys, kind=Pool.Kind.LATER, taken=0, released_at__isnull=True)


def _parts(keys: list[int]) -> list[list[int]]:
    return [keys[first : first + AT_ONCE] for first in range(0, len(keys), AT_ONCE)]


def _count_again(keys: list[int]) -> None:
    """``reserved`` and ``next_release_at`` of these slots from their pools, in one statement."""
    kept = Pool.objects.filter(slot=OuterRef("pk"), released_at__isnull=True).order_by().values("slot")
    places = kept.annotate(n=Sum(F("places") - F("taken"))).values("n")
    first = kept.annotate(first=Min("releases_at")).values("first")
    Slot.objects.filter(pk__in=keys).update(
        reserved=Coalesce(Subquery(places), 0), next_release_at=Subquery(first)
    )
