"""Mails about ballots."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils.translation import ngettext

from events import wording
from events.calendar import Method
from events.clock import on_the_wall
from events.mail.letters import address, first_name, letter_of, plain, unlinked, visit_of, visit_of_slot
from events.models import BallotEntry, Message, Registration

from .shared import OF_A_VISIT, Content, ContentOf, rank_of, visitor_of, with_everything

Kind = Message.Kind


def _ballot_entered(message: Message, now: dt.datetime) -> Content:
    entry = _entry(message)
    slots = [wish.slot for wish in _wishes(entry)]
    visits = [visit_of_slot(slot) for slot in slots]
    facts = {**_about_ballot(entry), "again": bool(message.context.get("again")), "count": len(visits)}
    asks = entry.ballot.festival.confirms_addresses and visitor_of(message).verified_at is None
    facts["to_confirm"] = asks
    activity = slots[0].activity if slots else None
    name = first_name(entry.name)
    return Content(letter_of(activity, name=name, visits=visits), facts)


def _ballot_won(message: Message, now: dt.datetime) -> Content:
    entry = _entry(message)
    won = [row for row in _drawn(entry) if row.status == Registration.Status.CONFIRMED]
    if not won:
        raise ValueError("A mail about visits won without one.")
    visits = [visit_of(row) for row in won]
    letter = letter_of(won[0].slot.activity, name=first_name(entry.name), visits=visits)
    # One request is about one event (RFC 5546 §3.2.2); several are published.
    method: Method = "REQUEST" if len(won) == 1 else "PUBLISH"
    return Content(letter, {**_about_ballot(entry), "count": len(won)}, (method, won))


def _ballot_lost(message: Message, now: dt.datetime) -> Content:
    """With the rank on each list, as it is when the mail leaves."""
    entry = _entry(message)
    waiting = [row for row in _drawn(entry) if row.status == Registration.Status.WAITING]
    lists = [
        {
            "title": unlinked(row.slot.activity.title),
            "moment": wording.say_moment(row.slot.local_start, weekday=True),
            "rank": wording.say_ordinal(rank_of(row)),
        }
        for row in waiting
    ]
    activity = waiting[0].slot.activity if waiting else None
    if activity is None and (wish := _wishes(entry).first()):
        activity = wish.slot.activity
    letter = letter_of(activity, name=first_name(entry.name), visits=[visit_of(row) for row in waiting])
    rank = wording.say_ordinal(entry.rank or 0)
    return Content(letter, {**_about_ballot(entry), "lists": lists, "rank": rank})


def _entry(message: Message) -> BallotEntry:
    if message.ballot_entry is None:
        raise ValueError("A mail about a ballot without its entry.")
    return message.ballot_entry


def _wishes(entry: BallotEntry) -> Any:
    return entry.wishes.select_related(*OF_A_VISIT).order_by("rank")


def _drawn(entry: BallotEntry) -> list[Registration]:
    """What the draw made of an entry, in the order of time."""
    return list(with_everything().filter(ballot_entry=entry).order_by("slot__starts_at", "pk"))


def _about_ballot(entry: BallotEntry) -> dict[str, Any]:
    """Links and moments of a ballot and of one entry in it."""
    ballot, visitor = entry.ballot, entry.visitor
    zone = ballot.territory.timezone if ballot.territory else settings.TIME_ZONE
    facts = {
        "ballot": plain(ballot.name),
        "ballot_page": address("ballot", ballot.slug),
        "closes": wording.say_moment(on_the_wall(ballot.closes_at, zone), weekday=True),
        "code": str(entry.code),
        "party": ngettext("%(number)d place", "%(number)d places", entry.party_size)
        % {"number": entry.party_size},
    }
    if visitor is not None:
        facts["my_entry"] = address("my_ballot_entry", visitor.token, entry.code)
        facts["my_visits"] = address("my_visits", visitor.token)
    return facts


CONTENT_OF: ContentOf = {
    Kind.BALLOT_ENTERED: _ballot_entered,
    Kind.BALLOT_WON: _ballot_won,
    Kind.BALLOT_LOST: _ballot_lost,
}
