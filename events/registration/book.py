"""Taking places: one short transaction whose last act is one conditional update of the slot's counter."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from events.mail.limits import BY_OWNER
from events.mail.outbox import owe
from events.models import ApiToken, Message, Registration
from events.refusals import Reason, Refused
from events.rows import insert
from events.webhooks.tell import Event, tell_registrations

from . import counters
from .holds import Unsettled, held_until, why_hold
from .known import answer_known_address, answer_unsettled, recall_answer
from .patience import broken_constraint, patient
from .pools import pool_is_short, release_due
from .queue import queue_up
from .refusing import why_not
from .visitors import meet_visitor
from .wish import Wish

CONFIRMED, WAITING, HELD = (
    Registration.Status.CONFIRMED,
    Registration.Status.WAITING,
    Registration.Status.HELD,
)
ATTEMPTS = 6
OWED = {
    (CONFIRMED, ""): (Message.Kind.CONFIRMATION, "confirm:{pk}:0"),
    (WAITING, ""): (Message.Kind.WAITING, "wait:{pk}"),
    (HELD, Registration.Hold.ADDRESS): (Message.Kind.CONFIRM_ADDRESS, "hold:{pk}:0"),
    (HELD, Registration.Hold.CHOICE): (Message.Kind.CHOOSE, "hold:{pk}:0"),
}
TOLD_BY_THE_DAY = (Message.Kind.CONFIRMATION, Message.Kind.CONFIRM_ADDRESS)


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
    any_of: Iterable[int] = (),
    pool: str = "",
    partner: ApiToken | None = None,
    is_theirs: bool = False,
    is_vouched: bool = True,
    beside: Iterable[int] | None = None,
) -> Booking:
    """Take ``party_size`` places for an address, or (``wait``) join the waiting list when they are not there.

    ``any_of`` names further slots to wait for, ``pool`` a reserved pool to take from, ``is_theirs`` that
    whoever asks holds the visitor's own link, ``is_vouched`` that it is no robot, ``beside`` that it is part
    of a day, whose mail is owed by who books the day; see ``Wish``. What comes back is CONFIRMED, WAITING, or
    HELD: until the address is confirmed, or until one of several visits is chosen.

    Why two people never get the last place: docs/booking.md.

    Raises ``Refused``: CLOSED, NOT_OPEN_YET, NO_BOOKING_NEEDED, LIMIT, NAME_NEEDED, FULL (facts
    ``places_left``, ``can_wait``), SUBMISSION_REUSED, BUSY, for a partner or the owner of the link OVERLAP,
    DAY_LIMIT and FESTIVAL_LIMIT (fact ``others``), and ALREADY_REGISTERED (fact ``outcome``: what a fresh
    address would have got; the public page shows that, the ticket goes by mail).
    """
    wish = Wish.of(
        slot_id=slot_id,
        email=email,
        party_size=party_size,
        submission_id=submission_id,
        name=name,
        locale=locale,
        wait=wait,
        partner=partner,
        now=now,
        any_of=any_of,
        pool=pool,
        is_theirs=is_theirs,
        is_vouched=is_vouched,
        beside=beside,
    )
    status = CONFIRMED
    for _attempt in range(ATTEMPTS):
        try:
            return Booking(take_places(wish, status))
        except Unsettled as enough:
            answer_unsettled(wish, enough.registration)
        except Refused:  # what one person may not hold: waiting is no visit yet, the offer will ask again
            if status == WAITING or not waits_instead(wish):
                raise
            status = WAITING
        except IntegrityError as error:  # the database said no: who was here before?
            if earlier := Registration.objects.filter(submission_id=wish.submission_id).first():
                return replay(earlier, wish)
            if broken_constraint(error) == "one_active_registration_per_email_and_slot":
                answer_known_address(wish)
        except counters.Unmoved:  # the last update changed no row, all was rolled back: read why
            recall_answer(wish)
            if release_due(slot_id=wish.slot_id, now=wish.now):
                continue
            if pool_is_short(wish):
                wish = replace(wish, pool_is_short=True)
                continue
            refusal = why_not(wish)
            if refusal and not (wish.wait and refusal.facts.get("can_wait")):
                raise refusal from None
            # Nothing stands in its way: then it is the address that must be confirmed, or a passing crowd.
            status = WAITING if refusal else HELD if status == CONFIRMED else CONFIRMED
    raise Refused(Reason.BUSY)


@transaction.atomic
def take_places(wish: Wish, status: Registration.Status) -> Registration:
    """All or nothing. The slot's row, which everybody wants, is touched last and held only until the
    commit."""
    visitor = meet_visitor(email=wish.email, locale=wish.locale, now=wish.now)
    hold = why_hold(wish, visitor, status)
    status = HELD if hold else status
    until = held_until(wish) if hold else None
    registration = Registration(
        slot_id=wish.slot_id,
        visitor_id=visitor.pk,
        party_size=wish.party_size,
        name=wish.name,
        locale=wish.locale,
        submission_id=wish.submission_id,
        submission_hash=wish.fingerprint,
        partner=wish.partner,
        pool="" if status == WAITING else wish.takes_from,
        any_of=wish.submission_id if wish.any_of else None,
        status=status,
        hold=hold,
        held_until=until,
        created_at=wish.now,
        confirmed_at=wish.now if status == CONFIRMED else None,
        waiting_since=wish.now if status == WAITING else None,
    )
    insert(registration)
    kind, key = OWED[status, hold]
    if wish.beside is None or kind not in TOLD_BY_THE_DAY:
        owe(
            kind=kind,
            dedupe_key=key.format(pk=registration.pk),
            recipient=wish.email,
            locale=wish.locale,
            now=wish.now,
            registration=registration,
            context={BY_OWNER: True} if wish.is_theirs else None,
            expires_at=until,
        )
    if status == WAITING:
        queue_up(wish, registration)
    else:
        is_sure = visitor.is_verified or wish.partner is not None
        is_heard = counters.take(wish, is_held=bool(hold), is_sure=is_sure)
        if is_heard:
            tell_registrations(Event.BOOKED, [registration.pk], now=wish.now)
    return registration


def waits_instead(wish: Wish) -> bool:
    """Whether a wish that may wait meets a slot that is full for it."""
    refusal = why_not(wish) if wish.wait else None
    return refusal is not None and bool(refusal.facts.get("can_wait"))


def replay(earlier: Registration, wish: Wish) -> Booking:
    """The same submission gets the same answer, even when the places have been given back since."""
    if earlier.submission_hash != wish.fingerprint:
        raise Refused(Reason.SUBMISSION_REUSED)
    return Booking(earlier, replayed=True)
