"""What goes over the wire says what Django would have said."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from email.mime.base import MIMEBase
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import BadHeaderError
from hypothesis import given, settings
from hypothesis import strategies as st

from events.calendar import Method
from events.mail.compose import _attach_calendar
from events.mail.wire import LONGEST_LINE, on_the_wire

pytestmark = pytest.mark.once

SIGNS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"])
LINE = st.text(SIGNS, max_size=200)
TEXT = st.lists(LINE, max_size=8).map("\n".join)


def a_mail(**changes: Any) -> EmailMultiAlternatives:
    said: dict[str, Any] = {
        "subject": "Demain, jeudi 10 juin à 14 h 30 : Dans l’atelier d’un robot jardinier",
        "body": "Bonjour Camille,\n\nDemain, une porte vous attend.\n",
        "from_email": "Festival « French Tech » <festival@example.org>",
        "to": ["camille@example.org"],
        "reply_to": ["Équipe <equipe@example.org>"],
        "headers": {"Message-ID": "<1@example.org>", "Date": "Mon, 03 May 2027 08:00:00 -0000"},
    }
    return EmailMultiAlternatives(**said | changes)


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def told(message: EmailMessage) -> dict[str, Any]:
    """Headers and parts as a mail program reads them, whatever they were encoded with."""
    headers = {name: str(value) for name, value in message.items() if name != "Content-Type"}
    headers.pop("Content-Transfer-Encoding", None)
    parts = [
        (part.get_content_type(), dict(part["Content-Type"].params), part.get_filename(), part.get_content())
        for part in message.walk()
        if not part.is_multipart()
    ]
    return {"headers": headers, "parts": parts, "shape": [part.get_content_type() for part in message.walk()]}


def django_says(mail: EmailMultiAlternatives) -> dict[str, Any]:
    message: Any = mail.message()
    message.policy = message.policy.clone(max_line_length=None)
    return told(parsed(message.as_bytes(linesep="\r\n")))


@settings(max_examples=40, deadline=None)
@given(text=TEXT, other=TEXT, subject=LINE)
def test_text_and_html_say_what_django_would_say(text: str, other: str, subject: str) -> None:
    mail = a_mail(subject=subject.strip(), body=text)
    mail.attach_alternative(other, "text/html")

    ours, theirs = told(parsed(on_the_wire(mail))), django_says(mail)

    assert ours["parts"] == theirs["parts"]
    assert ours["shape"] == theirs["shape"]
    assert ours["headers"]["Subject"] == subject.strip()


@pytest.mark.parametrize("method", ["REQUEST", "PUBLISH"])
def test_a_whole_mail_reads_as_django_would_have_written_it(method: Method) -> None:
    mail = a_mail(headers={**a_mail().extra_headers, "List-Unsubscribe": "<https://example.org/non/>"})
    mail.attach_alternative("<p>Demain, une porte vous attend.</p>", "text/html")
    _attach_calendar(mail, "BEGIN:VCALENDAR\r\nNAME:Été\r\nEND:VCALENDAR\r\n".encode(), method)

    assert told(parsed(on_the_wire(mail))) == django_says(mail)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reply_to": None},
        {"to": ["Camille Étienne <camille@example.org>"]},
        {"from_email": "festival@example.org"},
        {"from_email": f"{'Très ' * 30}long <festival@example.org>"},
        {"cc": ["deux@example.org"]},
        {"body": "x" * (LONGEST_LINE + 1) + "\né"},
        {"body": "From here\n.\n..\n"},
    ],
)
def test_every_shape_reads_as_django_would_have_written_it(changes: dict[str, Any]) -> None:
    assert told(parsed(on_the_wire(a_mail(**changes)))) == django_says(a_mail(**changes))


def test_lines_end_in_crlf_and_none_is_too_long() -> None:
    mail = a_mail(body="é" * 3000, headers={"Message-ID": "<1@example.org>", "X-Long": "é" * 300})
    mail.attach_alternative("a\rb\nc\r\nd", "text/html")

    raw = on_the_wire(mail)

    assert set(raw.replace(b"\r\n", b"")).isdisjoint(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE


@pytest.mark.parametrize("where", ["subject", "header", "to", "from_email"])
def test_no_line_end_makes_a_header(where: str) -> None:
    evil = "Bonjour\r\nBcc: autre@example.org"
    changes: dict[str, dict[str, Any]] = {
        "subject": {"subject": evil},
        "header": {"headers": {**a_mail().extra_headers, "X-Said": evil}},
        "to": {"to": [f"a@example.org{evil}"]},
        "from_email": {"from_email": evil},
    }

    with pytest.raises((BadHeaderError, ValueError)):
        on_the_wire(a_mail(**changes[where]))


def test_what_looks_like_an_encoded_word_is_read_as_it_was_typed() -> None:
    typed = "=?utf-8?q?Gratuit?="

    assert str(parsed(on_the_wire(a_mail(subject=typed)))["Subject"]) == typed


def test_a_file_of_another_kind_goes_djangos_way() -> None:
    mail = a_mail()
    mail.attach("plan.txt", "Un plan", "text/plain")

    assert told(parsed(on_the_wire(mail))) == django_says(mail)
    assert not any(isinstance(part, MIMEBase) for part in mail.attachments)
