"""What the mails of one batch speak of, read together: one question for a hundred mails, not one for each.

Only for a few seconds: ``FRESH_FOR`` after it was read the rest of a batch is given back and claimed anew, so
that a visit given back meanwhile is known, an urgent mail that came meanwhile goes first, and no lease runs
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db.models import prefetch_related_objects

from events.models import Message, Registration, Slot

FRESH_FOR = 5.0
"""Seconds."""

Answer = TypeVar("Answer")

OF_A_SLOT = (
    *("room", "venue__commune", "venue__territory", "activity__host", "activity__festival"),
    *("activity__programme", "activity__territory", "activity__venue__commune", "activity__venue__territory"),
)
"""What a mail says of a slot."""


class _Batch:
    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.answers: dict[Callable[..., Any], Any] = {}


_at_hand: ContextVar[_Batch | None] = ContextVar("batch at hand", default=None)


@contextmanager
def at_hand(messages: Sequence[Message]) -> Iterator[None]:
    """While these mails are delivered, what is asked with ``asked_together`` is asked once for all."""
    token = _at_hand.set(_Batch(messages))
    try:
        yield
    finally:
        _at_hand.reset(token)


def beside(message: Message) -> Sequence[Message]:
    """The messages of the batch at hand if this is one of them; itself alone otherwise.

    For a question whose answer is kept on each of them.
    """
    batch = _at_hand.get()
    return batch.messages if batch is not None and message in batch.messages else [message]


def asked_together(question: Callable[..., Answer], **more: Any) -> Answer | None:
    """What a question answers for the batch at hand; None where there is none: then ask for the one mail.

    ``question``: a function of a module, given every message of the batch and ``more``. Its answer is kept
    for the batch, so it must not depend on which of them is under way.
    """
    batch = _at_hand.get()
    if batch is None:
        return None
    if question not in batch.answers:
        batch.answers[question] = question(batch.messages, **more)
    return cast(Answer, batch.answers[question])


def read(keys: Sequence[int], token: UUID) -> list[Message]:
    """The messages that are still leased to ``token``, in the order of ``keys``, with all they speak of."""
    found = {
        message.pk: message
        for message in Message.objects.filter(
            pk__in=keys, lease_token=token, status=Message.Status.SENDING
        ).order_by()
    }
    messages = [found[key] for key in keys if key in found]
    prefetch_related_objects(messages, "registration__visitor", "registration__slot")
    registrations = [message.registration for message in messages if message.registration is not None]
    slots = {registration.slot_id: registration.slot for registration in registrations}
    visitors = {registration.visitor_id: registration.visitor for registration in registrations}
    for message in messages:
        if message.slot_id in slots:
            message.slot = slots[message.slot_id]
        if message.visitor_id in visitors:
            message.visitor = visitors[message.visitor_id]
    prefetch_related_objects(messages, "slot", "visitor")
    slots |= {message.slot.pk: message.slot for message in messages if message.slot is not None}
    prefetch_related_objects(list(slots.values()), *OF_A_SLOT)
    activities = {slot.activity_id: slot.activity for slot in slots.values()}
    for message in messages:
        if message.activity_id in activities:
            message.activity = activities[message.activity_id]
    of_an_activity = ("activity__host", "activity__festival", "activity__programme", "activity__territory")
    prefetch_related_objects(messages, *of_an_activity)
    return messages


def registrations_at_hand() -> dict[int, Registration]:
    """By key, with visitor and slot: those the batch at hand is about, as they were read with it."""
    batch = _at_hand.get()
    about = (message.registration for message in (batch.messages if batch else ()))
    return {registration.pk: registration for registration in about if registration is not None}


def with_the_slots_at_hand(registrations: Sequence[Registration]) -> None:
    """Give registrations their slots with all that a mail says of them, those of the batch as they are."""
    batch = _at_hand.get()
    known: dict[int, Slot] = {}
    for message in batch.messages if batch else ():
        if message.registration is not None:
            known[message.registration.slot_id] = message.registration.slot
    for registration in registrations:
        if registration.slot_id in known:
            registration.slot = known[registration.slot_id]
    prefetch_related_objects(list(registrations), "slot")
    slots = {row.slot_id: row.slot for row in registrations if row.slot_id not in known}
    prefetch_related_objects(list(slots.values()), *OF_A_SLOT)
