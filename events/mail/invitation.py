"""A mail that asks somebody in, by a link for that address alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from accounts.adapter import pieces_of
from accounts.models import User
from events.mail.letters import unlinked
from events.mail.outbox import owe
from events.models import Message

INVITATION_LASTS = dt.timedelta(days=14)


def owe_invitation(
    *, key: str, email: str, subject: str, template: str, words: dict[str, Any], by: User, now: dt.datetime
) -> None:
    """Owe the mail, its text from ``template``; one an hour to one address for one ``key``.

    Call it in the language of ``by``, in whose name it goes, and inside a transaction. The names among
    ``words`` were typed by somebody and lead nowhere; ``url`` is ours.
    """
    subject = unlinked(subject)
    said = {name: word if name == "url" else unlinked(str(word)) for name, word in words.items()}
    text = render_to_string(template, {**said, "days": INVITATION_LASTS.days}).strip() + "\n"
    letter = {"subject": subject, "pieces": pieces_of(text), "site_url": settings.SITE_URL}
    owe(
        kind=Message.Kind.ACCOUNT,
        dedupe_key=f"{key}:{email}:{now:%Y%m%d%H}"[:160],
        recipient=email,
        locale=by.locale,
        now=now,
        subject=subject,
        text_body=text,
        html_body=render_to_string("account/email/letter.html", letter),
    )
