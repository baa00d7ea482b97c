"""What each mail says: every kind in both languages, read by the standard library's parser."""

from __future__ import annotations

import datetime as dt
import re
from email.message import EmailMessage
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from events.mail.deliver import deliver_due
from events.mail.letters import UNTIED, first_name, paragraphs, plain, unlinked
from events.mail.outbox import owe
from events.models import Message
from tests import factories as f
from tests.factories import NOW
from tests.mail.conftest import kept

pytestmark = pytest.mark.once

Kind = Message.Kind
NB = "\u00a0"
WHEN = {"fr": f"jeudi{NB}10{NB}juin à{NB}14{NB}h", "en": f"Thursday{NB}10{NB}June at{NB}14:00"}
TITLE = {"fr": "Dans l’atelier d’un robot", "en": "In the workshop of a robot"}
SUBJECTS = {
    Kind.CONFIRMATION: (f"Votre inscription{NB}: {{title}}, {{when}}", "Your booking: {title}, {when}"),
    Kind.WAITING: (f"Liste d’attente{NB}: {{title}}, {{when}}", "Waiting list: {title}, {when}"),
    Kind.ALREADY_REGISTERED: (
        f"Vous avez déjà cette visite{NB}: {{title}}, {{when}}",
        "You already have this visit: {title}, {when}",
    ),
    Kind.REDUCED: (f"1 place rendue{NB}: {{title}}, {{when}}", "1 place given back: {title}, {when}"),
    Kind.CANCELLATION: (f"Place rendue{NB}: {{title}}, {{when}}", "Place given back: {title}, {when}"),
    Kind.SLOT_CANCELLED: (f"Annulé{NB}: {{title}}, {{when}}", "Cancelled: {title}, {when}"),
    Kind.SLOT_MOVED: (f"Déplacé{NB}: {{title}}, maintenant {{when}}", "Moved: {title}, now {when}"),
    Kind.REMINDER: (f"Demain, {{when}}{NB}: {{title}}", "Tomorrow, {when}: {title}"),
    Kind.LINK: ("Le lien de vos visites", "The link to your visits"),
    Kind.SUBMITTED: (f"Bien reçu{NB}: {{title}}", "Received: {title}"),
    Kind.PUBLISHED: (f"Publié{NB}: {{title}}", "Published: {title}"),
    Kind.CHANGES_REQUESTED: (f"À reprendre{NB}: {{title}}", "To be changed: {title}"),
    Kind.REJECTED: (f"Proposition non retenue{NB}: {{title}}", "Not accepted: {title}"),
}
CALENDARS = {
    Kind.CONFIRMATION: "REQUEST",
    Kind.REDUCED: "REQUEST",
    Kind.SLOT_MOVED: "REQUEST",
    Kind.REMINDER: "PUBLISH",
    Kind.CANCELLATION: "CANCEL",
    Kind.SLOT_CANCELLED: "CANCEL",
}
DAY_BEFORE = dt.datetime(2027, 6, 9, 7, 0, tzinfo=dt.UTC)


def send(kind: str, locale: str, visit: SimpleNamespace, **changes: Any) -> EmailMessage:
    """One mail of a kind, as its reader gets it."""
    facts: dict[str, Any] = {"registration": visit.registration}
    now = DAY_BEFORE if kind == Kind.REMINDER else NOW
    if kind in (Kind.SUBMITTED, Kind.PUBLISHED, Kind.CHANGES_REQUESTED, Kind.REJECTED):
        facts = {"activity": visit.activity, "context": {"reason": "Précisez l’âge minimum."}}
    elif kind == Kind.WAITING:
        facts["registration"] = f.RegistrationFactory(
            slot=visit.slot, status="waiting", waiting_since=NOW, confirmed_at=None
        )
    elif kind == Kind.LINK:
        facts = {"visitor": visit.visitor}
    elif kind == Kind.REDUCED:
        facts["context"] = {"given_back": 1}
    elif kind in (Kind.CANCELLATION, Kind.SLOT_CANCELLED):
        visit.registration.status, visit.registration.cancelled_at = "cancelled", NOW
        visit.registration.save()
        if kind == Kind.SLOT_CANCELLED:
            visit.slot.state, visit.slot.cancelled_at = "cancelled", NOW
            visit.slot.save()
            facts["context"] = {"reason": "La salle est inondée."}
    elif kind == Kind.SLOT_MOVED:
        facts["context"] = {
            "old_starts_at": "2027-06-09T12:00:00+00:00",
            "old_ends_at": "2027-06-09T12:45:00+00:00",
            "old_place": "Quai des Savoirs",
        }
    elif kind == Kind.REMINDER:
        facts |= {"visitor": visit.visitor, "context": {"rule": "D-1", "day": "2027-06-10"}}
    facts |= changes
    owe(kind=kind, dedupe_key=f"{kind}:1:0", recipient="camille@example.org", locale=locale, now=now, **facts)
    report = deliver_due(now=now)
    assert report.counts == {"sent": 1}, Message.objects.values_list("status", "last_answer")
    return kept()[-1]


class Words(HTMLParser):
    """What an HTML mail shows, as words, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("style", "title")
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background")]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text.append(data)


def parts(mail: EmailMessage) -> tuple[str, Words]:
    plain_part, html_part = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain_part is not None
    assert html_part is not None
    words = Words()
    words.feed(html_part.get_content())
    return plain_part.get_content(), words


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", SUBJECTS)
def test_every_kind_speaks_its_readers_language(kind: str, locale: str, visit: SimpleNamespace) -> None:
    mail = send(kind, locale, visit)

    pattern = SUBJECTS[kind][0 if locale == "fr" else 1]
    assert mail["Subject"] == pattern.format(title=TITLE[locale], when=WHEN[locale])
    assert mail["To"] == "camille@example.org"
    assert mail["Reply-To"] == "bonjour@festival.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == locale
    demo = "Édition de démonstration" if locale == "fr" else "Demonstration edition"
    text, _words = parts(mail)
    assert text.splitlines()[0] == "Festival French Tech 2027 · Start-up Assembly"
    assert text.splitlines()[1].startswith(demo)


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("kind", SUBJECTS)
def test_text_and_html_say_the_same_in_the_same_order(kind: str, locale: str, visit: SimpleNamespace) -> None:
    text, html = parts(send(kind, locale, visit))

    shown = re.findall(r"[\w’-]+", " ".join(html.text))
    written = re.findall(r"[\w’-]+", re.sub(r"https?://\S+|^--\r?$", " ", text, flags=re.M))
    assert written == shown


@pytest.mark.parametrize("kind", SUBJECTS)
def test_links_lead_to_the_site_alone_and_are_the_same_in_both_parts(
    kind: str, visit: SimpleNamespace, settings: Any
) -> None:
    text, html = parts(send(kind, "fr", visit))

    assert html.links == re.findall(r"https?://\S+", text)
    assert html.links, "a mail leads somewhere"
    assert [link for link in html.links if not link.startswith(f"{settings.SITE_URL}/")] == []


@pytest.mark.parametrize("kind", SUBJECTS)
def test_the_calendar_file_comes_where_a_calendar_has_to_change(kind: str, visit: SimpleNamespace) -> None:
    mail = send(kind, "fr", visit)

    files = [(part.get_content_type(), part.get_filename()) for part in mail.iter_attachments()]
    inline = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    if kind in CALENDARS:
        type_of_file = "text/calendar" if CALENDARS[kind] == "PUBLISH" else "application/ics"
        assert files == [(type_of_file, "visite.ics")]
        assert [part.get_param("method") for part in inline] == [CALENDARS[kind]]
    else:
        assert files == []


def test_a_reminder_can_be_stopped_in_one_click(visit: SimpleNamespace, settings: Any) -> None:
    mail = send(Kind.REMINDER, "fr", visit)

    assert re.fullmatch(rf"<{re.escape(settings.SITE_URL)}/sans-rappel/[^/]+/>", mail["List-Unsubscribe"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_only_reminders_can_be_stopped(visit: SimpleNamespace) -> None:
    assert send(Kind.CONFIRMATION, "fr", visit)["List-Unsubscribe"] is None


def test_a_confirmation_leads_to_the_tickets_and_to_giving_the_place_back(
    visit: SimpleNamespace, settings: Any
) -> None:
    text, _html = parts(send(Kind.CONFIRMATION, "fr", visit))

    mine = f"{settings.SITE_URL}/mes-visites/{visit.visitor.token}/"
    assert re.findall(r"https?://\S+", text) == [f"{mine}RJ4K-7KDM/", f"{mine}RJ4K-7KDM/rendre/", mine]
    assert f"Rendez la place{NB}: 4 personnes l’attendent." in text


def test_a_reference_stays_in_one_piece_on_a_narrow_screen(visit: SimpleNamespace) -> None:
    html = send(Kind.CONFIRMATION, "fr", visit).get_body(("html",)).get_content()

    assert '<span class="nb">RJ4K-7KDM</span>' in html
    assert ".mail .nb { white-space: nowrap; }" in html


def test_a_moved_visit_says_the_old_time_and_the_new(visit: SimpleNamespace) -> None:
    text, _html = parts(send(Kind.SLOT_MOVED, "fr", visit))

    assert f"Elle a maintenant lieu jeudi{NB}10{NB}juin à{NB}14{NB}h." in text
    assert f"Avant{NB}: mercredi{NB}9{NB}juin, 14{NB}h – 14{NB}h{NB}45, Quai des Savoirs" in text


def test_a_visit_moved_twice_says_the_time_the_visitor_knew(visit: SimpleNamespace) -> None:
    for revision, old in ((1, "2027-06-08T08:00:00+00:00"), (2, "2027-06-09T12:00:00+00:00")):
        owe(
            kind=Kind.SLOT_MOVED,
            dedupe_key=f"moved:{visit.registration.pk}:{revision}",
            recipient="camille@example.org",
            locale="fr",
            now=NOW,
            registration=visit.registration,
            context={"old_starts_at": old, "old_ends_at": old, "old_place": ""},
        )
    visit.slot.revision = 2
    visit.slot.save()

    report = deliver_due(now=NOW)

    assert report.counts == {"cancelled": 1, "sent": 1}
    assert f"Avant{NB}: mardi{NB}8{NB}juin, 10{NB}h" in parts(kept()[-1])[0]


def test_a_cancelled_slot_gives_the_reason(visit: SimpleNamespace) -> None:
    text, _html = parts(send(Kind.SLOT_CANCELLED, "fr", visit))

    assert "La salle est inondée." in text.splitlines()


def test_times_are_those_of_the_territory(visit: SimpleNamespace) -> None:
    """14 h in Nouméa is 5 h in Paris."""
    noumea = f.TerritoryFactory(name="Nouvelle-Calédonie", timezone="Pacific/Noumea")
    activity = f.ActivityFactory(host__territory=noumea, festival=visit.festival)
    slot = f.SlotFactory(activity=activity, start_time=dt.time(14))
    visit.registration = f.RegistrationFactory(slot=slot, visitor=visit.visitor)

    text, _html = parts(send(Kind.CONFIRMATION, "fr", visit))

    assert f"jeudi{NB}10{NB}juin, 14{NB}h – 14{NB}h{NB}45, heure locale" in text


def test_a_reminder_tells_the_whole_day_with_the_way_between(visit: SimpleNamespace) -> None:
    quai = f.VenueFactory(
        territory=visit.territory, name="Quai des Savoirs", latitude=43.5935, longitude=1.449
    )
    other = f.ActivityFactory(host=visit.host, festival=visit.festival, title_fr="Un capteur au jardin")
    slot = f.SlotFactory(activity=other, start_time=dt.time(17), venue=quai)
    f.RegistrationFactory(slot=slot, visitor=visit.visitor)

    mail = send(Kind.REMINDER, "fr", visit)

    assert mail["Subject"] == f"Demain, jeudi{NB}10{NB}juin{NB}: vos deux visites"
    text, _html = parts(mail)
    assert "Demain, deux portes vous attendent" in text
    # 1,27 km as the crow flies, × 1.3, at 4.8 km/h: 21 minutes.
    way = f"Fin à 14{NB}h{NB}45, puis 21{NB}min à pied{NB}: Quai des Savoirs. "
    way += f"Partez au plus tard à 16{NB}h{NB}30."
    assert way in text
    assert text.index("Dans l’atelier d’un robot") < text.index(way) < text.index("Un capteur au jardin")


@pytest.mark.parametrize(
    "typed",
    [
        "Gagnez 1000 euros http://mauvais.example",
        "www.mauvais.example",
        "<a href='https://mauvais.example'>Cliquez</a>",
        "Camille\r\nBcc: autre@example.org",
        "{{ settings.SECRET_KEY }}",
        "a\u202egro.elpmaxe",
    ],
)
def test_a_name_typed_by_somebody_never_writes_in_our_name(typed: str, visit: SimpleNamespace) -> None:
    visit.registration.name = typed
    visit.registration.save()

    mail = send(Kind.CONFIRMATION, "fr", visit)

    text, html = parts(mail)
    assert "mauvais" not in text + " ".join(html.text)
    assert mail["Bcc"] is None
    assert "Bonjour" not in text


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Camille Martin", "Camille"),
        ("Anne-Laure", "Anne-Laure"),
        ("Zoé O’Neil", "Zoé"),
        ("", ""),
        ("R2D2", ""),
        ("x.example", ""),
    ],
)
def test_only_what_looks_like_a_name_is_greeted(name: str, greeting: str) -> None:
    assert first_name(name) == greeting


def test_a_title_typed_by_a_host_becomes_no_markup_no_link_and_no_header(visit: SimpleNamespace) -> None:
    visit.activity.title_fr = (
        "<b>Visite</b>\r\nBcc: x@example.org https://mauvais.example www.mauvais.example"
    )
    visit.activity.save()

    mail = send(Kind.CONFIRMATION, "fr", visit)

    text, html = parts(mail)
    shown = (
        "<b>Visite</b> Bcc\u00a0: x@|example.|org https:/ /mauvais.|example www .mauvais.|example".replace(
            "|", UNTIED
        )
    )
    assert shown in " ".join(html.text)
    assert shown in text
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Gagnez sur rendezvous.example.com", "Gagnez sur rendezvous.|example.|com"),
        ("contact@cantine.example", "contact@|cantine.|example"),
        ("x.example", "x.|example"),
        ("mal。example", "mal。|example"),
        ("Node.js de 9.30 à 10.15", "Node.js de 9.30 à 10.15"),
        ("J.-P. et M. Durand, S.A.S.", "J.-P. et M. Durand, S.A.S."),
        ("Du code. Des robots.", "Du code. Des robots."),
    ],
)
def test_what_a_host_typed_is_no_bare_address_and_reads_as_it_was_typed(typed: str, shown: str) -> None:
    assert unlinked(typed) == shown.replace("|", UNTIED)
    assert unlinked(typed).replace(UNTIED, "") == typed


def test_what_the_team_writes_keeps_its_addresses() -> None:
    assert paragraphs("Voir festival.example", tame=plain) == ["Voir festival.example"]


def test_plain_keeps_what_is_honest() -> None:
    assert plain(f"L’atelier{NB}: 3,5 kg d’idées") == f"L’atelier{NB}: 3,5 kg d’idées"
    assert plain("a" * 400).endswith("…")


def test_the_mail_of_an_edition_that_is_no_demonstration_does_not_say_so(visit: SimpleNamespace) -> None:
    visit.festival.is_demo = False
    visit.festival.save()

    text, _html = parts(send(Kind.CONFIRMATION, "fr", visit))

    assert "démonstration" not in text
