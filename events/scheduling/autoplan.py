"""The automatic timetable: a territory's draft becomes a problem, what the solver finds becomes the draft.

``start_autoplan`` asks for it as long work; ``run_autoplan`` does it: reads, solves outside any transaction,
then reads again under the lock, looks with the validator whether what was found still holds, and writes all
of it as one change that one ``undo`` takes back. Nothing is public before the release.
"""

from __future__ import annotations

import datetime as dt
import math
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import User
from events.clock import NoSuchTime, instant, on_the_wall
from events.longwork import Outcome as Ending
from events.longwork import Work, ask_job
from events.models import (
    Absence,
    Appearance,
    Festival,
    Job,
    Level,
    Placement,
    PlacingRule,
    PlannedStay,
    Room,
    RoomOccupancy,
    Territory,
)
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .checks import equipment_of, levels_of
from .following import sync_draft
from .place import When
from .plan_many import plan_many
from .rooms import MIDNIGHT, OPEN_TIMES, atoms_of, open_ranges, people_it_may_hold, people_to_hold
from .solving.problem import (
    Assignment,
    Outcome,
    Part,
    Place,
    Problem,
    RoomSpec,
    Unplaced,
    Visit,
    Weights,
    Wish,
)
from .solving.solve import solve
from .solving.validate import validate

MOST_DAYS = 31
LEAST_SECONDS, MOST_SECONDS = 4.0, 100.0
PAIRS_A_SECOND = 500
"""Pairs of visit and room that a second of solving is given for."""
TELL_EVERY = 1.0
TRIES = 20
"""Slots that may drop out while the draft is written, because somebody has changed them meanwhile."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``days`` and the hours on the local clock between which visits may lie. ``moves_all``: also those that
    have a room, unless they are pinned; ``moves_booked``: even those that somebody has booked. ``step``:
    minutes. The same ``seed`` gives the same timetable.
    """

    days: tuple[dt.date, ...]
    earliest: dt.time = dt.time(9)
    latest: dt.time = dt.time(20)
    moves_all: bool = False
    moves_booked: bool = False
    step: int = 15
    weights: Weights = field(default_factory=Weights)
    seed: int = 1


@dataclass(slots=True)
class Built:
    """A problem and what its keys stand for: ids, as words. ``origin`` is minute 0."""

    problem: Problem
    origin: dt.datetime
    timezone: str
    placements: dict[str, Placement] = field(default_factory=dict)

    def when(self, key: str, start: int) -> When:
        """A start of a visit on the wall clock."""
        wall = on_the_wall(self.origin + dt.timedelta(minutes=start), self.timezone)
        return When(
            wall.date(), wall.time().replace(tzinfo=None, fold=0), self.placements[key].duration, wall.fold
        )


# Asking for it ----------------------------------------------------------------------------------------------


@patient
@transaction.atomic
def start_autoplan(*, territory: Territory, choice: Choice, by: User, now: dt.datetime) -> Job:
    """Ask for it as long work; asked again while one is under way, that one is given.

    Raises ``Refused``: NOTHING_TO_CHANGE (no slot of these days is to be placed).
    """
    list(Territory.objects.select_for_update(no_key=True).filter(pk=territory.pk).values_list("pk"))
    under_way = Job.objects.filter(territory=territory, kind=Job.Kind.TIMETABLE, finished_at__isnull=True)
    if job := under_way.first():
        return job
    sync_draft(territory=territory, now=now)
    if not build(territory=territory, choice=choice, now=now).problem.to_place:
        raise Refused(Reason.NOTHING_TO_CHANGE)
    return ask_job(
        kind=Job.Kind.TIMETABLE, territory=territory, by=by, params=as_json(choice), now=now, total=100
    )


def as_json(choice: Choice) -> dict[str, Any]:
    weights = choice.weights
    return {
        "days": [day.isoformat() for day in choice.days],
        "earliest": choice.earliest.isoformat(),
        "latest": choice.latest.isoformat(),
        "moves_all": choice.moves_all,
        "moves_booked": choice.moves_booked,
        "step": choice.step,
        "weights": [weights.wishes, weights.rooms, weights.themes, weights.gaps],
        "seed": choice.seed,
    }


def from_json(params: Mapping[str, Any]) -> Choice:
    return Choice(
        tuple(dt.date.fromisoformat(day) for day in params["days"]),
        dt.time.fromisoformat(params["earliest"]),
        dt.time.fromisoformat(params["latest"]),
        params["moves_all"],
        params["moves_booked"],
        params["step"],
        Weights(*params["weights"]),
        params["seed"],
    )


# Reading the draft ------------------------------------------------------------------------------------------


def build(*, territory: Territory, choice: Choice, now: dt.datetime) -> Built:
    """The problem as the draft stands. Call ``sync_draft`` first. A fixed number of queries.

    To be placed are the slots of the chosen days that ask for a room: of an activity without a venue, or
    whose venue has rooms. All others of these days stay where they are.
    """
    zone = territory.timezone
    clock = _Clock(instant(choice.days[0], dt.time(0), zone, fold=0), zone)
    rooms = list(
        Room.objects.filter(venue__territory=territory, is_active=True)
        .select_related("venue")
        .prefetch_related(*OPEN_TIMES)
        .order_by("pk")
    )
    placements = _placements(territory, choice, clock, now)
    ignored = _ignored({placement.slot.activity.festival for placement in placements})
    windows = _windows(choice, clock, now)
    appear: dict[int, list[str]] = defaultdict(list)
    for person_id, slot_id in Appearance.objects.filter(
        slot__in=[placement.slot_id for placement in placements]
    ).values_list("person", "slot"):
        appear[slot_id].append(str(person_id))
    visits = [
        _visit(
            placement, choice, clock, rooms, windows, tuple(sorted(appear[placement.slot_id])), ignored, now
        )
        for placement in placements
    ]
    problem = Problem(
        visits=tuple(visits),
        rooms=tuple(_room(room, choice, clock, windows, ignored) for room in rooms),
        blocked=_blocked(rooms, clock, choice),
        absences={} if PlacingRule.AWAY in ignored else _absences(appear, clock),
        step=choice.step,
        weights=choice.weights,
    )
    return Built(problem, clock.origin, zone, {str(one.slot_id): one for one in placements})


@dataclass(frozen=True, slots=True)
class _Clock:
    """Minutes since midnight of the first chosen day, as time passes and not as the wall shows it."""

    origin: dt.datetime
    zone: str

    def at(self, day: dt.date, minute: int) -> int:
        """Of a minute on the wall of a day; one that the clock skips is the hour after it."""
        day += dt.timedelta(days=minute // MIDNIGHT)
        wall = dt.time(minute % MIDNIGHT // 60, minute % 60)
        try:
            return self.of(instant(day, wall, self.zone, fold=0))
        except NoSuchTime:
            return self.at(day, minute % MIDNIGHT + 60)

    def of(self, at: dt.datetime) -> int:
        return math.floor((at - self.origin).total_seconds() / 60)

    def after(self, at: dt.datetime) -> int:
        return math.ceil((at - self.origin).total_seconds() / 60)


def _placements(territory: Territory, choice: Choice, clock: _Clock, now: dt.datetime) -> list[Placement]:
    """Everything in the draft around the chosen days; what is further off is in nobody's way."""
    day = dt.timedelta(days=1)
    ends = instant(max(choice.days) + 2 * day, dt.time(0), clock.zone, fold=0)
    return list(
        Placement.objects.filter(
            territory=territory, cancels=False, starts_at__lt=ends, ends_at__gt=clock.origin - day
        )
        .exclude(slot__activity__festival__state=Festival.State.ARCHIVED)
        .select_related("slot__activity__festival", "slot__wish", "slot__activity__venue")
        .order_by("slot")
    )


def _is_to_be_placed(placement: Placement, choice: Choice, rooms: Sequence[Room], now: dt.datetime) -> bool:
    slot = placement.slot
    if placement.is_pinned or placement.day not in choice.days or slot.starts_at <= now:
        return False
    if placement.room_id is not None and not choice.moves_all:
        return False
    if slot.taken + slot.held + slot.waiting and not choice.moves_booked:
        return False
    venue_id = slot.activity.venue_id
    return venue_id is None or any(room.venue_id == venue_id for room in rooms)


def _visit(
    placement: Placement,
    choice: Choice,
    clock: _Clock,
    rooms: Sequence[Room],
    windows: tuple[tuple[int, int], ...],
    people: tuple[str, ...],
    ignored: set[PlacingRule],
    now: dt.datetime,
) -> Visit:
    slot, activity = placement.slot, placement.slot.activity
    known = {room.pk for room in rooms}
    pinned = None
    if not _is_to_be_placed(placement, choice, rooms, now):
        room = str(placement.room_id) if placement.room_id in known else None
        pinned = Place(room, clock.of(placement.starts_at))
    at_home = None
    if activity.venue_id is not None:
        at_home = frozenset(str(room.pk) for room in rooms if room.venue_id == activity.venue_id)
    size = people_to_hold(slot) or 0
    return Visit(
        key=str(slot.pk),
        duration=placement.duration,
        size=size,
        needs=frozenset() if PlacingRule.EQUIPMENT in ignored else frozenset(activity.needs),
        people=people,
        theme=activity.theme,
        wanted=max(size, slot.taken + slot.held + slot.waiting),
        wish=_wish(placement, choice, clock, known),
        windows=windows,
        rooms=at_home,
        series=str(activity.pk),
        pinned=pinned,
    )


def _wish(placement: Placement, choice: Choice, clock: _Clock, known: set[int]) -> Wish | None:
    """What the host has said; who has said nothing proposed a day, and keeping that is a wish too."""
    wish = getattr(placement.slot, "wish", None)
    if wish is None:
        own = placement.day
        return Wish(((clock.at(own, 0), clock.at(own, MIDNIGHT)),)) if own in choice.days else None
    days = tuple(
        (clock.at(day, 0), clock.at(day, MIDNIGHT)) for day in choice.days if day.isoformat() in wish.days
    )
    hours: tuple[tuple[int, int], ...] = ()
    if wish.earliest or wish.latest:
        first = _minute(wish.earliest) if wish.earliest else 0
        last = _minute(wish.latest) if wish.latest else MIDNIGHT
        hours = tuple((clock.at(day, first), clock.at(day, last)) for day in choice.days)
    return Wish(days, hours, str(wish.room_id) if wish.room_id in known else None)


def _windows(choice: Choice, clock: _Clock, now: dt.datetime) -> tuple[tuple[int, int], ...]:
    """Between the hours of each chosen day, and not in the past."""
    begun = clock.of(now) + 1
    found = []
    for day in sorted(choice.days):
        first, last = clock.at(day, _minute(choice.earliest)), clock.at(day, _minute(choice.latest))
        if max(first, begun) < last:
            found.append((max(first, begun), last))
    return tuple(found)


def _room(
    room: Room,
    choice: Choice,
    clock: _Clock,
    windows: tuple[tuple[int, int], ...],
    ignored: set[PlacingRule],
) -> RoomSpec:
    """Open within the windows only: the night between two days is no gap of a room nobody has hours of."""
    opens: list[tuple[int, int]] = []
    for day in sorted(choice.days):
        ranges = [(0, MIDNIGHT)] if PlacingRule.CLOSED in ignored else open_ranges(room, day)
        for first, last in ranges:
            start, end = clock.at(day, first), clock.at(day, last)
            if opens and opens[-1][1] >= start:
                opens[-1] = (opens[-1][0], end)  # past midnight
            elif start < end:
                opens.append((start, end))
    return RoomSpec(
        key=str(room.pk),
        parts=tuple(
            Part(
                str(part.pk),
                max(room.setup_minutes, part.setup_minutes),
                max(room.turnover_minutes, part.turnover_minutes),
            )
            for part in atoms_of(room)
        ),
        open=tuple(
            (max(start, first), min(end, last))
            for start, end in opens
            for first, last in windows
            if max(start, first) < min(end, last)
        ),
        capacity=people_it_may_hold(room),
        comfort=room.comfort_capacity,
        has=frozenset(equipment_of(room)),
    )


def _blocked(rooms: Sequence[Room], clock: _Clock, choice: Choice) -> dict[str, tuple[tuple[int, int], ...]]:
    """When parts are held by something that is no slot, or by a slot of another territory."""
    parts = {part.pk for room in rooms for part in atoms_of(room)}
    day = dt.timedelta(days=1)
    ends = instant(max(choice.days) + 2 * day, dt.time(0), clock.zone, fold=0)
    rows = (
        RoomOccupancy.objects.active()
        .filter(room__in=parts)
        .between(clock.origin - day, ends)
        .filter(Q(slot__isnull=True) | Q(slot__placement__isnull=True))
    )
    # What stands in a room that is no longer in use still holds its parts.
    gone = PlannedStay.objects.filter(
        room__in=parts, starts_at__lt=ends, ends_at__gt=clock.origin - day, placement__room__is_active=False
    )
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    times = ("room", "starts_at", "ends_at")
    for room_id, start, end in sorted({*rows.values_list(*times), *gone.values_list(*times)}):
        found[str(room_id)].append((clock.of(start), clock.after(end)))
    return {part: tuple(ranges) for part, ranges in found.items()}


def _absences(appear: Mapping[int, Sequence[str]], clock: _Clock) -> dict[str, tuple[tuple[int, int], ...]]:
    people = {person for ones in appear.values() for person in ones}
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in Absence.objects.filter(person__in=[int(person) for person in people]).order_by("starts_at"):
        found[str(row.person_id)].append((clock.of(row.starts_at), clock.after(row.ends_at)))
    return {person: tuple(ranges) for person, ranges in found.items()}


def _ignored(festivals: set[Festival]) -> set[PlacingRule]:
    """Rules that no edition concerned minds; all others are kept to."""
    levels = [levels_of(festival) for festival in festivals]
    return {rule for rule in PlacingRule if levels and all(of[rule] == Level.IGNORE for of in levels)}


def _minute(at: dt.time) -> int:
    """Of the day; 23:59 stands for midnight."""
    return MIDNIGHT if at >= dt.time(23, 59) else at.hour * 60 + at.minute


# Doing it ---------------------------------------------------------------------------------------------------


def run_autoplan(work: Work) -> Ending:
    """Solve, then put what was found into the draft. Stopped before that, nothing is changed.

    ``report``: see ``_report``. A worker that dies is followed by one that begins anew: with the same seed it
    finds the same.
    """
    job, choice = work.job, from_json(work.job.params)
    territory = job.territory
    if territory is None:
        raise Refused(Reason.WRONG_STATE)
    sync_draft(territory=territory, now=work.clock())
    built = build(territory=territory, choice=choice, now=work.clock())
    telling = _Telling(work)
    found = solve(
        built.problem,
        seed=choice.seed,
        seconds=seconds_for(built.problem),
        progress=telling.progress,
        should_stop=lambda: telling.is_stopped,
    )
    if found.is_stopped or telling.is_stopped:
        work.advance(report={**job.report, "stopped": True})
        return Ending.STOPPED
    _deliver(work, territory, choice, built, found)
    return Ending.DONE


def seconds_for(problem: Problem) -> float:
    """How long it may think: what a small one does not need, a large one does."""
    pairs = len(problem.to_place) * len(problem.rooms)
    return min(MOST_SECONDS, LEAST_SECONDS + pairs / PAIRS_A_SECOND)


class _Telling:
    """Passes progress on once a second, and hears whether to stop."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.is_stopped = False
        self._told_at = 0.0

    def progress(self, done: int, total: int, step: str) -> None:
        if time.monotonic() - self._told_at < TELL_EVERY:
            return
        self._told_at = time.monotonic()
        with override("fr"):
            words = say_step(step)
        self.is_stopped = self.work.advance(done=min(done, 99), total=100, step=words)


def say_step(step: str) -> str:
    return {
        "construct": _("Placing what is hardest first"),
        "make_room": _("Making room for what is left"),
        "improve": _("Improving"),
        "exact": _("Looking for the best there is"),
    }.get(step, "")


@patient
@transaction.atomic
def _deliver(work: Work, territory: Territory, choice: Choice, built: Built, found: Outcome) -> None:
    """Into the draft, as far as it still holds; the report says the rest. One transaction."""
    work.hold()
    now = work.clock()
    batch = uuid.uuid4()
    wanted = {
        one.visit: one for one in found.assignments if built.placements[one.visit].pk and one.room is not None
    }
    movable = {visit.key for visit in built.problem.to_place}
    wanted = {key: one for key, one in wanted.items() if key in movable}
    dropped: list[str] = []
    for _try in range(TRIES):
        current, keeps = _still_holds(territory, choice, built, wanted, now)
        dropped += sorted(set(wanted) - set(keeps))
        wanted = keeps
        plans = {int(key): (int(one.room or 0), current.when(key, one.start)) for key, one in wanted.items()}
        try:
            with transaction.atomic():
                changed = plan_many(
                    territory=territory, plans=plans, by=work.job.asked_by, now=now, batch=batch
                )
            break
        except Refused as refused:
            slot_id = refused.facts.get("slot_id") or getattr(refused.facts.get("slot"), "pk", None)
            if str(slot_id) not in wanted:
                raise
            dropped.append(str(slot_id))
            del wanted[str(slot_id)]
    else:
        raise Refused(Reason.CHANGED_MEANWHILE)
    report = _report(built, found, placed=len(wanted), changed=len(changed), dropped=dropped, batch=batch)
    work.advance(done=100, total=100, report={**work.job.report, **report})


def _still_holds(
    territory: Territory,
    choice: Choice,
    built: Built,
    wanted: Mapping[str, Assignment],
    now: dt.datetime,
) -> tuple[Built, dict[str, Assignment]]:
    """The problem as the draft now stands, and of what was found all that breaks none of its rules."""
    sync_draft(territory=territory, now=now)
    current = build(territory=territory, choice=choice, now=now)
    movable = {visit.key for visit in current.problem.to_place}
    seen = {key: one.revision for key, one in built.placements.items()}
    keeps = {
        key: one
        for key, one in wanted.items()
        if key in movable and current.placements[key].revision == seen[key]
    }
    fixed = [
        Assignment(visit.key, visit.pinned.room, visit.pinned.start)
        for visit in current.problem.visits
        if visit.pinned is not None
    ]
    while broken := validate(current.problem, [*fixed, *keeps.values()]):
        out = {one.visit if one.visit in keeps else one.other for one in broken} & set(keeps)
        if not out:
            raise Refused(Reason.CHANGED_MEANWHILE)
        keeps = {key: one for key, one in keeps.items() if key not in out}
    return current, keeps


def _report(
    built: Built, found: Outcome, *, placed: int, changed: int, dropped: Sequence[str], batch: uuid.UUID
) -> dict[str, Any]:
    """As JSON: ids of slots, rooms and people; times in ISO 8601 with UTC."""
    return {
        "batch": str(batch),
        "solver": found.solver,
        "is_proved": found.is_proved,
        "is_cut_short": found.is_cut_short,
        "total": round(found.score.total, 2),
        "bound": None if found.bound is None else round(found.bound, 2),
        "goals": [
            {
                "name": goal.name.value,
                "weight": goal.weight,
                "cost": goal.cost,
                "worst": goal.worst,
                "share": round(goal.share, 4),
            }
            for goal in found.score.goals
        ],
        "asked": len(built.problem.to_place),
        "placed": placed,
        "changed": changed,
        "fixed": len(built.problem.visits) - len(built.problem.to_place),
        "dropped": [int(key) for key in dropped],
        "unplaced": [_unplaced(built, one) for one in found.unplaced],
    }


def _unplaced(built: Built, one: Unplaced) -> dict[str, Any]:
    return {
        "slot": int(one.visit),
        "rules": [rule.value for rule in one.rules],
        "visits": [int(key) for key in one.visits],
        "needs": list(one.needs),
        "people": [int(person) for person in one.people],
        "largest": one.largest,
        "ways": [
            {
                "kind": way.kind.value,
                "room": int(way.place.room or 0),
                "at": (built.origin + dt.timedelta(minutes=way.place.start)).isoformat(),
                "what": way.what,
                "amount": way.amount,
            }
            for way in one.ways_in
        ],
    }
