"""Writing what a file says: all of it in one transaction, or nothing.

The identifier makes a second run an update. A slot is known again by its time; where the times changed, slots
move in their order, by the rules of ``events.scheduling`` and ``events.registration`` as soon as somebody is
registered or a room is held, so that people are told and nothing is taken twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from events.clock import NoSuchTime, TwiceThatDay, instant, on_the_wall
from events.guards import PERSON_GUARD
from events.hosting import free_slug
from events.models import Activity, Festival, Mode, Registration, Slot, Territory
from events.refusals import Reason, Refused
from events.registration.withdraw import change_capacity, withdraw_slot
from events.scheduling.place import move_slot, place_slot

from .destinations import Destinations
from .entries import ASSUMED_MINUTES, Entry, Problem, Timing
from .faults import Fault, Said, in_each_language
from .openagenda_out import number_of

STATES = {
    "published": Activity.State.PUBLISHED,
    "ready": Activity.State.READY,
    "submitted": Activity.State.SUBMITTED,
    "changes_requested": Activity.State.CHANGES_REQUESTED,
    "rejected": Activity.State.REJECTED,
}
MOST_GONE = 20
FEW_GONE, SHARE_GONE = 3, 0.25
"""An import may take away so many slots without being asked twice: 20, or a quarter of what it names; two
always. A file cut in half by mistake takes away more."""
AWAITING = (Activity.State.SUBMITTED, Activity.State.READY, Activity.State.CHANGES_REQUESTED)
REJECTED_SINCE = "Retiré par l’organisateur."


class ImportRefused(Exception):
    """Something is wrong with some lines; nothing was written. ``problems`` are in the file's order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = sorted(problems, key=lambda problem: problem.line)


class TooManyGone(Exception):
    """The import would take away ``gone`` of the ``known`` slots to come that its events have; nothing was
    written."""

    def __init__(self, gone: int, known: int) -> None:
        super().__init__(f"{gone} of {known} slots")
        self.gone, self.known = gone, known


@dataclass(slots=True)
class Summary:
    """What was done; ``notes`` are worth reading, by line.

    ``slots_known``: slots to come that earlier imports brought to the events of this one; ``slots_withdrawn``
    are those of them that were called off, counted among the changed as well.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    slots_created: int = 0
    slots_changed: int = 0
    slots_removed: int = 0
    slots_withdrawn: int = 0
    slots_known: int = 0
    ends_assumed: int = 0
    notes: list[Problem] = field(default_factory=list)

    @property
    def gone(self) -> int:
        """Slots to come that people could see or be given, and no longer can."""
        return self.slots_removed + self.slots_withdrawn

    @property
    def is_mass_deletion(self) -> bool:
        """Whether so many go that somebody should have said so."""
        many = self.gone >= FEW_GONE and self.gone > SHARE_GONE * self.slots_known
        return self.gone > MOST_GONE or many


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A time of the file, made an instant."""

    timing: Timing
    starts_at: dt.datetime
    minutes: int


def import_entries(
    entries: Sequence[Entry],
    *,
    festival: Festival,
    now: dt.datetime,
    by: User | None = None,
    source: str = "",
    dry_run: bool = False,
    allow_deletions: bool = False,
    allowed_gone: int = 0,
    within: Territory | None = None,
    absent: Collection[str] = (),
) -> Summary:
    """Write the events of a file into an edition; the same file again changes nothing.

    :param by: who imports, for the journal; None for a command.
    :param dry_run: do everything, then take it back; the summary says whether it would be refused.
    :param allow_deletions: take away as many slots as the file says.
    :param allowed_gone: as many as somebody has said yes to.
    :param within: the only territory whose visits may be written.
    :param absent: identifiers of events that the source has named before and no longer does: their slots to
        come go like those that an event no longer names.

    Raises ``ImportRefused`` and ``TooManyGone``; nothing is written then.
    """
    with transaction.atomic():
        work = _Import(festival, now, by, source, within)
        summary = work.run(entries, absent)
        if work.problems:
            raise ImportRefused(work.problems)
        is_allowed = allow_deletions or summary.gone <= allowed_gone
        if summary.is_mass_deletion and not (is_allowed or dry_run):
            raise TooManyGone(summary.gone, summary.slots_known)
        if dry_run:
            transaction.set_rollback(True)
    return summary


class _Import:
    def __init__(
        self,
        festival: Festival,
        now: dt.datetime,
        by: User | None,
        source: str,
        within: Territory | None,
    ) -> None:
        self.festival, self.now, self.by, self.source, self.within = festival, now, by, source, within
        self.summary = Summary()
        self.problems: list[Problem] = []
        self.destinations = Destinations(festival, home=within)

    def run(self, entries: Sequence[Entry], absent: Collection[str] = ()) -> Summary:
        self.destinations.learn(entries)
        known = {
            activity.external_id: activity
            for activity in self.festival.activities.exclude(external_id="").select_related(
                "host", "territory", "venue__commune", "venue__territory"
            )
        }
        named = [(entry, known.get(entry.identifier) or self._own(entry)) for entry in entries]
        left = [known[one] for one in absent if one in known and known[one].territory == self.within]
        concerned = {one.pk for one in [*(one for _entry, one in named), *left] if one}
        self.summary.slots_known = (
            Slot.objects.filter(activity__in=concerned, ends_at__gt=self.now)
            .exclude(state=Slot.State.CANCELLED)
            .exclude(external_id="")
            .count()
        )
        for entry, activity in named:
            self._take(entry, activity)
        for activity in left:
            self._let_all_go(activity)
        self.summary.notes = sorted(
            [*self.summary.notes, *self.destinations.notes], key=lambda note: note.line
        )
        return self.summary

    def _own(self, entry: Entry) -> Activity | None:
        """An activity made here that went out with its number and comes back."""
        number = number_of(entry.identifier)
        if number is None:
            return None
        return (
            self.festival.activities.select_related("host", "territory", "venue__commune", "venue__territory")
            .filter(pk=number, external_id="")
            .first()
        )

    def _take(self, entry: Entry, activity: Activity | None) -> None:
        territory, commune = self.destinations.commune(entry)
        if self.within is not None and not self._is_within(entry, activity, territory):
            return
        if entry.state == "rejected" and activity is not None and activity.is_public:
            entry.cancelled = entry.cancelled or REJECTED_SINCE
        wanted = self._instants(entry, territory)
        if wanted is None:
            return
        venue = self.destinations.venue(entry, territory, commune)
        values = self._values(entry, activity, territory)
        values |= {"host": self.destinations.host(entry, territory), "territory": territory}
        if venue is not None:
            values["venue"] = venue
        if activity is None:
            activity = self._create(entry, values)
            changed = None
        else:
            changed = self._update(entry, activity, values)
        before = (self.summary.slots_created, self.summary.slots_changed, self.summary.slots_removed)
        self._take_slots(entry, activity, wanted)
        after = (self.summary.slots_created, self.summary.slots_changed, self.summary.slots_removed)
        if changed is None:
            self.summary.created += 1
        elif changed or before != after:
            self.summary.updated += 1
        else:
            self.summary.unchanged += 1

    def _is_within(self, entry: Entry, activity: Activity | None, territory: Territory) -> bool:
        """Whether this entry is the territory's to write; says so if not."""
        if territory != self.within:
            said = Fault.OTHER_TERRITORY.of(commune=entry.commune)
        elif activity is not None and activity.territory_id != territory.pk:
            said = Fault.VISIT_ELSEWHERE.of(identifier=entry.identifier)
        else:
            return True
        self.problems.append(entry.problem(said))
        return False

    # ── the activity ──────────────────────────────────────────────────────────────────────────────────────

    def _values(self, entry: Entry, activity: Activity | None, territory: Territory) -> dict[str, Any]:
        """What the file says of the activity; what it does not say stays as it is."""
        said: dict[str, Any] = {
            "title_fr": entry.title,
            "title_en": entry.title_en,
            "description_fr": entry.description,
            "description_en": entry.description_en,
            "format": entry.format,
            "languages": entry.languages,
            "access": entry.access,
            "minimum_age": entry.minimum_age,
            "meeting_point": entry.meeting_point,
            "audience": entry.audience,
        }
        values = {name: value for name, value in said.items() if value not in (None, "")}
        # What may be said to be nothing.
        also = {
            "theme": entry.theme,
            "announced": entry.announced,
            "image_url": entry.image_url,
            "image_credit": entry.image_credit,
        }
        values |= {name: value for name, value in also.items() if value is not None}
        mode = entry.mode or (Mode.FIRST_COME if _counts_places(entry) else None)
        if mode is not None:
            values["mode"] = mode
        elif activity is None:
            values["mode"] = Mode.DROP_IN
        return values

    def _create(self, entry: Entry, values: dict[str, Any]) -> Activity:
        state = STATES[entry.state]
        values.setdefault("format", "other" if entry.format is None else entry.format)
        values.setdefault("languages", ["fr"])
        return Activity.objects.create(
            festival=self.festival,
            external_id=entry.identifier,
            slug=free_slug(Activity, entry.title),
            state=state,
            source=self.source[:300],
            submitted_at=self.now if state in AWAITING else None,
            published_at=self.now if state == Activity.State.PUBLISHED else None,
            **values,
        )

    def _update(self, entry: Entry, activity: Activity, values: dict[str, Any]) -> bool:
        """Whether something was changed. How people come is not changed under those who have a place."""
        mode = values.get("mode")
        if mode not in (None, activity.mode, Mode.FIRST_COME) and _somebody_is_registered(activity):
            self.problems.append(entry.problem(Fault.WAY_FIXED.of()))
            return False
        changed = [name for name, value in values.items() if getattr(activity, name) != value]
        if changed:
            for name in changed:
                setattr(activity, name, values[name])
            activity.save(update_fields=changed)
        return bool(changed)

    # ── its slots ─────────────────────────────────────────────────────────────────────────────────────────

    def _instants(self, entry: Entry, territory: Territory) -> list[_Wanted] | None:
        """The times of an event as instants, or None when a clock does not show one of them."""
        found = []
        for timing in entry.timings:
            if timing.at is not None:
                here = on_the_wall(timing.at, territory.timezone)
                start = here.time().replace(fold=0)
                timing = replace(timing, day=here.date(), start=start, fold=here.fold)
            try:
                at = instant(timing.day, timing.start, territory.timezone, fold=timing.fold)
            except NoSuchTime:
                fault = Fault.TIME_SKIPPED
            except TwiceThatDay:
                fault = Fault.TIME_SHOWN_TWICE
            else:
                found.append(_Wanted(timing, at, timing.minutes or ASSUMED_MINUTES))
                continue
            said = fault.of(territory=territory.name, time=timing.start, day=timing.day)
            self.problems.append(entry.problem(said, line=timing.line))
        return found if len(found) == len(entry.timings) else None

    def _take_slots(self, entry: Entry, activity: Activity, wanted: list[_Wanted]) -> None:
        slots = list(activity.slots.select_related("activity__territory", "venue", "room"))
        there = {slot.starts_at: slot for slot in slots if not slot.is_cancelled}
        withdrawn = {slot.starts_at for slot in slots if slot.is_cancelled}
        times = {one.starts_at for one in wanted}
        live = {one.starts_at for one in wanted if not _called_off(entry, one)}
        gone = sorted(
            (
                slot
                for at, slot in there.items()
                if at not in times and slot.external_id and slot.ends_at > self.now
            ),
            key=lambda slot: slot.starts_at,
        )
        for one in wanted:
            self.summary.ends_assumed += one.timing.minutes is None
            slot = there.get(one.starts_at)
            is_off = bool(_called_off(entry, one))
            with self._told(entry, one.timing.line):
                if is_off and one.starts_at in live:  # called off, and planned anew at the same time
                    if one.starts_at not in withdrawn:
                        self._add(entry, activity, one)
                elif slot is not None:
                    self._keep(entry, slot, one)
                elif one.starts_at in withdrawn:
                    if not is_off:
                        said = Fault.WITHDRAWN_HERE.of(slot=_when(one.timing.day, one.timing.start))
                        self.summary.notes.append(entry.problem(said, line=one.timing.line))
                elif gone and one.starts_at > self.now:
                    self._move(entry, gone.pop(0), one)
                else:
                    self._add(entry, activity, one)
        for slot in gone:
            self._let_go(entry, slot)

    def _add(self, entry: Entry, activity: Activity, one: _Wanted) -> None:
        slot = Slot(
            activity=activity,
            venue=activity.venue,
            capacity=0 if entry.is_full else _capacity(entry, one),
            opens_at=one.timing.opens_at,
            waiting_list_open=not entry.is_full,
            state=Slot.State.PUBLISHED if activity.is_public else Slot.State.DRAFT,
            external_id=entry.identifier,
        )
        if why := _called_off(entry, one):
            slot.state, slot.cancelled_at = Slot.State.CANCELLED, self.now
            slot.cancelled_by_host, slot.cancel_reason = True, why
        timing = one.timing
        slot.set_time(
            day=timing.day,
            start_time=timing.start,
            duration=one.minutes,
            timezone=activity.territory.timezone,
            fold=timing.fold,
        )
        slot.save()
        self.summary.slots_created += 1
        self._give_room(entry, slot, one)

    def _keep(self, entry: Entry, slot: Slot, one: _Wanted) -> None:
        """A slot at its time: withdraw it, or bring its length, place and places up to date."""
        if why := _called_off(entry, one):
            if slot.ends_at > self.now and slot.state == Slot.State.PUBLISHED:
                withdraw_slot(slot_id=slot.pk, reason=why, by=self.by, now=self.now, by_host=True)
                self.summary.slots_changed += 1
                self.summary.slots_withdrawn += 1
            return
        changed = False
        if one.timing.minutes is not None and one.minutes != slot.duration:
            self._move(entry, slot, one, counted=False)
            changed = True
        venue = slot.activity.venue
        if slot.room_id is None and venue is not None and slot.venue_id != venue.pk:
            slot.venue = venue
            slot.save(update_fields=["venue"])
            changed = True
        changed |= self._set_capacity(entry, slot, one)
        changed |= self._give_room(entry, slot, one)
        self.summary.slots_changed += changed

    def _move(self, entry: Entry, slot: Slot, one: _Wanted, *, counted: bool = True) -> None:
        """Another time for a slot: by the rule when people or a room hang on it."""
        timing = one.timing
        when: dict[str, Any] = {"day": timing.day, "start_time": timing.start, "fold": timing.fold}
        minutes = one.minutes if timing.minutes is not None else slot.duration
        if slot.ends_at > self.now and one.starts_at > self.now:
            move_slot(slot_id=slot.pk, duration=minutes, by=self.by, now=self.now, **when)
            slot.refresh_from_db()
        else:
            slot.set_time(duration=minutes, timezone=slot.timezone, **when)
            slot.save(update_fields=["day", "start_time", "fold", "duration", "starts_at", "ends_at"])
        if counted:
            self.summary.slots_changed += 1
            self._set_capacity(entry, slot, one)
            self._give_room(entry, slot, one)

    def _set_capacity(self, entry: Entry, slot: Slot, one: _Wanted) -> bool:
        capacity = slot.taken + slot.held if entry.is_full else _capacity(entry, one)
        if capacity is None or capacity == slot.capacity:
            return False
        change_capacity(slot_id=slot.pk, capacity=capacity, now=self.now, by=self.by)
        if entry.is_full:
            Slot.objects.filter(pk=slot.pk).update(waiting_list_open=False)
        return True

    def _give_room(self, entry: Entry, slot: Slot, one: _Wanted) -> bool:
        """Into the room the file names. A slot that is over is written down there without holding it."""
        name = one.timing.room or entry.room
        if not name or slot.activity.venue is None or slot.is_cancelled:
            return False
        room = self.destinations.room(name, slot.activity.venue)
        if slot.room_id == room.pk:
            return False
        if slot.ends_at <= self.now:
            slot.room, slot.venue = room, room.venue
            slot.save(update_fields=["room", "venue"])
        else:
            place_slot(slot_id=slot.pk, room_id=room.pk, by=self.by, now=self.now)
            slot.refresh_from_db()
        return True

    def _let_go(self, entry: Entry, slot: Slot) -> None:
        """A slot the file no longer names: deleted, unless somebody ever had a place in it."""
        if slot.registrations.exists():
            said = Fault.SLOT_KEPT.of(slot=_when(slot.day, slot.start_time))
            self.summary.notes.append(entry.problem(said))
            return
        slot.delete()
        self.summary.slots_removed += 1

    def _let_all_go(self, activity: Activity) -> None:
        """An event that its source no longer names: its slots to come, as above. The visit itself stays."""
        slots = activity.slots.filter(ends_at__gt=self.now).exclude(external_id="")
        removed = 0
        for slot in slots.exclude(state=Slot.State.CANCELLED).order_by("starts_at"):
            if slot.registrations.exists():
                said = Fault.EVENT_KEPT.of(title=activity.title, slot=_when(slot.day, slot.start_time))
                self.summary.notes.append(Problem(0, said, of_event=True))
                continue
            slot.delete()
            removed += 1
        self.summary.slots_removed += removed
        self.summary.updated += bool(removed)

    # ── what is told ──────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _told(self, entry: Entry, line: int) -> Iterator[None]:
        """A rule's refusal becomes a line of the report; what it began is taken back."""
        try:
            with transaction.atomic():
                yield
        except Refused as refused:
            self.problems.append(entry.problem(_said(refused), line=line))
        except IntegrityError as error:
            # A slot that is over is written down without a rule.
            if PERSON_GUARD not in str(error):
                raise
            self.problems.append(entry.problem(Fault.REFUSED.of(reason=Reason.PERSON_BUSY), line=line))


def _called_off(entry: Entry, one: _Wanted) -> str:
    """Why this time does not take place, or empty."""
    return entry.cancelled or one.timing.cancelled


def _capacity(entry: Entry, one: _Wanted) -> int | None:
    return one.timing.capacity if one.timing.counts else entry.capacity


def _counts_places(entry: Entry) -> bool:
    return bool(entry.capacity or entry.is_full or any(timing.capacity for timing in entry.timings))


def _somebody_is_registered(activity: Activity) -> bool:
    return Registration.objects.active().filter(slot__activity=activity).exists()


def _said(refused: Refused) -> Said:
    """A refusal with what is in the way where the rule names it."""
    reason, facts = refused.reason.value, refused.facts
    if refused.reason == Reason.PLACES_TAKEN:
        return Fault.PLACES_TAKEN.of(taken=facts["taken"])
    if refused.reason == Reason.ROOM_OCCUPIED and facts.get("in_the_way"):
        names = ", ".join(str(one.slot.activity if one.slot else one.label) for one in facts["in_the_way"])
        return Fault.IN_THE_WAY.of(reason=reason, names=names)
    if refused.reason == Reason.PERSON_BUSY and facts.get("in_the_way"):
        names = ", ".join(f"{one.person} ({one.slot.activity})" for one in facts["in_the_way"])
        return Fault.WHO_IS_WHERE.of(reason=reason, names=names)
    if findings := facts.get("findings"):
        sentence = in_each_language(lambda: " ".join(one.words for one in findings))
        return Fault.FOUND.of(reason=reason, sentence=sentence)
    return Fault.REFUSED.of(reason=reason)


def _when(day: dt.date, start: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, start)
