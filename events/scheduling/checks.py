"""What else than a clash may be wrong with a placement, each rule with its level.

Outside opening hours, more places than is comfortable, missing equipment, somebody of the host away, too
little time to walk. A clash of rooms or of people is no matter of level: the database refuses it
(``events.guards``).

``Surroundings`` loads once what the rules look at; ``findings`` then asks no question more, for one placement
and for hundreds. Findings name people and their absences: they are for hosts and organisers only.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.calendar import position_of, venue_of
from events.clock import on_the_wall
from events.models import (
    Absence,
    Appearance,
    Equipment,
    Festival,
    HostPerson,
    Level,
    OpeningHours,
    PlacingRule,
    Room,
    RoomHours,
    RuleLevel,
    Slot,
    SpecialDays,
    Venue,
)
from events.wording import Position, is_tight, say_day, say_list, say_number, say_time

from .rooms import MIDNIGHT, atoms_of, opens_between, too_many_for_comfort

DEFAULTS: Mapping[PlacingRule, Level] = {
    PlacingRule.CLOSED: Level.REFUSE,
    PlacingRule.TIGHT: Level.WARN,
    PlacingRule.EQUIPMENT: Level.WARN,
    PlacingRule.AWAY: Level.AT_RELEASE,
    PlacingRule.WALK: Level.WARN,
}
"""What a rule does where an edition has said nothing."""


class Placed(Protocol):
    """A slot somewhere at some time: a ``Placement``, a ``Where``, whatever has these four."""

    @property
    def slot(self) -> Slot: ...
    @property
    def room(self) -> Room | None: ...
    @property
    def starts_at(self) -> dt.datetime: ...
    @property
    def ends_at(self) -> dt.datetime: ...


@dataclass(frozen=True, slots=True)
class Where:
    """A slot that would be in ``room`` from ``starts_at`` to ``ends_at``, in UTC."""

    slot: Slot
    room: Room | None
    starts_at: dt.datetime
    ends_at: dt.datetime

    @classmethod
    def stands(cls, slot: Slot) -> Where:
        """Where the slot publicly is, or what it bears unsaved."""
        return cls(slot, slot.room, slot.starts_at, slot.ends_at)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a placement breaks. ``words``: one sentence in the language active when it was found.

    ``facts``, by rule: CLOSED ``room``, ``reason``; TIGHT ``beyond`` (places); EQUIPMENT ``missing`` (codes);
    AWAY ``person``, ``absence``; WALK ``person``, ``other`` (a slot), ``minutes`` between the two.
    """

    rule: PlacingRule
    level: Level
    words: str
    facts: dict[str, Any] = field(default_factory=dict, compare=False)


def levels_of(festival: Festival) -> dict[PlacingRule, Level]:
    """What each rule does in this edition."""
    return _levels([festival.pk])[festival.pk]


def refusing(findings: Iterable[Finding], *, at_release: bool) -> list[Finding]:
    """Those that say no: now, or when the placement becomes public."""
    no = {Level.REFUSE, Level.AT_RELEASE} if at_release else {Level.REFUSE}
    return [one for one in findings if one.level in no]


@dataclass(frozen=True, slots=True)
class _Stands:
    """Where a person is expected: in a slot, from when to when, at which position."""

    slot: Slot
    starts_at: dt.datetime
    ends_at: dt.datetime
    position: Position | None


@dataclass(slots=True)
class Surroundings:
    """What the rules look at, loaded by ``around``."""

    levels: dict[int, dict[PlacingRule, Level]]
    weekly: dict[int, list[OpeningHours]]
    """By venue."""
    weekly_of_rooms: dict[int, list[RoomHours]]
    special: dict[int, list[SpecialDays]]
    """By venue, those of its rooms among them."""
    people: dict[int, list[HostPerson]]
    """By slot."""
    absences: dict[int, list[Absence]]
    """By person."""
    stands: dict[int, list[_Stands]]
    """By person."""

    @classmethod
    def around(
        cls,
        placed: Iterable[Placed],
        *,
        rooms: Iterable[Room] = (),
        people: Iterable[HostPerson] = (),
        in_draft: bool = False,
    ) -> Surroundings:
        """Load what stands around these placements; seven queries at most, however many they are.

        ``rooms``: further rooms that will be asked about; ``people``: further people. ``in_draft``: the other
        appearances of a person are where the draft has them. Slots come with their ``activity``, rooms with
        their ``venue`` and best with their ``parts``.
        """
        known = list(placed)
        asked = {at.room.pk: at.room for at in known if at.room is not None} | {at.pk: at for at in rooms}
        venues = {at.venue_id for at in asked.values()}
        by_slot = {at.slot.pk: at for at in known if at.slot.pk is not None}
        receive = _by_slot(by_slot)
        ids = {person.pk for ones in receive.values() for person in ones} | {one.pk for one in people}
        return cls(
            levels=_levels({at.slot.activity.festival_id for at in known}),
            weekly=_grouped(OpeningHours.objects.filter(venue__in=venues), "venue_id"),
            weekly_of_rooms=_grouped(RoomHours.objects.filter(room__in=asked), "room_id"),
            special=_grouped(SpecialDays.objects.filter(venue__in=venues), "venue_id"),
            people=receive,
            absences=_grouped(Absence.objects.filter(person__in=ids), "person_id") if ids else {},
            stands=_stands(ids, by_slot, in_draft=in_draft) if ids else {},
        )

    def findings(self, where: Placed, *, people: Sequence[HostPerson] | None = None) -> list[Finding]:
        """What is wrong with a placement, in the order of the rules; what is ignored is left out.

        ``people``: who would receive, instead of who does.
        """
        levels = self.levels.get(where.slot.activity.festival_id, dict(DEFAULTS))
        who = self.people.get(where.slot.pk, []) if people is None else people
        found: list[tuple[PlacingRule, str, dict[str, Any]]] = []
        if where.room is not None:
            found += self._closed(where, where.room)
            found += _tight(where, where.room)
            found += _missing(where, where.room)
        for person in who:
            found += self._away(where, person)
        for person in who:
            found += self._far(where, person)
        return [
            Finding(rule, levels[rule], words, facts)
            for rule, words, facts in found
            if levels[rule] != Level.IGNORE
        ]

    def is_open(self, where: Placed) -> bool:
        """Whether its room is open, on the local clock, all the time it lasts."""
        return where.room is None or not self._closed(where, where.room)

    def _closed(self, where: Placed, room: Room) -> list[tuple[PlacingRule, str, dict[str, Any]]]:
        start, end = (on_the_wall(at, where.slot.timezone) for at in (where.starts_at, where.ends_at))
        day = start.date()
        while day <= end.date():
            begin = start.hour * 60 + start.minute if day == start.date() else 0
            finish = end.hour * 60 + end.minute if day == end.date() else MIDNIGHT
            ranges, reason = self._hours(room, day)
            if finish > begin and not any(opens <= begin and finish <= closes for opens, closes in ranges):
                said = (
                    _("%(room)s is closed on %(day)s: %(reason)s.")
                    if reason
                    else _("%(room)s is not open all that time on %(day)s.")
                )
                words = said % {"room": room, "day": say_day(day), "reason": reason}
                return [(PlacingRule.CLOSED, words, {"room": room, "reason": reason})]
            day += dt.timedelta(days=1)
        return []

    def _hours(self, room: Room, day: dt.date) -> tuple[list[tuple[int, int]], str]:
        """Minutes of the day between which a room is open, and why, where the day is special.

        A room's own special days come before its venue's, those before the week of the room, that before the
        week of the venue. Where nothing is known it is open.
        """
        special = [at for at in self.special.get(room.venue_id, []) if at.first_day <= day <= at.last_day]
        here = [at for at in special if at.room_id == room.pk] or [at for at in special if at.room_id is None]
        if here:
            reason = say_list(dict.fromkeys(at.reason for at in here))
            if any(at.opens is None for at in here):
                return [], reason
            return sorted((_minute(at.opens), _end_minute(at.closes)) for at in here), reason
        weekday, own = day.isoweekday(), self.weekly_of_rooms.get(room.pk, [])
        if own:
            as_venue = [OpeningHours(weekday=at.weekday, opens=at.opens, closes=at.closes) for at in own]
            return opens_between(as_venue, weekday), ""
        if weekly := self.weekly.get(room.venue_id, []):
            return opens_between(weekly, weekday), ""
        return [(0, MIDNIGHT)], ""

    def _away(self, where: Placed, person: HostPerson) -> list[tuple[PlacingRule, str, dict[str, Any]]]:
        found = []
        for absence in self.absences.get(person.pk, []):
            if absence.starts_at < where.ends_at and absence.ends_at > where.starts_at:
                start, end = (
                    on_the_wall(at, where.slot.timezone) for at in (absence.starts_at, absence.ends_at)
                )
                words = _("%(person)s is not available from %(start)s to %(end)s.") % {
                    "person": person,
                    "start": _moment(start, where),
                    "end": _moment(end, where),
                }
                found.append((PlacingRule.AWAY, words, {"person": person, "absence": absence}))
        return found

    def _far(self, where: Placed, person: HostPerson) -> list[tuple[PlacingRule, str, dict[str, Any]]]:
        """The appearance just before and the one just after, where the way does not fit in between."""
        others = [at for at in self.stands.get(person.pk, []) if at.slot.pk != where.slot.pk]
        before = max(
            (at for at in others if at.ends_at <= where.starts_at), key=lambda at: at.ends_at, default=None
        )
        after = min(
            (at for at in others if at.starts_at >= where.ends_at), key=lambda at: at.starts_at, default=None
        )
        here, found = _position(where), []
        if before is not None:
            said = _("%(person)s has %(number)s min to come from “%(title)s”: that is too little.")
            found += _too_far(person, before, here, where.starts_at - before.ends_at, said)
        if after is not None:
            said = _("%(person)s has %(number)s min to go on to “%(title)s”: that is too little.")
            found += _too_far(person, after, here, after.starts_at - where.ends_at, said)
        return found




def _too_far(
    person: HostPerson, other: _Stands, here: Position | None, gap: dt.timedelta, said: str
) -> list[tuple[PlacingRule, str, dict[str, Any]]]:
    minutes = int(gap.total_seconds() // 60)
    if not is_tight(here, other.position, minutes):
        return []
    title = other.slot.activity.title
    words = said % {"person": person, "title": title, "number": say_number(minutes)}
    return [(PlacingRule.WALK, words, {"person": person, "other": other.slot, "minutes": minutes})]


def findings_of(slot: Slot) -> list[Finding]:
    """What the rules say of a slot where it publicly is; for many slots, use ``Surroundings``."""
    where = Where.stands(slot)
    return Surroundings.around([where]).findings(where)


# Rules that need nothing but the rows -----------------------------------------------------------------------


def _tight(where: Placed, room: Room) -> list[tuple[PlacingRule, str, dict[str, Any]]]:
    beyond = too_many_for_comfort(where.slot, room)
    if beyond is None:
        return []
    said = ngettext(
        "%(room)s is comfortable with %(number)s place less.",
        "%(room)s is comfortable with %(number)s places less.",
        beyond,
    )
    words = said % {"room": room, "number": say_number(beyond)}
    return [(PlacingRule.TIGHT, words, {"beyond": beyond})]


def _missing(where: Placed, room: Room) -> list[tuple[PlacingRule, str, dict[str, Any]]]:
    needs = where.slot.activity.needs
    if not needs:
        return []
    missing = sorted(set(needs) - equipment_of(room), key=Equipment.values.index)
    if not missing:
        return []
    words = _("%(room)s lacks: %(what)s.") % {
        "room": room,
        "what": say_list(str(Equipment(code).label).lower() for code in missing),
    }
    return [(PlacingRule.EQUIPMENT, words, {"missing": missing})]


def equipment_of(room: Room) -> set[str]:
    """Codes of what a room has; a hall that says nothing of itself has what its parts have."""
    if room.has:
        return set(room.has)
    return {code for part in atoms_of(room) for code in part.has}


# Loading ----------------------------------------------------------------------------------------------------


def _levels(festival_ids: Iterable[int]) -> dict[int, dict[PlacingRule, Level]]:
    ids = set(festival_ids)
    found = {pk: dict(DEFAULTS) for pk in ids}
    for row in RuleLevel.objects.filter(festival__in=ids):
        found[row.festival_id][PlacingRule(row.rule)] = Level(row.level)
    return found


def _grouped(rows: QuerySet[Any], key: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return dict(found)


def _by_slot(slot_ids: Collection[int]) -> dict[int, list[HostPerson]]:
    found: dict[int, list[HostPerson]] = defaultdict(list)
    for row in Appearance.objects.filter(slot__in=slot_ids).select_related("person").order_by("person__name"):
        found[row.slot_id].append(row.person)
    return dict(found)


def _stands(
    person_ids: Collection[int], placed: Mapping[int, Placed], *, in_draft: bool
) -> dict[int, list[_Stands]]:
    rows = Appearance.objects.filter(person__in=person_ids, active=True).select_related(
        "slot__activity__venue", "slot__venue"
    )
    if in_draft:
        rows = rows.select_related("slot__placement__room__venue")
    found: dict[int, list[_Stands]] = defaultdict(list)
    for row in rows:
        # A slot in a room has that room's venue as its own, so its place is known without the room.
        slot = row.slot
        at: Placed = placed.get(slot.pk) or Where(slot, None, slot.starts_at, slot.ends_at)
        if in_draft and row.slot_id not in placed:
            placement = getattr(row.slot, "placement", None)
            if placement is not None:
                if placement.cancels:
                    continue
                at = placement
        found[row.person_id].append(_Stands(row.slot, at.starts_at, at.ends_at, _position(at)))
    return dict(found)


def _position(where: Placed) -> Position | None:
    place: Venue | None = where.room.venue if where.room is not None else venue_of(where.slot)
    return position_of(place)


def _minute(at: dt.time | None) -> int:
    return at.hour * 60 + at.minute if at is not None else 0


def _end_minute(at: dt.time | None) -> int:
    """23:59 stands for midnight, which the clock cannot say."""
    return MIDNIGHT if at is None or at >= dt.time(23, 59) else _minute(at)


def _moment(at: dt.datetime, where: Placed) -> str:
    """The hour alone on the day of the placement; else the day with it."""
    if at.date() == on_the_wall(where.starts_at, where.slot.timezone).date():
        return say_time(at)
    return f"{say_day(at.date())} {say_time(at)}"
