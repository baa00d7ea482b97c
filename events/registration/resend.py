"""« Send me my link again »: the same answer whether the address is known or not."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from events.limits import allow
from events.links import new_nonce
from events.mail.outbox import owe
from events.models import Message, Visitor

from .visitors import LINK_LASTS

PER_ADDRESS, PER = 3, dt.timedelta(hours=1)


def send_link_again(*, email: str, now: dt.datetime, locale: str) -> None:
    """Owe the link to the address if it is a visitor's, at most three times an hour; says nothing either way.

    A link past its date is replaced by a new one, which kills the old; a valid one stays and lasts longer.
    """
    email = email.strip().lower()
    if not allow(action="link", peer=email, limit=PER_ADDRESS, per=PER, now=now):
        return
    with transaction.atomic():
        visitor = Visitor.objects.select_for_update().filter(email=email).first()
        if visitor is None:
            return
        if visitor.link_expires_at is not None and visitor.link_expires_at <= now:
            visitor.link_nonce = new_nonce()
        visitor.link_expires_at = now + LINK_LASTS
        visitor.save(update_fields=["link_nonce", "link_hash", "link_expires_at"])
        owe(
            kind=Message.Kind.LINK,
            dedupe_key=f"link:{visitor.pk}:{now:%Y%m%d%H%M}",
            recipient=visitor.email,
            locale=locale,
            now=now,
            visitor=visitor,
        )
