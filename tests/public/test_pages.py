"""What anybody sees: the programme and the pages around it, the states that show and those that do not."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import icalendar
import pytest
from django.test import Client
from django.urls import reverse

from events.models import Activity, ArchiveEntry, Commune, Festival, OpeningHours, Programme, Slot
from events.registration.book import register_party
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

Read = Callable[..., str]
NB = "\u00a0"


def words_of(page: str) -> str:
    """What is read on a page: no markup, single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace(NB, " ").split())


def slots_of(page: str) -> int:
    return page.count('<li class="slot">')


# Every page ----------------------------------------------------------------------------------------


PAGES = [
    *("home", "programme", "agenda", "map", "territories", "history", "accessibility", "privacy", "legal"),
    "feeds",
]


@pytest.mark.parametrize("name", PAGES)
def test_a_site_without_any_festival_is_still_a_site(read: Read, name: str) -> None:
    page = read(reverse(f"events:{name}"))

    assert page.count("<h1") == 1
    assert "<main" in page


@pytest.mark.parametrize("name", PAGES)
def test_every_page_speaks_english_too(read: Read, name: str) -> None:
    SlotFactory(venue=VenueFactory(latitude=43.6, longitude=1.44))

    page = read(reverse(f"events:{name}"), **{"Accept-Language": "en"})

    assert '<html lang="en"' in page
    assert "Je cherche" not in page


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_only_read(client: Client, name: str) -> None:
    assert client.post(reverse(f"events:{name}")).status_code == 405


def test_no_page_has_an_inline_style_or_handler(read: Read) -> None:
    slot = SlotFactory(venue=VenueFactory(latitude=43.6, longitude=1.44))
    paths = [reverse(f"events:{name}") for name in PAGES]
    paths += [slot.get_absolute_url(), slot.activity.get_absolute_url(), slot.venue.get_absolute_url()]

    for path in paths:
        page = read(path)
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), path
        assert re.findall(r"<script(?![^>]*(?:src=|nonce=|type=\"application/json\"))", page) == [], path


# The programme -------------------------------------------------------------------------------------


def test_the_programme_says_when_where_who_and_how_many(read: Read) -> None:
    toulouse = TerritoryFactory(name="Toulouse et Labège", slug="toulouse")
    slot = SlotFactory(
        activity=ActivityFactory(host=HostFactory(name="Les Robots du Canal", territory=toulouse)),
        venue=VenueFactory(name="La Cantine", territory=toulouse),
        start_time=dt.time(14, 30),
        capacity=15,
        taken=3,
    )

    said = words_of(read("/programme/"))

    assert "1 créneau, 12 places libres" in said
    assert "14 h 1 créneau, 12 places" in said
    assert "Les Robots du Canal , La Cantine , Toulouse et Labège 14 h 30 – 15 h 15 Visite guidée" in said
    assert "12 places sur 15" in said
    assert f'href="/creneaux/{slot.pk}/inscription/"' in read("/programme/")


def test_a_slot_says_before_all_else_where_it_is_and_that_it_is_free_of_charge(read: Read) -> None:
    slot = SlotFactory(venue=VenueFactory(name="La Cantine", latitude=43.6049, longitude=1.45))

    page = read(f"/creneaux/{slot.pk}/")

    assert words_of(page).index("La Cantine") < words_of(page).index("Reçu par")
    assert "Gratuit, sans compte." in words_of(page)
    assert "https://www.openstreetmap.org/directions?to=43.60490,1.45000" in page


def test_a_place_without_a_position_promises_no_way_to_it(read: Read) -> None:
    slot = SlotFactory(venue=VenueFactory(latitude=None, longitude=None))

    assert "Y aller" not in words_of(read(f"/creneaux/{slot.pk}/"))


def test_where_people_drop_in_the_calendar_is_at_the_door(read: Read, client: Client) -> None:
    """No mail brings one there; where one books, the mail does."""
    free, booked = SlotFactory(activity__mode="drop_in", capacity=None), SlotFactory()
    address = f"/creneaux/{free.pk}/visite.ics"

    assert f'href="{address}"' in read(f"/creneaux/{free.pk}/")
    assert "visite.ics" not in read(f"/creneaux/{booked.pk}/")

    [event] = icalendar.Calendar.from_ical(client.get(address).content).walk("VEVENT")
    assert (event.start, str(event["SUMMARY"]).split(" · ")[0]) == (free.starts_at, free.activity.title)


def test_a_cancelled_slot_is_cancelled_in_the_calendar_too(client: Client) -> None:
    slot = SlotFactory(state="cancelled", cancelled_at=NOW)

    file = client.get(f"/creneaux/{slot.pk}/visite.ics").content

    assert [str(event["STATUS"]) for event in icalendar.Calendar.from_ical(file).walk("VEVENT")] == [
        "CANCELLED"
    ]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("autour=43.605,1.449,2", "autour du point choisi"),
        ("cadre=43.5,1.4,43.7,1.5", "sur la partie de carte choisie"),
        ("", "partout en France"),
    ],
)
def test_the_sentence_says_where_one_looks_without_a_city(read: Read, asked: str, where: str) -> None:
    SlotFactory(venue=VenueFactory(latitude=43.605, longitude=1.449))
    page = read(f"/programme/?{asked}&jour={DAY.isoformat()}")
    assert f"Toutes les visites {where}, jeudi 10 juin" in words_of(page).replace("\xa0", " ")


def test_the_entrance_asks_around_the_reader_when_told_to(read: Read) -> None:
    SlotFactory()
    page = read("/")
    assert page.count("data-near") == 1
    assert re.search(r'js/near[^"]*\.js" defer', page)


@pytest.mark.parametrize(
    ("state", "said", "button"),
    [
        ({"capacity": 10, "taken": 2}, "8 places sur 10", "Réserver"),
        ({"capacity": 10, "taken": 8}, "Dernières places : 2 sur 10", "Réserver"),
        ({"capacity": 10, "taken": 10, "waiting": 4}, "Complet 4 en attente", "Attendre une place"),
        (
            {"capacity": 10, "taken": 10, "waiting_list_open": False},
            "Complet liste close",
            "Autres créneaux",
        ),
        ({"activity__mode": "drop_in", "capacity": None}, "Entrée libre sans inscription", None),
        (
            {"capacity": 20, "opens_at": dt.datetime(2027, 6, 7, 10, tzinfo=dt.UTC)},
            "20 places ouvre le 7 juin à 12 h",
            None,
        ),
        (
            {"state": "cancelled", "cancelled_at": NOW, "cancelled_by_host": True},
            "Annulé par l’hôte, le 3 mai",
            "Voir autre chose",
        ),
    ],
)
def test_a_door_says_how_it_stands(read: Read, state: dict[str, Any], said: str, button: str | None) -> None:
    SlotFactory(**state)

    page = read("/programme/")
    row = page[page.index('<li class="slot">') : page.index('<aside class="stack')]

    assert said in words_of(row)
    assert re.findall(r'class="btn btn--small[^>]*>([^<]+)<', row) == ([button] if button else [])


def test_what_is_not_public_is_nowhere_in_the_programme(read: Read) -> None:
    SlotFactory(state=Slot.State.DRAFT)
    SlotFactory(activity__state=Activity.State.CHANGES_REQUESTED)
    SlotFactory(activity__festival__state=Festival.State.ARCHIVED)
    SlotFactory(day=NOW.date() - dt.timedelta(days=3))

    page = read("/programme/")

    assert slots_of(page) == 0
    assert "Aucune porte n’est ouverte pour l’instant." in page


def test_an_empty_answer_leads_out(read: Read) -> None:
    SlotFactory()

    page = read("/programme/", {"q": "introuvable", "moment": "soir"})

    assert "Cherchez un peu plus large" in page
    assert 'href="/programme/?q=introuvable"' in page
    assert 'href="/programme/?moment=soir"' in page


def test_an_unreadable_address_is_answered_kindly(read: Read) -> None:
    SlotFactory()

    page = read("/programme/", {"jour": "hier", "apres": "💥"})

    assert slots_of(page) == 1
    assert "laissée de côté" in page
    assert "jour et apres" in page


def test_pages_follow_each_other_in_words(read: Read) -> None:
    for n in range(40):
        SlotFactory(start_time=dt.time(9 + n // 10, n % 10))

    first = read("/programme/")
    onward = re.search(r'href="(/programme/\?apres=[^"]+)" rel="next">([^<]+)', first)
    assert onward
    assert onward[2].replace(NB, " ").strip() == "Suite, dès 12 h"
    second = read(onward[1])

    assert (slots_of(first), slots_of(second)) == (30, 10)
    assert 'rel="next">' not in second
    assert re.findall(r'href="([^"]+)" rel="prev">([^<]+)', second) == [("/programme/", f"Revenir à 9{NB}h")]


def test_a_day_leads_to_the_next_day(read: Read) -> None:
    SlotFactory()
    SlotFactory(day=DAY + dt.timedelta(days=1))

    page = read("/programme/", {"jour": DAY.isoformat()})

    assert re.findall(r'href="([^"]+)" rel="next">([^<]+) <svg', page) == [
        ("/programme/?jour=2027-06-11", f"Vendredi{NB}11{NB}juin")
    ]


def test_the_walk_is_told_between_rows_one_may_follow(read: Read) -> None:
    city = TerritoryFactory(slug="toulouse")
    host = HostFactory(territory=city)
    here = VenueFactory(name="HarryCow", territory=city, latitude=43.6027, longitude=1.4422)
    there = VenueFactory(name="La Cantine", territory=city, latitude=43.6027, longitude=1.4542)
    SlotFactory(activity=ActivityFactory(host=host), venue=here, start_time=dt.time(10), duration=30)
    SlotFactory(activity=ActivityFactory(host=host), venue=there, start_time=dt.time(11))

    said = words_of(read("/programme/", {"ville": "toulouse"}))

    assert "16 min à pied entre HarryCow et La Cantine" in said
    assert "à pied entre" not in words_of(read("/programme/"))


def test_a_slot_of_another_clock_says_so(read: Read) -> None:
    island = TerritoryFactory(name="La Réunion", slug="la-reunion", timezone="Indian/Reunion")
    SlotFactory(activity=ActivityFactory(host=HostFactory(territory=island)), start_time=dt.time(10))

    everywhere, there = words_of(read("/programme/")), words_of(read("/programme/", {"ville": "la-reunion"}))

    assert "8 h 1 créneau, 10 places, heure de Paris" in everywhere
    assert "10 h – 10 h 45 heure locale, La Réunion" in everywhere
    assert "10 h 1 créneau, 10 places" in there
    assert "heure locale" not in there


@pytest.mark.parametrize("query", ["autour=-20.88,55.45,5", "cadre=-21,55,-20.5,56", "ville=saint-denis"])
def test_a_list_of_one_clock_is_read_by_that_clock(read: Read, query: str) -> None:
    island = TerritoryFactory(name="La Réunion", slug="la-reunion", timezone="Indian/Reunion")
    commune = Commune.objects.create(territory=island, name="Saint-Denis")
    venue = VenueFactory(territory=island, commune=commune, latitude=-20.88, longitude=55.45)
    SlotFactory(
        activity=ActivityFactory(host=HostFactory(territory=island)), venue=venue, start_time=dt.time(10)
    )

    list_, timetable = words_of(read(f"/programme/?{query}")), words_of(read(f"/programme/agenda/?{query}"))

    assert "10 h 1 créneau, 10 places" in list_
    assert "heure de Paris" not in list_
    assert "heure locale" not in list_ + timetable


def test_the_chart_says_its_finding_in_words(read: Read) -> None:
    SlotFactory(start_time=dt.time(9), capacity=6)
    SlotFactory(start_time=dt.time(11), capacity=2)

    page = read("/programme/")

    assert f'aria-label="Places libres{NB}: 9{NB}h, 6; 10{NB}h, aucune; 11{NB}h, 2."' in page


# Few queries ---------------------------------------------------------------------------------------


def a_full_slot(city: Any, n: int) -> Slot:
    commune, _made = Commune.objects.get_or_create(territory=city, name="Toulouse")
    venue = VenueFactory(
        territory=city, commune=commune, latitude=43.6 + n / 500, longitude=1.44, access=["mi"]
    )
    return SlotFactory(
        activity=ActivityFactory(
            festival=Festival.objects.first() or FestivalFactory(), host=HostFactory(territory=city)
        ),
        venue=venue,
        room=RoomFactory(venue=venue),
    )


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 6),
        ("/programme/", 6),
        ("/programme/?ville=toulouse&jour=2027-06-10&moment=matin&acces=mi&langue=&q=atelier", 7),
        ("/programme/agenda/", 8),
        ("/programme/carte/", 6),
        ("/programme/carte/?ville=toulouse", 6),
        ("/villes/", 5),
        ("/villes/toulouse/", 16),
        ("/sitemap.xml", 6),
        ("/programme.json", 10),
        ("/programme.csv", 10),
        ("/programme.rss", 10),
        ("/programme.geojson", 10),
        ("/programme.ics", 10),
    ],
)
@pytest.mark.usefixtures("counted_already")
def test_a_list_costs_the_same_for_one_and_for_three(
    client: Client, path: str, most: int, django_assert_max_num_queries: Any
) -> None:
    city = TerritoryFactory(name="Toulouse", slug="toulouse")
    a_full_slot(city, 0)
    client.get(path)
    with django_assert_max_num_queries(most) as for_one:
        client.get(path)
    for n in (1, 2):
        a_full_slot(city, n)

    with django_assert_max_num_queries(most) as for_three:
        client.get(path)

    assert len(for_three) == len(for_one)


@pytest.mark.usefixtures("counted_already")
def test_a_page_in_the_middle_for_somebody_signed_in_costs_eight_queries_at_most(
    client: Client, django_user_model: Any, django_assert_max_num_queries: Any
) -> None:
    for n in range(70):
        SlotFactory(start_time=dt.time(8 + n // 10, n % 10))
    client.force_login(django_user_model.objects.create_user(email="camille@example.org"))
    second = re.search(r'href="(/programme/\?apres=[^"]+)" rel="next"', client.get("/programme/").text)
    assert second

    with django_assert_max_num_queries(8):
        response = client.get(second[1])

    assert slots_of(response.text) == 30


@pytest.mark.parametrize("kind", ["activity", "venue", "host", "slot"])
def test_a_single_page_costs_the_same_for_one_and_for_three(
    client: Client, kind: str, django_assert_max_num_queries: Any
) -> None:
    city = TerritoryFactory(name="Toulouse", slug="toulouse")
    slot = a_full_slot(city, 0)
    SlotFactory(activity=slot.activity, venue=slot.venue, room=slot.room, start_time=dt.time(22))
    path = {
        "activity": slot.activity.get_absolute_url(),
        "venue": slot.venue.get_absolute_url(),
        "host": slot.activity.host.get_absolute_url(),
        "slot": slot.get_absolute_url(),
    }[kind]
    client.get(path)
    with django_assert_max_num_queries(10) as for_few:
        assert client.get(path).status_code == 200
    for n in (1, 2):
        SlotFactory(activity=slot.activity, venue=slot.venue, room=slot.room, start_time=dt.time(20 + n, 30))

    with django_assert_max_num_queries(10) as for_more:
        client.get(path)

    assert len(for_more) == len(for_few)


# An activity, a slot -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["draft", "submitted", "changes_requested", "ready", "rejected"])
def test_an_activity_that_is_not_published_does_not_exist(client: Client, state: str) -> None:
    slot = SlotFactory(activity__state=state)

    assert client.get(slot.activity.get_absolute_url()).status_code == 404
    assert client.get(slot.get_absolute_url()).status_code == 404


def test_a_draft_slot_does_not_exist_and_is_not_listed(client: Client) -> None:
    shown = SlotFactory()
    draft = SlotFactory(activity=shown.activity, state=Slot.State.DRAFT)

    assert client.get(draft.get_absolute_url()).status_code == 404
    assert f"/creneaux/{draft.pk}/" not in client.get(shown.activity.get_absolute_url()).text


def test_nothing_of_a_draft_edition_exists(client: Client) -> None:
    slot = SlotFactory(activity__festival__state=Festival.State.DRAFT)

    for path in (slot.get_absolute_url(), slot.activity.get_absolute_url()):
        assert client.get(path).status_code == 404
    assert client.get(f"/editions/{slot.activity.festival.slug}/").status_code == 404


def test_a_cancelled_slot_says_so_and_cannot_be_booked(read: Read) -> None:
    slot = SlotFactory(
        state=Slot.State.CANCELLED, cancelled_at=NOW, cancelled_by_host=True, cancel_reason="Fuite d’eau"
    )

    page = read(slot.get_absolute_url())

    assert "Annulé par l’hôte, le 3 mai" in words_of(page)
    assert "Fuite d’eau" in page
    assert "/inscription/" not in page


def test_a_slot_of_a_past_edition_is_only_read(read: Read) -> None:
    slot = SlotFactory(activity__festival__state=Festival.State.ARCHIVED)

    for path in (slot.get_absolute_url(), slot.activity.get_absolute_url()):
        page = read(path)
        assert "édition passée" in page
        assert "/inscription/" not in page


def test_an_activity_shows_its_slots_by_day_and_what_one_must_know(read: Read) -> None:
    activity = ActivityFactory(
        title_fr="Dans l’atelier",
        description_fr="Une phrase qui mène.\n\nPuis le reste.",
        languages=["fr", "lsf"],
        access=["hi"],
        minimum_age=8,
        festival__most_places=4,
    )
    SlotFactory(activity=activity, venue=VenueFactory(name="La Cantine"), start_time=dt.time(14))
    SlotFactory(activity=activity, day=DAY + dt.timedelta(days=1))

    page = read(activity.get_absolute_url())
    said = words_of(page)

    assert '<p class="lead measure">Une phrase qui mène.</p>' in page
    assert "Puis le reste." in page
    assert "Visite guidée, 45 min, en français, en LSF" in said
    assert "jeudi 10 juin 14 h – 14 h 45" in said
    assert "vendredi 11 juin" in said
    assert "dès 8 ans" in said
    assert "jusqu’à 4 places par inscription" in said
    assert "Accessible aux personnes sourdes ou malentendantes" in said


def linked_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json" nonce="[^"]+">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_a_slot_is_linked_data_that_parses(read: Read) -> None:
    slot = SlotFactory(
        activity__title_fr="Robots </script><script>alert(1)</script>",
        venue=VenueFactory(latitude=43.6, longitude=1.44, postcode="31000"),
        start_time=dt.time(14),
        capacity=10,
        taken=10,
    )

    page = read(slot.get_absolute_url())
    event = linked_data(page)

    assert event["@type"] == "Event"
    assert event["image"][0].startswith("http")
    assert event["name"] == "Robots </script><script>alert(1)</script>"
    assert event["startDate"] == "2027-06-10T14:00+02:00"
    assert event["endDate"] == "2027-06-10T14:45+02:00"
    assert event["eventStatus"] == "https://schema.org/EventScheduled"
    assert event["offers"]["availability"] == "https://schema.org/SoldOut"
    assert event["location"]["geo"]["latitude"] == 43.6
    assert event["remainingAttendeeCapacity"] == 0
    assert "<script>alert" not in page


def test_an_activity_is_a_series_of_events(read: Read) -> None:
    activity = SlotFactory(start_time=dt.time(10)).activity
    later = {"activity": activity, "start_time": dt.time(11)}
    SlotFactory(**later, state=Slot.State.CANCELLED, cancelled_at=NOW)

    series = linked_data(read(activity.get_absolute_url()))

    assert series["@type"] == "EventSeries"
    assert [event["eventStatus"].rpartition("Event")[2] for event in series["subEvent"]] == [
        "Scheduled",
        "Cancelled",
    ]


NASTY = "<img src=x onerror=alert(1)>{{ 7|add:7 }}[x](javascript:alert(1))\u202e"


def test_text_of_the_public_stays_text_on_every_page(client: Client) -> None:
    city = TerritoryFactory(name=NASTY, slug="ville", relay=NASTY, about_fr=NASTY)
    venue = VenueFactory(
        name=NASTY, territory=city, address=NASTY, access_text_fr=NASTY, latitude=43.6, longitude=1.4
    )
    slot = SlotFactory(
        activity=ActivityFactory(
            host=HostFactory(name=NASTY, territory=city, tagline_fr=NASTY, description_fr=NASTY, city=NASTY),
            title_fr=NASTY,
            description_fr=f"{NASTY}\n\n{NASTY}",
            meeting_point=NASTY,
        ),
        venue=venue,
        room=RoomFactory(venue=venue, name=NASTY, floor=NASTY[:60]),
    )
    paths = [
        *("/", "/programme/", "/programme/agenda/", "/programme/carte/", "/programme/carte/?ville=ville"),
        *("/villes/", "/villes/ville/", venue.get_absolute_url(), slot.get_absolute_url()),
        *(slot.activity.get_absolute_url(), slot.activity.host.get_absolute_url()),
        "/programme/?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&ville=%3Cscript%3E",
    ]

    for path in paths:
        page = Client().get(path).content.decode()
        assert "<img src=x" not in page, path
        assert 'href="javascript:' not in page, path
        assert "<script>" not in page, path


# Places --------------------------------------------------------------------------------------------


def test_a_city_shows_its_street_its_venues_and_its_relay(read: Read) -> None:
    city = TerritoryFactory(name="Toulouse et Labège", slug="toulouse", relay="La Mêlée")
    totem = VenueFactory(name="Quai des Savoirs", territory=city, is_totem=True)
    VenueFactory(name="Vide", territory=city)
    SlotFactory(
        activity=ActivityFactory(host=HostFactory(name="Tuile Rose", territory=city)),
        venue=VenueFactory(name="La Cantine", territory=city),
    )

    said = words_of(read("/villes/toulouse/"))

    assert "Tuile Rose jeu. 10 ·" in said
    assert "La Mêlée" in said
    assert "Quai des Savoirs bâtiment-totem" in said
    assert "Vide" not in said
    assert totem.get_absolute_url() in read("/villes/toulouse/")


def test_a_venue_shows_how_to_come_and_never_its_safety_file(read: Read) -> None:
    venue = VenueFactory(
        name="La Cantine", safety_capacity=4321, access=["mi"], access_text_fr="Métro Jean-Jaurès"
    )
    RoomFactory(venue=venue, name="Grande salle", comfort_capacity=40, safety_capacity=4321, floor="2e étage")
    RoomFactory(venue=venue, name="Réserve", is_active=False)
    OpeningHours.objects.create(venue=venue, weekday=1, opens=dt.time(9), closes=dt.time(12))
    OpeningHours.objects.create(venue=venue, weekday=1, opens=dt.time(14), closes=dt.time(18))

    said = words_of(read(venue.get_absolute_url()))

    assert "lundi 9 h – 12 h et 14 h – 18 h mardi fermé" in said
    assert "Métro Jean-Jaurès" in said
    assert "Accessible en fauteuil roulant" in said
    assert "Grande salle , 2e étage 40 personnes à l’aise" in said
    assert "Réserve" not in said
    assert "4321" not in said


def test_a_host_without_anything_published_does_not_exist(client: Client) -> None:
    host = HostFactory()
    ActivityFactory(host=host, state=Activity.State.SUBMITTED)
    ActivityFactory(host=host, festival__state=Festival.State.DRAFT)

    assert client.get(host.get_absolute_url()).status_code == 404


def test_a_host_has_a_street_of_its_activities(read: Read) -> None:
    host = HostFactory(name="Tuile Rose")
    for title, hour in (("Imprimer une tuile", 9), ("Cuire une tuile", 14)):
        SlotFactory(activity=ActivityFactory(host=host, title_fr=title), start_time=dt.time(hour))

    page = read(host.get_absolute_url())
    street = page[page.index('class="street"') : page.index("</section>", page.index('class="street"'))]

    assert re.findall(r"<b>([^<]+)</b>", street) == ["Imprimer une tuile", "Cuire une tuile"]


def test_the_agenda_shows_one_day_in_one_city_as_a_table(read: Read) -> None:
    city = TerritoryFactory(name="Toulouse", slug="toulouse")
    host = HostFactory(territory=city)
    venue = VenueFactory(name="La Cantine", territory=city)
    for hour, minute in ((14, 0), (14, 30), (16, 15)):
        SlotFactory(activity=ActivityFactory(host=host), venue=venue, start_time=dt.time(hour, minute))
    SlotFactory(activity=ActivityFactory(host=host), venue=venue, day=DAY + dt.timedelta(days=1))

    page = read("/programme/agenda/")

    assert page.count('<td class="block') == 3
    assert page.count('rowspan="2"') == 3
    assert 'colspan="2"' in page  # 14 h – 14 h 45 and 14 h 30 – 15 h 15 stand side by side
    assert re.findall(r'<th scope="row"[^>]*>([^<]+)', page) == [
        *(f"14{NB}h", f"14{NB}h{NB}30", f"15{NB}h", f"15{NB}h{NB}30", f"16{NB}h", f"16{NB}h{NB}30")
    ]
    tabs = page[page.index('class="tabs"') : page.index("</nav>", page.index('class="tabs"'))]
    assert re.findall(r"jour=([-0-9]+)", tabs) == ["2027-06-10", "2027-06-11"]


def test_every_line_of_the_agenda_fills_every_lane(read: Read) -> None:
    city = TerritoryFactory(slug="toulouse")
    host = HostFactory(territory=city)
    for n in range(12):
        SlotFactory(
            activity=ActivityFactory(host=host),
            venue=VenueFactory(territory=city) if n % 4 == 0 else None,
            start_time=dt.time(9 + n // 3, n * 7 % 60),
            duration=20 + n * 13,
        )

    page = read("/programme/agenda/")

    for table in re.findall(r"<table.*?</table>", page, re.S):
        lanes = sum(int(n or 1) for n in re.findall(r'<th scope="colgroup"(?: colspan="(\d+)")?', table))
        open_until = [0] * lanes
        for index, line in enumerate(re.findall(r"<tr><th scope=\"row\".*?</tr>", table, re.S)):
            spans = [
                int(n or 1) for n in re.findall(r'<td(?: class="block[^"]*")?(?: rowspan="(\d+)")?>', line)
            ]
            free = [lane for lane in range(lanes) if open_until[lane] <= index]
            assert len(spans) == len(free)
            for lane, span in zip(free, spans, strict=True):
                open_until[lane] = index + span


# History -------------------------------------------------------------------------------------------


def test_a_past_edition_shows_its_entries_and_their_sources(read: Read) -> None:
    source = {"key": "lmi", "title": "Le Monde Informatique", "url": "https://example.org/lmi"}
    festival = FestivalFactory(
        name="Festival French Tech 2014", slug="2014", state=Festival.State.ARCHIVED, sources=[source]
    )
    Programme.objects.create(festival=festival, name="Web2Day", slug="web2day", organiser="Atlantic 2.0")
    ArchiveEntry.objects.create(
        festival=festival,
        external_id="fes-002",
        name="Web2Day",
        city="Nantes",
        venue_name="Stereolux",
        starts_on=dt.date(2014, 6, 4),
        ends_on=dt.date(2014, 6, 6),
        sources=[source],
    )

    page = read("/editions/2014/")
    said = words_of(page)

    assert "Mercredi 4 juin 2014" in said
    assert "4, 5 et 6 juin 2014" in said
    assert "Stereolux, Nantes" in said
    assert page.count('href="https://example.org/lmi"') == 2
    assert "/inscription/" not in page
    assert "Festival French Tech 2014" in read("/depuis-2012/")


def test_the_coming_edition_is_its_programme(client: Client) -> None:
    festival = FestivalFactory()

    response = client.get(f"/editions/{festival.slug}/")

    assert (response.status_code, response["Location"]) == (302, "/programme/")


def test_the_figures_of_the_past_name_their_sources(read: Read) -> None:
    page = read("/depuis-2012/")

    assert "environ 40" in page
    assert (
        "https://clubic.com/pro/entrepreneur-et-creation-entreprise/actualite-708053-startup-assembly.html"
        in page
    )
    assert page.count("Sources\u00a0:") == 10


# For machines --------------------------------------------------------------------------------------


def test_robots_are_kept_from_private_pages(read: Read) -> None:
    text = read("/robots.txt")

    assert "Disallow: /mes-visites/" in text
    assert "/sitemap.xml" in text


def test_a_french_title_on_an_english_page_is_marked_as_french(read: Read) -> None:
    french = SlotFactory(activity__title_fr="L’atelier", activity__description_fr="Bonjour.")
    both = SlotFactory(activity__title_fr="La cour", activity__title_en="The yard")

    page = read("/programme/", **{"Accept-Language": "en"})

    assert f'<a href="{french.get_absolute_url()}" lang="fr">L’atelier</a>' in page
    assert f'<a href="{both.get_absolute_url()}">The yard</a>' in page
    assert '<h1 lang="fr">L’atelier</h1>' in read(french.get_absolute_url(), **{"Accept-Language": "en"})


def test_no_french_text_on_an_english_page_is_read_by_an_english_voice(read: Read) -> None:
    activity = SlotFactory(
        activity__title_fr="L’atelier",
        activity__description_fr="Bonjour à tous.",
        activity__host__tagline_fr="Des robots doux.",
        activity__host__description_fr="Bonjour du canal.",
    ).activity
    slot = activity.slots.get()
    token = register_party(
        slot_id=slot.pk, email="kim@example.org", party_size=1, submission_id=uuid.uuid4(), now=NOW
    ).registration.visitor.token
    seen = set()

    for address in (
        activity.get_absolute_url(),
        slot.get_absolute_url(),
        activity.host.get_absolute_url(),
        reverse("events:slot_register", args=[slot.pk]),
        reverse("events:my_visits", args=[token]),
    ):
        body = read(address, **{"Accept-Language": "en"}).partition("<body")[2]
        for tag, text in re.findall(r"<(\w+[^>]*)>(?=[^<]*(L’atelier|Bonjour|Des robots))", body):
            seen.add(text)
            inside_prose = tag == "p" and '<div class="prose" lang="fr">' in body
            assert 'lang="fr"' in tag or inside_prose, (address, tag)

    assert seen == {"L’atelier", "Bonjour", "Des robots"}
