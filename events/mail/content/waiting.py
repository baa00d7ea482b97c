"""Mails about places waited for or kept until somebody answers."""

from __future__ import annotations

import datetime as dt

from events import wording
from events.clock import on_the_wall
from events.mail.letters import address, first_name, letter_of, say_until, visit_of
from events.models import Message, Overtaking, Registration

from .shared import (
    Content,
    ContentOf,
    letter_about,
    letter_without_ticket,
    page_of,
    rank_of,
    registration_of,
    walks_around,
    ways_on,
    with_everything,
)

Kind = Message.Kind


def _waiting(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    request = Registration.objects.filter(pk=registration.pk)
    if registration.any_of:
        request = Registration.objects.filter(any_of=registration.any_of)
    waiting = list(
        with_everything()
        .filter(pk__in=request.filter(status=Registration.Status.WAITING))
        .order_by("slot__starts_at", "pk")
    )
    visits = [visit_of(one, rank=wording.say_ordinal(rank_of(one))) for one in waiting]
    letter = letter_of(registration.slot.activity, name=first_name(registration.name), visits=visits)
    facts = {
        **ways_on(registration),
        "rank": wording.say_ordinal(rank_of(registration)),
        "size": registration.party_size,
        "split": page_of("my_visit_split", registration),
    }
    return Content(letter, facts)


def _offer(message: Message, now: dt.datetime) -> Content:
    return _kept(message, now, page="my_visit_offer")


def _confirm_address(message: Message, now: dt.datetime) -> Content:
    return _kept(message, now, page="my_visit_confirm")


def _choose(message: Message, now: dt.datetime) -> Content:
    content = _kept(message, now, page="my_visit_choose")
    registration = registration_of(message)
    slot = registration.slot
    there = Registration.objects.filter(
        visitor=registration.visitor_id,
        status__in=[Registration.Status.CONFIRMED, Registration.Status.HELD],
        slot__starts_at__lt=slot.ends_at,
        slot__ends_at__gt=slot.starts_at,
    )
    content.facts["is_overlap"] = there.exclude(pk=registration.pk).exists()
    return content


def _kept(message: Message, now: dt.datetime, *, page: str) -> Content:
    """Places kept until an hour that is said, answered on a page."""
    registration = registration_of(message)
    if registration.held_until is None:
        raise ValueError("A mail about places that are not kept.")
    slot = registration.slot
    facts = {
        "answer": page_of(page, registration),
        "size": registration.party_size,
        "until": say_until(registration.held_until, slot),
        "until_time": wording.say_time(on_the_wall(registration.held_until, slot.timezone)),
        "walks": walks_around(registration, now),
        "others_waited_for": _others_waited_for(registration),
    }
    return Content(letter_about(registration), facts)


def _offer_over(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    slot = registration.slot
    may_wait = slot.waiting_list_open and slot.starts_at > now
    facts = {
        **ways_on(registration),
        "size": registration.party_size,
        "may_wait": may_wait,
        "again": address("slot_register" if may_wait else "slot", slot.pk),
        "others_waited_for": _others_waited_for(registration),
    }
    return Content(letter_without_ticket(registration), facts)


def _passed(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    rank = wording.say_ordinal(rank_of(registration))
    passed = registration.overtakings.filter(why=Overtaking.Why.TOO_MANY)
    facts = {
        **ways_on(registration),
        "was_served": passed.filter(by__isnull=False).exists(),
        "places": int(message.context.get("places", 1)),
        "size": registration.party_size,
        "rank": rank,
        "split": page_of("my_visit_split", registration),
    }
    letter = letter_of(
        registration.slot.activity,
        name=first_name(registration.name),
        visits=[visit_of(registration, rank=rank)],
    )
    return Content(letter, facts)


def _last_call(message: Message, now: dt.datetime) -> Content:
    registration = registration_of(message)
    facts = {"claim": page_of("my_visit_claim", registration), "walks": walks_around(registration, now)}
    return Content(letter_about(registration), facts)


def _others_waited_for(registration: Registration) -> int:
    """In how many other slots the same request waits."""
    if registration.any_of is None:
        return 0
    same = Registration.objects.waiting().filter(any_of=registration.any_of)
    return same.exclude(pk=registration.pk).count()


CONTENT_OF: ContentOf = {
    Kind.WAITING: _waiting,
    Kind.CONFIRM_ADDRESS: _confirm_address,
    Kind.CHOOSE: _choose,
    Kind.OFFER: _offer,
    Kind.OFFER_OVER: _offer_over,
    Kind.PASSED: _passed,
    Kind.LAST_CALL: _last_call,
}
