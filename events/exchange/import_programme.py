"""Writing what a file says: all of it in one transaction, or nothing.

The identifier makes a second run an update. A slot is known again by its time; where the times changed, slots
move in their order, by the rules of ``events.scheduling`` and ``events.registration`` as soon as somebody is
registered or a room is held, so that people are told and nothing is taken twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from events.clock import NoSuchTime, TwiceThatDay, instant
from events.guards import PERSON_GUARD
from events.hosting import free_slug
from events.models import Activity, Festival, Mode, Registration, Slot, Territory
from events.refusals import Reason, Refused
from events.registration.withdraw import change_capacity, withdraw_slot
from events.scheduling.place import move_slot, place_slot
from events.wording import say_day, say_time

from .destinations import Destinations
from .entries import ASSUMED_MINUTES, Entry, Problem, Timing

STATES = {
    "published": Activity.State.PUBLISHED,
    "ready": Activity.State.READY,
    "submitted": Activity.State.SUBMITTED,
}


class ImportRefused(Exception):
    """Something is wrong with some lines; nothing was written. ``problems`` are in the file's order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = sorted(problems, key=lambda problem: problem.line)


@dataclass(slots=True)
class Summary:
    """What was done; ``notes`` are worth reading, by line."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    slots_created: int = 0
    slots_changed: int = 0
    slots_removed: int = 0
    ends_assumed: int = 0
    notes: list[Problem] = field(default_factory=list)


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
) -> Summary:
    """Write the events of a file into an edition; the same file again changes nothing.

    :param by: who imports, for the journal; None for a command.
    :param dry_run: do everything, then take it back.

    Raises ``ImportRefused``; nothing is written then.
    """
    with transaction.atomic():
        work = _Import(festival, now, by, source)
        summary = work.run(entries)
        if work.problems:
            raise ImportRefused(work.problems)
        if dry_run:
            transaction.set_rollback(True)
    return summary


class _Import:
    def __init__(self, festival: Festival, now: dt.datetime, by: User | None, source: str) -> None:
        self.festival, self.now, self.source = festival, now, source
        # The rules write down who did it; for a command that is nobody, which the journal allows.
        self.by = cast(User, by)
        self.summary = Summary()
        self.problems: list[Problem] = []
        self.destinations = Destinations(festival)

    def run(self, entries: Sequence[Entry]) -> Summary:
        self.destinations.learn(entries)
        known = {
            activity.external_id: activity
            for activity in self.festival.activities.exclude(external_id="").select_related(
                "host", "territory", "venue__commune", "venue__territory"
            )
        }
        for entry in entries:
            self._take(entry, known.get(entry.identifier))
        self.summary.notes = sorted(
            [*self.summary.notes, *self.destinations.notes], key=lambda note: note.line
        )
        return self.summary

    def _take(self, entry: Entry, activity: Activity | None) -> None:
        territory, commune = self.destinations.commune(entry)
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
            "audience": entry.audience,
            "minimum_age": entry.minimum_age,
            "meeting_point": entry.meeting_point,
        }
        values = {name: value for name, value in said.items() if value not in (None, "")}
        mode = entry.mode or (Mode.FIRST_COME if entry.capacity or entry.is_full else None)
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
            submitted_at=None if state == Activity.State.PUBLISHED else self.now,
            published_at=self.now if state == Activity.State.PUBLISHED else None,
            **values,
        )

    def _update(self, entry: Entry, activity: Activity, values: dict[str, Any]) -> bool:
        """Whether something was changed. How people come is not changed under those who have a place."""
        mode = values.get("mode")
        if mode not in (None, activity.mode, Mode.FIRST_COME) and _somebody_is_registered(activity):
            text = _("people are already registered: how they come can't be changed.")
            self.problems.append(entry.problem(text))
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
            try:
                at = instant(timing.day, timing.start, territory.timezone, fold=timing.fold)
            except NoSuchTime:
                text = _("clocks in %(territory)s skip %(time)s on %(day)s (summer time begins).")
            except TwiceThatDay:
                text = _("clocks in %(territory)s show %(time)s twice on %(day)s (winter time begins).")
            else:
                found.append(_Wanted(timing, at, timing.minutes or ASSUMED_MINUTES))
                continue
            words = {"territory": territory.name, "time": say_time(timing.start), "day": say_day(timing.day)}
            self.problems.append(entry.problem(text % words, line=timing.line))
        return found if len(found) == len(entry.timings) else None

    def _take_slots(self, entry: Entry, activity: Activity, wanted: list[_Wanted]) -> None:
        slots = list(activity.slots.select_related("activity__territory", "venue", "room"))
        there = {slot.starts_at: slot for slot in slots if not slot.is_cancelled}
        withdrawn = {slot.starts_at for slot in slots if slot.is_cancelled}
        times = {one.starts_at for one in wanted}
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
            with self._told(entry, one.timing.line):
                if slot is not None:
                    self._keep(entry, slot, one)
                elif one.starts_at in withdrawn:
                    if not entry.cancelled:
                        text = _("the slot of %(slot)s was withdrawn on the site and stays so.")
                        self._note(entry, text, one)
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
            capacity=0 if entry.is_full else entry.capacity,
            waiting_list_open=not entry.is_full,
            state=Slot.State.PUBLISHED if activity.is_public else Slot.State.DRAFT,
            external_id=entry.identifier,
        )
        if entry.cancelled:
            slot.state, slot.cancelled_at = Slot.State.CANCELLED, self.now
            slot.cancelled_by_host, slot.cancel_reason = True, entry.cancelled
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
        self._give_room(entry, slot)

    def _keep(self, entry: Entry, slot: Slot, one: _Wanted) -> None:
        """A slot at its time: withdraw it, or bring its length, place and places up to date."""
        if entry.cancelled:
            if slot.ends_at > self.now and slot.state == Slot.State.PUBLISHED:
                withdraw_slot(slot_id=slot.pk, reason=entry.cancelled, by=self.by, now=self.now, by_host=True)
                self.summary.slots_changed += 1
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
        changed |= self._set_capacity(entry, slot)
        changed |= self._give_room(entry, slot)
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
            self._set_capacity(entry, slot)
            self._give_room(entry, slot)

    def _set_capacity(self, entry: Entry, slot: Slot) -> bool:
        capacity = slot.taken + slot.held if entry.is_full else entry.capacity
        if capacity is None or capacity == slot.capacity:
            return False
        change_capacity(slot_id=slot.pk, capacity=capacity, now=self.now, by=self.by)
        if entry.is_full:
            Slot.objects.filter(pk=slot.pk).update(waiting_list_open=False)
        return True

    def _give_room(self, entry: Entry, slot: Slot) -> bool:
        """Into the room the file names. A slot that is over is written down there without holding it."""
        if not entry.room or slot.activity.venue is None or slot.is_cancelled:
            return False
        room = self.destinations.room(entry, slot.activity.venue)
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
            text = _(
                "the slot of %(slot)s is no longer in the file, but people are registered: it was kept. "
                "Withdraw it on the site."
            )
            self.summary.notes.append(entry.problem(text % {"slot": _when(slot.day, slot.start_time)}))
            return
        slot.delete()
        self.summary.slots_removed += 1

    # ── what is told ──────────────────────────────────────────────────────────────────────────────────────

    def _note(self, entry: Entry, text: str, one: _Wanted) -> None:
        words = {"slot": _when(one.timing.day, one.timing.start)}
        self.summary.notes.append(entry.problem(text % words, line=one.timing.line))

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
            self.problems.append(entry.problem(str(Reason.PERSON_BUSY.label), line=line))


def _somebody_is_registered(activity: Activity) -> bool:
    return Registration.objects.active().filter(slot__activity=activity).exists()


def _said(refused: Refused) -> str:
    """A refusal in a sentence, with what is in the way where the rule names it."""
    text = str(refused.reason.label)
    if refused.reason == Reason.PLACES_TAKEN:
        text = _("%(taken)d places are already taken: the number of places can't be lower.") % refused.facts
    elif refused.reason == Reason.ROOM_OCCUPIED and refused.facts.get("in_the_way"):
        names = ", ".join(
            str(one.slot.activity if one.slot else one.label) for one in refused.facts["in_the_way"]
        )
        text = _("%(reason)s In the way: %(names)s.") % {"reason": text, "names": names}
    elif refused.reason == Reason.PERSON_BUSY and refused.facts.get("in_the_way"):
        names = ", ".join(f"{one.person} ({one.slot.activity})" for one in refused.facts["in_the_way"])
        text = _("%(reason)s Who is where: %(names)s.") % {"reason": text, "names": names}
    elif found := refused.facts.get("findings"):
        text = " ".join([text, *(one.words for one in found)])
    return text


def _when(day: dt.date, start: dt.time) -> str:
    return f"{say_day(day)}, {say_time(start)}"
