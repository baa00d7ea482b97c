"""A mail sent once more because an organiser asks, and a bulk message's mail that is not sent after all."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from accounts.models import User
from events.limits import Limit, count
from events.mail.outbox import owe
from events.mail.staleness import why_not
from events.models import JournalEntry, Message
from events.refusals import Reason, Refused

Kind, Status = Message.Kind, Message.Status

AGAIN = frozenset(
    {
        *(Kind.CONFIRMATION, Kind.WAITING, Kind.OFFER, Kind.MOVED, Kind.REDUCED, Kind.CANCELLATION),
        *(Kind.SLOT_CANCELLED, Kind.SLOT_MOVED, Kind.REMINDER, Kind.DAY),
        *(Kind.BALLOT_ENTERED, Kind.BALLOT_WON, Kind.BALLOT_LOST),
        *(Kind.SUBMITTED, Kind.PUBLISHED, Kind.CHANGES_REQUESTED, Kind.REJECTED),
        *(Kind.HOST_SLOTS_CHANGED, Kind.ROOM_ASKED, Kind.ROOM_ANSWERED),
    }
)
"""What makes sense a second time: said of a state that lasts, to who asked for it. Not what confirms an
address or a change of it (that is the visitor's to ask), not what is derived day by day, no bulk message."""
ENDED = frozenset({Status.SENT, Status.UNCERTAIN, Status.FAILED, Status.EXPIRED})
"""What was cancelled is no longer true, what was suppressed is not wanted."""

MOST_PER_ADDRESS = 3
MOST_PER_ORGANISER = 60
A_DAY = dt.timedelta(days=1)


def may_go_again(message: Message) -> bool:
    """Whether a second sending makes sense at all; whether it is still true is asked when it is asked for."""
    return message.kind in AGAIN and message.status in ENDED


def times_again(message: Message) -> int:
    """How often it was sent again so far."""
    return Message.objects.filter(dedupe_key__startswith=f"again:{message.pk}:").count()


@transaction.atomic
def send_again(*, message: Message, time: int, by: User, now: dt.datetime) -> None:
    """Owe the mail once more, as a message of its own: ``time`` counts from 0, so one click sends one mail.

    It goes to the visitor's present address and says what is true when it leaves. Raises ``Refused``:
    WRONG_STATE (fact ``why``: what ``staleness`` says), TOO_OFTEN (three mails a day to one address, sixty a
    day by one organiser).
    """
    if not may_go_again(message):
        raise Refused(Reason.WRONG_STATE)
    copy = _copy_of(message, now)
    no = why_not(copy, now)
    if no is not None:
        raise Refused(Reason.WRONG_STATE, why=no[1])
    key = f"again:{message.pk}:{time}:{message.dedupe_key.rpartition(':')[2]}"[:160]
    if Message.objects.filter(dedupe_key__startswith=f"again:{message.pk}:{time}:").exists():
        return
    limits = [
        Limit("mail_again", copy.recipient.lower(), MOST_PER_ADDRESS, A_DAY),
        Limit("mail_again_by", f"user {by.pk}", MOST_PER_ORGANISER, A_DAY),
    ]
    if count(limits, now=now):
        raise Refused(Reason.TOO_OFTEN)
    owe(
        kind=copy.kind,
        dedupe_key=key,
        recipient=copy.recipient,
        locale=copy.locale,
        now=now,
        registration=copy.registration,
        slot=copy.slot,
        activity=copy.activity,
        visitor=copy.visitor,
        ballot_entry=copy.ballot_entry,
        territory=copy.territory,
        context=copy.context,
        expires_at=copy.expires_at,
    )
    about = copy.registration.slot if copy.registration is not None else copy.slot
    JournalEntry.objects.create(
        at=now, actor=by, verb="mail_again", slot=about, activity=copy.activity, text=str(copy.kind)
    )


def _copy_of(message: Message, now: dt.datetime) -> Message:
    """The same mail, to where its reader is reached today."""
    visitor = message.registration.visitor if message.registration is not None else message.visitor
    ends = message.expires_at
    if ends is not None and ends <= now:
        about = message.registration.slot if message.registration is not None else message.slot
        ends = about.starts_at if about is not None and about.starts_at > now else None
    return Message(
        pk=message.pk,  # never saved: what came after it is looked for by it
        kind=message.kind,
        # The last part is the revision of the slot it speaks of.
        dedupe_key=message.dedupe_key,
        recipient=visitor.email if visitor is not None else message.recipient,
        locale=message.locale,
        registration=message.registration,
        slot=message.slot,
        activity=message.activity,
        visitor=message.visitor,
        ballot_entry=message.ballot_entry,
        territory=message.territory,
        context=message.context,
        expires_at=ends,
        created_at=now,
    )


def cancel_bulk_mail(*, message: Message) -> bool:
    """Do not send one mail of a bulk message that still waits; whether it still waited."""
    waiting = Message.objects.filter(pk=message.pk, broadcast__isnull=False, status=Status.PENDING)
    return bool(waiting.update(status=Status.CANCELLED, last_answer="stopped by an organiser"))
