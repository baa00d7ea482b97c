"""« Still coming? »: looking changes nothing, yes is shown to the host, no gives the places back."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from events.models import HostMember, Registration, Slot
from events.scheduling.telling import tell_the_public
from tests import factories as f

pytestmark = pytest.mark.django_db


@pytest.fixture
def booked() -> Registration:
    slot = f.SlotFactory(day=timezone.localdate() + dt.timedelta(days=3), taken=2, capacity=2, waiting=1)
    waiting = f.RegistrationFactory(
        slot=slot, status="waiting", waiting_since=timezone.now(), confirmed_at=None
    )
    assert waiting.party_size == 1
    return f.RegistrationFactory(slot=slot, party_size=2)


def page(registration: Registration) -> str:
    return f"/mes-visites/{registration.visitor.token}/{registration.reference}/venue/"


def test_looking_at_the_question_answers_nothing(client: Client, booked: Registration) -> None:
    answer = client.get(page(booked))

    assert "Vous venez toujours" in answer.content.decode()
    booked.refresh_from_db()
    assert (booked.status, booked.coming_at) == ("confirmed", None)


def test_yes_is_kept_and_the_host_reads_it(client: Client, booked: Registration) -> None:
    answer = client.post(page(booked), {"answer": "yes"}, follow=True)

    assert "Merci" in answer.content.decode()
    booked.refresh_from_db()
    assert booked.coming_at is not None
    host, person = booked.slot.activity.host, f.UserFactory()
    HostMember.objects.create(host=host, user=person)
    client.force_login(person)
    assert "vient toujours" in client.get(f"/hote/{host.slug}/qui-vient/{booked.slot_id}/").content.decode()


def test_no_gives_the_places_to_who_waits(client: Client, booked: Registration) -> None:
    client.post(page(booked), {"answer": "no"})

    booked.refresh_from_db()
    assert booked.status == "cancelled"
    slot = Slot.objects.get(pk=booked.slot_id)
    assert (slot.taken, slot.held, slot.waiting) == (0, 1, 0)


def test_an_answer_twice_and_an_answer_too_late_change_nothing(client: Client, booked: Registration) -> None:
    client.post(page(booked), {"answer": "yes"})
    first = Registration.objects.get(pk=booked.pk).coming_at
    client.post(page(booked), {"answer": "yes"})
    assert Registration.objects.get(pk=booked.pk).coming_at == first

    Slot.objects.filter(pk=booked.slot_id).update(starts_at=timezone.now() - dt.timedelta(minutes=1))
    answer = client.post(page(booked), {"answer": "no"}, follow=True)

    assert "a commencé" in answer.content.decode()
    assert Registration.objects.get(pk=booked.pk).status == "confirmed"


def test_yes_was_said_of_another_time_once_the_slot_moves(client: Client, booked: Registration) -> None:
    client.post(page(booked), {"answer": "yes"})
    slot = booked.slot

    tell_the_public(slot, old_start=slot.starts_at, old_end=slot.ends_at, old_place="", now=timezone.now())

    assert Registration.objects.get(pk=booked.pk).coming_at is None
