"""The whole set in every feed, what was taken out included, and nothing written twice that is the same."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from typing import Any

import icalendar
import pytest
from defusedxml.ElementTree import fromstring
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import http_date

from events.exchange import feed_set, licence
from events.models import Activity, Commune, GoneSlot, Programme, Slot
from events.models.gone import moment_of
from tests.factories import ActivityFactory, FestivalFactory, SlotFactory, TerritoryFactory, VenueFactory

pytestmark = pytest.mark.django_db

KINDS = ("ics", "rss", "json", "csv", "geojson")
COPIES = ("ics", "json", "csv", "geojson")


def body(response: Any) -> str:
    content = response.getvalue() if response.streaming else response.content
    return str(content.decode("utf-8-sig"))


def events_in(client: Client, **asked: str) -> dict[str, Any]:
    calendar = icalendar.Calendar.from_ical(body(client.get("/programme.ics", asked)))
    return {str(event["UID"]).partition("@")[0]: event for event in calendar.walk("VEVENT")}


def numbers_in(kind: str, text: str) -> list[int]:
    if kind == "ics":
        found = icalendar.Calendar.from_ical(text).walk("VEVENT")
        return [int(str(event["UID"]).partition("@")[0].removeprefix("slot-")) for event in found]
    if kind == "csv":
        return [int(row["identifiant"]) for row in csv.DictReader(io.StringIO(text), delimiter=";")]
    data = json.loads(text)
    if kind == "json":
        return [timing["slot"] for event in data["events"] for timing in event["timings"]]
    return [slot["slot"] for one in data["features"] for slot in one["properties"]["slots"]]


def test_every_slot_is_in_a_feed_once_and_in_the_order_that_keeps_things_together(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_set, "AT_ONCE", 2)
    first, second = (VenueFactory(latitude=43.0 + n, longitude=1.0) for n in range(2))
    activities = [ActivityFactory(venue=venue) for venue in (first, second)]
    slots = [
        SlotFactory(activity=activities[n % 2], venue=(first, second)[n % 2], start_time=dt.time(9 + n))
        for n in range(5)
    ]

    for kind in COPIES:
        response = client.get(f"/programme.{kind}")
        text = body(response)
        assert response.streaming, kind
        assert sorted(numbers_in(kind, text)) == sorted(slot.pk for slot in slots), kind
    assert numbers_in("csv", body(client.get("/programme.csv"))) == [slot.pk for slot in slots]
    assert len(json.loads(body(client.get("/programme.json")))["events"]) == 2
    assert len(json.loads(body(client.get("/programme.geojson")))["features"]) == 2


def test_a_feed_asks_as_little_of_the_database_for_three_slots_as_for_one(client: Client) -> None:
    def queries(kind: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/programme.{kind}")
        return len(captured)

    SlotFactory(venue=VenueFactory(latitude=43.0, longitude=1.0))
    one = {kind: queries(kind) for kind in KINDS}
    for n in range(2):
        SlotFactory(venue=VenueFactory(latitude=44.0 + n, longitude=1.0))

    assert {kind: queries(kind) for kind in KINDS} == one


@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_feed_is_not_written_again(client: Client, kind: str) -> None:
    slot = SlotFactory(capacity=5, venue=VenueFactory(latitude=43.0, longitude=1.0))
    address = f"/programme.{kind}"
    first = client.get(address)
    known = {"If-None-Match": first["ETag"]}
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address, headers=known).status_code == 304
    assert len(captured) == 2
    since = {"If-Modified-Since": http_date(slot.changed_at.timestamp() + 60)}
    # A place that is taken is no modification, so only the ETag can speak for a feed that shows places.
    assert client.get(address, headers=since).status_code == (304 if kind in ("ics", "rss") else 200)

    rows = Slot.objects.filter(pk=slot.pk)
    rows.update(taken=2)
    assert client.get(address, headers=known).status_code == 200
    for change in (
        lambda: rows.update(capacity=9),
        lambda: Activity.objects.filter(pk=slot.activity_id).update(title_fr="Un autre nom"),
        lambda: rows.update(state="cancelled", cancelled_at=slot.starts_at),
        lambda: slot.delete(),
    ):
        known = {"If-None-Match": client.get(address)["ETag"]}
        assert client.get(address, headers=known).status_code == 304
        change()
        assert client.get(address, headers=known).status_code == 200


def test_a_calendar_tells_what_is_cancelled_and_what_is_gone_under_the_same_name(client: Client) -> None:
    cancelled, deleted, unpublished, back = (SlotFactory(activity__title_fr="Secret") for _ in range(4))
    hidden = SlotFactory(state="draft")
    before = events_in(client)
    rows = Slot.objects.filter(pk=cancelled.pk)
    rows.update(state="cancelled", cancelled_at=cancelled.starts_at, revision=1)
    deleted_number = deleted.pk
    deleted.delete()
    hidden.delete()
    Activity.objects.filter(pk=unpublished.activity_id).update(state="rejected")
    Slot.objects.filter(pk=back.pk).update(state="draft")
    while_away = events_in(client)
    Slot.objects.filter(pk=back.pk).update(state="published")

    after = events_in(client)

    assert after.keys() == before.keys()
    for number in (cancelled.pk, deleted_number, unpublished.pk):
        uid = f"slot-{number}"
        assert after[uid]["STATUS"] == "CANCELLED"
        assert int(after[uid]["SEQUENCE"]) > int(before[uid]["SEQUENCE"])
        assert after[uid]["DTSTART"].dt == before[uid]["DTSTART"].dt
    # What was withdrawn is not named once more.
    assert after[f"slot-{unpublished.pk}"]["SUMMARY"] == "Retiré du programme"
    returned = f"slot-{back.pk}"
    assert while_away[returned]["STATUS"] == "CANCELLED"
    assert after[returned]["STATUS"] == "CONFIRMED"
    assert int(after[returned]["SEQUENCE"]) > int(while_away[returned]["SEQUENCE"])


def _apart() -> tuple[Slot, Slot]:
    """Two slots that differ in all that one may ask for."""
    here, there = TerritoryFactory(slug="toulouse"), TerritoryFactory(slug="lyon")
    city, town = (Commune.objects.create(territory=here, name=name) for name in ("Labège", "Muret"))
    operation = Programme.objects.create(festival=FestivalFactory(), name="Assemblée", slug="assemblee")
    mine = {
        "programme": operation, "festival": operation.festival, "format": "demo", "theme": "health",
        "languages": ["en"], "mode": "drop_in",
        "audience": "students", "access": ["mi"],
    }  # fmt: skip
    theirs = {"format": "talk", "theme": "ai", "languages": ["fr"], "mode": "first_come", "access": ["hi"]}
    near = VenueFactory(territory=here, commune=city, latitude=43.6, longitude=1.44)
    far = VenueFactory(territory=there, commune=town, latitude=45.7, longitude=4.8)
    morning, evening = dt.time(9), dt.time(19)
    first, second = (
        SlotFactory(
            venue=venue,
            start_time=at,
            **{f"activity__{name}": value for name, value in said.items()},
            activity__host__territory=venue.territory,
        )
        for venue, at, said in ((near, morning, mine), (far, evening, theirs))
    )
    return first, second


@pytest.mark.parametrize("how", ["deleted", "taken back", "cancelled"])
@pytest.mark.parametrize(
    "asked",
    [
        *({"ville": "toulouse"}, {"ville": "Labège"}, {"moment": "matin"}, {"operation": "assemblee"}),
        *({"format": "demo"}, {"thematique": "health"}, {"langue": "en"}, {"public": "students"}),
        *({"acces": "mi"}, {"mode": "drop_in"}, {"places": "libre"}, {"autour": "43.6,1.44,2"}),
        *({"cadre": "43,1,44,2"}, {"format": "demo", "acces": "mi", "ville": "toulouse"}),
    ],
    ids=str,
)
def test_a_calendar_of_any_filter_tells_what_was_taken_out_of_its_set_and_nothing_else(
    client: Client, asked: dict[str, str], how: str
) -> None:
    mine, theirs = _apart()
    number = mine.pk
    assert set(events_in(client, **asked)) == {f"slot-{number}"}

    for slot in (mine, theirs):
        if how == "deleted":
            slot.delete()
        elif how == "taken back":
            Activity.objects.filter(pk=slot.activity_id).update(state="rejected")
        else:
            Slot.objects.filter(pk=slot.pk).update(state="cancelled", cancelled_at=slot.starts_at)

    told = events_in(client, **asked)
    assert {uid: event["STATUS"] for uid, event in told.items()} == {f"slot-{number}": "CANCELLED"}


def test_with_words_or_places_what_was_taken_out_is_absent_and_nothing_of_others_is_told(
    client: Client,
) -> None:
    """A program that subscribes takes each answer for the whole (RFC 7986 §5.7), so what is absent goes. To
    tell more, the words of what was withdrawn would have to be kept, or people be told of visits that never
    stood in their calendar."""
    wanted = SlotFactory(activity__title_fr="Astrolabe", capacity=4)
    other = SlotFactory(activity__title_fr="Chorale", capacity=1)
    for asked in ({"q": "astrolabe"}, {"places": "3"}):
        assert set(events_in(client, **asked)) == {f"slot-{wanted.pk}"}
    wanted.delete()
    other.delete()

    assert events_in(client, q="astrolabe") == events_in(client, places="3") == {}


def test_with_places_what_is_called_off_is_told(client: Client) -> None:
    """That it is full is no news: it takes place."""
    off, full = SlotFactory(capacity=4), SlotFactory(capacity=4)
    Slot.objects.filter(pk=off.pk).update(state="cancelled", cancelled_at=off.starts_at, taken=4)
    Slot.objects.filter(pk=full.pk).update(taken=4)

    told = events_in(client, places="2")

    assert {uid: event["STATUS"] for uid, event in told.items()} == {f"slot-{off.pk}": "CANCELLED"}


def test_whoever_asks_what_changed_is_told_what_was_taken_out_and_what_left_the_filter(
    client: Client,
) -> None:
    city, other = TerritoryFactory(slug="toulouse"), TerritoryFactory(slug="lyon")
    here = {"activity__territory": city, "activity__host__territory": city}
    place = VenueFactory(latitude=43.0, longitude=1.0, territory=city)
    still, deleted, moved, cancelled = (SlotFactory(**here, venue=place) for _ in range(4))
    elsewhere = SlotFactory(activity__territory=other)
    latest = max(Slot.objects.values_list("changed_ms", flat=True))
    since = moment_of(latest) + feed_set.OVERLAP + dt.timedelta(milliseconds=1)
    asked = {"ville": "toulouse", "depuis": since.isoformat()}
    assert numbers_in("json", body(client.get("/programme.json", asked))) == []

    gone = deleted.pk
    deleted.delete()
    elsewhere.delete()
    Activity.objects.filter(pk=moved.activity_id).update(territory=other)
    Slot.objects.filter(pk=cancelled.pk).update(state="cancelled", cancelled_at=cancelled.starts_at)
    # The database dates what happens by its own clock, the tests live in a time to come.
    GoneSlot.objects.update(gone_ms=latest + 700_000)

    data = json.loads(body(client.get("/programme.json", asked)))
    assert [(event["uid"], event["status"]) for event in data["events"]] == [(cancelled.activity_id, 6)]
    assert {one["slot"]: one["deleted"] for one in data["deleted"]} == {gone: True, moved.pk: True}
    rows = csv.DictReader(io.StringIO(body(client.get("/programme.csv", asked))), delimiter=";")
    states = {int(row["identifiant"]): row["état"] for row in rows}
    assert states == {cancelled.pk: "annulé", gone: "retiré", moved.pk: "retiré"}
    geo = json.loads(body(client.get("/programme.geojson", asked)))
    assert {one["slot"] for one in geo["deleted"]} == {gone, moved.pk}
    assert [slot["state"] for one in geo["features"] for slot in one["properties"]["slots"]] == ["cancelled"]
    assert f"slot-{still.pk}" not in events_in(client, **asked)


def test_a_cancelled_slot_says_so_in_every_feed(client: Client) -> None:
    venue = VenueFactory(latitude=43.0, longitude=1.0)
    slot = SlotFactory(venue=venue, state="cancelled", cancelled_at=dt.datetime(2027, 5, 1, tzinfo=dt.UTC))

    title = fromstring(client.get("/programme.rss").content).findtext("channel/item/title")
    (event,) = json.loads(body(client.get("/programme.json")))["events"]
    (row,) = csv.DictReader(io.StringIO(body(client.get("/programme.csv"))), delimiter=";")

    assert title.startswith(f"Annulé\u00a0: {slot.activity.title}")
    assert event["status"] == 6
    assert row["état"] == "annulé"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "asked", [{"depuis": "hier"}, {"depuis": "2020-01-01T00:00:00Z"}, {"limit": "0"}, {"limit": "beaucoup"}]
)
def test_what_cannot_be_obeyed_is_refused_in_words(client: Client, kind: str, asked: dict[str, str]) -> None:
    response = client.get(f"/programme.{kind}", asked)
    english = client.get(f"/programme.{kind}", {**asked, "hl": "en"})

    if kind == "rss" and "limit" not in asked:
        asked = {}
    assert response.status_code == english.status_code == 400
    assert response.content != english.content


@pytest.mark.parametrize("kind", KINDS)
def test_the_licence_is_said(client: Client, kind: str) -> None:
    response = client.get(f"/programme.{kind}")

    assert f'<{licence.URL}>; rel="license"' in response["Link"]
    if kind != "csv":
        assert "Licence Ouverte" in body(response).replace("\r\n ", "")


def test_text_of_the_public_breaks_no_feed(client: Client) -> None:
    nasty = '=1+1\r\nEND:VCALENDAR ]]> </title> "; \u202eevil\u2066 \x0b\x9f\ufffe'
    venue = VenueFactory(name=nasty, latitude=1.0, longitude=2.0)
    SlotFactory(activity__title_fr=nasty, activity__description_fr=nasty, venue=venue)

    (event,) = events_in(client).values()
    assert str(event["SUMMARY"]).startswith("=1+1")
    assert fromstring(client.get("/programme.rss").content).findtext("channel/item/title").startswith("=1+1")
    (row,) = csv.DictReader(io.StringIO(body(client.get("/programme.csv"))), delimiter=";")
    assert row["intitulé"].startswith("'=1+1")
    for kind in KINDS:
        text = body(client.get(f"/programme.{kind}"))
        assert not set(text) & set("\u202e\u2066\x0b\x9f"), kind


def test_geojson_is_as_rfc_7946_has_it(client: Client) -> None:
    SlotFactory(venue=VenueFactory(latitude=43.6, longitude=1.44))
    SlotFactory(venue=VenueFactory())

    data = json.loads(body(client.get("/programme.geojson")))

    assert set(data) == {"type", "license", "features"}
    assert data["type"] == "FeatureCollection"
    for feature in data["features"]:
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert (feature["type"], feature["geometry"]["type"]) == ("Feature", "Point")
        longitude, latitude = feature["geometry"]["coordinates"]
        assert -180 <= longitude <= 180
        assert -90 <= latitude <= 90
    assert len(data["features"]) == 1


def test_the_page_of_feeds_gives_the_addresses_of_the_filters_one_came_with(client: Client) -> None:
    page = client.get("/flux/", {"ville": "toulouse", "format": "demo"}).content.decode()
    english = client.get("/flux/", {"hl": "en"}, headers={"Accept-Language": "en"}).content.decode()
    programme = client.get("/programme/", {"ville": "toulouse"}).content.decode()

    for kind in KINDS:
        assert f"/programme.{kind}?ville=toulouse&amp;format=demo" in page, kind
    assert 'href="webcal://' in page
    assert "?hl=en" in english
    assert licence.URL in page
    assert licence.URL in english
    assert "/flux/?ville=toulouse" in programme
    assert 'href="webcal://' in programme


def test_a_feed_that_is_sent_while_it_is_written_is_compressed_and_known_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_set, "AT_ONCE", 2)
    for number in range(3):
        SlotFactory(start_time=dt.time(9 + number))
    plain = client.get("/programme.csv")

    packed = client.get("/programme.csv", headers={"Accept-Encoding": "gzip"})
    again = client.get("/programme.csv", headers={"If-None-Match": packed["ETag"]})

    assert packed.streaming
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.getvalue()) == plain.getvalue()
    assert again.status_code == 304
