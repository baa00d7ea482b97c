"""The pages of a city and of an operation: what is on, figures that name their source, names, the past."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from events.models import (
    ArchiveEntry,
    EcosystemEntry,
    Festival,
    Figure,
    OpeningHours,
    Programme,
    Territory,
    TerritoryTeam,
)
from tests.factories import (
    DAY,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

Read = Callable[..., str]


def words_of(page: str) -> str:
    body = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("\u00a0", " ").split())


def a_figure(**values: Any) -> Figure:
    return Figure.objects.create(
        **{
            "value": "1 200",
            "label_fr": "start-up",
            "as_of": dt.date(2026, 3, 1),
            "as_of_exact": "month",
            "source_name": "Insee",
            **values,
        }
    )


@pytest.fixture
def city() -> Territory:
    """Toulouse with three hosts, one of them full, a totem building and a past."""
    city = TerritoryFactory(
        name="Toulouse", slug="toulouse", relay="Toulouse Métropole", contact_email="relais@example.org"
    )
    totem = VenueFactory(
        territory=city, name="Le Quai", slug="le-quai", is_totem=True, latitude=43.59, longitude=1.45
    )
    OpeningHours.objects.create(venue=totem, weekday=1, opens=dt.time(9), closes=dt.time(18))
    other = VenueFactory(territory=city, name="La Cantine", latitude=43.60, longitude=1.46)
    festival = FestivalFactory()
    operation = Programme.objects.create(
        festival=festival, name="Start-up Assembly", slug="start-up-assembly", organiser="Paris & Co"
    )
    for n, (name, taken, day) in enumerate(
        [("Plein", 10, DAY), ("Un", 2, DAY), ("Deux", 2, DAY.replace(day=11))]
    ):
        activity = ActivityFactory(
            host=HostFactory(territory=city, name=f"Hôte {name}"), festival=festival, programme=operation
        )
        SlotFactory(
            activity=activity, day=day, start_time=dt.time(9 + n), venue=[totem, other][n % 2], taken=taken
        )
    return city


def test_a_city_says_what_is_on_by_day_and_where_places_are_left(read: Read, city: Territory) -> None:
    page = read("/villes/toulouse/")
    said = words_of(page)

    assert "Jeudi 10 juin 2 portes, 2 créneaux des places dans 1 créneau" in said
    assert "Vendredi 11 juin 1 porte, 1 créneau des places dans 1 créneau" in said
    assert 'href="/programme/?ville=toulouse&amp;jour=2027-06-10"' in page
    street = re.findall(r"<b>([^<]+)</b>", page[page.index('class="street"') : page.index("Jour après jour")])
    assert set(street) == {"Hôte Un", "Hôte Deux", "Hôte Plein"}
    assert "Bâtiment-totem Le Quai" in said
    assert "9 h – 18 h" in said
    assert "Toulouse Métropole" in said
    assert "relais@example.org" in said
    assert page.count('class="map__door') == 2
    assert '<a href="/operations/start-up-assembly/">Start-up Assembly</a>' in page
    assert "Écrire cette page" not in page


def test_doors_with_places_come_before_full_ones(read: Read, city: Territory) -> None:
    """Negative control: in the order of time the full one would be among the six."""
    for n in range(6):
        SlotFactory(
            activity__host__territory=city, activity__host__name=f"Libre {n}", start_time=dt.time(15, n)
        )

    page = read("/villes/toulouse/")

    street = page[page.index('class="street"') : page.index("Jour après jour")]
    assert "Hôte Plein" not in street
    assert street.count("<li>") == 6


def test_a_figure_says_what_it_counts_of_when_and_who_says_so(read: Read, city: Territory) -> None:
    a_figure(territory=city, source_url="https://www.insee.example/donnees")
    a_figure(territory=city, value="7", label_fr="incubateurs", label_en="incubators", as_of_exact="year")
    a_figure(territory=city, value="40", label_fr="emplois", as_of_exact="day", is_made_up=True)

    page = read("/villes/toulouse/")
    said = words_of(page)

    assert "1 200 start-up mars 2026 · Insee" in said
    assert '<a href="https://www.insee.example/donnees" rel="nofollow noopener">Insee</a>' in page
    assert "7 incubateurs 2026 · Insee" in said
    assert "40 emplois 1er mars 2026 · Insee inventé pour la démonstration" in said
    english = words_of(read("/villes/toulouse/?hl=en"))
    assert "7 incubators 2026 · Insee" in english
    assert '<span lang="fr">start-up</span>' in read("/villes/toulouse/?hl=en")


def test_the_database_wants_a_source_and_one_owner_for_each_figure(city: Territory) -> None:
    operation = Programme.objects.get()
    for wrong in ({"territory": city, "programme": operation}, {}, {"territory": city, "source_name": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            a_figure(**wrong)
    figure = a_figure(territory=city)
    figure.source_url = "ftp://x.example"
    with pytest.raises(ValidationError, match="source_url"):
        figure.full_clean()


def test_names_are_links_to_the_web_and_to_nothing_else(read: Read, city: Territory) -> None:
    for kind, name, url in [
        ("member", "La Mêlée & Cie", "https://lamelee.example"),
        ("member", "<script>", "javascript:alert(1)"),
        ("partner", "Région", ""),
    ]:
        EcosystemEntry.objects.create(territory=city, kind=kind, name=name, url=url, note_fr="association")

    page = read("/villes/toulouse/")

    assert '<a href="https://lamelee.example" rel="nofollow noopener">La Mêlée &amp; Cie</a>' in page
    assert "<b>&lt;script&gt;</b>" in page
    assert "javascript:" not in page
    said = words_of(page)
    assert (
        said.index("L’écosystème")
        < said.index("La Mêlée")
        < said.index("Partenaires du relais")
        < said.index("Région")
    )


def test_a_team_finds_the_way_to_write_its_page_and_nobody_else_does(client: Client, city: Territory) -> None:
    for person, sees in [(UserFactory(), False), (UserFactory(), True)]:
        if sees:
            TerritoryTeam.objects.create(territory=city, user=person)
        client.force_login(person)
        page = client.get("/villes/toulouse/").content.decode()
        assert ('href="/organisation/toulouse/page/"' in page) is sees


def test_an_operation_has_its_page(read: Read, client: Client, city: Territory) -> None:
    operation = Programme.objects.get()
    operation.tagline_fr, operation.website = "Les portes ouvertes.", "https://www.assembly.example/"
    operation.starts_on, operation.ends_on = DAY, DAY.replace(day=12)
    operation.save()
    a_figure(programme=operation, value="40", label_fr="hôtes à Paris", as_of=dt.date(2012, 9, 1))
    archived = FestivalFactory(
        state=Festival.State.ARCHIVED, starts_on=dt.date(2014, 6, 4), ends_on=dt.date(2014, 6, 28)
    )
    then = Programme.objects.create(
        festival=archived, name="Start-up Assembly 2014", slug="start-up-assembly-2014"
    )
    Programme.objects.create(festival=archived, name="Autre", slug="start-up-assembly-nantes")
    Programme.objects.create(
        festival=FestivalFactory(state=Festival.State.DRAFT), name="Secrète", slug="start-up-assembly-2030"
    )
    ArchiveEntry.objects.create(festival=archived, programme=then, external_id="1", name="Étape de Toulouse")

    page = read("/operations/start-up-assembly/")
    said = words_of(page)

    assert "10, 11 et 12 juin 2027 · Paris &amp; Co" in said
    assert "Les portes ouvertes." in said
    assert 'href="https://www.assembly.example/" rel="nofollow noopener"' in page
    assert "assembly.example" in said
    assert "Toulouse 3 portes" in said
    assert 'href="/programme/?ville=toulouse&amp;operation=start-up-assembly"' in page
    assert 'href="/programme/?jour=2027-06-10&amp;operation=start-up-assembly"' in page
    assert "40 hôtes à Paris septembre 2012 · Insee" in said
    assert '<a href="/operations/start-up-assembly-2014/">Start-up Assembly 2014</a>' in page
    assert "Autre" not in said
    past = words_of(read("/operations/start-up-assembly-2014/"))
    assert "Étape de Toulouse" in past
    assert "Réserver" not in past
    for nowhere in ("start-up-assembly-2030", "rien"):
        assert client.get(f"/operations/{nowhere}/").status_code == 404
    for path in ("/sitemap.xml",):
        text = b"".join(client.get(path).streaming_content).decode()  # type: ignore[attr-defined]
        assert "/operations/start-up-assembly/" in text
        assert "2030" not in text


def test_a_venue_says_what_is_near_and_when_it_is_closed(read: Read, city: Territory) -> None:
    venue = city.venues.get(slug="le-quai")
    far = VenueFactory(territory=city, name="Trop loin", latitude=44.5, longitude=1.45)
    SlotFactory(activity__host__territory=city, venue=far)
    VenueFactory(territory=city, name="Rien à voir", latitude=43.59, longitude=1.451)
    venue.special_days.create(first_day=DAY, last_day=DAY, reason="Fête de la ville")
    venue.special_days.create(
        first_day=DAY.replace(year=2020), last_day=DAY.replace(year=2020), reason="Passé"
    )
    venue.website = "ftp://quai.example"
    venue.save()

    page = read(venue.get_absolute_url())
    said = words_of(page)

    assert "À pied d’ici La Cantine" in said
    assert "min à pied" in said
    assert "Trop loin" not in said
    assert "Rien à voir" not in said
    assert "Fête de la ville jeudi 10 juin, fermé" in said
    assert "Passé" not in said
    assert "ftp:" not in page


def test_a_host_says_where_its_door_is_and_what_it_opened_before(read: Read, city: Territory) -> None:
    host = city.hosts.get(name="Hôte Un")
    host.website = "https://www.hote.example/"
    host.save()
    past = FestivalFactory(name="Festival 2014", state=Festival.State.ARCHIVED)
    ActivityFactory(host=host, festival=past, title_fr="L’atelier d’alors")
    ActivityFactory(host=host, festival=Programme.objects.get().festival, title_fr="Bientôt ici")

    page = read(host.get_absolute_url())
    said = words_of(page)

    assert "Où est la porte La Cantine 27 rue d’Aubuisson, Toulouse 1 créneau" in said
    assert ">hote.example</a>" in " ".join(page.split()).replace("</svg> ", "</svg>").replace("</svg>", ">")
    assert (
        said.index("Bientôt ici") < said.index("Dans les éditions passées") < said.index("L’atelier d’alors")
    )
    assert ">Festival 2014</a>" in page
