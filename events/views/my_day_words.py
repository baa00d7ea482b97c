"""What the page of a day shows of a plan: the sentence that asks, its steps, what is left out and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.planner.propose import Left, Proposal, Reason, Step
from events.planner.question import LUNCHES, Pace, Question
from events.planner.starting import starts_in
from events.views.public_rows import Row, rows_of
from events.wording import say_day, say_duration, say_number, say_time

HOURS = range(8, 23)
TUNING = ("de", "a", "dejeuner", "depart")
"""Parts of the sentence that wait behind a summary until somebody wants them."""
MOST_PEOPLE = 6


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step with its door, and the addresses that pin it or leave it out."""

    step: Step
    row: Row | None
    leave: str
    pin: str
    without: str


@dataclass(frozen=True, slots=True)
class LeftShown:
    """Something left out, why in words, and the address of the day that would have it, with what it says."""

    left: Left
    words: str
    with_it: str
    with_it_said: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A select of the sentence."""

    name: str
    label: str
    options: list[tuple[str, str, bool]]
    stop: str = ""


def sentence_of(question: Question, proposal: Proposal) -> list[Choice]:
    """« Ma journée du [jeudi 10 juin], [à pied], [pour 2 personnes]. », then hours, lunch, starting point."""
    days = [(day.isoformat(), say_day(day), day == proposal.day) for day, _number in proposal.days]
    opens = [("", _("from the first door"), question.opens is None)]
    opens += [
        (f"{h:02}:00", _("from %(time)s") % {"time": say_time(dt.time(h))}, _is(question.opens, h))
        for h in HOURS
    ]
    closes = [("", _("until the last"), question.closes is None)]
    closes += [
        (f"{h:02}:00", _("until %(time)s") % {"time": say_time(dt.time(h))}, _is(question.closes, h))
        for h in HOURS
    ]
    paces = {
        Pace.FOOT: _("on foot"),
        Pace.BIKE: _("by bicycle"),
        Pace.TRANSIT: _("by public transport"),
    }
    lunches = [(str(minutes or ""), _say_lunch(minutes), minutes == question.lunch) for minutes in LUNCHES]
    people = [
        (str(n), _say_people(n), n == question.people)
        for n in sorted({*range(1, MOST_PEOPLE + 1), question.people})
    ]
    return [
        Choice("jour", _("Day"), days, ","),
        Choice(
            "allure",
            _("How"),
            [(str(pace), words, pace == question.pace) for pace, words in paces.items()],
            ",",
        ),
        Choice("personnes", _("People"), people, "."),
        Choice("de", _("From"), opens, ","),
        Choice("a", _("Until"), closes, ","),
        Choice("dejeuner", _("Lunch"), lunches, ","),
        Choice("depart", _("Starting point"), _starts(question, proposal), "."),
    ]


def say_sentence(choices: list[Choice]) -> str:
    """« jeudi 10 juin, à pied, pour 2 personnes, dès 13 h »: what waits behind a summary if it was chosen."""
    chosen = [(one.name, option) for one in choices for option in one.options if option[2]]
    return ", ".join(label for name, (value, label, _chosen) in chosen if value or name not in TUNING)


def _starts(question: Question, proposal: Proposal) -> list[tuple[str, str, bool]]:
    """The first door, where the device was, the middle of the city, its venues."""
    slots = [step.slot for step in proposal.steps if step.slot is not None]
    territories = {slot.activity.territory_id for slot in slots} or {
        one.territory_id for one in proposal.activities
    }
    options = [("", _("from the first visit"), not question.start and not question.start_at)]
    if question.start and not question.start_at:
        options.append(("{:.4f},{:.4f}".format(*question.start), _("from where you were"), True))
    options += [(one.code, one.label, one.code == question.start_at) for one in starts_in(territories)]
    return options


def kept_by(asked: Question) -> list[tuple[str, str]]:
    """What the sentence does not say and its button must not forget."""
    said = parse_qsl(asked.query()[1:])
    return [(name, value) for name, value in said if name in ("choix", "sans")]


def _say_lunch(minutes: int) -> str:
    if not minutes:
        return _("without a lunch break")
    return _("with %(time)s for lunch") % {"time": say_duration(minutes)}


def _say_people(number: int) -> str:
    said = ngettext("for %(number)s person", "for %(number)s people", number)
    return said % {"number": say_number(number)}


def _is(time: dt.time | None, hour: int) -> bool:
    return time is not None and time.hour == hour


def steps_shown(proposal: Proposal, question: Question, now: dt.datetime) -> list[StepShown]:
    slots = [step.slot for step in proposal.steps if step.slot is not None]
    rows = {row.slot.pk: row for row in rows_of(slots, now=now)}
    shown = []
    for step in proposal.steps:
        pin = without = ""
        if step.slot is not None and step.registration is None:
            key = frozenset({step.slot.pk})
            pinned = question.pinned - key if step.is_pinned else question.pinned | key
            pin = question.query(pinned=pinned, variant=0)
            without = question.query(
                without=question.without | {step.slot.activity_id}, pinned=question.pinned - key, variant=0
            )
        leave = ""
        if step.way:
            facts = {"time": say_time(step.leaves_at), "way": say_duration(step.way)}
            leave = _("Leave by %(time)s: %(way)s from door to door.") % facts
            if step.spare:
                leave += " " + _("%(spare)s to spare.") % {"spare": say_duration(step.spare)}
        shown.append(StepShown(step, rows.get(step.slot.pk) if step.slot else None, leave, pin, without))
    return shown


def left_shown(left: Left, question: Question) -> LeftShown:
    beside = ", ".join(_("“%(title)s”") % {"title": title} for title in left.beside)
    days = ", ".join(say_day(day) for day in left.days)
    words = {
        Reason.OTHER_DAY: _("On another day: %(days)s.") % {"days": days},
        Reason.OVER: _("It is over, or has begun."),
        Reason.FULL: _("Too few places are left that day."),
        Reason.BALLOT: _("Its places are drawn by lot: take part on its page."),
        Reason.CLOSED: _("It cannot be booked yet."),
        Reason.OUTSIDE: _("It does not fit between the hours you gave."),
        Reason.FIXED: _("It does not fit beside %(beside)s.") % {"beside": beside},
        Reason.OTHERS: _("Instead of it: %(beside)s.") % {"beside": beside}
        if beside
        else _("Your other stars leave no time for it."),
    }[left.reason]
    with_it = said = ""
    if left.reason == Reason.OUTSIDE:
        with_it, said = question.query(opens=None, closes=None, variant=0), _("Plan the whole day")
    elif left.days:
        with_it = question.query(day=left.days[0], variant=0, pinned=frozenset())
        said = _("Plan %(day)s") % {"day": say_day(left.days[0])}
    return LeftShown(left, words, with_it, said)


def is_dear(question: Question, pk: int) -> bool:
    return any(one.activity_id == pk and one.is_dear for one in question.wanted)


def say_totals(proposal: Proposal) -> str:
    """« 4 visites, 38 min de trajet, fini à 17 h 15. »"""
    visits = [step for step in proposal.steps if step.slot is not None]
    if not visits:
        return ""
    said = ngettext("%(number)s visit", "%(number)s visits", len(visits)) % {
        "number": say_number(len(visits))
    }
    facts: dict[str, Any] = {"visits": said, "end": say_time(visits[-1].ends_at)}
    if not proposal.on_the_way:
        return _("%(visits)s, done at %(end)s.") % facts
    facts["way"] = say_duration(proposal.on_the_way)
    return _("%(visits)s, %(way)s on the way, done at %(end)s.") % facts
