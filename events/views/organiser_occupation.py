"""How much the rooms are used: by room and day, by hour, and in words what stands empty or is full."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from events.exchange.occupation_csv import write_occupation
from events.exchange.registrations_csv import CONTENT_TYPE
from events.models import Room, RoomOccupancy, Venue
from events.scheduling.occupation import Occupation, Use
from events.scheduling.occupation import occupation as count
from events.scheduling.rooms import OPEN_TIMES
from events.wording import say_day, say_list, say_percent, say_time

from .organiser_frame import Workplace, edition_of, frame, typed, workplace
from .organiser_grid import clock_time

MOST_DAYS = 31
STEPS = 5
"""Colours of the heat map beside none: each stands for a fifth."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number and its colour: ``heat`` from 0 (nothing) to ``STEPS``; None where it is closed."""

    said: str
    heat: int | None


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    cells: list[Cell]
    total: Cell | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is looked at: the rooms of one venue or of all, one day or all of the edition."""

    venues: list[Venue]
    venue: Venue | None
    all_days: list[dt.date]
    day: dt.date | None
    found: Occupation


@require_safe
@login_required
def occupation(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    chosen = _chosen(request, place)
    found = chosen.found
    span = list(found.span)
    by_hour = [
        Line(_name(room, chosen), [_cell(found.by_hour[room.pk, hour]) for hour in span])
        for room in found.rooms
    ]
    if chosen.day is None:
        by_hour = [
            Line(say_day(day), [_cell(found.hours[day, hour]) for hour in span], _cell(found.of_day[day]))
            for day in found.days
        ]
    context = frame(
        place,
        chosen=chosen,
        found=found,
        hours=[clock_time(hour * 60) for hour in span],
        by_hour=by_hour,
        by_day=[
            Line(
                _name(room, chosen),
                [_cell(found.by_day[room.pk, day]) for day in found.days],
                _cell(found.of_room[room.pk]),
            )
            for room in found.rooms
        ],
        total=_cell(found.total),
        sentences=_sentences(chosen),
    )
    return render(request, "events/organiser/occupation.html", context)


@require_safe
@login_required
def occupation_csv(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    return HttpResponse(
        "".join(write_occupation(_chosen(request, place).found)),
        content_type=CONTENT_TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="occupation-{place.territory.slug}.csv"',
            "Cache-Control": "no-store",
        },
    )


def _chosen(request: HttpRequest, place: Workplace) -> Chosen:
    """As ``lieu`` and ``jour`` say; 404 for a venue that is not theirs."""
    venues = list(place.venues.filter(rooms__is_active=True).distinct().order_by("sort_name", "pk"))
    asked = typed(request, "lieu", longest=120)
    venue = next((at for at in venues if at.slug == asked), None)
    if asked and venue is None:
        raise Http404
    rooms = list(
        Room.objects.filter(venue__in=[venue] if venue else venues, is_active=True)
        .select_related("venue")
        .prefetch_related(*OPEN_TIMES)
        .order_by("venue__sort_name", "sort_name", "pk")
    )
    all_days = _days(place)
    try:
        day: dt.date | None = dt.date.fromisoformat(typed(request, "jour", longest=10))
    except ValueError:
        day = None
    day = day if day in all_days else None
    days = [day] if day else all_days
    zone = place.territory.timezone
    found = count(rooms=rooms, occupancies=_occupancies(rooms, days, zone), days=days, zone=zone)
    return Chosen(venues, venue, all_days, day, found)


def _days(place: Workplace) -> list[dt.date]:
    """The days of the edition; where there is none, or a very long one, those with slots from today on."""
    edition = edition_of(place)
    if edition is not None and len(edition.days) <= MOST_DAYS:
        return list(edition.days)
    days = place.slots.filter(day__gte=place.today).order_by("day").values_list("day", flat=True).distinct()
    return list(days[:MOST_DAYS])


def _occupancies(rooms: list[Room], days: list[dt.date], zone: str) -> list[RoomOccupancy]:
    if not days:
        return []
    start = dt.datetime.combine(days[0], dt.time(), ZoneInfo(zone))
    end = dt.datetime.combine(days[-1] + dt.timedelta(days=1), dt.time(), ZoneInfo(zone))
    return list(RoomOccupancy.objects.active().filter(room__in=rooms).between(start, end))


def _name(room: Room, chosen: Chosen) -> str:
    return room.name if chosen.venue is not None else f"{room.name}, {room.venue.name}"


def _cell(use: Use) -> Cell:
    if use.share is None:
        return Cell(_("closed"), None)
    heat = 0 if not use.used else min(STEPS, 1 + int(use.share * STEPS))
    return Cell(say_percent(use.share), heat)


def _sentences(chosen: Chosen) -> list[str]:
    """What the colours show, in words: rooms that stand empty, hours in which hardly one is left."""
    said: list[str] = []
    empty: list[Any] = [_name(room, chosen) for room in chosen.found.empty_rooms]
    if empty:
        said.append(_("Nothing is in these rooms: %(rooms)s.") % {"rooms": say_list(empty)})
    for day, first, last in chosen.found.overloaded:
        words = {
            "day": say_day(day),
            "from": say_time(clock_time(first * 60)),
            "to": say_time(clock_time(last * 60)),
        }
        said.append(_("On %(day)s hardly a room is left from %(from)s to %(to)s.") % words)
    return said
