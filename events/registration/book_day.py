"""A whole day at once: places in each of its slots, or in none; and one mail for all of it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping

from django.db import transaction

from events.mail.limits import BY_OWNER
from events.mail.outbox import owe
from events.models import Message, Registration
from events.refusals import Reason, Refused

from .book import register_party
from .patience import patient
from .settle import settle_hold

MOST_AT_ONCE = 12
CONFIRMED, HELD = Registration.Status.CONFIRMED, Registration.Status.HELD


@patient
@transaction.atomic
def book_day(
    *,
    slot_ids: Iterable[int],
    email: str,
    party_size: int,
    submission_id: uuid.UUID,
    now: dt.datetime,
    names: Mapping[int, str] | None = None,
    locale: str = "fr",
    is_theirs: bool = False,
    is_vouched: bool = True,
) -> list[Registration]:
    """Take ``party_size`` places in every slot, in the order of their numbers, in one transaction.

    Each slot has a submission of its own, made from this one, so that the same day sent twice is booked once.
    ``names``: by slot, where its host asks for one. A slot the address holds already is part of the day as it
    is, and whoever typed the address learns nothing of it. One mail tells the day; a single slot is booked as
    any other.

    Raises ``Refused`` as ``register_party`` does for the first slot that cannot be had, with ``slot_id``
    among its facts; then nothing is booked anywhere. LIMIT on more than ``MOST_AT_ONCE`` slots.
    """
    wanted = sorted(set(slot_ids))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise Refused(Reason.LIMIT, most=MOST_AT_ONCE)
    booked: list[Registration] = []
    for slot_id in wanted:
        try:
            booking = register_party(
                slot_id=slot_id,
                email=email,
                party_size=party_size,
                submission_id=uuid.uuid5(submission_id, str(slot_id)),
                now=now,
                name=(names or {}).get(slot_id, ""),
                locale=locale,
                is_theirs=is_theirs,
                is_vouched=is_vouched,
                beside=[one.pk for one in booked] if len(wanted) > 1 else None,
            )
        except Refused as refused:
            if refused.reason == Reason.ALREADY_REGISTERED:
                continue
            raise Refused(refused.reason, **{**refused.facts, "slot_id": slot_id}) from refused
        booked.append(booking.registration)
    if len(wanted) > 1:
        _owe_the_day(wanted, email.strip().lower(), booked, submission_id, locale, is_theirs, now)
    return booked


def _owe_the_day(
    slot_ids: list[int],
    email: str,
    booked: list[Registration],
    submission_id: uuid.UUID,
    locale: str,
    is_theirs: bool,
    now: dt.datetime,
) -> None:
    """What is confirmed in one mail, what waits for the address to be confirmed in another: usually one of
    the two. What was held before is told with it, to its owner alone; nothing new is told once an hour.
    """
    theirs = Registration.objects.active().filter(visitor__email=email, slot__in=slot_ids)
    days = list(theirs.select_related("slot").order_by("slot__starts_at", "pk"))
    mark = str(submission_id) if booked else f"{now:%Y%m%d%H}"
    sure = [one for one in days if one.status == CONFIRMED]
    kept = [one for one in days if one.status == HELD and one.hold == Registration.Hold.ADDRESS]
    for kind, some in ((Message.Kind.DAY, sure), (Message.Kind.CONFIRM_DAY, kept)):
        if some:
            owe_day(
                kind,
                some,
                mark=mark if booked else f"{some[0].visitor_id}:{mark}",
                recipient=email,
                locale="en" if locale.startswith("en") else "fr",
                is_theirs=is_theirs,
                now=now,
            )


def owe_day(
    kind: Message.Kind,
    visits: list[Registration],
    *,
    mark: str,
    recipient: str,
    locale: str,
    is_theirs: bool,
    now: dt.datetime,
) -> None:
    """One mail for these visits of one visitor, in order of time."""
    owe(
        kind=kind,
        dedupe_key=f"{kind}:{mark}",
        recipient=recipient,
        locale=locale,
        now=now,
        registration=visits[0],
        context={"registrations": [one.pk for one in visits], **({BY_OWNER: True} if is_theirs else {})},
        expires_at=min((one.held_until for one in visits if one.held_until), default=None),
    )


@patient
@transaction.atomic
def confirm_day(*, registration_ids: Iterable[int], now: dt.datetime) -> list[Registration]:
    """Confirm places kept until the address is, all or none, and tell them in one mail.

    Raises ``Refused`` as ``settle_hold`` does, with the registration that cannot be had as fact ``one``.
    """
    held = Registration.objects.filter(pk__in=list(registration_ids), status=HELD)
    settled = []
    for one in held.order_by("slot_id", "pk"):
        try:
            settled.append(settle_hold(registration_id=one.pk, now=now, tells=False))
        except Refused as refused:
            raise Refused(refused.reason, **{**refused.facts, "one": one}) from refused
    if not settled:
        raise Refused(Reason.OFFER_OVER)
    visits = list(
        Registration.objects.filter(pk__in=[one.pk for one in settled])
        .select_related("visitor")
        .order_by("slot__starts_at", "pk")
    )
    first = visits[0]
    owe_day(
        Message.Kind.DAY,
        visits,
        mark=f"{first.pk}:{first.revision}",
        recipient=first.visitor.email,
        locale=first.locale,
        is_theirs=True,
        now=now,
    )
    return visits
