"""Places kept for a while: until an address is confirmed, one of several visits is chosen, an offer answered.

A hold ends in exactly one way. ``settle_hold`` (in ``settle``) asks for ``held_until > now``,
``expire_holds`` for ``held_until <= now``, both with the slot's row locked and by a conditional update of
the registration.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from events.limits import note_storm
from events.mail.outbox import owe
from events.models import Message, Registration, Slot
from events.refusals import Reason, Refused
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .conduct import crowd_of_tags, find_trouble, unsettled_choice
from .locks import lock_slot_of
from .patience import patient
from .visitors import Met
from .waiting import offer_places
from .wish import Wish

WAITING, HELD = Registration.Status.WAITING, Registration.Status.HELD
Hold = Registration.Hold

CONFIRM_WITHIN = dt.timedelta(minutes=30)
MOST_UNCONFIRMED = 3
"""Bookings one mailbox may have waiting for its confirmation when it asks for another, or for a day."""


class Unsettled(Exception):
    """This mailbox has enough to settle already: nothing more is kept for it, its mail is sent again."""

    def __init__(self, registration: Registration) -> None:
        super().__init__(registration.pk)
        self.registration = registration


def why_hold(wish: Wish, visitor: Met, status: Registration.Status) -> str:
    """Why the places of a wish are only kept for now; empty when they are the visitor's at once.

    The page never tells a stranger what an address holds: so the places are kept, and its owner chooses by
    the link in the mail. Raises ``Refused`` for who may know, ``Unsettled`` where too much is kept already.
    """
    if status == WAITING:
        _refuse_a_crowd_of_tags(wish, visitor)
        return ""
    if not visitor.is_new:
        trouble = find_trouble(
            mailbox=visitor.mailbox,
            visitor_id=visitor.pk,
            slot_id=wish.slot_id,
            party_size=wish.party_size,
            now=wish.now,
        )
        if trouble and wish.is_theirs:
            raise trouble.refused()
        if trouble and (earlier := unsettled_choice(mailbox=visitor.mailbox)):
            raise Unsettled(earlier)
        if trouble:
            return Hold.CHOICE
    if status != HELD and (wish.is_vouched or visitor.is_verified):
        return ""
    if not visitor.is_new:
        kept = Registration.objects.filter(visitor__mailbox=visitor.mailbox, status=HELD, hold=Hold.ADDRESS)
        if wish.beside:  # one day is one request
            kept = kept.exclude(pk__in=wish.beside)
        unconfirmed = list(kept.select_related("visitor").order_by("pk")[:MOST_UNCONFIRMED])
        if len(unconfirmed) == MOST_UNCONFIRMED:
            raise Unsettled(unconfirmed[0])
    return Hold.ADDRESS


def _refuse_a_crowd_of_tags(wish: Wish, visitor: Met) -> None:
    """Raises ``Refused`` (LIMIT) for who may know, else ``Unsettled``."""
    if visitor.is_new:
        return
    crowd = crowd_of_tags(
        mailbox=visitor.mailbox,
        visitor_id=visitor.pk,
        slot_id=wish.slot_id,
        party_size=wish.party_size,
    )
    if crowd and wish.is_theirs:
        raise Refused(Reason.LIMIT, others=crowd)
    if crowd:
        raise Unsettled(crowd[0])


def held_until(wish: Wish) -> dt.datetime:
    """Half an hour, which is never waited for beyond the start: a visit that begins ends its holds."""
    return wish.now + CONFIRM_WITHIN


def expire_holds(*, now: dt.datetime) -> int:
    """End every hold whose time is over and pass its places on; how many. Safe beside itself."""
    over = Registration.objects.filter(status=HELD, held_until__lte=now).order_by("held_until", "pk")
    return sum(_expire(pk, now) for pk in over.values_list("pk", flat=True))


@patient
@transaction.atomic
def _expire(registration_id: int, now: dt.datetime) -> bool:
    slot = lock_slot_of(registration_id)
    registration = Registration.objects.select_related("visitor").get(pk=registration_id)
    mine = Registration.objects.filter(pk=registration_id, status=HELD, held_until__lte=now)
    ended = mine.update(
        status=Registration.Status.CANCELLED,
        cancelled_at=now,
        cancelled_by="expiry",
        hold="",
        held_until=None,
        revision=registration.revision + 1,
    )
    if not ended:
        return False
    if registration.hold == Hold.ADDRESS:
        note_storm(now=now)
    counters.let_go(slot_id=slot.pk, places=registration.party_size, pool=registration.pool)
    tell_registrations(Event.CANCELLED, [registration.pk], now=now, change="expired")
    if registration.hold == Hold.OFFER and slot.state == Slot.State.PUBLISHED:
        owe(
            kind=Message.Kind.OFFER_OVER,
            dedupe_key=f"offer_over:{registration.pk}:{registration.revision + 1}",
            recipient=registration.visitor.email,
            locale=registration.locale,
            now=now,
            registration=registration,
        )
    slot.refresh_from_db(fields=["taken", "held", "reserved", "waiting"])
    offer_places(slot=slot, now=now)
    return True
