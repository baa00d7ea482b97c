"""That what is owed to partners' servers arrives, at least once: claim, check, sign, post, mark.

The claim reads the row's own columns only and gives a lease; a worker that dies leaves a lease that ends, and
the next one goes on. What arrives twice carries the same ``webhook-id``.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from events.models import Delivery, Webhook

from .reach import Answer, Unreachable, post
from .signing import headers_of, message_id
from .tell import PING

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=120)
BATCH = 10
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=6)
GIVE_UP_AFTER = dt.timedelta(days=3)
LONGEST_RUN = 20.0
"""Seconds after which a run leaves the rest to the next one."""
MANY_TRIES = 6
"""Fewer come of the button « send again » alone, which says nothing about three days."""
GONE = 410
"""The receiver wants no more of it (Standard Webhooks, RFC 9110 §15.5.11)."""

Status = Delivery.Status
Clock = Callable[[], dt.datetime]


def deliver_webhooks(*, now: dt.datetime | None = None, limit: int = 1000) -> dict[str, int]:
    """Send what is due: how many came to which state. ``now`` stops the clock. Safe to run beside itself."""
    clock: Clock = timezone.now if now is None else lambda: now
    release_leases(now=clock())
    counts: dict[str, int] = {}
    resting: dict[int, dt.datetime] = {}
    begun = time.monotonic()
    while sum(counts.values()) < limit and time.monotonic() - begun < LONGEST_RUN:
        token = uuid.uuid4()
        claimed = claim(token=token, now=clock(), size=BATCH)
        if not claimed:
            break
        for key in claimed:
            state = _deliver(key, token, clock, resting)
            counts[state] = counts.get(state, 0) + 1
    return counts


def claim(*, token: uuid.UUID, now: dt.datetime, size: int) -> list[int]:
    """Lease up to ``size`` due deliveries to ``token``: their keys, the oldest debt first."""
    with transaction.atomic():
        due = Delivery.objects.filter(status=Status.PENDING, next_attempt_at__lte=now)
        due = due.order_by("next_attempt_at", "pk").select_for_update(skip_locked=True)
        # SQLite knows no row locks; there BEGIN IMMEDIATE lets one claimer in at a time.
        keys = list(due.values_list("pk", flat=True)[:size])
        Delivery.objects.filter(pk__in=keys, status=Status.PENDING).update(
            status=Status.SENDING, lease_token=token, lease_until=now + LEASE
        )
    return keys


def release_leases(*, now: dt.datetime) -> int:
    """Take back what a dead worker held: how many. Nobody knows whether they arrived, so they go once
    more."""
    dead = Delivery.objects.filter(status=Status.SENDING, lease_until__lte=now)
    return dead.update(
        status=Status.PENDING,
        lease_token=None,
        lease_until=None,
        next_attempt_at=now,
        attempts=F("attempts") + 1,
        last_answer="the worker ended while sending",
    )


def _deliver(key: int, token: uuid.UUID, clock: Clock, resting: dict[int, dt.datetime]) -> str:
    """One leased delivery. ``resting``: webhooks that just failed, and until when they are left alone; a
    server that does not answer must not hold up the others.
    """
    now = clock()
    mine = Delivery.objects.filter(pk=key, lease_token=token, status=Status.SENDING)
    if not mine.update(lease_until=now + LEASE):
        return "left to another"
    delivery = mine.select_related("webhook__territory").get()
    hook = delivery.webhook
    if not hook.is_active and delivery.event != PING:
        return _later(delivery, token, now + LONGEST_WAIT, now=now)
    if hook.pk in resting:
        return _later(delivery, token, resting[hook.pk], now=now)
    try:
        answer = post(hook.url, **_signed(delivery, hook, now))
    except Unreachable as trouble:
        answer = Answer(0, str(trouble))
    now = clock()
    said: dict[str, Any] = {"last_status": answer.status or None, "last_answer": _plain(answer.text)}
    if 200 <= answer.status < 300:
        _move(delivery, token, status=Status.SENT, delivered_at=now, attempts=F("attempts") + 1, **said)
        Webhook.objects.filter(pk=hook.pk, failures__gt=0).update(failures=0)
        return Status.SENT
    Webhook.objects.filter(pk=hook.pk).update(failures=F("failures") + 1)
    wait = min(FIRST_WAIT * 4 ** min(delivery.attempts, 8), LONGEST_WAIT)
    resting[hook.pk] = now + wait
    said["attempts"] = F("attempts") + 1
    if answer.status == GONE:
        _pause(hook)
        return _move(delivery, token, status=Status.FAILED, **said)
    return _later(delivery, token, now + wait, now=now, **said)


def _signed(delivery: Delivery, hook: Webhook, now: dt.datetime) -> dict[str, Any]:
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
    name = message_id(delivery)
    signed = headers_of(secret=hook.key, name=name, at=int(now.timestamp()), body=body)
    return {"body": body, "headers": {"Content-Type": "application/json", **signed}}


def _later(delivery: Delivery, token: uuid.UUID, at: dt.datetime, *, now: dt.datetime, **more: Any) -> str:
    """Pending again; given up after three days, and a webhook that took nothing in them is paused."""
    if at <= delivery.created_at + GIVE_UP_AFTER:
        _move(delivery, token, status=Status.PENDING, next_attempt_at=at, **more)
        return "delayed"
    state = _move(delivery, token, status=Status.FAILED, **more)
    hook = delivery.webhook
    taken = hook.deliveries.filter(status=Status.SENT, delivered_at__gt=now - GIVE_UP_AFTER)
    if hook.is_active and delivery.attempts >= MANY_TRIES and not taken.exists():
        _pause(hook)
    return state


def _pause(hook: Webhook) -> None:
    """The desk tells the organisers: paused, with failures."""
    Webhook.objects.filter(pk=hook.pk, is_active=True).update(is_active=False)
    logger.warning("The webhook %s is paused: its server takes nothing", hook.pk)


def _move(delivery: Delivery, token: uuid.UUID, *, status: Delivery.Status, **more: Any) -> str:
    """Move a leased delivery on, if it is still ours."""
    mine = Delivery.objects.filter(pk=delivery.pk, lease_token=token, status=Status.SENDING)
    if not mine.update(status=status, lease_token=None, lease_until=None, **more):
        logger.warning("The lease of delivery %s ran out while it was sent", delivery.pk)
    return status


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]
