"""What partners' servers are owed, written in the transaction of what it tells.

No address and no name is told: a reference, a state, a number, a time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from events.models import Delivery, Registration, Slot, Webhook

Event = Webhook.Event
PING = "ping"
"""What the test button sends; nobody subscribes to it."""


def tell_registrations(
    event: Event, keys: Iterable[int], *, now: dt.datetime, change: str = ""
) -> list[Delivery]:
    """Owe every listening webhook what happened to these registrations; what is owed.

    Call it when they are written, inside the transaction. ``change`` says how: ``confirmed``, ``reduced``,
    ``moved``, ``offered``, ``split``, ``expired``. The same event of the same revision is owed once. Where
    nobody listens it is one statement on a table of a few rows.
    """
    hooks = _listening(event)
    if not hooks:
        return []
    told = Registration.objects.filter(pk__in=list(keys), slot__activity__territory__in=hooks)
    owed = []
    for registration in told.select_related("slot__activity__territory").order_by("pk"):
        key = f"{event}:{registration.pk}:{registration.revision}"
        data = {
            "reference": registration.reference,
            "status": registration.status,
            "party_size": registration.party_size,
            **_where(registration.slot),
        }
        for hook in hooks[registration.slot.activity.territory_id]:
            owed.append(_delivery(hook, event, key, data, change, now))
    return Delivery.objects.bulk_create(owed, ignore_conflicts=True)


def tell_slot(slot: Slot, change: str, *, now: dt.datetime) -> list[Delivery]:
    """The same for a slot that was ``moved``, ``cancelled`` or ``resized``."""
    hooks = _listening(Event.SLOT_CHANGED)
    if not hooks:
        return []
    data = {"status": slot.state, "capacity": slot.capacity, **_where(slot)}
    key = f"{Event.SLOT_CHANGED}:{slot.pk}:{change}:{now.timestamp():.6f}"
    owed = [
        _delivery(hook, Event.SLOT_CHANGED, key, data, change, now)
        for hook in hooks.get(slot.activity.territory_id, [])
    ]
    return Delivery.objects.bulk_create(owed, ignore_conflicts=True)


def ping(hook: Webhook, *, now: dt.datetime) -> Delivery:
    """Something to try the line with, also while the webhook is paused."""
    data = {"territory": hook.territory.slug}
    owed = _delivery(hook, PING, f"{PING}:{now.timestamp():.6f}", data, "", now)
    owed.save()
    return owed


def _listening(event: Event) -> dict[int, list[Webhook]]:
    """Active webhooks told of this event, by territory."""
    found: dict[int, list[Webhook]] = {}
    for hook in Webhook.objects.filter(is_active=True, events__has=event).order_by("pk"):
        found.setdefault(hook.territory_id, []).append(hook)
    return found


def _where(slot: Slot) -> dict[str, Any]:
    """A slot as partners know it from the API."""
    return {
        "slot": slot.pk,
        "starts_at": slot.local_start.isoformat(),
        "ends_at": slot.local_end.isoformat(),
        "timezone": slot.timezone,
        "territory": slot.activity.territory.slug,
        "url": f"{settings.SITE_URL}{slot.get_absolute_url()}",
    }


def _delivery(
    hook: Webhook, event: str, key: str, data: dict[str, Any], change: str, now: dt.datetime
) -> Delivery:
    payload = {"type": str(event), "timestamp": now.isoformat(timespec="milliseconds"), "data": data}
    if change:
        payload["data"] = {**data, "change": change}
    return Delivery(
        webhook=hook,
        event=event,
        dedupe_key=f"{key}:{hook.pk}",
        payload=payload,
        next_attempt_at=now,
        created_at=now,
    )
