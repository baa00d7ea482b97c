"""Addresses that get no mail, or not every mail, kept as keyed hashes only: who has the table cannot read it.

- Who unsubscribes gets no more of one scope. Who calls a mail unwanted (a complaint) gets nothing more that
  nobody asked for: reminders, bulk messages, digests. What answers their own act (a booking, a link, an
  account) and what changes a visit they hold still goes.
- An address that bounced gets nothing at all for ``BOUNCE_LASTS``; then one mail may find out anew.
- What an organiser entered by hand holds until an organiser lifts it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from accounts.models import User
from events.links import hash_of_address
from events.models import DeliveryEvent, JournalEntry, Message, Suppression
from events.rows import insert

Kind = Message.Kind
Scope: TypeAlias = Suppression.Scope
Reason: TypeAlias = Suppression.Reason

BOUNCE_LASTS = dt.timedelta(days=90)
"""Mailboxes come back: a full one is emptied, a mistyped domain is bought."""

_SCOPE_OF: dict[str, Scope] = {
    Kind.REMINDER: Scope.REMINDERS,
    Kind.THANKS: Scope.REMINDERS,
    Kind.SURVEY: Scope.REMINDERS,
    Kind.BROADCAST: Scope.BROADCASTS,
    Kind.FOLLOW_OPEN: Scope.FOLLOWS,
    Kind.FOLLOW_FREE: Scope.FOLLOWS,
    Kind.HOST_DIGEST: Scope.DIGESTS,
    Kind.ORGANISER_DIGEST: Scope.DIGESTS,
    Kind.DOOR_LIST: Scope.DOOR_LISTS,
    Kind.NAG_DRAFT: Scope.NAGS,
    Kind.NAG_SLOTS: Scope.NAGS,
    Kind.MAIL_STUCK: Scope.ALERTS,
    Kind.AGENDA_STUCK: Scope.ALERTS,
}
UNASKED = (*dict.fromkeys(_SCOPE_OF.values()),)
"""What nobody asked for mail by mail: each carries its one-click link (RFC 8058); a complaint ends all."""

_WHY = {
    Reason.UNSUBSCRIBED: "the address wants none of these",
    Reason.BOUNCED: "the address takes no mail",
    Reason.COMPLAINED: "the address called our mail unwanted",
    Reason.BY_HAND: "an organiser stopped mail to this address",
}


def scope_of(kind: str) -> Scope | None:
    """What one unsubscribes from to get no more of this kind; None for what answers somebody's own act."""
    return _SCOPE_OF.get(kind)


def suppressed(messages: Iterable[Message], *, now: dt.datetime) -> dict[int, str]:
    """Those that must not be sent, by key, each with why. One statement, however many are asked for."""
    asked = [(message.pk, hash_of_address(message.recipient), scope_of(message.kind)) for message in messages]
    found: dict[str, dict[str, str]] = {}
    rows = _standing(now).filter(email_hash__in={address for _pk, address, _scope in asked})
    for row in rows:
        found.setdefault(row.email_hash, {})[row.scope] = row.reason
    why = {}
    for pk, address, scope in asked:
        reasons = found.get(address, {})
        reason = reasons.get(Scope.ALL) or (reasons.get(scope) if scope else None)
        if reason:
            why[pk] = _WHY[Reason(reason)]
    return why


def why_suppressed(message: Message, *, now: dt.datetime) -> str:
    """Why this message must not be sent; empty when it may."""
    return suppressed([message], now=now).get(message.pk, "")


def is_stopped(email: str, scope: Scope, *, now: dt.datetime) -> bool:
    """Whether this address gets none of that scope, for whatever reason."""
    return _standing(now).filter(email_hash=hash_of_address(email), scope__in=[scope, Scope.ALL]).exists()


def stopped_among(emails: Iterable[str], scope: Scope, *, now: dt.datetime) -> set[str]:
    """Those of these addresses that get none of that scope. One statement, however many are asked for."""
    by_hash = {hash_of_address(email): email for email in emails}
    rows = _standing(now).filter(email_hash__in=list(by_hash), scope__in=[scope, Scope.ALL])
    return {by_hash[email_hash] for email_hash in rows.values_list("email_hash", flat=True)}


def hashes_stopped(scope: Scope, *, now: dt.datetime) -> frozenset[str]:
    """Of all the addresses that get none of that scope: for who has many to ask about."""
    return frozenset(_standing(now).filter(scope__in=[scope, Scope.ALL]).values_list("email_hash", flat=True))


def takes_no_mail(email_hash: str, *, now: dt.datetime) -> bool:
    """Whether mail to the address of this hash came back. Says nothing of what the owner of an address wants,
    so it may be shown to whoever typed it: what bounces has no owner who reads.
    """
    here = _standing(now).filter(email_hash=email_hash, scope=Scope.ALL)
    return here.filter(reason=Reason.BOUNCED).exists()


def stop(email: str, scope: Scope, reason: Reason, *, now: dt.datetime, detail: str = "") -> None:
    """No more mail of that scope to this address; what stopped it first stays the reason.

    A bounce that comes again lasts anew.
    """
    stop_hash(hash_of_address(email), scope, reason, now=now, detail=detail)


def stop_hash(email_hash: str, scope: Scope, reason: Reason, *, now: dt.datetime, detail: str = "") -> None:
    """The same for an address known by its hash alone."""
    row = Suppression(email_hash=email_hash, scope=scope, reason=reason, detail=detail[:300], created_at=now)
    if insert(row, unless_there=True) is None and reason == Reason.BOUNCED:
        same = Suppression.objects.filter(email_hash=email_hash, scope=scope, reason=reason)
        same.update(created_at=now, detail=detail[:300])


def allow_again(email: str, scope: Scope) -> None:
    """The reader wants these again: whatever stopped this scope, their word is the last."""
    Suppression.objects.filter(email_hash=hash_of_address(email), scope=scope).delete()


BY_THE_READER = (Reason.UNSUBSCRIBED, Reason.COMPLAINED)


def take_along(old_email: str, new_email: str, *, now: dt.datetime) -> None:
    """A reader has another address: what they wanted no more of they want no more of there either. A bounce
    is the old mailbox's own."""
    said = Suppression.objects.filter(email_hash=hash_of_address(old_email), reason__in=BY_THE_READER)
    for row in said:
        stop(new_email, Scope(row.scope), Reason(row.reason), now=now)


LIFTABLE = (Reason.BOUNCED, Reason.BY_HAND)
"""What an organiser may lift. What the reader said, only the reader takes back."""


@transaction.atomic
def lift(email: str, *, by: User, now: dt.datetime) -> bool:
    """Let mail go to this address again, as an organiser who has talked to its owner; whether anything was
    lifted. Earlier refusals of the relay count no more, and the journal keeps who did it.
    """
    address = hash_of_address(email)
    gone, _by_model = Suppression.objects.filter(email_hash=address, reason__in=LIFTABLE).delete()
    if not gone:
        return False
    DeliveryEvent.objects.filter(email_hash=address, kind=DeliveryEvent.Kind.BOUNCED).delete()
    JournalEntry.objects.create(at=now, actor=by, verb="mail_allowed", text=address[:12])
    return True


@transaction.atomic
def stop_by_hand(email: str, *, by: User, now: dt.datetime) -> None:
    """Its owner asked an organiser for no mail at all. The journal keeps who entered it."""
    stop(email, Scope.ALL, Reason.BY_HAND, now=now)
    JournalEntry.objects.create(at=now, actor=by, verb="mail_stopped", text=hash_of_address(email)[:12])


def standing_of(email: str, *, now: dt.datetime) -> list[Suppression]:
    """What stands against this address now."""
    return list(_standing(now).filter(email_hash=hash_of_address(email)).order_by("-created_at", "pk"))


def latest(number: int, *, now: dt.datetime) -> list[Suppression]:
    """The last addresses to which all mail was stopped, as hashes."""
    return list(_standing(now).filter(scope=Scope.ALL).order_by("-created_at", "-pk")[:number])


def counts(*, now: dt.datetime) -> dict[str, int]:
    """How many addresses there are for each reason."""
    rows = _standing(now).order_by().values_list("reason").annotate(n=Count("email_hash", distinct=True))
    return dict(rows)


def any_bounce(*, now: dt.datetime) -> bool:
    """Whether there is any address that takes no mail: asked before asking for one."""
    return _standing(now).filter(reason=Reason.BOUNCED).exists()


def _standing(now: dt.datetime) -> QuerySet[Suppression]:
    return Suppression.objects.filter(~Q(reason=Reason.BOUNCED) | Q(created_at__gt=now - BOUNCE_LASTS))
