"""Mails about one visit: confirmed, moved, made smaller, given back, withdrawn."""

from __future__ import annotations

import datetime as dt
from typing import Any

from events import wording
from events.calendar import Method
from events.clock import on_the_wall
from events.mail.letters import address, paragraphs, unlinked
from events.models import Message, Registration

from .shared import (
    Content,
    ContentOf,
    letter_about,
    letter_without_ticket,
    page_of,
    registration_of,
    walks_around,
    ways_on,
)

Kind, Status = Message.Kind, Message.Status


def _confirmation(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    facts = {
        **ways_on(registration),
        "after_offer": registration.waiting_since is not None,
        "walks": walks_around(registration, now),
        "change": page_of("my_visit_move", registration),
    }
    return Content(letter_about(registration), facts, ("REQUEST", [registration]))


def _already_registered(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    return Content(letter_about(registration), ways_on(registration))


def _moved(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    was, zone = _what_the_visitor_knew(message), registration.slot.timezone
    old = on_the_wall(dt.datetime.fromisoformat(was["old_starts_at"]), zone)
    facts = {
        **ways_on(registration),
        "old_day": wording.say_day(old.date()),
        "old_times": wording.say_times(old, on_the_wall(dt.datetime.fromisoformat(was["old_ends_at"]), zone)),
        "walks": walks_around(registration, now),
    }
    return Content(letter_about(registration), facts, ("REQUEST", [registration]))


def _reduced(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    facts = {**ways_on(registration), "given_back": int(message.context.get("given_back", 1))}
    return Content(
        letter_about(registration), {**facts, "kept": registration.party_size}, ("REQUEST", [registration])
    )


def _cancellation(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    facts = {
        "had_a_place": registration.confirmed_at is not None,
        "by_visitor": registration.cancelled_by in ("", "visitor"),
        "programme": address("programme"),
    }
    return Content(letter_without_ticket(registration), facts, _cancelled_calendar(registration))


def _slot_cancelled(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    facts = {
        "had_a_place": registration.confirmed_at is not None,
        "reason": paragraphs(str(message.context.get("reason", ""))),
        "programme": address("programme"),
    }
    return Content(letter_without_ticket(registration), facts, _cancelled_calendar(registration))


def _slot_moved(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    slot, was = registration.slot, _what_the_visitor_knew(message)
    old_start = dt.datetime.fromisoformat(was["old_starts_at"])
    old_end = dt.datetime.fromisoformat(was.get("old_ends_at") or was["old_starts_at"])
    local = on_the_wall(old_start, slot.timezone)
    facts = {
        **ways_on(registration),
        "old_day": wording.say_day(local.date()),
        "old_times": wording.say_times(local, on_the_wall(old_end, slot.timezone)),
        "old_place": unlinked(str(was.get("old_place", ""))),
        "new_time": old_start != slot.starts_at,
        "is_waiting": registration.status == Registration.Status.WAITING,
    }
    confirmed = registration.status == Registration.Status.CONFIRMED
    return Content(letter_about(registration), facts, ("REQUEST", [registration]) if confirmed else None)


def _cancelled_calendar(registration: Registration) -> tuple[Method, list[Registration]] | None:
    """Only who had a place has it in a calendar."""
    return ("CANCEL", [registration]) if registration.confirmed_at is not None else None


def _what_the_visitor_knew(message: Message) -> dict[str, Any]:
    """The former time by the last notice that reached the visitor: a change overtaken by the next was never
    told."""
    known: dict[str, Any] = message.context
    earlier = Message.objects.filter(
        kind=message.kind, registration=message.registration_id, pk__lt=message.pk
    ).order_by("-pk")
    for notice in earlier:
        if notice.status != Status.CANCELLED:
            break
        known = notice.context
    return known


CONTENT_OF: ContentOf = {
    Kind.CONFIRMATION: _confirmation,
    Kind.MOVED: _moved,
    Kind.ALREADY_REGISTERED: _already_registered,
    Kind.REDUCED: _reduced,
    Kind.CANCELLATION: _cancellation,
    Kind.SLOT_CANCELLED: _slot_cancelled,
    Kind.SLOT_MOVED: _slot_moved,
}
