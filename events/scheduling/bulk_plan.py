"""What a change of many slots would come to: exactly which, where to, what would stay and why, how many are
told.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from events.clock import NoSuchTime, TwiceThatDay, instant
from events.models import Activity, Festival, Registration, Room, Slot, Territory
from events.refusals import Reason

from .foresee import Hindrance, House, rooms_with_hours
from .rooms import atoms_of, people_to_hold
from .telling import name_of_place


class Scope(TextChoices):
    ALL = "all", _("All slots of the territory")
    DAY = "day", _("A day")
    HOST = "host", _("A host")
    VENUE = "venue", _("A venue")
    ROOM = "room", _("A room")
    CITY = "city", _("A city")


class Action(TextChoices):
    SHIFT = "shift", _("Shift in time")
    MOVE = "move", _("Move elsewhere")
    CANCEL = "cancel", _("Withdraw")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which slots, and what to do with them.

    ``what``: the key of the host, venue, room or commune, the day in ISO 8601, empty for ALL. SHIFT goes by
    ``days`` and ``minutes`` on the wall clock (negative: earlier), or to the same time of ``to_day``. MOVE
    goes into ``room_id``, or into free rooms of ``venue_id`` that suit.
    """

    scope: Scope
    what: str
    action: Action
    days: int = 0
    minutes: int = 0
    to_day: dt.date | None = None
    venue_id: int | None = None
    room_id: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One slot and what would become of it: ``day``, ``start_time`` on its wall, ``room``.

    ``told``: registrations that get a mail. ``hindrance``: why it would stay as it is.
    """

    slot: Slot
    day: dt.date
    start_time: dt.time
    room: Room | None
    told: int = 0
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a choice comes to, in the order in which it is done. ``people``: addresses told, each once;
    ``fingerprint`` stands for all of it, so that what is confirmed is what was read.
    """

    choice: Choice
    lines: list[Line] = field(default_factory=list)
    people: int = 0
    fingerprint: str = ""

    @property
    def to_do(self) -> list[Line]:
        return [line for line in self.lines if line.hindrance is None]

    @property
    def staying(self) -> list[Line]:
        return [line for line in self.lines if line.hindrance is not None]

    @property
    def mails(self) -> int:
        return sum(line.told for line in self.to_do)


# The preview ------------------------------------------------------------------------------------------------


def plan_bulk(*, territory: Territory, choice: Choice, now: dt.datetime) -> Plan:
    """What would be done of slots to come, those already as asked left out.

    For SHIFT and MOVE those that have not begun, for CANCEL the public ones that are not over.
    """
    slots = list(_concerned(territory, choice, now).in_order())
    if choice.action == Action.CANCEL:
        lines = [Line(slot, slot.day, slot.start_time, slot.room) for slot in slots]
    elif choice.action == Action.MOVE:
        lines = _moved(territory, choice, slots)
    else:
        lines = _shifted(choice, slots, now)
    lines, people = _count_people(choice, lines)
    return Plan(choice, lines, people, _fingerprint(choice, lines))


def _concerned(territory: Territory, choice: Choice, now: dt.datetime) -> Any:
    slots = (
        Slot.objects.filter(activity__territory=territory)
        .exclude(activity__festival__state=Festival.State.ARCHIVED)
        .exclude(activity__state__in=[Activity.State.DRAFT, Activity.State.REJECTED])
        .select_related("activity__host", "activity__territory", "activity__venue", "venue", "room__venue")
    )
    if choice.action == Action.CANCEL:
        slots = slots.filter(state=Slot.State.PUBLISHED, ends_at__gt=now)
    else:
        slots = slots.exclude(state=Slot.State.CANCELLED).filter(starts_at__gt=now)
    if choice.scope == Scope.DAY:
        return slots.filter(day=choice.what)
    if choice.scope == Scope.HOST:
        return slots.filter(activity__host=int(choice.what))
    if choice.scope == Scope.VENUE:
        at = int(choice.what)
        return slots.filter(Q(venue=at) | Q(venue__isnull=True, activity__venue=at))
    if choice.scope == Scope.ROOM:
        return slots.filter(room__in=_rooms_with(int(choice.what)))
    if choice.scope == Scope.CITY:
        at = int(choice.what)
        return slots.filter(Q(venue__commune=at) | Q(venue__isnull=True, activity__venue__commune=at))
    return slots


def _rooms_with(room_id: int) -> list[int]:
    """The room, and the halls and parts that share a wall with it: they cannot be used without it."""
    rooms = rooms_with_hours(venue__rooms=room_id)
    parts = {room.pk: {part.pk for part in atoms_of(room)} for room in rooms}
    return [pk for pk, atoms in parts.items() if atoms & parts.get(room_id, set())]


def _shifted(choice: Choice, slots: Sequence[Slot], now: dt.datetime) -> list[Line]:
    """Each slot at its new time, in its room; who goes later is moved from the last to the first, so that
    each finds the room left by the one before."""
    targets: list[tuple[Slot, dt.datetime, dt.datetime | None, Reason | None]] = []
    for slot in slots:
        wall = dt.datetime.combine(choice.to_day or slot.day, slot.start_time)
        if choice.to_day is None:
            wall += dt.timedelta(days=choice.days, minutes=choice.minutes)
        if wall == dt.datetime.combine(slot.day, slot.start_time):
            continue
        try:
            targets.append((slot, wall, instant(wall.date(), wall.time(), slot.timezone), None))
        except NoSuchTime:
            targets.append((slot, wall, None, Reason.NO_SUCH_TIME))
        except TwiceThatDay:
            targets.append((slot, wall, None, Reason.TIME_TWICE))
    if not targets:
        return []
    starts = [start for slot, _wall, at, _why in targets for start in (slot.starts_at, at) if start]
    rooms = {room.pk: room for room in rooms_with_hours(pk__in={slot.room_id for slot in slots} - {None})}
    house = House(slots, rooms=rooms.values(), first=min(starts), last=max(starts))
    earlier = [one for one in targets if one[2] is not None and one[2] < one[0].starts_at]
    later = [one for one in reversed(targets) if one[2] is None or one[2] >= one[0].starts_at]
    lines = []
    for slot, wall, start, why in [*earlier, *later]:
        room = rooms.get(slot.room_id or 0)
        hindrance = Hindrance(why) if why else None
        if start is not None:
            end = start + dt.timedelta(minutes=slot.duration)
            if start <= now:
                hindrance = Hindrance(Reason.IN_THE_PAST)
            else:
                hindrance = house.hindrance(slot, room, start, end)
            if hindrance is None:
                house.put(slot, room, start, end)
        lines.append(Line(slot, wall.date(), wall.time(), room, hindrance=hindrance))
    return lines


def _moved(territory: Territory, choice: Choice, slots: Sequence[Slot]) -> list[Line]:
    """Each slot at its time in another room; those of one room stay together where they can."""
    which = {"pk": choice.room_id} if choice.room_id else {"venue": choice.venue_id, "is_active": True}
    rooms = rooms_with_hours(venue__territory=territory, **which)
    chosen = {room.pk for room in rooms}
    leaving = [slot for slot in slots if slot.room_id not in chosen]
    if not leaving:
        return []
    starts = [slot.starts_at for slot in leaving]
    house = House(leaving, rooms=rooms, first=min(starts), last=max(starts))
    went: dict[int | None, Room] = {}
    lines = []
    for slot in leaving:
        best, hindrance = _best_room(house, slot, rooms, went.get(slot.room_id))
        if best is not None:
            house.put(slot, best, slot.starts_at, slot.ends_at)
            went[slot.room_id] = best
        lines.append(Line(slot, slot.day, slot.start_time, best, hindrance=hindrance))
    return lines


def _best_room(
    house: House, slot: Slot, rooms: Sequence[Room], neighbour: Room | None
) -> tuple[Room | None, Hindrance | None]:
    """The room that suits best, or why there is none: what is in the way in the one that would."""
    in_the_way: list[Hindrance] = []
    for room in sorted(rooms, key=lambda room: _fit(slot, room, neighbour)):
        found = house.hindrance(slot, room, slot.starts_at, slot.ends_at)
        if found is None:
            return room, None
        in_the_way.append(found)
    occupied = [found for found in in_the_way if found.reason == Reason.ROOM_OCCUPIED]
    return None, (occupied or in_the_way or [Hindrance(Reason.ROOM_OCCUPIED)])[0]


def _fit(slot: Slot, room: Room, neighbour: Room | None) -> tuple[int, bool, int, str]:
    """The less, the better: people beyond comfort, then where the room's other slots went, then size."""
    asked, comfort = people_to_hold(slot) or 0, room.comfort_capacity
    beyond = max(0, asked - comfort) if comfort is not None else 0
    return beyond, room != neighbour, comfort or 10_000, room.sort_name


def _count_people(choice: Choice, lines: Sequence[Line]) -> tuple[list[Line], int]:
    """The lines with the registrations each tells, and the addresses told in all."""
    news = [line.slot.pk for line in lines if line.hindrance is None and _is_news(choice, line)]
    booked = Registration.objects.active().filter(slot__in=news)
    told = dict(booked.order_by().values_list("slot").annotate(number=Count("pk")))
    counted = [
        Line(line.slot, line.day, line.start_time, line.room, told.get(line.slot.pk, 0), line.hindrance)
        for line in lines
    ]
    return counted, booked.aggregate(number=Count("visitor", distinct=True))["number"]


def _is_news(choice: Choice, line: Line) -> bool:
    """Whether the public would learn something: a first room in the venue it knows is none."""
    slot = line.slot
    if slot.state != Slot.State.PUBLISHED:
        return False
    if choice.action != Action.MOVE or line.room is None:
        return True
    return slot.room_id is not None or slot.venue_id is None or slot.venue_id != line.room.venue_id


def _fingerprint(choice: Choice, lines: Sequence[Line]) -> str:
    # Words are left out: read in another language it is the same.
    said = [str(choice), *(json.dumps(line_as_json(line) | {"words": []}, sort_keys=True) for line in lines)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


def line_as_json(line: Line) -> dict[str, Any]:
    """A line as the job keeps it; ``was`` is the slot as it was read."""
    slot, hindrance = line.slot, line.hindrance
    return {
        "slot": slot.pk,
        "was": {
            "starts_at": slot.starts_at.isoformat(),
            "ends_at": slot.ends_at.isoformat(),
            "timezone": slot.timezone,
            "room": slot.room_id,
            "place": name_of_place(slot.room, slot.venue),
        },
        "day": line.day.isoformat(),
        "start_time": line.start_time.isoformat(),
        "duration": slot.duration,
        "room": line.room.pk if line.room is not None else None,
        "place": name_of_place(line.room, slot.venue),
        "told": line.told,
        "why": hindrance.reason.value if hindrance is not None else "",
        "in_the_way": hindrance.in_the_way if hindrance is not None else [],
        "words": hindrance.words if hindrance is not None else [],
    }
