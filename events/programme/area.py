"""Where on the ground: a circle around a point, and the part of a map that is looked at.

Both are read from an address and asked of the positions of venues with plain arithmetic, so that every
database answers alike and none needs an extension. Distances are measured on the plane that touches the globe
at the centre (equirectangular projection): within 100 km in France it is wrong by less than 0.3 %.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Self

from django.db.models import ExpressionWrapper, F, FloatField, Q, Value
from django.db.models.lookups import LessThanOrEqual

KM_A_DEGREE = 111.195
"""Kilometres in a degree of latitude on a sphere of 6,371 km."""
FARTHEST_KM = 100
RADII_KM = (1, 2, 5, 10)
"""What the page offers."""
_NUMBER = re.compile(r"^-?\d{1,3}(\.\d{1,12})?$")


def read_numbers(text: str, count: int) -> list[float]:
    """« 43.6,1.44,2 ». Raises ``ValueError`` on anything but so many decimal numbers."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != count or not all(_NUMBER.match(part) for part in parts):
        raise ValueError("Not so many numbers")
    return [float(part) for part in parts]


def write_numbers(*numbers: float) -> str:
    """The shortest text that says them: « 43.605,1.444,2 »."""
    return ",".join(f"{number:.5f}".rstrip("0").rstrip(".") for number in numbers)


@dataclass(frozen=True, slots=True)
class Around:
    """A circle: degrees (WGS 84) rounded to about 100 m, so that an address tells no front door, and
    kilometres.
    """

    latitude: float
    longitude: float
    kilometres: float

    @classmethod
    def read(cls, text: str) -> Self:
        """« latitude,longitude,kilometres ». Raises ``ValueError``."""
        latitude, longitude, kilometres = read_numbers(text, 3)
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180 and 0 < kilometres <= FARTHEST_KM):
            raise ValueError("Not on the globe")
        return cls(round(latitude, 3) + 0.0, round(longitude, 3) + 0.0, max(0.1, round(kilometres, 1)))

    def __str__(self) -> str:
        return write_numbers(self.latitude, self.longitude, self.kilometres)

    @property
    def position(self) -> tuple[float, float]:
        return (self.latitude, self.longitude)

    @property
    def _km_a_degree_east(self) -> float:
        return KM_A_DEGREE * max(0.01, math.cos(math.radians(self.latitude)))

    @property
    def band(self) -> tuple[float, float]:
        """The latitudes between which it lies."""
        high = self.kilometres / KM_A_DEGREE * 1.001
        return (self.latitude - high, self.latitude + high)

    def condition(self, latitude: str, longitude: str) -> Q:
        """The question on two columns: a box that an index may serve, then the circle in it."""
        high, wide = self.kilometres / KM_A_DEGREE, self.kilometres / self._km_a_degree_east
        north = (F(latitude) - Value(self.latitude)) * Value(KM_A_DEGREE)
        east = (F(longitude) - Value(self.longitude)) * Value(self._km_a_degree_east)
        square = ExpressionWrapper(north * north + east * east, output_field=FloatField())
        return (
            _between(latitude, self.latitude, high * 1.001)
            & _between(longitude, self.longitude, wide * 1.001)
            & Q(LessThanOrEqual(square, Value(self.kilometres**2)))
        )

    def holds(self, latitude: float | None, longitude: float | None) -> bool:
        """The same question of one position."""
        return self.square_to(latitude, longitude) <= self.kilometres**2

    def square_to(self, latitude: float | None, longitude: float | None) -> float:
        """The square of the distance in kilometres; infinite where nobody knows."""
        if latitude is None or longitude is None:
            return math.inf
        north = (latitude - self.latitude) * KM_A_DEGREE
        east = (longitude - self.longitude) * self._km_a_degree_east
        return north * north + east * east


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a map that is looked at, in degrees; west is greater than east where the date line crosses.

    Rounded to about 10 m.
    """

    south: float
    west: float
    north: float
    east: float

    @classmethod
    def read(cls, text: str) -> Self:
        """« south,west,north,east ». Raises ``ValueError``."""
        south, west, north, east = (round(number, 4) + 0.0 for number in read_numbers(text, 4))
        if not (-90 <= south < north <= 90 and -180 <= west <= 180 and -180 <= east <= 180 and west != east):
            raise ValueError("Not on the globe")
        return cls(south, west, north, east)

    def __str__(self) -> str:
        return write_numbers(self.south, self.west, self.north, self.east)

    @property
    def band(self) -> tuple[float, float]:
        """The latitudes between which it lies."""
        return (self.south, self.north)

    def condition(self, latitude: str, longitude: str) -> Q:
        inside = Q(**{f"{latitude}__gte": self.south, f"{latitude}__lte": self.north})
        east_of, west_of = Q(**{f"{longitude}__gte": self.west}), Q(**{f"{longitude}__lte": self.east})
        return inside & (east_of & west_of if self.west < self.east else east_of | west_of)

    def holds(self, latitude: float | None, longitude: float | None) -> bool:
        """The same question of one position."""
        if latitude is None or longitude is None or not self.south <= latitude <= self.north:
            return False
        if self.west < self.east:
            return self.west <= longitude <= self.east
        return longitude >= self.west or longitude <= self.east


def _between(column: str, middle: float, span: float) -> Q:
    return Q(**{f"{column}__gte": middle - span, f"{column}__lte": middle + span})
