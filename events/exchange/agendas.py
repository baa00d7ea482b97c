"""Agendas that a territory follows: asked for again and again, taken in by the rules of an imported file.

What is refused is left out and said; the rest is taken in. An event that is no longer named loses its slots
to come, as a slot that is no longer named goes; what would take away too much waits for the team's yes. While
an agenda gives no answer, what it said last stands.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q

from accounts.models import User
from events.mail.tasks import hint
from events.models import AgendaRun, AgendaSource, Festival, Territory
from events.outside import Unreachable
from events.refusals import Reason, Refused

from .agenda_fetch import Fetched, fetch_agenda
from .community import edition_under_way
from .entries import Entry, Problem, Reading
from .import_programme import ImportRefused, Summary, TooManyGone, import_entries
from .openagenda import read_openagenda

logger = logging.getLogger(__name__)

TASK = "events.follow_agendas"
LEASE = dt.timedelta(minutes=10)
SWEEP_LASTS = 10.0
"""Seconds after which a sweep asks for no further agenda."""
MOST_SOURCES = 10
"""In one territory."""
MOST_EVENTS = 3000
"""Of one agenda."""
MOST_RUNS = 30
"""Kept of one agenda."""
MOST_SAID = 50
"""Problems, and notes, kept of one run."""

NO_EDITION = "no edition is under way"

Outcome = AgendaRun.Outcome


@dataclass(slots=True)
class _Taken:
    """What a look came to, before it is written down. ``values``: of the source."""

    outcome: Outcome
    why: str = ""
    summary: Summary = field(default_factory=Summary)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


# What a team does ------------------------------------------------------------------------------------------


def is_on() -> bool:
    """Whether this site asks for agendas at all."""
    return settings.AGENDA_EVERY_MINUTES > 0


@transaction.atomic
def add_source(*, territory: Territory, url: str, by: User | None, now: dt.datetime) -> AgendaSource:
    """Followed from now on. The same address a second time is the same source.

    Raises ``Refused``: LIMIT (fact ``most``).
    """
    there = territory.agenda_sources.filter(url=url).first()
    if there is not None:
        return there
    if territory.agenda_sources.count() >= MOST_SOURCES:
        raise Refused(Reason.LIMIT, most=MOST_SOURCES)
    source, _new = AgendaSource.objects.get_or_create(
        territory=territory, url=url, defaults={"created_by": by, "next_check_at": now}
    )
    transaction.on_commit(_nudge)
    return source


def try_now(*, source_id: int, now: dt.datetime) -> None:
    """Asked for at the next sweep, which a hint brings on; also what was refused is read anew."""
    AgendaSource.objects.filter(pk=source_id, is_active=True).update(next_check_at=now)
    transaction.on_commit(_nudge)


def pause_source(*, source_id: int) -> None:
    """Asked for no longer; what it brought stays."""
    AgendaSource.objects.filter(pk=source_id).update(
        is_active=False, failing_since=None, lease_token=None, lease_until=None
    )


def resume_source(*, source_id: int, now: dt.datetime) -> None:
    AgendaSource.objects.filter(pk=source_id).update(is_active=True, next_check_at=now)
    transaction.on_commit(_nudge)


def remove_source(*, source_id: int) -> None:
    """Forgotten with its runs; what it brought stays and belongs to the site."""
    AgendaSource.objects.filter(pk=source_id).delete()


def allow_deletions(*, source_id: int, gone: int, by: User, now: dt.datetime) -> None:
    """Yes, ``gone`` slots may go: said of what was held, and no more than that.

    It is asked for again, and held again should more go by then. Raises ``Refused``: CHANGED_MEANWHILE (it is
    not held, or for another number).
    """
    held = AgendaSource.objects.filter(pk=source_id, is_active=True, held_at__isnull=False, held_gone=gone)
    if not gone or not held.update(allowed_gone=gone, allowed_by=by, next_check_at=now):
        raise Refused(Reason.CHANGED_MEANWHILE)
    transaction.on_commit(_nudge)


def _nudge() -> None:
    """Hint to Celery that an agenda is due. Never relied on: the sweep finds it."""
    if is_on():
        hint(TASK)


# The sweep -------------------------------------------------------------------------------------------------


def follow_due(now: dt.datetime) -> int:
    """Look at the agendas that are due, for a few seconds: at how many. Safe to run beside itself."""
    if not is_on():
        return 0
    looked, until = 0, time.monotonic() + SWEEP_LASTS
    for pk in due(now).values_list("pk", flat=True):
        looked += look_at(source_id=pk, now=now) is not None
        if time.monotonic() > until:
            break
    return looked


def due(now: dt.datetime) -> Any:
    """Sources to ask now, the longest waiting first."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return AgendaSource.objects.filter(free, is_active=True, next_check_at__lte=now).order_by(
        "next_check_at", "pk"
    )


def look_at(*, source_id: int, now: dt.datetime) -> AgendaRun | None:
    """One look at an agenda, written down; None when somebody else is at it, or it is no longer followed.

    What is taken in and that it was are one transaction; a worker that dies leaves neither.
    """
    token = uuid.uuid4()
    mine = AgendaSource.objects.filter(pk=source_id, lease_token=token)
    claimed = AgendaSource.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lte=now), pk=source_id, is_active=True
    ).update(lease_token=token, lease_until=now + LEASE)
    if not claimed:
        return None
    source = mine.select_related("territory", "allowed_by").get()
    try:
        return _look(source, mine, now)
    except DatabaseError:
        # It is away or busy: the agenda is looked at again once the lease is over.
        raise
    except Exception:
        # Nothing of it was written, and other agendas wait behind this one.
        logger.exception("The agenda %s could not be read", source.pk)
        return _settle(source, mine, _Taken(Outcome.FAILED, "this site could not read it"), now)


def _look(source: AgendaSource, mine: Any, now: dt.datetime) -> AgendaRun | None:
    edition = edition_under_way(source.territory)
    if edition is None:
        return _settle(source, mine, _Taken(Outcome.REFUSED, NO_EDITION), now)
    is_known = source.festival_id == edition.pk
    try:
        fetched = fetch_agenda(
            source.url,
            etag=source.etag if is_known else "",
            last_modified=source.last_modified if is_known else "",
        )
    except Unreachable as error:
        return _settle(source, mine, _Taken(Outcome.FAILED, str(error)), now)
    if fetched is None or (is_known and fetched.digest == source.digest):
        # Whatever was held or allowed is over: the agenda is as it was taken in.
        return _settle(source, mine, _Taken(Outcome.SAME, values=_NOTHING_HELD), now)
    with transaction.atomic():
        # Paused, removed or taken over meanwhile: then nothing of it is taken in.
        if not mine.select_for_update(of=("self",)).exists():
            return None
        return _settle(source, mine, _take(source, edition, fetched, now), now)


_NOTHING_HELD: dict[str, Any] = {
    "held_at": None,
    "held_gone": 0,
    "held_known": 0,
    "allowed_gone": 0,
    "allowed_by": None,
}


def _take(source: AgendaSource, edition: Festival, fetched: Fetched, now: dt.datetime) -> _Taken:
    """Take in what can be taken in; what an event is refused for is told with it."""
    reading = read_openagenda(fetched.data)
    if len(reading.entries) > MOST_EVENTS:
        return _Taken(Outcome.REFUSED, f"more than {MOST_EVENTS} events")
    named = {entry.identifier for entry in reading.entries}
    before = set(source.named) if source.festival_id == edition.pk else set()
    # With an event that could not be read, or half an agenda, nobody knows what is missing from it.
    is_sure = fetched.is_whole and not reading.problems
    absent = before - named - _named_by_others(source) if is_sure else set()
    found, problems = _import(source, reading, edition, absent, now)
    if isinstance(found, TooManyGone):
        counted = Summary(slots_removed=found.gone, slots_known=found.known)
        # Who has said yes to less is asked, and told, anew.
        since = now if source.allowed_gone else (source.held_at or now)
        values = {**_NOTHING_HELD, "held_at": since, "held_gone": found.gone, "held_known": found.known}
        return _Taken(Outcome.HELD, summary=counted, problems=problems, values=values)
    if found is None:
        return _Taken(Outcome.REFUSED, problems=problems)
    is_complete = not problems
    taken: dict[str, Any] = {
        **_NOTHING_HELD,
        "festival": edition,
        "named": sorted(named if is_sure else before | named),
        "imported_at": now,
        # What was refused is read anew each time: the team may have put right what it hung on.
        "etag": fetched.etag if is_complete else "",
        "last_modified": fetched.last_modified if is_complete else "",
        "digest": fetched.digest if is_complete else "",
    }
    is_same = not (found.created or found.updated or problems)
    outcome = Outcome.SAME if is_same else Outcome.IMPORTED
    notes = [*reading.notes, *found.notes]
    return _Taken(outcome, summary=found, problems=problems, notes=notes, values=taken)


def _named_by_others(source: AgendaSource) -> set[str]:
    """What other agendas of the territory still name: it is not gone because one of them lets it go."""
    others = source.territory.agenda_sources.filter(is_active=True).exclude(pk=source.pk)
    return {name for named in others.values_list("named", flat=True) for name in named}


def _import(
    source: AgendaSource, reading: Reading, edition: Festival, absent: Collection[str], now: dt.datetime
) -> tuple[Summary | TooManyGone | None, list[Problem]]:
    """Without the events that the rules refuse, until none is refused; None when nothing is left."""
    problems, entries = list(reading.problems), list(reading.entries)
    while entries:
        try:
            summary = import_entries(
                entries,
                festival=edition,
                now=now,
                by=source.allowed_by,
                source=source.url,
                allowed_gone=source.allowed_gone,
                within=source.territory,
                absent=absent,
            )
        except ImportRefused as refused:
            problems += refused.problems
            entries = _others(entries, refused.problems)
        except TooManyGone as held:
            return held, problems
        else:
            return summary, problems
    return None, problems


def _others(entries: Sequence[Entry], problems: Sequence[Problem]) -> list[Entry]:
    refused = {problem.line for problem in problems}
    left = [entry for entry in entries if entry.line not in refused]
    return left if len(left) < len(entries) else []


# What is written down --------------------------------------------------------------------------------------


@transaction.atomic
def _settle(source: AgendaSource, mine: Any, taken: _Taken, now: dt.datetime) -> AgendaRun | None:
    # Between two editions nobody waits for anything.
    has_failed = taken.outcome in (Outcome.FAILED, Outcome.REFUSED) and taken.why != NO_EDITION
    values = {
        **taken.values,
        "checked_at": now,
        "next_check_at": _next_time(now),
        "failing_since": (source.failing_since or now) if has_failed else None,
        "lease_token": None,
        "lease_until": None,
    }
    if not mine.update(**values):
        return None
    run = _run_of(source, taken, now)
    again = source.runs.first()
    if again is not None and _says_the_same(again, run):
        AgendaRun.objects.filter(pk=again.pk).update(last_at=now, times=F("times") + 1)
        again.refresh_from_db()
        return again
    run.save()
    kept = source.runs.values_list("pk", flat=True)[:MOST_RUNS]
    source.runs.exclude(pk__in=list(kept)).delete()
    return run


def _run_of(source: AgendaSource, taken: _Taken, now: dt.datetime) -> AgendaRun:
    summary = taken.summary
    return AgendaRun(
        source=source,
        outcome=taken.outcome,
        at=now,
        last_at=now,
        created=summary.created,
        updated=summary.updated,
        unchanged=summary.unchanged,
        slots_created=summary.slots_created,
        slots_changed=summary.slots_changed,
        gone=summary.gone,
        known=summary.slots_known,
        refused=len({problem.line for problem in taken.problems}),
        why=taken.why[:300],
        problems=[problem.kept for problem in taken.problems[:MOST_SAID]],
        notes=[note.kept for note in taken.notes[:MOST_SAID]],
    )


_SAID = ("outcome", "slots_created", "slots_changed", "gone", "refused", "why", "problems")


def _says_the_same(one: AgendaRun, other: AgendaRun) -> bool:
    """Whether it would be the same line once more. What was taken in is a line of its own each time."""
    if other.created or other.updated:
        return False
    return all(getattr(one, name) == getattr(other, name) for name in _SAID)


def _next_time(now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(minutes=max(1, settings.AGENDA_EVERY_MINUTES))
