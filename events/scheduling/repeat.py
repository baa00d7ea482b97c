"""Many slots from one sentence: « every 45 minutes from 9 h to 12 h on these days »."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User
from events.clock import NoSuchTime, TwiceThatDay, instant
from events.models import Activity, JournalEntry, Slot
from events.programme import forget_facets
from events.refusals import Reason, Refused
from events.registration.openings import lay_openings
from events.registration.patience import patient

SHORTEST, LONGEST = 5, 1440
"""Minutes a slot lasts at least and at most, as the database holds it."""


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot not yet saved: a time on the wall of ``timezone``, ``duration`` in minutes.

    ``starts_at`` and ``ends_at`` (UTC) are None when the clocks do not tell one instant; ``problem`` then
    says why.
    """

    day: dt.date
    start_time: dt.time
    duration: int
    timezone: str
    fold: int | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    problem: Reason | None = None

    @property
    def wall_start(self) -> dt.datetime:
        """The start as typed, without a zone."""
        return dt.datetime.combine(self.day, self.start_time)

    @property
    def wall_end(self) -> dt.datetime:
        return self.wall_start + dt.timedelta(minutes=self.duration)


def repetition(
    *,
    days: Iterable[dt.date],
    first: dt.time,
    last: dt.time | None,
    every: int,
    duration: int,
    timezone: str,
    fold: int | None = None,
) -> list[PlannedSlot]:
    """The slots of a repetition, in order of day and hour; pure.

    On each of ``days`` a slot of ``duration`` minutes starts at ``first`` and then ``every`` so many minutes
    on the wall clock, as long as it is over by ``last``. ``last`` at or before ``first`` lies after midnight:
    what starts there belongs to the next day. ``last`` None: one slot a day. Times that the clocks skip carry
    ``NO_SUCH_TIME``, times they show twice ``TIME_TWICE`` unless ``fold`` says which (0 the first, 1 the
    second). Raises ``ValueError`` when ``every`` or ``duration`` is not between 5 and 1440 minutes.
    """
    if not SHORTEST <= duration <= LONGEST:
        raise ValueError(f"A slot lasts between {SHORTEST} and {LONGEST} minutes.")
    if last is not None and not SHORTEST <= every <= LONGEST:
        raise ValueError(f"A repetition comes every {SHORTEST} to {LONGEST} minutes.")
    planned = []
    for day in sorted(set(days)):
        start = dt.datetime.combine(day, first)
        if last is None:
            planned.append(_plan(start, duration, timezone, fold))
            continue
        over = dt.datetime.combine(day, last)
        if over <= start:
            over += dt.timedelta(days=1)
        while start + dt.timedelta(minutes=duration) <= over:
            planned.append(_plan(start, duration, timezone, fold))
            start += dt.timedelta(minutes=every)
    # Nights that run into the next chosen day may meet its first slots.
    return sorted({slot.wall_start: slot for slot in planned}.values(), key=lambda slot: slot.wall_start)


def _plan(start: dt.datetime, duration: int, timezone: str, fold: int | None) -> PlannedSlot:
    slot = PlannedSlot(start.date(), start.time(), duration, timezone, fold)
    try:
        starts_at = instant(slot.day, slot.start_time, timezone, fold=fold)
    except NoSuchTime:
        return replace(slot, problem=Reason.NO_SUCH_TIME)
    except TwiceThatDay:
        return replace(slot, problem=Reason.TIME_TWICE)
    return replace(slot, starts_at=starts_at, ends_at=starts_at + dt.timedelta(minutes=duration))


def with_problems(
    *, activity: Activity, planned: Sequence[PlannedSlot], now: dt.datetime
) -> list[PlannedSlot]:
    """The same slots, each with what stands in its way: a time skipped or doubled, past, or already a slot's
    start.
    """
    present = set(activity.slots.exclude(state=Slot.State.CANCELLED).values_list("starts_at", flat=True))
    checked = []
    for slot in planned:
        problem = slot.problem
        if problem is None and slot.starts_at is not None:
            if slot.starts_at <= now:
                problem = Reason.IN_THE_PAST
            elif slot.starts_at in present:
                problem = Reason.SAME_START
            present.add(slot.starts_at)
        checked.append(replace(slot, problem=problem))
    return checked


@patient
def add_slots(
    *, activity_id: int, planned: Sequence[PlannedSlot], capacity: int | None, by: User, now: dt.datetime
) -> list[Slot]:
    """Save planned slots, all or none; ``capacity`` None means no limit.

    Slots of a draft are drafts and go through moderation with it. Slots added to a published activity are
    published at once: its content was read, and a new time needs no second reading; the organisers see them
    in the journal. Raises ``Refused``: ``WRONG_STATE`` while the activity is in the organisers' hands,
    rejected or cancelled; ``NO_SLOT`` for an empty list; else the first line's problem, with every bad line
    in ``facts["lines"]``.
    """
    with transaction.atomic():
        activity = Activity.objects.select_for_update().get(pk=activity_id)
        if not activity.may_be_edited:
            raise Refused(Reason.WRONG_STATE, state=activity.state)
        if not planned:
            raise Refused(Reason.NO_SLOT)
        bad = [slot for slot in with_problems(activity=activity, planned=planned, now=now) if slot.problem]
        if bad:
            raise Refused(bad[0].problem or Reason.WRONG_STATE, lines=bad)
        is_public = activity.state == Activity.State.PUBLISHED
        slots = [_slot(activity, slot, capacity, is_public=is_public) for slot in planned]
        try:
            with transaction.atomic():
                Slot.objects.bulk_create(slots)
        except IntegrityError as error:
            raise Refused(Reason.SAME_START, lines=list(planned)) from error
        just_made = Q(pk__in=[slot.pk for slot in slots])
        lay_openings(festival=activity.festival, now=now, activity=activity, also=just_made)
        if is_public:
            forget_facets()
            said = ", ".join(f"{slot.day:%d/%m/%Y} {slot.start_time:%H:%M}" for slot in slots)
            JournalEntry.objects.create(at=now, actor=by, verb="slots_added", activity=activity, text=said)
    return slots


def _slot(activity: Activity, planned: PlannedSlot, capacity: int | None, *, is_public: bool) -> Slot:
    slot = Slot(
        activity=activity,
        venue_id=activity.venue_id,
        capacity=capacity,
        state=Slot.State.PUBLISHED if is_public else Slot.State.DRAFT,
    )
    slot.set_time(
        day=planned.day,
        start_time=planned.start_time,
        duration=planned.duration,
        timezone=planned.timezone,
        fold=planned.fold,
    )
    return slot
