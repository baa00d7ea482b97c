"""The organisers' side of a draw: announce it, change it until it opens, say which activities it is about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db import transaction

from accounts.models import User
from events.links import hash_of
from events.models import Activity, Ballot, Festival, JournalEntry, Mode, Registration, Territory
from events.models.activity import ActivityQuerySet
from events.refusals import Reason, Refused

from .patience import patient


@transaction.atomic
def announce_ballot(
    *,
    festival: Festival,
    territory: Territory | None,
    slug: str,
    values: dict[str, Any],
    now: dt.datetime,
    by: User | None,
) -> Ballot:
    """Create a ballot; from this moment the hash of its seed is there for everybody to see.

    Raises ``Refused(IN_THE_PAST)`` when it would close before now.
    """
    ballot = Ballot(festival=festival, territory=territory, slug=slug, **values)
    if ballot.closes_at <= now:
        raise Refused(Reason.IN_THE_PAST)
    ballot.seed_hash = hash_of(ballot.seed)
    ballot.save()
    JournalEntry.objects.create(at=now, actor=by, verb="announce_ballot", text=ballot.slug)
    return ballot


@patient
@transaction.atomic
def change_ballot(*, ballot_id: int, values: dict[str, Any], now: dt.datetime, by: User | None) -> Ballot:
    """Other dates or numbers, until it opens. Raises ``Refused``: WRONG_STATE (open already), IN_THE_PAST."""
    ballot = _lock_before_opening(ballot_id, now)
    if values.get("closes_at", ballot.closes_at) <= now:
        raise Refused(Reason.IN_THE_PAST)
    for field, value in values.items():
        setattr(ballot, field, value)
    ballot.save(update_fields=list(values))
    JournalEntry.objects.create(at=now, actor=by, verb="change_ballot", text=ballot.slug)
    return ballot


@patient
@transaction.atomic
def attach_activities(
    *, ballot_id: int, activity_ids: Collection[int], now: dt.datetime, by: User | None
) -> Ballot:
    """Draw exactly these activities, and no longer the others, until it opens.

    An activity that leaves is booked by who comes first. Raises ``Refused``: WRONG_STATE (the ballot is
    open), HAS_BOOKINGS (fact ``activities``).
    """
    ballot = _lock_before_opening(ballot_id, now)
    wanted = set(activity_ids) & set(attachable(ballot).values_list("pk", flat=True))
    now_in = set(ballot.activities.values_list("pk", flat=True))
    fresh = Activity.objects.filter(pk__in=wanted - now_in)
    booked = Registration.objects.active().filter(slot__activity__in=fresh).values("slot__activity")
    if in_the_way := list(fresh.filter(pk__in=booked).order_by("title_fr", "pk")):
        raise Refused(Reason.HAS_BOOKINGS, activities=in_the_way)
    fresh.update(ballot=ballot, mode=Mode.BALLOT)
    ballot.activities.exclude(pk__in=wanted).update(ballot=None, mode=Mode.FIRST_COME)
    changed = len(wanted ^ now_in)
    if changed:
        JournalEntry.objects.create(at=now, actor=by, verb="attach_activities", text=ballot.slug)
    return ballot


def attachable(ballot: Ballot) -> ActivityQuerySet:
    """Activities that this ballot may draw: of its edition and territory, in no other ballot, not ended."""
    ended = (Activity.State.CANCELLED, Activity.State.REJECTED)
    found = Activity.objects.filter(festival=ballot.festival_id).exclude(state__in=ended)
    if ballot.territory_id is not None:
        found = found.filter(territory=ballot.territory_id)
    return found.filter(ballot__isnull=True) | found.filter(ballot=ballot)


def _lock_before_opening(ballot_id: int, now: dt.datetime) -> Ballot:
    ballot = Ballot.objects.select_for_update().get(pk=ballot_id)
    if ballot.opens_at <= now or ballot.entries_hash:
        raise Refused(Reason.WRONG_STATE)
    return ballot
