"""The frame of every page: language, masthead, demonstration label, policy, pages that say no."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path

from events.views import errors
from festival.urls import urlpatterns as site_urls
from tests.factories import FestivalFactory

pytestmark = pytest.mark.once

LOGIN = "/compte/login/"


def page(client: Client, address: str = LOGIN, **headers: str) -> str:
    return client.get(address, headers=headers).content.decode()


@pytest.mark.django_db
def test_a_page_says_its_language_and_opens_with_a_way_to_its_content(client: Client) -> None:
    html = page(client)
    assert '<html lang="fr"' in html
    body = html[html.index("<body") :]
    assert re.search(r"<body[^>]*>\s*<a class=\"skip\" href=\"#contenu\">Aller au contenu</a>", body)
    assert html.count('<main id="contenu" tabindex="-1">') == 1
    assert html.count("<h1") == 1


@pytest.mark.django_db
def test_the_other_language_is_one_press_away_without_script(client: Client) -> None:
    assert 'name="language" value="en" lang="en" aria-label' in page(client)
    answer = client.post("/langue/setlang/", {"language": "en", "next": LOGIN})
    assert (answer.status_code, answer.headers["Location"]) == (302, LOGIN)
    html = page(client)
    assert '<html lang="en"' in html
    assert "Skip to content" in html


@pytest.mark.django_db
def test_a_demonstration_edition_is_labelled_and_another_is_not(client: Client) -> None:
    festival = FestivalFactory.create(is_demo=False)
    assert "Édition de démonstration" not in page(client)
    festival.is_demo = True
    festival.save(update_fields=["is_demo"])
    assert "<b>Édition de démonstration</b>" in page(client)


@pytest.mark.django_db
def test_the_frame_asks_the_database_once(client: Client) -> None:
    FestivalFactory.create()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get("/no-such-page/")
    assert [q["sql"] for q in queries if "events_festival" not in q["sql"]] == []
    assert len(queries) == 1


@pytest.mark.django_db
def test_nothing_on_a_page_needs_an_unsafe_policy(client: Client) -> None:
    answer = client.get(LOGIN)
    html, policy = answer.content.decode(), answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"<[^>]+\son[a-z]+=", html)
    for script in re.findall(r"<script([^>]*)>", html):
        assert "src=" in script or "application/json" in script
    for nonce in re.findall(r'<style nonce="([^"]*)"', html):
        assert f"'nonce-{nonce}'" in policy
    assert "<style>" not in html


@pytest.mark.django_db
def test_every_drawing_that_a_template_uses_is_drawn() -> None:
    drawn = set(
        re.findall(
            r'<symbol id="([^"]+)"', (settings.BASE_DIR / "templates/components/_symbols.html").read_text()
        )
    )
    used: dict[str, set[str]] = {}
    for template in (settings.BASE_DIR / "templates").rglob("*.html"):
        for name in re.findall(r'href="#((?:i|a|porte)-[a-z-]+)"', template.read_text()):
            used.setdefault(name, set()).add(template.name)
        for name in re.findall(r'{% icon "([a-z-]+)"', template.read_text()):
            used.setdefault(name if name[:2] in ("i-", "a-") else f"i-{name}", set()).add(template.name)
    assert {name: places for name, places in used.items() if name not in drawn} == {}


@pytest.mark.django_db
def test_no_template_holds_inline_style_or_script() -> None:
    faults = []
    for template in (settings.BASE_DIR / "templates").rglob("*.html"):
        text = template.read_text()
        if "/email/" in str(template) or template.name == "_email_style.html":
            continue
        if re.search(r"<[a-z][^>]*\sstyle=", text) or re.search(
            r"<[a-z][^>]*\son(click|load|change|submit)=", text
        ):
            faults.append(str(Path(template).relative_to(settings.BASE_DIR)))
    assert faults == []


# Pages that say no -----------------------------------------------------------------------------------------


def broken(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


def forbidden(_request: HttpRequest) -> HttpResponse:
    from django.core.exceptions import PermissionDenied

    raise PermissionDenied


urlpatterns = [path("casse/", broken), path("interdit/", forbidden), *site_urls]
handler400, handler403 = errors.bad_request, errors.forbidden
handler404, handler500 = errors.not_found, errors.server_error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "heading"), [("fr", "Pas de porte à cette adresse"), ("en", "No door at this address")]
)
def test_an_unknown_address_is_met_with_a_way_out(client: Client, language: str, heading: str) -> None:
    answer = client.get("/nulle-part/", headers={"accept-language": language})
    html = answer.content.decode()
    assert answer.status_code == 404
    assert f"<h1>{heading}</h1>" in html
    assert 'href="/programme/"' in html


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_forbidden_page_says_whose_it_is_not(client: Client) -> None:
    answer = client.get("/interdit/")
    assert answer.status_code == 403
    assert "<h1>Cette porte n’est pas la vôtre</h1>" in answer.content.decode()


@pytest.mark.urls(__name__)
def test_the_failure_page_needs_no_database() -> None:
    # No django_db mark: a query would fail this test.
    client = Client(raise_request_exception=False)
    answer = client.get("/casse/", headers={"accept-language": "fr"})
    html = answer.content.decode()
    assert answer.status_code == 500
    assert "<h1>Une panne de notre côté</h1>" in html
    assert "look.css" in html


@pytest.mark.django_db
def test_an_expired_form_leads_back_to_itself() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(LOGIN, {"login": "a@example.org"}, headers={"referer": f"http://testserver{LOGIN}"})
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "<h1>Ce formulaire a expiré</h1>" in html
    assert f'href="http://testserver{LOGIN}"' in html


@pytest.mark.django_db
def test_an_expired_form_never_leads_elsewhere() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(LOGIN, {}, headers={"referer": "https://elsewhere.example/trap"})
    assert "elsewhere.example" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("make", "status", "after"), [
    (lambda request: errors.too_many_requests(request, retry_after=30), 429, "30"),
    (lambda request: errors.busy(request), 503, "5"),
])  # fmt: skip
def test_a_page_that_asks_to_wait_says_how_long(
    make: Any, status: int, after: str, rf: RequestFactory
) -> None:
    from django.contrib.auth.models import AnonymousUser

    request = rf.get("/programme/")
    request.user = AnonymousUser()
    answer = make(request)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, after)
    assert "<h1>" in answer.content.decode()
