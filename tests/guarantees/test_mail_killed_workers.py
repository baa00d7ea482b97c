"""Workers that are killed, doubled and replayed: no mail lost, none twice but for the one stated case.

Leases and sweeps are twenty times as short here (`HURRY`), the processes are the real ones. What a guard is
worth is shown by taking it out (`sabotage`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from events.mail import deliver
from events.mail.deliver import release_leases
from events.mail.heartbeat import last
from events.models import Message, ReminderRule, Slot
from events.reminders import default_reminder_rules
from festival.celery import app
from tests import factories as f
from tests.ground.locks import who_wait
from tests.ground.nursery import Child
from tests.ground.site import Site
from tests.ground.smtp import Mood, Phase, SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees import sabotage
from tests.guarantees.mailroom import (
    DELIVER,
    end_the_leases,
    how_often,
    hurried_beat,
    hurried_worker,
    leases_that_ran_out,
    names_in_doubt,
    owe_mails,
    states,
    wait_for,
)

pytestmark = pytest.mark.guarantee

SHARE = 100
"""Mails that the relay answers between two deaths, of five hundred."""
REPLAY = """
import sys
from festival.celery import app
for _time in range(5):
    for name in sys.argv[1:]:
        app.send_task(f"events.{name}", ignore_result=True)
"""
REPLAYED = ("deliver_due", "release_leases", "owe_reminders", "expire", "pass_places_on")
DIE_WHILE_COMPOSING = """
import os, signal
from events.mail import deliver

def compose(message, *, now):
    os.kill(os.getpid(), signal.SIGKILL)

deliver.compose = compose
deliver.deliver_due()
"""
OWE_AGAIN = """
from django.db import connection, transaction
from django.utils import timezone
from events.mail.outbox import owe
from events.models import Registration
for registration in Registration.objects.select_related("visitor"):
    with transaction.atomic():
        owe(
            kind="confirmation", dedupe_key=f"confirm:{registration.pk}:0", locale="fr", now=timezone.now(),
            recipient=registration.visitor.email, registration=registration,
        )
"""
OWE_REMINDERS = """
from django.utils import timezone
from events.reminders import owe_reminders
print(owe_reminders(timezone.now()))
"""

AT_ONCE = """
import os, time
open(os.path.join({folder!r}, f"ready-{{os.getpid()}}"), "w").close()
while not os.path.exists(os.path.join({folder!r}, "go")):
    time.sleep(0.01)
"""
WITHOUT_TURNS = """
from django.db.models import QuerySet
QuerySet.select_for_update = lambda self, **_more: self
"""


@pytest.fixture
def site_with_celery(site_with_relay: Site, valkey: ValkeyServer) -> Iterator[Site]:
    site_with_relay.environment["REDIS_URL"] = valkey.url
    yield site_with_relay
    site_with_relay.close()  # before the broker goes: nobody is to look for it


def visits_to_be_reminded_of(number: int) -> None:
    """Bookings of a fortnight ago for a slot in two hours: one reminder is due for each, and none owed."""
    now = timezone.now()
    with transaction.atomic():
        slot = f.SlotFactory()
        begins = (now + dt.timedelta(hours=2)).astimezone(ZoneInfo(slot.timezone))
        slot.set_time(day=begins.date(), start_time=begins.time(), duration=45, timezone=slot.timezone)
        slot.save()
        festival = slot.activity.festival
        default_reminder_rules(festival)
        ReminderRule.objects.filter(festival=festival).exclude(name="H-3").update(is_active=False)
        # It is night somewhere whenever this runs.
        festival.quiet_from = festival.quiet_until = dt.time(3)
        festival.save()
        for index in range(number):
            f.RegistrationFactory(
                slot=slot,
                visitor__email=f"r{index}@example.org",
                confirmed_at=now - dt.timedelta(days=14),
            )
    assert Slot.objects.get(pk=slot.pk).starts_at > now


def test_a_dead_worker_is_made_up_for_within_three_minutes() -> None:
    """By the clock: its lease ends, a sweep takes the mail back, the next one delivers."""
    ticks = {
        name: dt.timedelta(seconds=tick["schedule"])
        for name, tick in app.conf.beat_schedule.items()
        if isinstance(tick["schedule"], float)
    }

    longest = deliver.LEASE + ticks["events.release_leases"] + ticks["events.deliver_due"]

    assert longest <= dt.timedelta(minutes=2, seconds=40)


def test_of_a_dead_workers_batch_only_the_one_in_turn_is_suspected(
    site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    """A mail that ends whoever composes it fails in the end; those claimed beside it are none the worse."""
    owe_mails("confirmation", 5)
    poison = Message.objects.earliest("pk")
    Message.objects.filter(pk=poison.pk).update(priority=1)

    for _crash in range(deliver.MOST_CRASHES + 1):
        Message.objects.filter(pk=poison.pk).update(next_attempt_at=timezone.now())
        site_with_relay.python(DIE_WHILE_COMPOSING, check=False)
        end_the_leases()

    assert states() == {"failed": 1, "pending": 4}
    assert set(Message.objects.filter(status="pending").values_list("attempts", flat=True)) == {0}
    site_with_relay.python(DELIVER)
    assert states() == {"failed": 1, "sent": 4}


@pytest.mark.lengthy
def test_five_hundred_mails_outlive_workers_killed_every_two_seconds(
    site_with_celery: Site, smtp_sink: SmtpSink
) -> None:
    """Now a whole worker, now one of its processes; a new one takes its place. Between two deaths the relay
    answers no more than a share of the mails, so that some are left to be killed over.
    """
    site, luck, killed = site_with_celery, random.Random(5), 0
    owe_mails("confirmation", 400)
    owe_mails("reminder", 100, first=400)
    smtp_sink.stall_before_answer, smtp_sink.holds_after = 0.1, SHARE
    hurried_beat(site)
    workers = [hurried_worker(site) for _worker in range(3)]

    until = time.monotonic() + 300
    while states().keys() & {"pending", "sending"}:
        assert time.monotonic() < until, (states(), killed, len(smtp_sink.received))
        time.sleep(2)
        had = len(smtp_sink.received)
        if had >= 480:
            smtp_sink.holds_after = None
            continue  # the last ones are left in peace: nobody is killed for ever
        place = luck.randrange(len(workers))
        family = children_of(workers[place])
        if family and luck.random() < 0.7:
            luck.choice(family).kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(workers[place].pid, signal.SIGKILL)
            workers[place].wait()
            workers[place] = hurried_worker(site)
        killed += 1
        smtp_sink.holds_after = had + SHARE

    assert killed >= 4
    messages = {message.message_id: message for message in Message.objects.all()}
    times = how_often(smtp_sink)
    # None is lost: what is not sure to have left went out once at the least, or its worker died over it.
    assert {message.status for message in messages.values()} <= {"sent", "uncertain"}
    assert all(times[name] >= 1 for name, message in messages.items() if message.status == "sent")
    in_doubt = [message for message in messages.values() if message.status == "uncertain"]
    assert all(message.kind == "reminder" or message.handed_over == 2 for message in in_doubt)
    # None is doubled, but for the stated case: its worker was killed, it had begun, its name is the same.
    # Each death puts in doubt what the lanes of one process had begun, one mail each; so does a worker that
    # was too slow for a lease of six seconds and said so.
    assert times.keys() <= messages.keys()
    assert max(times.values()) <= 2
    doubled = [messages[name] for name in names_in_doubt(smtp_sink)]
    assert all(message.kind == "confirmation" and message.handed_over == 2 for message in doubled)
    assert len(doubled) + len(in_doubt) <= killed * settings.MAIL_LANES + leases_that_ran_out(site)


def children_of(worker: subprocess.Popen[str] | Child) -> list[psutil.Process]:
    """None, where it has ended: Celery does when its processes die before they have begun, and is followed by
    another as by the supervisor's.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(worker.pid).children()
    return []


def test_two_beats_four_life_boats_and_tasks_replayed_five_times_send_each_mail_once(
    site_with_celery: Site, smtp_sink: SmtpSink
) -> None:
    site = site_with_celery
    site.environment["LEASE"] = "120"
    visits_to_be_reminded_of(40)
    owe_mails("confirmation", 80)
    smtp_sink.stall_before_answer = 0.02

    for _beat in range(2):
        hurried_beat(site)
    for _worker in range(2):
        hurried_worker(site)
    boats = [site.start("manage.py", "drain_outbox", "--loop") for _boat in range(4)]
    site.python(REPLAY, *REPLAYED)
    wait_for(lambda: states() == {"sent": 120})
    replayed = timezone.now()
    site.python(REPLAY, *REPLAYED)
    wait_for(lambda: all((last(name) or replayed) > replayed for name in REPLAYED))
    time.sleep(1)
    for boat in boats:
        boat.send_signal(signal.SIGTERM)
        output, _none = boat.communicate(timeout=300)
        assert boat.returncode == 0, output

    assert states() == {"sent": 120}
    assert len(smtp_sink.received) == 120
    assert set(how_often(smtp_sink).values()) == {1}
    assert {len(smtp_sink.to(f"r{index}@example.org")) for index in range(40)} == {1}


# ── Without the guard ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("guarded", [True, False])
def test_a_slow_worker_is_left_alone_by_the_others_only_while_its_lease_lasts(
    guarded: bool, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    """Nobody is killed here: without leases the mail goes twice all the same."""
    if not guarded:
        sabotage.take_out(sabotage.LEASE)
    owe_mails("confirmation", 1)
    smtp_sink.moods[Phase.DOT] = Mood(stall=60, times=1)
    site_with_relay.start_python(DELIVER)
    wait_for(lambda: smtp_sink.received)

    taken_back = release_leases()
    site_with_relay.python(DELIVER)

    assert taken_back == (0 if guarded else 1)
    assert list(how_often(smtp_sink).values()) == ([1] if guarded else [2])


@pytest.mark.parametrize("guarded", [True, False])
def test_a_reminder_goes_twice_only_where_nobody_wrote_down_that_it_was_begun(
    guarded: bool, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    if not guarded:
        sabotage.take_out(sabotage.DATA_STARTED)
    owe_mails("reminder", 1)

    kill_while_sending(site_with_relay, smtp_sink)

    assert list(how_often(smtp_sink).values()) == ([1] if guarded else [2])
    assert states() == ({"uncertain": 1} if guarded else {"sent": 1})


@pytest.mark.parametrize("guarded", [True, False])
def test_what_goes_once_more_is_told_by_its_name(
    guarded: bool, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    if not guarded:
        sabotage.take_out(sabotage.FIXED_MESSAGE_ID)
    owe_mails("confirmation", 1)

    kill_while_sending(site_with_relay, smtp_sink)

    assert len(smtp_sink.to("v0@example.org")) == 2
    assert len(how_often(smtp_sink)) == (1 if guarded else 2)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_cause_that_is_told_four_times_at_once_earns_one_mail_by_its_key(
    guarded: bool, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    if not guarded:
        sabotage.take_out(sabotage.DEDUPE_KEY)
    for index in range(10):
        f.RegistrationFactory(visitor__email=f"v{index}@example.org")

    finish([site_with_relay.start_python(OWE_AGAIN) for _time in range(4)])
    site_with_relay.python(DELIVER)

    assert {len(smtp_sink.to(f"v{index}@example.org")) for index in range(10)} == ({1} if guarded else {4})


@pytest.mark.parametrize("guarded", [True, False], ids=["with its key", "by the turn alone"])
def test_sweeps_beside_each_other_owe_a_reminder_once(
    guarded: bool, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    """Two guards: sweeps take turns and look at what is owed, and the key is unique."""
    if not guarded:
        sabotage.take_out(sabotage.DEDUPE_KEY)
    visits_to_be_reminded_of(20)

    finish([site_with_relay.start_python(OWE_REMINDERS) for _sweep in range(4)])

    assert Message.objects.count() == 20


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
@pytest.mark.parametrize(("guarded", "owed"), [(True, 20), (False, 40)], ids=["by turns", "at once"])
def test_two_sweeps_of_an_edition_at_the_same_instant_take_turns(
    guarded: bool, owed: int, site_with_relay: Site, tmp_path: Path
) -> None:
    """Both are held back until each waits: for the table it would write to, or for the edition's row. The key
    of the messages is taken out, so that the row alone keeps them apart. SQLite lets one in at a time from
    its first statement."""
    sabotage.take_out(sabotage.DEDUPE_KEY)
    visits_to_be_reminded_of(20)
    go = tmp_path / "go"
    sweep = AT_ONCE.format(folder=str(tmp_path)) + OWE_REMINDERS
    sweeps = [site_with_relay.start_python(sweep if guarded else WITHOUT_TURNS + sweep) for _one in range(2)]
    wait_for(lambda: len(list(tmp_path.glob("ready-*"))) == 2)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events_message IN SHARE ROW EXCLUSIVE MODE")
        go.touch()
        wait_for(lambda: who_wait() == 2)
    finish(sweeps)

    assert Message.objects.count() == owed


def finish(processes: Sequence[subprocess.Popen[str] | Child]) -> None:
    for process in processes:
        output, _none = process.communicate(timeout=300)
        assert process.returncode == 0, output


def kill_while_sending(site: Site, sink: SmtpSink) -> None:
    """The worker dies after the relay wrote the mail down and before it said so; later another one comes."""
    sink.holds_after = 0
    worker = site.start_python(DELIVER)
    wait_for(lambda: sink.received)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    sink.holds_after = None
    end_the_leases()
    site.python(DELIVER)
