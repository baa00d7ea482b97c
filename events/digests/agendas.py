"""An agenda that a territory follows waits for somebody: it would take too much away, or brings nothing any
more. One mail for each and each cause, as long as it lasts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.db import transaction
from django.db.models import F, Q

from events.clock import on_the_wall
from events.models import AgendaSource, Message
from events.rulebook import quiet_of

from .owing import owe_desks, teams_debts, territories_debts

HELD_FOR = dt.timedelta(hours=1)
"""An export cut by mistake is often whole again at the next reading."""
LASTS = dt.timedelta(days=2)
Kind = Message.Kind


def owe_agendas(now: dt.datetime) -> int:
    """How many were owed."""
    held = AgendaSource.objects.held().filter(held_at__lte=now - HELD_FOR)
    silent = AgendaSource.objects.silent(now)
    owed = 0
    for stuck, cause, since, told in (
        (held, "held", "held_at", "told_held_at"),
        (silent, "silent", "failing_since", "told_failing_since"),
    ):
        untold = stuck.filter(Q(**{told: None}) | ~Q(**{told: F(since)}))
        for source in untold.select_related("territory", "festival").order_by("pk"):
            owed += _owe(source, cause, since, told, now)
    return owed


@transaction.atomic
def _owe(source: AgendaSource, cause: str, since: str, told: str, now: dt.datetime) -> int:
    began = getattr(source, since)
    mine = AgendaSource.objects.filter(pk=source.pk, **{since: began})
    # Whoever wins this update tells it: two sweeps beside each other tell it once.
    if not mine.filter(Q(**{told: None}) | ~Q(**{told: began})).update(**{told: began}):
        return 0
    zone, festival = source.territory.timezone, source.festival
    if festival is not None and festival.ends_on < on_the_wall(now, zone).date():
        return 0  # what it says of days gone by can wait
    about = {"agenda": source.pk, "cause": cause, "festival": source.festival_id}
    debts = territories_debts(Kind.AGENDA_STUCK, {source.territory_id: about}, now) or teams_debts(
        Kind.AGENDA_STUCK, source.territory, about, now
    )
    return owe_desks(
        Kind.AGENDA_STUCK,
        [replace(debt, desk=f"agenda:{source.pk}:{cause}:{began:%H%M%S}") for debt in debts],
        day=began.date(),
        now=now,
        expires_at=now + LASTS,
        send_at=quiet_of(festival).after(now, zone) if festival is not None else now,
    )
