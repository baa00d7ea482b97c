"""The same question shown otherwise: as a timetable by venue, and on a map."""

from __future__ import annotations

import datetime as dt
from collections import Counter
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
from events.views.cities import where_is
from events.views.public import paint_of
from events.views.public_rows import position_of, rows_of
from events.views.sketch import HEIGHT, place_labels, sketch_city, sketch_france
from events.wording import (
    NB,
    WALKABLE_METRES,
    Position,
    metres_between,
    say_day,
    say_distance,
    say_list,
    say_number,
    say_walk,
)

MOST_ON_BOARD = 400
MOST_ON_MAP = 150
SCALE_PLACE = {"scale_y": HEIGHT - 24, "scale_text_y": HEIGHT - 32}


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


# The map -------------------------------------------------------------------------------------------


@require_safe
def sketch_map(request: HttpRequest) -> HttpResponse:
    """All of France as cities, or one city as its venues with the walks between them."""
    now = timezone.now()
    filters = Filters.read(request.GET).without("after")
    choices = facets(now)
    common = {
        "now": now,
        "filters": filters,
        "sentence": sentence_of(filters, choices),
        "question": say_question(filters, choices),
    }
    found = _slots_by_venue(filters, now)
    if filters.place:
        return render(
            request, "events/public/map_city.html", {**common, **_city_map(filters, choices, found)}
        )
    return render(request, "events/public/map_france.html", {**common, **_country_map(filters, found)})


def _slots_by_venue(filters: Filters, now: dt.datetime) -> list[tuple[Venue, int]]:
    """Venues that have an answer, with how many."""
    slots = Counter(
        matching(filters, now).filter(venue__isnull=False).order_by().values_list("venue", flat=True)
    )
    venues = (
        Venue.objects.filter(pk__in=list(slots)).select_related("commune", "territory").order_by("sort_name")
    )
    return [(venue, slots[venue.pk]) for venue in venues]


def _city_map(filters: Filters, choices: Facets, found: list[tuple[Venue, int]]) -> dict[str, Any]:
    placed = [(venue, slots) for venue, slots in found if position_of(venue)][:MOST_ON_MAP]
    unplaced = [(venue, slots) for venue, slots in found if not position_of(venue)]
    positions: list[Position] = [at for venue, _slots in placed if (at := position_of(venue))]
    centre = _middle(positions)
    sketch = sketch_city(positions)
    venues = []
    for number, (venue, slots) in enumerate([*placed, *unplaced], start=1):
        here = position_of(venue)
        nearest = _nearest(venue, placed)
        venues.append(
            {
                "number": number if here else None,
                "venue": venue,
                "said": ngettext("%(n)s slot", "%(n)s slots", slots) % {"n": say_number(slots)},
                "from_centre": say_distance(metres_between(centre, here)) if centre and here else "",
                "nearest": nearest,
                "way": say_walk(here, position_of(nearest)) if nearest else "",
                "url": reverse("events:programme") + filters.query_string(query=filters.query),
            }
        )
    shown = sketch.marks if sketch else []
    labels = place_labels(shown, [placed[mark.index][0].name for mark in shown])
    marks = [
        {"mark": mark, "venue": placed[mark.index][0], "number": mark.index + 1, "label": label}
        for mark, label in zip(shown, labels, strict=True)
    ]
    return {
        "sketch": sketch,
        "marks": marks,
        "venues": venues,
        "groups": _by_commune(venues),
        "scale": _say_scale(sketch.scale) if sketch else "",
        **SCALE_PLACE,
    }


def _middle(positions: list[Position]) -> Position | None:
    if not positions:
        return None
    return (
        sum(lat for lat, _lon in positions) / len(positions),
        sum(lon for _lat, lon in positions) / len(positions),
    )


def _nearest(venue: Venue, placed: list[tuple[Venue, int]]) -> Venue | None:
    here = position_of(venue)
    if here is None:
        return None
    others = [
        (metres_between(here, at), other.sort_name, other)
        for other, _slots in placed
        if other.pk != venue.pk and (at := position_of(other))
    ]
    return min(others)[2] if others else None


def _by_commune(venues: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for line in venues:
        groups.setdefault(line["venue"].city, []).append(line)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def _say_scale(scale: Any) -> str:
    length = say_distance(scale.metres)
    if scale.minutes is None:
        return length
    return _("%(length)s, %(minutes)s on foot") % {"length": length, "minutes": f"{scale.minutes}{NB}min"}


def _country_map(filters: Filters, found: list[tuple[Venue, int]]) -> dict[str, Any]:
    cities: dict[int, dict[str, Any]] = {}
    for venue, slots in found:
        city = cities.setdefault(
            venue.territory_id,
            {"territory": venue.territory, "venues": [], "slots": 0, "paint": paint_of(venue.territory.slug)},
        )
        city["venues"].append(venue)
        city["slots"] += slots
    listed = sorted(cities.values(), key=lambda city: city["territory"].sort_name)
    placed = []
    for city in listed:
        city["url"] = reverse("events:map") + filters.query_string(place=city["territory"].slug)
        city["said"] = ngettext("%(n)s slot", "%(n)s slots", city["slots"]) % {"n": say_number(city["slots"])}
        positions = [at for venue in city["venues"] if (at := position_of(venue))]
        at = _middle(positions) or where_is(city["territory"].name, *(venue.city for venue in city["venues"]))
        if at:
            placed.append((city, at))
    placed.sort(key=lambda one: -one[0]["slots"])  # the busiest are named first, while there is room
    sketch = sketch_france([at for _city, at in placed])
    names = [placed[mark.index][0]["territory"].name for mark in sketch.marks]
    marks = [
        {"mark": mark, "city": placed[mark.index][0], "label": label}
        for mark, label in zip(sketch.marks, place_labels(sketch.marks, names, half=8), strict=True)
    ]
    beyond = [{"mark": mark, "city": placed[mark.index][0]} for mark in sketch.beyond]
    return {
        "sketch": sketch,
        "marks": marks,
        "cities": listed,
        "beyond": beyond,
        "scale": _say_scale(sketch.scale),
        **SCALE_PLACE,
    }
