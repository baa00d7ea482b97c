"""What a room is in time.

Its indivisible parts, the range a visit takes there, how many it may hold, when its venue is open.

Pure functions over rows already fetched; nothing here writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from events.models import OpeningHours, Room, Slot

MIDNIGHT = 24 * 60


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
    seen: dict[int, Room] = {}
    leaves: dict[int, Room] = {}
    asked = [room]
    while asked:
        at = asked.pop()
        if at.pk in seen:
            continue
        seen[at.pk] = at
        parts = [part for part in at.parts.all() if part.pk not in seen]
        if parts:
            asked += parts
        else:
            leaves[at.pk] = at
    return [leaves[pk] for pk in sorted(leaves)]


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


def opens_between(hours: Iterable[OpeningHours], weekday: int) -> list[tuple[int, int]]:
    """Minutes of the day at which a venue opens and closes on an ISO weekday, joined where they touch.

    23:59 stands for midnight, which the clock cannot say.
    """
    ranges = sorted(
        (
            row.opens.hour * 60 + row.opens.minute,
            MIDNIGHT if row.closes >= dt.time(23, 59) else row.closes.hour * 60 + row.closes.minute,
        )
        for row in hours
        if row.weekday == weekday
    )
    joined: list[tuple[int, int]] = []
    for opens, closes in ranges:
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return joined


def is_open(hours: Sequence[OpeningHours], start: dt.datetime, end: dt.datetime) -> bool:
    """Whether the venue is open from ``start`` to ``end`` on the local clock. Without any row, it is."""
    if not hours:
        return True
    day = start.date()
    while day <= end.date():
        begin = start.hour * 60 + start.minute if day == start.date() else 0
        finish = end.hour * 60 + end.minute if day == end.date() else MIDNIGHT
        if finish > begin and not any(
            opens <= begin and finish <= closes for opens, closes in opens_between(hours, day.isoweekday())
        ):
            return False
        day += dt.timedelta(days=1)
    return True
