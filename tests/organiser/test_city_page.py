"""A team writes the page of its city, the national team those of operations; nothing typed is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from events.models import EcosystemEntry, FestivalTeam, Figure, Programme, Territory, TerritoryTeam
from tests.factories import FestivalFactory, TerritoryFactory, UserFactory

pytestmark = pytest.mark.django_db

CITY = "/organisation/toulouse/page/"


@pytest.fixture
def city(client: Client) -> Territory:
    city = TerritoryFactory(name="Toulouse", slug="toulouse")
    FestivalFactory().territories.add(city)
    TerritoryTeam.objects.create(territory=city, user=(person := UserFactory()))
    client.force_login(person)
    return city


def typed(page: str, **changes: str) -> dict[str, str]:
    """What a browser would send of the form as it stands, with some of it changed."""
    form = page[page.index('<form class="stack form"') : page.index('name="save"')]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            found[name[1]] = value[1] if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\s*([^<]*)</textarea>', form):
        found[name] = text
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = chosen[1] if chosen else ""
    return found | changes


FIGURE = {
    "chiffres-0-value": "1 200",
    "chiffres-0-label_fr": "start-up",
    "chiffres-0-when": "mars 2026",
    "chiffres-0-source_name": "Insee",
    "chiffres-0-source_url": "insee.example/chiffres",
}
NAMES = {
    "noms-TOTAL_FORMS": "2",
    "noms-0-name": "La Mêlée",
    "noms-0-kind": "partner",
    "noms-1-name": "Artilect",
    "noms-1-kind": "member",
    "noms-1-url": "https://artilect.example",
}


def test_a_page_is_looked_at_then_saved_ordered_and_thinned(client: Client, city: Territory) -> None:
    page = client.get(CITY).content.decode()
    answers = typed(page, relay="Toulouse Métropole", about_fr="Des **briques**.", **FIGURE, **NAMES)

    preview = client.post(CITY, answers | {"preview": "1"})

    shown = preview.content.decode()
    assert preview.status_code == 200
    assert "Aperçu" in shown
    assert "<strong>briques</strong>" in shown
    assert '<a href="https://insee.example/chiffres" rel="nofollow noopener">Insee</a>' in shown
    assert not Figure.objects.exists()
    assert not EcosystemEntry.objects.exists()

    assert client.post(CITY, typed(shown) | {"save": "1"}).status_code == 302

    city.refresh_from_db()
    figure = city.figures.get()
    assert (city.relay, city.about_fr) == ("Toulouse Métropole", "Des **briques**.")
    assert (figure.value, str(figure.as_of), figure.as_of_exact) == ("1 200", "2026-03-01", "month")
    assert [(one.kind, one.name) for one in city.ecosystem.all()] == [
        ("member", "Artilect"),
        ("partner", "La Mêlée"),
    ]
    page = client.get(CITY).content.decode()
    answers = typed(page, **{"noms-2-name": "Tetalab", "noms-2-ORDER": "1", "noms-0-DELETE": "on"})
    assert answers["chiffres-0-when"] == "03/2026"
    assert client.post(CITY, answers | {"save": "1"}).status_code == 302
    members = city.ecosystem.filter(kind="member")
    assert [one.name for one in members] == ["Tetalab"]


def test_more_rows_keep_what_was_typed(client: Client, city: Territory) -> None:
    answers = typed(client.get(CITY).content.decode(), **FIGURE | {"chiffres-0-when": "n’importe quand"})

    page = client.post(CITY, answers | {"more": "chiffres"})

    shown = typed(page.content.decode())
    assert page.status_code == 200
    assert shown["chiffres-TOTAL_FORMS"] == "2"
    assert shown["chiffres-0-when"] == "n’importe quand"
    assert "chiffres-1-value" in shown
    assert shown["noms-TOTAL_FORMS"] == "1"


def rows(page: str) -> list[tuple[bool, str]]:
    """Of each row of the form, whether it is open, and what stands on its line."""
    found = re.findall(r'<details class="rowbox[^"]*"( open)?><summary>(.*?)</summary>', page, re.S)
    return [(bool(is_open), " ".join(re.sub(r"<[^>]+>", " ", line).split())) for is_open, line in found]


def test_what_nobody_has_typed_in_is_a_line_that_opens(client: Client, city: Territory) -> None:
    page = client.get(CITY).content.decode()
    assert rows(page) == [(False, "Ajouter un chiffre"), (False, "Ajouter un nom")]

    more = client.post(CITY, typed(page, **FIGURE) | {"more": "chiffres"}).content.decode()
    assert rows(more) == [(True, "Chiffre 1"), (True, "Ajouter un chiffre"), (False, "Ajouter un nom")]

    client.post(CITY, typed(page, **FIGURE, **NAMES) | {"save": "1"})
    assert [is_open for is_open, _line in rows(client.get(CITY).content.decode())] == [False] * 5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"chiffres-0-value": "beaucoup"}, "Un chiffre contient un nombre."),
        ({"chiffres-0-when": "bientôt"}, "Écrivez un jour, un mois ou une année"),
        ({"chiffres-0-when": "31/02/2026"}, "Écrivez un jour, un mois ou une année"),
        ({"chiffres-0-when": "2099"}, "ne peut pas être d’un jour à venir"),
        ({"chiffres-0-when": "1492"}, "trop ancien"),
        ({"chiffres-0-source_name": ""}, "un chiffre sans source n’est pas montré"),
        ({"chiffres-0-source_url": "javascript:alert(1)"}, "Ce n’est pas une adresse du web"),
        ({"chiffres-0-source_url": "ftp://a.example"}, "Ce n’est pas une adresse du web"),
        ({"noms-0-name": "", "noms-0-url": "https://a.example"}, "Écrivez le nom."),
        ({"noms-1-name": "la melee", "noms-1-kind": "partner"}, "figure déjà dans la liste"),
        ({"noms-0-name": "a\u202eb"}, "caractère invisible"),
        ({"noms-0-kind": "roi"}, "Sélectionnez un choix valide"),
        ({"website": "mailto:a@example.org"}, "Ce n’est pas une adresse du web"),
        ({"chiffres-TOTAL_FORMS": "9999"}, "40"),
        ({"chiffres-TOTAL_FORMS": ""}, "manquant"),
    ],
)
def test_a_wrong_entry_is_said_at_its_place_and_the_rest_is_kept(
    client: Client, city: Territory, wrong: dict[str, str], said: str
) -> None:
    answers = typed(client.get(CITY).content.decode(), relay="Relais écrit", **FIGURE, **NAMES) | wrong

    response = client.post(CITY, answers | {"save": "1"})

    page = response.content.decode().replace("\u00a0", " ")
    assert response.status_code == 422
    assert said in page
    assert "Relais écrit" in page
    city.refresh_from_db()
    assert (city.relay, Figure.objects.count()) == ("", 0)


def test_who_comes_second_is_told_and_keeps_every_word(client: Client, city: Territory) -> None:
    mine = typed(client.get(CITY).content.decode(), relay="Le mien", **NAMES)
    theirs = typed(client.get(CITY).content.decode(), relay="Le leur", **FIGURE)
    assert client.post(CITY, theirs | {"save": "1"}).status_code == 302

    refused = client.post(CITY, mine | {"save": "1"})

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "Quelqu’un d’autre a écrit cette page entre-temps" in page
    city.refresh_from_db()
    assert (city.relay, city.figures.count()) == ("Le leur", 1)
    assert client.post(CITY, typed(page) | {"save": "1"}).status_code == 302
    city.refresh_from_db()
    assert (city.relay, city.ecosystem.count()) == ("Le mien", 2)


def test_the_national_team_writes_an_operation_and_the_local_one_does_not(
    client: Client, city: Territory
) -> None:
    festival = city.festivals.get()
    operation = Programme.objects.create(festival=festival, name="Assembly", slug="assembly")
    at: Any = reverse("events:organiser_operation", args=["toulouse", "assembly"])
    assert client.get(at).status_code == 404
    FestivalTeam.objects.create(festival=festival, user=(national := UserFactory()))
    client.force_login(national)
    assert at in client.get(CITY).content.decode()
    answers = typed(
        client.get(at).content.decode(), tagline_fr="Poussez.", website="assembly.example", **FIGURE
    )

    wrong = client.post(at, answers | {"starts_on": "12/06/2027", "ends_on": "10/06/2027", "save": "1"})
    assert wrong.status_code == 422
    assert "Le dernier jour vient avant le premier." in wrong.content.decode()
    preview = client.post(at, answers | {"preview": "1"})
    assert (preview.status_code, "Poussez." in preview.content.decode()) == (200, True)
    assert client.post(at, answers | {"save": "1"}).status_code == 302

    operation.refresh_from_db()
    assert (operation.tagline_fr, operation.website) == ("Poussez.", "https://assembly.example")
    assert operation.figures.get().value == "1 200"
    assert client.post(at, answers | {"save": "1"}).status_code == 409
