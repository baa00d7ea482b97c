"""The nearest ways out when a slot cannot be where it was asked to be.

A few minutes' shift, the next free time, another room, a shorter visit: three at most, each free of clashes
for the room and for who receives there, and allowed by the rules of the edition.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from events.clock import on_the_wall
from events.models import Room, RoomOccupancy, Slot

from .checks import Surroundings, Where, refusing
from .rooms import OPEN_TIMES, clashing, people_it_may_hold, people_to_hold, stays_of

STEP = dt.timedelta(minutes=5)
SHIFT = dt.timedelta(minutes=20)
SHORTEST = 15
MOST = 3
DAY = dt.timedelta(days=1)

Kind = Literal["room", "shift", "later", "shorter"]


@dataclass(frozen=True, slots=True)
class WayOut:
    """A placement that was free when it was asked: ``starts_at`` in UTC, ``duration`` in minutes.

    ``room`` is None for a slot that has none.
    """

    kind: Kind
    room: Room | None
    starts_at: dt.datetime
    duration: int
    timezone: str

    @property
    def local_start(self) -> dt.datetime:
        return on_the_wall(self.starts_at, self.timezone)


@dataclass(frozen=True, slots=True)
class Busy:
    """What holds an atomic room over a half-open range in UTC: a slot, or something with a label."""

    room_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    slot: Slot | None
    label: str


@dataclass(frozen=True, slots=True)
class _Search:
    """What is known of a venue around a slot, and the questions asked of it."""

    slot: Slot
    busy: Sequence[RoomOccupancy | Busy]
    around: Surroundings
    now: dt.datetime

    def fits(self, room: Room | None, starts_at: dt.datetime, minutes: int) -> bool:
        where = Where(self.slot, room, starts_at, starts_at + dt.timedelta(minutes=minutes))
        return (
            starts_at > self.now
            and (room is None or not clashing(stays_of(room, starts_at, where.ends_at), self.busy))
            and not self.around.clashes(where)
            and not refusing(self.around.findings(where), at_release=True)
        )

    def way(self, kind: Kind, room: Room | None, starts_at: dt.datetime, minutes: int) -> WayOut:
        return WayOut(kind, room, starts_at, minutes, self.slot.timezone)

    def holds(self, room: Room) -> bool:
        most, asked = people_it_may_hold(room), people_to_hold(self.slot)
        return most is None or asked is None or asked <= most

    def discomfort(self, room: Room) -> int:
        asked = people_to_hold(self.slot)
        if asked is None or room.comfort_capacity is None:
            return 0
        return max(0, asked - room.comfort_capacity)

    def shifts(self, room: Room | None) -> list[WayOut]:
        """The nearest free start within twenty minutes, before and after, the nearest first."""
        found: list[tuple[dt.timedelta, WayOut]] = []
        for sign in (1, -1):
            shift = STEP
            while shift <= SHIFT:
                start = self.slot.starts_at + sign * shift
                if self.fits(room, start, self.slot.duration):
                    found.append((shift, self.way("shift", room, start, self.slot.duration)))
                    break
                shift += STEP
        return [way for _shift, way in sorted(found, key=lambda pair: pair[0])]

    def next_free(self, room: Room | None) -> list[WayOut]:
        """The first time after something in the way ends, on the same local day."""
        slot = self.slot
        stays = stays_of(room, slot.starts_at, slot.ends_at) if room is not None else []
        setup = max((slot.starts_at - stay.starts_at for stay in stays), default=dt.timedelta())
        parts = {stay.room.pk for stay in stays}
        ends = {other.ends_at + setup for other in self.busy if other.room_id in parts}
        ends |= {other.ends_at for other in self.around.engagements(slot)}
        day = on_the_wall(slot.starts_at, slot.timezone).date()
        for end in sorted(end for end in ends if end > slot.starts_at):
            start = _round_up(end)
            if on_the_wall(start, slot.timezone).date() == day and self.fits(room, start, slot.duration):
                return [self.way("later", room, start, slot.duration)]
        return []

    def shorter(self, room: Room | None) -> list[WayOut]:
        """The longest visit at the asked time, at least half of what was wanted and a quarter of an hour."""
        minutes = self.slot.duration - 5
        while minutes >= max(SHORTEST, self.slot.duration // 2):
            if self.fits(room, self.slot.starts_at, minutes):
                return [self.way("shorter", room, self.slot.starts_at, minutes)]
            minutes -= 5
        return []


def ways_out(
    *,
    slot: Slot,
    room: Room | None,
    now: dt.datetime,
    busy: Sequence[RoomOccupancy | Busy] | None = None,
    only: Kind | None = None,
) -> list[WayOut]:
    """The three nearest free placements at most for a slot that cannot have ``room`` at its time: first one
    of each kind, the best first, then the next best. ``only``: of one kind.

    ``slot`` bears the time that was asked; it need not be saved. ``busy`` is what holds the venue's rooms
    around that time, the slot itself left out, where that is not what is public: people too are then where
    the draft has them. Read without locking: what is proposed is asked of the rule again.
    """
    rooms: list[Room] = []
    if room is not None:
        found = room.venue.rooms.filter(is_active=True)
        rooms = list(found.select_related("venue").prefetch_related(*OPEN_TIMES))
    in_draft = busy is not None
    if busy is None:
        busy = _publicly_busy(slot, room) if room is not None else []
    around = Surroundings.around([Where.stands(slot)], rooms=rooms, in_draft=in_draft)
    search = _Search(slot, busy, around, now)
    here = next((at for at in rooms if room is not None and at.pk == room.pk), None)
    is_free_to_stay = room is None or (here is not None and search.holds(here))
    others = [
        at
        for at in rooms
        if room is not None
        and at.pk != room.pk
        and search.holds(at)
        and search.fits(at, slot.starts_at, slot.duration)
    ]
    others.sort(key=lambda at: (search.discomfort(at), at.comfort_capacity or 10_000, at.sort_name))
    kinds: list[list[WayOut]] = [[search.way("room", at, slot.starts_at, slot.duration) for at in others]]
    if is_free_to_stay and only != "room":
        kinds.insert(0, search.shifts(here) or search.next_free(here))
        kinds.append(search.shorter(here))
    if only is not None:
        kinds = [[way for way in kind if way.kind == only] for kind in kinds]
    best = [kind[0] for kind in kinds if kind]
    rest = [way for kind in kinds for way in kind[1:]]
    return (best + rest)[:MOST]


def _publicly_busy(slot: Slot, room: Room) -> list[RoomOccupancy]:
    rows = RoomOccupancy.objects.active().filter(room__venue=room.venue_id)
    return list(rows.between(slot.starts_at - DAY, slot.ends_at + DAY).exclude(slot_id=slot.pk))


def _round_up(at: dt.datetime) -> dt.datetime:
    """To the next five minutes."""
    rest = dt.timedelta(minutes=at.minute % 5, seconds=at.second, microseconds=at.microsecond)
    return at + (STEP - rest) if rest else at
