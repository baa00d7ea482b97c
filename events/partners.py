"""Partners of a territory: their keys to the API, and the addresses of theirs that are told what happens."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accounts.models import User
from events.links import hash_of, new_nonce
from events.models import ApiToken, Delivery, Territory, Webhook
from events.refusals import Reason, Refused
from events.webhooks.tell import ping

MOST_WEBHOOKS = 20
"""In one territory: each booking pays for every one of them."""

Status = Delivery.Status


def issue_token(*, name: str, territory: Territory | None = None, by: User | None = None) -> str:
    """A new token for a partner (192 random bits); only its hash stays here.

    With a territory it books there alone; without one, in all of the site.
    """
    token = f"fft_{secrets.token_urlsafe(24)}"
    ApiToken.objects.create(name=name, territory=territory, created_by=by, token_hash=hash_of(token))
    return token


def revoke_token(*, token_id: int, now: dt.datetime) -> None:
    """From now on nobody gets in with it; what it booked stays. A second time changes nothing."""
    ApiToken.objects.filter(pk=token_id, revoked_at__isnull=True).update(revoked_at=now)


@transaction.atomic
def add_webhook(
    *, territory: Territory, name: str, url: str, events: Iterable[str], by: User | None
) -> Webhook:
    """Raises ``Refused``: LIMIT (fact ``most``)."""
    if territory.webhooks.count() >= MOST_WEBHOOKS:
        raise Refused(Reason.LIMIT, most=MOST_WEBHOOKS)
    chosen: Any = list(events)  # django-stubs takes a list of codes for text
    return Webhook.objects.create(territory=territory, name=name, url=url, events=chosen, created_by=by)


def change_webhook(*, webhook: Webhook, name: str, url: str, events: Iterable[str]) -> None:
    """A new address gets a new secret: whoever had the old one learns nothing of what goes there."""
    if url != webhook.url:
        webhook.secret_nonce = new_nonce()
    chosen: Any = list(events)
    webhook.name, webhook.url, webhook.events = name, url, chosen
    webhook.save(update_fields=["name", "url", "events", "secret_nonce"])


def pause_webhook(*, webhook_id: int) -> None:
    """Nothing more is owed to it; what is owed already waits, and is given up three days after it
    happened.
    """
    Webhook.objects.filter(pk=webhook_id).update(is_active=False, failures=0)


@transaction.atomic
def resume_webhook(*, webhook_id: int, now: dt.datetime) -> None:
    """Told again, and at once of what still waits."""
    Webhook.objects.filter(pk=webhook_id).update(is_active=True, failures=0)
    Delivery.objects.filter(webhook=webhook_id, status=Status.PENDING).update(next_attempt_at=now)


def try_webhook(*, webhook: Webhook, now: dt.datetime) -> Delivery:
    """Owe it something to try the line with, also while it is paused."""
    return ping(webhook, now=now)


def send_again(*, delivery_id: int, now: dt.datetime) -> None:
    """The same once more under the same name, from its first try on.

    Raises ``Refused``: WRONG_STATE (it is on its way).
    """
    ended = Delivery.objects.filter(pk=delivery_id, status__in=[Status.SENT, Status.FAILED])
    waits = Delivery.objects.filter(pk=delivery_id, status=Status.PENDING)
    changed = ended.update(status=Status.PENDING, next_attempt_at=now, attempts=0, delivered_at=None)
    if not changed and not waits.update(next_attempt_at=now):
        raise Refused(Reason.WRONG_STATE)
