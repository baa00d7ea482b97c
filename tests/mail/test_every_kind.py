"""What every mail owes its reader, kind by kind and in both languages. A kind that is not here fails."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import vobject
from django.db import transaction
from playwright.sync_api import Page
from pytest_django import DjangoDbBlocker

from events.mail.compose import compose
from events.mail.content.kinds import CONTENT_OF
from events.mail.suppressions import scope_of
from events.mail.transport import on_the_wire
from events.models import Message
from tests.mail.conftest import make_visit
from tests.mail.every_kind import MAKERS, owed
from tests.mail.test_letters import Words, parts

pytestmark = pytest.mark.once
Kind = Message.Kind
NB = "\u00a0"
LOCALES = ("fr", "en")
EVERY = [(kind, locale) for kind in MAKERS for locale in LOCALES]
REQUESTS = {Kind.CONFIRMATION, Kind.MOVED, Kind.REDUCED, Kind.SLOT_MOVED, Kind.BALLOT_WON}
CANCELS = {Kind.CANCELLATION, Kind.SLOT_CANCELLED}
FILES_ONLY = {Kind.REMINDER, Kind.DAY}
ABOUT_ONE_VISIT = {
    *(Kind.CONFIRMATION, Kind.WAITING, Kind.CONFIRM_ADDRESS, Kind.CHOOSE, Kind.OFFER, Kind.OFFER_OVER),
    *(Kind.PASSED, Kind.LAST_CALL, Kind.MOVED, Kind.ALREADY_REGISTERED, Kind.REDUCED, Kind.CANCELLATION),
    *(Kind.SLOT_CANCELLED, Kind.SLOT_MOVED, Kind.BALLOT_WON),
}
ELSEWHERE: dict[str, str] = {Kind.SURVEY: "https://enquete.example/"}
"""Where a mail leads beside the site: an organiser wrote it into the rule, not the public."""
OPENS_NOTHING = {Kind.ADDRESS_CHANGED}
"""It goes to an address that is no longer the visitor's."""
CLIPPED_AT = 102_000
"""Octets of HTML after which Gmail hides the rest, and the one-click link with it."""
HOSTILE = 'http://mal.example/x www.mal.example <b>gras</b> {{ 7 }} %(name)s "\r\nBcc: tous@mal.example'


Written = dict[tuple[str, str], bytes]


@pytest.fixture(scope="module")
def written(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Written:
    """Each mail as it goes over the wire, written once for all the tests that only read it."""
    made: Written = {}
    with django_db_blocker.unblock(), transaction.atomic():
        visit = make_visit()
        for kind, locale in EVERY:
            with transaction.atomic():
                made[kind, locale] = wire_of(kind, locale, visit)
                transaction.set_rollback(True)
            visit = anew(visit)
        transaction.set_rollback(True)
    return made


def wire_of(kind: str, locale: str, visit: SimpleNamespace) -> bytes:
    message, now = owed(kind, visit, locale=locale)
    return on_the_wire(compose(message, now=now))


def read(raw: bytes) -> EmailMessage:
    """By the standard library, which did not write it."""
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998, "RFC 5322 §2.1.1"
    assert b"\n" not in raw.replace(b"\r\n", b""), "a bare line end"
    return email.message_from_bytes(raw, policy=email.policy.default)


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def text_of(mail: EmailMessage) -> str:
    return parts(mail)[0].replace("\r\n", "\n")


def test_no_kind_is_left_out() -> None:
    assert set(MAKERS) == {*CONTENT_OF, Kind.ACCOUNT}


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_the_headers_say_who_what_and_that_no_machine_should_answer(
    kind: str, locale: str, written: Written, settings: Any
) -> None:
    mail = read(written[kind, locale])

    assert mail["From"] == settings.DEFAULT_FROM_EMAIL
    assert len(mail.get_all("To")) == 1
    assert "@" in mail["To"]
    assert re.fullmatch(rf"<[^<>@ ]+@{urlsplit(settings.SITE_URL).hostname}>", mail["Message-ID"])
    assert mail["Date"].datetime is not None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Content-Language"] == locale
    assert mail["Subject"].strip()
    assert len(mail["Subject"]) <= 160
    assert [name for name in ("Bcc", "Cc", "X-Mailer", "Precedence") if mail[name]] == []


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_text_and_html_say_the_same_and_lead_to_the_same_places(
    kind: str, locale: str, written: Written, settings: Any
) -> None:
    mail = read(written[kind, locale])
    text, html = parts(mail)

    links = re.findall(r"https?://[^\s>]+", text)
    if kind == Kind.ACCOUNT:  # allauth's own texts, laid out by the site: the link is the button
        assert set(links) == set(html.links)
    else:
        shown = re.findall(r"[\w’-]+", " ".join(html.text))
        in_text = re.findall(r"[\w’-]+", re.sub(r"https?://\S+|^--\r?$", " ", text, flags=re.M))
        assert in_text == shown
        assert links == html.links
    assert links or kind in OPENS_NOTHING, "a mail leads somewhere"
    allowed = (f"{settings.SITE_URL}/", ELSEWHERE.get(kind, f"{settings.SITE_URL}/"))
    assert [link for link in links if not link.startswith(allowed)] == []


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_the_html_is_read_without_images_in_the_dark_and_follows_nobody(
    kind: str, locale: str, written: Written
) -> None:
    html = html_of(read(written[kind, locale]))

    assert f'<html lang="{locale}">' in html
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="viewport"' in html
    assert re.search(r"<h1>[^<]+</h1>", html), "a mail has one title"
    assert not re.search(r"<(img|script|link|iframe|form|object|svg|video)\b|url\(|@import|\bsrc=", html)
    assert not re.search(r"\son\w+=", html)
    assert len(html.encode()) < CLIPPED_AT


@pytest.mark.parametrize("kind", sorted(ABOUT_ONE_VISIT))
@pytest.mark.parametrize("locale", LOCALES)
def test_the_subject_says_which_visit_and_when(kind: str, locale: str, written: Written) -> None:
    mail = read(written[kind, locale])

    title = {"fr": "Dans l’atelier d’un robot", "en": "In the workshop of a robot"}[locale]
    when = {"fr": f"jeudi{NB}10{NB}juin à{NB}14{NB}h", "en": f"Thursday{NB}10{NB}June at{NB}14:00"}[locale]
    assert title in mail["Subject"]
    assert when in mail["Subject"]


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != Kind.ACCOUNT])
def test_the_reader_reads_their_language(kind: str, visit: SimpleNamespace) -> None:
    message, now = owed(kind, visit)
    said = {}
    for locale in LOCALES:
        message.locale = locale
        mail = email.message_from_bytes(on_the_wire(compose(message, now=now)), policy=email.policy.default)
        said[locale] = text_of(mail)
        assert ("Édition de démonstration" in said[locale]) is ("Demonstration" not in said[locale])

    same = {line for line in said["fr"].splitlines() if len(line) > 40} & set(said["en"].splitlines())
    names = ("http", "Festival French Tech 2027", "La Cantine, 27 rue")
    assert {line for line in same if not line.startswith(names)} == set()


@pytest.mark.parametrize("kind", list(MAKERS))
def test_french_is_set_as_french_is(kind: str, written: Written) -> None:
    mail = read(written[kind, "fr"])
    said = f"{mail['Subject']}\n{re.sub(r'https?://[^ >]+', '', text_of(mail))}"

    assert re.findall(r".{0,20}[^\u00a0\u202f\n ][;!?»](?=\s|$)", re.sub(r"[«»]", "", said)) == []
    assert re.findall(r".{0,20} [:;!?»](?:\s|$)", said) == []
    assert "'" not in said


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_what_nobody_asked_for_is_stopped_by_one_click(
    kind: str, locale: str, written: Written, settings: Any
) -> None:
    mail = read(written[kind, locale])

    if scope_of(kind) is None:
        assert mail["List-Unsubscribe"] is None
        return
    found = re.fullmatch(r"<([^<>]+)>", mail["List-Unsubscribe"])
    assert found
    assert found[1].startswith(f"{settings.SITE_URL}/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found[1] in text_of(mail)


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_the_calendar_comes_as_clients_read_it(kind: str, locale: str, written: Written) -> None:
    mail = read(written[kind, locale])

    inline = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    files = list(mail.iter_attachments()) if mail.get_content_type() == "multipart/mixed" else []
    if kind not in REQUESTS | CANCELS | FILES_ONLY:
        assert inline == files == []
        return
    assert [part.get_filename() for part in files] == ["visite.ics"]
    if kind in FILES_ONLY:
        assert inline == files
        assert files[0].get_param("method") == "PUBLISH"
        method = "PUBLISH"
    else:
        # The last alternative, as Outlook and Gmail want it; attached as another type, so that it is one
        # invitation and not two.
        method = "REQUEST" if kind in REQUESTS else "CANCEL"
        [alternative] = [part for part in mail.walk() if part.get_content_type() == "multipart/alternative"]
        kinds = [part.get_content_type() for part in alternative.iter_parts()]
        assert kinds == ["text/plain", "text/html", "text/calendar"]
        assert inline[0].get_param("method") == method
        assert files[0].get_content_type() == "application/ics"
        assert inline[0].get_content().replace("\r\n", "\n") == files[0].get_content().decode().replace(
            "\r\n", "\n"
        )
    raw = files[0].get_payload(decode=True)
    assert isinstance(raw, bytes)
    calendar = vobject.readOne(raw.decode())
    assert calendar.method.value == method
    for event in calendar.contents["vevent"]:
        assert re.fullmatch(r"[A-Z0-9]{4}-[A-Z0-9]{4}@[\w.-]+", event.uid.value)
        assert event.organizer.value.startswith("mailto:")
        if method != "PUBLISH":
            assert event.attendee.value == f"mailto:{mail['To']}"
            assert event.attendee.params["RSVP"] == ["FALSE"]
        assert int(event.sequence.value) >= (1 if method == "CANCEL" else 0)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != Kind.BROADCAST])
def test_nothing_typed_becomes_a_link_markup_or_a_header(
    kind: str, locale: str, visit: SimpleNamespace
) -> None:
    visit.typed = lambda words: f"{words} {HOSTILE}"
    title = f"Robot {HOSTILE}"[:120]
    for row, names in (
        (visit.activity, ("title_fr", "title_en", "meeting_point", "description_fr")),
        (visit.host, ("name",)),
        (visit.venue, ("name", "address")),
        (visit.registration, ("name",)),
    ):
        for name in names:
            setattr(row, name, title)
        row.save()

    mail = read(wire_of(kind, locale, visit))
    text, html = parts(mail)

    assert mail["Bcc"] is None
    raw = html_of(mail)
    assert "<b>" not in raw
    assert [link for link in html.links if "mal.example" in link] == []
    if kind in WITHOUT_PLAIN:
        return
    for said in (str(mail["Subject"]), text, " ".join(html.text)):
        assert not re.search(r"mal\.example|://mal|\bwww\.mal", said), said


WITHOUT_PLAIN = {Kind.CHANGES_REQUESTED, Kind.REJECTED, Kind.ROOM_ANSWERED}
"""Organisers' own words to a host: an address they wrote stays readable, and is no link of the HTML."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_mail_is_wider_than_a_telephone(page: Page, scheme: str, visit: SimpleNamespace) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)
    for kind in MAKERS:
        for locale in LOCALES:
            with transaction.atomic():
                page.set_content(html_of(read(wire_of(kind, locale, visit))))
                transaction.set_rollback(True)
            visit = anew(visit)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{kind} {locale}"


def anew(visit: SimpleNamespace) -> SimpleNamespace:
    """The rows as they are in the database, after another kind has changed them."""
    for row in vars(visit).values():
        if hasattr(row, "refresh_from_db"):
            row.refresh_from_db()
    visit.registration.slot, visit.registration.visitor = visit.slot, visit.visitor
    return visit


def test_words_of_the_html_are_read_in_order() -> None:
    words = Words()
    words.feed("<style>x</style><p>Un <b>deux</b></p>")

    assert " ".join(words.text).split() == ["Un", "deux"]
