"""The reminder: one mail for a visitor's day."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from events.clock import on_the_wall
from events.links import reminders_token
from events.mail.letters import address, day_of, first_name, letter_of
from events.models import Message

from .shared import Content, ContentOf, registration_of, visits_of_the_day, ways_on

Kind, Status = Message.Kind, Message.Status


def _reminder(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    slot = registration.slot
    day = visits_of_the_day(registration, now=now)
    visits, visitor = day_of(day), registration.visitor
    today = on_the_wall(now, slot.timezone).date()
    waiting = sum(other.slot.waiting for other in day)
    stop = address("reminders_off", reminders_token(visitor.pk))
    facts = {
        **ways_on(registration),
        "count": len(day),
        "count_words": _spelled(len(day)),
        "days_left": (slot.day - today).days,
        "waiting": waiting,
        "stop": stop,
    }
    headers = {
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
    }
    name = first_name(registration.name)
    return Content(letter_of(slot.activity, name=name, visits=visits), facts, headers=headers)


def said_with(message: Message, *, now: dt.datetime) -> list[int]:
    """The other reminders, due by the same rule for the same day, that this mail makes superfluous: their
    keys."""
    if message.kind != Kind.REMINDER or message.visitor_id is None:
        return []
    others = (
        Message.objects.filter(
            kind=Kind.REMINDER,
            visitor=message.visitor_id,
            status__in=[Status.PENDING, Status.SENDING],
            next_attempt_at__lte=now,
        )
        .exclude(pk=message.pk)
        .values_list("pk", "context")
    )
    mine = (message.context.get("rule"), message.context.get("day"))
    return [key for key, context in others if (context.get("rule"), context.get("day")) == mine]


def _spelled(number: int) -> str:
    words = {1: _("one"), 2: _("two"), 3: _("three"), 4: _("four"), 5: _("five")}
    return words.get(number, str(number))


CONTENT_OF: ContentOf = {
    Kind.REMINDER: _reminder,
}
