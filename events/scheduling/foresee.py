"""What would be in the way of many placements done one after the other: asked of what is loaded once.

A look ahead for a preview; the rules of ``place`` and the database decide when it is done.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from events.clock import on_the_wall
from events.models import Appearance, Level, PlacingRule, Room, RoomOccupancy, RuleLevel, Slot
from events.refusals import Reason

from .rooms import OPEN_TIMES, is_open, people_it_may_hold, people_to_hold, stays_of
from .telling import name_of_place

DAY = dt.timedelta(days=1)
Key = tuple[str, int]
"""« room » or « person », and its id."""


@dataclass(frozen=True, slots=True)
class Held:
    """What holds a room or a person over a half-open range in UTC: a slot, or something with a label."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    slot: Slot | None
    label: str
    room: str


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a placement would be refused, and what is in the way, as ``told_in_json`` says it."""

    reason: Reason
    in_the_way: list[dict[str, Any]] = field(default_factory=list)


class House:
    """Rooms and people with what holds them between two instants; placements move in it without a word."""

    def __init__(
        self, slots: Iterable[Slot], *, rooms: Iterable[Room], first: dt.datetime, last: dt.datetime
    ) -> None:
        """``first`` and ``last`` span all times asked of; ``rooms`` are those asked of, whole."""
        self.held: dict[Key, list[Held]] = defaultdict(list)
        self.keys_of: dict[int, set[Key]] = defaultdict(set)
        self.people: dict[int, list[int]] = defaultdict(list)
        self.starts: dict[int, dict[dt.datetime, int]] = defaultdict(dict)
        self.free_hours = set(
            RuleLevel.objects.filter(rule=PlacingRule.CLOSED)
            .exclude(level=Level.REFUSE)
            .values_list("festival", flat=True)
        )
        slots, span = list(slots), (first - DAY, last + DAY)
        self._load_rooms({stay.room.pk for room in rooms for stay in stays_of(room, first, last)}, span)
        self._load_people([slot.pk for slot in slots], span)
        for pk, activity, start in (
            Slot.objects.exclude(state=Slot.State.CANCELLED)
            .filter(activity__in={slot.activity_id for slot in slots})
            .values_list("pk", "activity", "starts_at")
        ):
            self.starts[activity][start] = pk

    def _load_rooms(self, atoms: Collection[int], span: tuple[dt.datetime, dt.datetime]) -> None:
        rows = RoomOccupancy.objects.active().filter(room__in=atoms).between(*span)
        for row in rows.select_related("room__venue", "slot__activity", "slot__room__venue"):
            room = row.slot.room if row.slot is not None and row.slot.room is not None else row.room
            held = Held(row.starts_at, row.ends_at, row.slot, row.label, name_of_place(room))
            self._hold(("room", row.room_id), held)

    def _load_people(self, slots: Collection[int], span: tuple[dt.datetime, dt.datetime]) -> None:
        for slot_id, person_id in Appearance.objects.filter(slot__in=slots).values_list("slot", "person"):
            self.people[slot_id].append(person_id)
        concerned = {person for people in self.people.values() for person in people}
        rows = Appearance.objects.filter(
            person__in=concerned, active=True, starts_at__lt=span[1], ends_at__gt=span[0]
        )
        for row in rows.select_related("person", "slot__activity"):
            held = Held(row.starts_at, row.ends_at, row.slot, row.person.name, "")
            self._hold(("person", row.person_id), held)

    def _hold(self, key: Key, held: Held) -> None:
        self.held[key].append(held)
        if held.slot is not None:
            self.keys_of[held.slot.pk].add(key)

    def hindrance(
        self, slot: Slot, room: Room | None, start: dt.datetime, end: dt.datetime
    ) -> Hindrance | None:
        """Why ``slot`` could not be in ``room`` from ``start`` to ``end``; None: it could."""
        other = self.starts[slot.activity_id].get(start)
        if other is not None and other != slot.pk:
            return Hindrance(Reason.SAME_START)
        wanted = self._wanted(slot, room, start, end)
        for reason, kind in ((Reason.ROOM_OCCUPIED, "room"), (Reason.PERSON_BUSY, "person")):
            found = [
                held
                for key, since, until in wanted
                if key[0] == kind
                for held in self.held[key]
                if held.starts_at < until and held.ends_at > since and not _is_of(held, slot)
            ]
            if found:
                return Hindrance(reason, told_in_json(found))
        return None if room is None else self._unsuitable(slot, room, start, end)

    def _unsuitable(self, slot: Slot, room: Room, start: dt.datetime, end: dt.datetime) -> Hindrance | None:
        if not room.is_active:
            return Hindrance(Reason.ROOM_NOT_IN_USE)
        most, asked = people_it_may_hold(room), people_to_hold(slot)
        if most is not None and asked is not None and asked > most:
            return Hindrance(Reason.ROOM_TOO_SMALL)
        hours_bind = slot.activity.festival_id not in self.free_hours
        if hours_bind and not is_open(
            room, on_the_wall(start, slot.timezone), on_the_wall(end, slot.timezone)
        ):
            return Hindrance(Reason.ROOM_CLOSED)
        return None

    def put(self, slot: Slot, room: Room | None, start: dt.datetime, end: dt.datetime) -> None:
        """From now on the slot is there, and where it was is free."""
        for key in self.keys_of.pop(slot.pk, ()):
            self.held[key] = [held for held in self.held[key] if not _is_of(held, slot)]
        for key, since, until in self._wanted(slot, room, start, end):
            name = name_of_place(room) if room is not None and key[0] == "room" else ""
            self._hold(key, Held(since, until, slot, "", name))
        begun = self.starts[slot.activity_id]
        for old in [at for at, pk in begun.items() if pk == slot.pk]:
            del begun[old]
        begun[start] = slot.pk

    def _wanted(
        self, slot: Slot, room: Room | None, start: dt.datetime, end: dt.datetime
    ) -> list[tuple[Key, dt.datetime, dt.datetime]]:
        stays = [] if room is None else stays_of(room, start, end)
        rooms = [(("room", stay.room.pk), stay.starts_at, stay.ends_at) for stay in stays]
        return rooms + [(("person", person), start, end) for person in self.people.get(slot.pk, [])]


def rooms_with_hours(**which: Any) -> list[Room]:
    """Rooms as ``House`` reads them, by name."""
    found = Room.objects.filter(**which).select_related("venue").prefetch_related(*OPEN_TIMES)
    return list(found.order_by("sort_name", "pk"))


def told_in_json(held: Iterable[Held | RoomOccupancy]) -> list[dict[str, Any]]:
    """What is in the way, each once, to be kept and said later in any language: times in ISO 8601, UTC."""
    found: dict[object, dict[str, Any]] = {}
    for one in held:
        slot = one.slot
        said: Mapping[str, Any] = {
            "label": one.label,
            "title_fr": slot.activity.title_fr if slot is not None else "",
            "title_en": slot.activity.title_en if slot is not None else "",
            "room": one.room if isinstance(one, Held) else name_of_place(one.room),
            "starts_at": (slot.starts_at if slot is not None else one.starts_at).isoformat(),
            "ends_at": (slot.ends_at if slot is not None else one.ends_at).isoformat(),
        }
        found.setdefault(slot.pk if slot is not None else (one.label, one.starts_at), dict(said))
    return list(found.values())


def _is_of(held: Held, slot: Slot) -> bool:
    return held.slot is not None and held.slot.pk == slot.pk
