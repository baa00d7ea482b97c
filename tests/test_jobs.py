"""What beat asks for: pinned names, each of them a task the worker knows."""

from __future__ import annotations

import datetime as dt

import pytest

from events.jobs import forget
from events.models import ErasedCount, Heartbeat, Registration, Slot
from festival.celery import app
from tests.factories import RegistrationFactory, SlotFactory

SWEEPS = {
    "events.deliver_due",
    "events.deliver_webhooks",
    "events.work_on_jobs",
    "events.release_leases",
    "events.owe_reminders",
    "events.expire",
    "events.rest_at_night",
    "events.owe_follows",
    "events.pass_places_on",
    "events.draw_ballots",
    "events.geocode",
    "events.look_up_companies",
    "events.follow_agendas",
    "events.owe_digests",
    "events.watch_mail",
    "events.forget",
}


def test_beat_asks_for_tasks_that_the_worker_knows() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} == SWEEPS
    assert set(app.tasks) >= SWEEPS


@pytest.mark.django_db
def test_the_night_erases_registrations_ninety_days_after_their_slot_and_keeps_the_numbers() -> None:
    slot = SlotFactory(taken=2)
    RegistrationFactory(slot=slot, party_size=2)

    forget(slot.ends_at + dt.timedelta(days=89))
    assert Registration.objects.count() == 1

    forget(slot.ends_at + dt.timedelta(days=91))
    assert Registration.objects.count() == 0
    assert ErasedCount.objects.filter(slot=slot).exists()
    assert Slot.objects.filter(pk=slot.pk).exists()
    assert Heartbeat.objects.get(name="forget").at == slot.ends_at + dt.timedelta(days=91)
