"""The map is the list seen otherwise: the same set, each door once, in one order, at every scale."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from typing import Any

import pytest
from django.core.cache import caches
from django.http import QueryDict
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from events.models import Commune, Slot, Territory
from events.programme import Filters, find
from events.programme.marks import Marks, marks_of, position_at, x_of, y_of
from events.views.clusters import MOST_SPOTS, box_of, fitted, frame_of, gather
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)
from tests.public.test_pages import Read, words_of

TOULOUSE, NANTES, POINTE = (43.6, 1.44), (47.21, -1.55), (16.24, -61.53)
TILES = "https://tuiles.example/{z}/{x}/{y}.png"


def a_city(
    name: str,
    slug: str,
    at: tuple[float, float] | None,
    doors: int,
    *,
    festival: Any,
    zone: str = "Europe/Paris",
) -> Territory:
    """So many venues 300 m apart, with one slot more each than the one before."""
    city = TerritoryFactory(name=name, slug=slug, timezone=zone)
    commune = Commune.objects.create(territory=city, name=name)
    host = HostFactory(territory=city)
    for n in range(doors):
        latitude, longitude = (at[0] + n * 0.0027, at[1]) if at else (None, None)
        venue = VenueFactory(
            name=f"{name} {n}", territory=city, commune=commune, latitude=latitude, longitude=longitude
        )
        for k in range(n + 1):
            SlotFactory(
                activity=ActivityFactory(
                    festival=festival, host=host, format="demo" if k % 2 else "workshop", venue=venue
                ),
                venue=venue,
                day=DAY + dt.timedelta(days=k % 2),
                start_time=dt.time(9 + k, 30 * (n % 2)),
                taken=10 if k % 3 == 2 else 0,
            )
    return city


@pytest.fixture
def cities(db: None) -> None:
    festival = FestivalFactory()
    a_city("Toulouse", "toulouse", TOULOUSE, 3, festival=festival)
    a_city("Nantes", "nantes", NANTES, 2, festival=festival)
    a_city("Pointe-à-Pitre", "guadeloupe", POINTE, 1, festival=festival)
    lost = a_city("Lyon", "lyon", None, 1, festival=festival)
    SlotFactory(activity=ActivityFactory(festival=festival, host=HostFactory(territory=lost)), venue=None)
    Slot.objects.filter(venue__name="Nantes 1", taken=0).update(state="cancelled", cancelled_at=NOW)


def asked(query: str) -> Filters:
    return Filters.read(QueryDict(query))


def listed(query: str) -> list[Slot]:
    """Every page of the list."""
    filters, found = asked(query), list[Slot]()
    while True:
        page = find(filters, NOW, limit=4, cancelled=True)
        found += page.slots
        if page.next_cursor is None:
            return found
        filters = asked(f"{query}&apres={page.next_cursor}")


QUESTIONS = (
    *("", "ville=toulouse", "ville=lyon", "format=demo", "jour=2027-06-11", "moment=midi", "places=1"),
    *(
        "q=workshop",
        "places=11",
        "cadre=43,1,44,2",
        "autour=47.21,-1.55,5",
        "cadre=-10,-70,60,10&format=demo",
    ),
)


def test_the_map_has_the_slots_of_the_list_at_the_same_venues(cities: None) -> None:
    for query in QUESTIONS:
        caches["fast"].clear()
        marks = marks_of(asked(query), NOW)
        on_map = Counter(dict(zip(marks.venues, marks.slots, strict=True)))
        on_map.update({pk: slots for pk, slots, _places in marks.nowhere})

        slots = listed(query)

        assert on_map == Counter(slot.venue_id for slot in slots), query
        assert marks.total.slots == len(slots), query
    assert len(listed("")) == 12  # else nothing was compared


def test_a_part_of_the_map_counts_what_the_list_finds_in_it(cities: None, client: Client) -> None:
    for query in ("", "format=demo", "places=1"):
        for cadre in ("43.5,1.3,43.7,1.6", "40,-6,52,10", "-80,-180,80,180"):
            answer = client.get("/programme/carte/points.json", QueryDict(f"{query}&cadre={cadre}&zoom=12"))
            inside = listed(f"{query}&cadre={cadre}")

            assert sum(spot["slots"] for spot in answer.json()["spots"]) == len(inside), (query, cadre)


def test_the_list_beside_the_map_has_its_marks_in_their_order(cities: None, client: Client) -> None:
    for zoom in (3, 6, 12, 18):
        data = client.get("/programme/carte/points.json", {"cadre": "-80,-180,80,180", "zoom": zoom}).json()
        keys = re.findall(r'data-key="([^"]+)"', data["list"])

        assert keys == [spot["key"] for spot in data["spots"]]
        assert [spot["number"] for spot in data["spots"]] == list(range(1, len(keys) + 1))
    page = client.get("/programme/carte/?ville=toulouse").content.decode()
    marks = re.findall(r'<a href="#([-\w]+)" aria-label="\d+, ([^"]+?)\s:', page)
    lines = re.findall(r'<li id="([-\w]+)".*?<h3><a href="[^"]+">([^<]+)<', page)
    assert marks == lines
    assert [name for _key, name in lines] == ["Toulouse 2", "Toulouse 1", "Toulouse 0"]


def test_the_page_is_whole_without_a_script(cities: None, read: Read) -> None:
    page = read("/programme/carte/", {"ville": "toulouse"})
    said = words_of(page)
    assert page.count('class="map__door') == 3
    assert page.count('class="map__way"') == 2
    assert "5 min à pied jusqu’à Toulouse 1" in said
    assert "Sur la carte : 3 lieux, 6 créneaux." in said

    france = read("/programme/carte/")
    said = words_of(france)
    assert "3 lieux, Toulouse" in said
    assert "Hors de cette carte Pointe-à-Pitre 0, Pointe-à-Pitre" in said
    assert "Sans position connue : 2 créneaux" in said
    assert "Lyon 0 , Lyon. Position inconnue" in said
    assert "Lieu annoncé plus tard, 1 créneau" in said
    assert "Vus de loin, ces lieux figurent au milieu de leur ville." in said
    assert 'class="map__land"' in france
    nearer = re.search(r'<a href="(/programme/carte/\?cadre=[^"]+)" aria-label="3\slieux', france)
    assert nearer
    assert "Toulouse 2" in words_of(read(nearer[1].replace("%2C", ",")))


def test_a_city_without_any_known_position_is_seen_from_afar_in_the_middle_of_it(
    db: None, read: Read
) -> None:
    festival = FestivalFactory()
    a_city("Saint-Pierre", "la-reunion", None, 2, festival=festival, zone="Indian/Reunion")
    a_city("Saint-Denis", "pres-de-paris", None, 1, festival=festival)
    a_city("Toulouse", "toulouse", TOULOUSE, 1, festival=festival)

    island = words_of(read("/programme/carte/", {"ville": "la-reunion"}))
    assert "Sur la carte : 2 lieux, 3 créneaux." in island
    france = words_of(read("/programme/carte/"))
    assert "Hors de cette carte Saint-Pierre 2 lieux, 3 créneaux" in france
    assert "Sur la carte : 1 lieu, 1 créneau." in france, "another Saint-Denis than that of La Réunion"


def test_a_part_of_the_map_is_a_filter_like_the_others(cities: None, read: Read) -> None:
    page = read("/programme/carte/?format=demo&cadre=43.5,1.3,43.7,1.6")
    said = words_of(page)
    assert "sur la partie de carte choisie Chercher partout" in said
    assert 'href="/programme/carte/?format=demo"' in page
    for view in ("/programme/", "/programme/agenda/"):
        assert f'href="{view}?format=demo&amp;cadre=43.5%2C1.3%2C43.7%2C1.6"' in page
    assert "Nantes" not in said.split("Les mêmes lieux en liste")[1].split("Vous avez une porte")[0]

    nothing = words_of(read("/programme/carte/?cadre=0,0,1,1"))
    assert "Aucune porte ne répond. Cherchez un peu plus large" in nothing
    broken = read("/programme/carte/?cadre=ici")
    assert "laissée de côté" in words_of(broken)


def test_a_map_without_an_answer_says_what_a_little_less_would_find(cities: None, read: Read) -> None:
    listed = words_of(read("/programme/?format=demo&q=nulle+part&cadre=43.5,1.3,43.7,1.6"))
    mapped = words_of(read("/programme/carte/?format=demo&q=nulle+part&cadre=43.5,1.3,43.7,1.6"))
    offered = listed.split("Cherchez un peu plus large")[1].split("Lire une porte")[0].split("Vous avez")[0]
    assert "créneau" in offered
    assert offered.strip() in mapped


def test_another_city_may_be_chosen_from_a_part_of_the_map(cities: None, read: Read) -> None:
    """Each choice of a city tells what it finds once the part of the map is left."""
    page = read("/programme/carte/?ville=toulouse&cadre=43.5,1.3,43.7,1.6")
    select = page[page.index('<select id="ville"') :]

    assert '<input type="hidden" name="ville_avant" value="toulouse">' in page
    assert re.search(r'<option value="nantes">à Nantes \(\d+\)</option>', select.replace("\u00a0", " "))


@pytest.mark.parametrize(
    "query",
    ["cadre=ici&zoom=3", "cadre=1,2,3&zoom=3", "cadre=1,2,3,4&zoom=20", "cadre=1,2,3,4&zoom=-1", "zoom=x"],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(db: None, client: Client, query: str) -> None:
    answer = client.get(f"/programme/carte/points.json?{query}", headers={"Accept-Language": "fr"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Une partie de la carte se demande ainsi")
    assert client.get("/programme/carte/points.json?cadre=1,2,3,4&zoom=19").status_code == 200


def test_behind_a_door_are_the_slots_that_answer(cities: None, client: Client) -> None:
    venue = Slot.objects.filter(venue__name="Toulouse 2")[0].venue
    assert venue
    doors = f"/programme/carte/portes/{venue.slug}/"
    shown = words_of(client.get(doors).content.decode())
    assert shown.count("jardinier") == 3
    assert words_of(client.get(doors, {"format": "demo"}).content.decode()).count("jardinier") == 1
    assert client.get(doors, {"format": "talk"}).status_code == 404
    assert client.get("/programme/carte/portes/nulle-part/").status_code == 404


def test_tiles_are_named_and_not_asked_for(cities: None, read: Read, settings: Any) -> None:
    assert "data-tiles" not in read("/programme/carte/")

    settings.MAP_TILES_URL = TILES
    page = read("/programme/carte/")

    assert "Votre navigateur le demande alors à tuiles.example, et pas avant." in words_of(page)
    setup = re.search(r'<script id="map-setup" type="application/json">(.*?)</script>', page)
    assert setup
    assert json.loads(setup[1])["tiles"] == TILES
    assert page.count("tuiles.example") == 3  # the setup, its credit, the sentence: no src, no link
    assert re.findall(r'src="https?://', page) == []


def test_words_of_the_public_stay_words_on_the_map(db: None, client: Client) -> None:
    nasty = "<img src=x onerror=alert(1)></script>"
    city = TerritoryFactory(name=nasty, slug="ville")
    venue = VenueFactory(name=nasty, territory=city, address=nasty, latitude=43.6, longitude=1.44)
    SlotFactory(
        activity=ActivityFactory(host=HostFactory(territory=city, name=nasty), title_fr=nasty), venue=venue
    )
    for path in ("/programme/carte/", f"/programme/carte/portes/{venue.slug}/"):
        assert "<img src=x" not in client.get(path).content.decode()
    data = client.get("/programme/carte/points.json").json()
    assert data["spots"][0]["name"] == nasty  # put in as text by the script
    assert "<img src=x" not in data["list"]


# The arithmetic ------------------------------------------------------------------------------------

positions = st.tuples(st.floats(-84, 84), st.floats(-179.9, 179.9))
frames = st.tuples(positions, positions).filter(
    lambda pair: pair[1][0] - pair[0][0] > 0.001 and pair[0][1] != pair[1][1]
)


def marks_at(places: list[tuple[float, float]]) -> Marks:
    marks = Marks()
    for pk, (latitude, longitude) in enumerate(places, start=1):
        marks.venues.append(pk)
        marks.xs.append(x_of(longitude))
        marks.ys.append(y_of(latitude))
        marks.cities.append(1)
        marks.slots.append(pk)
        for name in ("places", "open", "firsts"):
            getattr(marks, name).append(1)
    return marks


@pytest.mark.once
@settings(max_examples=150, deadline=None)
@given(st.lists(positions, max_size=80), frames, st.integers(0, 19))
def test_every_venue_of_a_part_is_in_one_spot(
    places: list[tuple[float, float]], edges: Any, zoom: int
) -> None:
    (south, west), (north, east) = edges
    frame = asked(f"cadre={south:.4f},{west:.4f},{north:.4f},{east:.4f}").within
    if frame is None:
        return
    marks = marks_at(places)

    spots = gather(marks, box_of(frame), zoom)

    inside = [i for i, at in enumerate(places) if frame.holds(*at)]
    edge = [
        i
        for i, at in enumerate(places)
        if any(abs(a - b) < 1e-6 for a in at for b in (frame.south, frame.north, frame.west, frame.east))
    ]
    found = Counter(i for spot in spots for i in spot.members)
    assert set(found) - set(edge) == set(inside) - set(edge)
    assert not found or max(found.values()) == 1
    assert [spot.slots for spot in spots] == sorted((spot.slots for spot in spots), reverse=True)
    assert len(spots) <= 2 * MOST_SPOTS


@pytest.mark.once
@settings(max_examples=100, deadline=None)
@given(st.lists(positions, min_size=1, max_size=30))
def test_the_frame_of_a_spot_holds_its_venues(places: list[tuple[float, float]]) -> None:
    marks = marks_at(places)
    for spot in gather(marks, (0.0, 0.0, 1.0, 1.0), 3):
        xs, ys = [marks.xs[i] for i in spot.members], [marks.ys[i] for i in spot.members]
        frame = frame_of(fitted((min(xs), min(ys), max(xs), max(ys)), 640, 480))
        for i in spot.members:
            assert frame.holds(*position_at(marks.xs[i], marks.ys[i]))
