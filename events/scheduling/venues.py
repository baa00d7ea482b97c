"""Venues and their rooms: opened and changed by who may; what is already placed there is looked at again.

Who may is decided where the venue is fetched (``managed_by``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from events.models import (
    OpeningHours,
    Room,
    RoomHours,
    RoomOccupancy,
    Slot,
    SpecialDays,
    Territory,
    Venue,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .rooms import OPEN_TIMES_OF_SLOTS, atoms_of, is_open, people_it_may_hold, people_to_hold
from .venue_facts import facts_of, follow_position, lift_verification

Hours = tuple[int, dt.time, dt.time]
"""ISO weekday, opens, closes."""


@transaction.atomic
def open_venue(
    *,
    territory: Territory,
    slug: str,
    values: dict[str, Any],
    hours: Iterable[Hours] = (),
    picture: ContentFile | None = None,
) -> Venue:
    """Create a venue with its opening hours. ``values``: fields of ``Venue``, already clean."""
    venue = Venue(territory=territory, slug=slug, **values)
    if venue.latitude is not None:
        venue.position_from = Venue.PositionFrom.HAND
    if picture is not None:
        venue.picture.save(picture.name or "", picture, save=False)
    venue.save()
    _set_hours(venue, hours)
    return venue


@patient
@transaction.atomic
def change_venue(
    *,
    venue_id: int,
    values: dict[str, Any],
    hours: Iterable[Hours],
    by: User,
    now: dt.datetime,
    picture: ContentFile | None = None,
    drop_picture: bool = False,
) -> list[Slot]:
    """Change a venue and its hours; its address on the site stays.

    A new address is looked for again unless the position was put by hand; whoever does not organise the
    territory lifts its verification by changing what was verified. Returns the slots to come that its new
    figures no longer suit (too many places); nothing is done to them.
    """
    venue = Venue.objects.select_for_update(no_key=True).get(pk=venue_id)
    old, was = venue.picture.name, facts_of(venue)
    for name, value in values.items():
        setattr(venue, name, value)
    if picture is not None:
        venue.picture.save(picture.name or "", picture, save=False)
    elif drop_picture:
        venue.picture = ""
    follow_position(venue, was)
    lift_verification(venue, was, by=by, now=now)
    venue.save()
    if old and venue.picture.name != old:
        transaction.on_commit(lambda: venue.picture.storage.delete(old))
    _set_hours(venue, hours)
    if any(facts_of(venue)[name] != was[name] for name in ("name", "address", "commune_id")):
        find_by_its_words(venue)
    return look_again(Room.objects.filter(venue=venue), now)


@transaction.atomic
def open_room(
    *, venue: Venue, values: dict[str, Any], parts: Sequence[Room] = (), hours: Iterable[Hours] = ()
) -> Room:
    """Create a room; one made of others names them as ``parts``, rooms of the same venue.

    ``hours``: its own; none: its venue's.
    """
    room = Room.objects.create(venue=venue, **values)
    room.parts.set(parts)
    _set_room_hours(room, hours)
    return room


@patient
@transaction.atomic
def change_room(
    *,
    room_id: int,
    values: dict[str, Any],
    parts: Sequence[Room],
    now: dt.datetime,
    hours: Iterable[Hours] | None = None,
) -> list[Slot]:
    """Change a room. Returns the slots to come that it may no longer hold.

    ``hours``: its own from now on, None leaves them. Set-up and turnover bind the next placements; what is
    placed keeps its time. Raises ``Refused``: ROOM_OCCUPIED (``in_the_way``) when its parts change while it
    is held, WRONG_STATE when it would be made of itself.
    """
    room = Room.objects.select_for_update(no_key=True).select_related("venue").get(pk=room_id)
    before, after = {part.pk for part in room.parts.all()}, {part.pk for part in parts}
    if before != after:
        if room.pk in after or any(room.pk in _made_of(part) for part in parts):
            raise Refused(Reason.WRONG_STATE)
        held = _held_ahead(room, now)
        if held:
            raise Refused(Reason.ROOM_OCCUPIED, room=room, in_the_way=held)
        room.parts.set(parts)
    for name, value in values.items():
        setattr(room, name, value)
    room.save()
    if hours is not None:
        _set_room_hours(room, hours)
    return look_again(Room.objects.filter(Q(pk=room.pk) | Q(pk__in=room.part_of.values("pk"))), now)


def find_by_its_words(venue: Venue) -> None:
    """Write anew what the venue's activities are found by; its name, address and commune are part of it."""
    venue.save(update_fields=["search_text"])
    for activity in venue.activities.select_related("host", "territory", "venue__commune"):
        activity.save(update_fields=["search_text"])


def outside_hours(*, slots: Iterable[Slot]) -> list[Slot]:
    """Those of the placed slots whose room is closed at their time. Prefetch ``OPEN_TIMES_OF_SLOTS``."""
    return [
        slot
        for slot in slots
        if slot.room is not None and not is_open(slot.room, slot.local_start, slot.local_end)
    ]


@transaction.atomic
def set_special_days(
    *,
    venue: Venue,
    room: Room | None,
    first_day: dt.date,
    last_day: dt.date,
    reason: str,
    now: dt.datetime,
    opens: dt.time | None = None,
    closes: dt.time | None = None,
) -> list[Slot]:
    """Close a venue, or one room of it, on these days, or give it other hours then.

    Returns the slots to come that are placed there while it is closed; nothing is done to them. Raises
    ``Refused(ROOM_ELSEWHERE)`` for a room of another venue.
    """
    if room is not None and room.venue_id != venue.pk:
        raise Refused(Reason.ROOM_ELSEWHERE, room=room)
    SpecialDays.objects.create(
        venue=venue,
        room=room,
        first_day=first_day,
        last_day=last_day,
        opens=opens,
        closes=closes,
        reason=reason.strip(),
    )
    placed = (
        Slot.objects.filter(
            room__venue=venue, ends_at__gt=now, day__range=(first_day - dt.timedelta(days=1), last_day)
        )
        .exclude(state=Slot.State.CANCELLED)
        .select_related("activity", "room__venue")
        .prefetch_related(*OPEN_TIMES_OF_SLOTS)
        .in_order()
    )
    return outside_hours(slots=placed)


def drop_special_days(*, venue_id: int, special_id: int) -> None:
    """As usual again. Raises ``SpecialDays.DoesNotExist``."""
    SpecialDays.objects.get(pk=special_id, venue=venue_id).delete()


def _set_room_hours(room: Room, hours: Iterable[Hours]) -> None:
    room.hours.all().delete()
    RoomHours.objects.bulk_create(
        RoomHours(room=room, weekday=weekday, opens=opens, closes=closes) for weekday, opens, closes in hours
    )


def _set_hours(venue: Venue, hours: Iterable[Hours]) -> None:
    venue.opening_hours.all().delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(venue=venue, weekday=weekday, opens=opens, closes=closes)
        for weekday, opens, closes in hours
    )


def _made_of(room: Room) -> set[int]:
    """Ids of everything a room is made of, at any depth."""
    found: set[int] = set()
    asked = [room]
    while asked:
        for part in asked.pop().parts.all():
            if part.pk not in found:
                found.add(part.pk)
                asked.append(part)
    return found


def _held_ahead(room: Room, now: dt.datetime) -> list[RoomOccupancy]:
    """What holds the room, or what it is made of on its behalf, from now on."""
    mine = Q(slot__room=room) | Q(room=room)
    rows = RoomOccupancy.objects.active().filter(mine, ends_at__gt=now, room__in=[*atoms_of(room), room])
    return list(rows.select_related("room", "slot__activity__host").order_by("starts_at", "pk"))


def look_again(rooms: Any, now: dt.datetime) -> list[Slot]:
    """Copy what rooms may hold to the slots to come in them.

    Those with more places are returned as they were.
    """
    too_many: list[Slot] = []
    for room in rooms.select_related("venue").prefetch_related("parts"):
        most = people_it_may_hold(room)
        slots = room.slots.filter(ends_at__gt=now).exclude(state=Slot.State.CANCELLED)
        for slot in (
            slots.select_related("activity").select_for_update(of=("self",), no_key=True).order_by("pk")
        ):
            asked = people_to_hold(slot)
            if most is not None and asked is not None and asked > most:
                too_many.append(slot)
            elif slot.safety_capacity != most:
                slot.safety_capacity = most
                slot.save(update_fields=["safety_capacity"])
    return too_many
