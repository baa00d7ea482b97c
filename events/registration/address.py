"""Another e-mail address for everything a visitor holds: asked for on the page, taken by the link that goes
there.

The link works once: it names the nonce of the visitor's present link, and taking the address makes a new one,
which kills both.
"""

from __future__ import annotations

import datetime as dt

from django.core import signing
from django.db import transaction
from django.db.models import Q

from events.limits import allow
from events.links import (
    NEW_ADDRESS_LASTS,
    hash_of_address,
    mailbox_of,
    new_address_token,
    new_nonce,
    read_new_address_token,
)
from events.mail.outbox import owe
from events.mail.suppressions import take_along
from events.models import BallotEntry, Message, Registration, Visitor
from events.refusals import Reason, Refused

from .patience import patient
from .visitors import LINK_LASTS

SAID_TO_ONE_ADDRESS = (Message.Kind.NEW_ADDRESS, Message.Kind.ADDRESS_CHANGED)
"""Mails that are about an address and go there alone."""
PER_VISITOR, PER = 5, dt.timedelta(hours=24)


def write_token(*, visitor: Visitor, email: str) -> str:
    """The token of the link that goes to the new address; it says which, so it must go nowhere else."""
    return new_address_token(visitor.pk, visitor.link_nonce, email)


def read_token(token: str) -> tuple[Visitor, str]:
    """The visitor and the new address. Raises ``Refused(LINK_USED)`` on a link that is old, used or not
    ours.
    """
    try:
        pk, nonce, email = read_new_address_token(token)
    except signing.BadSignature:
        raise Refused(Reason.LINK_USED) from None
    visitor = Visitor.objects.filter(pk=pk).first()
    if visitor is None or visitor.link_nonce[:8] != nonce:
        raise Refused(Reason.LINK_USED)
    return visitor, email


@transaction.atomic
def ask_new_address(*, visitor_id: int, email: str, now: dt.datetime, locale: str) -> bool:
    """Owe the new address a link that takes everything there; false when it was asked for too often.

    The answer is alike whether that address is known. Nothing changes before the link is used.
    """
    visitor = Visitor.objects.get(pk=visitor_id)
    email = email.strip().lower()
    for peer in (f"visitor:{visitor.pk}", email):
        if not allow(action="new_address", peer=peer, limit=PER_VISITOR, per=PER, now=now):
            return False
    owe(
        kind=Message.Kind.NEW_ADDRESS,
        dedupe_key=f"new_address:{visitor.pk}:{hash_of_address(email)[:16]}:{now.timestamp():.6f}",
        recipient=email,
        locale=locale,
        now=now,
        visitor=visitor,
        context={"nonce": visitor.link_nonce[:8]},
        expires_at=now + NEW_ADDRESS_LASTS,
    )
    return True


@patient
@transaction.atomic
def take_new_address(*, token: str, now: dt.datetime) -> Visitor:
    """Everything of a visitor goes to the new address, under a new link; the old one is dead.

    An address that is a visitor already takes it in. What is still to be sent goes to the new address; the
    old one is told once. Raises ``Refused``: LINK_USED, ALREADY_REGISTERED (both hold places in one slot;
    fact ``others``).
    """
    asked, email = read_token(token)
    known = Visitor.objects.filter(email=email).exclude(pk=asked.pk).values_list("pk", flat=True)
    locked = Visitor.objects.select_for_update().filter(pk__in=[asked.pk, *known]).order_by("pk")
    rows = {visitor.pk: visitor for visitor in locked}
    visitor, _email = read_token(token)
    old_email = visitor.email
    other = next((row for row in rows.values() if row.pk != visitor.pk), None)
    if other is not None:
        _take_in(visitor, other, now)
    # Also what a worker holds: should it die, the mail is taken back and must not go to the old address.
    # Mails are written when they leave, with the link of that moment: whatever is about this visitor would
    # take the new one to the old address.
    unsent = [Message.Status.PENDING, Message.Status.SENDING]
    about = Q(registration__visitor=visitor) | Q(visitor=visitor) | Q(ballot_entry__visitor=visitor)
    Message.objects.filter(about, recipient=old_email, status__in=unsent).exclude(
        kind__in=SAID_TO_ONE_ADDRESS
    ).update(recipient=email)
    take_along(old_email, email, now=now)
    # What its reminders told, they told the old address.
    Registration.objects.confirmed().filter(visitor=visitor).update(remind_again_at=now)
    visitor.email, visitor.mailbox = email, mailbox_of(email)
    visitor.link_nonce, visitor.link_expires_at = new_nonce(), now + LINK_LASTS
    visitor.verified_at = visitor.verified_at or now
    visitor.save()
    for kind, recipient in ((Message.Kind.ADDRESS_CHANGED, old_email), (Message.Kind.LINK, email)):
        owe(
            kind=kind,
            dedupe_key=f"{kind}:{visitor.pk}:{visitor.link_nonce[:8]}",
            recipient=recipient,
            locale=visitor.locale,
            now=now,
            visitor=visitor,
        )
    return visitor


def _take_in(visitor: Visitor, other: Visitor, now: dt.datetime) -> None:
    """The bookings of the visitor who had the new address before, unless both hold a place in one slot."""
    mine = Registration.objects.active().filter(visitor=visitor).values("slot")
    twice = Registration.objects.active().filter(visitor=other, slot__in=mine)
    if twice.exists():
        others = list(twice.select_related("slot__activity").order_by("slot__starts_at", "pk"))
        raise Refused(Reason.ALREADY_REGISTERED, others=others)
    Registration.objects.filter(visitor=other).update(visitor=visitor)
    entered = BallotEntry.objects.filter(visitor=visitor, withdrawn_at__isnull=True).values("ballot")
    twice_in = BallotEntry.objects.filter(visitor=other, withdrawn_at__isnull=True, ballot__in=entered)
    twice_in.update(withdrawn_at=now)  # kept: a list fixed at the closing stays what it was
    BallotEntry.objects.filter(visitor=other).update(visitor=visitor)
    Message.objects.filter(visitor=other).update(visitor=visitor)
    other.delete()
