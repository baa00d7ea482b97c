"""A host's people: who receives visitors in which slot, and when they cannot."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .host import Host
from .slot import Slot


class HostPerson(models.Model):
    """Somebody of a host who receives visitors; needs no account."""

    host = models.ForeignKey(Host, models.CASCADE, related_name="people")
    name = models.CharField(_("name"), max_length=120)
    role = models.CharField(_("role"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail"), max_length=254, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="host_people"
    )

    class Meta:
        verbose_name = _("person of a host")
        verbose_name_plural = _("people of hosts")
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["host", "name"], name="one_person_per_name_in_a_host"),
        ]

    def __str__(self) -> str:
        return self.name


class Appearance(models.Model):
    """A person receives visitors in a slot. Its times are the slot's: the database copies them, and keeps
    them so when the slot moves or is withdrawn, whoever writes (``events.guards``).

    Two active appearances of one person never overlap: held by the database on both engines.
    """

    person = models.ForeignKey(HostPerson, models.CASCADE, related_name="appearances")
    slot = models.ForeignKey(Slot, models.CASCADE, related_name="appearances")
    starts_at = models.DateTimeField(editable=False)
    ends_at = models.DateTimeField(editable=False)
    active = models.BooleanField(default=True, editable=False)

    class Meta:
        verbose_name = _("appearance")
        verbose_name_plural = _("appearances")
        ordering: ClassVar = ["starts_at", "pk"]
        indexes: ClassVar = [models.Index(fields=["person", "starts_at"], name="appearance_by_person")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "slot"], name="a_person_appears_once_in_a_slot"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="an_appearance_lasts"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.starts_at:%Y-%m-%d %H:%M}"


class Absence(models.Model):
    """When a person cannot receive anybody: a half-open range in UTC."""

    person = models.ForeignKey(HostPerson, models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    reason = models.CharField(_("reason"), max_length=160, blank=True)

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering: ClassVar = ["starts_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="an_absence_lasts"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.starts_at:%Y-%m-%d %H:%M}"
