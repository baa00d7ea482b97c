"""What the mails of the waiting list, of holds and of self-service say, in both languages."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
import vobject

from events.links import new_address_token
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.models import Message, Overtaking, Registration
from tests import factories as f
from tests.factories import NOW
from tests.mail.conftest import kept, status_of
from tests.mail.test_letters import Words
from tests.mail.test_letters import parts as parts_as_sent

pytestmark = pytest.mark.once

Kind = Message.Kind
NB = "\u00a0"
HOUR = dt.timedelta(hours=1)
WHEN = {"fr": f"jeudi{NB}10{NB}juin à{NB}14{NB}h", "en": f"Thursday{NB}10{NB}June at{NB}14:00"}
TITLE = {"fr": "Dans l’atelier d’un robot", "en": "In the workshop of a robot"}
SUBJECTS = {
    Kind.OFFER: (
        f"2 places se sont libérées{NB}: {{title}}, {{when}}",
        "2 places have come free: {title}, {when}",
    ),
    Kind.OFFER_OVER: (f"Proposition terminée{NB}: {{title}}, {{when}}", "Offer over: {title}, {when}"),
    Kind.PASSED: (
        f"Trop peu de places pour 2 cette fois{NB}: {{title}}, {{when}}",
        "Too few places for 2 this time: {title}, {when}",
    ),
    Kind.LAST_CALL: (
        f"Dernier appel, au premier clic{NB}: {{title}}, {{when}}",
        "Last call, first click: {title}, {when}",
    ),
    Kind.CONFIRM_ADDRESS: (
        f"À confirmer avant 11{NB}h{NB}: {{title}}, {{when}}",
        "To be confirmed by 11:00: {title}, {when}",
    ),
    Kind.CHOOSE: (
        f"À choisir avant 11{NB}h{NB}: {{title}}, {{when}}",
        "To choose by 11:00: {title}, {when}",
    ),
    Kind.MOVED: (
        f"Nouvel horaire{NB}: {{title}}, maintenant {{when}}",
        "New time: {title}, now {when}",
    ),
    Kind.NEW_ADDRESS: (f"Vos visites à cette adresse{NB}?", "Your visits at this address?"),
    Kind.ADDRESS_CHANGED: (
        "Vos visites arrivent désormais à une autre adresse",
        "Your visits now go to another address",
    ),
    Kind.WAITING: (f"Liste d’attente{NB}: {{title}}, {{when}}", "Waiting list: {title}, {when}"),
}
HOLDS = {Kind.OFFER: "offer", Kind.CONFIRM_ADDRESS: "address", Kind.CHOOSE: "choice"}
OF_A_VISITOR = (Kind.NEW_ADDRESS, Kind.ADDRESS_CHANGED)


def put(registration: Registration, **changes: Any) -> None:
    """The registration as the mail finds it."""
    for name, value in changes.items():
        setattr(registration, name, value)
    registration.save()


def make_ready(kind: str, visit: SimpleNamespace) -> dict[str, Any]:
    """Bring the visit where this mail speaks of it; what the mail is owed with."""
    registration = visit.registration
    if kind in HOLDS:
        put(registration, status="held", hold=HOLDS[kind], held_until=NOW + HOUR, confirmed_at=None)
    elif kind in (Kind.WAITING, Kind.PASSED, Kind.LAST_CALL):
        put(registration, status="waiting", waiting_since=NOW, confirmed_at=None)
    elif kind == Kind.OFFER_OVER:
        put(registration, status="cancelled", cancelled_at=NOW, cancelled_by="expiry", confirmed_at=None)
    if kind == Kind.NEW_ADDRESS:
        return {"visitor": visit.visitor, "context": {"nonce": visit.visitor.link_nonce[:8]}}
    if kind in OF_A_VISITOR:
        return {"visitor": visit.visitor}
    if kind == Kind.PASSED:
        return {"registration": registration, "context": {"places": 1}}
    if kind == Kind.MOVED:
        was = {"old_starts_at": "2027-06-09T12:00:00+00:00", "old_ends_at": "2027-06-09T12:45:00+00:00"}
        return {"registration": registration, "context": was}
    return {"registration": registration}


def send(
    kind: str, visit: SimpleNamespace, locale: str = "fr", to: str = "camille@example.org", **changes: Any
) -> EmailMessage:
    """One mail of a kind, as its reader gets it."""
    facts = make_ready(kind, visit) | changes
    owe(kind=kind, dedupe_key=f"{kind}:1", recipient=to, locale=locale, now=NOW, **facts)
    report = deliver_due(now=NOW)
    assert report.counts == {"sent": 1}, list(Message.objects.values_list("status", "last_answer"))
    return kept()[-1]


def parts(mail: EmailMessage) -> tuple[str, Words]:
    """Text and HTML, lines ending as they do here."""
    text, html = parts_as_sent(mail)
    return text.replace("\r\n", "\n"), html


def links(mail: EmailMessage) -> list[str]:
    return re.findall(r"https?://\S+", parts(mail)[0])


def mine(visit: SimpleNamespace, settings: Any, page: str = "") -> str:
    """The address of a page of the visit behind the visitor's link."""
    return f"{settings.SITE_URL}/mes-visites/{visit.visitor.token}/" + (f"RJ4K-7KDM/{page}/" if page else "")


# What holds for all ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", SUBJECTS)
def test_every_kind_speaks_its_readers_language(kind: str, locale: str, visit: SimpleNamespace) -> None:
    mail = send(kind, visit, locale)

    pattern = SUBJECTS[kind][0 if locale == "fr" else 1]
    assert mail["Subject"] == pattern.format(title=TITLE[locale], when=WHEN[locale])
    assert mail["To"] == "camille@example.org"
    assert mail["Reply-To"] == "bonjour@festival.example"
    assert mail["Content-Language"] == locale
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", SUBJECTS)
def test_text_and_html_say_the_same_in_the_same_order(kind: str, locale: str, visit: SimpleNamespace) -> None:
    text, html = parts(send(kind, visit, locale))

    shown = re.findall(r"[\w’-]+", " ".join(html.text))
    written = re.findall(r"[\w’-]+", re.sub(r"https?://\S+|^--\r?$", " ", text, flags=re.M))
    assert written == shown


@pytest.mark.parametrize("kind", [kind for kind in SUBJECTS if kind != Kind.ADDRESS_CHANGED])
def test_links_lead_to_the_site_alone_and_are_the_same_in_both_parts(
    kind: str, visit: SimpleNamespace, settings: Any
) -> None:
    text, html = parts(send(kind, visit))

    assert html.links == re.findall(r"https?://\S+", text)
    assert html.links, "a mail leads somewhere"
    assert [link for link in html.links if not link.startswith(f"{settings.SITE_URL}/")] == []


@pytest.mark.parametrize("kind", SUBJECTS)
def test_only_a_moved_visit_comes_with_a_calendar_file(kind: str, visit: SimpleNamespace) -> None:
    mail = send(kind, visit)
    methods = [part.get_param("method") for part in mail.walk() if part.get_content_type() == "text/calendar"]

    assert methods == (["REQUEST"] if kind == Kind.MOVED else [])


# One by one ------------------------------------------------------------------------------------------------


def test_an_offer_says_until_when_and_leads_to_its_page(visit: SimpleNamespace, settings: Any) -> None:
    mail = send(Kind.OFFER, visit)

    text = parts(mail)[0]
    page = mine(visit, settings, "proposition")
    assert f"Elles vous sont gardées jusqu’au lundi{NB}3{NB}mai à{NB}11{NB}h" in text
    assert "2 places, en attente de votre réponse" in text
    assert f"Prendre les 2 places\n{page}" in text
    assert f"Laisser passer\n{page}" in text
    assert links(mail) == [page, page]


def test_an_offer_of_one_place_speaks_of_one(visit: SimpleNamespace) -> None:
    put(visit.registration, party_size=1)

    mail = send(Kind.OFFER, visit)

    assert mail["Subject"] == f"Une place s’est libérée{NB}: {TITLE['fr']}, {WHEN['fr']}"
    assert "Prendre la place\n" in parts(mail)[0]


def test_an_offer_is_timed_by_the_clock_of_its_territory(visit: SimpleNamespace) -> None:
    """9 h UTC is 20 h in Nouméa."""
    noumea = f.TerritoryFactory(name="Nouvelle-Calédonie", timezone="Pacific/Noumea")
    activity = f.ActivityFactory(host__territory=noumea, festival=visit.festival)
    visit.registration.slot = f.SlotFactory(activity=activity)
    visit.registration.save()

    text = parts(send(Kind.OFFER, visit))[0]

    assert f"jusqu’au lundi{NB}3{NB}mai à{NB}20{NB}h, heure locale" in text


def test_an_offer_for_any_of_several_says_what_becomes_of_the_others(visit: SimpleNamespace) -> None:
    request = uuid.uuid4()
    put(visit.registration, any_of=request)
    waits_elsewhere(visit, request)

    text = parts(send(Kind.OFFER, visit))[0]

    assert "Si vous prenez, vous n’attendez plus l’autre créneau" in text


def waits_elsewhere(visit: SimpleNamespace, request: uuid.UUID, hour: int = 16) -> Registration:
    slot = f.SlotFactory(activity=visit.activity, start_time=dt.time(hour))
    return f.RegistrationFactory(
        slot=slot,
        visitor=visit.visitor,
        status="waiting",
        waiting_since=NOW,
        confirmed_at=None,
        any_of=request,
        party_size=2,
    )


def test_an_offer_run_out_says_how_to_wait_again(visit: SimpleNamespace, settings: Any) -> None:
    mail = send(Kind.OFFER_OVER, visit)

    assert f"Attendre de nouveau\n{settings.SITE_URL}/creneaux/{visit.slot.pk}/inscription/" in parts(mail)[0]
    assert mine(visit, settings) in links(mail)


def test_an_offer_run_out_where_the_list_is_closed_leads_to_the_visit(
    visit: SimpleNamespace, settings: Any
) -> None:
    visit.slot.waiting_list_open = False
    visit.slot.save()

    text = parts(send(Kind.OFFER_OVER, visit))[0]

    assert f"Voir cette visite\n{settings.SITE_URL}/creneaux/{visit.slot.pk}/\n" in text
    assert "Attendre de nouveau" not in text


def test_who_was_passed_is_told_why_and_how_to_split(visit: SimpleNamespace, settings: Any) -> None:
    put(visit.registration, party_size=4)
    served = f.RegistrationFactory(slot=visit.slot, party_size=2)
    Overtaking.objects.create(registration=visit.registration, by=served, why="too_many", places=2, at=NOW)

    mail = send(Kind.PASSED, visit, context={"places": 2})

    text = parts(mail)[0]
    said = f"2 places se sont libérées pour {WHEN['fr']}, et vous en attendez 4. Elles sont allées à des "
    said += "demandes qu’elles suffisent à servir, pour ne pas rester vides."
    assert said in text
    assert f"Vous gardez votre rang sur la liste{NB}: 1er." in text
    assert links(mail)[1] == mine(visit, settings, "partager")


def test_who_was_passed_by_nobody_is_not_told_of_a_smaller_party(visit: SimpleNamespace) -> None:
    put(visit.registration, party_size=4)
    Overtaking.objects.create(registration=visit.registration, why="too_many", places=2, at=NOW)

    text = parts(send(Kind.PASSED, visit, context={"places": 2}))[0]

    assert "Trop peu de places pour votre groupe" in text
    assert "Elles sont ouvertes à qui elles suffisent." in text
    assert "plus petit est passé" not in text


def test_a_last_call_leads_to_the_page_where_the_first_click_wins(
    visit: SimpleNamespace, settings: Any
) -> None:
    mail = send(Kind.LAST_CALL, visit)

    assert "le premier clic sur le bouton l’emporte" in parts(mail)[0]
    assert mine(visit, settings, "dernier-appel") in links(mail)


def test_an_address_is_confirmed_by_one_link(visit: SimpleNamespace, settings: Any) -> None:
    mail = send(Kind.CONFIRM_ADDRESS, visit)

    assert f"Nous gardons 2 places jusqu’au lundi{NB}3{NB}mai à{NB}11{NB}h" in parts(mail)[0]
    assert links(mail) == [mine(visit, settings, "confirmer")]


def test_a_choice_names_the_overlap_where_there_is_one(visit: SimpleNamespace, settings: Any) -> None:
    there = f.SlotFactory(start_time=dt.time(14, 30), activity__festival=visit.festival)
    f.RegistrationFactory(slot=there, visitor=visit.visitor)

    mail = send(Kind.CHOOSE, visit)

    assert "Vous avez une autre visite à ce moment-là." in parts(mail)[0]
    assert links(mail) == [mine(visit, settings, "choisir")]


def test_a_choice_at_a_limit_claims_no_overlap(visit: SimpleNamespace) -> None:
    text = parts(send(Kind.CHOOSE, visit))[0]

    said = "Votre adresse a déjà une visite à ce moment-là, ou autant qu’une personne peut en réserver."
    assert said in text


def test_a_visit_moved_by_its_visitor_says_old_and_new_and_mends_the_calendar(visit: SimpleNamespace) -> None:
    put(visit.registration, revision=3)
    visit.slot.revision = 2
    visit.slot.save()

    mail = send(Kind.MOVED, visit)

    text = parts(mail)[0]
    assert f"elle a maintenant lieu {WHEN['fr']}" in text
    assert f"Avant{NB}: mercredi{NB}9{NB}juin, 14{NB}h – 14{NB}h{NB}45" in text
    [file] = mail.iter_attachments()
    event = vobject.readOne(file.get_content().decode()).vevent
    assert event.uid.value == "RJ4K-7KDM@127.0.0.1"
    assert event.sequence.value == "5"


def test_a_new_address_gets_a_link_and_learns_no_visit(visit: SimpleNamespace, settings: Any) -> None:
    mail = send(Kind.NEW_ADDRESS, visit, to="nouvelle@example.org")

    text = parts(mail)[0]
    [link] = links(mail)
    prefix = f"{settings.SITE_URL}/nouvelle-adresse/"
    assert link.startswith(prefix)
    assert "ca…e@example.org" in text
    assert "camille" not in text
    assert "robot" not in text
    assert visit.visitor.token not in text
    assert f"jusqu’au mardi{NB}4{NB}mai à{NB}10{NB}h" in text


def test_the_old_address_is_told_without_any_link(visit: SimpleNamespace) -> None:
    visit.visitor.email = "nouvelle@example.org"
    visit.visitor.save()

    text, html = parts(send(Kind.ADDRESS_CHANGED, visit))

    assert html.links == []
    assert re.findall(r"https?://\S+", text) == []
    assert f"Depuis le lundi{NB}3{NB}mai à{NB}10{NB}h, billets et rappels arrivent à no…e@example.org" in text
    assert "Écrivez à bonjour@festival.example" in text


def test_waiting_says_the_rank_and_how_offers_go(visit: SimpleNamespace, settings: Any) -> None:
    f.RegistrationFactory(
        slot=visit.slot, status="waiting", waiting_since=NOW - HOUR, confirmed_at=None, party_size=3
    )

    mail = send(Kind.WAITING, visit)

    text = parts(mail)[0]
    assert f"Le rang de votre demande{NB}: 2e." in text
    assert "2 places, 2e rang sur la liste d’attente" in text
    assert f"de 15{NB}minutes à 24{NB}heures" in text
    assert f"entre 22{NB}h et 8{NB}h" in text
    assert mine(visit, settings, "partager") in links(mail)


def test_waiting_for_any_of_several_shows_each_with_its_rank(visit: SimpleNamespace) -> None:
    request = uuid.uuid4()
    put(visit.registration, any_of=request)
    other = waits_elsewhere(visit, request)
    f.RegistrationFactory(slot=other.slot, status="waiting", waiting_since=NOW - HOUR, confirmed_at=None)

    text = parts(send(Kind.WAITING, visit))[0]

    assert "Vous attendez l’un de ces créneaux." in text
    assert text.index("2 places, 1er rang") < text.index("2 places, 2e rang")


def test_who_waits_alone_is_not_asked_to_split(visit: SimpleNamespace, settings: Any) -> None:
    put(visit.registration, party_size=1)

    assert mine(visit, settings, "partager") not in links(send(Kind.WAITING, visit))


# The confirmation ------------------------------------------------------------------------------------------


def test_a_confirmation_after_an_offer_says_so(visit: SimpleNamespace) -> None:
    put(visit.registration, waiting_since=NOW - HOUR)

    mail = send(Kind.CONFIRMATION, visit)

    assert mail["Subject"] == f"La place est à vous{NB}: {TITLE['fr']}, {WHEN['fr']}"
    assert "La place est à vous" in parts(mail)[0]


def another_visit(visit: SimpleNamespace, start: dt.time) -> None:
    """1,27 km away: 21 minutes on foot."""
    quai = f.VenueFactory(territory=visit.territory, latitude=43.5935, longitude=1.449)
    other = f.ActivityFactory(host=visit.host, festival=visit.festival, title_fr="Un capteur au jardin")
    slot = f.SlotFactory(activity=other, start_time=start, venue=quai)
    f.RegistrationFactory(slot=slot, visitor=visit.visitor)


def test_a_confirmation_warns_where_the_walk_does_not_fit(visit: SimpleNamespace, settings: Any) -> None:
    another_visit(visit, dt.time(15))

    mail = send(Kind.CONFIRMATION, visit)

    said = f"Jusqu’à «{NB}Un capteur au jardin{NB}», qui commence à 15{NB}h{NB}: 21{NB}min à pied, "
    assert f"{said}et vous avez 15{NB}min." in parts(mail)[0]
    assert "Changer de créneau" in parts(mail)[0]


def test_a_confirmation_warns_of_the_visit_before_as_well(visit: SimpleNamespace) -> None:
    another_visit(visit, dt.time(13))

    said = f"Depuis «{NB}Un capteur au jardin{NB}», qui finit à 13{NB}h{NB}45{NB}: 21{NB}min à pied, "
    assert f"{said}et vous avez 15{NB}min." in parts(send(Kind.CONFIRMATION, visit))[0]


def test_a_confirmation_is_silent_where_the_walk_fits(visit: SimpleNamespace) -> None:
    another_visit(visit, dt.time(15, 6))

    text = parts(send(Kind.CONFIRMATION, visit))[0]

    assert "capteur" not in text
    assert "serré" not in text


# What is no longer so --------------------------------------------------------------------------------------


STALE = [
    (Kind.OFFER, {"status": "confirmed", "hold": "", "held_until": None}, "cancelled"),
    (Kind.OFFER, {"hold": "choice"}, "cancelled"),
    (Kind.OFFER, {"held_until": NOW}, "expired"),
    (Kind.CONFIRM_ADDRESS, {"hold": "choice"}, "cancelled"),
    (Kind.CONFIRM_ADDRESS, {"held_until": NOW}, "expired"),
    (Kind.CHOOSE, {"hold": "address"}, "cancelled"),
    (Kind.CHOOSE, {"held_until": NOW}, "expired"),
    (Kind.PASSED, {"party_size": 1}, "cancelled"),
    (Kind.PASSED, {"status": "confirmed"}, "cancelled"),
    (Kind.LAST_CALL, {"status": "confirmed"}, "cancelled"),
    (Kind.OFFER_OVER, {"status": "waiting", "cancelled_at": None, "waiting_since": NOW}, "cancelled"),
    (Kind.MOVED, {"status": "cancelled", "cancelled_at": NOW}, "cancelled"),
    (Kind.WAITING, {"status": "confirmed"}, "cancelled"),
]


@pytest.mark.parametrize(("kind", "then", "end"), STALE)
def test_what_changed_meanwhile_is_not_sent(
    kind: str, then: dict[str, Any], end: str, visit: SimpleNamespace
) -> None:
    facts = make_ready(kind, visit)
    owe(kind=kind, dedupe_key="x", recipient="camille@example.org", locale="fr", now=NOW, **facts)
    put(visit.registration, **then)

    deliver_due(now=NOW)

    assert (status_of("x"), kept()) == (end, [])


def test_an_offer_run_out_is_not_mourned_by_who_waits_again(visit: SimpleNamespace) -> None:
    facts = make_ready(Kind.OFFER_OVER, visit)
    owe(kind=Kind.OFFER_OVER, dedupe_key="x", recipient="a@example.org", locale="fr", now=NOW, **facts)
    f.RegistrationFactory(
        slot=visit.slot, visitor=visit.visitor, status="waiting", waiting_since=NOW, confirmed_at=None
    )

    deliver_due(now=NOW)

    assert (status_of("x"), kept()) == ("cancelled", [])


def test_the_link_of_a_new_address_is_not_sent_once_it_is_dead(visit: SimpleNamespace) -> None:
    facts = make_ready(Kind.NEW_ADDRESS, visit)
    owe(kind=Kind.NEW_ADDRESS, dedupe_key="x", recipient="a@example.org", locale="fr", now=NOW, **facts)
    visit.visitor.link_nonce = "0" * 32
    visit.visitor.save()

    deliver_due(now=NOW)

    assert (status_of("x"), kept()) == ("cancelled", [])


def test_a_visit_moved_twice_says_the_time_its_visitor_knew(visit: SimpleNamespace) -> None:
    for number, old in ((1, "2027-06-08T08:00:00+00:00"), (2, "2027-06-09T12:00:00+00:00")):
        owe(
            kind=Kind.MOVED,
            dedupe_key=f"moved_to:{number}",
            recipient="camille@example.org",
            locale="fr",
            now=NOW,
            registration=visit.registration,
            context={"old_starts_at": old, "old_ends_at": old},
        )

    report = deliver_due(now=NOW)

    assert report.counts == {"cancelled": 1, "sent": 1}
    assert f"Avant{NB}: mardi{NB}8{NB}juin, 10{NB}h" in parts(kept()[-1])[0]


def test_the_token_of_a_new_address_says_which(visit: SimpleNamespace, settings: Any) -> None:
    mail = send(Kind.NEW_ADDRESS, visit, to="nouvelle@example.org")

    token = new_address_token(visit.visitor.pk, visit.visitor.link_nonce, "nouvelle@example.org")
    payload, _stamp, _signature = token.split(":")
    assert links(mail)[0].removeprefix(f"{settings.SITE_URL}/nouvelle-adresse/").split(":")[0] == payload
