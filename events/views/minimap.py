"""A small sketch of the venues of a city: where they lie to each other, north up, without any request.

Equirectangular around the middle of what is shown: at the size of a city the error is below one in 1,000.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events.models import Venue
from events.views.public_rows import position_of
from events.views.sketch import HEIGHT, WIDTH, Label, Mark, place_labels
from events.wording import Position

MOST, MARGIN, GAP, ROUNDS = 12, 52, 34, 40
LEAST_DEGREES = 0.01
"""About a kilometre: two venues in one street do not fill the sheet."""


@dataclass(frozen=True, slots=True)
class Door:
    venue: Venue
    mark: Mark
    label: Label | None


def minimap(venues: Iterable[Venue]) -> list[Door]:
    """The totem buildings and the busiest venues, at most twelve; nothing for fewer than two."""
    placed = [(venue, at) for venue in venues if (at := position_of(venue))]
    placed.sort(key=lambda one: (not one[0].is_totem, -getattr(one[0], "coming", 0), one[0].sort_name))
    placed = placed[:MOST]
    if len(placed) < 2:
        return []
    points = _apart(_on_sheet([at for _venue, at in placed]))
    marks = [Mark(n, round(x), round(y)) for n, (x, y) in enumerate(points)]
    labels = place_labels(marks, [venue.name for venue, _at in placed])
    return [Door(venue, mark, label) for (venue, _at), mark, label in zip(placed, marks, labels, strict=True)]


Point = tuple[float, float]


def _on_sheet(positions: Sequence[Position]) -> list[Point]:
    lats, lons = [lat for lat, _lon in positions], [lon for _lat, lon in positions]
    middle_lat, middle_lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    narrow = math.cos(math.radians(middle_lat))
    high = max(max(lats) - min(lats), LEAST_DEGREES)
    wide = max((max(lons) - min(lons)) * narrow, LEAST_DEGREES)
    unit = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    return [
        (WIDTH / 2 + (lon - middle_lon) * narrow * unit, HEIGHT / 2 - (lat - middle_lat) * unit)
        for lat, lon in positions
    ]


def _apart(points: Sequence[Point]) -> list[Point]:
    """The same points pushed apart until no door covers another, or nearly; the same every time."""
    moved = [list(point) for point in points]
    for _round in range(ROUNDS):
        still = True
        for a in range(len(moved)):
            for b in range(a + 1, len(moved)):
                dx, dy = moved[b][0] - moved[a][0], moved[b][1] - moved[a][1]
                far = math.hypot(dx, dy)
                if far >= GAP:
                    continue
                still = False
                angle, push = (math.atan2(dy, dx) if far else 2.4 * b), (GAP - far) / 2 + 0.1
                for one, sign in ((a, -1), (b, 1)):
                    moved[one][0] += sign * push * math.cos(angle)
                    moved[one][1] += sign * push * math.sin(angle)
        if still:
            break
    edge = GAP / 2
    return [(min(max(x, edge), WIDTH - edge), min(max(y, edge), HEIGHT - edge)) for x, y in moved]
