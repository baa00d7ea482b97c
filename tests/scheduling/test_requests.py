"""Rooms given on request: asked for, accepted through the placing rule, refused with a reason, withdrawn."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from events.models import (
    Message,
    RoomManager,
    RoomOccupancy,
    RoomRequest,
    SpecialDays,
    TerritoryTeam,
    VenueManager,
)
from events.refusals import Reason, Refused
from events.scheduling.blocking import block_room
from events.scheduling.place import When, move_slot, place_slot, swap_rooms
from events.scheduling.requests import (
    accept_request,
    ask_for_slot,
    ask_for_time,
    refuse_request,
    to_answer,
    who_decides,
    withdraw_request,
)
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def room():
    return RoomFactory(name="Grande salle", by_request=True)


@pytest.fixture
def slot(room):
    return a_slot(room, dt.time(10))


@pytest.fixture
def host():
    """Somebody who speaks for the host and decides about no room."""
    return UserFactory(name="Camille")


@pytest.fixture
def organiser(room):
    user = UserFactory(name="Alix")
    TerritoryTeam.objects.create(territory=room.venue.territory, user=user)
    return user


@pytest.fixture
def manager(room):
    user = UserFactory(name="Dominique", locale="en")
    RoomManager.objects.create(room=room, user=user)
    return user


def a_slot(room, at, **fields):
    activity = ActivityFactory(host=HostFactory(territory=room.venue.territory))
    return SlotFactory(activity=activity, start_time=at, duration=60, **fields)


def asked(room, slot, by, **more):
    return ask_for_slot(room_id=room.pk, slot_id=slot.pk, by=by, now=NOW, **more)


def refusal_of(call, **arguments):
    with pytest.raises(Refused) as caught:
        call(**arguments)
    return caught.value


def mails(kind):
    return list(Message.objects.filter(kind=kind).order_by("recipient").values_list("recipient", flat=True))


# Placing without asking -----------------------------------------------------------------------------------


def test_who_does_not_decide_places_nothing_in_a_room_on_request(room, slot, host):
    refused = refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=host, now=NOW)

    assert refused.reason == Reason.ON_REQUEST
    assert not RoomOccupancy.objects.exists()


def test_a_room_given_without_asking_is_anybody_s_who_may_place(slot, host):
    room = RoomFactory(venue__territory=slot.activity.territory)

    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=host, now=NOW).room == room


def test_managers_and_organisers_place_without_asking(room, manager, organiser):
    for at, who in ((dt.time(9), manager), (dt.time(11), organiser)):
        slot = a_slot(room, at)
        assert place_slot(slot_id=slot.pk, room_id=room.pk, by=who, now=NOW).room == room


def test_a_venue_s_manager_places_without_asking_and_another_venue_s_does_not(room, slot):
    mine, other = UserFactory(), UserFactory()
    VenueManager.objects.create(venue=room.venue, user=mine)
    VenueManager.objects.create(venue=VenueFactory(territory=room.venue.territory), user=other)

    assert refusal_of(place_slot, slot_id=slot.pk, room_id=room.pk, by=other, now=NOW).reason == "on_request"
    assert place_slot(slot_id=slot.pk, room_id=room.pk, by=mine, now=NOW).room == room


def test_a_host_does_not_move_its_slot_to_another_hour_of_such_a_room(room, slot, manager, host):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=manager, now=NOW)

    refused = refusal_of(
        move_slot, slot_id=slot.pk, day=DAY, start_time=dt.time(15), duration=60, by=host, now=NOW
    )

    assert refused.reason == Reason.ON_REQUEST


def test_a_hall_with_a_part_on_request_is_on_request(room, slot, host, manager):
    hall = RoomFactory(venue=room.venue, name="A + B")
    hall.parts.set([room, RoomFactory(venue=room.venue)])

    assert refusal_of(place_slot, slot_id=slot.pk, room_id=hall.pk, by=host, now=NOW).reason == "on_request"
    assert who_decides(hall) == [manager]
    assert place_slot(slot_id=slot.pk, room_id=hall.pk, by=manager, now=NOW).room == hall


def test_swapping_into_such_a_room_is_asked_about_too(room, slot, manager, host):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=manager, now=NOW)
    other, plain = a_slot(room, dt.time(14)), RoomFactory(venue=room.venue)
    place_slot(slot_id=other.pk, room_id=plain.pk, by=host, now=NOW)

    refused = refusal_of(swap_rooms, slot_id=slot.pk, other_id=other.pk, by=host, now=NOW)

    assert refused.reason == Reason.ON_REQUEST


# Asking ---------------------------------------------------------------------------------------------------


def test_a_request_holds_nothing_and_its_managers_get_a_mail(room, slot, host, manager, organiser):
    request = asked(room, slot, host, message="  Avec un écran ?  ")

    assert (request.state, request.message) == ("pending", "Avec un écran ?")
    assert (request.starts_at, request.ends_at) == (slot.starts_at, slot.ends_at)
    assert not RoomOccupancy.objects.exists()
    mail = Message.objects.get(kind="room_asked")
    assert (mail.recipient, mail.locale, mail.context) == (manager.email, "en", {"request": request.pk})


def test_without_a_manager_the_venue_s_managers_and_the_organisers_are_asked(room, slot, host, organiser):
    at_the_venue = UserFactory()
    VenueManager.objects.create(venue=room.venue, user=at_the_venue)
    TerritoryTeam.objects.create(territory=TerritoryFactory(), user=UserFactory())

    asked(room, slot, host)

    assert mails("room_asked") == sorted([organiser.email, at_the_venue.email])


def test_who_asks_about_a_room_of_theirs_gets_no_mail(room, slot, organiser, manager):
    asked(room, slot, manager)

    assert mails("room_asked") == []


def test_a_slot_asks_for_a_room_once_and_again_after_a_refusal(room, slot, host, manager):
    first = asked(room, slot, host)
    assert refusal_of(asked, room=room, slot=slot, by=host).reason == Reason.ALREADY_ASKED

    refuse_request(request_id=first.pk, answer="Travaux", by=manager, now=NOW)

    assert asked(room, slot, host).pk != first.pk


def test_a_room_given_without_asking_is_not_asked_for(room, slot, host):
    room.by_request = False
    room.save()

    assert refusal_of(asked, room=room, slot=slot, by=host).reason == Reason.WRONG_STATE


def test_a_room_out_of_use_is_not_asked_for(room, slot, host):
    room.is_active = False
    room.save()

    assert refusal_of(asked, room=room, slot=slot, by=host).reason == Reason.ROOM_NOT_IN_USE


def test_a_room_of_another_territory_is_not_asked_for(slot, host):
    elsewhere = RoomFactory(by_request=True)

    assert refusal_of(asked, room=elsewhere, slot=slot, by=host).reason == Reason.ROOM_ELSEWHERE


def test_a_room_that_may_not_hold_so_many_is_not_asked_for(room, host):
    slot = a_slot(room, dt.time(10), capacity=31)

    refused = refusal_of(asked, room=room, slot=slot, by=host)

    assert (refused.reason, refused.facts["safety_capacity"]) == (Reason.ROOM_TOO_SMALL, 30)


def test_a_closed_room_is_not_asked_for(room, slot, host):
    SpecialDays.objects.create(venue=room.venue, room=room, first_day=DAY, last_day=DAY, reason="Peinture")

    refused = refusal_of(asked, room=room, slot=slot, by=host)

    assert (refused.reason, refused.facts["closed_by"].reason) == (Reason.ROOM_CLOSED, "Peinture")


def test_nothing_is_asked_for_a_slot_that_is_over_or_withdrawn(room, slot, host):
    late = slot.ends_at
    refused = refusal_of(ask_for_slot, room_id=room.pk, slot_id=slot.pk, by=host, now=late)
    assert refused.reason == Reason.IN_THE_PAST

    slot.state, slot.cancelled_at = "cancelled", NOW
    slot.save()

    assert refusal_of(asked, room=room, slot=slot, by=host).reason == Reason.WRONG_STATE


def test_a_room_is_asked_for_something_else_with_what_for(room, slot, host, manager):
    request = ask_for_time(
        room_id=room.pk,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        label=" Répétition ",
        by=host,
        now=NOW,
    )

    assert (request.slot, request.label, mails("room_asked")) == (None, "Répétition", [manager.email])
    with pytest.raises(ValueError, match="what for"):
        ask_for_time(
            room_id=room.pk, starts_at=slot.starts_at, ends_at=slot.ends_at, label=" ", by=host, now=NOW
        )
    past = {"starts_at": NOW - HOUR, "ends_at": NOW}
    refused = refusal_of(ask_for_time, room_id=room.pk, label="Répétition", by=host, now=NOW, **past)
    assert refused.reason == Reason.IN_THE_PAST


# Answering ------------------------------------------------------------------------------------------------


def test_an_accepted_request_places_the_slot_and_tells_who_asked(room, slot, host, manager):
    request = asked(room, slot, host)

    accept_request(request_id=request.pk, answer="Avec plaisir", by=manager, now=NOW)

    slot.refresh_from_db()
    request.refresh_from_db()
    assert (slot.room, RoomOccupancy.objects.get().slot) == (room, slot)
    assert (request.state, request.answer, request.decided_by) == ("accepted", "Avec plaisir", manager)
    assert mails("room_answered") == [host.email]


def test_an_accepted_request_for_something_else_holds_the_room_for_who_asked(room, slot, host, manager):
    request = ask_for_time(
        room_id=room.pk, starts_at=slot.starts_at, ends_at=slot.ends_at, label="Répétition", by=host, now=NOW
    )

    accept_request(request_id=request.pk, by=manager, now=NOW)

    held = RoomOccupancy.objects.get()
    assert (held.label, held.owner, held.starts_at) == ("Répétition", host, slot.starts_at)


def test_what_clashes_by_now_is_refused_by_name_and_the_request_stays(room, slot, host, manager):
    request = asked(room, slot, host)
    other = a_slot(room, dt.time(10, 30))
    place_slot(slot_id=other.pk, room_id=room.pk, by=manager, now=NOW)

    refused = refusal_of(accept_request, request_id=request.pk, by=manager, now=NOW)

    request.refresh_from_db()
    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.slot for row in refused.facts["in_the_way"]] == [other]
    assert (request.state, mails("room_answered")) == ("pending", [])


def test_of_two_requests_for_one_hour_one_is_accepted(room, slot, host, manager):
    one, other = asked(room, slot, host), asked(room, a_slot(room, dt.time(10, 15)), host)

    accept_request(request_id=other.pk, by=manager, now=NOW)

    assert refusal_of(accept_request, request_id=one.pk, by=manager, now=NOW).reason == "room_occupied"


def test_a_slot_that_has_moved_since_is_not_placed_behind_anybody_s_back(room, slot, host, manager):
    request = asked(room, slot, host)
    move_slot(slot_id=slot.pk, day=DAY, start_time=dt.time(16), duration=60, by=host, now=NOW)

    refused = refusal_of(accept_request, request_id=request.pk, by=manager, now=NOW)

    assert refused.reason == Reason.CHANGED_MEANWHILE


def test_who_does_not_decide_cannot_accept_even_by_the_rule(room, slot, host):
    request = asked(room, slot, host)

    assert refusal_of(accept_request, request_id=request.pk, by=host, now=NOW).reason == Reason.ON_REQUEST


def test_a_refusal_says_why_and_holds_nothing(room, slot, host, manager):
    request = asked(room, slot, host)
    refused = refusal_of(refuse_request, request_id=request.pk, answer="  ", by=manager, now=NOW)
    assert refused.reason == Reason.REASON_NEEDED

    refuse_request(request_id=request.pk, answer="Travaux", by=manager, now=NOW)

    request.refresh_from_db()
    assert (request.state, request.answer, request.decided_at) == ("refused", "Travaux", NOW)
    assert not RoomOccupancy.objects.exists()
    assert mails("room_answered") == [host.email]


@pytest.mark.parametrize("first", ["accept", "refuse", "withdraw"])
def test_what_is_answered_or_withdrawn_is_answered_no_more(room, slot, host, manager, first):
    request = asked(room, slot, host)
    again: dict[str, tuple[Any, dict[str, str]]] = {
        "accept": (accept_request, {}),
        "refuse": (refuse_request, {"answer": "Travaux"}),
        "withdraw": (withdraw_request, {}),
    }
    call, more = again[first]
    call(request_id=request.pk, by=manager, now=NOW, **more)

    for other, said in again.values():
        refused = refusal_of(other, request_id=request.pk, by=manager, now=NOW, **said)
        assert refused.reason == Reason.WRONG_STATE


def test_what_can_no_longer_be_accepted_awaits_no_answer(room, slot, host):
    over, withdrawn, pending = slot, a_slot(room, dt.time(14)), a_slot(room, dt.time(16))
    for one in (over, withdrawn, pending):
        asked(room, one, host)
    withdrawn.state, withdrawn.cancelled_at = "cancelled", NOW
    withdrawn.save()

    found = to_answer(RoomRequest.objects.all(), over.ends_at)

    assert [request.slot for request in found] == [pending]


# Rooms held for something else ----------------------------------------------------------------------------


def test_a_blocking_is_of_who_made_it_and_comes_again_all_or_none(room, slot, manager, organiser):
    week = dt.timedelta(days=7)
    times = [(slot.starts_at + n * week, slot.ends_at + n * week) for n in range(3)]
    start, end = times[0]
    hold = {"room_id": room.pk, "label": "Cours", "by": manager, "now": NOW}

    block_room(starts_at=start, ends_at=end, again=times[1:], **hold)

    held = list(RoomOccupancy.objects.order_by("starts_at"))
    assert [(row.starts_at, row.ends_at, row.owner) for row in held] == [(s, e, manager) for s, e in times]

    early = [(s - 2 * HOUR, e - 2 * HOUR) for s, e in times]
    place_slot(
        slot_id=a_slot(room, dt.time(8), day=DAY + 2 * week).pk, room_id=room.pk, by=organiser, now=NOW
    )
    refused = refusal_of(block_room, starts_at=early[0][0], ends_at=early[0][1], again=early[1:], **hold)

    assert refused.reason == Reason.ROOM_OCCUPIED
    assert [row.slot.day for row in refused.facts["in_the_way"]] == [DAY + 2 * week]
    assert RoomOccupancy.objects.filter(slot=None).count() == 3


def test_a_blocking_is_lifted_by_its_owner_or_who_runs_the_venue(room, slot, manager, organiser):
    other = UserFactory()
    RoomManager.objects.create(room=room, user=other)
    row = block_room(
        room_id=room.pk,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        label="Cours",
        by=manager,
        now=NOW,
    )[0]

    may = [user for user in (manager, organiser, other) if RoomOccupancy.objects.liftable_by(user).exists()]
    assert may == [manager, organiser]

    RoomOccupancy.objects.filter(pk=row.pk).update(owner=None)
    assert RoomOccupancy.objects.liftable_by(other).get() == row


def test_when_is_a_time_of_a_slot_not_of_a_request(room, slot, manager):
    """A manager may still place the slot at another time than asked: by the board, not by the request."""
    request = asked(room, slot, UserFactory())

    place_slot(slot_id=slot.pk, room_id=room.pk, by=manager, now=NOW, when=When(DAY, dt.time(17), 60))

    assert refusal_of(accept_request, request_id=request.pk, by=manager, now=NOW).reason == (
        Reason.CHANGED_MEANWHILE
    )
