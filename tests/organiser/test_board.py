"""The board: choose a slot, press a « + »; what is refused is named, with ways out as buttons."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import Message, OpeningHours, RoomOccupancy, SpecialDays
from events.scheduling.blocking import block_room
from events.scheduling.place import place_slot
from tests.factories import DAY, NOW, ActivityFactory, RegistrationFactory, RoomFactory

from .conftest import a_slot, submitted

URL = "/organisation/toulouse/salles/?jour=2027-06-10&lieu=la-cantine"


def press(desk, slot, value):
    return desk.post(URL, {"creneau": slot.pk, "ou": value})


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def placed(place, slot, room=None, **more):
    return place_slot(slot_id=slot.pk, room_id=(room or place.room).pk, by=place.organiser, now=NOW, **more)


def cells(page, room):
    """(kind, first minute, rows) of a room's column."""
    return [
        (cell.kind, cell.minute, cell.rows)
        for row in page.context["grid"].rows
        for cell in row.cells
        if cell.room == room
    ]


def test_a_slot_pressed_at_its_own_half_hour_keeps_its_minutes(desk, place):
    slot = a_slot(place, at=dt.time(10, 10))

    answer = press(desk, slot, f"{place.room.pk}:600")

    slot.refresh_from_db()
    assert (answer.status_code, slot.room, slot.start_time) == (302, place.room, dt.time(10, 10))
    assert (
        answer.url
        == reverse("events:organiser_board", args=["toulouse"]) + "?jour=2027-06-10&lieu=la-cantine"
    )


def test_pressed_elsewhere_it_moves_there(desk, place):
    slot = a_slot(place)

    press(desk, slot, f"{place.room.pk}:900")

    slot.refresh_from_db()
    assert (slot.room, slot.start_time) == (place.room, dt.time(15))


def test_an_exact_time_can_be_asked(desk, place):
    slot = a_slot(place)

    desk.post(URL, {"creneau": slot.pk, "ou": "choix", "salle": place.room.pk, "heure": "14h10"})

    slot.refresh_from_db()
    assert (slot.room, slot.start_time) == (place.room, dt.time(14, 10))


@pytest.mark.parametrize("ou", ["", "x", "1", "1:2:3", "9:-5", "99999999999999999999:600", "1:600:1:1:1:1"])
def test_a_button_that_says_nothing_changes_nothing(desk, place, ou):
    slot = a_slot(place)

    answer = desk.post(URL, {"creneau": slot.pk, "ou": ou})

    assert answer.status_code == 422
    assert not RoomOccupancy.objects.exists()


def test_without_a_chosen_slot_nothing_is_placed(desk, place):
    answer = desk.post(URL, {"ou": f"{place.room.pk}:600"})

    assert answer.status_code == 422
    assert answer.context["nothing_chosen"] is True


def test_a_refusal_names_what_is_in_the_way_and_offers_ways_out(desk, place):
    placed(place, a_slot(place))
    other = ActivityFactory(host=place.host, festival=place.festival, title_fr="Petite histoire")
    slot = a_slot(place, at=dt.time(10, 30), activity=other)

    answer = press(desk, slot, f"{place.room.pk}:630")

    assert answer.status_code == 409
    refusal = answer.context["refusal"]
    assert refusal["title"] == "Pas de place à 10\xa0h\xa030\xa0: Grande salle"
    assert refusal["sentences"] == [
        "«\xa0Petite histoire\xa0» dure 1\xa0h, mais\xa0:",
        "«\xa0Un robot jardinier\xa0» tient Grande salle de 10\xa0h à 11\xa0h.",
        "Rien n’a été changé.",
    ]
    assert [way["label"] for way in refusal["ways"]] == [
        "Placer à 11\xa0h, Grande salle",
        "Placer à 10\xa0h\xa030, Salle Canal",
    ]
    assert [piece.is_clash for piece in answer.context["grid"].columns[0].pieces] == [True]
    assert answer.context["chosen"] == slot.pk


def test_a_way_out_pressed_places_the_slot_it_was_offered_for(desk, place):
    placed(place, a_slot(place))
    slot = a_slot(place, at=dt.time(10, 30), activity=submitted(place))
    ways = press(desk, slot, f"{place.room.pk}:630").context["refusal"]["ways"]

    # Another slot may be ticked by then: the button speaks of its own.
    other = a_slot(place, at=dt.time(16), activity=submitted(place))
    answer = desk.post(URL, {"creneau": other.pk, "ou": ways[1]["value"]})

    assert answer.status_code == 302
    slot.refresh_from_db()
    assert (slot.room, slot.start_time) == (place.other_room, dt.time(10, 30))


def test_moving_what_people_have_booked_is_asked_first(desk, place):
    slot = a_slot(place)
    RegistrationFactory(slot=slot)

    asked = press(desk, slot, f"{place.room.pk}:900")
    slot.refresh_from_db()
    before = (slot.room, slot.start_time, Message.objects.count())
    done = desk.post(URL, {"creneau": slot.pk, "ou": asked.context["ask"]["value"]})

    slot.refresh_from_db()
    assert (asked.status_code, asked.context["ask"]["people"]) == (200, 1)
    assert before == (None, dt.time(10), 0)
    assert (slot.room, slot.start_time) == (place.room, dt.time(15))
    assert Message.objects.get().kind == "slot_moved"
    assert "1 personne est prévenue par e-mail." in said(done)


def test_the_same_question_offers_to_keep_the_hour(desk, place):
    slot = a_slot(place)
    RegistrationFactory(slot=slot)

    asked = press(desk, slot, f"{place.room.pk}:900")
    desk.post(URL, {"creneau": slot.pk, "ou": asked.context["ask"]["own_value"]})

    slot.refresh_from_db()
    assert (slot.room, slot.start_time, Message.objects.count()) == (place.room, dt.time(10), 0)


def test_a_first_room_at_its_own_hour_is_not_asked_about(desk, place):
    slot = a_slot(place)
    RegistrationFactory(slot=slot)

    assert press(desk, slot, f"{place.room.pk}:600").status_code == 302


def test_comfort_is_a_warning(desk, place):
    slot = a_slot(place, capacity=25)

    answer = press(desk, slot, f"{place.room.pk}:600")

    assert said(answer)[-1] == "25 places pour une jauge de confort de 20\xa0: ce sera serré."


def test_a_room_of_another_venue_is_not_on_this_board(desk, place):
    slot = a_slot(place)

    assert press(desk, slot, f"{RoomFactory().pk}:600").status_code == 404


def test_the_tray_holds_what_waits_that_day(desk, place):
    waiting = a_slot(place)
    free = a_slot(place, at=dt.time(11), venue=None)
    placed(place, a_slot(place, at=dt.time(14)))
    a_slot(place, at=dt.time(10), day=DAY + dt.timedelta(days=1))
    a_slot(place, at=dt.time(12), state="cancelled", cancelled_at=NOW)
    a_slot(place, at=dt.time(13), activity=submitted(place, state="draft"))

    page = desk.get(URL)

    assert [slot.pk for slot in page.context["tray"]] == [waiting.pk, free.pk]
    assert [(tab.day.day, tab.to_place) for tab in page.context["tabs"]] == [(10, 2), (11, 1), (12, 0)]


def test_rows_are_half_hours_and_a_visit_spans_those_it_touches(desk, place):
    room = RoomFactory(venue=place.venue, name="Atelier", turnover_minutes=30)
    OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(12))
    OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(13), closes=dt.time(14))
    placed(place, a_slot(place, at=dt.time(9, 30), duration=45), room)

    page = desk.get(URL)

    assert cells(page, room) == [
        ("free", 540, 1),
        ("block", 570, 2),
        ("turn", 630, 1),
        ("free", 660, 1),
        ("free", 690, 1),
        ("closed", 720, 2),
        ("free", 780, 1),
        ("free", 810, 1),
    ]


def test_every_row_of_the_table_is_full(desk, place):
    hall = RoomFactory(venue=place.venue, name="Réunies", setup_minutes=20)
    hall.parts.set([place.room, place.other_room])
    placed(place, a_slot(place, at=dt.time(10, 5), duration=50), hall)
    placed(place, a_slot(place, at=dt.time(10, 55), duration=20))
    placed(place, a_slot(place, at=dt.time(11, 15), duration=10))
    block_room(
        room_id=place.other_room.pk,
        starts_at=dt.datetime(2027, 6, 10, 13, tzinfo=dt.UTC),
        ends_at=dt.datetime(2027, 6, 12, 13, tzinfo=dt.UTC),
        label="Peinture",
        by=place.organiser,
        now=NOW,
    )

    grid = desk.get(URL).context["grid"]

    covered = {column.room: 0 for column in grid.columns}
    for row in grid.rows:
        for cell in row.cells:
            covered[cell.room] += cell.rows
    assert set(covered.values()) == {len(grid.rows)}
    shown = {
        (column.room.name, piece.kind, piece.label or piece.slot.start_time)
        for column in grid.columns
        for piece in column.pieces
        if piece.kind in ("slot", "part", "blocked")
    }
    assert shown == {
        ("Réunies", "slot", dt.time(10, 5)),
        ("Réunies", "part", dt.time(10, 55)),
        ("Réunies", "part", dt.time(11, 15)),
        ("Réunies", "blocked", "Peinture"),
        ("Grande salle", "slot", dt.time(10, 5)),
        ("Grande salle", "slot", dt.time(10, 55)),
        ("Grande salle", "slot", dt.time(11, 15)),
        ("Salle Canal", "slot", dt.time(10, 5)),
        ("Salle Canal", "blocked", "Peinture"),
    }


def test_what_has_passed_takes_no_slot(client, place, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: dt.datetime(2027, 6, 10, 8, tzinfo=dt.UTC))
    client.force_login(place.organiser)

    kinds = {cell[0] for cell in cells(client.get(URL), place.room) if cell[1] < 600}

    assert kinds == {"past"}


def test_one_slot_and_three_cost_the_same_queries(desk, place):
    def cost():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            desk.get(URL)
        return len(queries)

    placed(place, a_slot(place))
    a_slot(place, at=dt.time(18))
    one = cost()
    for number in range(2):
        activity = submitted(place, state="published")
        placed(place, a_slot(place, at=dt.time(12 + number), activity=activity))
        a_slot(place, at=dt.time(15 + number), activity=activity)

    assert cost() == one


def test_a_territory_without_a_venue_is_told_how_to_begin(desk, place):
    place.activity.venue = None
    place.activity.save()
    place.venue.rooms.all().delete()
    place.venue.delete()

    page = desk.get("/organisation/toulouse/salles/")

    assert page.status_code == 200
    assert page.context["venue"] is None


def test_a_closed_day_shades_the_room_and_says_why(desk, place):
    a_slot(place, dt.time(10))
    SpecialDays.objects.create(
        venue=place.venue, room=place.room, first_day=DAY, last_day=DAY, reason="Peinture"
    )

    page = desk.get(URL)

    columns = {column.room: column for column in page.context["grid"].columns}
    assert columns[place.room].free == []
    assert len(columns[place.other_room].free) == 18
    assert "Peinture" in page.content.decode()
