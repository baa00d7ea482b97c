"""Hosts asked for in a register of companies: a real server that knows them, or not, or answers nonsense."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.urls import reverse

from events import companies, jobs
from events.models import Company, Heartbeat
from tests.factories import NOW, HostFactory
from tests.ground.registry import Registry, company
from tests.host.people import a_host, an_activity, member_of, organiser_of

pytestmark = [pytest.mark.once, pytest.mark.django_db]

SIREN, ANOTHER = "552100554", "732829320"


@pytest.fixture
def registry(settings):
    server = Registry()
    settings.COMPANY_REGISTRY_URL = server.url
    yield server
    server.stop()


def given(siren):
    """A host that gave this number."""
    return Company.objects.create(host=HostFactory(), siren=siren)


def known():
    """What is kept: number, standing, name, head office, when it was asked for."""
    return list(
        Company.objects.exclude(standing="").values_list("siren", "standing", "name", "address", "asked_at")
    )


def test_a_number_that_is_known_gives_the_name_and_the_head_office(registry):
    given(SIREN)
    registry.results = [company()]

    assert jobs.look_up_companies(NOW) == 1

    assert known() == [
        (SIREN, "active", "LES ROBOTS DU CANAL (LRC)", "27 RUE D'AUBUISSON 31000 TOULOUSE", NOW)
    ]
    assert registry.asked == [SIREN]
    assert Heartbeat.objects.filter(name="look_up_companies").exists()


def test_a_company_that_has_closed_down_is_told_apart(registry):
    given(SIREN)
    registry.results = [company(etat_administratif="C", siege=None)]

    companies.look_up_due(now=NOW)

    assert known() == [(SIREN, "closed", "LES ROBOTS DU CANAL (LRC)", "", NOW)]


@pytest.mark.parametrize("results", [[], [company(ANOTHER)]], ids=["nothing", "only another one"])
def test_a_number_that_is_not_found_is_noted(registry, results):
    given(SIREN)
    registry.results = results

    assert companies.look_up_due(now=NOW) == 1
    assert known() == [(SIREN, "unknown", "", "", NOW)]


def test_a_number_is_asked_for_once_a_month(registry):
    given(SIREN)
    HostFactory()
    registry.results = [company()]

    for days in (0, 0, 29, 30, 31):
        companies.look_up_due(now=NOW + dt.timedelta(days=days))

    assert registry.asked == [SIREN, SIREN]
    assert known()[0][-1] == NOW + dt.timedelta(days=30)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>En maintenance</html>",
        b"[]",
        b"{}",
        b'{"results": null}',
        b'{"results": [{}]}',
        b'{"results": [7]}',
        json.dumps({"results": [company(nom_complet=7)]}).encode(),
        json.dumps({"results": [company(etat_administratif="?")]}).encode(),
        json.dumps({"results": [company(siege=["here"])]}).encode(),
        b"[" * 60_000,
        b"\xff\xfe",
        b" " * (companies.MOST_READ + 1),
    ],
    ids=range(13),
)
def test_garbage_changes_nothing_and_is_asked_again(registry, body):
    given(SIREN)
    registry.body = body

    assert companies.look_up_due(now=NOW) == 0
    assert known() == []

    registry.body, registry.results = None, [company()]
    assert companies.look_up_due(now=NOW) == 1


@pytest.mark.parametrize("status", [429, 500, 302])
def test_a_service_that_is_down_is_left_alone_until_the_next_sweep(registry, status):
    given(SIREN)
    given(ANOTHER)
    registry.status = status

    assert companies.look_up_due(now=NOW) == 0
    assert (len(registry.asked), known()) == (1, [])


def test_a_question_that_is_refused_counts_as_not_known(registry):
    given(SIREN)
    registry.status = 400

    assert companies.look_up_due(now=NOW) == 1
    assert known() == [(SIREN, "unknown", "", "", NOW)]


def test_what_the_register_writes_is_one_line_that_fits(registry):
    given(SIREN)
    registry.results = [company(nom_complet="A\n\x00 " + "B" * 400)]

    companies.look_up_due(now=NOW)

    assert known()[0][2] == "A " + "B" * 248


def test_without_the_setting_nothing_is_asked(registry, settings):
    given(SIREN)
    settings.COMPANY_REGISTRY_URL = ""

    assert jobs.look_up_companies(NOW) == 0
    assert (registry.asked, known()) == ([], [])


# On the pages -------------------------------------------------------------------------------------------


def save(client, host, siren):
    """What comes of a profile with this number: the status, and the number that is kept."""
    typed = {"name": host.name, "city": "Toulouse", "tagline_fr": "Des robots.", "siren": siren}
    response = client.post(reverse("events:host_profile", args=[host.slug]), typed)
    return response, "".join(Company.objects.filter(host=host).values_list("siren", flat=True))


@pytest.mark.parametrize(
    "typed", ["552100554", " 552 100 554 ", "552\u202f100\u202f554", "552 100 554 00013", "55210055400013"]
)
def test_a_host_writes_its_number_as_it_is_printed(client, typed):
    host = a_host()
    client.force_login(member_of(host))

    response, kept = save(client, host, typed)

    assert (response.status_code, kept) == (302, SIREN)


def test_another_number_makes_what_was_said_of_the_first_go(client):
    host = a_host()
    client.force_login(member_of(host))
    Company.objects.create(host=host, siren=SIREN, standing="closed", name="LES ROBOTS", asked_at=NOW)

    save(client, host, SIREN)
    assert known() == [(SIREN, "closed", "LES ROBOTS", "", NOW)]

    save(client, host, ANOTHER)
    assert list(Company.objects.values_list("siren", "standing", "name", "asked_at")) == [
        (ANOTHER, "", "", None)
    ]

    save(client, host, "")
    assert not Company.objects.exists()


def test_an_answer_that_comes_after_the_number_was_corrected_is_not_kept(registry, monkeypatch):
    company_of_host = given(SIREN)
    registry.results = [company()]

    def corrected_meanwhile(siren):
        Company.objects.filter(pk=company_of_host.pk).update(siren=ANOTHER)
        return answer(siren)

    answer = companies.ask
    monkeypatch.setattr(companies, "ask", corrected_meanwhile)

    assert companies.look_up_due(now=NOW) == 0
    assert known() == []


@pytest.mark.parametrize("typed", ["552100555", "55210055", "5521005540", "ABCDEFGHI", "552 100 554 00014"])
def test_a_number_that_cannot_be_one_is_refused_with_what_was_typed(client, typed):
    host = a_host()
    client.force_login(member_of(host))

    response, kept = save(client, host, typed)

    assert (response.status_code, kept) == (422, "")
    page = response.content.decode()
    assert typed in page
    assert "Ce n’est pas un numéro SIREN" in page


def company_that(host, standing):
    """Of a host, with what the register said."""
    Company.objects.create(
        host=host, siren=SIREN, standing=standing, name="LES ROBOTS DU CANAL", asked_at=NOW
    )


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ("active", "LES ROBOTS DU CANAL, au registre des entreprises"),
        ("closed", "LES ROBOTS DU CANAL a fermé, d’après le registre des entreprises."),
        ("unknown", "Le registre des entreprises ne connaît pas ce numéro."),
    ],
)
def test_the_host_and_its_team_read_what_the_register_says(client, standing, words):
    host = a_host()
    activity = an_activity(host, state="submitted")
    company_that(host, standing)
    place = host.territory.slug
    pages = [
        (member_of(host), reverse("events:host_profile", args=[host.slug])),
        (organiser_of(host), reverse("events:organiser_review", args=[place, activity.pk])),
        (organiser_of(host), reverse("events:organiser_hosts", args=[place])),
    ]

    for who, address in pages:
        client.force_login(who)
        page = client.get(address).content.decode()
        assert words in page.replace("\xa0", " ").replace("\u202f", " "), address
        assert "552\xa0100\xa0554" in page


def test_visitors_read_nothing_of_it(client):
    host = a_host()
    an_activity(host, state="published")
    company_that(host, "closed")

    page = client.get(host.get_absolute_url()).content.decode()

    assert "552" not in page
    assert "LES ROBOTS DU CANAL" not in page
