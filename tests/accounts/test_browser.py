"""Signing up and in with a real browser, on a telephone and a desk, by night and by day."""

import re
from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.factories import FestivalFactory
from tests.ground.axe import violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "porte-ouverte-31"


def faults_of(page: Page) -> list[str]:
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:160]}" for fault in violations(page)]


@pytest.fixture(autouse=True)
def demonstration() -> None:
    FestivalFactory.create(is_demo=True)


@pytest.mark.parametrize(
    "address", ["/compte/login/", "/compte/signup/", "/compte/password/reset/", "/nulle-part/"]
)
def test_axe_finds_nothing_and_nothing_overflows(page: Page, live_server: LiveServer, address: str) -> None:
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(live_server.url + address)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert faults_of(page) == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, scheme)


def test_touch_targets_are_large_enough(page: Page, live_server: LiveServer) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(live_server.url + "/compte/signup/")
    small = page.evaluate(
        """() => Array.from(document.querySelectorAll("button, .btn, input:not([type=hidden]), .nav a"))
        .filter(e => e.offsetParent).map(e => [e.getBoundingClientRect(), e.outerHTML.slice(0, 80)])
        .filter(([r]) => r.height < 44 || r.width < 44)
        .map(([r, html]) => `${r.width}x${r.height} ${html}`)"""
    )
    assert small == []


def test_a_refused_form_is_read_first_and_keeps_what_was_typed(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url + "/compte/signup/")
    page.get_by_label("Adresse e-mail").fill("camille@example")
    page.get_by_label("Votre nom").fill("Camille")
    page.get_by_label("Mot de passe", exact=True).fill("123")
    page.get_by_role("button", name="Ouvrir mon bureau").click()
    notice = page.get_by_role("alert")
    expect(notice).to_be_focused()
    expect(page.get_by_label("Adresse e-mail")).to_have_value("camille@example")
    expect(page.get_by_label("Votre nom")).to_have_value("Camille")
    notice.get_by_role("link").first.click()
    assert page.url.endswith("#id_email")
    assert faults_of(page) == []


def test_the_light_can_be_chosen_and_stays_chosen(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url + "/compte/login/")
    page.get_by_role("button", name="Sombre").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto(live_server.url + "/compte/signup/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(page.get_by_role("button", name="Sombre")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Appareil").click()
    assert page.evaluate("document.documentElement.dataset.theme") is None


def test_signing_up_and_in_with_the_keyboard_alone(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url + "/compte/signup/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Adresse e-mail")).to_be_focused()
    page.keyboard.type("sacha@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type("Sacha")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Regardez vos messages")
    assert User.objects.get().name == "Sacha"
    link = re.search(r"/compte/confirm-email/\S+", str(mail.outbox[0].body))
    assert link
    page.goto(live_server.url + link.group())
    page.get_by_role("button", name="Oui, confirmer").click()
    page.goto(live_server.url + "/compte/login/")
    page.get_by_label("Adresse e-mail").fill("sacha@example.org")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Voir le mot de passe").click()
    expect(page.get_by_label("Mot de passe", exact=True)).to_have_attribute("type", "text")
    page.get_by_role("button", name="Se connecter").click()
    page.goto(live_server.url + "/compte/profil/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Profil")
    assert faults_of(page) == []


def test_the_pages_of_an_account_hold_under_axe(page: Page, live_server: LiveServer) -> None:
    from allauth.account.models import EmailAddress

    user = User.objects.create_user("camille@example.org", PASSWORD, name="Camille")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    page.goto(live_server.url + "/compte/login/")
    page.get_by_label("Adresse e-mail").fill(user.email)
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    for address in (
        "profil/",
        "email/",
        "password/change/",
        "2fa/",
        "2fa/totp/activate/",
        "2fa/webauthn/add/",
        "logout/",
    ):
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{live_server.url}/compte/{address}")
            assert faults_of(page) == [], address
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_without_script_every_control_of_a_page_still_works(browser: Any, live_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False, locale="fr-FR")
    page = context.new_page()
    page.goto(live_server.url + "/compte/login/")
    page.get_by_role("button", name="EN, English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert page.get_by_role("group", name="Light or dark").is_hidden()
    context.close()


GIVE = """() => document.querySelector("main").insertAdjacentHTML("beforeend",
  '<details class="give"><summary class="btn">Rendre ma place</summary>' +
  '<form method="post"><p>Rendre ?</p>' +
  '<button class="btn btn--bad">Oui, rendre 1 place</button></form></details>')"""


def test_giving_back_is_asked_in_a_dialog_and_escape_changes_nothing(
    page: Page, live_server: LiveServer
) -> None:
    page.goto(live_server.url + "/compte/login/")
    page.evaluate(GIVE)
    page.get_by_text("Rendre ma place").click()
    dialog = page.get_by_role("dialog", name="Rendre ma place")
    expect(dialog.get_by_role("button", name="Oui, rendre 1 place")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("details.give > form")).to_have_count(1)
    expect(page.get_by_text("Rendre ma place")).to_be_focused()
    page.get_by_text("Rendre ma place").click()
    page.get_by_role("button", name="Revenir").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_giving_back_needs_no_script(browser: Any, live_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(
        '<details class="give"><summary>Rendre ma place</summary><form method="post">'
        "<button>Oui, rendre</button></form></details>"
    )
    page.get_by_text("Rendre ma place").click()
    expect(page.get_by_role("button", name="Oui, rendre")).to_be_visible()
    context.close()
