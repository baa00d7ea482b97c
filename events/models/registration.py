"""One visitor's party in one slot."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from events.links import hash_of, mailbox_of, new_nonce, new_reference, token_from

from .choices import LOCALES
from .festival import Territory
from .slot import Pool, Slot


class Visitor(models.Model):
    """An e-mail address that has booked, not an account. One secret link opens all its visits.

    Its token is derived from ``link_nonce`` and the site's secret (``events.links``); the hash is kept.
    ``mailbox`` is where its mail arrives, without +tags: limits are counted by it. ``verified_at`` says when
    somebody first acted through a link sent there.
    """

    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    locale = models.CharField(_("language"), max_length=5, default="fr", choices=LOCALES)
    link_nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    link_hash = models.CharField(max_length=64, unique=True, editable=False)
    link_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    mailbox = models.CharField(max_length=254, editable=False, db_index=True)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        constraints: ClassVar = [
            models.UniqueConstraint(models.functions.Lower("email"), name="one_visitor_per_email"),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.link_hash = hash_of(self.token)
        self.mailbox = mailbox_of(self.email)
        super().save(*args, **kwargs)

    @property
    def token(self) -> str:
        """The token of the link to this visitor's page; goes into mails only."""
        return self.token_of(self.link_nonce)

    @staticmethod
    def token_of(link_nonce: str) -> str:
        """The token a link nonce stands for."""
        return token_from(link_nonce, purpose="visits")


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

    Rows with one ``any_of`` are one request for any of several slots. ``part_of`` is the other part of a
    party that split. ``pool`` names the pool its places come from; empty: everybody's.
    """

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        WAITING = "waiting", _("On the waiting list")
        HELD = "held", _("Place kept")
        CANCELLED = "cancelled", _("Given back")

    class Hold(models.TextChoices):
        """Why places are held, and what turns them into a confirmed visit before ``held_until``."""

        OFFER = "offer", _("Offered from the waiting list")
        ADDRESS = "address", _("Until the address is confirmed")
        CHOICE = "choice", _("Until one of several visits is chosen")

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
    any_of = models.UUIDField(null=True, blank=True, editable=False)
    part_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="parts", editable=False
    )
    hold = models.CharField(max_length=8, choices=Hold, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    pool = models.CharField(_("kept for"), max_length=8, choices=Pool.Kind, blank=True, editable=False)
    ballot_entry = models.ForeignKey(
        "events.BallotEntry",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="registrations",
        editable=False,
    )
    created_at = models.DateTimeField(_("booked"))
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=12, blank=True)
    coming_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the visitor answered a reminder with « yes, still coming »."""
    remind_again_at = models.DateTimeField(null=True, blank=True, editable=False)
    """From when a sweep looks at its reminders once more: its address changed, or a later visit of that day
    had its turn first."""
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
            models.Index(fields=["held_until"], name="registration_held", condition=Q(status="held")),
            models.Index(
                fields=["remind_again_at"],
                name="registration_remind_again",
                condition=Q(remind_again_at__isnull=False),
            ),
            models.Index(fields=["any_of"], name="registration_any_of", condition=Q(any_of__isnull=False)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slot", "visitor"],
                condition=Q(status__in=["confirmed", "waiting", "held"], part_of__isnull=True),
                name="one_active_registration_per_email_and_slot",
            ),
            models.UniqueConstraint(
                fields=["any_of"],
                condition=Q(status="held", hold="offer"),
                name="one_offer_at_a_time_for_any_of_several_slots",
            ),
            models.CheckConstraint(
                condition=(Q(status="held", held_until__isnull=False) & ~Q(hold=""))
                | (~Q(status="held") & Q(held_until__isnull=True, hold="")),
                name="what_is_held_says_why_and_until_when",
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

    def split_id(self) -> uuid.UUID:
        """The submission of the part that splits off at this revision."""
        return uuid.uuid5(self.submission_id, f"part {self.revision}")


class Overtaking(models.Model):
    """Why somebody who waited longer was passed: written when it happens, told to who was passed."""

    class Why(models.TextChoices):
        TOO_MANY = "too_many", _("The party is larger than the places that came free.")
        HAS_OFFER = "has_offer", _("This request already holds an offer for another time.")
        LAST_CALL = (
            "last_call",
            _("Shortly before the visit everybody waiting is told and the first click wins."),
        )

    registration = models.ForeignKey(Registration, models.CASCADE, related_name="overtakings")
    by = models.ForeignKey(Registration, models.SET_NULL, null=True, blank=True, related_name="+")
    why = models.CharField(max_length=10, choices=Why)
    places = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("overtaking on a waiting list")
        verbose_name_plural = _("overtakings on a waiting list")
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.registration_id} {self.why}"


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
    """A partner's key to the API: the token is shown once, its hash kept. With a territory it books there
    alone.
    """

    name = models.CharField(_("partner"), max_length=120)
    territory = models.ForeignKey(
        Territory,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_tokens",
        verbose_name=_("territory"),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("partner's key")
        verbose_name_plural = _("partners' keys")

    def __str__(self) -> str:
        return self.name
