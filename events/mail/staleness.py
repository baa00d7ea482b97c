"""Whether an owed mail is still worth sending, asked after it was claimed and just before it is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from accounts.models import User
from events.mail import days, desk_facts, follow_facts, whole_days
from events.mail.batch import asked_together
from events.mail.bulk_facts import is_still_meant
from events.mail.desk_wishes import KINDS as TO_A_DESK
from events.mail.suppressions import suppressed, why_suppressed
from events.models import Job, Message, Registration, RoomRequest, Slot

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
    Kind.CANCELLATION: frozenset({Registration.Status.CANCELLED}),
}
_WANTED_HOLD: dict[str, str] = {
    Kind.CONFIRM_ADDRESS: Registration.Hold.ADDRESS,
    Kind.CHOOSE: Registration.Hold.CHOICE,
    Kind.OFFER: Registration.Hold.OFFER,
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


_OF_A_REQUEST = {
    Kind.ROOM_ASKED: frozenset({RoomRequest.State.PENDING}),
    Kind.ROOM_ANSWERED: frozenset({RoomRequest.State.ACCEPTED, RoomRequest.State.REFUSED}),
}
_OF_A_BALLOT = (Kind.BALLOT_ENTERED, Kind.BALLOT_WON, Kind.BALLOT_LOST)


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
        if reason := _not_so_any_more(message, registration, now):
            return reason
    if message.kind in whole_days.KINDS and (reason := whole_days.why_not(message, now)):
        return reason
    if message.kind in days.KINDS and (reason := _day_says_no(message, now)):
        return reason
    if message.kind == Kind.NEW_ADDRESS and not _may_still_move(message):
        return Status.CANCELLED, "the link has been replaced"
    if message.kind in _OF_A_BALLOT and (reason := _ballot_says_no(message)):
        return reason
    if message.kind in _OF_A_REQUEST and (reason := _request_says_no(message)):
        return reason
    slot = registration.slot if registration is not None else message.slot
    if registration is not None and message.slot_id not in (None, registration.slot_id):
        return Status.CANCELLED, "the visit was moved to another slot"
    if slot is not None:
        reason = _slot_says_no(message, slot, now)
        if reason:
            return reason
    if message.kind == Kind.BROADCAST and (reason := _bulk_says_no(message)):
        return reason
    if message.kind in follow_facts.KINDS and (reason := follow_facts.why_not(message, now)):
        return reason
    together = asked_together(suppressed, now=now)
    why = why_suppressed(message, now=now) if together is None else together.get(message.pk, "")
    if why:
        return Status.SUPPRESSED, why
    if message.kind in TO_A_DESK:
        return _desk_says_no(message, now)
    return None


def morning_for(message: Message, now: dt.datetime) -> dt.datetime | None:
    """The morning until which a mail about a visited day, or to who follows, rests that was held up into the
    night.

    None when it may leave: it is day, or the morning would be too late.
    """
    if message.kind in follow_facts.KINDS:
        return follow_facts.morning_for(message, now)
    if message.kind not in days.KINDS or message.registration is None:
        return None
    quiet, zone = days.day_of(message, now).quiet, message.registration.slot.timezone
    if quiet is None or not quiet.cover(now, zone):
        return None
    morning = quiet.after(now, zone)
    return morning if message.expires_at is None or morning < message.expires_at else None


def _not_so_any_more(
    message: Message, registration: Registration, now: dt.datetime
) -> tuple[Message.Status, str] | None:
    """The state is right, and yet what the mail would say is no longer so."""
    hold = _WANTED_HOLD.get(message.kind)
    if hold is not None and registration.hold != hold:
        return Status.CANCELLED, "the place is kept for another reason"
    if hold is not None and registration.held_until is not None and registration.held_until <= now:
        return Status.EXPIRED, "the place is kept no longer"
    if message.kind == Kind.PASSED and registration.party_size <= int(message.context.get("places", 0)):
        return Status.CANCELLED, "the party is small enough now"
    if message.kind == Kind.OFFER_OVER:
        again = Registration.objects.active().filter(
            slot=registration.slot_id, visitor=registration.visitor_id
        )
        if again.exists():
            return Status.CANCELLED, "the visitor is in that slot again"
    if message.kind == Kind.MOVED and _moved_again(message, registration):
        return Status.CANCELLED, "the visit was moved again"
    return None


def _moved_again(message: Message, registration: Registration) -> bool:
    later = Message.objects.filter(kind=Kind.MOVED, registration=registration, pk__gt=message.pk)
    return later.filter(status__in=[Status.PENDING, Status.SENDING]).exists()


def _may_still_move(message: Message) -> bool:
    """Whether the visitor still has the link from which the new address was asked for."""
    nonce = str(message.context.get("nonce", ""))
    return message.visitor is not None and message.visitor.link_nonce[:8] == nonce


def _ballot_says_no(message: Message) -> tuple[Message.Status, str] | None:
    entry = message.ballot_entry
    if entry is None or entry.visitor_id is None:
        return Status.CANCELLED, "the entry is gone"
    if message.kind == Kind.BALLOT_ENTERED:
        return (Status.CANCELLED, "the entry was withdrawn") if entry.withdrawn_at else None
    confirmed = entry.registrations.filter(status=Registration.Status.CONFIRMED)
    if message.kind == Kind.BALLOT_WON and not confirmed.exists():
        return Status.CANCELLED, "what was won is given back"
    return None


def _request_says_no(message: Message) -> tuple[Message.Status, str] | None:
    request = RoomRequest.objects.filter(pk=message.context.get("request")).first()
    if request is None:
        return Status.CANCELLED, "the request is gone"
    if request.state not in _OF_A_REQUEST[Kind(message.kind)]:
        return Status.CANCELLED, f"the request is {request.state}"
    return None


def _slot_says_no(message: Message, slot: Slot, now: dt.datetime) -> tuple[Message.Status, str] | None:
    if message.kind == Kind.SLOT_CANCELLED:
        return None if slot.is_cancelled else (Status.CANCELLED, "the slot takes place")
    if message.kind == Kind.SLOT_MOVED and slot.revision != revision_owed(message):
        return Status.CANCELLED, "the slot has changed again"
    if message.kind in _OF_A_VISIT_TO_COME:
        if slot.is_cancelled:
            return Status.CANCELLED, "the slot is cancelled"
        if slot.ends_at <= now:
            return Status.EXPIRED, "the visit is over"
    return None


def _day_says_no(message: Message, now: dt.datetime) -> tuple[Message.Status, str] | None:
    """A mail about a visited day goes while one of the visits it was owed for stands as it did."""
    day = days.day_of(message, now)
    if message.registration is None:
        return Status.CANCELLED, "the registration is gone"
    if message.recipient != message.registration.visitor.email:
        return Status.CANCELLED, "the address is another now"
    if not day.is_ruled:
        return Status.CANCELLED, "its rule is no more"
    if day.still:
        return None
    registration, slot = message.registration, message.registration.slot
    if registration.status != Registration.Status.CONFIRMED:
        return Status.CANCELLED, f"the registration is {registration.status}"
    if slot.state != Slot.State.PUBLISHED:
        return Status.CANCELLED, f"the slot is {slot.state}"
    if message.kind not in days.AFTER and slot.starts_at <= now:
        return Status.EXPIRED, "the visit has begun"
    if days.told_of(registration) not in days.tells(message):
        return Status.CANCELLED, "the slot has changed again"
    if message.kind in days.AFTER and day.visits == []:
        return Status.CANCELLED, "the visitor did not come"
    return Status.CANCELLED, "another rule speaks for the slot"


def _desk_says_no(message: Message, now: dt.datetime) -> tuple[Message.Status, str] | None:
    if not User.objects.filter(pk=message.context.get("reader"), is_active=True).exists():
        return Status.CANCELLED, "the account is gone"
    return desk_facts.why_not(message, now)


def _bulk_says_no(message: Message) -> tuple[Message.Status, str] | None:
    together = asked_together(_stopped)
    if message.broadcast_id in (_stopped([message]) if together is None else together):
        return Status.CANCELLED, "stopped by an organiser"
    if not is_still_meant(message):
        return Status.CANCELLED, "no longer concerned by the bulk message"
    return None


def _stopped(messages: Sequence[Message]) -> set[int | None]:
    """The bulk messages among these that an organiser has stopped.

    What is claimed when that happens is taken out of the worker's hands (``broadcasts.stop_broadcast``).
    """
    asked = {message.broadcast_id for message in messages} - {None}
    stopped = Job.objects.filter(broadcast__in=asked, stop_asked_at__isnull=False)
    return set(stopped.values_list("broadcast", flat=True))


def revision_owed(message: Message) -> int:
    """The revision of the slot this mail speaks of: the last part of its key."""
    return int(message.dedupe_key.rpartition(":")[2])
