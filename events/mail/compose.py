"""An e-mail put together: subject, text, HTML, calendar file, headers. What each kind says stands in
``events/mail/content``, its words in ``templates/events/email/<kind>.*``.

A mail is composed when it leaves, from what is true then. Links come from SITE_URL only; the text says the
same as the HTML, in the same order.
"""

from __future__ import annotations

import binascii
import datetime as dt
from copy import copy
from email.mime.base import MIMEBase
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.translation import override

from events.calendar import Method, calendar_of
from events.mail.content.kinds import CONTENT_OF
from events.mail.content.shared import Content
from events.mail.pages import page_of
from events.mail.wordings import own_words
from events.models import Message

Kind = Message.Kind
FILE_NAME = "visite.ics"
IN_A_LINE = 76
"""Signs of base64 (RFC 2045 § 6.8)."""


def compose(message: Message, *, now: dt.datetime) -> EmailMultiAlternatives:
    """The mail as it leaves, in the recipient's language. Raises whatever its templates or facts raise."""
    with override(message.locale):
        if message.kind == Kind.ACCOUNT:
            return _as_fixed(message)
        content = CONTENT_OF[message.kind](message, now)
        return _mail(message, content, now)


def _mail(message: Message, content: Content, now: dt.datetime) -> EmailMultiAlternatives:
    own = own_words(message, content.letter)
    letter = own.put_on(content.letter)
    page = page_of(message.kind, message.locale, letter, content.facts, subject=own.subject)
    mail = EmailMultiAlternatives(
        subject=page.subject,
        body=page.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        reply_to=[content.letter.reply_to] if content.letter.reply_to else None,
        headers={**_headers(message), **content.headers},
    )
    mail.attach_alternative(page.html, "text/html")
    if content.calendar:
        method, registrations = content.calendar
        _attach_calendar(mail, calendar_of(registrations=registrations, method=method, now=now), method)
    return mail


def _as_fixed(message: Message) -> EmailMultiAlternatives:
    """A mail whose words were fixed when it was owed (accounts). Its sender and headers wait in the
    context."""
    kept = message.context
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text_body,
        from_email=kept.get("from_email") or settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        reply_to=kept.get("reply_to") or None,
        headers={**kept.get("headers", {}), **_headers(message)},
    )
    if message.html_body:
        mail.attach_alternative(message.html_body, "text/html")
    return mail


def _headers(message: Message) -> dict[str, str]:
    return {
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834: no answering machine answers
        "X-Auto-Response-Suppress": "All",  # the same, as Exchange wants to hear it
        "Content-Language": message.locale,
    }


def _attach_calendar(mail: EmailMultiAlternatives, content: bytes, method: Method) -> None:
    """As a file, and where a calendar has to change by itself as the last alternative of the text too (RFC
    6047 §2.4): there Outlook and Gmail look, elsewhere Apple's calendar. The file is then of another type, so
    that no client shows two invitations.
    """
    if method == "PUBLISH":
        file = copy(_empty_file("text", "calendar", charset="utf-8", method=method))
    else:
        # The method here must be the one in the file, or Exchange refuses it.
        mail.attach_alternative(content.decode(), f"text/calendar; method={method}")
        file = copy(_empty_file("application", "ics"))
    said = binascii.b2a_base64(content, newline=False).decode()
    lines = [said[begin : begin + IN_A_LINE] for begin in range(0, len(said), IN_A_LINE)]
    file.set_payload("\n".join([*lines, ""]))
    mail.attach(file)


@lru_cache(maxsize=8)
def _empty_file(maintype: str, subtype: str, **more: Any) -> MIMEBase:
    """The headers of a file that is attached. Copies share them, so none changes them."""
    file = MIMEBase(maintype, subtype, **more, name=FILE_NAME)
    file.add_header("Content-Disposition", "attachment", filename=FILE_NAME)
    file["Content-Transfer-Encoding"] = "base64"
    return file
