"""Who decides about a room: appointed, invited, removed; the secret link to its calendar."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import signing

from events.models import Message, Room, RoomManager
from events.scheduling.managers import (
    INVITATION,
    appoint_manager,
    calendar_token,
    join_room,
    read_invitation,
    remove_manager,
    renew_calendar_link,
    room_of_calendar,
)
from tests.factories import NOW, RoomFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def room():
    return RoomFactory(name="Grande salle")


@pytest.fixture
def organiser():
    return UserFactory(name="Alix Relais")


def test_who_has_an_account_is_appointed_at_once_and_once(room, organiser):
    user = UserFactory(email="dom@example.org")

    for address in ("dom@example.org", " DOM@example.org "):
        manager = appoint_manager(room_id=room.pk, email=address, by=organiser, now=NOW)
        assert manager.user == user

    assert RoomManager.objects.count() == 1
    assert Room.objects.managed_by(user).get() == room
    assert not Message.objects.exists()


def test_who_has_none_is_invited_by_a_link_for_that_address(room, organiser):
    assert appoint_manager(room_id=room.pk, email="New@example.org", by=organiser, now=NOW) is None
    appoint_manager(room_id=room.pk, email="new@example.org", by=organiser, now=NOW)

    mail = Message.objects.get()
    token = mail.text_body.split("/rejoindre/")[1].split("/")[0]
    assert (mail.recipient, read_invitation(token)) == ("new@example.org", (room, "new@example.org"))
    assert "Grande salle" in mail.subject
    assert "Alix Relais" in mail.text_body
    user = UserFactory()
    join_room(room_id=room.pk, user=user, now=NOW)
    join_room(room_id=room.pk, user=user, now=NOW)
    assert RoomManager.objects.get().user == user


def test_a_closed_account_is_invited_like_none(room, organiser):
    UserFactory(email="gone@example.org", is_active=False)

    assert appoint_manager(room_id=room.pk, email="gone@example.org", by=organiser, now=NOW) is None
    assert not RoomManager.objects.exists()


def test_an_invitation_to_something_else_opens_no_room(room):
    said = {"room": room.pk, "email": "a@example.org"}

    assert read_invitation(signing.dumps(said, salt="events.hosting.invitation", compress=True)) is None
    assert read_invitation(signing.dumps({**said, "room": 0}, salt=INVITATION, compress=True)) is None
    assert read_invitation("forged") is None


def test_the_calendar_has_no_link_until_it_is_asked_for_and_a_new_one_kills_the_old(room):
    assert calendar_token(room) == ""
    assert room_of_calendar(room_id=room.pk, token="") is None

    old = renew_calendar_link(room_id=room.pk)
    room.refresh_from_db()
    assert (calendar_token(room), room_of_calendar(room_id=room.pk, token=old)) == (old, room)

    new = renew_calendar_link(room_id=room.pk)

    assert room_of_calendar(room_id=room.pk, token=old) is None
    assert room_of_calendar(room_id=room.pk, token=new) == room


def test_the_link_of_one_room_opens_no_other(room):
    token, other = renew_calendar_link(room_id=room.pk), RoomFactory()
    Room.objects.filter(pk=other.pk).update(
        calendar_nonce=Room.objects.values_list("calendar_nonce", flat=True).get(pk=room.pk)
    )

    assert room_of_calendar(room_id=other.pk, token=token) is None


def test_who_is_removed_decides_no_more_and_reads_no_more(room, organiser):
    manager = appoint_manager(room_id=room.pk, email=UserFactory().email, by=organiser, now=NOW)
    token = renew_calendar_link(room_id=room.pk)

    remove_manager(room_id=room.pk, manager_id=manager.pk, by=organiser, now=NOW + dt.timedelta(days=1))

    assert not Room.objects.managed_by(manager.user).exists()
    assert room_of_calendar(room_id=room.pk, token=token) is None
    with pytest.raises(RoomManager.DoesNotExist):
        remove_manager(room_id=RoomFactory().pk, manager_id=manager.pk, by=organiser, now=NOW)
