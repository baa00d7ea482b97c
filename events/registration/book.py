"""Taking places: one short transaction whose last act is one conditional update of the slot's counter."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from events.mail.outbox import owe
from events.models import ApiToken, Message, Registration
from events.refusals import Reason, Refused

from . import counters
from .known import answer_known_address, recall_answer
from .patience import broken_constraint, patient
from .refusing import refuse_if_overlapping, why_not
from .visitors import meet_visitor
from .wish import Wish

CONFIRMED, WAITING = Registration.Status.CONFIRMED, Registration.Status.WAITING
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Booking:
    """``replayed``: the same submission came before, and this is what it got then."""

    registration: Registration
    replayed: bool = False


@patient
def register_party(
    *,
    slot_id: int,
    email: str,
    party_size: int,
    submission_id: uuid.UUID,
    now: dt.datetime,
    name: str = "",
    locale: str = "fr",
    wait: bool = False,
    partner: ApiToken | None = None,
) -> Booking:
    """Take ``party_size`` places for an address, or (``wait``) join the waiting list when they are not there.

    Raises ``Refused``: CLOSED, NOT_OPEN_YET, NO_BOOKING_NEEDED, LIMIT, NAME_NEEDED, FULL (facts
    ``places_left``, ``can_wait``), SUBMISSION_REUSED, BUSY, for a partner OVERLAP, and ALREADY_REGISTERED
    (fact ``outcome``: what a fresh address would have got; the public page shows that, the ticket goes by
    mail).
    """
    wish = Wish.of(slot_id, email, party_size, submission_id, name, locale, wait, partner, now)
    status = CONFIRMED
    for _attempt in range(ATTEMPTS):
        try:
            return Booking(take_places(wish, status))
        except IntegrityError as error:  # the database said no: who was here before?
            if earlier := Registration.objects.filter(submission_id=wish.submission_id).first():
                return replay(earlier, wish)
            if broken_constraint(error) == "one_active_registration_per_email_and_slot":
                answer_known_address(wish)
        except counters.Unmoved:  # the last update changed no row, all was rolled back: read why
            recall_answer(wish)
            refusal = why_not(wish)
            if refusal and not (wish.wait and refusal.facts.get("can_wait")):
                raise refusal from None
            status = WAITING if refusal else CONFIRMED
    raise Refused(Reason.BUSY)


@transaction.atomic
def take_places(wish: Wish, status: Registration.Status) -> Registration:
    """All or nothing. The slot's row, which everybody wants, is touched last and held only until the
    commit."""
    visitor = meet_visitor(email=wish.email, locale=wish.locale, now=wish.now)
    if wish.partner:
        refuse_if_overlapping(wish, visitor)
    registration = Registration.objects.create(
        slot_id=wish.slot_id,
        visitor=visitor,
        party_size=wish.party_size,
        name=wish.name,
        locale=wish.locale,
        submission_id=wish.submission_id,
        submission_hash=wish.fingerprint,
        partner=wish.partner,
        status=status,
        created_at=wish.now,
        confirmed_at=wish.now if status == CONFIRMED else None,
        waiting_since=wish.now if status == WAITING else None,
    )
    owe(
        kind=Message.Kind.CONFIRMATION if status == CONFIRMED else Message.Kind.WAITING,
        dedupe_key=f"confirm:{registration.pk}:0" if status == CONFIRMED else f"wait:{registration.pk}",
        recipient=wish.email,
        locale=wish.locale,
        now=wish.now,
        registration=registration,
    )
    if status == CONFIRMED:
        counters.take(wish)
    else:
        counters.queue_up(wish)
    return registration


def replay(earlier: Registration, wish: Wish) -> Booking:
    """The same submission gets the same answer, even when the places have been given back since."""
    if earlier.submission_hash != wish.fingerprint:
        raise Refused(Reason.SUBMISSION_REUSED)
    return Booking(earlier, replayed=True)
