"""What would be in the way of many placements done one after the other: asked of what is loaded once.

A look ahead for a preview; the rules of ``place`` and the database decide when it is done.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from events.models import Appearance, PlacingRule, Room, RoomOccupancy, Slot
from events.refusals import Reason

from .checks import Surroundings, Where, refusing
from .rooms import OPEN_TIMES, people_it_may_hold, people_to_hold, stays_of
from .telling import name_of_place

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """What holds a room or a person over a half-open range in UTC: a slot, or something with a label (of a
    person: the name)."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    slot: Slot | None
    label: str
    room: str


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a placement would be refused; what is in the way, as ``told_in_json`` says it; what the rules say
    of it, in the language active when they were asked."""

    reason: Reason
    in_the_way: list[dict[str, Any]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


class House:
    """Rooms and people with what holds them between two instants; placements move in it without a word."""

    def __init__(
        self, slots: Iterable[Slot], *, rooms: Iterable[Room], first: dt.datetime, last: dt.datetime
    ) -> None:
        """``first`` and ``last`` span all times asked of; ``rooms`` are those asked of, whole."""
        self.held: dict[int, list[Held]] = defaultdict(list)
        self.rooms_of: dict[int, set[int]] = defaultdict(set)
        self.starts: dict[int, dict[dt.datetime, int]] = defaultdict(dict)
        slots, rooms = list(slots), list(rooms)
        self.around = Surroundings.around([Where.stands(slot) for slot in slots], rooms=rooms)
        self._load({stay.room.pk for room in rooms for stay in stays_of(room, first, last)}, first, last)
        begun = Slot.objects.exclude(state=Slot.State.CANCELLED)
        begun = begun.filter(activity__in={slot.activity_id for slot in slots})
        for pk, activity, start in begun.values_list("pk", "activity", "starts_at"):
            self.starts[activity][start] = pk

    def _load(self, atoms: Collection[int], first: dt.datetime, last: dt.datetime) -> None:
        rows = RoomOccupancy.objects.active().filter(room__in=atoms).between(first - DAY, last + DAY)
        for row in rows.select_related("room__venue", "slot__activity", "slot__room__venue"):
            room = row.slot.room if row.slot is not None and row.slot.room is not None else row.room
            held = Held(row.starts_at, row.ends_at, row.slot, row.label, name_of_place(room))
            self._hold(row.room_id, held)

    def _hold(self, atom: int, held: Held) -> None:
        self.held[atom].append(held)
        if held.slot is not None:
            self.rooms_of[held.slot.pk].add(atom)

    def hindrance(
        self, slot: Slot, room: Room | None, start: dt.datetime, end: dt.datetime
    ) -> Hindrance | None:
        """Why ``slot`` could not be in ``room`` from ``start`` to ``end``; None: it could."""
        other = self.starts[slot.activity_id].get(start)
        if other is not None and other != slot.pk:
            return Hindrance(Reason.SAME_START)
        if room is not None:
            found = self._unsuitable(slot, room)
            held = [] if found else self._in_the_way(slot, room, start, end)
            if held:
                return Hindrance(Reason.ROOM_OCCUPIED, told_in_json(held))
            if found:
                return Hindrance(found)
        where = Where(slot, room, start, end)
        busy = [
            Held(at.starts_at, at.ends_at, at.slot, person.name, "")
            for person in self.around.people.get(slot.pk, [])
            for at in self.around.stands.get(person.pk, [])
            if at.slot.pk != slot.pk and at.starts_at < end and at.ends_at > start
        ]
        if busy:
            return Hindrance(Reason.PERSON_BUSY, told_in_json(busy))
        broken = refusing(self.around.findings(where), at_release=slot.state == Slot.State.PUBLISHED)
        if not broken:
            return None
        is_closed = any(one.rule == PlacingRule.CLOSED for one in broken)
        reason = Reason.ROOM_CLOSED if is_closed else Reason.RULE_BROKEN
        return Hindrance(reason, words=[one.words for one in broken])

    def _unsuitable(self, slot: Slot, room: Room) -> Reason | None:
        if not room.is_active:
            return Reason.ROOM_NOT_IN_USE
        most, asked = people_it_may_hold(room), people_to_hold(slot)
        return Reason.ROOM_TOO_SMALL if most is not None and asked is not None and asked > most else None

    def _in_the_way(self, slot: Slot, room: Room, start: dt.datetime, end: dt.datetime) -> list[Held]:
        return [
            held
            for stay in stays_of(room, start, end)
            for held in self.held[stay.room.pk]
            if held.starts_at < stay.ends_at and held.ends_at > stay.starts_at and not _is_of(held, slot)
        ]

    def put(self, slot: Slot, room: Room | None, start: dt.datetime, end: dt.datetime) -> None:
        """From now on the slot is there, and where it was is free."""
        for atom in self.rooms_of.pop(slot.pk, ()):
            self.held[atom] = [held for held in self.held[atom] if not _is_of(held, slot)]
        for stay in [] if room is None else stays_of(room, start, end):
            held = Held(stay.starts_at, stay.ends_at, slot, "", name_of_place(room))
            self._hold(stay.room.pk, held)
        self.around.put(Where(slot, room, start, end))
        begun = self.starts[slot.activity_id]
        for old in [at for at, pk in begun.items() if pk == slot.pk]:
            del begun[old]
        begun[start] = slot.pk


def rooms_with_hours(**which: Any) -> list[Room]:
    """Rooms as ``House`` reads them, by name."""
    found = Room.objects.filter(**which).select_related("venue").prefetch_related(*OPEN_TIMES)
    return list(found.order_by("sort_name", "pk"))


def told_in_json(held: Iterable[Held | RoomOccupancy | Appearance]) -> list[dict[str, Any]]:
    """What is in the way, each once, to be kept and said later in any language: times in ISO 8601, UTC."""
    found: dict[object, dict[str, Any]] = {}
    for one in held:
        slot = one.slot
        if isinstance(one, Appearance):
            label, room = one.person.name, ""
        elif isinstance(one, Held):
            label, room = one.label, one.room
        else:
            label, room = one.label, name_of_place(one.room)
        said = {
            "label": label,
            "title_fr": slot.activity.title_fr if slot is not None else "",
            "title_en": slot.activity.title_en if slot is not None else "",
            "room": room,
            "starts_at": one.starts_at.isoformat(),
            "ends_at": one.ends_at.isoformat(),
        }
        found.setdefault((label, slot.pk if slot is not None else one.starts_at), said)
    return list(found.values())


def _is_of(held: Held, slot: Slot) -> bool:
    return held.slot is not None and held.slot.pk == slot.pk
