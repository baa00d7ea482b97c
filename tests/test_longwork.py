"""Long work: asked for, taken up, renewed, stopped, failed, given back, forgotten."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Callable

import pytest
from django.db import OperationalError, transaction

from events import jobs, longwork
from events.longwork import LEASE, LeaseLost, Outcome, Work, ask_job, ask_to_stop, claim, work_on
from events.models import Job
from events.refusals import Reason, Refused
from events.registration.forgetting import purge_expired
from tests.factories import NOW, TerritoryFactory, UserFactory

pytestmark = pytest.mark.django_db

KINDS = ["bulk", "timetable", "message"]
LATER = NOW + LEASE + dt.timedelta(seconds=1)


def asked(kind: str = "bulk", *, total: int = 3, at: dt.datetime = NOW, **params: object) -> Job:
    return ask_job(
        kind=kind, territory=TerritoryFactory(), by=UserFactory(), params=params, now=at, total=total
    )


def clock(at: dt.datetime = NOW) -> Callable[[], dt.datetime]:
    return lambda: at


def steps(work: Work) -> Outcome:
    """Three steps, as a handler does them."""
    while work.job.done < work.job.total:
        with transaction.atomic():
            work.hold()
            is_to_stop = work.advance(done=work.job.done + 1, step=f"step {work.job.done + 1}")
        if is_to_stop:
            return Outcome.STOPPED
        if work.should_rest:
            return Outcome.LATER
    return Outcome.DONE


def taken(*, at: dt.datetime = NOW, **more: object) -> Work:
    """The oldest job, in a worker's hands."""
    token = uuid.uuid4()
    job = claim(kinds=KINDS, token=token, now=at)
    assert job is not None
    return Work(job, token, clock(at))


def test_what_is_asked_is_done_step_by_step() -> None:
    job = asked(minutes=10)

    assert work_on({"bulk": steps}, clock=clock()) == 1

    job.refresh_from_db()
    assert (job.state, job.done, job.step, job.params) == ("done", 3, "step 3", {"minutes": 10})
    assert (job.started_at, job.finished_at, job.lease_token, job.lease_until) == (NOW, NOW, None, None)


def test_the_oldest_comes_first() -> None:
    second, first = asked(at=NOW + dt.timedelta(seconds=1)), asked(at=NOW)
    seen: list[int] = []

    def see(work: Work) -> Outcome:
        seen.append(work.job.pk)
        return Outcome.DONE

    work_on({"bulk": see}, clock=clock(LATER))

    assert seen == [first.pk, second.pk]


def test_what_nobody_knows_how_to_do_waits() -> None:
    job = asked("timetable")

    assert work_on({"bulk": steps}, clock=clock()) == 0

    job.refresh_from_db()
    assert job.state == "waiting"


def test_of_one_kind_one_at_a_time() -> None:
    asked()
    asked()
    other = asked("timetable")
    taken()

    assert taken().job == other
    assert claim(kinds=KINDS, token=uuid.uuid4(), now=NOW) is None


def test_a_job_under_way_is_nobody_elses_until_its_lease_is_over() -> None:
    job = asked()
    taken()

    assert claim(kinds=KINDS, token=uuid.uuid4(), now=NOW + LEASE - dt.timedelta(seconds=1)) is None
    assert taken(at=LATER).job == job


def test_each_step_renews_the_lease() -> None:
    asked()
    work = taken()
    work.clock = clock(NOW + dt.timedelta(seconds=50))

    work.advance(done=1)

    assert claim(kinds=KINDS, token=uuid.uuid4(), now=LATER) is None


def test_the_next_worker_goes_on_where_the_dead_one_was() -> None:
    job = asked()
    taken().advance(done=2, report={"moved": 2})

    again = taken(at=LATER)

    assert (again.job, again.job.done, again.job.report["moved"]) == (job, 2, 2)
    assert steps(again) == Outcome.DONE


def test_a_worker_that_slept_too_long_does_nothing_more() -> None:
    job = asked()
    slow = taken()
    taken(at=LATER).advance(done=2)

    with pytest.raises(LeaseLost):
        slow.advance(done=1)
    with pytest.raises(LeaseLost), transaction.atomic():
        slow.hold()
    longwork._end(slow, Job.State.DONE)

    job.refresh_from_db()
    assert (job.done, job.state) == (2, "running")


def test_a_job_that_kills_every_worker_fails() -> None:
    job = asked()
    at = NOW
    taken(at=at)
    for _death in range(longwork.MOST_DEATHS - 1):
        at += LEASE
        taken(at=at)

    work_on({"bulk": steps}, clock=clock(at + LEASE))

    job.refresh_from_db()
    assert (job.state, job.done, job.report["why"]) == ("failed", 0, "deaths")


def test_deaths_are_counted_anew_once_it_gets_further() -> None:
    asked(total=9)
    at = NOW
    for done in range(1, 7):
        taken(at=at).advance(done=done)
        at += LEASE

    assert taken(at=at).job.report["deaths"] == {"done": 6, "times": 1}


def test_what_waits_is_stopped_at_once() -> None:
    job = ask_to_stop(job_id=asked().pk, now=LATER)

    assert (job.state, job.finished_at) == ("stopped", LATER)
    assert work_on({"bulk": steps}, clock=clock()) == 0


def test_what_is_under_way_stops_after_the_step_it_is_at() -> None:
    job = asked()

    def stopped_meanwhile(work: Work) -> Outcome:
        assert not work.advance(done=1)
        ask_to_stop(job_id=job.pk, now=NOW)
        ask_to_stop(job_id=job.pk, now=LATER)
        return steps(work)

    work_on({"bulk": stopped_meanwhile}, clock=clock())

    job.refresh_from_db()
    assert (job.state, job.done, job.stop_asked_at) == ("stopped", 2, NOW)


def test_what_is_over_cannot_be_stopped() -> None:
    job = asked()
    work_on({"bulk": steps}, clock=clock())

    with pytest.raises(Refused) as refusal:
        ask_to_stop(job_id=job.pk, now=NOW)

    assert refusal.value.reason == Reason.WRONG_STATE


def test_what_rests_waits_again_as_far_as_it_is_done() -> None:
    job = asked()

    assert work_on({"bulk": steps}, clock=clock(), is_ending=lambda: Job.objects.get().done > 0) == 1

    job.refresh_from_db()
    assert (job.state, job.done, job.lease_token) == ("waiting", 1, None)
    assert work_on({"bulk": steps}, clock=clock(LATER)) == 1
    job.refresh_from_db()
    assert (job.state, job.done, job.started_at, job.finished_at) == ("done", 3, NOW, LATER)


def test_what_rests_while_a_stop_is_asked_is_stopped() -> None:
    job = asked()

    def rests(work: Work) -> Outcome:
        ask_to_stop(job_id=job.pk, now=NOW)
        return Outcome.LATER

    work_on({"bulk": rests}, clock=clock())

    job.refresh_from_db()
    assert (job.state, job.finished_at) == ("stopped", NOW)


def test_a_refusal_is_told_by_its_reason() -> None:
    job = asked()

    def refuses(work: Work) -> Outcome:
        raise Refused(Reason.NOTHING_TO_RELEASE)

    work_on({"bulk": refuses}, clock=clock())

    job.refresh_from_db()
    assert (job.state, job.report) == ("failed", {"why": "nothing_to_release"})


def test_a_mistake_of_ours_ends_the_job_and_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    job = asked()

    def fails(work: Work) -> Outcome:
        work.advance(done=1, report={"moved": 1})
        raise ZeroDivisionError("secret detail")

    with caplog.at_level(logging.ERROR):
        work_on({"bulk": fails}, clock=clock())

    job.refresh_from_db()
    assert (job.state, job.done, job.report) == ("failed", 1, {"moved": 1, "why": "error"})
    assert "secret detail" in caplog.text


def test_a_database_that_is_away_fails_nothing() -> None:
    job = asked()

    def cut(work: Work) -> Outcome:
        raise OperationalError("server closed the connection")

    with pytest.raises(OperationalError):
        work_on({"bulk": cut}, clock=clock())

    job.refresh_from_db()
    assert job.state == "running"
    assert work_on({"bulk": steps}, clock=clock(LATER)) == 1


def test_the_report_of_old_work_goes_with_the_registrations() -> None:
    job = asked()
    asked("timetable")
    work_on({"bulk": steps}, clock=clock())

    assert purge_expired(now=NOW + dt.timedelta(days=90))["jobs"] == 0
    assert purge_expired(now=NOW + dt.timedelta(days=90, seconds=1))["jobs"] == 1
    assert not Job.objects.filter(pk=job.pk).exists()
    assert Job.objects.get().state == "waiting"


def test_the_life_boat_works_on_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    job = asked()
    monkeypatch.setattr(jobs, "HANDLERS", {"bulk": steps})

    jobs.sweep()

    job.refresh_from_db()
    assert job.state == "done"


def test_celery_works_on_it_and_asks_again_for_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    job = asked()
    hints: list[str] = []
    monkeypatch.setattr(longwork, "hint", hints.append)
    monkeypatch.setattr(jobs, "HANDLERS", {"bulk": steps})
    monkeypatch.setattr(jobs, "SPELL", 0.0)

    jobs.work_on_jobs_task()

    job.refresh_from_db()
    assert (job.state, job.done, hints) == ("waiting", 0, ["events.work_on_jobs"])
    monkeypatch.setattr(jobs, "SPELL", 60.0)
    jobs.work_on_jobs_task()
    job.refresh_from_db()
    assert (job.state, hints) == ("done", ["events.work_on_jobs"])


@pytest.mark.django_db(transaction=True)
def test_celery_is_told_once_it_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[str] = []
    monkeypatch.setattr(longwork, "hint", hints.append)

    with transaction.atomic():
        asked()
        assert hints == []
    assert hints == ["events.work_on_jobs"]
