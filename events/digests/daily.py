"""At eight, what changed since yesterday: for each host and each territory where something did."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from events.mail.desk_facts import Span, booked_in
from events.models import Message, Registration, Slot

from .hours import CATCH_UP, Turn, places, turn
from .owing import hosts_debts, owe_desks, territories_debts

AT = dt.time(8)
Kind = Message.Kind


def owe_daily(now: dt.datetime) -> int:
    """How many digests were owed."""
    due = (turn("digest", festival, zone, AT, now) for festival, zone in places())
    return sum(_owe(one, now) for one in due if one is not None)


def _owe(due: Turn, now: dt.datetime) -> int:
    hosts, territories = _where_something_changed(due, now)
    about = {"festival": due.festival.pk, "since": due.since.isoformat(), "until": due.until.isoformat()}
    expires_at = due.until + CATCH_UP
    with transaction.atomic():
        owed = owe_desks(
            Kind.HOST_DIGEST,
            hosts_debts(Kind.HOST_DIGEST, dict.fromkeys(hosts, about), now),
            day=due.day,
            now=now,
            expires_at=expires_at,
        )
        owed += owe_desks(
            Kind.ORGANISER_DIGEST,
            territories_debts(Kind.ORGANISER_DIGEST, dict.fromkeys(territories, about), now),
            day=due.day,
            now=now,
            expires_at=expires_at,
        )
        due.is_done()
    return owed


def _where_something_changed(due: Turn, now: dt.datetime) -> tuple[set[int], set[int]]:
    """Hosts and territories with a slot to come that somebody booked, gave back, waits for or moved to."""
    span = Span(due.since, due.until)
    to_come = {
        "slot__state": Slot.State.PUBLISHED,
        "slot__starts_at__gt": now,
        "slot__activity__festival": due.festival,
        "slot__activity__territory__timezone": due.zone,
    }
    whose = ("slot__activity__host", "slot__activity__territory")
    found = set(Registration.objects.filter(booked_in(span), **to_come).values_list(*whose).distinct())
    told = Message.objects.filter(
        span.holds("created_at"),
        kind__in=[Kind.REDUCED, Kind.MOVED],
        territory__timezone=due.zone,
        **{f"registration__{name}": value for name, value in to_come.items()},
    )
    found |= set(told.order_by().values_list(*(f"registration__{name}" for name in whose)).distinct())
    return {host for host, _territory in found}, {territory for _host, territory in found}
