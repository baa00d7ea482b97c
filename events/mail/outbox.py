"""The e-mails the site owes: written in the transaction of what causes them, hinted to Celery after commit.

The database is the queue. The hint may be lost, late or doubled without harm: the sweeps deliver what is due.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from events.mail import tasks
from events.models import Activity, BallotEntry, Message, Registration, Slot, Territory, Visitor
from events.rows import insert_values

PRIORITY = {
    Message.Kind.ACCOUNT: 1,
    Message.Kind.CONFIRM_ADDRESS: 1,
    Message.Kind.FOLLOW_CONFIRM: 2,
    Message.Kind.LAST_CALL: 1,
    Message.Kind.CONFIRM_DAY: 1,
    Message.Kind.CONFIRMATION: 2,
    Message.Kind.DAY: 2,
    Message.Kind.LINK: 2,
    Message.Kind.OFFER: 2,
    Message.Kind.CHOOSE: 2,
    Message.Kind.MOVED: 2,
    Message.Kind.NEW_ADDRESS: 2,
    Message.Kind.SLOT_CANCELLED: 2,
    Message.Kind.SLOT_MOVED: 2,
    Message.Kind.BALLOT_ENTERED: 2,
    Message.Kind.BALLOT_WON: 3,
    Message.Kind.BALLOT_LOST: 4,
    Message.Kind.DOOR_LIST: 4,
    # From here on (``relay.BULK``) they are many, and wait where the relay takes only so much.
    Message.Kind.REMINDER: 6,
    Message.Kind.HOST_DIGEST: 7,
    Message.Kind.ORGANISER_DIGEST: 7,
    Message.Kind.NAG_DRAFT: 7,
    Message.Kind.NAG_SLOTS: 7,
    Message.Kind.THANKS: 8,
    Message.Kind.SURVEY: 8,
    Message.Kind.BROADCAST: 9,
    Message.Kind.FOLLOW_OPEN: 9,
    Message.Kind.FOLLOW_FREE: 9,
}
"""The smaller, the sooner it leaves; 5 for what is not named."""


def new_message_id() -> str:
    """A Message-ID under the site's own name (RFC 5322 §3.6.4)."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    return make_msgid(idstring=uuid.uuid4().hex[:12], domain=host)


def owe(
    *,
    kind: Message.Kind | str,
    dedupe_key: str,
    recipient: str,
    locale: str,
    now: dt.datetime,
    registration: Registration | None = None,
    slot: Slot | None = None,
    activity: Activity | None = None,
    visitor: Visitor | None = None,
    ballot_entry: BallotEntry | None = None,
    territory: Territory | None = None,
    context: dict[str, Any] | None = None,
    expires_at: dt.datetime | None = None,
    send_at: dt.datetime | None = None,
    subject: str = "",
    text_body: str = "",
    html_body: str = "",
) -> None:
    """Owe one e-mail; a second debt under the same ``dedupe_key`` is none.

    Call it inside the transaction of the event. ``send_at`` defaults to ``now``. ``territory`` is that of the
    activity it is about unless said: its organisers see the mail in their outbox.
    """
    values = {
        "kind": kind,
        "dedupe_key": dedupe_key,
        "recipient": recipient,
        "locale": locale,
        "priority": PRIORITY.get(Message.Kind(kind), 5),
        "registration_id": registration and registration.pk,
        "slot_id": slot and slot.pk,
        "activity_id": activity and activity.pk,
        "visitor_id": visitor and visitor.pk,
        "ballot_entry_id": ballot_entry and ballot_entry.pk,
        "territory_id": territory and territory.pk,
        "context": context or {},
        "subject": subject,
        "text_body": text_body,
        "html_body": html_body,
        "message_id": new_message_id(),
        "next_attempt_at": send_at or now,
        "expires_at": expires_at,
        "created_at": now,
    }
    looked_up = {} if territory is not None else _whose(activity, slot, registration)
    insert_values(Message, values, unless_there=True, looked_up=looked_up)
    nudge_after_commit()


TERRITORY_OF_ACTIVITY = "(SELECT territory_id FROM events_activity WHERE id = %s)"
TERRITORY_OF_SLOT = (
    "(SELECT activity.territory_id FROM events_slot slot "
    "JOIN events_activity activity ON activity.id = slot.activity_id WHERE slot.id = %s)"
)


def _whose(
    activity: Activity | None, slot: Slot | None, registration: Registration | None
) -> dict[str, tuple[str, Any]]:
    """Where the database finds the territory: what a booking has at hand is the number of its slot alone."""
    if activity is not None:
        return {"territory": (TERRITORY_OF_ACTIVITY, activity.pk)}
    slot_id = slot.pk if slot is not None else registration.slot_id if registration is not None else None
    return {} if slot_id is None else {"territory": (TERRITORY_OF_SLOT, slot_id)}


def owe_all(*, kind: Message.Kind, owed: Sequence[tuple[str, BallotEntry]], now: dt.datetime) -> None:
    """One mail for each entry of a ballot, under its ``dedupe_key``; entries are given with their visitor."""
    mails = [
        Message(
            kind=kind,
            dedupe_key=dedupe_key,
            recipient=entry.visitor.email,
            locale=entry.locale,
            priority=PRIORITY.get(kind, 5),
            visitor=entry.visitor,
            ballot_entry=entry,
            territory_id=entry.ballot.territory_id,
            message_id=new_message_id(),
            next_attempt_at=now,
            created_at=now,
        )
        for dedupe_key, entry in owed
        if entry.visitor is not None
    ]
    Message.objects.bulk_create(mails, batch_size=500, ignore_conflicts=True)
    nudge_after_commit()


def nudge_after_commit() -> None:
    """One hint for a transaction, however many mails it owes."""
    planned = transaction.get_connection().run_on_commit
    if not any(function is tasks.nudge for _savepoints, function, *_rest in planned):
        transaction.on_commit(tasks.nudge)
