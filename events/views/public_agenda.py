"""The programme's question as a timetable: one day, hour by hour, and its venues beside each other.

The hours hold every slot of the day, a page of ``MOST_ON_PAGE`` at a time; the board of venues and half hours
shows a few venues of that page, for wide screens.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.db.models import Count, Q, Sum
from django.db.models.functions import ExtractHour
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from events.forms.asked import meant_instead, ways_out
from events.forms.programme import say_count, say_question, sentence_of
from events.models import Venue
from events.programme import (
    FREE_PLACES,
    Amount,
    Counts,
    Facets,
    Filters,
    Found,
    facets_of,
    find_words,
    index_at,
    matching,
)
from events.views.board import Board, boards_of
from events.views.public_rows import Row, clock_of, position_of, rows_of
from events.wording import (
    WALKABLE_METRES,
    metres_between,
    say_day,
    say_distance,
    say_number,
    say_time,
    say_walk,
    with_capital,
)

MOST_ON_PAGE = 300
CALM_HOUR = 12
"""Slots of an hour that are all shown; of more, some are folded away."""
LEAST_FOLD, SHOWN_OF_MANY = 3, 8
_PLACE = re.compile(r"^([01]\d|2[0-3])([0-5]\d)\.(\d{1,18})$")


@dataclass(frozen=True, slots=True)
class DayPlace:
    """A place in the order of a day: just after the slot ``pk`` that begins at ``time`` on its own clock."""

    time: dt.time
    pk: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """« 1430.512 ». Raises ``ValueError``."""
        found = _PLACE.match(text)
        if found is None:
            raise ValueError("No place in a day")
        return cls(dt.time(int(found[1]), int(found[2])), int(found[3]))

    def __str__(self) -> str:
        return f"{self.time:%H%M}.{self.pk}"

    @property
    def what_follows(self) -> Q:
        return Q(start_time__gt=self.time) | Q(start_time=self.time, pk__gt=self.pk)


@dataclass(slots=True)
class Fold:
    """Slots of one hour behind one line: those of a venue, or the rest (``venue`` None)."""

    venue: Venue | None
    rows: list[Row]
    said: str


@dataclass(slots=True)
class AgendaHour:
    """``amount`` is of the whole hour, whatever of it stands on this page."""

    hour: int
    amount: Amount
    rows: list[Row] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)
    is_continued: bool = False
    url: str = ""

    @property
    def key(self) -> str:
        return f"h{self.hour:02d}"

    @property
    def at(self) -> dt.time:
        return dt.time(self.hour)

    @property
    def is_here(self) -> bool:
        return bool(self.rows or self.folds)

    @property
    def said(self) -> str:
        return say_count(self.amount)

    @property
    def slots_said(self) -> str:
        return _say_slots(self.amount.slots)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    said: str
    url: str
    current: bool


@require_safe
def agenda(request: HttpRequest) -> HttpResponse:
    """One day of the question: the one asked for, else the first that has an answer."""
    now = timezone.now()
    asked = Filters.read(request.GET).without("after")
    since, asked = _read_since(request, asked)
    index = index_at(now)
    words = find_words(asked.query, index.common)
    choices, beside = facets_of(index, now), Counts(index, asked, now, words=words, cancelled=True)
    days = _days(asked, now, words)
    day = asked.day or min(days, default=None)
    filters = replace(asked, day=day)
    hours = _hours(filters, now, words) if day else []
    rows, following = _page(filters, since, now, choices, words) if day else ([], None)
    _fill(hours, rows, since)
    here = reverse("events:agenda")
    for hour in hours:
        hour.url = (
            f"#{hour.key}"
            if hour.is_here
            else _with(here, asked, day, depuis=f"{hour.hour:02d}00.0", anchor=hour.key)
        )
    return render(
        request,
        "events/public/agenda.html",
        {
            "now": now,
            "filters": asked,
            "sentence": sentence_of(asked, choices, beside),
            "tabs": _tabs(asked, days, day),
            "day": day,
            "hours": [hour for hour in hours if hour.is_here],
            "jumps": hours,
            "count": say_count(_sum(hours)),
            "of_all": _say_of_all(asked, days),
            "question": say_question(filters, choices),
            "forth": _forth(here, asked, day, rows, following),
            "back": here + asked.query_string(day=day) if since and day else "",
            "ways_out": _ways_out(asked, days, beside) if not rows else [],
            "meant": meant_instead(asked, words) if not rows else None,
            **_board(request, rows, asked, day),
        },
    )


def _read_since(request: HttpRequest, asked: Filters) -> tuple[DayPlace | None, Filters]:
    """Where the page begins; what cannot be read is named with the rest of what was not."""
    text = request.GET.get("depuis", "")
    if not text:
        return None, asked
    try:
        return DayPlace.read(text), asked
    except ValueError:
        return None, replace(asked, unread=(*asked.unread, "depuis"))


def _with(here: str, asked: Filters, day: dt.date | None, *, anchor: str = "", **more: object) -> str:
    """An address of this page with parameters that are no part of the question."""
    query = asked.query_string(day=day)
    pairs = "&".join(f"{name}={value}" for name, value in more.items())
    return f"{here}{query}{'&' if query else '?'}{pairs}{'#' + anchor if anchor else ''}"


# Days and hours ------------------------------------------------------------------------------------


def _days(asked: Filters, now: dt.datetime, words: list[Found]) -> dict[dt.date, int]:
    """Slots of the question by day, whatever day is asked for; days are those of the slots' own clocks."""
    found = matching(asked.without("day"), now, cancelled=True, words=words).order_by()
    return dict(found.values_list("day").annotate(n=Count("pk")))


def _tabs(asked: Filters, days: dict[dt.date, int], current: dt.date | None) -> list[Tab]:
    shown = sorted({*days, *([current] if current else [])})
    here = reverse("events:agenda")
    return [
        Tab(
            with_capital(say_day(day, month=len(shown) > 7)),
            _say_slots(days.get(day, 0)),
            here + asked.query_string(day=day),
            day == current,
        )
        for day in shown
    ]


def _hours(filters: Filters, now: dt.datetime, words: list[Found]) -> list[AgendaHour]:
    found = (
        matching(filters, now, cancelled=True, words=words)
        .order_by()
        .annotate(hour=ExtractHour("start_time"))
        .values_list("hour")
        .annotate(n=Count("pk"), free=Sum(FREE_PLACES))
    )
    return [AgendaHour(hour, Amount(slots, free or 0)) for hour, slots, free in sorted(found)]


def _sum(hours: Sequence[AgendaHour]) -> Amount:
    total = Amount()
    for hour in hours:
        total.add(hour.amount.slots, hour.amount.places)
    return total


def _say_slots(slots: int) -> str:
    return ngettext("%(n)s slot", "%(n)s slots", slots) % {"n": say_number(slots)}


def _say_of_all(asked: Filters, days: dict[dt.date, int]) -> str:
    """« sur 147 créneaux en 3 jours », where the question names no day."""
    if asked.day or len(days) < 2:
        return ""
    return _("of %(slots)s in %(days)s days") % {"slots": _say_slots(sum(days.values())), "days": len(days)}


# The page of the day -------------------------------------------------------------------------------


def _page(
    filters: Filters, since: DayPlace | None, now: dt.datetime, choices: Facets, words: list[Found]
) -> tuple[list[Row], DayPlace | None]:
    """The slots from a place in the day on, and the place where the next page begins."""
    found = matching(filters, now, cancelled=True, words=words)
    if since:
        found = found.filter(since.what_follows)
    slots = list(found.for_showing().order_by("start_time", "pk")[: MOST_ON_PAGE + 1])
    more = len(slots) > MOST_ON_PAGE
    slots = slots[:MOST_ON_PAGE]
    following = DayPlace(slots[-1].start_time, slots[-1].pk) if more else None
    return rows_of(slots, now=now, zone=clock_of(filters, choices, slots)), following


def _fill(hours: list[AgendaHour], rows: list[Row], since: DayPlace | None) -> None:
    by_hour: dict[int, list[Row]] = {}
    for row in rows:
        by_hour.setdefault(row.slot.start_time.hour, []).append(row)
    for hour in hours:
        found = by_hour.get(hour.hour, [])
        hour.is_continued = bool(since and since.pk and since.time.hour == hour.hour)
        hour.rows, hour.folds = (found, []) if len(found) <= CALM_HOUR else _fold(found)


def _fold(rows: list[Row]) -> tuple[list[Row], list[Fold]]:
    """A full hour: venues with several slots stand for them, and of the others some are shown."""
    by_venue: dict[int, list[Row]] = {}
    for row in rows:
        if row.slot.venue_id:
            by_venue.setdefault(row.slot.venue_id, []).append(row)
    many = [found for found in by_venue.values() if len(found) >= LEAST_FOLD]
    folds = [Fold(found[0].slot.venue, found, _say_rows(found)) for found in many]
    folds.sort(key=lambda fold: (-len(fold.rows), fold.venue.sort_name if fold.venue else ""))
    folded = {row.slot.pk for found in many for row in found}
    single = [row for row in rows if row.slot.pk not in folded]
    if len(single) <= SHOWN_OF_MANY + 1:
        return single, folds
    rest = single[SHOWN_OF_MANY:]
    return single[:SHOWN_OF_MANY], [*folds, Fold(None, rest, _say_rows(rest))]


def _say_rows(rows: list[Row]) -> str:
    places = sum(row.slot.places_left or 0 for row in rows if row.door.is_bookable)
    return say_count(Amount(len(rows), places))


def _forth(
    here: str, asked: Filters, day: dt.date | None, rows: list[Row], following: DayPlace | None
) -> tuple[str, str] | None:
    """(address, label) of the rest of the day."""
    if following is None:
        return None
    label = _("The rest of the day, from %(time)s") % {"time": say_time(rows[-1].slot.start_time)}
    return _with(here, asked, day, depuis=following), label


def _ways_out(asked: Filters, days: dict[dt.date, int], beside: Counts) -> list[tuple[str, str]]:
    """The nearest day that has an answer, then what the list offers to a question that finds nothing."""
    wider = ways_out(asked, beside)
    if asked.day is None or not days:
        return wider
    wanted = asked.day
    near = min(days, key=lambda day: (abs(day - wanted), day))
    return [(asked.query_string(day=near), with_capital(say_day(near))), *wider]


# The board -----------------------------------------------------------------------------------------


def _board(request: HttpRequest, rows: list[Row], asked: Filters, day: dt.date | None) -> dict[str, Any]:
    """A few venues of the page beside each other, which ones of how many, and what is left out."""
    boards = boards_of(rows)
    text = request.GET.get("lieux", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
    number = max(1, min(number, len(boards)))
    if not boards:
        return {}
    board = boards[number - 1]
    here = reverse("events:agenda")
    since = request.GET.get("depuis", "")
    kept = {"depuis": since} if _PLACE.match(since) else {}

    def turned(to: int) -> str:
        return _with(here, asked, day, **kept, lieux=to, anchor="tableau") if 1 <= to <= len(boards) else ""

    first = sum(len(one.columns) for one in boards[: number - 1]) + 1
    names = {
        "first": say_number(first),
        "last": say_number(first + len(board.columns) - 1),
        "all": say_number(sum(len(one.columns) for one in boards)),
    }
    return {
        "board": board,
        "heads": _heads(board, boards[0]),
        "is_whole": len(boards) == 1 and not any(column.more for column in board.columns),
        "board_said": _("Venues %(first)s to %(last)s of %(all)s") % names if len(boards) > 1 else "",
        "board_back": turned(number - 1),
        "board_forth": turned(number + 1),
    }


def _heads(board: Board, first: Board) -> list[dict[str, Any]]:
    """A line under every venue's name: its address, or the walk from the busiest venue of the day."""
    reference = next((c.venue for c in first.columns if c.venue and position_of(c.venue)), None)
    heads = []
    for column in board.columns:
        note = column.venue.address if column.venue else ""
        if column.venue and reference and column.venue.pk != reference.pk:
            note = _way_from(reference, column.venue) or note
        more = ngettext("and %(n)s more", "and %(n)s more", column.more) % {"n": say_number(column.more)}
        heads.append({"column": column, "note": note, "more": more if column.more else ""})
    return heads


def _way_from(reference: Venue, venue: Venue) -> str:
    """« à 16 min à pied de La Cantine », « Labège, à 8,0 km de La Cantine »; empty where not known."""
    here, there = position_of(reference), position_of(venue)
    if here is None or there is None:
        return ""
    metres = metres_between(here, there)
    if metres > WALKABLE_METRES:
        names = {"city": venue.city, "distance": say_distance(metres), "venue": reference.name}
        return _("%(city)s, %(distance)s from %(venue)s") % names
    return _("%(way)s from %(venue)s") % {"way": say_walk(here, there), "venue": reference.name}
