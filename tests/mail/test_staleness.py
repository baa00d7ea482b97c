"""What is no longer true when its turn comes is not sent."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from events.links import hash_of_address
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.models import Message, Suppression
from events.reminders import default_reminder_rules
from tests.factories import NOW
from tests.mail.conftest import kept, status_of

Kind = Message.Kind
HOUR = dt.timedelta(hours=1)


def owed(kind: str, visit: SimpleNamespace, *, revision: int = 0, **facts: Any) -> None:
    context: dict[str, Any] = {"reason": "Panne."}
    if kind == Kind.REMINDER:
        rule = default_reminder_rules(visit.festival)[1]
        told = [visit.registration.pk, visit.slot.pk, revision]
        context = {"rule": "D-1", "rule_id": rule.pk, "day": "2027-06-10", "tells": [told]}
    owe(
        kind=kind,
        dedupe_key=f"x:{visit.registration.pk}:{revision}",
        recipient=visit.visitor.email,
        locale="fr",
        now=NOW,
        registration=visit.registration,
        visitor=visit.visitor,
        context=context | {"old_starts_at": "2027-06-09T12:00:00+00:00"},
        **facts,
    )


def change(visit: SimpleNamespace, thing: str) -> dt.datetime:
    """Something happens between the debt and its turn; the instant of that turn."""
    registration, slot = visit.registration, visit.slot
    if thing == "given back":
        registration.status, registration.cancelled_at = "cancelled", NOW
    elif thing == "seated":
        registration.status = "confirmed"
    elif thing == "waiting":
        registration.status, registration.waiting_since = "waiting", NOW
    elif thing == "slot cancelled":
        slot.state, slot.cancelled_at = "cancelled", NOW
    elif thing == "slot withdrawn to draft":
        slot.state = "draft"
    elif thing == "slot moved":
        slot.revision += 1
    elif thing == "unsubscribed":
        Suppression.objects.create(email_hash=hash_of_address(" CAMILLE@example.org"))
    registration.save()
    slot.save()
    if thing == "begun":
        return slot.starts_at
    return slot.ends_at if thing == "over" else NOW


@pytest.mark.parametrize(
    ("kind", "thing", "end"),
    [
        (Kind.CONFIRMATION, "nothing", "sent"),
        (Kind.CONFIRMATION, "given back", "cancelled"),
        (Kind.CONFIRMATION, "slot cancelled", "cancelled"),
        (Kind.CONFIRMATION, "over", "expired"),
        (Kind.CONFIRMATION, "begun", "sent"),
        (Kind.CONFIRMATION, "slot moved", "sent"),
        (Kind.CONFIRMATION, "unsubscribed", "sent"),
        (Kind.WAITING, "seated", "cancelled"),
        (Kind.WAITING, "waiting", "sent"),
        (Kind.ALREADY_REGISTERED, "nothing", "sent"),
        (Kind.ALREADY_REGISTERED, "given back", "cancelled"),
        (Kind.REDUCED, "given back", "cancelled"),
        (Kind.CANCELLATION, "given back", "sent"),
        (Kind.CANCELLATION, "nothing", "cancelled"),
        (Kind.SLOT_CANCELLED, "slot cancelled", "sent"),
        (Kind.SLOT_CANCELLED, "nothing", "cancelled"),
        (Kind.SLOT_MOVED, "nothing", "sent"),
        (Kind.SLOT_MOVED, "slot moved", "cancelled"),
        (Kind.SLOT_MOVED, "given back", "cancelled"),
        (Kind.SLOT_MOVED, "slot cancelled", "cancelled"),
        (Kind.REMINDER, "nothing", "sent"),
        (Kind.REMINDER, "given back", "cancelled"),
        (Kind.REMINDER, "waiting", "cancelled"),
        (Kind.REMINDER, "slot cancelled", "cancelled"),
        (Kind.REMINDER, "slot withdrawn to draft", "cancelled"),
        (Kind.REMINDER, "slot moved", "cancelled"),
        (Kind.REMINDER, "begun", "expired"),
        (Kind.REMINDER, "unsubscribed", "suppressed"),
    ],
)
def test_what_changed_meanwhile_decides(kind: str, thing: str, end: str, visit: SimpleNamespace) -> None:
    owed(kind, visit)
    now = change(visit, thing)

    deliver_due(now=now)

    assert status_of(f"x:{visit.registration.pk}:0") == end
    assert len(kept()) == (1 if end == "sent" else 0)


def test_what_comes_too_late_is_not_sent(visit: SimpleNamespace) -> None:
    owed(Kind.CONFIRMATION, visit, expires_at=NOW + HOUR)

    deliver_due(now=NOW + HOUR)

    assert status_of(f"x:{visit.registration.pk}:0") == "expired"
    assert kept() == []
