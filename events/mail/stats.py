"""How the outbox does, for the operator: no address is named."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Min

from events.models import Heartbeat, Message, RelayState

Status = Message.Status


def outbox_stats(*, now: dt.datetime) -> dict[str, Any]:
    """Counts by status (every status named), what is due, the relay, the sweeps' last runs, last refusals.

    Times are ISO 8601; ``oldest_due_seconds`` is 0 when nothing waits.
    """
    counted = dict(
        Message.objects.order_by()
        .values_list("status")
        .annotate(number=Count("pk"))
        .values_list("status", "number")
    )
    due = Message.objects.filter(status=Status.PENDING, next_attempt_at__lte=now).aggregate(
        number=Count("pk"), oldest=Min("next_attempt_at")
    )
    relay = RelayState.objects.filter(pk=1).first()
    is_paused = relay is not None and relay.paused_until is not None and relay.paused_until > now
    failed = Message.objects.filter(status=Status.FAILED).order_by("-pk")[:5]
    return {
        "by_status": {status.value: counted.get(status.value, 0) for status in Status},
        "total": sum(counted.values()),
        "due": due["number"],
        "oldest_due_seconds": int((now - due["oldest"]).total_seconds()) if due["oldest"] else 0,
        "relay": {
            "paused_until": relay.paused_until.isoformat()
            if relay and is_paused and relay.paused_until
            else None,
            "reason": relay.reason if relay and is_paused else "",
            "failures": relay.failures if relay else 0,
            "last_sent_at": relay.last_sent_at.isoformat() if relay and relay.last_sent_at else None,
        },
        "heartbeats": {beat.name: beat.at.isoformat() for beat in Heartbeat.objects.order_by("name")},
        "last_failed": [{"kind": message.kind, "answer": message.last_answer} for message in failed],
    }
