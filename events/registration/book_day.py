"""A whole day at once: places in each of its slots, or in none."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping

from django.db import transaction

from events.models import Registration
from events.refusals import Reason, Refused

from .book import register_party
from .patience import patient

MOST_AT_ONCE = 12


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
    is, and whoever typed the address learns nothing of it.

    Raises ``Refused`` as ``register_party`` does for the first slot that cannot be had, with ``slot_id``
    among its facts; then nothing is booked anywhere. LIMIT on more than ``MOST_AT_ONCE`` slots.
    """
    wanted = sorted(set(slot_ids))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise Refused(Reason.LIMIT, most=MOST_AT_ONCE)
    booked = []
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
            )
        except Refused as refused:
            if refused.reason == Reason.ALREADY_REGISTERED:
                continue
            raise Refused(refused.reason, **{**refused.facts, "slot_id": slot_id}) from refused
        booked.append(booking.registration)
    return booked
