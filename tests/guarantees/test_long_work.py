"""Long work is done once, whoever dies of it: real processes, both engines, and what happens without the
guard."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
from collections import Counter
from typing import Any

import psutil
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
from tests.ground.nursery import Child
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import PATIENTLY, ready_worker, wait_for

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]

STEPS = 12

WORKER = """
import os, signal, sys
from django.db import transaction
from django.utils import timezone
from events.longwork import Outcome, work_on
from events.models import JournalEntry
where, number = sys.argv[1], int(sys.argv[2])


def rest(here, step):
    # As if the machine had stopped it, until the test wakes it or kills it.
    if (here, step) == (where, number):
        os.kill(os.getpid(), signal.SIGSTOP)


def steps(work):
    while work.job.done < work.job.total:
        with transaction.atomic():
            work.hold()
            step = work.job.done
            JournalEntry.objects.create(at=timezone.now(), verb="step", text=f"{work.job.pk}:{step}")
            rest("within", step)  # done and not said yet
            is_to_stop = work.advance(done=step + 1)
        if is_to_stop:
            return Outcome.STOPPED
        rest("after", step)
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
    meet()
    if job is None:
        return None
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


NEVER = ("never", "0")
"""Where a worker rests that goes on to the end."""


def resting(site: Site, script: str, *where: str) -> subprocess.Popen[str] | Child:
    """A worker that has come to where it rests: `resting(site, WORKER, "within", "3")`, its fourth step."""
    worker = site.start_python(script, *where)
    process = psutil.Process(worker.pid)
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
    return worker


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
        worker = resting(database, WORKER, "within", str(2 * deaths))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert (Job.objects.get().state, Job.objects.get().done) == ("running", 2 * deaths)
        end_the_leases()

    database.python(WORKER, *NEVER)

    assert steps_done() == each_once(job)
    assert (Job.objects.get().state, Job.objects.get().done) == ("done", STEPS)


BULK = """
import os, signal, sys
from events import jobs
from events.longwork import work_on
from events.scheduling import bulk
done, steps = bulk._step, 0


def step(*arguments):
    global steps
    is_to_stop = done(*arguments)
    steps += 1
    if steps == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGSTOP)
    return is_to_stop


bulk._step = step
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

    for _death in range(2):
        worker = resting(database, BULK, "3")
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

    workers = [database.start_python(WORKER, *NEVER) for _worker in range(4)]
    for worker in workers:
        output, _none = worker.communicate(timeout=300)
        assert worker.returncode == 0, output
    database.python(WORKER, *NEVER)

    assert steps_done() == sum((each_once(job) for job in work), Counter())
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def test_a_worker_woken_after_its_lease_does_nothing_more(database: Site) -> None:
    job = asked()
    # Not in the middle of a step, where it would sleep with the row in its hands.
    sleeper = resting(database, WORKER, "after", "1")
    end_the_leases()

    database.python(WORKER, *NEVER)
    os.kill(sleeper.pid, signal.SIGCONT)
    sleeper.communicate(timeout=300)

    assert steps_done() == each_once(job)
    assert Job.objects.get().state == "done"


def test_who_asks_to_stop_is_heard_between_two_steps(database: Site) -> None:
    job = asked()
    worker = resting(database, WORKER, "after", "1")

    ask_to_stop(job_id=job.pk, now=timezone.now())
    os.kill(worker.pid, signal.SIGCONT)
    output, _none = worker.communicate(timeout=300)

    assert worker.returncode == 0, output
    job.refresh_from_db()
    assert (job.state, job.done) == ("stopped", 3)
    assert sum(steps_done().values()) == 3


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
    output, _none = boat.communicate(timeout=300)

    assert boat.returncode == 0, output
    assert Slot.objects.get().day == timezone.localdate() + dt.timedelta(days=41)


def test_with_celery_the_hint_starts_it_at_once(database: Site, valkey: ValkeyServer) -> None:
    """No beat runs here: only the hint can have done it."""
    database.environment["REDIS_URL"] = valkey.url
    ready_worker(database)
    asks = "from tests.guarantees.test_long_work import a_shift; a_shift()"
    database.python(PATIENTLY + asks)

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
