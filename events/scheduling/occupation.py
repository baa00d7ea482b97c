"""How much of their open hours rooms are used. Pure: rooms and occupancies already fetched go in.

Counted in minutes on the wall of the territory. A hall counts through its parts. Where nobody has said when
a room is open, it is taken as open from 9 to 18 h.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from events.clock import on_the_wall
from events.models import Room, RoomOccupancy

from .rooms import MIDNIGHT, WHOLE_DAY, Range, hours_are_known, open_ranges

HOUR = 60
USUAL: list[Range] = [(9 * HOUR, 18 * HOUR)]
OVERLOADED = 0.9
"""From which share of a hour's open minutes on there is hardly a room left."""


@dataclass(slots=True)
class Use:
    """Minutes open, and of these minutes used."""

    open: int = 0
    used: int = 0

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where it is closed."""
        return self.used / self.open if self.open else None

    def add(self, other: Use) -> None:
        self.open += other.open
        self.used += other.used


@dataclass(slots=True)
class Occupation:
    """``by_day`` and ``by_hour`` of each room by its id, ``hours`` of all rooms together by day."""

    rooms: list[Room]
    days: list[dt.date]
    total: Use = field(default_factory=Use)
    of_room: dict[int, Use] = field(default_factory=lambda: defaultdict(Use))
    of_day: dict[dt.date, Use] = field(default_factory=lambda: defaultdict(Use))
    by_day: dict[tuple[int, dt.date], Use] = field(default_factory=lambda: defaultdict(Use))
    by_hour: dict[tuple[int, int], Use] = field(default_factory=lambda: defaultdict(Use))
    hours: dict[tuple[dt.date, int], Use] = field(default_factory=lambda: defaultdict(Use))

    @property
    def empty_rooms(self) -> list[Room]:
        """Open at some time, and used at none."""
        return [room for room in self.rooms if self.of_room[room.pk].open and not self.of_room[room.pk].used]

    @property
    def overloaded(self) -> list[tuple[dt.date, int, int]]:
        """Day, first hour and the hour after the last of each stretch in which hardly a room is left."""
        found: list[tuple[dt.date, int, int]] = []
        for day, hour in sorted(self.hours):
            if (self.hours[day, hour].share or 0) < OVERLOADED:
                continue
            if found and found[-1][0] == day and found[-1][2] == hour:
                found[-1] = (day, found[-1][1], hour + 1)
            else:
                found.append((day, hour, hour + 1))
        return found

    @property
    def span(self) -> range:
        """The hours in which any room is open on any of the days."""
        hours = [hour for (_day, hour), use in self.hours.items() if use.open]
        return range(min(hours), max(hours) + 1) if hours else range(9, 18)


def occupation(
    *, rooms: Sequence[Room], occupancies: Iterable[RoomOccupancy], days: Sequence[dt.date], zone: str
) -> Occupation:
    """``rooms`` come with their venue and ``OPEN_TIMES``; ``occupancies`` are the active ones of these
    days.
    """
    counted = [room for room in rooms if not room.parts.all()]
    held: dict[int, list[RoomOccupancy]] = defaultdict(list)
    for row in occupancies:
        held[row.room_id].append(row)
    found = Occupation(counted, list(days))
    for room in counted:
        for day in days:
            opens = open_ranges(room, day)
            if opens == WHOLE_DAY and not hours_are_known(room, day):
                opens = USUAL
            _count(found, room, day, opens, _on(held[room.pk], day, zone))
    return found


def _count(found: Occupation, room: Room, day: dt.date, opens: list[Range], taken: list[Range]) -> None:
    for hour in range(24):
        stretch = [(hour * HOUR, (hour + 1) * HOUR)]
        open_now = _met(opens, stretch)
        use = Use(_minutes(open_now), _minutes(_met(taken, open_now)))
        if not use.open:
            continue
        for sum_of in (
            found.total,
            found.of_room[room.pk],
            found.of_day[day],
            found.by_day[room.pk, day],
            found.by_hour[room.pk, hour],
            found.hours[day, hour],
        ):
            sum_of.add(use)


def _on(rows: Iterable[RoomOccupancy], day: dt.date, zone: str) -> list[Range]:
    """What of a day is taken, in minutes on the wall."""
    ranges = []
    for row in rows:
        start, end = on_the_wall(row.starts_at, zone), on_the_wall(row.ends_at, zone)
        if start.date() <= day <= end.date():
            begin = start.hour * HOUR + start.minute if start.date() == day else 0
            finish = end.hour * HOUR + end.minute if end.date() == day else MIDNIGHT
            if finish > begin:
                ranges.append((begin, finish))
    return ranges


def _met(some: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    kept = list(others)
    met = ((max(a, c), min(b, d)) for a, b in some for c, d in kept)
    return [(begin, finish) for begin, finish in met if begin < finish]


def _minutes(ranges: Iterable[Range]) -> int:
    """Of ranges that do not overlap: a room is never held twice."""
    return sum(finish - begin for begin, finish in ranges)
