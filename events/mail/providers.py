"""A mail provider's reports, read by django-anymail and put into our words.

Anymail's own dispatch by signals is left out: who is told stands here, not in a receiver.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.signals import EventType, RejectReason
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from events.mail.bounces import Returned, Told, name_of, says_nobody_is_there

VIEWS = {
    "brevo": "anymail.webhooks.brevo.BrevoTrackingWebhookView",
    "mailersend": "anymail.webhooks.mailersend.MailerSendTrackingWebhookView",
    "mailgun": "anymail.webhooks.mailgun.MailgunTrackingWebhookView",
    "mailjet": "anymail.webhooks.mailjet.MailjetTrackingWebhookView",
    "mandrill": "anymail.webhooks.mandrill.MandrillCombinedWebhookView",
    "postmark": "anymail.webhooks.postmark.PostmarkTrackingWebhookView",
    "sparkpost": "anymail.webhooks.sparkpost.SparkPostTrackingWebhookView",
}
METADATA = "message"
"""Under this name a mail carries its own Message-ID to a provider that gives it another."""

_KINDS = {
    EventType.BOUNCED: Told.BOUNCED,
    EventType.FAILED: Told.REJECTED,
    EventType.REJECTED: Told.REJECTED,
    EventType.DEFERRED: Told.DEFERRED,
    EventType.COMPLAINED: Told.COMPLAINED,
    EventType.UNSUBSCRIBED: Told.UNSUBSCRIBED,
    EventType.DELIVERED: Told.DELIVERED,
}
"""What is taken in. Openings and clicks are not asked for, and not kept when they come."""

_IS_HARD: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "brevo": lambda raw: raw.get("event") in ("hard_bounce", "invalid_email"),
    "mailersend": lambda raw: raw.get("type") == "activity.hard_bounced",
    "mailjet": lambda raw: bool(raw.get("hard_bounce")),
    "mandrill": lambda raw: raw.get("event") == "hard_bounce",
    "postmark": lambda raw: raw.get("Type") in ("HardBounce", "BadEmailAddress"),
    "sparkpost": lambda raw: str(raw.get("bounce_class")) in ("10", "30", "90"),
}
"""Where anymail's one word for all bounces is too coarse: what the provider itself calls final."""


class NotTheProvider(Exception):
    """The secret or the signature is wrong."""


class Unreadable(Exception):
    """The report is none that this provider sends."""


def reports_in(request: HttpRequest, provider: str, *, now: dt.datetime) -> list[Returned]:
    """What a request of ``settings.MAIL_PROVIDER`` reports. Raises ``NotTheProvider``, ``Unreadable``."""
    view = import_string(VIEWS[provider])()
    try:
        view.run_validators(request)
    except AnymailWebhookValidationFailure as error:
        raise NotTheProvider from error
    try:
        # A report of another of the provider's services is a mistake of configuration to anymail.
        events = view.parse_events(request)
    except (AnymailError, ImproperlyConfigured, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    said = [_returned(provider, event, now) for event in events]
    return [one for one in said if one is not None]


def _returned(provider: str, event: Any, now: dt.datetime) -> Returned | None:
    kind, recipient = _KINDS.get(event.event_type), str(event.recipient or "")
    if kind is None or "@" not in recipient:
        return None
    raw = _plain(event.esp_event)
    words = str(event.mta_response or event.description or event.reject_reason or "")
    own = event.metadata.get(METADATA) if isinstance(event.metadata, Mapping) else None
    at = event.timestamp or now
    return Returned(
        provider=provider,
        event_id=str(
            event.event_id or name_of(kind, recipient, json.dumps(raw, sort_keys=True, default=str))
        ),
        kind=kind,
        recipient=recipient,
        message_id=str(own or event.message_id or ""),
        detail=words,
        at=min(at, now),
        is_hard=_is_hard(provider, event, raw, words),
    )


def _is_hard(provider: str, event: Any, raw: Mapping[str, Any], words: str) -> bool:
    if event.event_type in (EventType.REJECTED, EventType.FAILED):
        # Not tried at all: it is on the provider's own list of addresses that bounced.
        return event.reject_reason in (RejectReason.BOUNCED, RejectReason.INVALID)
    if event.event_type != EventType.BOUNCED:
        return False
    if event.reject_reason == RejectReason.INVALID or says_nobody_is_there(words):
        return True
    return provider in _IS_HARD and _IS_HARD[provider](raw)


def _plain(raw: Any) -> Mapping[str, Any]:
    if isinstance(raw, Mapping):
        return raw
    return raw.dict() if hasattr(raw, "dict") else {}


def takes_reports() -> str:
    """The provider whose reports the site takes; empty when it takes none."""
    name: str = settings.MAIL_PROVIDER
    return name if name in VIEWS else ""
