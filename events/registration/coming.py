"""« Yes, I am still coming »: said by the visitor after a reminder, read by the host."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from events.models import Registration
from events.refusals import Reason, Refused

from .patience import patient


@patient
@transaction.atomic
def say_coming(*, registration_id: int, now: dt.datetime) -> None:
    """Note that a confirmed party still comes. Saying it again changes nothing.

    Raises ``Refused``: NOT_ACTIVE (no confirmed place), IN_THE_PAST (the visit has begun).
    """
    mine = Registration.objects.filter(pk=registration_id)
    if mine.confirmed().filter(coming_at__isnull=True, slot__starts_at__gt=now).update(coming_at=now):
        return
    registration = mine.select_related("slot").first()
    if registration is None or registration.status != Registration.Status.CONFIRMED:
        raise Refused(Reason.NOT_ACTIVE)
    if registration.slot.starts_at <= now:
        raise Refused(Reason.IN_THE_PAST)
