"""What the contents share: whose mail it is, its visits, the pages behind the visitor's link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from events.calendar import Method
from events.mail.batch import asked_together, with_the_slots_at_hand
from events.mail.letters import Letter, address, first_name, letter_of, tight_walks, visit_of, visit_of_slot
from events.models import Message, Registration, Visitor


@dataclass
class Content:
    """What a kind's templates need beside the letter, its calendar file and its own headers."""

    letter: Letter
    facts: dict[str, Any] = field(default_factory=dict)
    calendar: tuple[Method, list[Registration]] | None = None
    headers: dict[str, str] = field(default_factory=dict)


ContentOf = dict[str, Callable[[Message, dt.datetime], Content]]
"""By kind: from the message and the instant it leaves."""


_SPELLED = {1: _("one"), 2: _("two"), 3: _("three"), 4: _("four"), 5: _("five")}


def spelled(number: int) -> str:
    """« quatre »; in figures from six on."""
    return _spelled(get_language(), number)


@lru_cache(maxsize=64)
def _spelled(_language: str | None, number: int) -> str:
    return str(_SPELLED.get(number, number))


def visits_of_the_day(registration: Registration, *, now: dt.datetime) -> list[Registration]:
    """This confirmed visit and the visitor's others of that day still to come, in order."""
    day = registration.slot.day
    together = asked_together(_visits_to_come)
    if together is None:
        ours = list(_to_come([registration.visitor_id]))
        with_the_slots_at_hand(ours)
    else:
        ours = together.get(registration.visitor_id, [])
    return [visit for visit in ours if visit.slot.day == day and visit.slot.starts_at > now]


def _visits_to_come(messages: Sequence[Message]) -> dict[int, list[Registration]]:
    """By visitor: the confirmed visits of everybody who is written to about one."""
    asked = {message.registration.visitor_id for message in messages if message.registration is not None}
    found: dict[int, list[Registration]] = {visitor: [] for visitor in asked}
    visits = list(_to_come(asked))
    with_the_slots_at_hand(visits)
    for visit in visits:
        found[visit.visitor_id].append(visit)
    return found


def _to_come(visitors: Collection[int]) -> QuerySet[Registration]:
    return (
        Registration.objects.confirmed()
        .filter(visitor__in=visitors, slot__state="published")
        .select_related("visitor")
        .order_by("slot__starts_at", "pk")
    )


OF_A_VISIT = (
    "slot__activity__host",
    "slot__activity__festival",
    "slot__activity__programme",
    "slot__activity__territory",
    "slot__activity__venue__commune",
    "slot__activity__venue__territory",
    "slot__venue__commune",
    "slot__venue__territory",
    "slot__room",
)
"""What a mail tells of a visit, by the way there from what has a slot."""


def with_everything() -> Any:
    return Registration.objects.select_related("visitor", *OF_A_VISIT)


def registration_of(message: Message) -> Registration:
    if message.registration is None:
        raise ValueError("A mail about a registration without it.")
    return message.registration


def letter_about(registration: Registration) -> Letter:
    name = first_name(registration.name)
    return letter_of(registration.slot.activity, name=name, visits=[visit_of(registration)])


def letter_without_ticket(registration: Registration) -> Letter:
    name = first_name(registration.name)
    return letter_of(registration.slot.activity, name=name, visits=[visit_of_slot(registration.slot)])


def ways_on(registration: Registration) -> dict[str, Any]:
    """Where the visitor goes from here, and who would be glad of the place."""
    return {
        "my_visits": address("my_visits", registration.visitor.token),
        "waiting": registration.slot.waiting,
    }


def page_of(name: str, registration: Registration) -> str:
    """A page of this registration behind the visitor's link."""
    return address(name, registration.visitor.token, registration.reference)


def walks_around(registration: Registration, now: dt.datetime) -> list[str]:
    """Where the way from or to another visit of that day does not fit."""
    return tight_walks(registration, visits_of_the_day(registration, now=now))


def said_by_the_team(text: str) -> list[str]:
    """The organisers' own words to a host: addresses stay addresses."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def rank_of(registration: Registration) -> int:
    """From 1, in the list of its slot."""
    since = registration.waiting_since
    ahead = Registration.objects.waiting().filter(slot_id=registration.slot_id)
    return (
        1 + ahead.filter(Q(waiting_since__lt=since) | Q(waiting_since=since, pk__lt=registration.pk)).count()
    )


def visitor_of(message: Message) -> Visitor:
    visitor = message.visitor or (message.registration.visitor if message.registration else None)
    if visitor is None:
        raise ValueError("A mail to a visitor without one.")
    return visitor
