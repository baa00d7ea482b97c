"""Venues with their hours, rooms with their parts, rooms held for something else."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from events.models import OpeningHours, Room, RoomOccupancy, Venue
from events.scheduling.place import place_slot
from tests.factories import NOW, RoomFactory

from .conftest import a_slot


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def hours(*lines):
    """The formset's fields for lines of (weekday, opens, closes)."""
    fields = {"hours-TOTAL_FORMS": len(lines), "hours-INITIAL_FORMS": 0}
    for number, (weekday, opens, closes) in enumerate(lines):
        fields |= {
            f"hours-{number}-weekday": weekday,
            f"hours-{number}-opens": opens,
            f"hours-{number}-closes": closes,
        }
    return fields


def week(venue):
    return list(venue.opening_hours.values_list("weekday", "opens", "closes"))


def test_a_venue_is_added_with_its_hours(desk, place):
    commune = place.territory.communes.get()

    answer = desk.post(
        url("venue_new"),
        {
            "name": "TIC Valley",
            "address": "425 rue Jean Rostand",
            "postcode": "31670",
            "commune": commune.pk,
            "latitude": "43.5437",
            "longitude": "1.5121",
            "access": ["mi", "hi"],
            "safety_capacity": "200",
            "is_totem": "on",
            **hours((1, "9h", "12:00"), (1, "14:00", "18 h"), (2, "", "")),
        },
    )

    venue = Venue.objects.get(name="TIC Valley")
    assert answer.url == url("venue", venue.slug)
    assert (venue.territory, venue.commune, venue.access, venue.safety_capacity) == (
        place.territory,
        commune,
        ["mi", "hi"],
        200,
    )
    assert (venue.is_totem, venue.latitude) == (True, 43.5437)
    assert week(venue) == [(1, dt.time(9), dt.time(12)), (1, dt.time(14), dt.time(18))]


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"name": ""}, "name"),
        ({"postcode": "3167"}, "postcode"),
        ({"latitude": "43.5"}, "longitude"),
        ({"longitude": "1.5"}, "latitude"),
        ({"latitude": "91", "longitude": "1"}, "latitude"),
        ({"safety_capacity": "-1"}, "safety_capacity"),
        ({"safety_capacity": "99999999999"}, "safety_capacity"),
        ({"access": ["xx"]}, "access"),
        ({"name": "La\u202eCantine"}, "name"),
        ({"website": "javascript:alert(1)"}, "website"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_added(desk, place, typed, where):
    answer = desk.post(url("venue_new"), {"name": "TIC Valley", **hours(), **typed})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [where]
    assert Venue.objects.count() == 1


@pytest.mark.parametrize(
    "lines",
    [
        [(1, "9:00", "")],
        [(1, "", "9:00")],
        [(1, "12:00", "9:00")],
        [(1, "9:00", "12:00"), (1, "11:00", "15:00")],
        [(8, "9:00", "12:00")],
        [(1, "neuf", "12:00")],
    ],
)
def test_hours_that_cannot_be_are_refused(desk, place, lines):
    answer = desk.post(url("venue_edit", "la-cantine"), {"name": "La Cantine", **hours(*lines)})

    assert answer.status_code == 422
    assert answer.context["hours"].total_error_count() == 1
    assert week(place.venue) == []


def test_a_commune_of_another_territory_is_not_offered(desk, place):
    from tests.factories import TerritoryFactory

    foreign = TerritoryFactory().communes.create(name="Nantes")

    answer = desk.post(url("venue_new"), {"name": "Ailleurs", "commune": foreign.pk, **hours()})

    assert list(answer.context["form"].errors) == ["commune"]


def test_editing_keeps_the_address_of_the_page_and_replaces_the_hours(desk, place):
    OpeningHours.objects.create(venue=place.venue, weekday=3, opens=dt.time(8), closes=dt.time(9))

    desk.post(url("venue_edit", "la-cantine"), {"name": "La Cantine 2", **hours((5, "10:00", "23:59"))})

    place.venue.refresh_from_db()
    assert (place.venue.name, place.venue.slug) == ("La Cantine 2", "la-cantine")
    assert week(place.venue) == [(5, dt.time(10), dt.time(23, 59))]


def test_a_picture_is_drawn_again(desk, place):
    raw = io.BytesIO()
    Image.new("RGB", (2400, 1200), "red").save(raw, "JPEG", exif=b"Exif\x00\x00secret place")

    desk.post(
        url("venue_edit", "la-cantine"),
        {"name": "La Cantine", "new_picture": SimpleUploadedFile("../x.jpg", raw.getvalue()), **hours()},
    )

    place.venue.refresh_from_db()
    with Image.open(place.venue.picture) as kept:
        assert (kept.format, kept.size, len(kept.getexif())) == ("WEBP", (1600, 800), 0)


def test_what_is_no_picture_is_refused(desk, place):
    answer = desk.post(
        url("venue_edit", "la-cantine"),
        {
            "name": "La Cantine",
            "new_picture": SimpleUploadedFile("x.png", b"<svg onload=alert(1)>"),
            **hours(),
        },
    )

    assert list(answer.context["form"].errors) == ["new_picture"]


def test_slots_that_no_longer_fit_are_said_not_changed(desk, place):
    slot = a_slot(place, capacity=20)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = desk.post(
        url("room_edit", "la-cantine", place.room.pk),
        {
            "name": "Grande salle",
            "comfort_capacity": "10",
            "safety_capacity": "12",
            "setup_minutes": "0",
            "turnover_minutes": "0",
            "is_active": "on",
        },
        follow=True,
    )

    slot.refresh_from_db()
    assert slot.safety_capacity == 30
    assert [str(message) for message in answer.context["messages"]][-1].startswith(
        "1 créneau compte plus de places"
    )


def test_a_larger_room_lets_a_slot_grow(desk, place):
    slot = a_slot(place, capacity=20)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    desk.post(
        url("room_edit", "la-cantine", place.room.pk),
        {
            "name": "Grande salle",
            "safety_capacity": "90",
            "setup_minutes": "0",
            "turnover_minutes": "0",
            "is_active": "on",
        },
    )

    slot.refresh_from_db()
    assert slot.safety_capacity == 90


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"name": "SALLE CANAL"}, "name"),
        ({"comfort_capacity": "31", "safety_capacity": "30"}, "comfort_capacity"),
        ({"turnover_minutes": "241"}, "turnover_minutes"),
        ({"setup_minutes": ""}, "setup_minutes"),
        ({"comfort_capacity": "99999999999"}, "comfort_capacity"),
    ],
)
def test_a_room_that_cannot_be_is_refused(desk, place, typed, where):
    fields = {"name": "Studio", "setup_minutes": "0", "turnover_minutes": "0", "is_active": "on", **typed}

    answer = desk.post(url("room_new", "la-cantine"), fields)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [where]
    assert Room.objects.count() == 2


def test_a_hall_is_made_of_rooms(desk, place):
    desk.post(
        url("room_new", "la-cantine"),
        {
            "name": "Réunies",
            "setup_minutes": "5",
            "turnover_minutes": "10",
            "parts": [place.room.pk, place.other_room.pk],
            "is_active": "on",
        },
    )

    hall = Room.objects.get(name="Réunies")
    assert set(hall.parts.all()) == {place.room, place.other_room}


def test_a_hall_that_is_held_keeps_its_parts(desk, place):
    hall = RoomFactory(venue=place.venue, name="Réunies")
    hall.parts.set([place.room, place.other_room])
    place_slot(slot_id=a_slot(place).pk, room_id=hall.pk, by=place.organiser, now=NOW)

    answer = desk.post(
        url("room_edit", "la-cantine", hall.pk),
        {"name": "Réunies", "setup_minutes": "0", "turnover_minutes": "0", "parts": [place.room.pk]},
    )

    assert answer.status_code == 409
    assert len(answer.context["in_the_way"]) == 2
    assert hall.parts.count() == 2


def test_a_room_is_not_made_of_what_is_made_of_it(desk, place):
    hall = RoomFactory(venue=place.venue, name="Réunies")
    hall.parts.set([place.room, place.other_room])

    answer = desk.post(
        url("room_edit", "la-cantine", place.room.pk),
        {"name": "Grande salle", "setup_minutes": "0", "turnover_minutes": "0", "parts": [hall.pk]},
    )

    assert answer.status_code == 409
    assert place.room.parts.count() == 0


def test_a_room_is_held_and_freed(desk, place):
    desk.post(
        url("block", "la-cantine"),
        {
            "room": place.room.pk,
            "label": "Peinture",
            "first_day": "10/06/2027",
            "from_time": "8h",
            "last_day": "2027-06-11",
            "to_time": "18:30",
        },
    )
    row = RoomOccupancy.objects.get()
    shown = desk.get(url("venue", "la-cantine")).context["blocked"]
    desk.post(url("unblock", "la-cantine", row.pk))

    assert (row.starts_at, row.ends_at) == (
        dt.datetime(2027, 6, 10, 6, tzinfo=dt.UTC),
        dt.datetime(2027, 6, 11, 16, 30, tzinfo=dt.UTC),
    )
    assert [line["label"] for line in shown] == ["Peinture"]
    assert not RoomOccupancy.objects.exists()


def test_holding_a_room_over_a_slot_names_it(desk, place):
    place_slot(slot_id=a_slot(place).pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = desk.post(
        url("block", "la-cantine"),
        {
            "room": place.room.pk,
            "label": "Peinture",
            "first_day": "2027-06-10",
            "from_time": "9:00",
            "to_time": "12:00",
        },
    )

    assert answer.status_code == 409
    assert answer.context["in_the_way"] == [
        "«\xa0Un robot jardinier\xa0» tient Grande salle de 10\xa0h à 11\xa0h."
    ]


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"label": ""}, "label"),
        ({"to_time": "07:00"}, "to_time"),
        ({"first_day": "2028-03-26", "from_time": "02:30"}, "from_time"),
        ({"room": "999"}, "room"),
    ],
)
def test_a_holding_that_cannot_be_is_refused(desk, place, typed, where):
    fields = {
        "room": place.room.pk,
        "label": "Peinture",
        "first_day": "2027-06-10",
        "from_time": "8:00",
        "to_time": "9:00",
        **typed,
    }

    answer = desk.post(url("block", "la-cantine"), fields)

    assert answer.status_code == 422
    assert where in answer.context["block_form"].errors
    assert not RoomOccupancy.objects.exists()


def test_a_slot_s_occupancy_is_not_freed_as_a_holding(desk, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = desk.post(url("unblock", "la-cantine", slot.occupancies.get().pk))

    assert answer.status_code == 404
    assert RoomOccupancy.objects.count() == 1
