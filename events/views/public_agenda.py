"""The programme's question as a timetable by venue."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from events.forms.programme import say_count, say_question, sentence_of
from events.models import Venue
from events.programme import Amount, Facets, Filters, facets, matching, tally
from events.views.board import Board, boards_of
from events.views.public_rows import position_of, rows_of
from events.wording import (
    WALKABLE_METRES,
    metres_between,
    say_day,
    say_distance,
    say_list,
    say_number,
    say_walk,
)

MOST_ON_BOARD = 400


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    said: str
    url: str
    current: bool


@require_safe
def agenda(request: HttpRequest) -> HttpResponse:
    """One day in one city, venues across and half hours down."""
    now = timezone.now()
    asked = Filters.read(request.GET).without("after")
    choices = facets(now)
    filters = _one_day_one_city(asked, choices, now)
    zone = choices.zone_of(filters.place)
    counts = tally(replace(filters, day=None), now, cancelled=True, zone=zone)
    slots = list(matching(filters, now, cancelled=True).for_showing().in_order()[: MOST_ON_BOARD + 1])
    too_many = len(slots) > MOST_ON_BOARD
    rows = rows_of(slots[:MOST_ON_BOARD], now=now, zone=zone)
    boards = boards_of(rows)
    return render(
        request,
        "events/public/agenda.html",
        {
            "now": now,
            "filters": filters,
            "sentence": sentence_of(filters, choices),
            "tabs": _tabs(filters, counts.by_day, "events:agenda"),
            "boards": _with_notes(boards),
            "day": filters.day,
            "count": say_count(Amount(len(rows))),
            "venues_said": _said_venues(boards),
            "question": say_question(filters, choices),
            "too_many": too_many,
        },
    )


def _one_day_one_city(asked: Filters, choices: Facets, now: dt.datetime) -> Filters:
    """The question with the day and the city a board needs: the first day and the busiest city by default."""
    place = asked.place
    if not place and choices.territories:
        place = max(choices.territories, key=lambda choice: choice.slots).code
    day = asked.day
    if day is None:
        day = (
            matching(replace(asked, place=place), now)
            .order_by("starts_at", "pk")
            .values_list("day", flat=True)
            .first()
        )
    return replace(asked, place=place, day=day)


def _tabs(filters: Filters, by_day: dict[dt.date, Amount], name: str) -> list[Tab]:
    days = sorted({*by_day, *([filters.day] if filters.day else [])})
    tabs = []
    for day in days:
        slots = by_day.get(day, Amount()).slots
        said = ngettext("%(n)s slot", "%(n)s slots", slots) % {"n": say_number(slots)}
        label = say_day(day, month=len(days) > 7).capitalize()
        tabs.append(Tab(label, said, reverse(name) + filters.query_string(day=day), day == filters.day))
    return tabs


def _with_notes(boards: list[Board]) -> list[dict[str, Any]]:
    """Each board with a line under every venue's name: its address, or the walk from the first venue."""
    reference = next((c.venue for b in boards for c in b.columns if c.venue and position_of(c.venue)), None)
    shown = []
    for board in boards:
        heads = []
        for column in board.columns:
            note = column.venue.address if column.venue else ""
            if column.venue and reference and column.venue.pk != reference.pk:
                note = _way_from(reference, column.venue) or note
            heads.append({"column": column, "note": note})
        names = say_list(column.venue.name for column in board.columns if column.venue)
        shown.append({"board": board, "heads": heads, "names": names})
    return shown


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


def _said_venues(boards: list[Board]) -> str:
    number = sum(1 for board in boards for column in board.columns if column.venue)
    return ngettext("in %(n)s venue", "in %(n)s venues", number) % {"n": say_number(number)}
