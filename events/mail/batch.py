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

from django.db.models import ForeignKey, Model

from events.models import Activity, Message, Registration, Slot

FRESH_FOR = 5.0
"""Seconds."""

Answer = TypeVar("Answer")


class Shelf:
    """What mails say around a visit and its activity (who, where, in what edition), kept over the batches of
    a run: for half of ``FRESH_FOR``, so what is sent within ``FRESH_FOR`` of ``since`` is as fresh as ever.

    Slots, activities, visitors and bookings are not among it: they decide whether a mail still goes, so they
    are read after it was claimed.
    """

    def __init__(self) -> None:
        self.since = float("-inf")
        self._rows: dict[type[Model], dict[Any, Any]] = {}

    def tidy(self, now: float) -> None:
        """To be called before a batch is read. ``now``: in monotonic seconds, as ``since``."""
        if now - self.since > FRESH_FOR / 2:
            self.since, self._rows = now, {}

    def of(self, model: type[Model]) -> dict[Any, Any]:
        """What is kept, by key."""
        return self._rows.setdefault(model, {})


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


def read(keys: Sequence[int], token: UUID, shelf: Shelf | None = None) -> list[Message]:
    """The messages that are still leased to ``token``, in the order of ``keys``, with all they speak of."""
    found = {
        message.pk: message
        for message in Message.objects.filter(
            pk__in=keys, lease_token=token, status=Message.Status.SENDING
        ).order_by()
    }
    messages = [found[key] for key in keys if key in found]
    shelf, anew = shelf or Shelf(), Shelf()
    registrations = _give(messages, "registration", anew)
    _give(registrations, "visitor", anew)
    _give(registrations, "slot", anew)
    _give(messages, "visitor", anew)
    _give_all_of_slots(_give(messages, "slot", anew) + _give(registrations, "slot", anew), anew, shelf)
    _give_all_of_activities(_give(messages, "activity", anew), shelf)
    return messages


def _give_all_of_slots(slots: Sequence[Slot], anew: Shelf, shelf: Shelf) -> None:
    """What a mail says of a slot."""
    _give(slots, "room", shelf)
    activities = _give(slots, "activity", anew)
    _give_all_of_activities(activities, shelf)
    venues = _give(slots, "venue", shelf) + _give(activities, "venue", shelf)
    _give(venues, "commune", shelf)
    _give(venues, "territory", shelf)


def _give_all_of_activities(activities: Sequence[Activity], shelf: Shelf) -> None:
    for name in ("host", "festival", "programme", "territory"):
        _give(activities, name, shelf)


def _give(rows: Sequence[Model], name: str, shelf: Shelf) -> list[Any]:
    """Give each row what it points at by ``name``, one object for all that point at it: these objects.

    ``prefetch_related_objects`` does the same and takes four times as long.
    """
    if not rows:
        return []
    field = cast("ForeignKey[Any, Any]", rows[0]._meta.get_field(name))
    kept = shelf.of(field.related_model)
    asked = {getattr(row, field.attname) for row in rows} - {None}
    if missing := asked - kept.keys():
        kept.update(field.related_model._base_manager.in_bulk(missing))
    for row in rows:
        field.set_cached_value(row, kept.get(getattr(row, field.attname)))
    return [kept[key] for key in asked if key in kept]


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
    others, anew = [row for row in registrations if row.slot_id not in known], Shelf()
    _give_all_of_slots(_give(others, "slot", anew), anew, anew)
