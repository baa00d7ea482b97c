"""Venues on a map gathered into as many spots as the eye can tell apart. Pure arithmetic, no query.

The sheet is cut into cells of ``CELL`` points that lie still while the map is moved; what shares a cell is
one spot, and spots that would touch are one too. Where there are few (``FEW``) only those of nearly one
address are gathered and the others pushed apart until each can be pressed; from ``APART_ZOOM`` on every venue
stands for itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from events.programme.area import Frame
from events.programme.marks import Marks, position_at, x_of, y_of
from events.wording import Position

CELL, TOUCHING = 80, 46
"""Points of the screen."""
FEW, SAME_DOOR, GAP = 40, 14, 44
TILE = 256
APART_ZOOM, DEEPEST_ZOOM = 17, 19
MOST_SPOTS = 120
LEAST_SPAN = 0.0012
"""Degrees: a spot is not looked at more closely than from about 130 m."""

Box = tuple[float, float, float, float]
"""West, north, east, south on the plane of ``marks``."""


@dataclass(slots=True)
class Spot:
    """One venue, or several that are too near each other to be shown apart. ``members`` index the marks.

    ``x`` and ``y``: where it is drawn, which is beside ``at`` where it would cover another.
    """

    members: list[int]
    x: float
    y: float
    at: Position
    slots: int = 0
    places: int = 0
    open: int = 0
    first: int = 0
    cities: Counter[int] = field(default_factory=Counter)

    @property
    def is_venue(self) -> bool:
        return len(self.members) == 1


def box_of(frame: Frame) -> Box:
    """East is beyond 1 where the frame crosses the date line."""
    west, east = x_of(frame.west), x_of(frame.east)
    return (west, y_of(frame.north), east + (east < west), y_of(frame.south))


def frame_of(box: Box) -> Frame:
    """The frame of a box, not beyond the world."""
    west, north, east, south = box
    (top, left), (bottom, right) = position_at(west, north), position_at(east, south)
    if east - west >= 1:
        left, right = -180.0, 180.0
    edges = (max(bottom, -90), _wrapped(left), min(top, 90), _wrapped(right))
    return Frame(*(round(edge, 4) + 0.0 for edge in edges))


def _wrapped(longitude: float) -> float:
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def bounds(marks: Marks, members: Iterable[int] | None = None) -> Box | None:
    """The smallest box around some of the marks, or all."""
    chosen = list(range(len(marks)) if members is None else members)
    if not chosen:
        return None
    xs, ys = [marks.xs[i] for i in chosen], [marks.ys[i] for i in chosen]
    return (min(xs), min(ys), max(xs), max(ys))


def fitted(box: Box, width: int, height: int, *, margin: float = 0.12) -> Box:
    """The box with a margin, and then as much more as gives it the shape of the sheet."""
    west, north, east, south = box
    least = LEAST_SPAN / 360
    wide, high = max(east - west, least) * (1 + 2 * margin), max(south - north, least) * (1 + 2 * margin)
    if wide * height < high * width:
        wide = high * width / height
    else:
        high = wide * height / width
    x, y = (west + east) / 2, (north + south) / 2
    return (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


def zoom_of(box: Box, width: int) -> float:
    """The zoom at which the box is so many points wide; between whole levels it has a fraction."""
    return min(math.log2(width / TILE / max(box[2] - box[0], 1e-9)), DEEPEST_ZOOM)


def no_nearer(box: Box, zoom: float, width: int) -> Box:
    """The box, or so much more around its middle as a sheet of this width shows at the zoom."""
    span = width / TILE / 2**zoom
    if box[2] - box[0] >= span:
        return box
    x, y, grown = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, span / (box[2] - box[0])
    half_wide, half_high = span / 2, (box[3] - box[1]) * grown / 2
    return (x - half_wide, y - half_high, x + half_wide, y + half_high)


def least_zoom(box: Box, zoom: float) -> float:
    """The zoom asked for, or less where the box would have more cells than anybody's screen."""
    west, north, east, south = box
    cells = max(east - west, 1e-9) * max(south - north, 1e-9) * (TILE * 2**zoom / CELL) ** 2
    return zoom if cells <= MOST_SPOTS else zoom - math.log2(cells / MOST_SPOTS) / 2


def gather(marks: Marks, box: Box, zoom: float) -> list[Spot]:
    """The spots of a part of the map, those with most slots first: at most about ``MOST_SPOTS``."""
    zoom = least_zoom(box, zoom)
    point = 1 / (TILE * 2**zoom)
    cells = _in_cells(marks, box, CELL * point)
    number = sum(map(len, cells.values()))
    if number <= FEW:
        cells = _in_cells(marks, box, SAME_DOOR * point)
    near = SAME_DOOR if number <= FEW else TOUCHING
    if zoom >= APART_ZOOM and number <= MOST_SPOTS:
        spots = [_spot(marks, [index]) for members in cells.values() for index in members]
    else:
        spots = _merged({cell: _spot(marks, members) for cell, members in cells.items()}, marks, near * point)
    spots.sort(key=lambda spot: (-spot.slots, marks.venues[spot.members[0]]))
    if number <= FEW or zoom >= APART_ZOOM:
        _push_apart(spots, GAP * point)
    return spots


def _in_cells(marks: Marks, box: Box, size: float) -> dict[tuple[int, int], list[int]]:
    west, north, east, south = box
    cells: dict[tuple[int, int], list[int]] = {}
    beyond = east > 1
    for index, (x, y) in enumerate(zip(marks.xs, marks.ys, strict=True)):
        if beyond and x < west:
            x += 1
        if west <= x <= east and north <= y <= south:
            cells.setdefault((int(x / size), int(y / size)), []).append(index)
    return cells


def _spot(marks: Marks, members: list[int]) -> Spot:
    many = len(members)
    x, y = sum(marks.xs[i] for i in members) / many, sum(marks.ys[i] for i in members) / many
    return Spot(
        members,
        x,
        y,
        position_at(x, y),
        slots=sum(marks.slots[i] for i in members),
        places=sum(marks.places[i] for i in members),
        open=sum(marks.open[i] for i in members),
        first=min(marks.firsts[i] for i in members),
        cities=Counter(marks.cities[i] for i in members),
    )


def _merged(spots: dict[tuple[int, int], Spot], marks: Marks, near: float) -> list[Spot]:
    """The largest takes in the neighbours that it would cover."""
    left = dict(spots)
    kept = []
    for cell in sorted(spots, key=lambda at: (-len(spots[at].members), at)):
        spot = left.pop(cell, None)
        if spot is None:
            continue
        around = [(cell[0] + across, cell[1] + down) for across in (-1, 0, 1) for down in (-1, 0, 1)]
        taken = [
            at
            for at in around
            if (other := left.get(at)) and math.hypot(other.x - spot.x, other.y - spot.y) < near
        ]
        if taken:
            spot = _spot(marks, [*spot.members, *(i for at in taken for i in left.pop(at).members)])
        kept.append(spot)
    return kept


def _push_apart(spots: list[Spot], gap: float) -> None:
    """Moves what would cover each other until it does not; the same every time."""
    for _round in range(40):
        still = True
        for a, one in enumerate(spots):
            for b in range(a + 1, len(spots)):
                other = spots[b]
                dx, dy = other.x - one.x, other.y - one.y
                if abs(dx) >= gap or abs(dy) >= gap or (far := math.hypot(dx, dy)) >= gap:
                    continue
                still = False
                angle = math.atan2(dy, dx) if far > gap / 1000 else 2.4 * b
                push = (gap - far) / 2 + gap / 200
                one.x, one.y = one.x - push * math.cos(angle), one.y - push * math.sin(angle)
                other.x, other.y = other.x + push * math.cos(angle), other.y + push * math.sin(angle)
        if still:
            return
