"""A slot as the public's lists show it: its door, what to do, its hour, the walk before it.

Everything here is worked out from rows already fetched: no query, whatever the length of the list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.clock import on_the_wall
from events.doors import SOON, Door, read_door
from events.models import Festival, Language, Mode, Slot, Venue
from events.programme import DEFAULT_ZONE, Amount, Facets, Filters, Tally
from events.wording import (
    NB,
    WALKABLE_METRES,
    Position,
    language,
    metres_between,
    raise_ordinals,
    say_day,
    say_distance,
    say_number,
    say_time,
    say_walk,
)

LEAST_GAP = dt.timedelta(minutes=30)
MOST_OVERLAP = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do with a slot. ``is_first`` is a filled button, else an outlined one."""

    label: str
    url: str
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """``walk`` is the sentence of the way from the row before, empty when there is none to tell; ``distance``
    that from the point around which one looks.
    """

    slot: Slot
    door: Door
    action: Action | None
    zone: str = ""
    walk: str = ""
    distance: str = ""

    @property
    def door_classes(self) -> str:
        return f"door paint-{self.slot.activity.host.paint}"

    @property
    def small_door(self) -> str:
        return f"{self.door_classes} door--s"

    @property
    def main(self) -> SafeString:
        return raise_ordinals(self.door.main)

    @property
    def note(self) -> SafeString:
        return raise_ordinals(self.door.note)

    @property
    def brief(self) -> str:
        """For the narrow cells of the timetable: « 2 places », « Complet, attente »."""
        left = self.slot.places_left
        if self.door.can_wait:
            return _("Full, waiting")
        if self.door.is_bookable and left is not None:
            return ngettext("%(number)s place", "%(number)s places", left) % {"number": say_number(left)}
        return self.door.words if self.door.symbol == SOON else self.door.main

    @property
    def words(self) -> SafeString:
        return raise_ordinals(self.door.words)

    @property
    def time(self) -> str:
        return say_time(self.slot.local_start)

    @property
    def action_name(self) -> str:
        """The button as it is read alone: « Réserver : Dans l’atelier d’un robot jardinier, 14 h »."""
        if self.action is None:
            return ""
        names = {"action": self.action.label, "title": self.slot.activity.title, "time": self.time}
        return _("%(action)s: %(title)s, %(time)s") % names

    @property
    def languages(self) -> list[tuple[str, str]]:
        """What is spoken beside French: (language code of the word itself, the word)."""
        return spoken(self.slot.activity.languages)

    @property
    def access(self) -> list[str]:
        """The accessibility codes that hold for the visit or for its venue."""
        of_venue = self.slot.venue.access if self.slot.venue else []
        return list(dict.fromkeys([*self.slot.activity.access, *of_venue]))


@dataclass(slots=True)
class Hour:
    """One entry of the gutter. ``first_of_day`` when the list goes on to another day here."""

    at: dt.datetime
    rows: list[Row]
    amount: Amount
    key: str
    first_of_day: bool = False
    is_continued: bool = False

    @property
    def said(self) -> str:
        """« 3 créneaux, 14 places »."""
        slots = ngettext("%(n)s slot", "%(n)s slots", self.amount.slots) % {"n": self.amount.slots}
        if not self.amount.places:
            return slots
        left = self.amount.places
        places = ngettext("%(number)s place", "%(number)s places", left) % {"number": say_number(left)}
        return f"{slots}, {places}"


@dataclass(slots=True)
class Day:
    """One day of an activity's, a venue's or a host's slots."""

    day: dt.date
    rows: list[Row] = field(default_factory=list)

    @property
    def weekday(self) -> str:
        return say_day(self.day).split(NB)[0]

    @property
    def number(self) -> SafeString:
        return raise_ordinals(say_day(self.day).split(NB)[1])

    @property
    def month(self) -> str:
        return say_day(self.day).split(NB)[2]

    @property
    def key(self) -> str:
        return f"d{self.day:%Y%m%d}"


def spoken(codes: Iterable[str]) -> list[tuple[str, str]]:
    """« in English », « LSF »: the languages worth saying, as their speakers look for them."""
    here = language()
    said = {
        "en": ("en", "in English"),
        "fr": ("fr", "en français"),
        "lsf": ("fr", "LSF"),
        "es": ("es", "en español"),
        "de": ("de", "auf Deutsch"),
        "it": ("it", "in italiano"),
        "oc": ("oc", "en occitan"),
    }
    known = [code for code in Language.values if code in set(codes)]
    return [said[code] for code in known if code != here or (code == "fr" and here != "fr")]


def action_of(slot: Slot, door: Door, now: dt.datetime) -> Action | None:
    """Réserver, Attendre une place, Autres créneaux, Voir autre chose; none for drop-in or a past edition."""
    if slot.activity.festival.state == Festival.State.ARCHIVED:
        return None
    if door.is_bookable:
        return Action(_("Book"), reverse("events:slot_register", args=[slot.pk]), True)
    if door.can_wait:
        return Action(_("Wait for a place"), reverse("events:slot_register", args=[slot.pk]))
    if slot.mode == Mode.BALLOT and door.symbol == SOON:
        return _to_ballot(slot, now)
    if slot.is_cancelled:
        elsewhere = f"?ville={slot.activity.territory.slug}&jour={slot.day.isoformat()}"
        return Action(_("See something else"), reverse("events:programme") + elsewhere)
    if slot.mode == "first_come" and slot.capacity is not None and not slot.places_left:
        return Action(_("Other slots"), slot.activity.get_absolute_url())
    return None


def next_opening(rows: Iterable[Row], now: dt.datetime) -> Slot | None:
    """The slot whose booking opens first, of those that wait for it; its moment is what a page counts down
    to.
    """
    found = [(row.slot.opens_at, row.slot.pk, row.slot) for row in rows if row.door.symbol == SOON]
    waiting = [(at, pk, slot) for at, pk, slot in found if at is not None and at > now]
    return min(waiting)[2] if waiting else None


def _to_ballot(slot: Slot, now: dt.datetime) -> Action | None:
    """Take part, with this slot as the first choice; before and after, what the draw is about."""
    ballot = slot.activity.ballot
    if ballot is None:
        return None
    if ballot.opens_at <= now < ballot.closes_at:
        enter = reverse("events:ballot_enter", args=[ballot.slug])
        return Action(_("Take part in the ballot"), f"{enter}?creneau={slot.pk}", True)
    return Action(_("About the ballot"), ballot.get_absolute_url())


def row_of(
    slot: Slot,
    *,
    now: dt.datetime,
    zone: str = "",
    before: Slot | None = None,
    near: Position | None = None,
) -> Row:
    """``zone`` is the clock of the list: a slot of another one says so."""
    door = read_door(slot, now=now)
    elsewhere = slot.activity.territory.name if zone and slot.timezone != zone else ""
    there = position_of(slot.venue) if near and slot.venue else None
    away = say_distance(metres_between(near, there)) if near and there else ""
    return Row(slot, door, action_of(slot, door, now), elsewhere, walk_between(before, slot), away)


def rows_of(
    slots: Sequence[Slot],
    *,
    now: dt.datetime,
    zone: str = "",
    walks: bool = False,
    near: Position | None = None,
) -> list[Row]:
    befores: list[Slot | None] = [None, *slots][: len(slots)] if walks else [None] * len(slots)
    return [
        row_of(slot, now=now, zone=zone, before=before, near=near)
        for slot, before in zip(slots, befores, strict=True)
    ]


def walk_between(before: Slot | None, after: Slot) -> str:
    """« 16 min à pied entre HarryCow et Quai des Savoirs » where one could go from the one to the other."""
    if before is None or before.is_cancelled or after.is_cancelled or not before.venue or not after.venue:
        return ""
    if before.venue.pk == after.venue.pk:
        return ""
    if after.starts_at - before.starts_at < LEAST_GAP or before.ends_at > after.starts_at + MOST_OVERLAP:
        return ""
    here, there = position_of(before.venue), position_of(after.venue)
    if here is None or there is None or metres_between(here, there) > WALKABLE_METRES:
        return ""
    walk = say_walk(here, there)
    names = {"walk": walk, "here": before.venue.name, "there": after.venue.name}
    return _("%(walk)s between %(here)s and %(there)s") % names if walk else ""


def position_of(venue: Venue) -> Position | None:
    if venue.latitude is None or venue.longitude is None:
        return None
    return (venue.latitude, venue.longitude)


def clock_of(filters: Filters, choices: Facets, slots: Sequence[Slot]) -> str:
    """The zone by whose clock a list is read: that of its city; around a point, in a part of the map or in a
    commune, that of the slots found where they share one; else that of Paris.
    """
    if filters.place in choices.zones or not (filters.near or filters.within or filters.place):
        return choices.zone_of(filters.place)
    zones = {slot.timezone for slot in slots}
    return zones.pop() if len(zones) == 1 else DEFAULT_ZONE


def by_hour(rows: Sequence[Row], counts: Tally, *, zone: str, going_on: bool = False) -> list[Hour]:
    """The rows under the hours of ``zone``; ``going_on`` when the first hour began on a page before."""
    hours: list[Hour] = []
    day: dt.date | None = None

    def hour_of(row: Row) -> dt.datetime:
        return on_the_wall(row.slot.starts_at, zone).replace(minute=0, second=0, microsecond=0)

    for at, group in groupby(rows, key=hour_of):
        amount = counts.by_hour.get((at.date(), at.hour), Amount())
        hours.append(
            Hour(
                at,
                list(group),
                amount,
                key=f"h{at:%m%d%H}",
                first_of_day=at.date() != day,
                is_continued=going_on and not hours,
            )
        )
        day = at.date()
    return hours


def by_day(rows: Iterable[Row]) -> list[Day]:
    """The rows under their days, on the clock of each slot."""
    days: dict[dt.date, Day] = {}
    for row in rows:
        days.setdefault(row.slot.day, Day(row.slot.day)).rows.append(row)
    return [days[day] for day in sorted(days)]


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    height: int
    middle: int
    hour: int
    places: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Places left by hour of one day as bars, in units of a 94 high drawing; ``finding`` says it in words."""

    day: dt.date
    bars: list[Bar]
    width: int
    finding: str

    @property
    def weekday(self) -> str:
        return say_day(self.day).split(NB)[0].capitalize()


BASE, STEP, BAR_WIDTH = 70, 24, 16


def chart_of(day: dt.date, counts: Tally) -> Chart | None:
    """None when the day has fewer than two hours to compare, or no place anywhere."""
    hours = [(hour, amount) for hour, amount in counts.hours_of(day) if hour >= 6]
    most = max((amount.places for _h, amount in hours), default=0)
    if len(hours) < 2 or not most:
        return None
    bars = []
    for index, (hour, amount) in enumerate(hours):
        height = max(1, round(amount.places / most * (BASE - 8)))
        x = 4 + index * STEP
        bars.append(Bar(x, BASE - height, height, x + BAR_WIDTH // 2, hour, amount.places))
    said = "; ".join(f"{say_time(dt.time(hour))}, {amount.places or _('none')}" for hour, amount in hours)
    return Chart(day, bars, max(STEP * len(hours) + 4, 244), _("Places left: %(hours)s.") % {"hours": said})
