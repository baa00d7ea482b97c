"""The three sizes of the demonstration, by the name they have on the command line."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from events.demo.edition import Edition
from events.demo.large import build_heritage, build_national
from events.demo.progress import Progress
from events.demo.small import build_small


class Builder(Protocol):
    def __call__(self, *, today: dt.date, now: dt.datetime, seed: int, progress: Progress) -> Edition: ...


BUILDERS: dict[str, Builder] = {
    "small": build_small,
    "national": build_national,
    "heritage": build_heritage,
}
