"""Addresses asked of a geocoder: a real server that knows them, does not, or is out of its mind."""

from __future__ import annotations

import socket

import pytest

from events import geocoding, jobs, outside
from events.models import Commune, Heartbeat, Venue
from events.scheduling.venue_facts import look_up_again
from tests.factories import NOW, ActivityFactory, TerritoryFactory, VenueFactory
from tests.ground.geocoder import Geocoder, feature

pytestmark = [pytest.mark.once, pytest.mark.django_db]


@pytest.fixture
def geocoder(settings):
    server = Geocoder()
    settings.GEOCODER_URL = server.url
    yield server
    server.stop()


@pytest.fixture
def venue():
    territory = TerritoryFactory(name="Toulouse")
    return VenueFactory(territory=territory, address="27 rue d’Aubuisson", postcode="31000")


def place(venue):
    """Latitude, longitude, where they come from, when the address was asked for and what it was taken for."""
    venue.refresh_from_db()
    return (
        venue.latitude,
        venue.longitude,
        venue.position_from,
        venue.geocoded_at,
        venue.geocoded_label,
    )


NOTHING = (None, None, "", None, "")


def test_an_address_that_is_known_gives_the_position(geocoder, venue):
    geocoder.features = [feature()]

    assert jobs.geocode(NOW) == 1

    assert place(venue) == (43.6049, 1.4478, "geocoder", NOW, "27 Rue d’Aubuisson 31000 Toulouse")
    assert geocoder.asked == [{"q": "27 rue d’Aubuisson, Toulouse", "postcode": "31000", "limit": "1"}]
    assert Heartbeat.objects.filter(name="geocode").exists()


def test_an_address_is_asked_for_once(geocoder, venue):
    jobs.geocode(NOW)
    jobs.geocode(NOW)

    assert len(geocoder.asked) == 1


def test_an_address_that_is_not_known_is_noted_and_left_without_position(geocoder, venue):
    assert geocoding.geocode_due(now=NOW) == 1

    assert place(venue) == (None, None, "", NOW, "")


@pytest.mark.parametrize(
    "answer", [feature(score=0.59), feature(type="municipality")], ids=["low score", "only the town"]
)
def test_an_uncertain_answer_is_no_position(geocoder, venue, answer):
    geocoder.features = [answer]

    geocoding.geocode_due(now=NOW)

    assert place(venue) == (None, None, "", NOW, "")


def test_a_score_at_the_threshold_is_enough(geocoder, venue):
    geocoder.features = [feature(score=0.6)]

    geocoding.geocode_due(now=NOW)

    assert place(venue)[:2] == (43.6049, 1.4478)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>En maintenance</html>",
        b"[]",
        b"{}",
        b'{"features": {}}',
        b'{"features": [{}]}',
        b'{"features": [{"geometry": null, "properties": {}}]}',
        b"[" * 60_000,
        b"\xff\xfe",
        b" " * (geocoding.MOST_READ + 1),
    ],
    ids=range(10),
)
def test_garbage_changes_nothing_and_is_asked_again(geocoder, venue, body):
    geocoder.body = body

    assert geocoding.geocode_due(now=NOW) == 0
    assert place(venue) == NOTHING

    geocoder.body, geocoder.features = None, [feature()]
    assert geocoding.geocode_due(now=NOW) == 1


@pytest.mark.parametrize(
    "answer",
    [
        feature(longitude="1.44"),
        feature(longitude=True),
        feature(latitude=91),
        feature(longitude=float("nan")),
        feature(longitude=float("inf")),
        feature(score=None),
        feature(label=None),
    ],
    ids=range(7),
)
def test_what_is_no_position_is_not_taken_for_one(geocoder, venue, answer):
    geocoder.features = [answer]

    assert geocoding.geocode_due(now=NOW) == 0
    assert place(venue) == NOTHING


@pytest.mark.parametrize("status", [500, 503, 429, 403, 404, 302])
def test_a_service_that_is_down_is_asked_again_later(geocoder, venue, status):
    geocoder.status, geocoder.features = status, [feature()]

    assert geocoding.geocode_due(now=NOW) == 0
    assert place(venue) == NOTHING


def test_a_service_that_is_down_is_left_alone_until_the_next_sweep(geocoder, venue):
    VenueFactory()
    geocoder.status = 500

    geocoding.geocode_due(now=NOW)

    assert len(geocoder.asked) == 1


def test_a_question_that_is_refused_counts_as_not_known(geocoder, venue):
    geocoder.status = 400

    assert geocoding.geocode_due(now=NOW) == 1
    assert place(venue) == (None, None, "", NOW, "")


def test_a_service_that_does_not_answer_in_time_is_given_up(geocoder, venue, monkeypatch):
    monkeypatch.setattr(outside, "PATIENCE", 0.2)
    geocoder.features, geocoder.stall = [feature()], 60

    assert geocoding.geocode_due(now=NOW) == 0
    assert place(venue) == NOTHING


def test_a_service_that_drips_is_cut(geocoder, venue, monkeypatch):
    monkeypatch.setattr(geocoding, "LONGEST", 0.3)
    geocoder.drip = 0.05

    assert geocoding.geocode_due(now=NOW) == 0
    assert place(venue) == NOTHING


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://[broken", "nonsense"])
def test_nobody_there_changes_nothing(settings, venue, url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        settings.GEOCODER_URL = url.replace("{port}", str(taken.getsockname()[1]))

        assert geocoding.geocode_due(now=NOW) == 0

    assert place(venue) == NOTHING


def test_without_the_setting_nothing_is_asked(geocoder, venue, settings):
    settings.GEOCODER_URL = ""

    assert jobs.geocode(NOW) == 0
    assert geocoder.asked == []
    assert place(venue) == NOTHING


@pytest.mark.parametrize("origin", ["hand", "import", ""])
def test_a_position_that_did_not_come_from_the_geocoder_is_never_overwritten(geocoder, venue, origin):
    Venue.objects.update(latitude=43.0, longitude=1.0, position_from=origin)
    geocoder.features = [feature()]

    assert geocoding.geocode_due(now=NOW) == 0

    assert place(venue) == (43.0, 1.0, origin, None, "")
    assert geocoder.asked == []


def test_a_position_put_by_hand_while_the_geocoder_thinks_stays(geocoder, venue):
    Venue.objects.update(latitude=43.0, longitude=1.0, position_from="hand")
    found = geocoding.ask(address="27 rue d’Aubuisson", postcode="", city="Toulouse")

    assert found is None
    assert geocoding.settle(venue=venue, found=geocoding.Found(43.6, 1.4, "x", ""), now=NOW) is False
    assert place(venue) == (43.0, 1.0, "hand", None, "")


def test_an_address_changed_while_the_geocoder_thinks_is_asked_anew(venue):
    Venue.objects.update(address="3 place du Capitole")

    assert geocoding.settle(venue=venue, found=geocoding.Found(43.6, 1.4, "x", ""), now=NOW) is False
    assert place(venue) == NOTHING


def test_an_address_that_is_no_longer_known_loses_the_position_of_the_old_one(geocoder, venue):
    geocoder.features = [feature()]
    geocoding.geocode_due(now=NOW)
    assert look_up_again(venue_id=venue.pk)
    geocoder.features = []

    geocoding.geocode_due(now=NOW)

    assert place(venue) == (None, None, "", NOW, "")


def test_a_venue_without_address_is_not_asked_for(geocoder, venue):
    Venue.objects.update(address="")

    assert geocoding.geocode_due(now=NOW) == 0
    assert geocoder.asked == []


class TestCommune:
    def test_a_venue_without_commune_takes_the_one_of_the_code(self, geocoder, venue):
        toulouse = Commune.objects.create(territory=venue.territory, name="Toulouse", insee_code="31555")
        activity = ActivityFactory(venue=venue, host__territory=venue.territory)
        Commune.objects.create(territory=venue.territory, name="Labège", insee_code="31254")
        geocoder.features = [feature()]

        geocoding.geocode_due(now=NOW)

        venue.refresh_from_db()
        assert venue.commune == toulouse
        activity.refresh_from_db()
        assert "toulouse" in activity.search_text

    def test_a_commune_that_is_said_stays(self, geocoder, venue):
        labege = Commune.objects.create(territory=venue.territory, name="Labège", insee_code="31254")
        Commune.objects.create(territory=venue.territory, name="Toulouse", insee_code="31555")
        Venue.objects.update(commune=labege)
        geocoder.features = [feature()]

        geocoding.geocode_due(now=NOW)

        venue.refresh_from_db()
        assert venue.commune == labege

    def test_a_commune_of_another_territory_is_not_taken(self, geocoder, venue):
        Commune.objects.create(territory=TerritoryFactory(), name="Toulouse", insee_code="31555")
        geocoder.features = [feature()]

        geocoding.geocode_due(now=NOW)

        venue.refresh_from_db()
        assert venue.commune is None

    @pytest.mark.parametrize(
        ("code", "whole"),
        [("75111", "75056"), ("69383", "69123"), ("13208", "13055"), ("2A004", "2A004"), ("31555", "31555")],
    )
    def test_an_arrondissement_stands_for_its_commune(self, geocoder, venue, code, whole):
        commune = Commune.objects.create(territory=venue.territory, name="La grande", insee_code=whole)
        geocoder.features = [feature(citycode=code)]

        geocoding.geocode_due(now=NOW)

        venue.refresh_from_db()
        assert venue.commune == commune
