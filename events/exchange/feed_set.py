"""The set a feed carries: all that answers the programme's filters, read a few hundred slots at a time.

The numbers of the slots are asked for once, eight bytes each; the slots follow by key, in queries of a few
milliseconds, so that a feed of any size takes little memory and keeps no transaction open. What is no longer
public by the time its turn comes is left out; nothing comes twice.

``state`` says in one query what the set is like now, so that an unchanged feed is answered without being
written (RFC 9110 §13). With ``since`` the set is what changed from then on, and ``gone`` what left it.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.base import ModelState

from events.clock import on_the_wall
from events.models import Activity, Festival, GoneSlot, Room, Slot, Territory, Venue
from events.models.gone import moment_of, ms_of
from events.models.slot import SlotQuerySet, has_places_left
from events.programme import MOMENTS, Filters, gone_from, matching

AT_ONCE = 1000
"""Slots of one query."""
OVERLAP = dt.timedelta(minutes=10)
"""What changed so long before ``since`` comes again: a change is dated when it is made and seen when its
transaction ends."""

BY_TIME = ("starts_at", "pk")
BY_ACTIVITY = ("activity_id", "starts_at", "pk")
BY_VENUE = ("venue_id", "starts_at", "pk")
NEWEST = ("-changed_ms", "-pk")

_SEEN = [Slot.State.PUBLISHED, Slot.State.CANCELLED]
_SEEN_ACTIVITY = [Activity.State.PUBLISHED, Activity.State.CANCELLED]
_LEFT_WEIGHT = 997


@dataclass(frozen=True, slots=True)
class SetState:
    """What tells one state of a set from another, and what a calendar needs to know beforehand.

    ``zones``: IANA name, first and last moment of its slots.
    """

    slots: int
    marks: tuple[int, ...]
    changed_at: dt.datetime | None
    zones: tuple[tuple[str, dt.datetime, dt.datetime], ...]
    gone: int
    """How many were taken out."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A slot that is no longer in the set. ``starts_at`` None: still public, only elsewhere."""

    slot: int
    activity: int
    at: dt.datetime
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    timezone: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class FeedSet:
    """What answers ``filters`` at ``now``, cancelled slots included; ``since``: what changed from then."""

    filters: Filters
    now: dt.datetime
    since: dt.datetime | None = None
    is_small: bool = False
    """Whether ``state`` found so few that they are read at once."""

    @property
    def from_ms(self) -> int:
        return ms_of(self.since - OVERLAP) if self.since else 0

    def _slots(self) -> SlotQuerySet:
        places = self.filters.places
        found = matching(self.filters.without("places"), self.now, cancelled=True)
        if places:
            # What is called off has no places to ask for, and whoever keeps a copy has to hear of it.
            off = Q(state=Slot.State.CANCELLED) | Q(activity__state=Activity.State.CANCELLED)
            found = found.filter(off | has_places_left(places))
        return found.filter(changed_ms__gte=self.from_ms) if self.since else found

    def state(self) -> SetState:
        """One query, whatever the size of the set."""
        rows = (
            self._slots()
            .order_by()
            .values_list("timezone")
            .annotate(
                slots=Count("pk"),
                numbers=Sum("pk"),
                changed=Sum("changed_ms"),
                # Weighed, so that a place taken here and one given back there do not cancel out.
                left=Sum((F("pk") % _LEFT_WEIGHT + 1) * (F("taken") + F("held") + F("reserved"))),
                last=Max("changed_ms"),
                first_day=Min("starts_at"),
                last_day=Max("starts_at"),
            )
        )
        slots, marks, last, zones = 0, [0, 0, 0], 0, []
        for zone, count, numbers, changed, left, latest, first_day, last_day in rows:
            slots += count
            marks = [a + int(b or 0) for a, b in zip(marks, (numbers, changed, left), strict=True)]
            last = max(last, latest)
            zones.append((zone, first_day, last_day))
        gone = self._taken_out().aggregate(number=Count("pk"), last=Max("gone_ms"), sum=Sum("gone_ms"))
        last = max(last, gone["last"] or 0)
        return SetState(
            slots,
            (*marks, gone["number"], gone["sum"] or 0),
            moment_of(last) if last else None,
            tuple(sorted(zones)),
            gone["number"],
        )

    def slots(self, order: Sequence[str], *, most: int | None = None) -> Iterator[Slot]:
        """The slots with all that feeds show of them, in this order."""
        found = self._slots().order_by(*order)
        if most:
            return iter(_shown(found[:most]))
        if self.is_small:
            return iter(_shown(found[:AT_ONCE]))
        return slots_by_number(_numbers(found))

    def positioned(self) -> Iterator[Slot]:
        """Those at a venue whose position is known, venue by venue."""
        found = self._slots().filter(venue__latitude__isnull=False).order_by(*BY_VENUE)
        return iter(_shown(found[:AT_ONCE])) if self.is_small else slots_by_number(_numbers(found))

    def gone(self) -> Iterator[Gone]:
        """What was taken out of the programme; with ``since`` also what left the set though still public.

        Without ``since``: everything taken out in the last 90 days that was still to come.
        """
        for row in self._taken_out().iterator(chunk_size=2000):
            if self._is_in_question(row):
                yield Gone(
                    row.slot_number,
                    row.activity_number,
                    moment_of(row.gone_ms),
                    row.starts_at,
                    row.ends_at,
                    row.timezone,
                    row.sequence,
                )
        if self.since and self.filters:
            elsewhere = (
                _public()
                .filter(ends_at__gt=self.now, changed_ms__gte=self.from_ms)
                .exclude(pk__in=self._slots().order_by().values("pk"))
                .order_by("pk")
                .values_list("pk", "activity_id", "changed_ms")
            )
            for number, activity, changed in elsewhere.iterator(chunk_size=2000):
                yield Gone(number, activity, moment_of(changed))

    def _taken_out(self) -> QuerySet[GoneSlot]:
        rows = GoneSlot.objects.filter(
            gone_from(self.filters), ends_at__gt=self.now, gone_ms__gte=self.from_ms
        )
        return rows.exclude(Exists(_public().filter(pk=OuterRef("slot_number")))).order_by("gone_ms", "pk")

    def _is_in_question(self, row: GoneSlot) -> bool:
        """Whether it may have been in the set, as far as its time tells."""
        begins = on_the_wall(row.starts_at, row.timezone)
        if self.filters.day and begins.date() != self.filters.day:
            return False
        if self.filters.moment:
            first, end = MOMENTS[self.filters.moment]
            return first <= begins.time() and (end is None or begins.time() < end)
        return True

    @property
    def knows_what_is_gone(self) -> bool:
        """Whether all that is asked is kept with what is gone: then what was taken out has been here."""
        return not self.filters.keeps_no_mark


def _public() -> SlotQuerySet:
    return Slot.objects.filter(
        state__in=_SEEN,
        activity__state__in=_SEEN_ACTIVITY,
        activity__festival__state=Festival.State.PUBLISHED,
    )


def _numbers(slots: SlotQuerySet) -> Any:
    return slots.values_list("pk", flat=True)


def slots_by_number(numbers: Iterable[int], *, public_only: bool = True) -> Iterator[Slot]:
    """The slots of these numbers in their order, a few hundred at a time, with all that is shown of them."""
    wanted = array("q", numbers.iterator(chunk_size=10_000) if isinstance(numbers, QuerySet) else numbers)
    every = _public() if public_only else Slot.objects.all()
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE].tolist()
        rows = {slot.pk: slot for slot in _shown(every.filter(pk__in=some).order_by())}
        for number in some:
            if number in rows:
                yield rows[number]


_UNREAD = (
    *("fold", "safety_capacity", "waiting", "waiting_list_open", "cancelled_at", "cancelled_by_host"),
    *("external_id", "opening", "created_at", "ends_at"),
)
_UNREAD_OF_ACTIVITY = (
    *("search_text", "moderation_note", "room_needs", "needs", "submitted_at", "updated_at", "source"),
    *("ballot", "created_by", "programme", "ask_name"),
)
_READ = tuple(field for field in Slot._meta.concrete_fields if field.name not in _UNREAD)
_READ_NAMES = tuple(field.attname for field in _READ)


def _shown(found: SlotQuerySet) -> list[Slot]:
    """Slots with activity, host, places and edition at hand: each read once, however many slots share it.

    The slots are put together here and not by the ORM, which takes longer for that than the rest of a feed.
    """
    rows = list(found.values_list(*_READ_NAMES))
    begins, lasts, activity_at, venue_at, room_at = (
        _READ_NAMES.index(name) for name in ("starts_at", "duration", "activity_id", "venue_id", "room_id")
    )
    activities = (
        Activity.objects.defer(*_UNREAD_OF_ACTIVITY)
        .select_related("host")
        .in_bulk({row[activity_at] for row in rows})
    )
    places = {row[venue_at] for row in rows} | {one.venue_id for one in activities.values()}
    venues = Venue.objects.select_related("commune", "territory").in_bulk(places - {None})
    rooms = Room.objects.in_bulk({row[room_at] for row in rows} - {None})
    territories = Territory.objects.in_bulk({one.territory_id for one in activities.values()})
    editions = Festival.objects.in_bulk({one.festival_id for one in activities.values()})
    for activity in activities.values():
        activity._state.fields_cache |= {
            "venue": venues.get(activity.venue_id or 0),
            "territory": territories[activity.territory_id],
            "festival": editions[activity.festival_id],
        }
    slots = []
    for row in rows:
        slot = Slot.__new__(Slot)
        slot.__dict__ = dict(zip(_READ_NAMES, row, strict=True))
        # By definition (``Slot.set_time``); a moment is dear to read, and there are two hundred thousand.
        slot.ends_at = row[begins] + dt.timedelta(minutes=row[lasts])
        state = slot._state = ModelState()
        state.adding, state.db = False, found.db
        state.fields_cache = {
            "activity": activities[row[activity_at]],
            "venue": venues.get(row[venue_at]),
            "room": rooms.get(row[room_at]),
        }
        slots.append(slot)
    return slots
