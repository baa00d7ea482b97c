"""A room's page at the desk: its form, what holds it, who runs it, its calendar; days that are not usual."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import Message, Room, RoomManager, RoomOccupancy, RoomRequest, SpecialDays
from events.scheduling.blocking import block_room
from events.scheduling.managers import INVITATION
from events.scheduling.place import place_slot
from events.scheduling.requests import ask_for_slot
from tests.factories import DAY, NOW, RoomFactory, UserFactory

from .conftest import a_slot
from .test_venues import hours

VENUE = "la-cantine"


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


@pytest.fixture
def manager(place):
    """Decides about the Grande salle, and about nothing else."""
    user = UserFactory(name="Dominique Salle")
    RoomManager.objects.create(room=place.room, user=user)
    return user


@pytest.fixture
def hers(client, manager):
    client.force_login(manager)
    return client


def room_page(place, room=None):
    return url("room", VENUE, (room or place.room).pk)


def held(place, **more):
    start = dt.datetime(2027, 6, 10, 10, tzinfo=dt.UTC)
    fields = {"starts_at": start, "ends_at": start + dt.timedelta(hours=2), "label": "Cours", "now": NOW}
    return block_room(**{"room_id": place.room.pk, "by": place.organiser, **fields, **more})[0]


# The form -------------------------------------------------------------------------------------------------


def test_a_room_is_described_with_ticks_words_and_hours_of_its_own(desk, place):
    answer = desk.post(
        url("room_new", VENUE),
        {
            "name": "Studio",
            "comfort_capacity": "12",
            "safety_capacity": "20",
            "has": ["screen", "wifi"],
            "equipment": "Deux vidéoprojecteurs",
            "setup_minutes": "10",
            "turnover_minutes": "15",
            "by_request": "on",
            "is_active": "on",
            **hours((4, "9h", "12:00"), (4, "14:00", "18 h"), (5, "", "")),
        },
    )

    room = Room.objects.get(name="Studio")
    assert answer.url == url("venue", VENUE)
    assert (room.has, room.equipment, room.by_request) == (["screen", "wifi"], "Deux vidéoprojecteurs", True)
    assert list(room.hours.values_list("weekday", "opens")) == [(4, dt.time(9)), (4, dt.time(14))]
    page = desk.get(url("room", VENUE, room.pk)).content.decode()
    assert "Deux vidéoprojecteurs" in page
    assert "sur demande" in page


def test_emptied_hours_give_a_room_its_venue_s_again(desk, place):
    place.room.hours.create(weekday=4, opens=dt.time(9), closes=dt.time(12))
    form = {"name": "Grande salle", "setup_minutes": "0", "turnover_minutes": "0", "is_active": "on"}

    desk.post(url("room_edit", VENUE, place.room.pk), form)
    assert place.room.hours.count() == 1

    desk.post(url("room_edit", VENUE, place.room.pk), {**form, **hours((4, "", ""))})
    assert place.room.hours.count() == 0


def test_hours_that_cannot_be_are_refused_and_nothing_is_kept(desk, place):
    answer = desk.post(
        url("room_edit", VENUE, place.room.pk),
        {
            "name": "Autre nom",
            "setup_minutes": "0",
            "turnover_minutes": "0",
            **hours((4, "12:00", "9:00")),
        },
    )

    place.room.refresh_from_db()
    assert (answer.status_code, place.room.name, place.room.hours.count()) == (422, "Grande salle", 0)


# Days that are not usual ----------------------------------------------------------------------------------


def test_a_venue_is_closed_on_some_days_and_open_again(desk, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = desk.post(
        url("days", VENUE),
        {"room": "", "reason": "Fête", "first_day": "2027-06-10", "last_day": "12/06/2027"},
        follow=True,
    )

    special = SpecialDays.objects.get()
    assert (special.first_day, special.last_day) == (DAY, DAY + dt.timedelta(days=2))
    assert (special.room, special.opens) == (None, None)
    page = answer.content.decode()
    assert "Fête" in page
    assert slot.activity.title in page
    assert not Message.objects.exists()

    desk.post(url("days_drop", VENUE, special.pk))
    assert not SpecialDays.objects.exists()


def test_one_room_has_other_hours_on_a_day(desk, place):
    desk.post(
        url("days", VENUE),
        {
            "room": place.room.pk,
            "reason": "Nocturne",
            "first_day": "2027-06-10",
            "opens": "18h",
            "closes": "23:59",
        },
    )

    special = SpecialDays.objects.get()
    assert (special.room, special.last_day, special.opens) == (place.room, DAY, dt.time(18))


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"reason": ""}, "reason"),
        ({"last_day": "2027-06-09"}, "last_day"),
        ({"opens": "9:00"}, "closes"),
        ({"closes": "9:00"}, "opens"),
        ({"opens": "12:00", "closes": "9:00"}, "closes"),
        ({"room": "999999"}, "room"),
    ],
)
def test_days_that_cannot_be_are_refused_at_their_field(desk, place, typed, where):
    fields = {"room": "", "reason": "Fête", "first_day": "2027-06-10", **typed}

    answer = desk.post(url("days", VENUE), fields)

    assert (answer.status_code, list(answer.context["days_form"].errors)) == (422, [where])
    assert not SpecialDays.objects.exists()


def test_a_room_of_another_venue_is_not_closed_from_here(desk, place):
    other = RoomFactory()

    answer = desk.post(url("days", VENUE), {"room": other.pk, "reason": "Fête", "first_day": "2027-06-10"})

    assert answer.status_code == 422
    assert not SpecialDays.objects.exists()


# Held for something else ----------------------------------------------------------------------------------

HOLD = {"label": "Cours", "first_day": "2027-06-10", "from_time": "10:00", "to_time": "12:00"}


def test_a_room_is_held_every_week_by_its_manager_who_is_named(hers, manager, place):
    answer = hers.post(url("room_block", VENUE, place.room.pk), {**HOLD, "until": "2027-06-30"}, follow=True)

    rows = list(RoomOccupancy.objects.order_by("starts_at"))
    assert [row.starts_at.date().day for row in rows] == [10, 17, 24]
    assert {row.owner for row in rows} == {manager}
    page = answer.content.decode()
    assert "Cours" in page
    assert "Dominique" in page


def test_a_week_in_the_way_is_named_and_no_week_is_held(hers, manager, place):
    slot = a_slot(place, day=DAY + dt.timedelta(days=7), at=dt.time(11))
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = hers.post(url("room_block", VENUE, place.room.pk), {**HOLD, "until": "2027-06-30"})

    assert answer.status_code == 409
    assert slot.activity.title in answer.context["in_the_way"][0]
    assert answer.context["hold_form"]["until"].value() == "2027-06-30"
    assert not RoomOccupancy.objects.filter(slot=None).exists()


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"until": "2027-06-10"}, "until"),
        ({"until": "2030-06-10"}, "until"),
        ({"last_day": "2027-06-20", "until": "2027-06-30"}, "until"),
        ({"last_day": "2029-06-20"}, "last_day"),
        ({"to_time": "9:00"}, "to_time"),
        ({"label": " "}, "label"),
    ],
)
def test_what_cannot_be_held_is_said_at_its_field(hers, place, typed, where):
    answer = hers.post(url("room_block", VENUE, place.room.pk), {**HOLD, **typed})

    assert (answer.status_code, list(answer.context["hold_form"].errors)) == (422, [where])


def test_a_week_whose_hour_the_clock_skips_is_named(hers, place):
    typed = {**HOLD, "first_day": "2028-03-19", "from_time": "2:30", "to_time": "4:00", "until": "2028-04-02"}

    answer = hers.post(url("room_block", VENUE, place.room.pk), typed)

    assert answer.status_code == 422
    assert "26/03/2028" in answer.context["hold_form"].errors["from_time"][0]


def test_a_blocking_shows_who_and_why_and_is_lifted_by_its_owner_or_an_organiser(client, manager, place):
    row = held(place)
    client.force_login(manager)
    assert "Cours" in client.get(room_page(place)).content.decode()
    assert client.post(url("unblock", VENUE, row.pk)).status_code == 404

    own = held(place, by=manager, starts_at=row.ends_at, ends_at=row.ends_at + dt.timedelta(hours=1))
    answer = client.post(url("unblock", VENUE, own.pk), {"salle": place.room.pk})
    assert answer.url == room_page(place)

    client.force_login(place.organiser)
    assert client.post(url("unblock", VENUE, row.pk)).url == url("venue", VENUE)
    assert not RoomOccupancy.objects.exists()


# Who runs it ----------------------------------------------------------------------------------------------


def test_a_manager_sees_the_room_and_nothing_else_of_the_desk(hers, place):
    page = hers.get(room_page(place)).content.decode()

    assert "Grande salle" in page
    assert url("board") not in page
    for path in (
        room_page(place, place.other_room),
        url("venue", VENUE),
        url("room_edit", VENUE, place.room.pk),
        url("board"),
        url("venues"),
        url("occupation"),
    ):
        assert hers.get(path).status_code == 404, path
    assert hers.post(url("room_manager", VENUE, place.room.pk), {"email": "a@b.fr"}).status_code == 404
    assert hers.get("/organisation/").url == url("requests")
    assert hers.get("/bureau/").url == "/organisation/"


def test_an_organiser_appoints_who_has_an_account_and_invites_who_has_none(desk, place):
    user = UserFactory(email="dom@example.org")

    desk.post(url("room_manager", VENUE, place.room.pk), {"email": "dom@example.org"})
    desk.post(url("room_manager", VENUE, place.room.pk), {"email": "new@example.org"})

    assert RoomManager.objects.get().user == user
    assert Message.objects.get().recipient == "new@example.org"

    desk.post(url("room_manager_remove", VENUE, place.room.pk, RoomManager.objects.get().pk))
    assert not RoomManager.objects.exists()


def test_what_is_no_address_is_said_and_nobody_is_appointed(desk, place):
    answer = desk.post(url("room_manager", VENUE, place.room.pk), {"email": "dom"})

    assert (answer.status_code, list(answer.context["manager_form"].errors)) == (422, ["email"])


def test_an_invitation_is_good_for_its_address_alone_and_asks_before_it_acts(client, place):
    said = {"room": place.room.pk, "email": "new@example.org"}
    link = reverse("events:room_join", args=[signing.dumps(said, salt=INVITATION, compress=True)])
    assert client.get(link).status_code == 302

    client.force_login(UserFactory(email="other@example.org"))
    assert client.get(link).status_code == 403
    assert client.post(link).status_code == 403

    user = UserFactory(email="New@example.org")
    client.force_login(user)
    assert client.get(link).status_code == 200
    assert not RoomManager.objects.exists()

    assert client.post(link).url == room_page(place)
    assert RoomManager.objects.get().user == user
    assert client.get(reverse("events:room_join", args=["forged"])).status_code == 404


def test_the_calendar_s_link_is_made_and_made_anew(hers, place):
    assert hers.get(room_page(place)).context["calendar_token"] == ""

    hers.post(url("room_calendar", VENUE, place.room.pk))
    first = hers.get(room_page(place)).context["calendar_token"]
    hers.post(url("room_calendar", VENUE, place.room.pk))
    second = hers.get(room_page(place)).context["calendar_token"]

    links = [reverse("events:manager_calendar", args=[place.room.pk, token]) for token in (first, second)]
    assert [hers.get(link).status_code for link in links] == [404, 200]


def test_a_room_s_page_asks_as_much_for_many_as_for_one(hers, place, manager):
    def asked():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert hers.get(room_page(place)).status_code == 200
        return len(queries)

    Room.objects.update(by_request=True)
    for hour in (8, 9, 10, 11):
        slot = a_slot(place, at=dt.time(hour))
        ask_for_slot(room_id=place.room.pk, slot_id=slot.pk, by=place.organiser, now=NOW)
        if hour == 8:
            place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
            held(place, label="0")
            one = asked()
    for hour in (14, 15):
        start = dt.datetime(2027, 6, 10, hour, tzinfo=dt.UTC)
        held(place, label=str(hour), starts_at=start, ends_at=start + dt.timedelta(minutes=30))
        place_slot(
            slot_id=a_slot(place, at=dt.time(hour + 4)).pk,
            room_id=place.room.pk,
            by=place.organiser,
            now=NOW,
        )
    RoomManager.objects.create(room=place.room, user=UserFactory())

    assert asked() == one


# Requests -------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(place, manager) -> SimpleNamespace:
    Room.objects.filter(pk=place.room.pk).update(by_request=True)
    who = UserFactory(name="Camille Hôte")
    slot = a_slot(place)
    request = ask_for_slot(room_id=place.room.pk, slot_id=slot.pk, by=who, now=NOW, message="Avec un écran")
    return SimpleNamespace(slot=slot, request=request, who=who)


def answer_url(request):
    return url("request_answer", request.pk)


def test_a_manager_finds_the_request_and_gives_the_room(hers, place, asked):
    page = hers.get(url("requests")).content.decode()
    assert "Avec un écran" in page
    assert "Demandes (1)" in page

    answer = hers.post(answer_url(asked.request), {"decision": "accept", "answer": "Avec plaisir"})

    asked.slot.refresh_from_db()
    assert (answer.url, asked.slot.room) == (url("requests"), place.room)
    assert "Demandes (1)" not in hers.get(url("requests")).content.decode()


def test_an_organiser_finds_it_too_and_refuses_with_a_reason(desk, place, asked):
    answer = desk.post(answer_url(asked.request), {"decision": "refuse", "answer": " "})
    assert answer.status_code == 422

    desk.post(answer_url(asked.request), {"decision": "refuse", "answer": "Travaux"})

    asked.request.refresh_from_db()
    assert (asked.request.state, asked.request.answer) == ("refused", "Travaux")
    assert "Travaux" in desk.get(url("requests")).content.decode()


def test_a_clash_by_now_is_named_with_what_was_typed(hers, place, asked):
    other = a_slot(place, at=dt.time(10, 30))
    place_slot(slot_id=other.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = hers.post(answer_url(asked.request), {"decision": "accept", "answer": "Avec plaisir"})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert other.activity.title in answer.context["in_the_way"][0]
    assert "Avec plaisir" in page
    asked.request.refresh_from_db()
    assert asked.request.state == "pending"


def test_a_request_of_another_room_is_not_found(hers, place):
    Room.objects.update(by_request=True)
    other = ask_for_slot(room_id=place.other_room.pk, slot_id=a_slot(place).pk, by=place.organiser, now=NOW)

    for decision in ("accept", "refuse", "withdraw"):
        assert hers.post(answer_url(other), {"decision": decision, "answer": "x"}).status_code == 404
    assert RoomRequest.objects.get(pk=other.pk).state == "pending"


def test_an_unknown_decision_is_not_found_and_nothing_is_decided(hers, asked):
    assert hers.post(answer_url(asked.request), {"decision": "perhaps"}).status_code == 404
    assert hers.get(answer_url(asked.request)).status_code == 405
    asked.request.refresh_from_db()
    assert asked.request.state == "pending"


ASK = {"label": "Répétition", "first_day": "2027-06-10", "from_time": "10:00", "to_time": "12:00"}


def test_an_organiser_asks_for_something_else_and_withdraws(desk, place, manager):
    Room.objects.filter(pk=place.room.pk).update(by_request=True)

    answer = desk.post(url("requests"), {**ASK, "room": place.room.pk})

    request = RoomRequest.objects.get()
    assert (answer.status_code, request.label, request.asked_by) == (302, "Répétition", place.organiser)
    assert Message.objects.get().recipient == manager.email

    desk.post(answer_url(request), {"decision": "withdraw"})
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_a_room_given_without_asking_is_not_offered(desk, place):
    Room.objects.filter(pk=place.other_room.pk).update(by_request=True)

    answer = desk.post(url("requests"), {**ASK, "room": place.room.pk})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["room"])


def test_the_requests_page_asks_as_much_for_many_as_for_one(hers, place, asked):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            assert hers.get(url("requests")).status_code == 200
        return len(caught)

    one = queries()
    for hour in (14, 15):
        slot = a_slot(place, at=dt.time(hour))
        ask_for_slot(room_id=place.room.pk, slot_id=slot.pk, by=asked.who, now=NOW)

    assert queries() == one


def test_a_hall_held_is_freed_as_a_whole_and_a_week_with_those_after_it(desk, place):
    hall = RoomFactory(venue=place.venue, name="Réunies")
    hall.parts.set([place.room, place.other_room])
    week = dt.timedelta(days=7)
    start = dt.datetime(2027, 6, 10, 10, tzinfo=dt.UTC)
    times = [(start + n * week, start + n * week + dt.timedelta(hours=1)) for n in range(3)]
    held(place, room_id=hall.pk, starts_at=times[0][0], ends_at=times[0][1], again=times[1:])
    rows = desk.get(room_page(place, hall)).context["blocked"]
    assert [(row["local_start"].day, row["has_later"]) for row in rows] == [
        (10, True),
        (17, True),
        (24, False),
    ]

    desk.post(url("unblock", VENUE, rows[0]["pk"]), {"salle": hall.pk})
    left = RoomOccupancy.objects.order_by("starts_at").values_list("starts_at__day", flat=True)
    assert list(left) == [17, 17, 24, 24]

    desk.post(url("unblock", VENUE, rows[1]["pk"]), {"salle": hall.pk, "suite": "1"})
    assert not RoomOccupancy.objects.exists()


def test_one_part_of_a_hall_is_freed_alone_from_its_own_page(desk, place):
    hall = RoomFactory(venue=place.venue, name="Réunies")
    hall.parts.set([place.room, place.other_room])
    held(place, room_id=hall.pk)
    row = RoomOccupancy.objects.get(room=place.room)

    desk.post(url("unblock", VENUE, row.pk), {"salle": place.room.pk})

    assert RoomOccupancy.objects.get().room == place.other_room


def test_the_first_page_of_the_desk_names_what_is_asked_for(desk, place, asked):
    page = desk.get("/organisation/toulouse/").content.decode()

    assert url("requests") in page
    assert "Salles demandées" in page
