"""What a day is made of, in minutes and numbers of places."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

MARGIN = 5
"""Minutes to find the door, beside the way itself."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to do something: begun at ``opens`` or later, over by ``closes``, ``stay`` minutes long.

    A slot opens when it starts and closes when it ends; where people drop in there is time between.
    ``place`` is a row of ``Day.travel``; None is wherever one happens to be (a lunch).
    """

    place: int | None
    opens: int
    closes: int
    stay: int

    def __post_init__(self) -> None:
        if self.stay < 0 or self.closes - self.opens < self.stay:
            raise ValueError(f"It does not fit between its own ends: {self}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something one would like to do, in one of its ``options``, once. ``is_fixed``: it must be part of the
    day.
    """

    key: Hashable
    options: tuple[Option, ...]
    weight: int = 1
    is_fixed: bool = False

    def __post_init__(self) -> None:
        if self.weight < 1 or not self.options:
            raise ValueError(f"Nobody wants it, or it cannot be done: {self}")


@dataclass(frozen=True, slots=True)
class Day:
    """``travel[a][b]``: minutes from place a to place b, 0 to itself, never longer than by a detour. One
    begins at ``starts`` at ``start_place`` (None: already at the first door) and is done by ``ends``.
    """

    candidates: tuple[Candidate, ...]
    travel: tuple[tuple[int, ...], ...]
    starts: int
    ends: int
    start_place: int | None = None
    margin: int = MARGIN

    def way(self, here: int | None, there: int | None) -> int:
        """Minutes from door to door: none within one place, else the way and the margin."""
        if here is None or there is None or here == there:
            return 0
        return self.travel[here][there] + self.margin


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing done: ``candidate`` and ``option`` are their numbers; ``leaves`` is when one must set out for
    it at the latest, ``spare`` how many minutes lie between what was before and that.
    """

    candidate: int
    option: int
    begins: int
    ends: int
    way: int
    leaves: int
    spare: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The stops in order, and what they weigh. ``is_best``: no other order weighs more."""

    stops: tuple[Stop, ...]
    weight: int
    is_best: bool

    @property
    def chosen(self) -> frozenset[int]:
        return frozenset(stop.candidate for stop in self.stops)


class Impossible(Exception):
    """What is fixed does not fit into one day: ``candidates`` are the numbers of those that clash."""

    def __init__(self, candidates: tuple[int, ...]) -> None:
        self.candidates = candidates
        super().__init__(f"These do not fit together: {candidates}")
