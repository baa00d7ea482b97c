"""A plan for a real day: from starred activities and visits already booked to slots, ways and reasons."""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from events.calendar import position_of, venue_of
from events.clock import on_the_wall
from events.models import Activity, Mode, Registration, Slot, Venue, Visitor
from events.wording import Position, metres_between, walking_minutes

from .problem import Candidate, Day, Impossible, Option, Plan
from .question import MOST_VARIANTS, Pace, Question
from .reasons import Why, left_out
from .solve import plan_day
from .starting import placed

DROP_IN_STAY = 30
"""Minutes one is taken to stay where people drop in, unless it is open for less."""
LUNCH_OPENS, LUNCH_CLOSES = dt.time(11, 30), dt.time(14, 30)
DEAR_WEIGHT, LUNCH_WEIGHT = 3, 2
"""Something one holds dear weighs as much as three others, a lunch as two."""
BIKE_METRES_PER_MINUTE, RIDE_METRES_PER_MINUTE = 200, 400
"""12 and 24 km/h in a straight line: streets turn, and stops are waited at."""
RIDE_WAIT = 8
"""Minutes to the stop and for the bus."""
UNKNOWN_WAY = 20
"""Minutes to a place whose position nobody has entered."""
MOST_SLOTS = 1500
WHOLE_DAY = 24 * 60


class Reason(enum.StrEnum):
    """Why something starred is not part of the day."""

    OTHER_DAY = "other_day"
    OVER = "over"
    FULL = "full"
    BALLOT = "ballot"
    CLOSED = "closed"
    OUTSIDE = "outside"
    FIXED = "fixed"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Step:
    """A visit, or a lunch (``slot`` None). Instants are aware, on the local clock; ``way`` and ``spare`` in
    minutes. ``registration``: it is booked already.
    """

    slot: Slot | None
    begins_at: dt.datetime
    ends_at: dt.datetime
    leaves_at: dt.datetime
    way: int
    spare: int
    registration: Registration | None = None
    is_pinned: bool = False

    @property
    def may_be_booked(self) -> bool:
        return self.slot is not None and self.registration is None and self.slot.mode == Mode.FIRST_COME


@dataclass(frozen=True, slots=True)
class Left:
    """Something starred that is not part of the day. ``beside``: titles of what is in its way; ``days``: on
    which other days it takes place.
    """

    activity: Activity
    reason: Reason
    beside: tuple[str, ...] = ()
    days: tuple[dt.date, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """One day. ``days``: those on which something starred or booked takes place, with how many things.

    ``clash``: titles of what was booked or pinned and cannot be lived together; then there are no steps.
    """

    day: dt.date | None
    zone: str
    steps: tuple[Step, ...] = ()
    left: tuple[Left, ...] = ()
    days: tuple[tuple[dt.date, int], ...] = ()
    activities: tuple[Activity, ...] = ()
    is_best: bool = True
    has_other: bool = False
    clash: tuple[str, ...] = ()

    @property
    def on_the_way(self) -> int:
        """Minutes between doors, all together."""
        return sum(step.way for step in self.steps)

    @property
    def to_book(self) -> list[Slot]:
        return [step.slot for step in self.steps if step.slot is not None and step.may_be_booked]


@dataclass(slots=True)
class _Thing:
    """One candidate with what it stands for: a slot for each of its options; none for a lunch."""

    title: str
    slots: list[Slot]
    candidate: Candidate
    activity: Activity | None = None
    registration: Registration | None = None


@dataclass(slots=True)
class _Ground:
    """The day on the clock of one zone, and the places met so far."""

    day: dt.date
    zone: str
    pace: Pace
    places: list[Position | None] = field(default_factory=list)
    _numbers: dict[object, int] = field(default_factory=dict)

    @property
    def midnight(self) -> dt.datetime:
        return dt.datetime.combine(self.day, dt.time(), ZoneInfo(self.zone)).astimezone(dt.UTC)

    def minute(self, at: dt.datetime) -> int:
        """Whole minutes of real time since the day began."""
        return math.floor((at - self.midnight).total_seconds() / 60)

    def minute_of(self, time: dt.time) -> int:
        """The same for a time on the wall: on two nights a year they are not what they seem."""
        return self.minute(dt.datetime.combine(self.day, time, ZoneInfo(self.zone)).astimezone(dt.UTC))

    def at(self, minute: int) -> dt.datetime:
        return on_the_wall(self.midnight + dt.timedelta(minutes=minute), self.zone)

    def place(self, venue: Venue | None) -> int:
        """The number of a venue among the places; one that is not known stands alone."""
        return self.number(("venue", venue.pk) if venue else ("none", len(self.places)), position_of(venue))

    def number(self, key: object, position: Position | None) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.places)
            self.places.append(position)
        return self._numbers[key]

    def travel(self) -> tuple[tuple[int, ...], ...]:
        """Minutes between all places, never longer than by way of a third."""
        size = range(len(self.places))
        ways = [[way_minutes(a, b, self.pace) if i != j else 0 for j, b in enumerate(self.places)]
                for i, a in enumerate(self.places)]  # fmt: skip
        for k in size:
            for i in size:
                through = ways[i][k]
                for j in size:
                    ways[i][j] = min(ways[i][j], through + ways[k][j])
        return tuple(tuple(row) for row in ways)


def way_minutes(here: Position | None, there: Position | None, pace: Pace) -> int:
    """Minutes from one position to another: on foot as ``wording.walking_minutes`` says it, by bicycle, or by
    public transport where that is quicker than walking.
    """
    if here is None or there is None:
        return UNKNOWN_WAY
    metres, walk = metres_between(here, there), walking_minutes(here, there)
    if pace == Pace.BIKE:
        return min(walk, 2 + math.ceil(metres / BIKE_METRES_PER_MINUTE)) if walk else 0
    if pace == Pace.TRANSIT:
        return min(walk, RIDE_WAIT + math.ceil(metres / RIDE_METRES_PER_MINUTE))
    return walk


def propose(question: Question, *, visitor: Visitor | None, now: dt.datetime) -> Proposal:
    """What of the starred activities fits into one day beside what is booked, in which order.

    Three queries, however much is starred, and one for a starting point. ``visitor``: whose bookings are kept
    as they are.
    """
    question = placed(question)
    slots, booked = _slots_of(question, now), _booked_by(visitor, now)
    activities = _activities(question)
    by_day: dict[dt.date, set[int]] = defaultdict(set)
    for slot in [*slots, *(one.slot for one in booked)]:
        by_day[slot.day].add(slot.activity_id)
    days = tuple((day, len(by_day[day])) for day in sorted(by_day))
    if not days:
        left = tuple(Left(activity, Reason.OVER) for activity in activities)
        return Proposal(None, "", left=left, activities=activities)
    day = question.day if question.day in by_day else _fullest(by_day, slots, question, now)
    here = [slot for slot in slots if slot.day == day]
    mine = [one for one in booked if one.slot.day == day]
    zone = (mine[0].slot if mine else here[0]).timezone
    ground = _Ground(day, zone, question.pace)
    start = ground.number("start", question.start) if question.start else None
    things = _things(question, ground, here, mine, now)
    asked = _day(question, ground, [thing.candidate for thing in things], start, now)
    elsewhere = _not_that_day(activities, slots, things, day, question, now)
    frame = Proposal(day, zone, days=days, activities=activities)
    try:
        plan, has_other = _varied(asked, question.variant)
    except Impossible as clash:
        titles = tuple(things[number].title for number in clash.candidates)
        return replace(frame, clash=titles, left=tuple(elsewhere))
    return replace(
        frame,
        steps=tuple(_steps(plan, things, ground, question)),
        left=(*_left_of_the_day(asked, plan, things), *elsewhere),
        is_best=plan.is_best,
        has_other=has_other,
    )


def _fullest(
    by_day: dict[dt.date, set[int]], slots: Sequence[Slot], question: Question, now: dt.datetime
) -> dt.date:
    """The day on which most of it can be had, then the one on which most takes place, then the first."""
    free: dict[dt.date, set[int]] = defaultdict(set)
    for slot in slots:
        if why_closed(slot, question.people, now) is None:
            free[slot.day].add(slot.activity_id)
    return max(by_day, key=lambda day: (len(free[day]), len(by_day[day]), -day.toordinal()))


# What there is ----------------------------------------------------------------------------------------------


def _activities(question: Question) -> tuple[Activity, ...]:
    """What is starred and may be seen, in the order it was starred."""
    keys = [one.activity_id for one in question.wanted]
    found = Activity.objects.published().filter(pk__in=keys).select_related("host", "territory", "festival")
    known = {activity.pk: activity for activity in found}
    return tuple(known[key] for key in keys if key in known)


def _slots_of(question: Question, now: dt.datetime) -> list[Slot]:
    keys = {one.activity_id for one in question.wanted}
    slots = Slot.objects.published().filter(activity__in=keys, ends_at__gt=now)
    return list(slots.for_showing().in_order()[:MOST_SLOTS])


def _booked_by(visitor: Visitor | None, now: dt.datetime) -> list[Registration]:
    """Confirmed, or kept for them until they answer."""
    if visitor is None:
        return []
    held = Registration.objects.filter(
        visitor=visitor,
        status__in=[Registration.Status.CONFIRMED, Registration.Status.HELD],
        slot__state=Slot.State.PUBLISHED,
        slot__ends_at__gt=now,
    ).exclude(hold=Registration.Hold.CHOICE)
    joined = ("slot__activity__host", "slot__activity__territory", "slot__activity__festival")
    places = ("slot__venue__commune", "slot__activity__venue__commune", "slot__room", "visitor")
    return list(held.select_related(*joined, *places).order_by("slot__starts_at", "pk"))


def _things(
    question: Question,
    ground: _Ground,
    slots: Sequence[Slot],
    booked: Sequence[Registration],
    now: dt.datetime,
) -> list[_Thing]:
    dear = {one.activity_id for one in question.wanted if one.is_dear}
    things = [_booked(one, ground) for one in booked]
    done = {one.slot.activity_id for one in booked}
    by_activity: dict[int, list[Slot]] = defaultdict(list)
    for slot in slots:
        if slot.activity_id not in done | question.without and why_closed(slot, question.people, now) is None:
            by_activity[slot.activity_id].append(slot)
    for key, some in by_activity.items():
        pinned = [slot for slot in some if slot.pk in question.pinned]
        chosen = pinned or some
        options = tuple(_option(slot, ground) for slot in chosen)
        weight = DEAR_WEIGHT if key in dear else 1
        candidate = Candidate(key, options, weight, is_fixed=bool(pinned))
        things.append(_Thing(some[0].activity.title, chosen, candidate, some[0].activity))
    if question.lunch:
        between = ground.minute_of(LUNCH_OPENS), ground.minute_of(LUNCH_CLOSES)
        lunch = Option(None, *between, question.lunch)
        things.append(_Thing("", [], Candidate("lunch", (lunch,), LUNCH_WEIGHT)))
    return things


def _booked(one: Registration, ground: _Ground) -> _Thing:
    candidate = Candidate(f"booked {one.pk}", (_option(one.slot, ground),), is_fixed=True)
    return _Thing(one.slot.activity.title, [one.slot], candidate, one.slot.activity, one)


def _option(slot: Slot, ground: _Ground) -> Option:
    opens, closes = ground.minute(slot.starts_at), ground.minute(slot.ends_at)
    stay = min(DROP_IN_STAY, closes - opens) if slot.mode == Mode.DROP_IN else closes - opens
    return Option(ground.place(venue_of(slot)), opens, closes, stay)


def why_closed(slot: Slot, people: int, now: dt.datetime) -> Reason | None:
    """Why so many people cannot plan to be in a slot; None when they can."""
    if slot.mode == Mode.DROP_IN:
        return None if slot.ends_at > now else Reason.OVER
    if slot.starts_at <= now:
        return Reason.OVER
    if slot.mode == Mode.BALLOT:
        return Reason.BALLOT
    if slot.opens_at is not None and slot.opens_at > now:
        return Reason.CLOSED
    left = slot.places_left
    return Reason.FULL if left is not None and left < people else None


def _day(
    question: Question, ground: _Ground, candidates: list[Candidate], start: int | None, now: dt.datetime
) -> Day:
    opens = ground.minute_of(question.opens) if question.opens else 0
    closes = ground.minute_of(question.closes) if question.closes else WHOLE_DAY
    # What is booked counts even outside the hours one has in mind.
    fixed = [one.options[0] for one in candidates if str(one.key).startswith("booked")]
    opens = min([opens, *(option.opens for option in fixed)])
    closes = max([closes, *(option.closes for option in fixed)])
    starts = max(opens, ground.minute(now)) if now >= ground.midnight else opens
    starts = min([starts, *(option.opens for option in fixed)])
    return Day(tuple(candidates), ground.travel(), starts, max(closes, starts), start)


# What comes of it -------------------------------------------------------------------------------------------


def _varied(day: Day, variant: int) -> tuple[Plan, bool]:
    """The best plan, or one that differs from those before: each goes without the lightest stop of the one
    before at that time. And whether there is another.
    """
    plan = plan_day(day)
    for _number in range(variant):
        other = _without_lightest(day, plan)
        if other is None:
            return plan, False
        day, plan = other
    return plan, variant < MOST_VARIANTS and _without_lightest(day, plan) is not None


def _without_lightest(day: Day, plan: Plan) -> tuple[Day, Plan] | None:
    loose = [stop for stop in plan.stops if not day.candidates[stop.candidate].is_fixed]
    loose = [stop for stop in loose if day.candidates[stop.candidate].key != "lunch"]
    for stop in sorted(loose, key=lambda stop: (day.candidates[stop.candidate].weight, -stop.begins)):
        candidate = day.candidates[stop.candidate]
        # An option that cannot be reached keeps the numbers of the others.
        never = Option(None, day.ends + 1, day.ends + 1, 0)
        options = tuple(never if n == stop.option else one for n, one in enumerate(candidate.options))
        changed = replace(candidate, options=options)
        other = replace(
            day,
            candidates=tuple(changed if n == stop.candidate else one for n, one in enumerate(day.candidates)),
        )
        found = plan_day(other)
        if found.stops:
            return other, found
    return None


def _steps(plan: Plan, things: list[_Thing], ground: _Ground, question: Question) -> list[Step]:
    steps = []
    for stop in plan.stops:
        thing = things[stop.candidate]
        slot = thing.slots[stop.option] if thing.slots else None
        steps.append(
            Step(
                slot,
                ground.at(stop.begins),
                ground.at(stop.ends),
                ground.at(stop.leaves),
                stop.way,
                stop.spare,
                thing.registration,
                slot is not None and slot.pk in question.pinned,
            )
        )
    return steps


_REASON = {Why.OUTSIDE: Reason.OUTSIDE, Why.FIXED: Reason.FIXED, Why.OTHERS: Reason.OTHERS}


def _left_of_the_day(day: Day, plan: Plan, things: list[_Thing]) -> list[Left]:
    left = []
    for out in left_out(day, plan):
        activity = things[out.candidate].activity
        if activity is not None:
            beside = tuple(things[number].title for number in out.instead_of if things[number].title)
            left.append(Left(activity, _REASON[out.why], beside))
    return left


def _not_that_day(
    activities: Sequence[Activity],
    slots: Sequence[Slot],
    things: Sequence[_Thing],
    day: dt.date,
    question: Question,
    now: dt.datetime,
) -> list[Left]:
    """Starred, and no candidate at all: on other days only, full, drawn by lot, over."""
    tried = {thing.activity.pk for thing in things if thing.activity is not None} | question.without
    left = []
    for activity in activities:
        if activity.pk in tried:
            continue
        mine = [slot for slot in slots if slot.activity_id == activity.pk]
        others = tuple(sorted({slot.day for slot in mine} - {day}))
        reasons = [why_closed(slot, question.people, now) for slot in mine if slot.day == day]
        found = next((reason for reason in reasons if reason is not None), None)
        left.append(Left(activity, found or (Reason.OTHER_DAY if others else Reason.OVER), (), others))
    return left
