"""Long work somebody asked for at a desk: ``Job`` rows, worked on in steps by whoever holds the lease.

As with mail the row is the work and Celery only the nudge. A worker claims a job for a minute and renews the
lease with each step; when it dies, the next one goes on once the lease is over. A handler therefore either
repeats safely, or does each step in the transaction in which it says so: ``Work.hold`` first, the step,
``Work.advance`` last. Then no step is done twice, whatever happens to whom.

The caller names the handlers (``events.jobs``): what a kind does lies above this module.
"""

from __future__ import annotations

import datetime as dt
import enum
import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from events.mail.tasks import hint
from events.models import Job, Territory
from events.refusals import Reason, Refused
from events.registration.patience import patient

logger = logging.getLogger(__name__)

TASK = "events.work_on_jobs"
LEASE = dt.timedelta(seconds=60)
"""A step must be shorter, or call ``advance`` meanwhile."""
MOST_DEATHS = 4
"""So many workers in a row may die of a job that gets no further; then it has failed."""
LONGEST_STEP_NAME = 120

State = Job.State
Clock = Callable[[], dt.datetime]


class LeaseLost(Exception):
    """The job is another worker's by now: nothing more may be done of it."""


class Outcome(enum.Enum):
    """How a handler came back. LATER: it rests, and the job is waiting again as far as it is done."""

    DONE = State.DONE
    STOPPED = State.STOPPED
    LATER = State.WAITING


@dataclass
class Work:
    """A job in the hands of the worker that claimed it."""

    job: Job
    token: uuid.UUID
    clock: Clock
    rests: Callable[[], bool] = lambda: False

    @property
    def should_rest(self) -> bool:
        """Whether others should have their turn, or the process is about to end: return ``Outcome.LATER``."""
        return self.rests()

    def hold(self) -> None:
        """Lock the job for the transaction that does a step, and read it anew. Raises ``LeaseLost``."""
        mine = Job.objects.select_for_update(no_key=True).filter(
            pk=self.job.pk, state=State.RUNNING, lease_token=self.token
        )
        found = mine.values("done", "total", "step", "report").first()
        if found is None:
            raise LeaseLost
        for name, value in found.items():
            setattr(self.job, name, value)

    def advance(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        step: str | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> bool:
        """Say how far it is and renew the lease; True when somebody asked to stop. Raises ``LeaseLost``.

        ``report`` replaces what was reported so far.
        """
        said: dict[str, Any] = {"done": done, "total": total, "report": report}
        said["step"] = None if step is None else step[:LONGEST_STEP_NAME]
        changes = {name: value for name, value in said.items() if value is not None}
        mine = Job.objects.filter(pk=self.job.pk, state=State.RUNNING, lease_token=self.token)
        if not mine.update(lease_until=self.clock() + LEASE, **changes):
            raise LeaseLost
        for name, value in changes.items():
            setattr(self.job, name, value)
        return mine.filter(stop_asked_at__isnull=False).exists()


Handler = Callable[[Work], Outcome]


# Asking -----------------------------------------------------------------------------------------------------


def ask_job(
    *,
    kind: Job.Kind | str,
    territory: Territory | None,
    by: User,
    params: Mapping[str, Any],
    now: dt.datetime,
    total: int = 0,
) -> Job:
    """Ask for long work, in the transaction of who asks; begun within seconds after it.

    ``params`` is JSON that the handler of ``kind`` reads; ``total`` how many steps there are, 0: unknown.
    """
    job = Job.objects.create(
        kind=kind, territory=territory, asked_by=by, asked_at=now, params=dict(params), total=total
    )
    transaction.on_commit(nudge)
    return job


def ask_to_stop(*, job_id: int, now: dt.datetime) -> Job:
    """End a job that waits; one under way ends after the step it is at.

    Asked twice, it stays as it was asked first. Raises ``Refused``: WRONG_STATE (it is over).
    """
    with transaction.atomic():
        job = Job.objects.select_for_update(of=("self",), no_key=True).get(pk=job_id)
        if job.is_over:
            raise Refused(Reason.WRONG_STATE)
        job.stop_asked_at = job.stop_asked_at or now
        if job.state == State.WAITING:
            job.state, job.finished_at = State.STOPPED, now
        job.save(update_fields=["stop_asked_at", "state", "finished_at"])
    return job


def nudge() -> None:
    """Hint to Celery that there is work. Never relied on: the sweep finds it."""
    hint(TASK)


# Working ----------------------------------------------------------------------------------------------------


def work_on(
    handlers: Mapping[str, Handler],
    *,
    clock: Clock | None = None,
    seconds: float | None = None,
    is_ending: Callable[[], bool] = lambda: False,
) -> int:
    """Work on what was asked, the oldest first, until nothing is left: how many times a job was taken up.

    After ``seconds`` (None: never) or once ``is_ending`` says so, jobs that can rest are given back. Safe to
    run beside itself.
    """
    clock = clock or timezone.now
    begun, taken = time.monotonic(), 0

    def rests() -> bool:
        return is_ending() or (seconds is not None and time.monotonic() - begun >= seconds)

    while not rests():
        token = uuid.uuid4()
        job = claim(kinds=handlers.keys(), token=token, now=clock())
        if job is None:
            break
        taken += 1
        _work_on_one(Work(job, token, clock, rests), handlers[job.kind])
    return taken


def is_left(kinds: Collection[str], now: dt.datetime) -> bool:
    """Whether there is a job that somebody could take up now."""
    return _to_take(kinds, now).exists()


@patient
@transaction.atomic
def claim(*, kinds: Collection[str], token: uuid.UUID, now: dt.datetime) -> Job | None:
    """Lease the oldest job that waits, or whose worker has died, to ``token``; None when there is none.

    Of each kind one at a time as a rule: while it is under way the others wait, so that long work leaves the
    workers to the mail. That no job has two workers does not rest on this, but on the row's lock and state.
    """
    # SQLite knows no row locks; there BEGIN IMMEDIATE lets one claimer in at a time.
    due = _to_take(kinds, now).select_for_update(skip_locked=True, of=("self",), no_key=True)
    job = due.order_by("asked_at", "pk").first()
    if job is None:
        return None
    report = dict(job.report)
    if job.state == State.RUNNING:
        deaths = report.get("deaths", {})
        times = deaths.get("times", 0) + 1 if deaths.get("done") == job.done else 1
        report["deaths"] = {"done": job.done, "times": times}
    changes = {"lease_until": now + LEASE, "lease_token": token, "state": State.RUNNING, "report": report}
    if job.started_at is None:
        changes["started_at"] = now
    if not _to_take(kinds, now).filter(pk=job.pk).update(**changes):
        return None
    for name, value in changes.items():
        setattr(job, name, value)
    return job


def _to_take(kinds: Collection[str], now: dt.datetime) -> QuerySet[Job]:
    under_way = Job.objects.filter(state=State.RUNNING, lease_until__gt=now).order_by()
    return Job.objects.filter(
        Q(state=State.WAITING) | Q(state=State.RUNNING, lease_until__lte=now), kind__in=list(kinds)
    ).exclude(kind__in=under_way.values("kind"))


def _work_on_one(work: Work, handler: Handler) -> None:
    if work.job.report.get("deaths", {}).get("times", 0) >= MOST_DEATHS:
        _end(work, State.FAILED, why="deaths")
        return
    try:
        outcome = handler(work)
    except LeaseLost:
        logger.warning("The lease of job %s ran out while it was worked on", work.job.pk)
    except Refused as refused:
        _end(work, State.FAILED, why=refused.reason.value)
    except (OperationalError, InterfaceError):
        # The database is away or busy: the job stays, and is taken up again once the lease is over.
        raise
    except Exception:
        logger.exception("Job %s (%s) failed", work.job.pk, work.job.kind)
        _end(work, State.FAILED, why="error")
    else:
        _end(work, outcome.value)


def _end(work: Work, state: Job.State, *, why: str = "") -> None:
    """``why``: the value of a ``Reason``, « error » or « deaths »; words are made where it is read."""
    changes: dict[str, Any] = {"report": {**work.job.report, "why": why}} if why else {}
    mine = Job.objects.filter(pk=work.job.pk, state=State.RUNNING, lease_token=work.token)
    with transaction.atomic():
        if state == State.WAITING and mine.filter(stop_asked_at__isnull=False).exists():
            state = State.STOPPED
        if state != State.WAITING:
            changes["finished_at"] = work.clock()
        if not mine.update(state=state, lease_token=None, lease_until=None, **changes):
            logger.warning("The lease of job %s ran out while it was worked on", work.job.pk)
