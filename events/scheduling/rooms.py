"""What a room is in time.

Its indivisible parts, the range a visit takes there, how many it may hold, when it is open.

Functions over rows already fetched; nothing here writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from accounts.models import User
from events.models import Room, Slot, SpecialDays, Venue

MIDNIGHT = 24 * 60

Range = tuple[int, int]
"""Minutes from midnight on the wall: opens, closes (half-open)."""

WHOLE_DAY: list[Range] = [(0, MIDNIGHT)]

OPEN_TIMES = ("hours", "parts__hours", "parts__parts__hours", "venue__opening_hours", "venue__special_days")
"""What ``open_ranges`` reads of a room, for ``prefetch_related``; rooms come with their venue."""

OPEN_TIMES_OF_SLOTS = tuple(f"room__{name}" for name in OPEN_TIMES)
"""The same of the rooms of slots, which come with ``room__venue``."""


class Weekly(Protocol):
    """Hours on an ISO weekday, of a venue or of a room."""

    @property
    def weekday(self) -> int: ...
    @property
    def opens(self) -> dt.time: ...
    @property
    def closes(self) -> dt.time: ...


@dataclass(frozen=True, slots=True)
class Stay:
    """An atomic room over a half-open range in UTC, set-up and turnover included."""

    room: Room
    starts_at: dt.datetime
    ends_at: dt.datetime


def atoms_of(room: Room) -> list[Room]:
    """The indivisible rooms a room stands for, in id order: itself, or the last parts of a hall that divides.

    Reads ``room.parts``: prefetch it where many rooms are asked. A hall that names itself is taken once.
    """
    return sorted((at for at, is_atom in _walk(room).items() if is_atom), key=lambda at: at.pk)


def _walk(room: Room) -> dict[Room, bool]:
    """The room and all it is made of, each with whether it is indivisible."""
    seen: set[int] = set()
    found: dict[Room, bool] = {}
    asked = [room]
    while asked:
        at = asked.pop()
        if at.pk in seen:
            continue
        seen.add(at.pk)
        parts = [part for part in at.parts.all() if part.pk not in seen]
        found[at] = not parts
        asked += parts
    return found


def stays_of(room: Room, starts_at: dt.datetime, ends_at: dt.datetime) -> list[Stay]:
    """What a visit from ``starts_at`` to ``ends_at`` takes of each part.

    Set-up and turnover are the longer of the hall's and of the part's own minutes.
    """
    return [
        Stay(
            part,
            starts_at - dt.timedelta(minutes=max(room.setup_minutes, part.setup_minutes)),
            ends_at + dt.timedelta(minutes=max(room.turnover_minutes, part.turnover_minutes)),
        )
        for part in atoms_of(room)
    ]


def given_on_request(room: Room) -> set[int]:
    """Ids of what its managers decide about: the room itself, or parts of the hall it is."""
    return {at.pk for at in _walk(room) if at.by_request}


def may_decide(room: Room, user: User | None) -> bool:
    """Whether a person may put something there without asking; a command, which is nobody, may not. Asks the
    database for a room on request."""
    asked = given_on_request(room)
    if not asked or user is None:
        return not asked
    return asked <= set(Room.objects.managed_by(user).filter(pk__in=asked).values_list("pk", flat=True))


class Taken(Protocol):
    """What holds an atomic room over a half-open range in UTC."""

    @property
    def room_id(self) -> int: ...
    @property
    def starts_at(self) -> dt.datetime: ...
    @property
    def ends_at(self) -> dt.datetime: ...


T = TypeVar("T", bound=Taken)


def clashing(stays: Sequence[Stay], busy: Iterable[T]) -> list[T]:
    """Those of ``busy`` that share an instant and a room with one of the stays; back to back is no clash."""
    return [
        other
        for other in busy
        if any(
            other.room_id == stay.room.pk
            and other.starts_at < stay.ends_at
            and other.ends_at > stay.starts_at
            for stay in stays
        )
    ]


def people_it_may_hold(room: Room) -> int | None:
    """By its safety file and its building's; None when neither is known.

    A hall without a figure of its own holds what its parts do together.
    """
    figures = [room.safety_capacity, room.venue.safety_capacity]
    if room.safety_capacity is None:
        parts = [part.safety_capacity for part in atoms_of(room) if part.pk != room.pk]
        if parts and all(figure is not None for figure in parts):
            figures.append(sum(figure for figure in parts if figure is not None))
    known = [figure for figure in figures if figure is not None]
    return min(known) if known else None


def people_to_hold(slot: Slot) -> int | None:
    """Places a slot may give in all; None when it sets no limit."""
    return None if slot.capacity is None else slot.capacity + slot.overbook


def too_many_for_comfort(slot: Slot, room: Room) -> int | None:
    """How many places lie beyond the room's comfort, or None. A warning, never a refusal."""
    places = people_to_hold(slot)
    if places is None or room.comfort_capacity is None or places <= room.comfort_capacity:
        return None
    return places - room.comfort_capacity


# Open or closed -------------------------------------------------------------------------------------------


def opens_between(hours: Iterable[Weekly], weekday: int) -> list[Range]:
    """Minutes of the day at which a venue or a room opens and closes on an ISO weekday, joined where they
    touch.

    23:59 stands for midnight, which the clock cannot say.
    """
    return _joined((row.opens, row.closes) for row in hours if row.weekday == weekday)


def open_ranges(where: Venue | Room, day: dt.date) -> list[Range]:
    """When a venue or a room is open on a day, in minutes from midnight on its wall, in order; empty: closed.

    A closed day wins over everything: the venue's, the room's own, or one of a part the hall is made of. Then
    count a room's hours of that very day, then its weekly hours (no longer than the venue is open on a day
    with other hours), then those of its parts together, then the venue's of that very day, then its weekly
    ones. Where nobody has said anything it is open all day. Prefetch ``OPEN_TIMES`` where many are asked.
    """
    venue = where if isinstance(where, Venue) else where.venue
    special = [row for row in venue.special_days.all() if row.first_day <= day <= row.last_day]
    concerned = {None} if isinstance(where, Venue) else {None, *_within(where)}
    if any(row.opens is None for row in special if row.room_id in concerned):
        return []
    building = _special_hours(special, None)
    if isinstance(where, Venue):
        return building or _weekly(where.opening_hours.all(), day)
    if own := _special_hours(special, where.pk):
        return own
    hours = list(where.hours.all())
    if hours:
        return _both(opens_between(hours, day.isoweekday()), building or WHOLE_DAY)
    parts = [part for part in atoms_of(where) if part.pk != where.pk]
    if not parts:
        return building or _weekly(venue.opening_hours.all(), day)
    ranges = WHOLE_DAY
    for part in parts:
        part.venue = venue
        ranges = _both(ranges, open_ranges(part, day))
    return ranges


def is_open(where: Venue | Room, start: dt.datetime, end: dt.datetime) -> bool:
    """Whether it is open all the time from ``start`` to ``end`` on its own clock (``open_ranges``)."""
    if start.utcoffset() != end.utcoffset():
        return _is_open_while_clocks_change(where, start, end)
    day = start.date()
    while day <= end.date():
        begin = start.hour * 60 + start.minute if day == start.date() else 0
        finish = end.hour * 60 + end.minute if day == end.date() else MIDNIGHT
        if finish > begin and not _holds(open_ranges(where, day), begin, finish):
            return False
        day += dt.timedelta(days=1)
    return True


def closed_by(where: Venue | Room, start: dt.datetime, end: dt.datetime) -> SpecialDays | None:
    """The closed days that shut it between ``start`` and ``end`` on its own clock, if that is why."""
    venue = where if isinstance(where, Venue) else where.venue
    concerned = {None} if isinstance(where, Venue) else {None, *_within(where)}
    last = (end - dt.timedelta(minutes=1)).date()
    for row in venue.special_days.all():
        is_here = row.opens is None and row.room_id in concerned
        if is_here and row.first_day <= last and row.last_day >= start.date():
            return row
    return None


def hours_are_known(where: Venue | Room, day: dt.date) -> bool:
    """Whether anybody has said when it is open in a usual week, or on that very day."""
    if isinstance(where, Room) and where.hours.all():
        return True
    venue, room_id = (where, None) if isinstance(where, Venue) else (where.venue, where.pk)
    special = [row for row in venue.special_days.all() if row.first_day <= day <= row.last_day]
    return bool(venue.opening_hours.all()) or any(row.room_id in (None, room_id) for row in special)


def _within(room: Room) -> set[int]:
    """Ids of the room and of all it is made of, at any depth."""
    return {at.pk for at in _walk(room)}


def _is_open_while_clocks_change(where: Venue | Room, start: dt.datetime, end: dt.datetime) -> bool:
    """Minute by minute: that night the wall skips an hour, or shows one twice."""
    at, zone = start.astimezone(dt.UTC), start.tzinfo
    ranges: dict[dt.date, list[Range]] = {}
    while at < end:
        wall = at.astimezone(zone)
        if wall.date() not in ranges:
            ranges[wall.date()] = open_ranges(where, wall.date())
        minute = wall.hour * 60 + wall.minute
        if not _holds(ranges[wall.date()], minute, minute + 1):
            return False
        at += dt.timedelta(minutes=1)
    return True


def _holds(ranges: Iterable[Range], begin: int, finish: int) -> bool:
    return any(opens <= begin and finish <= closes for opens, closes in ranges)


def _weekly(hours: Iterable[Weekly], day: dt.date) -> list[Range]:
    rows = list(hours)
    return opens_between(rows, day.isoweekday()) if rows else WHOLE_DAY


def _special_hours(special: Iterable[SpecialDays], room_id: int | None) -> list[Range]:
    """The hours said for that very day, of the venue (None) or of one room."""
    return _joined(
        (row.opens, row.closes)
        for row in special
        if row.room_id == room_id and row.opens is not None and row.closes is not None
    )


def _joined(times: Iterable[tuple[dt.time, dt.time]]) -> list[Range]:
    ranges = sorted(
        (
            opens.hour * 60 + opens.minute,
            MIDNIGHT if closes >= dt.time(23, 59) else closes.hour * 60 + closes.minute,
        )
        for opens, closes in times
    )
    joined: list[Range] = []
    for opens, closes in ranges:
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return joined


def _both(some: Iterable[Range], others: Sequence[Range]) -> list[Range]:
    """What lies in both."""
    met = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return sorted((opens, closes) for opens, closes in met if opens < closes)
