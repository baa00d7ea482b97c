"""Slots in rooms: place, take out, move, swap. ``blocking`` holds rooms for what is no slot.

Who says no is the database (``events.guards``): no two active occupancies of an atomic room overlap, nor two
appearances of one person. A rule locks its slots, then their people, then the rooms, each in id order, before
it writes, so that crossing series wait for one another instead of deadlocking; what the database breaks off
all the same is asked again a few times, then refused as ``BUSY``. Nothing is changed when a rule refuses.

What is moved here is public at once, so of a published slot a rule that refuses at release refuses here too.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, transaction

from accounts.models import User
from events.clock import NoSuchTime, TwiceThatDay, on_the_wall
from events.guards import GUARD, PERSON_GUARD
from events.models import (
    Appearance,
    HostPerson,
    JournalEntry,
    Placement,
    PlacingRule,
    Room,
    RoomOccupancy,
    Slot,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient
from events.wording import say_day, say_times

from .checks import Finding, Surroundings, Where, refusing
from .rooms import OPEN_TIMES, Stay, atoms_of, may_decide, people_it_may_hold, people_to_hold, stays_of
from .telling import name_of_place, tell_the_public
from .ways import Kind, ways_out

P = ParamSpec("P")
R = TypeVar("R")

WITH_WAYS_OUT = (
    Reason.ROOM_OCCUPIED,
    Reason.ROOM_TOO_SMALL,
    Reason.ROOM_CLOSED,
    Reason.PERSON_BUSY,
    Reason.RULE_BROKEN,
)


@dataclass(frozen=True, slots=True)
class When:
    """A time on the wall clock of the slot's territory; ``duration`` in minutes.

    ``fold`` says which, where the clock shows that time twice: 0 the first, 1 the second.
    """

    day: dt.date
    start_time: dt.time
    duration: int
    fold: int | None = None

    def put_on(self, at: Slot | Placement, *, slot: Slot, now: dt.datetime) -> None:
        """Give a slot, or its placement in a draft, this time; does not save.

        Raises ``Refused``: NO_SUCH_TIME, TIME_TWICE, IN_THE_PAST (it has begun).
        """
        try:
            at.set_time(
                day=self.day,
                start_time=self.start_time,
                duration=self.duration,
                timezone=slot.timezone,
                fold=self.fold,
            )
        except NoSuchTime as error:
            raise Refused(Reason.NO_SUCH_TIME, slot=slot) from error
        except TwiceThatDay as error:
            raise Refused(Reason.TIME_TWICE, slot=slot) from error
        if at.starts_at <= now:
            raise Refused(Reason.IN_THE_PAST, slot=slot)


def told_why(rule: Callable[P, R]) -> Callable[P, R]:
    """Name what is in the way and the ways out once the locks are given back: the next need not wait."""

    @functools.wraps(rule)
    def tells(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return rule(*args, **kwargs)
        except Refused as refused:
            facts = refused.facts
            stays, slot, room = facts.pop("stays", None), facts.get("slot"), facts.get("room")
            if stays is not None:
                facts["in_the_way"] = _in_the_way(stays, slot)
            if refused.reason == Reason.PERSON_BUSY and slot is not None:
                facts["in_the_way"] = elsewhere_meanwhile(slot)
            if refused.reason in WITH_WAYS_OUT and slot is not None:
                only: Kind | None = "room" if refused.reason == Reason.ROOM_TOO_SMALL else None
                facts["ways_out"] = ways_out(slot=slot, room=room, now=kwargs["now"], only=only)  # type: ignore[arg-type]
            raise

    return tells


@told_why
@patient
@transaction.atomic
def place_slot(
    *, slot_id: int, room_id: int, by: User | None, now: dt.datetime, when: When | None = None
) -> Slot:
    """Put a slot into a room of its territory, at its own time or at ``when``.

    A hall that divides takes each of its parts. Copies to the slot what the room may hold. The public of a
    published slot is told when what it knew changes. ``by`` None: a command does it.

    Raises ``Refused``: ROOM_OCCUPIED (``slot`` with the time asked, ``room``, ``in_the_way``: list of
    RoomOccupancy, ``ways_out``: list of WayOut), PERSON_BUSY (``in_the_way``: list of Appearance,
    ``ways_out``), ROOM_TOO_SMALL (``safety_capacity``, ``ways_out``), ROOM_CLOSED (``closed_by``: SpecialDays
    or None) and RULE_BROKEN, both with ``findings`` (list of Finding) and ``ways_out``, ROOM_ELSEWHERE,
    ROOM_NOT_IN_USE, ON_REQUEST (managers decide about the room, and ``by`` is none of them), WRONG_STATE,
    IN_THE_PAST, NO_SUCH_TIME, TIME_TWICE, SAME_START, BUSY. Raises ``Slot.DoesNotExist`` and
    ``Room.DoesNotExist``.
    """
    return _settle(slot_id, room_id=room_id, when=when, by=by, now=now, verb="placed")


@told_why
@patient
@transaction.atomic
def move_slot(
    *,
    slot_id: int,
    day: dt.date,
    start_time: dt.time,
    duration: int,
    by: User | None,
    now: dt.datetime,
    fold: int | None = None,
) -> Slot:
    """Give a slot another time, in the room it has if it has one; its public is told.

    Raises as ``place_slot``.
    """
    when = When(day, start_time, duration, fold)
    return _settle(slot_id, room_id=None, when=when, by=by, now=now, verb="moved")


@patient
@transaction.atomic
def unplace_slot(*, slot_id: int, by: User, now: dt.datetime) -> Slot:
    """Take a slot out of its room, which is free again; it keeps its time and its venue.

    Raises ``Refused``: IN_THE_PAST.
    """
    slot = lock_slot_with_its_place(slot_id)
    if slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST)
    was = slot.room
    slot.occupancies.all().delete()
    if was is None:
        return slot
    slot.room, slot.safety_capacity = None, None
    slot.save(update_fields=["room", "safety_capacity"])
    tell_the_public(
        slot,
        old_start=slot.starts_at,
        old_end=slot.ends_at,
        old_place=name_of_place(was, slot.venue),
        now=now,
    )
    write_down("unplaced", by=by, now=now, text=name_of_place(was), slot=slot)
    return slot


@told_why
@patient
@transaction.atomic
def swap_rooms(*, slot_id: int, other_id: int, by: User, now: dt.datetime) -> tuple[Slot, Slot]:
    """Two placed slots exchange their rooms, each at its own time.

    Raises as ``place_slot``, and WRONG_STATE when one of them has no room.
    """
    if slot_id == other_id:
        raise Refused(Reason.WRONG_STATE)
    slots = {pk: lock_slot_with_its_place(pk) for pk in sorted((slot_id, other_id))}
    if any(slot.room is None for slot in slots.values()):
        raise Refused(Reason.WRONG_STATE)
    rooms = rooms_with_parts(*(slot.room_id for slot in slots.values()))
    lock_rooms(rooms)
    wanted = {slot_id: rooms[slots[other_id].room_id or 0], other_id: rooms[slots[slot_id].room_id or 0]}
    was = {pk: name_of_place(slot.room) for pk, slot in slots.items()}
    RoomOccupancy.objects.filter(slot__in=slots).delete()
    around = Surroundings.around([_at(slot, wanted[pk]) for pk, slot in slots.items()])
    for pk, slot in slots.items():
        _refuse_a_slot_that_is_over(slot, now)
        _refuse_a_room_that_does_not_suit(slot, wanted[pk])
        _refuse_what_the_rules_forbid(slot, wanted[pk], around)
        _refuse_who_does_not_decide(slot, wanted[pk], by)
        _take_room(slot, wanted[pk])
        tell_the_public(slot, old_start=slot.starts_at, old_end=slot.ends_at, old_place=was[pk], now=now)
        write_down("swapped", by=by, now=now, text=_said(slot), slot=slot)
    return slots[slot_id], slots[other_id]


# One placement, inside its transaction ----------------------------------------------------------------------


def _settle(
    slot_id: int, *, room_id: int | None, when: When | None, by: User | None, now: dt.datetime, verb: str
) -> Slot:
    """``room_id`` None keeps the room the slot has; ``when`` None keeps its time."""
    slot = lock_slot_with_its_place(slot_id)
    was_room, was_venue, was_start, was_end = slot.room, slot.venue, slot.starts_at, slot.ends_at
    target = room_id if room_id is not None else slot.room_id
    _refuse_a_slot_that_is_over(slot, now)
    if when is not None:
        when.put_on(slot, slot=slot, now=now)
    is_moved = (slot.starts_at, slot.ends_at) != (was_start, was_end)
    is_elsewhere = target != slot.room_id
    if not is_moved and not is_elsewhere:
        return slot
    rooms = rooms_with_parts(target, slot.room_id) if target is not None else {}
    room = rooms[target] if target is not None else None
    if room is not None:
        _refuse_a_room_that_does_not_suit(slot, room)
        _refuse_who_does_not_decide(slot, room, by)
    if is_moved:
        _refuse_people_plainly_elsewhere(slot, room)
    _refuse_what_the_rules_forbid(slot, room, Surroundings.around([_at(slot, room)]))
    if is_moved:
        lock_people(slot.appearances.values("person"))
    if target is not None:
        _refuse_what_is_plainly_held(slot, rooms[target])
        lock_rooms(rooms)
        slot.occupancies.all().delete()
        _take_room(slot, rooms[target])
    else:
        _write_slot(slot)
    was_known = was_room is not None or was_venue is None or slot.venue_id != was_venue.pk
    if is_moved or was_known:
        tell_the_public(
            slot, old_start=was_start, old_end=was_end, old_place=name_of_place(was_room, was_venue), now=now
        )
    write_down(verb, by=by, now=now, text=_said(slot), slot=slot)
    return slot


def _take_room(slot: Slot, room: Room) -> None:
    slot.room, slot.venue, slot.safety_capacity = room, room.venue, people_it_may_hold(room)
    _write_slot(slot)
    occupy(stays_of(room, slot.starts_at, slot.ends_at), slot=slot, room=room)


# Locking ----------------------------------------------------------------------------------------------------


def rooms_with_parts(*room_ids: int | None) -> dict[int, Room]:
    """The rooms with their parts, by id. Raises ``Room.DoesNotExist`` for one that is none."""
    wanted = {pk for pk in room_ids if pk is not None}
    found = Room.objects.filter(pk__in=wanted).select_related("venue").prefetch_related(*OPEN_TIMES)
    rooms = {room.pk: room for room in found}
    if wanted - rooms.keys():
        raise Room.DoesNotExist
    return rooms


def lock_rooms(rooms: dict[int, Room]) -> None:
    """Lock the rooms and all their parts in id order.

    Foreign keys may point at a locked room meanwhile; other placements wait. Raises ``Refused``:
    CHANGED_MEANWHILE when its venue became part of another one since it was read.
    """
    parts = {part.pk for room in rooms.values() for part in atoms_of(room)}
    locked = Room.objects.filter(pk__in=rooms.keys() | parts).order_by("pk").select_for_update(no_key=True)
    for pk, venue_id in locked.values_list("pk", "venue_id"):
        if pk in rooms and rooms[pk].venue_id != venue_id:
            raise Refused(Reason.CHANGED_MEANWHILE, room=rooms[pk])


def lock_slot_with_its_place(slot_id: int) -> Slot:
    """The slot with its room, venue and host, its own row locked until the end of the transaction.

    Locked first and read afterwards. PostgreSQL looks again at the locked row alone once a lock it waited for
    is given back (its manual, 13.2.1): joined in the same statement, the room of a slot that moved meanwhile
    would be missing.
    """
    slots = Slot.objects.filter(pk=slot_id)
    slots.select_for_update(no_key=True).values_list("pk").get()
    return slots.select_related("activity__territory", "activity__host", "venue", "room__venue").get()


# What is refused --------------------------------------------------------------------------------------------


def _refuse_a_slot_that_is_over(slot: Slot, now: dt.datetime) -> None:
    if slot.is_cancelled:
        raise Refused(Reason.WRONG_STATE, slot=slot)
    if slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=slot)


def _refuse_a_room_that_does_not_suit(slot: Slot, room: Room) -> None:
    if room.venue.territory_id != slot.activity.territory_id:
        raise Refused(Reason.ROOM_ELSEWHERE, slot=slot, room=room)
    if not room.is_active:
        raise Refused(Reason.ROOM_NOT_IN_USE, slot=slot, room=room)
    most, asked = people_it_may_hold(room), people_to_hold(slot)
    if most is not None and asked is not None and asked > most:
        raise Refused(Reason.ROOM_TOO_SMALL, slot=slot, room=room, safety_capacity=most)


def refuse_what_the_rules_forbid(slot: Slot) -> None:
    """A slot where it stands: its room must suit it, and no rule that refuses be broken. Raises as
    ``place_slot``."""
    if slot.room is not None:
        _refuse_a_room_that_does_not_suit(slot, slot.room)
    _refuse_what_the_rules_forbid(slot, slot.room, Surroundings.around([_at(slot, slot.room)]))


def lock_rooms_of(slot: Slot) -> None:
    """The room of a slot and its parts, until the end of the transaction."""
    lock_rooms(rooms_with_parts(slot.room_id))


def _at(slot: Slot, room: Room | None) -> Where:
    return Where(slot, room, slot.starts_at, slot.ends_at)


def _refuse_what_the_rules_forbid(slot: Slot, room: Room | None, around: Surroundings) -> None:
    """Hours, comfort, equipment, absences, walks: as the levels of the edition have it."""
    refuse_broken_rules(around.findings(_at(slot, room)), slot=slot, room=room)


def refuse_broken_rules(findings: Iterable[Finding], *, slot: Slot, room: Room | None) -> None:
    """Raises ``Refused``: ROOM_CLOSED, RULE_BROKEN (``findings``) when one of them says no to this slot."""
    broken = refusing(findings, at_release=slot.state == Slot.State.PUBLISHED)
    if broken:
        closed = next((one for one in broken if one.rule == PlacingRule.CLOSED), None)
        if closed is None:
            raise Refused(Reason.RULE_BROKEN, slot=slot, room=room, findings=broken)
        by = closed.facts["closed_by"]
        raise Refused(Reason.ROOM_CLOSED, slot=slot, room=room, findings=broken, closed_by=by)


def elsewhere_meanwhile(slot: Slot, people: Iterable[HostPerson] | None = None) -> list[Appearance]:
    """Where those who receive in a slot, or ``people``, are expected elsewhere while it lasts."""
    who: Any = slot.appearances.values("person") if people is None else [person.pk for person in people]
    return list(
        Appearance.objects.filter(person__in=who, active=True)
        .filter(starts_at__lt=slot.ends_at, ends_at__gt=slot.starts_at)
        .exclude(slot=slot)
        .select_related("person", "slot__activity__host", "slot__room", "slot__venue")
        .order_by("starts_at", "person__name", "pk")
    )


def _refuse_people_plainly_elsewhere(slot: Slot, room: Room | None) -> None:
    """Say no before waiting for a lock, as for rooms."""
    if elsewhere_meanwhile(slot):
        raise Refused(Reason.PERSON_BUSY, slot=slot, room=room)


def lock_people(who: Any) -> None:
    """Lock people in id order, as rooms are; ``who``: ids, or a query of them."""
    locked = HostPerson.objects.filter(pk__in=who).order_by("pk").select_for_update(no_key=True)
    list(locked.values_list("pk"))


def _refuse_who_does_not_decide(slot: Slot, room: Room, by: User | None) -> None:
    if not may_decide(room, by):
        raise Refused(Reason.ON_REQUEST, slot=slot, room=room)


def _refuse_what_is_plainly_held(slot: Slot, room: Room) -> None:
    """Say no before waiting for a lock. What is still under way is not seen here: the database decides."""
    stays = stays_of(room, slot.starts_at, slot.ends_at)
    held = RoomOccupancy.objects.active().exclude(slot=slot)
    if any(held.filter(room=at.room).between(at.starts_at, at.ends_at).exists() for at in stays):
        raise Refused(Reason.ROOM_OCCUPIED, slot=slot, room=room, stays=stays)


def _write_slot(slot: Slot) -> None:
    try:
        with transaction.atomic():
            slot.save(
                update_fields=[
                    *("day", "start_time", "fold", "duration", "starts_at", "ends_at"),
                    *("venue", "room", "safety_capacity"),
                ]
            )
    except IntegrityError as error:
        if PERSON_GUARD in str(error):
            raise Refused(Reason.PERSON_BUSY, slot=slot, room=slot.room) from error
        if begins_then_already(slot):
            raise Refused(Reason.SAME_START, slot=slot) from error
        raise


def begins_then_already(slot: Slot) -> bool:
    """Whether another slot of the same activity takes place from that very instant."""
    same = Slot.objects.filter(activity=slot.activity_id, starts_at=slot.starts_at).exclude(pk=slot.pk)
    return same.exclude(state=Slot.State.CANCELLED).exists()


def occupy(
    stays: list[Stay], *, room: Room, slot: Slot | None = None, label: str = "", owner: User | None = None
) -> list[RoomOccupancy]:
    """Write the occupancies; the database says whether they may be."""
    rows = [
        RoomOccupancy(
            room=at.room, slot=slot, label=label, owner=owner, starts_at=at.starts_at, ends_at=at.ends_at
        )
        for at in stays
    ]
    try:
        with transaction.atomic():
            return RoomOccupancy.objects.bulk_create(rows)
    except IntegrityError as error:
        if GUARD not in str(error):
            raise
        raise Refused(Reason.ROOM_OCCUPIED, slot=slot, room=room, stays=stays) from error


def _in_the_way(stays: Iterable[Stay], slot: Slot | None) -> list[RoomOccupancy]:
    """Each visit or blocking once, with what is needed to name it."""
    found: dict[object, RoomOccupancy] = {}
    for at in stays:
        clashes = (
            RoomOccupancy.objects.active()
            .filter(room=at.room)
            .between(at.starts_at, at.ends_at)
            .select_related("room__venue", "slot__activity__host", "slot__room")
            .order_by("starts_at", "pk")
        )
        for row in clashes:
            if slot is None or row.slot_id != slot.pk:
                found.setdefault(row.slot_id or (row.label, row.starts_at), row)
    return list(found.values())


# Who is told ------------------------------------------------------------------------------------------------


def write_down(verb: str, *, by: User | None, now: dt.datetime, text: str, slot: Slot | None = None) -> None:
    JournalEntry.objects.create(
        at=now,
        actor=by,
        verb=verb,
        activity=slot.activity if slot is not None else None,
        slot=slot,
        text=text,
    )


def _said(slot: Slot) -> str:
    """Where and when a slot now is, for the journal, in French as the journal is."""
    start = on_the_wall(slot.starts_at, slot.timezone)
    times = say_times(start, slot.local_end, "fr")
    place = name_of_place(slot.room, slot.venue)
    return f"{place}{', ' if place else ''}{say_day(start.date(), 'fr')}, {times}"
