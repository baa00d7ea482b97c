"""Whether an owed mail is still worth sending, asked after it was claimed and just before it is written."""

from __future__ import annotations

import datetime as dt

from events.links import hash_of_address
from events.models import Message, Registration, Slot, Suppression

Kind, Status = Message.Kind, Message.Status

_WANTED_STATE: dict[str, frozenset[str]] = {
    Kind.CONFIRMATION: frozenset({Registration.Status.CONFIRMED}),
    Kind.MOVED: frozenset({Registration.Status.CONFIRMED}),
    Kind.CONFIRM_ADDRESS: frozenset({Registration.Status.HELD}),
    Kind.CHOOSE: frozenset({Registration.Status.HELD}),
    Kind.OFFER: frozenset({Registration.Status.HELD}),
    Kind.PASSED: frozenset({Registration.Status.WAITING}),
    Kind.LAST_CALL: frozenset({Registration.Status.WAITING}),
    Kind.OFFER_OVER: frozenset({Registration.Status.CANCELLED}),
    Kind.WAITING: frozenset({Registration.Status.WAITING}),
    Kind.REDUCED: frozenset(Registration.ACTIVE),
    Kind.ALREADY_REGISTERED: frozenset(Registration.ACTIVE),
    Kind.SLOT_MOVED: frozenset(Registration.ACTIVE),
    Kind.REMINDER: frozenset({Registration.Status.CONFIRMED}),
    Kind.CANCELLATION: frozenset({Registration.Status.CANCELLED}),
}
# What speaks of a visit to come has no sense once the visit is over.
_OF_A_VISIT_TO_COME = frozenset(
    {
        *(
            Kind.CONFIRMATION,
            Kind.WAITING,
            Kind.REDUCED,
            Kind.ALREADY_REGISTERED,
            Kind.SLOT_MOVED,
            Kind.MOVED,
        ),
        *(Kind.CONFIRM_ADDRESS, Kind.CHOOSE, Kind.OFFER, Kind.OFFER_OVER, Kind.PASSED, Kind.LAST_CALL),
    }
)


def why_not(message: Message, now: dt.datetime) -> tuple[Message.Status, str] | None:
    """The end it comes to without being sent, and why; None when it should go."""
    if message.expires_at is not None and message.expires_at <= now:
        return Status.EXPIRED, "too late"
    wanted = _WANTED_STATE.get(message.kind)
    registration = message.registration
    if wanted is not None:
        if registration is None:
            return Status.CANCELLED, "the registration is gone"
        if registration.status not in wanted:
            return Status.CANCELLED, f"the registration is {registration.status}"
    slot = registration.slot if registration is not None else message.slot
    if registration is not None and message.slot_id not in (None, registration.slot_id):
        return Status.CANCELLED, "the visit was moved to another slot"
    if slot is not None:
        reason = _slot_says_no(message, slot, now)
        if reason:
            return reason
    if message.kind == Kind.REMINDER and wants_no_reminder(message.recipient):
        return Status.SUPPRESSED, "the address wants no reminder"
    return None


def _slot_says_no(message: Message, slot: Slot, now: dt.datetime) -> tuple[Message.Status, str] | None:
    if message.kind == Kind.SLOT_CANCELLED:
        return None if slot.is_cancelled else (Status.CANCELLED, "the slot takes place")
    if message.kind == Kind.REMINDER:
        if slot.state != Slot.State.PUBLISHED:
            return Status.CANCELLED, f"the slot is {slot.state}"
        if slot.starts_at <= now:
            return Status.EXPIRED, "the visit has begun"
    if message.kind in (Kind.REMINDER, Kind.SLOT_MOVED) and slot.revision != revision_owed(message):
        return Status.CANCELLED, "the slot has changed again"
    if message.kind in _OF_A_VISIT_TO_COME:
        if slot.is_cancelled:
            return Status.CANCELLED, "the slot is cancelled"
        if slot.ends_at <= now:
            return Status.EXPIRED, "the visit is over"
    return None


def revision_owed(message: Message) -> int:
    """The revision of the slot this mail speaks of: the last part of its key."""
    return int(message.dedupe_key.rpartition(":")[2])


def wants_no_reminder(email: str) -> bool:
    return Suppression.objects.filter(email_hash=hash_of_address(email)).exists()
