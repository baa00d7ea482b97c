"""The company behind a host."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from stdnum.exceptions import ValidationError as WrongNumber
from stdnum.fr import siren as register_number


def check_siren(number: str) -> None:
    """Nine digits of which the last agrees with the others (Luhn, ISO/IEC 7812-1). Raises
    ``ValidationError``.
    """
    try:
        register_number.validate(number)
    except WrongNumber:
        raise ValidationError(
            _("This is no SIREN number: it has nine digits, like 552 100 554. Please check each of them."),
            code="siren",
        ) from None


class Company(models.Model):
    """The number a host gave, and what the register said of it. Another number is another row."""

    class Standing(models.TextChoices):
        NOT_ASKED = "", _("not asked for yet")
        ACTIVE = "active", _("active")
        CLOSED = "closed", _("closed down")
        UNKNOWN = "unknown", _("not in the register")

    host = models.OneToOneField("events.Host", models.CASCADE, related_name="company", verbose_name=_("host"))
    siren = models.CharField(_("SIREN number"), max_length=9, validators=[check_siren])
    standing = models.CharField(_("standing"), max_length=10, choices=Standing, blank=True, editable=False)
    name = models.CharField(_("name in the register"), max_length=250, blank=True, editable=False)
    address = models.CharField(_("head office"), max_length=250, blank=True, editable=False)
    asked_at = models.DateTimeField(_("asked for"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering: ClassVar = ["siren"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(standing="", asked_at=None) | ~Q(standing="") & Q(asked_at__isnull=False),
                name="what_the_register_said_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.siren
