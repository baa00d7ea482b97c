"""What comes back: an address that does not exist, a provider's word about a mail sent before.

A relay's refusal is believed the second time: two mails, an hour apart or more, refused because nobody is
there, and none taken in between. A directory that is down for ten minutes answers 550 to everything. A
provider that has sorted its bounces is believed at once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass

from events.links import hash_of_address
from events.mail.suppressions import UNASKED, Reason, Scope, stop_hash
from events.models import DeliveryEvent, Message
from events.rows import insert

Told, Status = DeliveryEvent.Kind, Message.Status

RELAY = "smtp"
"""The ``provider`` of what our own relay said while it was given the mail."""
REMEMBERED_FOR = dt.timedelta(days=90)
APART = dt.timedelta(hours=1)

# RFC 3463 §3.2: bad mailbox, bad system, bad syntax, moved without a trace, null MX; §3.3: mailbox disabled.
_NOBODY_THERE = re.compile(r"\b5\.(?:1\.(?:1|2|3|6|10)|2\.1)\b")
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
# Without an enhanced code only words tell an unknown mailbox from a policy (RFC 5321 §4.2.3 gives both 550).
_IN_WORDS = re.compile(
    r"(?:no such|unknown|unrouteable|invalid|non-?existent) (?:user|mailbox|recipient|address|account)"
    r"|(?:user|mailbox|recipient|address|account)\b[^.;]{0,60}?"
    r"(?:unknown|not (?:found|exist)|does(?: no|n['’])t exist|disabled|unavailable|rejected: user)",
    re.I,
)
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


@dataclass(frozen=True, slots=True)
class Returned:
    """What a provider told of one mail, in its words and in ours.

    ``is_hard``: there is no use in writing again. ``message_id``: the mail's own Message-ID, where the
    provider kept it.
    """

    provider: str
    event_id: str
    kind: DeliveryEvent.Kind
    recipient: str
    message_id: str
    detail: str
    at: dt.datetime
    is_hard: bool = False


def says_nobody_is_there(answer: str) -> bool:
    """Whether a 5xx answer speaks of the mailbox, not of our content, our sender or a policy."""
    if not re.match(r"5\d\d\b", answer):
        return False
    if _ENHANCED.search(answer):
        return bool(_NOBODY_THERE.search(answer))
    return bool(re.match(r"55[013]\b", answer) and _IN_WORDS.search(answer))


def note_refusal(message: Message, answer: str, *, now: dt.datetime) -> None:
    """The relay refused this message for good with ``answer`` (code and words)."""
    if not says_nobody_is_there(answer):
        return
    address = hash_of_address(message.recipient)
    earlier = (
        DeliveryEvent.objects.filter(
            provider=RELAY, email_hash=address, kind=Told.BOUNCED, at__gt=now - REMEMBERED_FOR
        )
        .exclude(event_id=message.message_id)
        .order_by("at")
    )
    taken = (
        Message.objects.filter(recipient=message.recipient, status=Status.SENT)
        .order_by("-sent_at")
        .values_list("sent_at", flat=True)
        .first()
    )
    if taken is not None:
        earlier = earlier.filter(at__gt=taken)
    _note(
        Returned(RELAY, message.message_id, Told.BOUNCED, message.recipient, "", answer, now),
        message,
        now,
    )
    if earlier.filter(at__lte=now - APART).exists():
        stop_hash(address, Scope.ALL, Reason.BOUNCED, now=now, detail=without_addresses(answer))


def note_returned(returned: Returned, *, now: dt.datetime) -> bool:
    """Take a provider's word in, once; False when it was told before.

    What bounced is shown as refused; a hard bounce stops mail to the address, a complaint stops what nobody
    asked for. The address meant is that of our message where we know it: a forwarder bounces under another.
    Call it inside a transaction.
    """
    message = _message_of(returned)
    if not _note(returned, message, now):
        return False
    address = hash_of_address(message.recipient if message else returned.recipient)
    detail = without_addresses(returned.detail)
    if returned.kind in (Told.BOUNCED, Told.REJECTED):
        if message is not None:
            Message.objects.filter(pk=message.pk, status=Status.SENT).update(
                status=Status.FAILED, last_answer=f"{returned.kind}: {detail}"[:500]
            )
        if returned.is_hard:
            stop_hash(address, Scope.ALL, Reason.BOUNCED, now=now, detail=detail)
    elif returned.kind in (Told.COMPLAINED, Told.UNSUBSCRIBED):
        why = Reason.COMPLAINED if returned.kind == Told.COMPLAINED else Reason.UNSUBSCRIBED
        for scope in UNASKED:
            stop_hash(address, scope, why, now=now, detail=detail)
    return True


def _message_of(returned: Returned) -> Message | None:
    if not returned.message_id:
        return None
    return Message.objects.filter(message_id=f"<{returned.message_id.strip('<> ')}>").first()


def _note(returned: Returned, message: Message | None, now: dt.datetime) -> bool:
    """Whether this is new."""
    recipient = message.recipient if message is not None else returned.recipient
    row = DeliveryEvent(
        provider=returned.provider,
        event_id=returned.event_id[:200],
        kind=returned.kind,
        message=message,
        email_hash=hash_of_address(recipient),
        detail=without_addresses(returned.detail)[:300],
        at=returned.at,
        received_at=now,
    )
    return insert(row, unless_there=True) is not None


def without_addresses(text: str) -> str:
    """A server's words on one line; it likes to repeat the address, which is not to be kept here."""
    return " ".join(_ADDRESS.sub("[…]", text).split())[:300]


def name_of(*parts: object) -> str:
    """A name for an event whose provider gives it none: the same event told again has the same."""
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()
