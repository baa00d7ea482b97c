"""Mails about a visited day: the reminder before it, thanks and a survey after it. One for all its visits."""

from __future__ import annotations

import datetime as dt
from typing import Any

from events.clock import on_the_wall
from events.links import reminders_token
from events.mail import days
from events.mail.letters import Letter, address, day_of, first_name, letter_of, visit_of_slot
from events.models import Message, Registration, ReminderRule

from .shared import Content, ContentOf, spelled, ways_on

Kind, Status = Message.Kind, Message.Status


def _reminder(message: Message, now: dt.datetime) -> Content:
    day = _visits(message, now)
    first, visits = day[0], day_of(day, asks=True)
    today = on_the_wall(now, first.slot.timezone).date()
    facts = {
        **ways_on(first),
        "count": len(day),
        "count_words": spelled(len(day)),
        "days_left": (first.slot.day - today).days,
        "waiting": sum(one.slot.waiting for one in day),
    }
    letter = letter_of(first.slot.activity, name=first_name(first.name), visits=visits)
    return _stoppable(letter, facts, first, calendar=("PUBLISH", day))


def _thanks(message: Message, now: dt.datetime) -> Content:
    letter, facts, first = _after(message, now)
    return _stoppable(letter, facts, first)


def _survey(message: Message, now: dt.datetime) -> Content:
    """Raises ``ValueError`` where the rule has no address of a survey."""
    letter, facts, first = _after(message, now)
    survey = ReminderRule.objects.values_list("survey_url", flat=True).get(pk=message.context["rule_id"])
    if not survey.startswith("https://"):
        raise ValueError("A survey without an address.")
    return _stoppable(letter, {**facts, "survey": survey}, first)


def _after(message: Message, now: dt.datetime) -> tuple[Letter, dict[str, Any], Registration]:
    day = _visits(message, now)
    first = day[0]
    visits = [visit_of_slot(one.slot) for one in day]
    letter = letter_of(first.slot.activity, name=first_name(first.name), visits=visits)
    facts = {
        "count": len(day),
        "count_words": spelled(len(day)),
        "festival_page": address("programme"),
    }
    return letter, facts, first


def _visits(message: Message, now: dt.datetime) -> list[Registration]:
    """The day's visits. Raises ``ValueError`` where nothing of the day stands any more."""
    visits = days.day_of(message, now).visits
    if not visits:
        raise ValueError("A mail about a day without a visit.")
    return visits


def _stoppable(letter: Letter, facts: dict[str, Any], first: Registration, **more: Any) -> Content:
    stop = address("reminders_off", reminders_token(first.visitor_id))
    headers = {
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
    }
    return Content(letter, {**facts, "stop": stop}, headers=headers, **more)


def said_with(message: Message, *, now: dt.datetime) -> list[int]:
    """The other messages under way for the same day, which this mail makes superfluous: their keys.

    What it tells beside what it was owed for is noted in its context, and for which other rules it does
    (``said_for``), so that nothing tells it again.
    """
    if message.kind not in days.KINDS:
        return []
    day = days.day_of(message, now)
    told = days.tells(message) | {days.told_of(one) for one in day.visits}
    for other in day.beside:
        told |= days.tells(other)
    rules = {message.context.get("rule_id"), *(one.context.get("rule_id") for one in day.beside)}
    others = rules - {message.context.get("rule_id"), None, *message.context.get("said_for", [])}
    if told != days.tells(message) or others:
        message.context["tells"] = sorted(list(one) for one in told)
        if others:
            message.context["said_for"] = sorted({*others, *message.context.get("said_for", [])})
        Message.objects.filter(pk=message.pk).update(context=message.context)
    return [other.pk for other in day.beside]


CONTENT_OF: ContentOf = {
    Kind.REMINDER: _reminder,
    Kind.THANKS: _thanks,
    Kind.SURVEY: _survey,
}
