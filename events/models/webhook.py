"""Partners told by their own servers: where to, and what became of each telling."""

from __future__ import annotations

import base64
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from events.links import key_from, new_nonce

from .festival import Territory
from .fields import CodesField


class Webhook(models.Model):
    """An address of a partner that is told of bookings and slots of a territory.

    Its secret is derived from ``secret_nonce`` and the site's secret, and shown to the territory's
    organisers. ``failures`` counts tries that failed in a row; a webhook paused with failures was paused by
    the site, because its server took nothing for three days.
    """

    class Event(models.TextChoices):
        BOOKED = "registration.created", _("Booked")
        CHANGED = "registration.changed", _("Booking changed")
        CANCELLED = "registration.cancelled", _("Given back")
        SLOT_CHANGED = "slot.changed", _("Slot changed")

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="webhooks")
    name = models.CharField(_("partner"), max_length=120)
    url = models.URLField(_("address"), max_length=500)
    events = CodesField(_("told of"), codes=Event.choices)
    secret_nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    failures = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering: ClassVar = ["territory", "name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> bytes:
        return key_from(self.secret_nonce, purpose="webhook")

    @property
    def secret(self) -> str:
        """The key as the Standard Webhooks specification writes it."""
        return f"whsec_{base64.b64encode(self.key).decode()}"

    @property
    def was_given_up(self) -> bool:
        return not self.is_active and self.failures > 0


class Delivery(models.Model):
    """One telling owed to one webhook: written in the transaction of what it tells, sent by the sweeps."""

    class Status(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30, choices=Webhook.Event)
    dedupe_key = models.CharField(max_length=160, unique=True)
    payload = models.JSONField()
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_answer = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering: ClassVar = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at", "id"], name="delivery_due", condition=Q(status="pending")
            ),
            models.Index(fields=["lease_until"], name="delivery_leased", condition=Q(status="sending")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease_token__isnull=False, lease_until__isnull=False),
                name="what_is_being_delivered_is_leased",
            ),
        ]

    def __str__(self) -> str:
        return self.dedupe_key
