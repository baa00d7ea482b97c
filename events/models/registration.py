"""One visitor's party in one slot."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from events.links import hash_of, new_nonce, new_reference, token_from

from .choices import LOCALES
from .slot import Slot


class Visitor(models.Model):
    """An e-mail address that has booked, not an account. One secret link opens all its visits.

    Its token is derived from ``link_nonce`` and the site's secret (``events.links``); the hash is kept.
    """

    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    locale = models.CharField(_("language"), max_length=5, default="fr", choices=LOCALES)
    link_nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    link_hash = models.CharField(max_length=64, unique=True, editable=False)
    link_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        constraints: ClassVar = [
            models.UniqueConstraint(models.functions.Lower("email"), name="one_visitor_per_email"),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: object, **kwargs: object) -> None:
        self.link_hash = hash_of(self.token)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def token(self) -> str:
        """The token of the link to this visitor's page; goes into mails only."""
        return token_from(self.link_nonce, purpose="visits")


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def active(self) -> RegistrationQuerySet:
        return self.filter(status__in=Registration.ACTIVE)

    def confirmed(self) -> RegistrationQuerySet:
        return self.filter(status=Registration.Status.CONFIRMED)

    def waiting(self) -> RegistrationQuerySet:
        """The waiting list, first come first."""
        return self.filter(status=Registration.Status.WAITING).order_by("waiting_since", "pk")


class Registration(models.Model):
    """A party of ``party_size`` people in a slot, or its wish to be. Rows are never deleted by a
    cancellation.
    """

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        WAITING = "waiting", _("On the waiting list")
        HELD = "held", _("Place offered")
        CANCELLED = "cancelled", _("Given back")

    ACTIVE = (Status.CONFIRMED, Status.WAITING, Status.HELD)

    slot = models.ForeignKey(Slot, models.PROTECT, related_name="registrations")
    visitor = models.ForeignKey(Visitor, models.PROTECT, related_name="registrations")
    reference = models.CharField(_("reference"), max_length=12, unique=True, default=new_reference)
    submission_id = models.UUIDField(unique=True)
    submission_hash = models.CharField(max_length=64)
    party_size = models.PositiveSmallIntegerField(_("number of places"))
    name = models.CharField(_("name"), max_length=120, blank=True)
    locale = models.CharField(_("language"), max_length=5, default="fr", choices=LOCALES)
    status = models.CharField(_("status"), max_length=10, choices=Status)
    revision = models.PositiveIntegerField(default=0)
    waiting_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("booked"))
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=12, blank=True)
    checked_in_at = models.DateTimeField(null=True, blank=True)
    partner = models.ForeignKey(
        "events.ApiToken", models.SET_NULL, null=True, blank=True, related_name="registrations"
    )

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering: ClassVar = ["created_at", "pk"]
        indexes: ClassVar = [
            models.Index(fields=["slot", "status", "waiting_since", "id"], name="registration_queue"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slot", "visitor"],
                condition=Q(status__in=["confirmed", "waiting", "held"]),
                name="one_active_registration_per_email_and_slot",
            ),
            models.CheckConstraint(
                condition=Q(party_size__gte=1) & Q(party_size__lte=100), name="a_party_is_someone"
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", cancelled_at__isnull=False)
                | (~Q(status="cancelled") & Q(cancelled_at__isnull=True)),
                name="a_cancelled_registration_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(status="waiting") | Q(waiting_since__isnull=False),
                name="who_waits_has_a_rank",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE


class ErasedCount(models.Model):
    """What remains of a slot's registrations whose rows are gone: numbers, nobody's name (RGPD art. 5.1.e).

    ``registrations`` and ``places`` count what was confirmed, ``came`` the places checked in, ``given_back``
    and
    ``waited`` registrations. ``places`` stays part of the slot's ``taken``.
    """

    slot = models.OneToOneField(Slot, models.CASCADE, related_name="erased")
    registrations = models.PositiveIntegerField(default=0)
    places = models.PositiveIntegerField(default=0)
    came = models.PositiveIntegerField(default=0)
    given_back = models.PositiveIntegerField(default=0)
    waited = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("erased registrations")
        verbose_name_plural = _("erased registrations")

    def __str__(self) -> str:
        return f"{self.slot_id}: {self.places}"


class ApiToken(models.Model):
    """A partner's key to the API: the token is shown once, its hash kept."""

    name = models.CharField(_("partner"), max_length=120)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("partner's key")
        verbose_name_plural = _("partners' keys")

    def __str__(self) -> str:
        return self.name
