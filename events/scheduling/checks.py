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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from django.db.models import QuerySet, prefetch_related_objects
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from events.calendar import position_of, venue_of
from events.clock import on_the_wall
from events.models import (
    Absence,
    Appearance,
    Equipment,
    Festival,
    HostPerson,
    Level,
    PlacingRule,
    Room,
    RuleLevel,
    Slot,
)
from events.wording import Position, is_tight, say_day, say_list, say_number, say_time

from .rooms import OPEN_TIMES, atoms_of, closed_by, is_open, too_many_for_comfort

_Found = tuple[PlacingRule, Callable[[], str], dict[str, Any]]
"""The rule, how it is worded, what it is about."""
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
    """A rule that a placement breaks. ``words``: one sentence in the language active when it is read.

    ``facts``, by rule: CLOSED ``room``, ``closed_by`` (SpecialDays or None); TIGHT ``beyond`` (places);
    EQUIPMENT ``missing`` (codes); AWAY ``person``, ``absence``; WALK ``person``, ``other`` (a slot),
    ``minutes`` between the two.
    """

    rule: PlacingRule
    level: Level
    say: Callable[[], str] = field(compare=False)
    facts: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def words(self) -> str:
        return self.say()


def levels_of(festival: Festival) -> dict[PlacingRule, Level]:
    """What each rule does in this edition."""
    return _levels([festival.pk])[festival.pk]


def refusing(findings: Iterable[Finding], *, at_release: bool) -> list[Finding]:
    """Those that say no: now, or when the placement becomes public."""
    no = {Level.REFUSE, Level.AT_RELEASE} if at_release else {Level.REFUSE}
    return [one for one in findings if one.level in no]


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a person is expected: in a slot, from when to when, at which position."""

    slot: Slot
    starts_at: dt.datetime
    ends_at: dt.datetime
    position: Position | None


@dataclass(slots=True)
class Surroundings:
    """What the rules look at, loaded by ``around``."""

    levels: dict[int, dict[PlacingRule, Level]]
    rooms: dict[int, Room]
    """With all that says when they are open."""
    people: dict[int, list[HostPerson]]
    """By slot."""
    absences: dict[int, list[Absence]]
    """By person."""
    stands: dict[int, list[Stands]]
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
        """Load what stands around these placements; as many queries for one as for hundreds.

        ``rooms``: further rooms that will be asked about; ``people``: further people. ``in_draft``: the other
        appearances of a person are where the draft has them. Slots come with their ``activity``, rooms with
        their ``venue``.
        """
        known = list(placed)
        asked = {at.room.pk: at.room for at in known if at.room is not None} | {at.pk: at for at in rooms}
        prefetch_related_objects(list(asked.values()), *OPEN_TIMES)
        by_slot = {at.slot.pk: at for at in known if at.slot.pk is not None}
        receive = _by_slot(by_slot)
        ids = {person.pk for ones in receive.values() for person in ones} | {one.pk for one in people}
        return cls(
            levels=_levels({at.slot.activity.festival_id for at in known}),
            rooms=asked,
            people=receive,
            absences=_grouped(Absence.objects.filter(person__in=ids), "person_id") if ids else {},
            stands=_stands(ids, by_slot, rooms=asked, in_draft=in_draft) if ids else {},
        )

    def findings(
        self, where: Placed, *, people: Sequence[HostPerson] | None = None, of_people: bool = False
    ) -> list[Finding]:
        """What is wrong with a placement, in the order of the rules; what is ignored is left out.

        ``people``: who would receive, instead of who does. ``of_people``: only what concerns them.
        """
        levels = self.levels.get(where.slot.activity.festival_id, dict(DEFAULTS))
        who = self.people.get(where.slot.pk, []) if people is None else people
        found: list[_Found] = []
        if where.room is not None and not of_people:
            room = self.rooms.get(where.room.pk, where.room)
            found += self._closed(where, room)
            found += _tight(where, room)
            found += _missing(where, room)
        for person in who:
            found += self._away(where, person)
        for person in who:
            found += self._far(where, person)
        return [
            Finding(rule, levels[rule], say, facts)
            for rule, say, facts in found
            if levels[rule] != Level.IGNORE
        ]

    def engagements(self, slot: Slot) -> list[Stands]:
        """Where those who receive in a slot are expected besides it."""
        who = self.people.get(slot.pk, [])
        return [at for person in who for at in self.stands.get(person.pk, []) if at.slot.pk != slot.pk]

    def clashes(self, where: Placed) -> list[Stands]:
        """Those of them that share an instant with a placement: no matter of level, the database refuses."""
        return [
            at
            for at in self.engagements(where.slot)
            if at.starts_at < where.ends_at and at.ends_at > where.starts_at
        ]

    def put(self, where: Placed) -> None:
        """From now on those who receive in the slot are expected where it would be."""
        for person in self.people.get(where.slot.pk, []):
            others = [at for at in self.stands.get(person.pk, []) if at.slot.pk != where.slot.pk]
            there = Stands(where.slot, where.starts_at, where.ends_at, _position(where, self.rooms))
            self.stands[person.pk] = [*others, there]

    def _closed(self, where: Placed, room: Room) -> list[_Found]:
        start, end = (on_the_wall(at, where.slot.timezone) for at in (where.starts_at, where.ends_at))
        if is_open(room, start, end):
            return []
        special = closed_by(room, start, end)

        def say() -> str:
            words = {"room": room, "day": say_day(start.date())}
            if special is None:
                return _("%(room)s is not open all that time on %(day)s.") % words
            return _("%(room)s is closed on %(day)s: %(reason)s.") % {**words, "reason": special.reason}

        return [(PlacingRule.CLOSED, say, {"room": room, "closed_by": special})]

    def _away(self, where: Placed, person: HostPerson) -> list[_Found]:
        return [
            (
                PlacingRule.AWAY,
                partial(_say_away, person, absence, where),
                {"person": person, "absence": absence},
            )
            for absence in self.absences.get(person.pk, [])
            if absence.starts_at < where.ends_at and absence.ends_at > where.starts_at
        ]

    def _far(self, where: Placed, person: HostPerson) -> list[_Found]:
        """The appearance just before and the one just after, where the way does not fit in between."""
        others = [at for at in self.stands.get(person.pk, []) if at.slot.pk != where.slot.pk]
        before = max(
            (at for at in others if at.ends_at <= where.starts_at), key=lambda at: at.ends_at, default=None
        )
        after = min(
            (at for at in others if at.starts_at >= where.ends_at), key=lambda at: at.starts_at, default=None
        )
        here, found = _position(where, self.rooms), []
        if before is not None:
            said = gettext_lazy("%(person)s has %(number)s min to come from “%(title)s”: that is too little.")
            found += _too_far(person, before, here, where.starts_at - before.ends_at, said)
        if after is not None:
            said = gettext_lazy("%(person)s has %(number)s min to go on to “%(title)s”: that is too little.")
            found += _too_far(person, after, here, after.starts_at - where.ends_at, said)
        return found


def _too_far(
    person: HostPerson, other: Stands, here: Position | None, gap: dt.timedelta, said: Promise
) -> list[_Found]:
    minutes = int(gap.total_seconds() // 60)
    if not is_tight(here, other.position, minutes):
        return []

    def say() -> str:
        title = other.slot.activity.title
        return str(said) % {"person": person, "title": title, "number": say_number(minutes)}

    return [(PlacingRule.WALK, say, {"person": person, "other": other.slot, "minutes": minutes})]


def _say_away(person: HostPerson, absence: Absence, where: Placed) -> str:
    start, end = (on_the_wall(at, where.slot.timezone) for at in (absence.starts_at, absence.ends_at))
    return _("%(person)s is not available from %(start)s to %(end)s.") % {
        "person": person,
        "start": _moment(start, where),
        "end": _moment(end, where),
    }


def findings_of(slot: Slot) -> list[Finding]:
    """What the rules say of a slot where it publicly is; for many slots, use ``Surroundings``."""
    where = Where.stands(slot)
    return Surroundings.around([where]).findings(where)


# Rules that need nothing but the rows -----------------------------------------------------------------------


def _tight(where: Placed, room: Room) -> list[_Found]:
    beyond = too_many_for_comfort(where.slot, room)
    if beyond is None:
        return []

    def say() -> str:
        said = ngettext(
            "%(room)s is comfortable with %(number)s place less.",
            "%(room)s is comfortable with %(number)s places less.",
            beyond,
        )
        return said % {"room": room, "number": say_number(beyond)}

    return [(PlacingRule.TIGHT, say, {"beyond": beyond})]


def _missing(where: Placed, room: Room) -> list[_Found]:
    needs = where.slot.activity.needs
    if not needs:
        return []
    missing = sorted(set(needs) - equipment_of(room), key=Equipment.values.index)
    if not missing:
        return []

    def say() -> str:
        what = say_list(str(Equipment(code).label).lower() for code in missing)
        return _("%(room)s lacks: %(what)s.") % {"room": room, "what": what}

    return [(PlacingRule.EQUIPMENT, say, {"missing": missing})]


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
    person_ids: Collection[int],
    placed: Mapping[int, Placed],
    *,
    rooms: Mapping[int, Room],
    in_draft: bool,
) -> dict[int, list[Stands]]:
    rows = Appearance.objects.filter(person__in=person_ids, active=True).select_related(
        "slot__activity__venue", "slot__venue"
    )
    if in_draft:
        rows = rows.select_related("slot__placement__room__venue")
    found: dict[int, list[Stands]] = defaultdict(list)
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
        found[row.person_id].append(Stands(row.slot, at.starts_at, at.ends_at, _position(at, rooms)))
    return dict(found)


def _position(where: Placed, rooms: Mapping[int, Room]) -> Position | None:
    """Where it is; ``rooms`` are known with their venues."""
    if where.room is None:
        return position_of(venue_of(where.slot))
    return position_of(rooms.get(where.room.pk, where.room).venue)


def _moment(at: dt.datetime, where: Placed) -> str:
    """The hour alone on the day of the placement; else the day with it."""
    if at.date() == on_the_wall(where.starts_at, where.slot.timezone).date():
        return say_time(at)
    return f"{say_day(at.date())} {say_time(at)}"
