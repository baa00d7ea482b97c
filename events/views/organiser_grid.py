"""The board of a venue's day as a true table: rooms across, half hours down, a visit spanning the rows it
touches.

Pure: rows already fetched go in, cells come out. Minutes are counted from midnight on the wall of the
territory. Blocks round outwards to the half hour and say their true time; when two meet in one half hour
the later begins a row lower, or shares the cell.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from events.clock import on_the_wall
from events.models import Room, RoomOccupancy, Slot
from events.scheduling.rooms import (
    MIDNIGHT,
    WHOLE_DAY,
    Range,
    atoms_of,
    closed_by,
    hours_are_known,
    open_ranges,
)

ROW = 30


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that takes a stretch of a room's day: a visit, a part of it held, a blocking, clearing up."""

    kind: Literal["slot", "part", "blocked", "setup", "turn"]
    start: int
    end: int
    slot: Slot | None = None
    label: str = ""
    occupancy: RoomOccupancy | None = None
    is_clash: bool = False
    is_elsewhere: bool = False

    @property
    def minutes(self) -> int:
        return self.end - self.start

    @property
    def start_at(self) -> dt.time:
        return clock_time(self.start)

    @property
    def end_at(self) -> dt.time:
        return clock_time(self.end)


@dataclass(slots=True)
class Cell:
    """A cell over ``rows`` half hours. ``free`` carries ``minute``, where a slot may begin; ``closed`` may
    say why in ``label``.
    """

    kind: Literal["block", "turn", "closed", "free", "past"]
    row: int
    rows: int = 1
    room: Room | None = None
    minute: int = 0
    pieces: list[Piece] = field(default_factory=list)
    after: Piece | None = None
    label: str = ""

    @property
    def at(self) -> dt.time:
        return clock_time(self.minute)

    @property
    def is_clash(self) -> bool:
        return any(piece.is_clash for piece in self.pieces)

    @property
    def is_elsewhere(self) -> bool:
        """Held by a visit that was put into a hall around this room, or into a part of this hall."""
        return all(piece.is_elsewhere for piece in self.pieces)

    @property
    def paint(self) -> str:
        """The class of the first host's colour."""
        first = self.pieces[0].slot if self.pieces else None
        return f"paint-{first.activity.host.paint}" if first is not None else "paint-ardoise"


@dataclass(frozen=True, slots=True)
class Row:
    minute: int
    cells: list[Cell]

    @property
    def at(self) -> dt.time:
        return clock_time(self.minute)

    @property
    def is_full_hour(self) -> bool:
        return self.minute % 60 == 0


@dataclass(frozen=True, slots=True)
class Column:
    """A room and its day in order, for the list by room."""

    room: Room
    pieces: list[Piece]
    opens: list[Range] = field(default_factory=list)
    free: list[Cell] = field(default_factory=list)
    closed_for: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    columns: list[Column]
    rows: list[Row]


def clock_time(minute: int) -> dt.time:
    return dt.time(minute // 60 % 24, minute % 60)


def minute_of(at: dt.datetime, day: dt.date, zone: str) -> int:
    """Minutes since midnight of ``day`` on the wall, kept within that day."""
    local = on_the_wall(at, zone)
    if local.date() < day:
        return 0
    return MIDNIGHT if local.date() > day else local.hour * 60 + local.minute


def lay_out(
    *,
    rooms: Sequence[Room],
    occupancies: Sequence[RoomOccupancy],
    day: dt.date,
    zone: str,
    now: dt.datetime,
    also: Iterable[int] = (),
    in_the_way: Iterable[int] = (),
) -> Grid:
    """``rooms`` come with their venue and ``OPEN_TIMES``.

    ``also``: minutes the board must reach (starts of what waits to be placed). ``in_the_way``: ids of
    occupancies.
    """
    clashes = set(in_the_way)
    columns = [
        Column(
            room,
            _pieces(room, occupancies, day, zone, clashes),
            open_ranges(room, day),
            closed_for=_closed_for(room, day),
        )
        for room in rooms
    ]
    first, last = _reach(columns, day, list(also))
    passed = _passed(day, zone, now)
    by_row: dict[int, list[Cell]] = {row: [] for row in range((last - first) // ROW)}
    for column in columns:
        for cell in _cells(column, first, last, passed):
            by_row[cell.row].append(cell)
            if cell.kind == "free":
                column.free.append(cell)
    return Grid(columns, [Row(first + row * ROW, cells) for row, cells in by_row.items()])


def _pieces(
    room: Room, occupancies: Sequence[RoomOccupancy], day: dt.date, zone: str, clashes: set[int]
) -> list[Piece]:
    parts = {part.pk for part in atoms_of(room)}
    pieces: dict[object, list[Piece]] = {}
    for held in occupancies:
        if held.room_id not in parts:
            continue
        clash = held.pk in clashes
        slot = held.slot
        begin, finish = minute_of(held.starts_at, day, zone), minute_of(held.ends_at, day, zone)
        if slot is None:
            key: object = (held.label, held.starts_at)
            pieces.setdefault(
                key, [Piece("blocked", begin, finish, None, held.label, occupancy=held, is_clash=clash)]
            )
            continue
        start, end = minute_of(slot.starts_at, day, zone), minute_of(slot.ends_at, day, zone)
        is_here = slot.room_id == room.pk or held.room_id == room.pk
        kind: Literal["slot", "part"] = "slot" if is_here else "part"
        is_elsewhere = slot.room_id != room.pk
        around = [Piece(kind, start, end, slot, occupancy=held, is_clash=clash, is_elsewhere=is_elsewhere)]
        if is_here and begin < start:
            around.insert(0, Piece("setup", begin, start, slot))
        if is_here and finish > end:
            around.append(Piece("turn", end, finish, slot))
        known = pieces.get(slot.pk)
        if known is None or clash:
            pieces[slot.pk] = around
    flat = [piece for group in pieces.values() for piece in group if piece.end > piece.start]
    return sorted(flat, key=lambda piece: (piece.start, piece.end))


def _closed_for(room: Room, day: dt.date) -> str:
    """Why it is closed all day, as whoever closed it says."""
    start = dt.datetime.combine(day, dt.time())
    row = closed_by(room, start, start + dt.timedelta(days=1))
    return row.reason if row is not None else ""


def _reach(columns: Sequence[Column], day: dt.date, also: list[int]) -> tuple[int, int]:
    """From the first to the last full hour that has anything to show."""
    starts = [piece.start for column in columns for piece in column.pieces] + also
    ends = [piece.end for column in columns for piece in column.pieces] + [minute + ROW for minute in also]
    for column in columns:
        if column.opens == WHOLE_DAY and not hours_are_known(column.room, day):
            starts.append(9 * 60)
            ends.append(18 * 60)
        elif column.opens:
            starts.append(column.opens[0][0])
            ends.append(column.opens[-1][1])
    if not starts:
        starts, ends = [9 * 60], [18 * 60]
    return min(starts) // 60 * 60, min(MIDNIGHT, -(-max(ends) // 60) * 60)


def _passed(day: dt.date, zone: str, now: dt.datetime) -> int:
    """The minute of the day until which nothing can begin any more."""
    return minute_of(now, day, zone)


def _cells(column: Column, first: int, last: int, passed: int) -> list[Cell]:
    taken = _taken_cells(column, first)
    cells: list[Cell] = []
    row, rows = 0, (last - first) // ROW
    blocks = iter(taken)
    block = next(blocks, None)
    while row < rows:
        if block is not None and block.row == row:
            block.rows = min(block.rows, rows - row)
            cells.append(block)
            row += block.rows
            block = next(blocks, None)
            continue
        minute = first + row * ROW
        if not any(begin <= minute < end for begin, end in column.opens):
            if cells and cells[-1].kind == "closed" and cells[-1].row + cells[-1].rows == row:
                cells[-1].rows += 1
            else:
                cells.append(Cell("closed", row, room=column.room, minute=minute, label=column.closed_for))
        else:
            kind: Literal["free", "past"] = "past" if minute < passed else "free"
            cells.append(Cell(kind, row, room=column.room, minute=minute))
        row += 1
    return cells


def _taken_cells(column: Column, first: int) -> list[Cell]:
    cells: list[Cell] = []
    current = 0
    for piece in column.pieces:
        row, until = (piece.start - first) // ROW, -(-(piece.end - first) // ROW)
        row = max(row, current)
        small = piece.kind in ("setup", "turn")
        if row >= until:
            # No row of its own is left: it shares the last cell, or is said in it.
            if small:
                if cells:
                    cells[-1].after = piece
            else:
                cells[-1].pieces.append(piece)
                cells[-1].kind = "block"
            continue
        if piece.kind == "setup":
            until = max(row + 1, (piece.end - first) // ROW)
        cells.append(
            Cell("turn" if small else "block", row, until - row, column.room, first + row * ROW, [piece])
        )
        current = until
    return cells
