"""Mails about a visitor: the link to the visits, a new address."""

from __future__ import annotations

import datetime as dt
from email.utils import parseaddr

from django.conf import settings

from events import wording
from events.clock import on_the_wall
from events.links import NEW_ADDRESS_LASTS, mask, new_address_token
from events.mail.letters import HOME_ZONE, address, letter_of, visit_of
from events.models import Activity, Message, Registration, Visitor

from .shared import Content, ContentOf, visitor_of, with_everything

Kind = Message.Kind


def _link(message: Message, now: dt.datetime) -> Content:
    visitor = visitor_of(message)
    coming = list(
        with_everything()
        .filter(visitor=visitor, status__in=Registration.ACTIVE, slot__ends_at__gt=now)
        .order_by("slot__starts_at", "pk")[:20]
    )
    activity = coming[0].slot.activity if coming else None
    letter = letter_of(activity, visits=[visit_of(registration) for registration in coming])
    return Content(letter, {"my_visits": address("my_visits", visitor.token), "count": len(coming)})


def _new_address(message: Message, now: dt.datetime) -> Content:
    """Goes to an address whose owner may know nothing of this: so it shows no visit and no name."""
    visitor = visitor_of(message)
    token = new_address_token(visitor.pk, visitor.link_nonce, message.recipient)
    until = on_the_wall(message.created_at + NEW_ADDRESS_LASTS, HOME_ZONE)
    facts = {
        "take": address("new_address", token),
        "old": mask(visitor.email),
        "until": wording.say_moment(until, weekday=True),
    }
    return Content(letter_of(_latest_activity(visitor)), facts)


def _address_changed(message: Message, now: dt.datetime) -> Content:
    """Goes to the address that is no longer the visitor's: it opens nothing."""
    visitor = visitor_of(message)
    letter = letter_of(_latest_activity(visitor))
    facts = {
        "at": wording.say_moment(on_the_wall(message.created_at, HOME_ZONE), weekday=True),
        "new": mask(visitor.email),
        "contact": letter.reply_to or parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
    }
    return Content(letter, facts)


def _latest_activity(visitor: Visitor) -> Activity | None:
    """What the visitor booked last: whose team signs and answers."""
    latest = with_everything().filter(visitor=visitor).order_by("-created_at", "-pk").first()
    return latest.slot.activity if latest else None


CONTENT_OF: ContentOf = {
    Kind.NEW_ADDRESS: _new_address,
    Kind.ADDRESS_CHANGED: _address_changed,
    Kind.LINK: _link,
}
