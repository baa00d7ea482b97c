"""The rules through Celery's beat, and the same sweeps in one place for the life-boat. Pinned names, safe to
run twice.

Nothing is scheduled ahead: a sweep looks at what is due now.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from celery import shared_task
from django.utils import timezone

from events import longwork
from events.broadcasts import rest_at_night, run_broadcast
from events.companies import look_up_due
from events.digests import owe_digests
from events.exchange import agendas
from events.follows import owe_follows
from events.geocoding import geocode_due
from events.longwork import Handler
from events.mail.deliver import Report, deliver_due, expire, release_leases
from events.mail.heartbeat import beat, last
from events.mail.watch import look_after_mail
from events.models import Job
from events.registration.drawing import draw_due
from events.registration.forgetting import purge_expired
from events.registration.holds import expire_holds
from events.registration.pools import release_all_due
from events.registration.waiting import offer_where_free
from events.reminders import owe_reminders
from events.scheduling.autoplan import run_autoplan
from events.scheduling.bulk import run_bulk
from events.webhooks import deliver as webhooks

OVERLAP = dt.timedelta(minutes=5)
WHOLE_SWEEP_EVERY = dt.timedelta(minutes=15)
SPELL = 20.0
"""Seconds of long work in one task, where it can rest: then the mail has its turn."""

HANDLERS: Mapping[str, Handler] = {
    Job.Kind.BULK: run_bulk,
    Job.Kind.TIMETABLE: run_autoplan,
    Job.Kind.MESSAGE: run_broadcast,
}
"""What each kind of long work does."""


@shared_task(name="events.owe_reminders", ignore_result=True)
def owe_reminders_task() -> None:
    """Every minute: owe the reminders that have become due."""
    owe_reminders_in_turn(timezone.now())


@shared_task(name="events.expire", ignore_result=True)
def expire_task() -> None:
    """Every minute: end what came too late."""
    now = timezone.now()
    expire(now=now)
    beat("expire", now)


@shared_task(name="events.rest_at_night", ignore_result=True)
def rest_at_night_task() -> None:
    """Every minute: once the night has begun, bulk messages wait for the morning."""
    rest_at_night(timezone.now())


@shared_task(name="events.pass_places_on", ignore_result=True)
def pass_places_on_task() -> None:
    """Twice a minute: end holds whose time is over, release pools, offer what is free."""
    pass_places_on(timezone.now())


def pass_places_on(now: dt.datetime) -> int:
    """How many holds ended, pools were released and offers made. What is due now, whenever it is asked."""
    moved = expire_holds(now=now) + release_all_due(now=now) + offer_where_free(now=now)
    beat("pass_places_on", now)
    return moved


@shared_task(name="events.deliver_webhooks", ignore_result=True)
def deliver_webhooks_task() -> None:
    """Every ten seconds: tell partners' servers what happened."""
    deliver_webhooks(timezone.now())


def deliver_webhooks(now: dt.datetime) -> dict[str, int]:
    """How many deliveries came to which state."""
    counts = webhooks.deliver_webhooks()
    beat("deliver_webhooks", now)
    return counts


@shared_task(name=longwork.TASK, ignore_result=True)
def work_on_jobs_task() -> None:
    """Every ten seconds, and when somebody has just asked: work on the long work there is."""
    work_on_jobs(timezone.now(), seconds=SPELL)
    if longwork.is_left(HANDLERS, timezone.now()):
        longwork.nudge()


def work_on_jobs(
    now: dt.datetime, *, seconds: float | None = None, is_ending: Callable[[], bool] = lambda: False
) -> int:
    """How many times a job was taken up. ``seconds``: after that what can rest waits for the next turn."""
    taken = longwork.work_on(HANDLERS, seconds=seconds, is_ending=is_ending)
    beat("work_on_jobs", now)
    return taken


@shared_task(name="events.draw_ballots", ignore_result=True)
def draw_ballots_task() -> None:
    """Every minute: draw the ballots that have closed."""
    draw_ballots(timezone.now())


def draw_ballots(now: dt.datetime) -> int:
    """How many ballots were drawn."""
    drawn = draw_due(now=now)
    beat("draw_ballots", now)
    return drawn


@shared_task(name="events.geocode", ignore_result=True)
def geocode_task() -> None:
    """Every minute: ask where the addresses of venues are."""
    geocode(timezone.now())


def geocode(now: dt.datetime) -> int:
    """For how many venues the geocoder had an answer; none where GEOCODER_URL is not set."""
    answered = geocode_due(now=now)
    beat("geocode", now)
    return answered


@shared_task(name="events.look_up_companies", ignore_result=True)
def look_up_companies_task() -> None:
    """Every minute: ask the register who the companies of hosts are."""
    look_up_companies(timezone.now())


def look_up_companies(now: dt.datetime) -> int:
    """For how many companies the register had an answer; none where COMPANY_REGISTRY_URL is not set."""
    answered = look_up_due(now=now)
    beat("look_up_companies", now)
    return answered


@shared_task(name=agendas.TASK, ignore_result=True)
def follow_agendas_task() -> None:
    """Every minute, and when a team has just asked: read the agendas followed that are due."""
    follow_agendas(timezone.now())


def follow_agendas(now: dt.datetime) -> int:
    """How many agendas were looked at; none where AGENDA_EVERY_MINUTES is 0."""
    looked = agendas.follow_due(now)
    beat("follow_agendas", now)
    return looked


@shared_task(name="events.owe_digests", ignore_result=True)
def owe_digests_task() -> None:
    """Every minute: owe digests, door lists and what is left undone to desks whose hour it is."""
    owe_digests_in_turn(timezone.now())


def owe_digests_in_turn(now: dt.datetime) -> int:
    """How many mails to desks were owed."""
    owed = owe_digests(now)
    beat("owe_digests", now)
    return owed


@shared_task(name="events.owe_follows", ignore_result=True)
def owe_follows_task() -> None:
    """Every minute: owe who follows something what has opened or come free."""
    owe_follows(timezone.now())


@shared_task(name="events.watch_mail", ignore_result=True)
def watch_mail_task() -> None:
    """Twice a minute: see whether mail flows, and tell when it does not."""
    watch_mail(timezone.now())


def watch_mail(now: dt.datetime) -> None:
    """What holds mail up is noted and told; so is its end."""
    look_after_mail(now)
    beat("watch_mail", now)


@shared_task(name="events.forget", ignore_result=True)
def forget_task() -> None:
    """Every night: erase what may no longer be kept."""
    forget(timezone.now())


def forget(now: dt.datetime) -> dict[str, int]:
    """Names thirty days and registrations ninety days after their slot go; numbers stay."""
    erased = purge_expired(now=now)
    beat("forget", now)
    return erased


def owe_reminders_in_turn(now: dt.datetime) -> int:
    """What became due since the last sweep; every quarter of an hour, and after a gap, everything that is
    open."""
    whole, latest = last("owe_reminders_whole"), last("owe_reminders")
    is_recent = (
        whole is not None
        and latest is not None
        and now - WHOLE_SWEEP_EVERY < whole <= now
        and now - WHOLE_SWEEP_EVERY < latest <= now
    )
    since = latest - OVERLAP if is_recent and latest is not None else None
    owed = owe_reminders(now, since=since)
    beat("owe_reminders", now)
    if since is None:
        beat("owe_reminders_whole", now)
    return owed


@dataclass(frozen=True)
class Sweep:
    """What one round of everything did."""

    released: int
    owed: int
    expired: int
    report: Report


def sweep(now: dt.datetime | None = None) -> Sweep:
    """Everything that beat asks for, once: for the embedded mode without a broker and as the life-boat."""
    at = now or timezone.now()
    released = release_leases(now=at)
    draw_ballots(at)
    pass_places_on(at)
    owed = owe_reminders_in_turn(at)
    owe_digests_in_turn(at)
    owe_follows(at)
    expired = expire(now=at)
    work_on_jobs(at)
    rest_at_night(at)
    report = deliver_due(now=now)
    webhooks.deliver_webhooks(now=now)
    geocode(at)
    look_up_companies(at)
    follow_agendas(at)
    watch_mail(at)
    for name in ("release_leases", "expire", "deliver_due", "deliver_webhooks"):
        beat(name, at)
    return Sweep(released, owed, expired, report)
