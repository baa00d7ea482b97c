"""A host asks for a room given on request, from the page of its slot."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from events.models import HostMember, RoomManager, RoomRequest, SpecialDays
from events.scheduling.requests import refuse_request
from tests.factories import DAY, NOW, ActivityFactory, HostFactory, RoomFactory, SlotFactory, UserFactory


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def room(db):
    return RoomFactory(name="Grande salle", by_request=True)


@pytest.fixture
def slot(room):
    host = HostFactory(territory=room.venue.territory, slug="les-robots")
    return SlotFactory(activity=ActivityFactory(host=host), start_time=dt.time(10), duration=60)


@pytest.fixture
def hers(client, slot):
    user = UserFactory(name="Camille Hôte")
    HostMember.objects.create(host=slot.activity.host, user=user)
    client.force_login(user)
    client.user = user
    return client


def ask_url(slot):
    return reverse("events:host_room_ask", args=["les-robots", slot.pk])


def slot_url(slot):
    return reverse("events:host_slot", args=["les-robots", slot.pk])


def test_a_host_asks_from_its_slot_and_sees_how_it_stands(hers, slot, room):
    manager = UserFactory()
    RoomManager.objects.create(room=room, user=manager)
    assert ask_url(slot) in hers.get(slot_url(slot)).content.decode()
    assert "Grande salle" in hers.get(ask_url(slot)).content.decode()

    answer = hers.post(ask_url(slot), {"room": room.pk, "message": "Avec un écran"})

    request = RoomRequest.objects.get()
    assert (answer.url, request.asked_by, request.message) == (slot_url(slot), hers.user, "Avec un écran")
    slot.refresh_from_db()
    assert slot.room is None

    refuse_request(request_id=request.pk, answer="Travaux", by=manager, now=NOW)
    assert "Travaux" in hers.get(slot_url(slot)).content.decode()


def test_a_host_withdraws_what_it_asked_for(hers, slot, room):
    hers.post(ask_url(slot), {"room": room.pk})
    request = RoomRequest.objects.get()
    url = reverse("events:host_room_withdraw", args=["les-robots", slot.pk, request.pk])
    assert hers.get(url).status_code == 405

    assert hers.post(url).url == slot_url(slot)
    assert hers.post(url).url == slot_url(slot)

    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_what_was_typed_stays_when_the_rule_refuses(hers, slot, room):
    SpecialDays.objects.create(venue=room.venue, first_day=DAY, last_day=DAY, reason="Peinture")

    answer = hers.post(ask_url(slot), {"room": room.pk, "message": "Avec un écran"})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Peinture" in page
    assert "Avec un écran" in page
    assert not RoomRequest.objects.exists()


def test_only_rooms_on_request_of_its_territory_in_use_are_offered(hers, slot, room):
    venue = room.venue
    others = [RoomFactory(venue=venue), RoomFactory(venue=venue, by_request=True, is_active=False)]
    others.append(RoomFactory(by_request=True))

    assert list(hers.get(ask_url(slot)).context["rooms"]) == [room]
    for other in others:
        answer = hers.post(ask_url(slot), {"room": other.pk})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["room"])


def test_a_withdrawn_slot_asks_for_nothing(hers, slot, room):
    slot.state, slot.cancelled_at = "cancelled", NOW
    slot.save()

    assert hers.post(ask_url(slot), {"room": room.pk}).url == slot_url(slot)
    assert not RoomRequest.objects.exists()


def test_where_nothing_is_given_on_request_nothing_is_offered(hers, slot, room):
    room.by_request = False
    room.save()

    assert ask_url(slot) not in hers.get(slot_url(slot)).content.decode()
    assert hers.get(ask_url(slot)).status_code == 200
