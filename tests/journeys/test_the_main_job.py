"""From a start-up that opens its door to a visitor who is reminded: real processes, mails and browsers."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.ground.site import Site
from tests.journeys.conftest import PASSWORD, Edition, Enter
from tests.journeys.postbox import Postbox, link, plain, words

HOST = "hote@example.org"
TITLE = "Dans l’atelier d’un robot jardinier"
VISITS = r"/mes-visites/[\w-]+/(?!\S)"
OFFER = r"/mes-visites/[\w-]+/[\w-]+/proposition/"
"""The page of all visits; the ticket of one lies below it."""
REASON = "Dites s’il faut s’inscrire avec des enfants."


@pytest.mark.lengthy
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_from_an_open_door_to_a_reminder(
    whole_site: Site, edition: Edition, postbox: Postbox, enter: Enter
) -> None:
    host, organiser = enter(), enter()
    sign_up(host, postbox)
    open_a_door(host)
    propose_a_visit(host)
    add_times(host, edition)
    submit(host)

    sign_in(organiser, edition.organiser.email)
    ask_for_changes(organiser, postbox)
    mend_and_resubmit(host)
    accept(organiser, postbox)
    place_two_slots_that_want_one_room(organiser, edition)

    visitor = enter(width=390, has_touch=True)
    book_two_places(visitor, edition)
    visits = read_the_confirmation(visitor, postbox, whole_site)
    be_reminded(whole_site, edition, postbox)

    other = enter(width=390, has_touch=True)
    wait_for_two_places(other, visitor)
    give_one_back(visitor, visits, postbox)
    be_offered_the_place_and_take_it(visitor, postbox)
    withdraw_the_slot(host, postbox)
    whole_site.manage("check_invariants")


@pytest.mark.lengthy
@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_the_visitor_and_the_board_need_no_script(
    whole_site: Site, edition: Edition, postbox: Postbox, enter: Enter
) -> None:
    host, organiser = enter(java_script_enabled=False), enter(java_script_enabled=False)
    sign_up(host, postbox)
    open_a_door(host)
    propose_a_visit(host)
    add_times(host, edition)
    submit(host)
    sign_in(organiser, edition.organiser.email)
    open_the_review(organiser)
    accept(organiser, postbox)
    place_two_slots_that_want_one_room(organiser, edition)
    visitor = enter(width=390, java_script_enabled=False)
    book_two_places(visitor, edition)
    visits = read_the_confirmation(visitor, postbox, whole_site)
    give_one_back(visitor, visits, postbox)
    whole_site.manage("check_invariants")


# The host ---------------------------------------------------------------------------------------------------


def sign_up(page: Page, postbox: Postbox) -> None:
    page.goto("/compte/signup/")
    page.get_by_label("Adresse e-mail").fill(HOST)
    page.get_by_label("Votre nom").fill("Camille")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Ouvrir mon bureau").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Regardez vos messages")
    page.goto(link(postbox.read(HOST, ""), "/compte/confirm-email/"))
    page.get_by_role("button", name="Oui, confirmer").click()
    page.wait_for_url(lambda url: "confirm-email" not in url)
    if page.get_by_label("Mot de passe", exact=True).count():
        sign_in(page, HOST)


def sign_in(page: Page, email: str) -> None:
    page.goto("/compte/login/")
    page.get_by_label("Adresse e-mail").fill(email)
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url(lambda url: "login" not in url)


def open_a_door(page: Page) -> None:
    page.goto("/bureau/")
    page.get_by_role("link", name="Créer").click()
    page.get_by_label("Nom de votre structure").fill("Les Robots du Canal")
    page.get_by_label("Territoire").select_option(label="Toulouse")
    page.get_by_label("Commune").fill("Toulouse")
    page.get_by_role("button", name="Continuer : proposer une visite").click()


def propose_a_visit(page: Page) -> None:
    page.get_by_label("Titre en français").fill(TITLE)
    page.get_by_label("Ce que l’on verra et fera").fill("On voit naître un robot.\n\nOn le conduit.")
    page.get_by_label("L’organisation trouve une salle").check()
    page.get_by_role("button", name="Continuer : les horaires").click()


def add_times(page: Page, edition: Edition) -> None:
    """At 9 h, 9 h 45 and 10 h 30, two places each."""
    page.get_by_role("group", name="Quels jours").get_by_role("checkbox").first.check()
    page.get_by_label("À partir de", exact=True).fill("09:00")
    page.get_by_label("Places par créneau").fill("2")
    page.get_by_label("une visite toutes les").fill("45")
    page.get_by_label("jusqu’à").fill("11:15")
    page.get_by_role("button", name="Voir les horaires").click()
    lines = page.get_by_role("table").get_by_role("row")
    expect(lines).to_have_count(4)
    page.get_by_role("button", name="Enregistrer ces 3 créneaux").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(4)


def submit(page: Page) -> None:
    page.get_by_role("button", name="Soumettre à l’organisation").click()
    expect(page.get_by_role("button", name="Soumettre à l’organisation")).to_have_count(0)


def mend_and_resubmit(page: Page) -> None:
    page.goto("/bureau/")
    expect(page.get_by_text(REASON)).to_be_visible()
    page.get_by_role("link", name="Reprendre le brouillon").click()
    page.get_by_role("link", name="Changer", exact=True).click()
    page.get_by_label("Ce que l’on verra et fera").fill("On voit naître un robot, les enfants aussi.")
    page.get_by_role("button", name="Enregistrer").click()
    submit(page)


def withdraw_the_slot(page: Page, postbox: Postbox) -> None:
    page.goto("/bureau/")
    page.get_by_role("link", name="Mes créneaux", exact=True).click()
    page.get_by_role("link", name=re.compile("^Qui vient .* 9.h –")).click()
    page.get_by_role("link", name="Retirer ce créneau").click()
    page.get_by_label("Pourquoi").fill("Le robot est en panne.")
    page.get_by_role("button", name="Retirer et prévenir tout le monde").click()
    expect(page.get_by_text("Le robot est en panne.")).to_be_visible()
    for address in ("visite@example.org", "attente@example.org"):
        assert "Le robot est en panne." in words(postbox.read(address, "Annulé"))


# The organiser ----------------------------------------------------------------------------------------------


def open_the_review(page: Page) -> None:
    page.goto("/bureau/")
    page.get_by_role("link", name="Modération (1)").click()
    page.get_by_role("link", name=f"Relire « {TITLE} »").click()


def ask_for_changes(page: Page, postbox: Postbox) -> None:
    open_the_review(page)
    page.get_by_role("button", name="Demander des modifications").click()
    expect(page.get_by_role("alert")).to_be_visible()  # not without a reason
    page.get_by_label("Motif").fill(REASON)
    page.get_by_role("button", name="Demander des modifications").click()
    expect(page.get_by_role("status").first).to_be_visible()
    assert REASON in words(postbox.read(HOST, "À reprendre"))


def accept(page: Page, postbox: Postbox) -> None:
    open_the_review(page)
    page.get_by_role("button", name="Accepter et publier").click()
    expect(page.get_by_role("status").first).to_be_visible()
    assert TITLE in words(postbox.read(HOST, "Publié"))


def place_two_slots_that_want_one_room(page: Page, edition: Edition) -> None:
    page.goto(f"/organisation/toulouse/salles/?jour={edition.day}&lieu=la-cantine")
    tray = page.get_by_role("group", name=re.compile("À placer"))
    expect(tray.get_by_role("radio")).to_have_count(3)
    tray.get_by_role("radio", name=re.compile("9.h.–")).check()
    page.get_by_role("button", name="Placer à 9 h, Grande salle").first.click()
    expect(tray.get_by_role("radio")).to_have_count(2)

    tray.get_by_role("radio", name=re.compile("9.h.45.–")).check()
    page.get_by_text("À une heure précise").click()
    page.get_by_label("Salle", exact=True).select_option(label="Grande salle")
    page.get_by_label("Horaire", exact=True).fill("09:20")
    page.get_by_role("button", name="Placer là").click()
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Grande salle")
    expect(refusal).to_contain_text(TITLE)
    expect(refusal).to_contain_text("Rien n’a été changé")
    expect(tray.get_by_role("radio")).to_have_count(2)
    refusal.get_by_role("button").first.click()
    expect(tray.get_by_role("radio")).to_have_count(1)
    expect(page.get_by_role("table").get_by_role("link", name=TITLE)).to_have_count(2)


# The visitor ------------------------------------------------------------------------------------------------


def book_two_places(page: Page, edition: Edition) -> None:
    """By the sentence of the programme: this day, this morning, with two places."""
    page.goto("/")
    sentence = page.get_by_role("search").first
    sentence.get_by_label("Jour").select_option(edition.day.isoformat())
    sentence.get_by_label("Moment").select_option("matin")
    sentence.get_by_label("Places").select_option("2")
    sentence.get_by_role("button", name="Montrer les portes").click()
    page.wait_for_url("**/programme/?**")
    expect(page.get_by_role("heading", name=TITLE)).to_have_count(3)
    page.get_by_role("link", name=TITLE, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    page.get_by_role("link", name=re.compile("^Réserver")).first.click()
    page.get_by_label("Votre adresse e-mail").fill("visite@example")
    page.get_by_label("Nombre de places").fill("2")
    page.get_by_role("button", name="Réserver ma place").click()
    expect(page.get_by_role("alert")).to_be_visible()  # the end of the address is missing
    expect(page.get_by_label("Nombre de places")).to_have_value("2")
    page.get_by_label("Votre adresse e-mail").fill("visite@example.org")
    page.get_by_role("button", name="Réserver ma place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")
    expect(page.get_by_text("vi…e@example.org")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def read_the_confirmation(page: Page, postbox: Postbox, site: Site) -> str:
    mail = postbox.read("visite@example.org", "Votre inscription")
    assert TITLE in words(mail)
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["application/ics"]
    address = link(mail, VISITS)
    assert address.startswith(site.url)
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Mes visites")
    ticket = page.get_by_role("article", name=TITLE)
    expect(ticket.get_by_role("img", name="Code à présenter")).to_be_visible()
    expect(ticket).to_contain_text("2 places")
    return page.url


def be_reminded(site: Site, edition: Edition, postbox: Postbox) -> None:
    eve = edition.day - dt.timedelta(days=1)
    nine = dt.datetime.combine(eve, dt.time(9, 1), ZoneInfo(edition.territory.timezone))
    for _ in range(2):  # told twice, reminded once
        site.manage("send_reminders", "--now", nine.isoformat())
    mail = postbox.read("visite@example.org", "Demain")
    assert TITLE in words(mail)
    assert "Grande salle" in words(mail)
    assert postbox.count("visite@example.org", "Demain") == 1


def wait_for_two_places(page: Page, visitor: Page) -> None:
    page.goto("/programme/")
    page.get_by_role("link", name=TITLE, exact=True).first.click()
    page.get_by_role("link", name=re.compile("^Attendre")).first.click()
    page.get_by_label("Votre adresse e-mail").fill("attente@example.org")
    page.get_by_label("Nombre de places").fill("1")
    page.get_by_role("button", name="Attendre une place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté")


def give_one_back(page: Page, visits: str, postbox: Postbox) -> None:
    page.goto(visits)
    page.get_by_role("article", name=TITLE).get_by_text(re.compile("^ ?Rendre mes places")).click()
    page.get_by_role("button", name="Rendre 1 place").click()
    expect(page.get_by_role("status").first).to_be_visible()
    expect(page.get_by_role("article", name=TITLE)).to_contain_text("1 place")
    assert "1 place" in words(postbox.read("visite@example.org", "rendue"))


def be_offered_the_place_and_take_it(page: Page, postbox: Postbox) -> None:
    offer = postbox.read("attente@example.org", "Une place s’est libérée")
    assert TITLE in words(offer)
    page.goto(link(offer, OFFER))
    page.get_by_role("button", name="Prendre la place").click()
    expect(page.get_by_role("article", name=TITLE)).to_contain_text("1 place")
    assert plain(page.get_by_role("heading", level=1).inner_text()) == "Mes visites"
    assert TITLE in words(postbox.read("attente@example.org", "La place est à vous"))
