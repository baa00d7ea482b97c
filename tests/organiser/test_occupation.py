"""The occupation report: shares and heat, what is said in words, the file."""

from __future__ import annotations

import csv
import datetime as dt
import io

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import VenueManager
from events.scheduling.blocking import block_room
from tests.factories import DAY, NOW, RoomFactory, UserFactory, VenueFactory

URL = "/organisation/toulouse/occupation/"
FILE = reverse("events:organiser_occupation_csv", args=["toulouse"])


def hold(place, room, first=9, last=18):
    """On the first day; clocks are two hours ahead of UTC."""
    start = dt.datetime.combine(DAY, dt.time(first - 2), dt.UTC)
    block_room(
        room_id=room.pk,
        starts_at=start,
        ends_at=start + dt.timedelta(hours=last - first),
        label="Cours",
        by=place.organiser,
        now=NOW,
    )


def rows(response):
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig")), delimiter=";"))[1:]


def test_the_report_says_shares_empty_rooms_and_full_hours(desk, place):
    hold(place, place.room)

    page = desk.get(URL, {"jour": DAY.isoformat()})
    words = page.content.decode()

    cells = {line.label: [cell.said for cell in line.cells] for line in page.context["by_day"]}
    assert cells == {
        "Grande salle, La Cantine": ["100\u00a0%"],
        "Salle Canal, La Cantine": ["0\u00a0%"],
    }
    assert page.context["total"].said == "50\u00a0%"
    assert "Salle Canal, La Cantine" in page.context["sentences"][0]
    assert 'class="heat heat--5"' in words

    hold(place, place.other_room, 14, 16)
    said = desk.get(URL).context["sentences"]
    assert len(said) == 1
    assert "14\u00a0h à 16\u00a0h" in said[0]


def test_a_day_shows_rooms_by_hour_and_all_days_show_days(desk, place):
    hold(place, place.room, 9, 10)

    one = desk.get(URL, {"jour": DAY.isoformat(), "lieu": "la-cantine"}).context["by_hour"]
    every = desk.get(URL).context["by_hour"]

    assert [line.label for line in one] == ["Grande salle", "Salle Canal"]
    assert [cell.heat for cell in one[0].cells][:2] == [5, 0]
    assert len(every) == 3
    assert every[0].cells[0].said == "50\u00a0%"


def test_a_venue_that_is_not_theirs_is_not_found(desk, client, place):
    RoomFactory(venue=VenueFactory(slug="ailleurs"))
    other = VenueFactory(territory=place.territory, slug="autre")
    RoomFactory(venue=other)
    assert desk.get(URL, {"lieu": "ailleurs"}).status_code == 404
    assert desk.get(URL, {"lieu": "autre"}).status_code == 200

    manager = UserFactory()
    VenueManager.objects.create(venue=place.venue, user=manager)
    client.force_login(manager)

    assert client.get(URL, {"lieu": "autre"}).status_code == 404
    assert [venue.slug for venue in client.get(URL).context["chosen"].venues] == ["la-cantine"]


def test_the_file_has_a_line_a_room_and_day(desk, place):
    hold(place, place.room, 9, 12)

    lines = rows(desk.get(FILE))

    assert len(lines) == 6
    assert lines[0] == ["La Cantine", "Grande salle", "10/06/2027", "540", "180", "33"]
    assert rows(desk.get(FILE, {"jour": DAY.isoformat()})) == [lines[0], lines[3]]


def test_a_name_that_looks_like_a_formula_is_none_in_the_file(desk, place):
    place.room.name = "=1+1"
    place.room.save()

    assert {line[1] for line in rows(desk.get(FILE))} == {"'=1+1", "Salle Canal"}


def test_a_territory_without_rooms_or_with_a_senseless_day_says_so(desk, place):
    assert desk.get(URL, {"jour": "demain"}).status_code == 200
    place.venue.rooms.update(is_active=False)

    assert desk.get(URL).context["found"].rooms == []


def test_three_rooms_ask_as_much_as_one(desk, place):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(URL).status_code == 200
        return len(queries)

    hold(place, place.room)
    one = asked()
    for room in (place.other_room, RoomFactory(venue=VenueFactory(territory=place.territory))):
        hold(place, room)

    assert asked() == one
