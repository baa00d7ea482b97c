"""What is asked of a day, as it stands in an address: whoever gets the link sees the same plan.

Reads a query string and never fails: what it does not understand is left out.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

from events.programme.filters import MOMENTS
from events.wording import Position

MOST_WANTED = 60
MOST_PEOPLE = 20
MOST_VARIANTS = 8
"""Each stands on the one before, and costs a plan."""
LARGEST_KEY = 2**63 - 1
LUNCHES = (0, 30, 45, 60, 90)
"""Minutes."""


class Pace(enum.StrEnum):
    """How one gets from door to door."""

    FOOT = "pied"
    BIKE = "velo"
    TRANSIT = "transports"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An activity somebody starred; ``is_dear``: more than the others."""

    activity_id: int
    is_dear: bool = False


def read_wanted(text: str) -> tuple[Wanted, ...]:
    """« 12.45*.99 »: numbers of activities, a star behind those one holds dear. Each once, in order."""
    found: dict[int, Wanted] = {}
    for part in text[:2000].split("."):
        match = re.fullmatch(r"([0-9]{1,18})(\*?)", part)
        if match and int(match[1]):
            found.setdefault(int(match[1]), Wanted(int(match[1]), bool(match[2])))
    return tuple(found.values())[:MOST_WANTED]


def write_wanted(wanted: Iterable[Wanted]) -> str:
    """As ``read_wanted`` reads it."""
    return ".".join(f"{one.activity_id}{'*' if one.is_dear else ''}" for one in wanted)


@dataclass(frozen=True, slots=True)
class Question:
    """``opens`` and ``closes``: from when until when, on the local clock. ``start``: where the device is, or
    where ``start_at`` stands: a venue, or the middle of a city (``starting``). ``pinned``: slots that must be
    part of it; ``without``: activities that must not. ``variant``: 0 the best plan, 1 another one, and so on.
    """

    wanted: tuple[Wanted, ...] = ()
    day: dt.date | None = None
    opens: dt.time | None = None
    closes: dt.time | None = None
    pace: Pace = Pace.FOOT
    lunch: int = 0
    people: int = 1
    start: Position | None = None
    start_at: str = ""
    pinned: frozenset[int] = frozenset()
    without: frozenset[int] = frozenset()
    variant: int = 0

    @classmethod
    def read(cls, query: Mapping[str, Any], *, wanted: tuple[Wanted, ...] = ()) -> Self:
        """``wanted``: what this device has starred, unless the address says otherwise. The programme's own
        words for a part of the day and for places are understood where ours say nothing.
        """
        asked = {name: str(query.get(name, ""))[:2000] for name in NAMES}
        asked["personnes"] = asked["personnes"] or str(query.get("places", ""))[:4]
        if not asked["de"] and not asked["a"]:
            asked["de"], asked["a"] = _hours_of(str(query.get("moment", "")))
        lunch = _number(asked["dejeuner"], most=max(LUNCHES))
        return cls(
            wanted=read_wanted(asked["choix"]) if asked["choix"] else wanted,
            day=_day(asked["jour"]),
            opens=_time(asked["de"]),
            closes=_time(asked["a"]),
            pace=Pace(asked["allure"]) if asked["allure"] in list(Pace) else Pace.FOOT,
            lunch=lunch if lunch in LUNCHES else 0,
            people=_number(asked["personnes"], most=MOST_PEOPLE) or 1,
            start=_position(asked["depart"]),
            start_at=_code(asked["depart"]),
            pinned=_numbers(asked["epingle"]),
            without=_numbers(asked["sans"]),
            variant=_number(asked["variante"], most=MOST_VARIANTS),
        )

    def query(self, **changes: Any) -> str:
        """The query string of this question, or of one that differs in ``changes``; empty values left out."""
        other = replace(self, **changes)
        said = {
            "choix": write_wanted(other.wanted),
            "jour": other.day.isoformat() if other.day else "",
            "de": f"{other.opens:%H:%M}" if other.opens else "",
            "a": f"{other.closes:%H:%M}" if other.closes else "",
            "allure": str(other.pace) if other.pace != Pace.FOOT else "",
            "dejeuner": other.lunch or "",
            "personnes": other.people if other.people != 1 else "",
            "depart": other.start_at or ("{:.4f},{:.4f}".format(*other.start) if other.start else ""),
            "epingle": ".".join(str(key) for key in sorted(other.pinned)),
            "sans": ".".join(str(key) for key in sorted(other.without)),
            "variante": other.variant or "",
        }
        return "?" + urlencode({name: value for name, value in said.items() if value}, safe="*,:")


NAMES = (
    "choix",
    "jour",
    "de",
    "a",
    "allure",
    "dejeuner",
    "personnes",
    "depart",
    "epingle",
    "sans",
    "variante",
)


def _number(text: str, *, most: int) -> int:
    return min(int(text), most) if re.fullmatch(r"[0-9]{1,4}", text) else 0


def _numbers(text: str) -> frozenset[int]:
    found = (int(part) for part in text.split(".") if re.fullmatch(r"[0-9]{1,19}", part))
    return frozenset(sorted(number for number in found if number <= LARGEST_KEY)[:MOST_WANTED])


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _time(text: str) -> dt.time | None:
    match = re.fullmatch(r"([01]?\d|2[0-3])[:hH]([0-5]\d)?", text)
    return dt.time(int(match[1]), int(match[2] or 0)) if match else None


def _hours_of(moment: str) -> tuple[str, str]:
    """From when until when a part of the day is planned: what begins in its last minute still has an hour."""
    opens, closes = MOMENTS.get(moment, (dt.time(0), None))
    return f"{opens:%H:%M}" if opens.hour else "", f"{closes.hour + 1}:00" if closes else ""


def _code(text: str) -> str:
    return text if re.fullmatch(r"[a-z0-9][-\w]{0,119}", text) else ""


def _position(text: str) -> Position | None:
    match = re.fullmatch(r"(-?\d{1,2}(?:\.\d{1,8})?),(-?\d{1,3}(?:\.\d{1,8})?)", text)
    if match is None:
        return None
    here = float(match[1]), float(match[2])
    return here if abs(here[0]) <= 90 and abs(here[1]) <= 180 else None
