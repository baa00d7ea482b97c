"""Long work is done once, whoever dies of it: real processes, both engines, and what happens without the
guard."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from events.longwork import ask_job, ask_to_stop
from events.models import Job, JournalEntry, Message, Registration, Slot
from events.scheduling.bulk import start_bulk
from events.scheduling.bulk_plan import Action, Choice, Scope, plan_bulk
from events.scheduling.place import place_slot
from tests.factories import (
    NOW,
    ActivityFactory,
    HostFactory,
    RegistrationFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)
from tests.ground import races
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import ready_worker, wait_for

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]

STEPS = 12

WORKER = """
import sys, time
from django.db import transaction
from django.utils import timezone
from events.longwork import Outcome, work_on
from events.models import JournalEntry
pause = float(sys.argv[1])


def steps(work):
    while work.job.done < work.job.total:
        with transaction.atomic():
            work.hold()
            step = work.job.done
            JournalEntry.objects.create(at=timezone.now(), verb="step", text=f"{work.job.pk}:{step}")
            time.sleep(pause)  # done and not said yet: here the worker is killed
            is_to_stop = work.advance(done=step + 1)
        if is_to_stop:
            return Outcome.STOPPED
        time.sleep(pause / 2)
    return Outcome.DONE


work_on({"bulk": steps, "timetable": steps, "message": steps})
"""

CLAIM = """
from events import longwork
from events.models import Job


def take():
    job = longwork.claim(kinds=["bulk", "timetable", "message"], token=uuid.uuid4(), now=now)
    return None if job is None else job.pk


def look_then_take():
    # What the claim must not be: read first, then write whatever was read.
    job = Job.objects.filter(state="waiting").order_by("asked_at", "pk").first()
    if job is None:
        return None
    time.sleep(0.05)
    until = now + longwork.LEASE
    Job.objects.filter(pk=job.pk).update(state="running", lease_token=uuid.uuid4(), lease_until=until)
    return job.pk
"""


def asked(kind: str = "bulk") -> Job:
    return ask_job(kind=kind, territory=TerritoryFactory(), by=UserFactory(), params={}, now=NOW, total=STEPS)


def steps_done() -> Counter[str]:
    return Counter(JournalEntry.objects.filter(verb="step").values_list("text", flat=True))


def each_once(job: Job) -> Counter[str]:
    return Counter(f"{job.pk}:{step}" for step in range(STEPS))


def end_the_leases() -> None:
    """A minute later, without the wait."""
    Job.objects.filter(state="running").update(lease_until=timezone.now() - dt.timedelta(seconds=1))


def race(site: Site, action: str, number: int) -> list[Any]:
    return races.race(site, CLAIM, [[action]] * number, processes=4, now=NOW.isoformat())


def test_a_worker_killed_in_the_middle_is_followed_by_another_and_no_step_is_done_twice(
    database: Site,
) -> None:
    job = asked()
    for deaths in range(1, 4):
        worker = database.start_python(WORKER, "0.1")
        wait_for(lambda: Job.objects.get().done >= 2 * deaths)  # noqa: B023 - called at once
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert Job.objects.get().state == "running"
        end_the_leases()

    database.python(WORKER, "0")

    assert steps_done() == each_once(job)
    assert (Job.objects.get().state, Job.objects.get().done) == ("done", STEPS)


BULK = """
import sys, time
from events import jobs
from events.longwork import work_on
from events.scheduling import bulk
done = bulk._step


def slow(*arguments):
    is_to_stop = done(*arguments)
    time.sleep(float(sys.argv[1]))
    return is_to_stop


bulk._step = slow
work_on(jobs.HANDLERS)
"""


def test_a_bulk_change_whose_worker_is_killed_is_finished_and_everybody_is_told_once(database: Site) -> None:
    now = timezone.now()
    venue, by = VenueFactory(), UserFactory()
    room, host = RoomFactory(venue=venue), HostFactory(territory=venue.territory)
    slots = []
    for hour in range(8, 20):
        start = {"day": timezone.localdate() + dt.timedelta(days=40), "start_time": dt.time(hour)}
        slot = SlotFactory(activity=ActivityFactory(host=host), duration=60, **start)
        place_slot(slot_id=slot.pk, room_id=room.pk, by=by, now=now)
        slots.append(slot)
        RegistrationFactory(slot=slot)
    choice = Choice(Scope.VENUE, str(venue.pk), Action.SHIFT, minutes=30)
    read = plan_bulk(territory=venue.territory, choice=choice, now=now).fingerprint
    job = start_bulk(territory=venue.territory, choice=choice, fingerprint=read, by=by, now=now)

    for deaths in range(1, 3):
        worker = database.start_python(BULK, "0.2")
        wait_for(lambda: Job.objects.get().done >= 3 * deaths)  # noqa: B023 - called at once
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        end_the_leases()
    database.python(BULK, "0")

    job.refresh_from_db()
    assert (job.state, job.done, job.report.get("not_done")) == ("done", 12, [])
    assert {slot.start_time for slot in Slot.objects.all()} == {dt.time(hour, 30) for hour in range(8, 20)}
    told = Message.objects.filter(kind=Message.Kind.SLOT_MOVED).values_list("registration", flat=True)
    assert sorted(told) == sorted(Registration.objects.values_list("pk", flat=True))


def test_several_workers_at_once_do_each_step_of_each_job_once(database: Site) -> None:
    work = [asked(kind) for kind in ("bulk", "timetable", "message", "bulk")]

    workers = [database.start_python(WORKER, "0.01") for _worker in range(4)]
    for worker in workers:
        output, _none = worker.communicate(timeout=120)
        assert worker.returncode == 0, output
    database.python(WORKER, "0")

    assert steps_done() == sum((each_once(job) for job in work), Counter())
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def test_a_worker_woken_after_its_lease_does_nothing_more(database: Site) -> None:
    job = asked()
    sleeper = database.start_python(WORKER, "0.05")
    wait_for(lambda: Job.objects.get().done >= 2)
    # Not in the middle of a step, where it would sleep with the row in its hands.
    while True:
        os.kill(sleeper.pid, signal.SIGSTOP)
        if _is_free(database, job):
            break
        os.kill(sleeper.pid, signal.SIGCONT)
    end_the_leases()

    database.python(WORKER, "0")
    os.kill(sleeper.pid, signal.SIGCONT)
    sleeper.communicate(timeout=60)

    assert steps_done() == each_once(job)
    assert Job.objects.get().state == "done"


def _is_free(site: Site, job: Job) -> bool:
    """Whether nobody holds the row at this instant."""
    asks = """
import sys
from django.db import OperationalError, connection, transaction
from events.models import Job
with connection.cursor() as cursor:
    is_sqlite = connection.vendor == "sqlite"
    cursor.execute("PRAGMA busy_timeout = 50" if is_sqlite else "SET lock_timeout = '50ms'")
try:
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=sys.argv[1])
except OperationalError:
    sys.exit(1)
"""
    return site.python(asks, str(job.pk), check=False).returncode == 0


def test_who_asks_to_stop_is_heard_between_two_steps(database: Site) -> None:
    job = asked()
    worker = database.start_python(WORKER, "0.1")
    wait_for(lambda: Job.objects.get().done >= 2)

    ask_to_stop(job_id=job.pk, now=timezone.now())
    output, _none = worker.communicate(timeout=60)

    assert worker.returncode == 0, output
    job.refresh_from_db()
    assert job.state == "stopped"
    assert 2 <= job.done < STEPS
    assert sum(steps_done().values()) == job.done


def a_shift() -> Job:
    """A bulk change of one slot, asked in this process."""
    now, by, slot = (
        timezone.now(),
        UserFactory(),
        SlotFactory(day=timezone.localdate() + dt.timedelta(days=40)),
    )
    territory = slot.activity.territory
    choice = Choice(Scope.ALL, "", Action.SHIFT, days=1)
    read = plan_bulk(territory=territory, choice=choice, now=now).fingerprint
    return start_bulk(territory=territory, choice=choice, fingerprint=read, by=by, now=now)


def test_without_celery_and_redis_the_life_boat_does_it_and_ends_when_told(database: Site) -> None:
    boat = database.start("manage.py", "drain_outbox", "--loop", env={"FESTIVAL_PROCESS": "worker"})
    a_shift()

    wait_for(lambda: Job.objects.get().state == "done")
    os.kill(boat.pid, signal.SIGTERM)
    output, _none = boat.communicate(timeout=30)

    assert boat.returncode == 0, output
    assert Slot.objects.get().day == timezone.localdate() + dt.timedelta(days=41)


def test_with_celery_the_hint_starts_it_at_once(database: Site, valkey: ValkeyServer) -> None:
    """No beat runs here: only the hint can have done it."""
    database.environment["REDIS_URL"] = valkey.url
    ready_worker(database)
    asks = "from tests.guarantees.test_long_work import a_shift; a_shift()"
    database.python(asks)

    wait_for(lambda: Job.objects.get().state == "done")


def test_of_forty_workers_one_has_the_job(database: Site) -> None:
    work = {asked(kind).pk for kind in ("bulk", "timetable", "message")}

    answers = race(database, "take", 40)
    won = [answer for answer in answers if answer is not None]

    assert len(won) == len(set(won))
    assert set(won) <= work
    assert won


def test_without_the_claims_guard_several_have_it(database: Site) -> None:
    """The negative control of the test above."""
    job = asked()

    answers = race(database, "look_then_take", 40)

    assert answers.count(job.pk) > 1
