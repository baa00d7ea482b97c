"""Mails about a day that was booked at once: confirmed, or kept until its address is confirmed."""

from __future__ import annotations

import datetime as dt

from events import wording
from events.clock import on_the_wall
from events.mail.letters import Letter, address, day_of, first_name, letter_of, say_until
from events.mail.whole_days import visits_of
from events.models import Message, Registration

from .shared import Content, ContentOf, spelled

Kind = Message.Kind


def _day(message: Message, now: dt.datetime) -> Content:
    visits = _standing(message, now)
    token, days = visits[0].visitor.token, {one.slot.day for one in visits}
    page = address("my_visits", token)
    if len(days) == 1:
        page = address("my_day_ticket", token, visits[0].slot.day)
    facts = {
        "my_visits": page,
        "count": len(visits),
        "count_words": spelled(len(visits)),
        "is_one_day": len(days) == 1,
        "waiting": sum(one.slot.waiting for one in visits),
    }
    return Content(_letter(visits), facts, ("PUBLISH", visits))


def _confirm_day(message: Message, now: dt.datetime) -> Content:
    visits = _standing(message, now)
    first = visits[0]
    until = min(one.held_until for one in visits if one.held_until is not None)
    facts = {
        "answer": address("my_day_confirm", first.visitor.token),
        "count": len(visits),
        "count_words": spelled(len(visits)),
        "until": say_until(until, first.slot),
        "until_time": wording.say_time(on_the_wall(until, first.slot.timezone)),
    }
    return Content(_letter(visits), facts)


def _standing(message: Message, now: dt.datetime) -> list[Registration]:
    """Raises ``ValueError`` where nothing of the day stands any more."""
    visits = visits_of(message, now)
    if not visits:
        raise ValueError("A mail about a day without a visit.")
    return visits


def _letter(visits: list[Registration]) -> Letter:
    name = next((first_name(one.name) for one in visits if first_name(one.name)), "")
    return letter_of(visits[0].slot.activity, name=name, visits=day_of(visits))


CONTENT_OF: ContentOf = {Kind.DAY: _day, Kind.CONFIRM_DAY: _confirm_day}
