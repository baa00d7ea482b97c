"""The timetable as a true table: venues across, half hours down, a slot as a cell that spans. Pure, no query.

Blocks are rounded outwards to the half hour, the true time is written in them. What overlaps in one venue
stands in lanes side by side under its name. A board takes a few lanes; more venues make more boards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from events.models import Venue
from events.views.public_rows import Row

HALF_HOUR = 30
DAY = 24 * 60
MOST_LANES = 6
MOST_LANES_A_VENUE = 3


@dataclass(slots=True)
class Cell:
    """A block (``row``), or an empty cell; ``span`` in half hours."""

    span: int = 1
    row: Row | None = None


@dataclass(slots=True)
class Column:
    """A venue with its lanes; ``more`` slots find no room in them."""

    venue: Venue | None
    lanes: list[list[tuple[int, int, Row]]] = field(default_factory=list)
    more: int = 0

    @property
    def span(self) -> int:
        return len(self.lanes)


@dataclass(slots=True)
class Line:
    """One half hour of the board: its time, and the cells that begin in it."""

    at: dt.time
    cells: list[Cell]

    @property
    def is_full_hour(self) -> bool:
        return self.at.minute == 0


@dataclass(slots=True)
class Board:
    columns: list[Column]
    lines: list[Line]

    @property
    def lanes(self) -> int:
        return sum(column.span for column in self.columns)


def boards_of(rows: Sequence[Row]) -> list[Board]:
    """Boards of at most ``MOST_LANES`` lanes, busiest venues first."""
    columns = _columns(rows)
    boards: list[Board] = []
    batch: list[Column] = []
    for column in columns:
        if batch and sum(one.span for one in batch) + column.span > MOST_LANES:
            boards.append(_board(batch))
            batch = []
        batch.append(column)
    if batch:
        boards.append(_board(batch))
    return boards


def _columns(rows: Iterable[Row]) -> list[Column]:
    by_venue: dict[int | None, Column] = {}
    for row in rows:
        venue = row.slot.venue
        column = by_venue.setdefault(venue.pk if venue else None, Column(venue))
        start, end = _half_hours(row)
        for lane in column.lanes:
            if lane[-1][1] <= start:
                lane.append((start, end, row))
                break
        else:
            if len(column.lanes) < MOST_LANES_A_VENUE:
                column.lanes.append([(start, end, row)])
            else:
                column.more += 1
    found = list(by_venue.values())
    return sorted(
        found,
        key=lambda c: (
            c.venue is None,
            -sum(map(len, c.lanes)) - c.more,
            c.venue.sort_name if c.venue else "",
        ),
    )


def _half_hours(row: Row) -> tuple[int, int]:
    """From and to, in half hours since midnight, rounded outwards; to midnight at the latest."""
    start = row.slot.local_start
    first = start.hour * 60 + start.minute
    last = min(first + row.slot.duration, DAY)
    return first // HALF_HOUR, -(-last // HALF_HOUR)


def _board(columns: list[Column]) -> Board:
    lanes = [lane for column in columns for lane in column.lanes]
    first = min(lane[0][0] for lane in lanes)
    last = max(end for lane in lanes for _start, end, _row in lane)
    begins = [{start: (end, row) for start, end, row in lane} for lane in lanes]
    covered = [0] * len(lanes)
    lines = []
    for half in range(first, last):
        cells = []
        for index, lane in enumerate(begins):
            if half in lane:
                end, row = lane[half]
                covered[index] = end
                cells.append(Cell(end - half, row))
            elif half >= covered[index]:
                cells.append(Cell())
        lines.append(Line(dt.time(half // 2, half % 2 * HALF_HOUR), cells))
    return Board(columns, lines)
