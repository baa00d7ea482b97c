"""The map at the venue's form: only where tiles are set, only when asked for, nothing inline."""

from __future__ import annotations

import pytest

from events.models import Venue

from .test_venues import url

TILES = "https://tiles.example/{z}/{x}/{y}.png"


def form(desk):
    return desk.get(url("venue_edit", "la-cantine")).content.decode()


def test_without_tiles_there_are_two_fields_and_no_map(desk, place):
    page = form(desk)

    assert 'name="latitude"' in page
    assert 'name="longitude"' in page
    assert "data-position-map" not in page
    assert "position.js" not in page


@pytest.fixture
def tiles(settings):
    settings.MAP_TILES_URL = TILES


def test_with_tiles_a_button_offers_the_map_and_says_who_is_asked(desk, place, tiles):
    Venue.objects.update(latitude=43.6, longitude=1.5)

    page = form(desk)

    assert "Afficher la carte" in page
    assert f'data-tiles="{TILES}"' in page
    assert 'data-centre="43.60000,1.50000"' in page
    assert "tiles.example" in page
    assert 'data-latitude="id_latitude"' in page
    assert 'id="id_latitude"' in page


def test_nothing_of_the_map_is_fetched_before_it_is_asked_for(desk, place, tiles):
    page = form(desk)

    assert page.count("leaflet.js") == page.count('data-script="/static/leaflet/leaflet.js"') == 1
    assert page.count("leaflet.css") == page.count('data-style="/static/leaflet/leaflet.css"') == 1
    assert '<img src="https://tiles.example' not in page


def test_a_new_venue_has_the_map_too(desk, place, tiles):
    page = desk.get(url("venue_new")).content.decode()

    assert "data-position-map" in page
    assert 'data-centre=""' in page
