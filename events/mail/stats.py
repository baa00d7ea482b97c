"""How mail does, for the operator: figures and times, and no address."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.db.models import Count, Min

from events.mail.watch import MailHealth, how_mail_does
from events.models import Delivery, DeliveryEvent, Heartbeat, Message, RelayState, Suppression

Status = Message.Status
EVENTS_OF = dt.timedelta(days=7)
"""What providers told: of the last week."""

SWEEPS = {
    "deliver_due": 10,
    "deliver_webhooks": 10,
    "work_on_jobs": 10,
    "release_leases": 30,
    "pass_places_on": 30,
    "watch_mail": 30,
    "owe_reminders": 60,
    "owe_digests": 60,
    "owe_follows": 60,
    "expire": 60,
    "draw_ballots": 60,
    "geocode": 60,
    "look_up_companies": 60,
    "follow_agendas": 60,
    "forget": 86400,
}
"""Seconds between two runs, as beat asks for them. Other heartbeats mark days that are done."""

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


def outbox_stats(*, now: dt.datetime) -> dict[str, Any]:
    """Counts by status (every status named), what is due, the relay, the sweeps, what providers told,
    partners' webhooks, the last refusals.

    Times are ISO 8601, ages seconds; ``oldest_due_seconds`` is 0 when nothing waits.
    """
    health = how_mail_does(now)
    by_status = counted(Message.objects.all(), "status", Status.values)
    failed = Message.objects.filter(status=Status.FAILED).order_by("-pk")[:5]
    return {
        "flows": not health.is_held_up,
        "held_up_since": _iso(health.since),
        "held_up_by": health.why,
        "by_status": by_status,
        "total": sum(by_status.values()),
        "due": health.due,
        "oldest_due_seconds": _age(health.oldest_due_at, now),
        "relay": _relay(health),
        "heartbeats": {beat.name: beat.at.isoformat() for beat in Heartbeat.objects.order_by("name")},
        "sweep_ages": sweep_ages(now),
        "events": counted(
            DeliveryEvent.objects.filter(at__gt=now - EVENTS_OF), "kind", DeliveryEvent.Kind.values
        ),
        "suppressed": counted(Suppression.objects.all(), "reason", Suppression.Reason.values),
        "webhooks": _webhooks(now),
        "last_failed": [
            {"kind": message.kind, "answer": without_addresses(message.last_answer)} for message in failed
        ],
    }


def counted(rows: Any, field: str, values: list[str]) -> dict[str, int]:
    """How many rows of each value, those without any as 0."""
    found = dict(rows.order_by().values_list(field).annotate(number=Count("pk")).values_list(field, "number"))
    return {value: found.get(value, 0) for value in values}


def sweep_ages(now: dt.datetime) -> dict[str, int]:
    """Seconds since each sweep last ran to its end; those that never did are left out."""
    beats = Heartbeat.objects.filter(name__in=SWEEPS).order_by("name")
    return {beat.name: _age(beat.at, now) for beat in beats}


def without_addresses(text: str) -> str:
    """What a relay said, without whom it said it of."""
    return _ADDRESS.sub("…", text)


def _relay(health: MailHealth) -> dict[str, Any]:
    state = RelayState.objects.filter(pk=1).first()
    return {
        "paused_until": _iso(health.paused_until),
        "reason": without_addresses(health.relay_reason) if health.paused_until else "",
        "failures": state.failures if state else 0,
        "last_sent_at": _iso(health.last_sent_at),
        "stuck_since": _iso(state.stuck_since) if state else None,
        "alerted_at": _iso(health.alerted_at),
    }


def _webhooks(now: dt.datetime) -> dict[str, Any]:
    due = Delivery.objects.filter(status=Delivery.Status.PENDING, next_attempt_at__lte=now).aggregate(
        number=Count("pk"), oldest=Min("next_attempt_at")
    )
    return {
        "by_status": counted(Delivery.objects.all(), "status", Delivery.Status.values),
        "due": due["number"],
        "oldest_due_seconds": _age(due["oldest"], now),
    }


def _age(at: dt.datetime | None, now: dt.datetime) -> int:
    return max(0, int((now - at).total_seconds())) if at is not None else 0


def _iso(at: dt.datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
