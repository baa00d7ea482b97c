"""The upcoming programme held in memory as sets of slots, so that every choice can be counted at once.

``build_index`` reads it in five queries; ``count_places`` reads anew, in one, how many places each slot has
left. It counts and nothing more: which slots a page lists, and their number where there are not very many, is
always asked of the database (``find``, ``tally``). What is counted here lags by seconds
(``events.programme.shelf``).
"""

from __future__ import annotations

import datetime as dt
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from operator import or_
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Case, F, FloatField, Func, IntegerField, Q, QuerySet, Value, When

from events.models import (
    Access,
    Activity,
    Audience,
    Festival,
    Format,
    Language,
    Mode,
    Programme,
    Slot,
    Territory,
    Theme,
    Venue,
)
from events.programme.area import Around, Frame
from events.programme.bits import planes_of, set_at, set_of, sets_by_bit, sets_by_code, spread
from events.programme.filters import MOMENTS, Filters
from events.programme.matches import matching
from events.programme.words import Found

UNLIMITED = 65_535
MOST_WORDS = 500
"""Words whose sets are kept: 25 kB each at 200,000 slots."""
Sets = dict[str, int]


@dataclass(frozen=True, slots=True)
class Owners:
    """Activities or venues, by their place in a list; and for each slot the place of its own."""

    place_of: dict[int, int]
    of_slot: Sequence[int]
    _positions: list[array[int]] = field(default_factory=list)
    """For each place of the list the positions of its slots: worked out when first asked for."""

    def slots_of(self, pks: Iterable[int]) -> int:
        """The slots of these, as a set; who is not in the index has none."""
        places = (self.place_of.get(pk) for pk in pks)
        return self.slots_at(place for place in places if place is not None)

    def slots_at(self, places: Iterable[int]) -> int:
        """The slots of those at these places of the list, as a set."""
        if not self._positions:
            positions: list[array[int]] = [array("I") for _owner in self.place_of]
            for position, place in enumerate(self.of_slot):
                positions[place].append(position)
            self._positions.extend(positions)
        return set_at(chain.from_iterable(map(self._positions.__getitem__, places)), len(self.of_slot))


@dataclass(slots=True)
class Places:
    """How many places each slot has left, at one moment."""

    left: Sequence[int]
    """``UNLIMITED`` for drop-in and where there is no limit."""
    fingerprint: tuple[int, int]
    planes: list[int] = field(default_factory=list)
    """Of the places that are counted, for sums."""
    _at_least: dict[int, int] = field(default_factory=dict)

    def at_least(self, party: int) -> int:
        """The slots with room for so many together."""
        found = self._at_least.get(party)
        if found is None:
            found = self._at_least[party] = set_of(left >= party for left in self.left)
        return found


@dataclass(slots=True)
class Index:
    """Sets by dimension and code, for the slots that begin after ``since``."""

    since: dt.datetime
    starts: Sequence[float]
    """Seconds since 1970, in order."""
    activities: Owners
    venues: Owners
    by_latitude: list[tuple[int, tuple[float, float]]]
    """Place in the list and position of each venue that has one, from south to north."""
    sets: dict[str, Sets]
    """By name of the field of ``Filters``: ``place`` by slug of a territory, ``day`` by ISO date."""
    bookable: int
    """Slots that are published."""
    standing: int
    """Slots that are published of activities that are."""
    communes: dict[str, list[int]]
    """Folded name of a commune → primary keys of its venues."""
    territories: list[tuple[str, str, str]]
    """Slug, name, time zone; in the order of the alphabet."""
    programmes: list[tuple[str, str]]
    places: Places
    _hours: dict[str, list[tuple[dt.datetime, int, int]]] = field(default_factory=dict)
    common: dict[str, Found] = field(default_factory=dict)
    """Words that stand in very many places, as they did when the programme was read or somebody first asked
    for them since (``find_words``)."""
    _words: dict[str, tuple[Found, int]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.starts)

    def upcoming(self, now: dt.datetime) -> int:
        """The slots that have not begun."""
        return (1 << self.size - bisect_right(self.starts, now.timestamp())) - 1

    def at_venues(self, area: Around | Frame) -> int:
        """The slots at the venues of an area."""
        band = self._band(*area.band)
        return self.venues.slots_at(place for place, position in band if area.holds(*position))

    def around(self, centre: Around, radii: Sequence[float]) -> dict[float, int]:
        """The slots in circles of these kilometres around a point."""
        inner = sorted(radii)
        rings: list[list[int]] = [[] for _radius in inner]
        for place, position in self._band(*replace(centre, kilometres=inner[-1]).band):
            square = centre.square_to(*position)
            for ring, radius in zip(rings, inner, strict=True):
                if square <= radius**2:
                    ring.append(place)
                    break
        return dict(zip(inner, accumulate(map(self.venues.slots_at, rings), or_), strict=True))

    def _band(self, south: float, north: float) -> Iterable[tuple[int, tuple[float, float]]]:
        """The venues between two latitudes: place in the list and position."""
        first = bisect_left(self.by_latitude, south, key=lambda one: one[1][0])
        for one in self.by_latitude[first:]:
            if one[1][0] > north:
                return
            yield one

    def standing_in(self, word: Found) -> int:
        """The slots about which this word is said; kept as long as it stands in the same places."""
        known = self._words.get(word.word)
        if known is None or known[0] != word:
            if len(self._words) > MOST_WORDS:
                self._words.clear()
            said = self.activities.slots_of(word.activities) | self.venues.slots_of(word.venues)
            known = self._words[word.word] = (word, said)
        return known[1]

    def hours(self, zone: str) -> list[tuple[dt.datetime, int, int]]:
        """Each hour of a clock that has a slot: when, and from which place in the order to which."""
        known = self._hours.get(zone)
        if known is None:
            known, wall, begun = [], ZoneInfo(zone), -1.0
            for place, start in enumerate(self.starts):
                if start == begun:
                    continue
                begun = start
                at = dt.datetime.fromtimestamp(start, wall).replace(minute=0, second=0, microsecond=0)
                if known and known[-1][0] == at:
                    continue
                if known:
                    known[-1] = (*known[-1][:2], place)
                known.append((at, place, self.size))
            self._hours[zone] = known
        return known


def build_index(now: dt.datetime) -> Index:
    """Read the whole upcoming programme: the slots, their activities, venues, territories and programmes."""
    slots = list(
        _upcoming(now)
        .annotate(instant=_Epoch("starts_at"))
        .values_list("pk", "left", "activity_id", "venue_id", "day", "start_time", "instant", "state")
    )
    activities = _activities()
    slots = [slot for slot in slots if slot[2] in activities]
    venues: dict[int | None, _Venue] = {None: _Venue(None, None, None, []), **_venues()}
    territories = list(
        Territory.objects.order_by("sort_name", "pk").values_list("pk", "slug", "name", "timezone")
    )
    programmes = list(_public_programmes().values_list("pk", "slug", "name"))
    of_activity = _owners(activities, (slot[2] for slot in slots))
    of_venue = _owners(venues, (slot[3] if slot[3] in venues else None for slot in slots))

    def by_activity(codes: Sequence[str], value: Callable[[_Activity], str]) -> Sets:
        rank = {code: place for place, code in enumerate(codes, start=1)}
        ranks = [rank.get(value(activity), 0) for activity in activities.values()]
        found = sets_by_code(spread(ranks, of_activity.of_slot), len(codes) + 1)
        return dict(zip(codes, found[1:], strict=True))

    slug_of = {pk: slug for pk, slug, _name, _zone in territories}
    programme_of = {pk: slug for pk, slug, _name in programmes}
    known_languages, known_access = Language.values, Access.values
    languages = [_mask(activity.languages, known_languages) for activity in activities.values()]
    access = map(
        or_,
        spread([_mask(one.access, known_access) for one in activities.values()], of_activity.of_slot),
        spread([_mask(one.access, known_access) for one in venues.values()], of_venue.of_slot),
    )
    bookable = set_of(slot[7] == Slot.State.PUBLISHED for slot in slots)
    standing = [activity.state == Activity.State.PUBLISHED for activity in activities.values()]
    return Index(
        since=now,
        starts=array("d", (slot[6] for slot in slots)),
        activities=of_activity,
        venues=of_venue,
        by_latitude=sorted(
            (
                (place, (one.latitude, one.longitude))
                for place, one in enumerate(venues.values())
                if one.latitude is not None and one.longitude is not None
            ),
            key=lambda one: one[1][0],
        ),
        sets={
            "place": by_activity(list(slug_of.values()), lambda one: slug_of[one.territory]),
            "programme": by_activity(
                list(dict.fromkeys(programme_of.values())),
                lambda one: programme_of.get(one.programme or 0, ""),
            ),
            "format": by_activity(Format.values, lambda one: one.format),
            "theme": by_activity(Theme.values, lambda one: one.theme),
            "audience": by_activity(Audience.values, lambda one: one.audience),
            "mode": by_activity(Mode.values, lambda one: one.mode),
            "language": _named(known_languages, spread(languages, of_activity.of_slot)),
            "access": _named(known_access, tuple(access)),
            "day": _days([slot[4] for slot in slots]),
            "moment": _moments([slot[5] for slot in slots]),
        },
        bookable=bookable,
        standing=bookable & set_of(spread(standing, of_activity.of_slot)),
        communes=_by_commune(venues),
        territories=[(slug, name, zone) for _pk, slug, name, zone in territories],
        programmes=list({slug: (slug, name) for _pk, slug, name in programmes}.values()),
        places=_places([(slot[0], slot[1]) for slot in slots], bookable),
    )


def count_places(index: Index) -> Places | None:
    """The places left now in the slots of an index; None when they are other slots than it was built from."""
    rows: list[Any] = list(_upcoming(index.since).values_list("pk", "left"))
    fresh = _places(rows, index.bookable)
    return fresh if fresh.fingerprint == index.places.fingerprint else None


class _Epoch(Func):
    """An instant in seconds since 1970: read far more quickly than a date."""

    template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS double precision)"
    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "ROUND((julianday(%(expressions)s) - 2440587.5) * 86400)"
        return self.as_sql(compiler, connection, template=template, **context)


def _upcoming(since: dt.datetime) -> QuerySet[Any, Any]:
    """What may be shown, cancelled slots too, in order; ``left`` is how many places each has."""
    left = Case(
        When(Q(capacity__isnull=True) | Q(activity__mode=Mode.DROP_IN), then=Value(UNLIMITED)),
        default=F("capacity") + F("overbook") - F("taken") - F("held") - F("reserved"),
        output_field=IntegerField(),
    )
    return matching(Filters(), since, cancelled=True).annotate(left=left).in_order()


def _places(rows: list[tuple[int, int]], bookable: int) -> Places:
    left = array("H", (min(max(one, 0), UNLIMITED) for _pk, one in rows))
    counted = planes_of([one if one < UNLIMITED else 0 for one in left])
    return Places(
        left=left,
        fingerprint=(len(rows), sum(pk for pk, _left in rows)),
        planes=[plane & bookable for plane in counted],
    )


class _Activity(NamedTuple):
    pk: int
    territory: int
    programme: int | None
    format: str
    theme: str
    audience: str
    mode: str
    state: str
    languages: list[str]
    access: list[str]


class _Venue(NamedTuple):
    pk: int | None
    latitude: float | None
    longitude: float | None
    access: list[str]
    commune: str | None = None


def _activities() -> dict[int, _Activity]:
    shown = [Activity.State.PUBLISHED, Activity.State.CANCELLED]
    rows = Activity.objects.filter(festival__state=Festival.State.PUBLISHED, state__in=shown).values_list(
        *("pk", "territory_id", "programme_id", "format", "theme", "audience", "mode", "state"),
        *("languages", "access"),
    )
    return {row[0]: _Activity(*row) for row in rows}


def _venues() -> dict[int | None, _Venue]:
    rows: QuerySet[Any, Any] = Venue.objects.values_list(
        "pk", "latitude", "longitude", "access", "commune__folded_name"
    )
    return {row[0]: _Venue(*row) for row in rows}


def _public_programmes() -> QuerySet[Programme]:
    return Programme.objects.filter(festival__state=Festival.State.PUBLISHED).order_by("name", "pk")


def _owners(owners: dict[Any, Any], of_slots: Iterable[Any]) -> Owners:
    place_of = {pk: place for place, pk in enumerate(owners)}
    return Owners(place_of, array("I", (place_of[pk] for pk in of_slots)))


def _mask(codes: list[str], known: Sequence[str]) -> int:
    return sum(1 << bit for bit, code in enumerate(known) if code in codes)


def _named(codes: Sequence[str], masks: Sequence[int]) -> Sets:
    return dict(zip(codes, sets_by_bit(masks, len(codes)), strict=True))


def _days(days: list[dt.date]) -> Sets:
    known = {day: place for place, day in enumerate(sorted(set(days)))}
    found = sets_by_code([known[day] for day in days], len(known))
    return {day.isoformat(): one for day, one in zip(known, found, strict=True)}


def _moments(times: list[dt.time]) -> Sets:
    known = {time: place for place, time in enumerate(sorted(set(times)))}
    by_moment = {
        code: [first <= time and (end is None or time < end) for time in known]
        for code, (first, end) in MOMENTS.items()
    }
    places = [known[time] for time in times]
    return {code: set_of(spread(flags, places)) for code, flags in by_moment.items()}


def _by_commune(venues: Mapping[Any, _Venue]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for venue in venues.values():
        if venue.commune and venue.pk is not None:
            found.setdefault(venue.commune, []).append(venue.pk)
    return found
