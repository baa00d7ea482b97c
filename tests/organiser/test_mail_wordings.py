"""The words of the mails: written by the national team, beside a preview whose visitor was never there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from events.mail.wordings import PLACEHOLDERS
from events.models import FestivalTeam, MailTemplate, Message, Registration, Visitor
from tests.factories import NOW, UserFactory

from .conftest import a_slot

pytestmark = pytest.mark.once


@pytest.fixture
def national(client: Client, place: SimpleNamespace) -> Client:
    user = UserFactory(name="Nour National")
    FestivalTeam.objects.create(festival=place.festival, user=user)
    client.force_login(user)
    return client


def url(kind: str = "confirmation", locale: str = "fr") -> str:
    return reverse("events:organiser_wording", args=["toulouse", kind, locale])


LIST = "/organisation/toulouse/courriels/mots/"


def test_a_local_team_reads_no_such_page(client: Client, place: SimpleNamespace) -> None:
    client.force_login(place.organiser)

    assert client.get(LIST).status_code == 404
    assert client.get(url()).status_code == 404
    assert LIST not in client.get("/organisation/toulouse/courriels/").content.decode()


def test_the_list_says_where_the_edition_has_its_own_words(national: Client, place: SimpleNamespace) -> None:
    MailTemplate.objects.create(
        festival=place.festival, kind="reminder", locale="en", subject="Soon", updated_at=NOW
    )

    page = national.get(LIST).content.decode()

    assert page.count("Mots propres") == 1
    assert page.count("Mots du site") == 2 * len(PLACEHOLDERS) - 1
    assert LIST in national.get("/organisation/toulouse/courriels/").content.decode()


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", PLACEHOLDERS)
def test_every_kind_has_a_preview_and_leaves_nothing_behind(
    national: Client, place: SimpleNamespace, kind: str, locale: str
) -> None:
    a_slot(place)

    page = national.get(url(kind, locale))

    assert page.status_code == 200
    assert page.context["shown"].problem == ""
    assert all(value for _name, _meaning, value in page.context["placeholders"])
    rows = (Visitor, Registration, Message)
    assert [model.objects.count() for model in rows] == [0, 0, 0]


def test_without_any_visit_the_preview_makes_one_up(national: Client, place: SimpleNamespace) -> None:
    page = national.get(url())

    assert "Dans l’atelier d’un robot jardinier" in page.context["shown"].subject
    assert place.territory.activities.count() == 1


def test_the_preview_shows_what_is_typed_and_saves_nothing(national: Client, place: SimpleNamespace) -> None:
    words = {"subject": "Salut {prénom}", "text": "<b>À jeudi</b>", "apercu": "1", "vu": ""}

    shown = national.post(url(), words).context["shown"]

    assert shown.subject == "Salut Camille"
    assert "&lt;b&gt;À jeudi&lt;/b&gt;" in shown.html
    assert "<b>À jeudi</b>" in shown.text
    assert MailTemplate.objects.count() == 0


def test_words_are_saved_and_given_up_again(national: Client, place: SimpleNamespace) -> None:
    national.post(url(), {"subject": "Salut {prénom}", "text": "", "vu": ""})
    there = MailTemplate.objects.get()
    assert (there.kind, there.locale, there.subject) == ("confirmation", "fr", "Salut {prénom}")
    assert str(there.updated_by) == "Nour National"

    vu = national.get(url()).context["seen"]
    national.post(url(), {"subject": "Salut {prénom}", "text": "", "vu": vu, "site": "1"})
    assert MailTemplate.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{prenom}", "{prenom} n’est pas connu ici. Vouliez-vous dire {prénom}\u00a0?"),
        ("{zzz}", "{zzz} n’est pas connu ici. Sont connus\u00a0: {prénom}, {festival}, "),
        ("voir https://x.example", "Pas de lien ici"),
        ("a\u202eb", "invisible"),
    ],
)
def test_what_cannot_be_said_is_refused_at_its_field(
    national: Client, place: SimpleNamespace, typed: str, said: str
) -> None:
    page = national.post(url(), {"subject": "", "text": typed, "vu": ""})

    assert page.status_code == 422
    assert said in " ".join(page.context["form"].errors["text"])
    assert page.context["form"]["text"].value() == typed
    assert MailTemplate.objects.count() == 0


def test_who_saves_over_somebody_else_is_asked_again(national: Client, place: SimpleNamespace) -> None:
    national.post(url(), {"subject": "Premier", "text": "", "vu": ""})

    page = national.post(url(), {"subject": "Second", "text": "", "vu": ""})

    assert page.status_code == 409
    assert MailTemplate.objects.get().subject == "Premier"
    assert 'value="Second"' in page.content.decode()


@pytest.mark.parametrize("address", [url("account"), url("link"), url("confirmation", "de")])
def test_what_has_no_words_of_its_own_is_no_page(national: Client, address: str) -> None:
    assert national.get(address).status_code == 404
