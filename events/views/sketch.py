"""A sketch map in SVG: positions on a sheet, north up, with a scale. Pure arithmetic, no tile, no request.

Equirectangular projection around the middle of what is shown: at the size of a city the error is below one in
a thousand; at the size of France the coast is a hand-drawn outline, enough to know where one is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from events.wording import (
    DETOUR,
    METRES_PER_MINUTE,
    WALKABLE_METRES,
    Position,
    metres_between,
    walking_minutes,
)

WIDTH, HEIGHT, MARGIN = 640, 480, 44
METRES_PER_DEGREE = 111_195
LEAST_METRES = 900
GAP = 27
LETTER = 8.2
ROUND_LENGTHS = (100, 200, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000)

# The mainland and Corsica, latitude and longitude, clockwise from Dunkirk; drawn for this site.
MAINLAND: tuple[Position, ...] = (
    *((51.05, 2.4), (50.97, 1.85), (50.72, 1.58), (50.2, 1.55), (49.93, 1.08), (49.7, 0.2), (49.43, 0.1)),
    *((49.3, -0.3), (49.4, -1.1), (49.68, -1.25), (49.7, -1.9), (49.2, -1.6), (48.65, -1.5), (48.65, -2.05)),
    *(
        (48.55, -2.7),
        (48.87, -3.1),
        (48.72, -3.98),
        (48.6, -4.7),
        (48.33, -4.75),
        (48.25, -4.3),
        (48.04, -4.7),
    ),
    *(
        (47.8, -4.35),
        (47.85, -3.95),
        (47.7, -3.4),
        (47.5, -3.1),
        (47.55, -2.75),
        (47.28, -2.45),
        (47.0, -2.05),
    ),
    *(
        (46.5, -1.8),
        (46.3, -1.2),
        (45.95, -1.05),
        (45.55, -1.1),
        (44.65, -1.25),
        (43.5, -1.52),
        (43.35, -1.78),
    ),
    *((43.05, -1.3), (42.8, -0.6), (42.7, 0.65), (42.6, 1.45), (42.35, 1.95), (42.43, 3.17), (42.85, 3.05)),
    *((43.15, 3.15), (43.4, 3.7), (43.55, 4.05), (43.35, 4.6), (43.4, 5.05), (43.2, 5.4), (43.05, 5.95)),
    *((43.15, 6.65), (43.55, 7.0), (43.78, 7.53), (44.15, 7.65), (44.4, 6.9), (44.85, 7.0), (45.2, 6.7)),
    *((45.5, 7.1), (45.9, 6.85), (46.35, 6.8), (46.38, 6.3), (46.2, 5.97), (46.55, 6.1), (47.05, 6.75)),
    *((47.4, 7.05), (47.58, 7.58), (48.3, 7.72), (48.97, 8.2), (49.15, 7.4), (49.2, 6.7), (49.5, 6.2)),
    *((49.55, 5.75), (49.8, 5.05), (50.15, 4.65), (49.98, 4.15), (50.35, 3.7), (50.55, 3.25), (50.75, 2.85)),
)
CORSICA: tuple[Position, ...] = (
    *(
        (43.0, 9.4),
        (42.6, 9.5),
        (42.0, 9.5),
        (41.4, 9.2),
        (41.75, 8.75),
        (42.2, 8.58),
        (42.6, 8.75),
        (42.7, 9.3),
    ),
)
MAINLAND_BOX = (41.2, 51.4, -5.4, 9.9)
"""South, north, west, east of what the outline shows."""


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
    beyond: tuple[Mark, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT


class _Sheet:
    """From degrees to the units of the drawing."""

    def __init__(self, south: float, north: float, west: float, east: float) -> None:
        self.middle = ((south + north) / 2, (west + east) / 2)
        self.across = METRES_PER_DEGREE * math.cos(math.radians(self.middle[0]))
        wide = max((east - west) * self.across, LEAST_METRES)
        high = max((north - south) * METRES_PER_DEGREE, LEAST_METRES)
        self.metres = max(wide / (WIDTH - 2 * MARGIN), high / (HEIGHT - 2 * MARGIN))

    def place(self, at: Position) -> tuple[float, float]:
        x = WIDTH / 2 + (at[1] - self.middle[1]) * self.across / self.metres
        y = HEIGHT / 2 - (at[0] - self.middle[0]) * METRES_PER_DEGREE / self.metres
        return x, y

    def scale(self) -> Scale:
        length = max((m for m in ROUND_LENGTHS if m / self.metres <= WIDTH / 4), default=ROUND_LENGTHS[0])
        minutes = math.ceil(length * DETOUR / METRES_PER_MINUTE) if length <= WALKABLE_METRES else None
        return Scale(length, round(length / self.metres), minutes)


def sketch_city(positions: Sequence[Position]) -> Sketch | None:
    """The venues of a city with the walks that join them: each to its nearest, up to 3 km."""
    if not positions:
        return None
    lats, lons = [p[0] for p in positions], [p[1] for p in positions]
    sheet = _Sheet(min(lats), max(lats), min(lons), max(lons))
    points = _apart([sheet.place(at) for at in positions])
    marks = [Mark(index, round(x), round(y)) for index, (x, y) in enumerate(points)]
    ways = [
        Way(marks[a].x, marks[a].y, marks[b].x, marks[b].y, walking_minutes(positions[a], positions[b]))
        for a, b in _walks(positions)
    ]
    return Sketch(marks, [way for way in ways if way.minutes], sheet.scale())


def sketch_france(positions: Sequence[Position]) -> Sketch:
    """The cities on the outline of the mainland. Those beyond the sheet stand in a column of their own."""
    sheet = _Sheet(*MAINLAND_BOX)
    placed = [(index, sheet.place(at)) for index, at in enumerate(positions)]
    inside = [(i, (x, y)) for i, (x, y) in placed if 0 <= x <= WIDTH and 0 <= y <= HEIGHT]
    seen = {index for index, _point in inside}
    points = _apart([point for _index, point in inside], gap=20)
    marks = [Mark(i, round(x), round(y)) for (i, _point), (x, y) in zip(inside, points, strict=True)]
    outline = "".join(_path([sheet.place(at) for at in land]) for land in (MAINLAND, CORSICA))
    far = [index for index in range(len(positions)) if index not in seen]
    beyond = tuple(Mark(index, 26, 28 + 26 * row) for row, index in enumerate(far[:8]))
    return Sketch(marks, [], sheet.scale(), outline, beyond)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in points) + "Z"


def _apart(points: Sequence[tuple[float, float]], gap: float = GAP) -> list[tuple[float, float]]:
    """The same points, pushed apart until their discs do not cover each other; the same every time."""
    moved = [list(point) for point in points]
    for _round in range(40):
        still = True
        for a in range(len(moved)):
            for b in range(a + 1, len(moved)):
                dx, dy = moved[b][0] - moved[a][0], moved[b][1] - moved[a][1]
                far = math.hypot(dx, dy)
                if far >= gap:
                    continue
                still = False
                angle = math.atan2(dy, dx) if far else 2.4 * b
                push = (gap - far) / 2 + 0.1
                for one, sign in ((a, -1), (b, 1)):
                    moved[one][0] += sign * push * math.cos(angle)
                    moved[one][1] += sign * push * math.sin(angle)
        if still:
            break
    edge = GAP / 2
    return [(min(max(x, edge), WIDTH - edge), min(max(y, edge), HEIGHT - edge)) for x, y in moved]


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


Box = tuple[float, float, float, float]


def place_labels(marks: Sequence[Mark], names: Sequence[str], *, half: int = 13) -> list[Label | None]:
    """Where each mark's name fits without covering a mark or another name; None where it fits nowhere.

    ``half`` is half the width of a mark. To the right if possible, else to the left, else below, else above.
    """
    taken: list[Box] = [(m.x - half, m.y - half - 4, m.x + half, m.y + half + 4) for m in marks]
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


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
