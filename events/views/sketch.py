"""A part of the map drawn in SVG: spots on a sheet, north up, with a scale. Pure arithmetic, no request.

On the same plane as ``clusters``, so that the sheet and the map that a script makes of it show one picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from events.programme.marks import position_at, x_of, y_of
from events.views.clusters import Box, Spot, zoom_of
from events.views.coast import CORSICA, FINEST_ZOOM, MAINLAND
from events.wording import (
    DETOUR,
    METRES_PER_MINUTE,
    WALKABLE_METRES,
    Position,
    metres_between,
    walking_minutes,
)

WIDTH, HEIGHT = 640, 480
EQUATOR_METRES = 40_030_000
LETTER = 8.2
ROUND_LENGTHS = (
    *(20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000),
    *(500_000, 1_000_000, 2_000_000),
)
MOST_WALKS = 40
LEAST_WALKS_ZOOM = 11.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A point on the sheet. ``index`` is the place in the list of positions given."""

    index: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Label:
    """Words beside a mark: where they begin (``start``) or end (``end``)."""

    x: int
    y: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Way:
    """A walk between two marks, its minutes written in the middle."""

    x1: int
    y1: int
    x2: int
    y2: int
    minutes: int

    @property
    def x(self) -> int:
        return (self.x1 + self.x2) // 2

    @property
    def y(self) -> int:
        return (self.y1 + self.y2) // 2

    @property
    def is_long(self) -> bool:
        """Long enough on the sheet to carry its words."""
        return math.hypot(self.x2 - self.x1, self.y2 - self.y1) >= 74


@dataclass(frozen=True, slots=True)
class Scale:
    metres: int
    length: int
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Sketch:
    marks: list[Mark]
    ways: list[Way]
    scale: Scale
    outline: str = ""
    width: int = WIDTH
    height: int = HEIGHT


class _Sheet:
    """From the plane to the units of the drawing."""

    def __init__(self, box: Box) -> None:
        self.west, self.north, east, _south = box
        self.unit = (east - self.west) / WIDTH
        latitude, _lon = position_at((self.west + east) / 2, (self.north + box[3]) / 2)
        self.metres = self.unit * EQUATOR_METRES * math.cos(math.radians(latitude))

    def place(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.west) / self.unit, (y - self.north) / self.unit

    def scale(self) -> Scale:
        length = max((m for m in ROUND_LENGTHS if m / self.metres <= WIDTH / 4), default=ROUND_LENGTHS[0])
        minutes = math.ceil(length * DETOUR / METRES_PER_MINUTE) if length <= WALKABLE_METRES else None
        return Scale(length, round(length / self.metres), minutes)


def sketch_of(box: Box, spots: Sequence[Spot]) -> Sketch:
    """The spots of a box of the sheet's shape, in their order."""
    sheet = _Sheet(box)
    marks = [Mark(index, *map(round, sheet.place(spot.x, spot.y))) for index, spot in enumerate(spots)]
    zoom = zoom_of(box, WIDTH)
    ways = [
        Way(marks[a].x, marks[a].y, marks[b].x, marks[b].y, minutes)
        for a, b, minutes in walks_between(spots, zoom)
    ]
    outline = "".join(_path(sheet, land) for land in (MAINLAND, CORSICA)) if zoom <= FINEST_ZOOM else ""
    return Sketch(marks, ways, sheet.scale(), outline)


def place_on(box: Box, x: float, y: float) -> tuple[int, int]:
    """Where a point of the plane is on the sheet."""
    across, down = _Sheet(box).place(x, y)
    return round(across), round(down)


def _path(sheet: _Sheet, land: Sequence[Position]) -> str:
    points = (sheet.place(x_of(longitude), y_of(latitude)) for latitude, longitude in land)
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in points) + "Z"


def walks_between(spots: Sequence[Spot], zoom: float) -> list[tuple[int, int, int]]:
    """(one, other, minutes): the walks that join what one can walk to, up to 3 km, where there are few."""
    if len(spots) > MOST_WALKS or zoom < LEAST_WALKS_ZOOM or not all(spot.is_venue for spot in spots):
        return []
    positions = [spot.at for spot in spots]
    found = [(a, b, walking_minutes(positions[a], positions[b])) for a, b in _walks(positions)]
    return [(a, b, minutes) for a, b, minutes in found if minutes]


def _walks(positions: Sequence[Position]) -> list[tuple[int, int]]:
    """The shortest tree that joins what a walk can join (Prim's algorithm, edges up to 3 km)."""
    joined: list[tuple[int, int]] = []
    left = set(range(len(positions)))
    while left:
        tree = {left.pop()}
        while True:
            edges = [(metres_between(positions[a], positions[b]), a, b) for a in tree for b in left]
            near = min((edge for edge in edges if edge[0] <= WALKABLE_METRES), default=None)
            if near is None:
                break
            joined.append((near[1], near[2]))
            left.discard(near[2])
            tree.add(near[2])
    return joined


Rectangle = tuple[float, float, float, float]


def place_labels(marks: Sequence[Mark], names: Sequence[str], *, half: int = 13) -> list[Label | None]:
    """Where each mark's name fits without covering a mark or another name; None where it fits nowhere.

    ``half`` is half the width of a mark. To the right if possible, else to the left, else below, else above.
    """
    taken: list[Rectangle] = [(m.x - half, m.y - half - 4, m.x + half, m.y + half + 4) for m in marks]
    placed: list[Label | None] = []
    for mark, name in zip(marks, names, strict=True):
        width = len(name) * LETTER
        choices = (
            (Label(mark.x + half + 5, mark.y + 5, "start"), mark.x + half + 5),
            (Label(mark.x - half - 5, mark.y + 5, "end"), mark.x - half - 5 - width),
            (Label(mark.x, mark.y + half + 20, "middle"), mark.x - width / 2),
            (Label(mark.x, mark.y - half - 10, "middle"), mark.x - width / 2),
        )
        for label, left in choices:
            box = (left, label.y - 14.0, left + width, label.y + 5.0)
            if left >= 4 and left + width <= WIDTH - 4 and not any(_meet(box, other) for other in taken):
                taken.append(box)
                placed.append(label)
                break
        else:
            placed.append(None)
    return placed


def _meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
