"""The feeds, read by other programs than those that wrote them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from email.utils import parsedate_to_datetime
from typing import Any

import icalendar
import pytest
from defusedxml.ElementTree import fromstring
from django.test import Client

from events.exchange.feeds import CSV_COLUMNS, defused
from events.models import Slot
from tests.factories import (
    NOW,
    ActivityFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

KINDS = ("ics", "rss", "json", "csv", "geojson")
TITLE = "Robots & Cie <b>«\u00a0l’atelier\u00a0»</b>"


@pytest.fixture
def slot() -> Slot:
    city = TerritoryFactory(name="Toulouse", slug="toulouse")
    venue = VenueFactory(
        name="La Cantine", territory=city, postcode="31000", latitude=43.6027, longitude=1.4542
    )
    return SlotFactory(
        activity=ActivityFactory(
            host=HostFactory(name="Tuile Rose", territory=city),
            title_fr=TITLE,
            title_en="Robots",
            description_fr="Une ligne.\nUne autre ; avec, des signes.\x07",
            access=["mi"],
            languages=["fr", "en"],
            published_at=NOW,
        ),
        venue=venue,
        room=RoomFactory(venue=venue, name="Grande salle"),
        start_time=dt.time(14),
        capacity=15,
        taken=3,
    )


def test_the_rss_is_read_by_an_xml_parser(client: Client, slot: Slot) -> None:
    response = client.get("/programme.rss")

    channel = fromstring(response.content).find("channel")
    items = channel.findall("item")
    assert response["Content-Type"] == "application/rss+xml; charset=utf-8"
    assert len(items) == 1
    assert items[0].findtext("title") == f"{TITLE}, jeudi\u00a010\u00a0juin, 14\u00a0h – 14\u00a0h\u00a045"
    assert items[0].findtext("link").endswith(f"/creneaux/{slot.pk}/")
    assert parsedate_to_datetime(items[0].findtext("pubDate")) == NOW
    # The description is HTML inside XML: escaped twice, so that tags typed by the public stay words.
    assert "\x07" not in items[0].findtext("description")


def test_the_csv_is_read_by_a_csv_reader(client: Client, slot: Slot) -> None:
    response = client.get("/programme.csv")

    text = response.content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text), delimiter=";")
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert tuple(row) == CSV_COLUMNS
    assert row["intitulé"] == TITLE
    assert (row["date"], row["heure"], row["heure_fin"]) == ("10/06/2027", "14:00", "14:45")
    assert (row["jauge"], row["places_restantes"]) == ("15", "12")
    assert (row["lieu"], row["salle"], row["commune"]) == ("La Cantine", "Grande salle", "Toulouse")


@pytest.mark.parametrize("cell", ["=1+1", "+33", "-2", "@SUM(A1)", "\t=1", "  =1", "\uff1d1", "|calc", "%0"])
def test_no_cell_is_a_formula(client: Client, cell: str) -> None:
    SlotFactory(activity__title_fr=cell)

    (row,) = csv.DictReader(
        io.StringIO(client.get("/programme.csv").content.decode("utf-8-sig")), delimiter=";"
    )

    assert row["intitulé"].startswith("'")
    assert defused("texte") == "texte"


def test_the_json_speaks_as_openagenda_does(client: Client, slot: Slot) -> None:
    SlotFactory(activity=slot.activity, start_time=dt.time(16), capacity=2, taken=2)

    data = json.loads(client.get("/programme.json").content)

    (event,) = data["events"]
    assert event["title"] == {"fr": TITLE.replace("\u00a0", " "), "en": "Robots"}
    assert [timing["begin"] for timing in event["timings"]] == [
        "2027-06-10T14:00:00+02:00",
        "2027-06-10T16:00:00+02:00",
    ]
    assert [timing["placesLeft"] for timing in event["timings"]] == [12, 0]
    assert (event["status"], event["state"], event["attendanceMode"]) == (1, 2, 1)
    assert event["accessibility"] == {"hi": False, "vi": False, "pi": False, "mi": True, "ii": False}
    assert event["location"]["city"] == "Toulouse"
    assert data["next"] is None


def test_an_event_is_full_when_every_timing_is(client: Client) -> None:
    full = SlotFactory(capacity=2, taken=2)
    SlotFactory(activity=full.activity, capacity=3, taken=3)

    (event,) = json.loads(client.get("/programme.json").content)["events"]

    assert event["status"] == 5


def test_the_geojson_holds_the_venue_once_longitude_first(client: Client, slot: Slot) -> None:
    SlotFactory(activity=slot.activity, venue=slot.venue, start_time=dt.time(16))
    SlotFactory(venue=VenueFactory())

    data = json.loads(client.get("/programme.geojson").content)

    (feature,) = data["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [1.4542, 43.6027]}
    assert len(feature["properties"]["slots"]) == 2


def test_the_calendar_is_read_by_icalendar(client: Client, slot: Slot) -> None:
    SlotFactory(activity=slot.activity, start_time=dt.time(16), state="cancelled", cancelled_at=NOW)

    calendar = icalendar.Calendar.from_ical(client.get("/programme.ics").content)

    first, second = sorted(calendar.walk("VEVENT"), key=lambda event: event["DTSTART"].dt)
    assert first["SUMMARY"] == f"{TITLE} · Tuile Rose"
    assert first["DTSTART"].dt == slot.starts_at
    assert str(first["DTSTART"].dt.tzinfo) == "Europe/Paris"
    assert second["STATUS"] == "CANCELLED"
    assert {event["TRANSP"] for event in (first, second)} == {"TRANSPARENT"}, "one visits few of them"


@pytest.mark.parametrize("kind", KINDS)
def test_feeds_take_the_programmes_filters(client: Client, kind: str, slot: Slot) -> None:
    SlotFactory(activity__title_fr="Ailleurs", venue=VenueFactory(latitude=48.0, longitude=2.0))

    body = client.get(f"/programme.{kind}", {"ville": "toulouse", "apres": "n'importe quoi"}).content.decode()

    assert "La Cantine" in body.replace("\r\n ", "")
    assert "Ailleurs" not in body


@pytest.mark.parametrize("kind", KINDS)
def test_feeds_are_kept_by_caches_and_answer_304(client: Client, kind: str, slot: Slot) -> None:
    first = client.get(f"/programme.{kind}")

    again = client.get(f"/programme.{kind}", headers={"If-None-Match": first["ETag"]})

    assert "max-age=300" in first["Cache-Control"]
    assert "public" in first["Cache-Control"]
    assert "sessionid" not in first.cookies
    assert again.status_code == 304
    slot.activity.title_fr = "Un autre nom"
    slot.activity.save()
    changed = client.get(f"/programme.{kind}", headers={"If-None-Match": first["ETag"]})
    assert (changed.status_code, changed["ETag"] == first["ETag"]) == (200, False)


@pytest.mark.parametrize("kind", KINDS)
def test_feeds_show_nothing_that_is_not_published(client: Client, kind: str) -> None:
    venue = VenueFactory(name="Cachette", latitude=43.0, longitude=1.0)
    SlotFactory(state="draft", venue=venue)
    SlotFactory(activity__state="submitted", venue=venue)

    assert "Cachette" not in client.get(f"/programme.{kind}").content.decode()


def test_pages_lead_on_where_pages_are_asked_for(client: Client) -> None:
    for n in range(5):
        SlotFactory(start_time=dt.time(9, n))
    seen: list[int] = []
    path: str | None = "/programme.json?limit=2"
    while path:
        response = client.get(path)
        data: dict[str, Any] = json.loads(response.content)
        seen += [timing["slot"] for event in data["events"] for timing in event["timings"]]
        path = data["next"] and data["next"].partition("//")[2].partition("/")[2]
        path = f"/{path}" if path else None

    assert len(seen) == len(set(seen)) == 5


def test_a_feed_speaks_english_when_asked(client: Client, slot: Slot) -> None:
    title = fromstring(client.get("/programme.rss", {"hl": "en"}).content).findtext("channel/item/title")

    assert title == "Robots, Thursday\u00a010\u00a0June, 14:00 – 14:45"
