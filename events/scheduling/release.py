"""A draft made public: shown in words first, looked at by every rule, then all at once or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q

from accounts.models import User
from events.guards import GUARD, PERSON_GUARD
from events.mail.outbox import owe
from events.models import (
    Appearance,
    DraftChange,
    Festival,
    HostMember,
    JournalEntry,
    Message,
    Placement,
    PlannedStay,
    Registration,
    Release,
    ReleaseChange,
    Room,
    RoomOccupancy,
    Slot,
    Territory,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient
from events.registration.withdraw import withdraw_slot

from .checks import Finding, Surroundings, refusing
from .following import TIMES, Difference, differences, sync_draft
from .rooms import people_it_may_hold
from .settling import refuse_what_no_longer_fits
from .telling import name_of_place, tell_the_public

LIVE = ("day", "start_time", "fold", "duration", "starts_at", "ends_at", "room", "venue", "safety_capacity")


@dataclass(frozen=True, slots=True)
class Review:
    """What a release would do, as it stands now. ``people``: registrations told, by slot; ``findings``: rules
    that a placement breaks, by slot; ``fingerprint`` stands for all of it, so that what is confirmed is what
    was read.
    """

    differences: list[Difference]
    people: dict[int, int] = field(default_factory=dict)
    hosts: int = 0
    fingerprint: str = ""
    findings: dict[int, list[Finding]] = field(default_factory=dict)

    @property
    def refusing(self) -> list[Finding]:
        """What stands in the way of the release."""
        return [one for found in self.findings.values() for one in refusing(found, at_release=True)]

    @property
    def told(self) -> int:
        """Registrations in all that would get a mail."""
        return sum(self.people.get(one.slot.pk, 0) for one in self.differences if is_news(one))


def review_draft(*, territory: Territory, now: dt.datetime) -> Review:
    """What a release of this draft would do, in order of time. Writes nothing."""
    found = differences(territory=territory, now=now)
    slots = [one.slot.pk for one in found]
    people = dict(
        Registration.objects.filter(slot__in=slots, status__in=Registration.ACTIVE)
        .values_list("slot")
        .annotate(number=Count("pk"))
        .order_by("slot")
    )
    hosts = {one.slot.activity.host_id for one in found}
    stays = [one.placement for one in found if not one.is_cancelled]
    around = Surroundings.around(stays, in_draft=True)
    findings = {one.slot_id: around.findings(one) for one in stays}
    return Review(found, people, len(hosts), _fingerprint(found, people), findings)


def is_news(one: Difference) -> bool:
    """Whether the public would learn something: a first room in the venue it knows is none."""
    slot = one.slot
    if slot.state != Slot.State.PUBLISHED:
        return False
    venue = one.placement.room.venue_id if one.placement.room else slot.venue_id
    was_known = slot.room_id is not None or slot.venue_id is None or slot.venue_id != venue
    return one.is_cancelled or one.is_moved or (one.is_elsewhere and was_known)


@patient
@transaction.atomic
def release_draft(
    *,
    territory: Territory,
    festival: Festival,
    fingerprint: str,
    by: User,
    now: dt.datetime,
    name: str = "",
    note: str = "",
    reason: str = "",
) -> Release:
    """Publish what the draft changes: all of it, or nothing; then tell exactly those whose slot moved.

    ``reason`` is sent to the visitors of slots that will not take place. ``name`` defaults to the number.

    Raises ``Refused``: NOTHING_TO_RELEASE, CHANGED_MEANWHILE (the draft is not what was read), REASON_NEEDED,
    RULE_BROKEN (``findings``), ROOM_OCCUPIED (``in_the_way``: occupancies), IN_THE_PAST (``slot``), BUSY; for
    what has happened since it was planned PERSON_BUSY, SAME_START, ROOM_TOO_SMALL, ROOM_NOT_IN_USE and
    ROOM_ELSEWHERE, as ``plan_slot``.
    """
    list(Territory.objects.select_for_update(no_key=True).filter(pk=territory.pk).values_list("pk"))
    sync_draft(territory=territory, now=now)
    review = review_draft(territory=territory, now=now)
    if not review.differences:
        raise Refused(Reason.NOTHING_TO_RELEASE)
    if review.fingerprint != fingerprint:
        raise Refused(Reason.CHANGED_MEANWHILE)
    if any(one.is_cancelled and is_news(one) for one in review.differences) and not reason.strip():
        raise Refused(Reason.REASON_NEEDED)
    if review.refusing:
        raise Refused(Reason.RULE_BROKEN, findings=review.refusing)
    slots = _lock_slots(review.differences)
    _lock_rooms(review.differences)
    release = _number(territory, festival, name, note, by, now)
    _write_changes(release, review.differences)
    moved = [one for one in review.differences if not one.is_cancelled]
    for one in moved:
        if one.placement.starts_at <= now and one.is_moved:
            raise Refused(Reason.IN_THE_PAST, slot=one.slot)
        refuse_what_no_longer_fits(one.placement)
    was = {
        one.slot.pk: (one.slot.starts_at, one.slot.ends_at, one.slot.room, one.slot.venue) for one in moved
    }
    news = {one.slot.pk for one in moved if is_news(one)}
    for one in review.differences:  # first, because what they give up may be taken by the others
        if one.is_cancelled:
            _cancel(slots[one.slot.pk], reason, by, now)
    _move(moved, slots)
    for pk in sorted(news):
        start, end, room, venue = was[pk]
        tell_the_public(
            slots[pk], old_start=start, old_end=end, old_place=name_of_place(room, venue), now=now
        )
    _tell_hosts(release, now)
    _settle_draft(territory, moved)
    JournalEntry.objects.bulk_create(
        JournalEntry(
            at=now, actor=by, verb="released", slot=one.slot, activity=one.slot.activity, text=release.name
        )
        for one in review.differences
    )
    release.snapshot = snapshot_of(territory, now)
    release.save(update_fields=["snapshot"])
    return release


# Inside the transaction -------------------------------------------------------------------------------------


def _fingerprint(found: Sequence[Difference], people: dict[int, int]) -> str:
    said = [
        (
            one.slot.pk,
            one.placement.revision,
            one.slot.revision,
            one.slot.starts_at.isoformat(),
            one.slot.ends_at.isoformat(),
            one.slot.room_id,
            people.get(one.slot.pk, 0) > 0,
        )
        for one in found
    ]
    return hashlib.sha256(json.dumps(sorted(said)).encode()).hexdigest()[:32]


def _lock_slots(found: Iterable[Difference]) -> dict[int, Slot]:
    """In the order in which every rule locks them; read once all are locked."""
    slots = Slot.objects.filter(pk__in=[one.slot.pk for one in found]).order_by("pk")
    list(slots.select_for_update(no_key=True).values_list("pk"))
    read = slots.select_related("activity__host", "activity__territory", "venue", "room__venue")
    return {slot.pk: slot for slot in read}


def _lock_rooms(found: Sequence[Difference]) -> None:
    slots, placements = [one.slot.pk for one in found], [one.placement.pk for one in found]
    rooms = Room.objects.filter(
        Q(occupancies__slot__in=slots) | Q(planned_stays__placement__in=placements)
    ).values("pk")
    list(Room.objects.filter(pk__in=rooms).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _number(
    territory: Territory, festival: Festival, name: str, note: str, by: User, now: dt.datetime
) -> Release:
    last = territory.releases.aggregate(last=Max("number"))["last"] or 0
    return Release.objects.create(
        territory=territory,
        festival=festival,
        number=last + 1,
        name=name.strip() or f"v{last + 1}",
        note=note.strip(),
        released_at=now,
        released_by=by,
    )


def _write_changes(release: Release, found: Iterable[Difference]) -> None:
    rows = []
    for one in found:
        slot, placement, kind = one.slot, one.placement, ReleaseChange.Kind
        what = (
            kind.CANCELLED
            if one.is_cancelled
            else kind.BOTH
            if one.is_moved and one.is_elsewhere
            else kind.MOVED
            if one.is_moved
            else kind.ROOM
        )
        before = _said(slot.starts_at, slot.ends_at, slot.timezone, slot.room, slot.venue)
        venue = placement.room.venue if placement.room else slot.venue
        after = _said(placement.starts_at, placement.ends_at, slot.timezone, placement.room, venue)
        rows.append(
            ReleaseChange(
                release=release,
                slot=slot,
                kind=what,
                title_fr=slot.activity.title_fr,
                title_en=slot.activity.title_en,
                host_name=slot.activity.host.name[:160],
                before=before,
                after=None if one.is_cancelled else after,
                is_public=is_news(one),
            )
        )
    ReleaseChange.objects.bulk_create(rows)


def _said(
    starts_at: dt.datetime, ends_at: dt.datetime, timezone: str, room: Room | None, venue: Any
) -> dict[str, Any]:
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "timezone": timezone,
        "room": room.name if room else "",
        "venue": venue.name if venue else "",
    }


def _move(moved: Sequence[Difference], slots: dict[int, Slot]) -> None:
    """Times and rooms of all at once. What they held is given up first, so that they may exchange."""
    keys = [one.slot.pk for one in moved]
    RoomOccupancy.objects.filter(slot__in=keys).delete()
    appearances = list(Appearance.objects.filter(slot__in=keys))
    Appearance.objects.filter(slot__in=keys).delete()
    for one in moved:
        slot, placement = slots[one.slot.pk], one.placement
        for name in TIMES:
            setattr(slot, name, getattr(placement, name))
        slot.room = placement.room
        if placement.room is not None:
            slot.venue = placement.room.venue
        slot.safety_capacity = people_it_may_hold(placement.room) if placement.room else None
    _step_aside([one for one in moved if one.is_moved])
    Slot.objects.bulk_update([slots[pk] for pk in keys], LIVE, batch_size=500)
    rows = [
        RoomOccupancy(
            room_id=stay.room_id,
            slot_id=stay.placement.slot_id,
            starts_at=stay.starts_at,
            ends_at=stay.ends_at,
        )
        for stay in PlannedStay.objects.filter(placement__in=[one.placement.pk for one in moved])
        .select_related("placement")
        .order_by("room", "starts_at")
    ]
    try:
        with transaction.atomic():
            RoomOccupancy.objects.bulk_create(rows, batch_size=500)
            Appearance.objects.bulk_create(appearances, batch_size=500)
    except IntegrityError as error:
        if PERSON_GUARD in str(error):
            raise Refused(Reason.PERSON_BUSY) from error
        if GUARD not in str(error):
            raise
        raise Refused(Reason.ROOM_OCCUPIED, in_the_way=_in_the_way(rows)) from error


def _step_aside(moved: Sequence[Difference]) -> None:
    """Slots of one activity that take each other's start would meet on the way: they leave it first.

    A microsecond each, within the transaction.
    """
    starts: dict[tuple[int, dt.datetime], int] = {
        (one.slot.activity_id, one.slot.starts_at): one.slot.pk for one in moved
    }
    wanted = {(one.slot.activity_id, one.placement.starts_at) for one in moved}
    for number, key in enumerate(sorted(starts.keys() & wanted, key=str), 1):
        Slot.objects.filter(pk=starts[key]).update(
            starts_at=F("starts_at") - dt.timedelta(microseconds=number)
        )


def _in_the_way(rows: Sequence[RoomOccupancy]) -> list[RoomOccupancy]:
    found: dict[int, RoomOccupancy] = {}
    for row in rows:
        clashes = RoomOccupancy.objects.active().filter(room=row.room_id).between(row.starts_at, row.ends_at)
        for other in clashes.select_related("room__venue", "slot__activity"):
            found.setdefault(other.pk, other)
    return list(found.values())


def _cancel(slot: Slot, reason: str, by: User, now: dt.datetime) -> None:
    """A published slot is withdrawn with its mails; a draft one simply goes."""
    if slot.state == Slot.State.PUBLISHED:
        withdraw_slot(slot_id=slot.pk, reason=reason, by=by, now=now, by_host=False)
        return
    RoomOccupancy.objects.filter(slot=slot).delete()
    slot.state, slot.cancelled_at, slot.cancel_reason = Slot.State.CANCELLED, now, reason.strip()
    slot.save(update_fields=["state", "cancelled_at", "cancel_reason"])


def _tell_hosts(release: Release, now: dt.datetime) -> None:
    """One mail for each member of each host whose slots changed, with all its changes."""
    changes: dict[int, list[int]] = defaultdict(list)
    for pk, host in release.changes.values_list("pk", "slot__activity__host").order_by("pk"):
        changes[host].append(pk)
    members = HostMember.objects.filter(host__in=changes).select_related("user", "host").order_by("pk")
    first = {
        change.slot.activity.host_id: change.slot.activity
        for change in release.changes.select_related("slot__activity").order_by("-pk")
        if change.slot is not None
    }
    for member in members:
        owe(
            kind=Message.Kind.HOST_SLOTS_CHANGED,
            dedupe_key=f"release:{release.pk}:{member.pk}",
            recipient=member.user.email,
            locale=getattr(member.user, "locale", "") or "fr",
            now=now,
            activity=first.get(member.host_id),
            context={"release": release.pk, "host": member.host.name, "changes": changes[member.host_id]},
        )


def _settle_draft(territory: Territory, moved: Sequence[Difference]) -> None:
    """The draft is what is public now; there is no way back behind a release."""
    for one in moved:
        placement = one.placement
        placement.is_changed = False
        placement.live_room_id = placement.room_id
        placement.live_starts_at, placement.live_ends_at = placement.starts_at, placement.ends_at
    Placement.objects.bulk_update(
        [one.placement for one in moved],
        ["is_changed", "live_room_id", "live_starts_at", "live_ends_at"],
        batch_size=500,
    )
    Placement.objects.filter(territory=territory, cancels=True).delete()
    DraftChange.objects.filter(territory=territory).delete()


def snapshot_of(territory: Territory, now: dt.datetime) -> list[dict[str, Any]]:
    """Every slot of the territory that is not over, as the public timetable has it: for a ``Release``."""
    slots = (
        Slot.objects.filter(activity__territory=territory, ends_at__gt=now)
        .exclude(state=Slot.State.CANCELLED)
        .select_related("activity__host", "room", "venue")
        .in_order()
    )
    return [
        {
            "slot": slot.pk,
            "title": slot.activity.title_fr,
            "title_en": slot.activity.title_en,
            "host": slot.activity.host.name,
            **_said(slot.starts_at, slot.ends_at, slot.timezone, slot.room, slot.venue),
        }
        for slot in slots
    ]
