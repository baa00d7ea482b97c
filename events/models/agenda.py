"""Agendas kept elsewhere that a territory follows: where they are, and what each look at them came to."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .festival import Festival, Territory

SILENT = dt.timedelta(days=1)
"""An agenda from which nothing could be taken in for so long is something to look at."""


class AgendaSourceQuerySet(models.QuerySet["AgendaSource"]):
    def held(self) -> AgendaSourceQuerySet:
        """Those that wait for a yes."""
        return self.filter(is_active=True, held_at__isnull=False, allowed_gone=0)

    def silent(self, now: dt.datetime) -> AgendaSourceQuerySet:
        """Those from which nothing could be taken in for a day."""
        return self.filter(is_active=True, failing_since__lte=now - SILENT)


class AgendaSource(models.Model):
    """The address of an agenda's export, read again and again into the edition under way.

    ``etag``, ``last_modified`` and ``digest`` (SHA-256) are of what was last taken in whole; ``named``: the
    identifiers of its events then. ``failing_since``: the first of the tries, in a row, that brought
    nothing. ``held_gone`` of ``held_known`` slots would go, and somebody has to say so; ``allowed_gone``: so
    many may, said by ``allowed_by``. ``told_held_at``, ``told_failing_since``: the spell of either that the
    organisers were last written to about.
    """

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="agenda_sources")
    url = models.URLField(_("address"), max_length=500)
    is_active = models.BooleanField(_("active"), default=True)
    festival = models.ForeignKey(
        Festival, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    named = models.JSONField(default=list, editable=False)
    etag = models.CharField(max_length=300, blank=True, editable=False)
    last_modified = models.CharField(max_length=100, blank=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    imported_at = models.DateTimeField(null=True, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_check_at = models.DateTimeField(editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)
    held_gone = models.PositiveIntegerField(default=0, editable=False)
    held_known = models.PositiveIntegerField(default=0, editable=False)
    told_held_at = models.DateTimeField(null=True, blank=True, editable=False)
    told_failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    allowed_gone = models.PositiveIntegerField(default=0, editable=False)
    allowed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AgendaSourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("agenda followed")
        verbose_name_plural = _("agendas followed")
        ordering: ClassVar = ["territory", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["territory", "url"], name="a_territory_follows_an_agenda_once"),
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True) | Q(lease_until__isnull=False),
                name="an_agenda_being_read_is_leased",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_check_at"], name="agenda_due", condition=Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return self.url


class AgendaRun(models.Model):
    """What a look at an agenda came to. The same again in a row is one row: ``times``, from ``at`` to
    ``last_at``. ``why``: what was in the way, in English, where no answer came; ``problems``: of events that
    were refused, and ``notes``: what is worth knowing, as ``exchange.entries.Problem`` keeps them.
    """

    class Outcome(models.TextChoices):
        IMPORTED = "imported", _("Taken in")
        SAME = "same", _("As before")
        HELD = "held", _("Waits for your yes")
        REFUSED = "refused", _("Nothing could be taken")
        FAILED = "failed", _("No answer")

    source = models.ForeignKey(AgendaSource, models.CASCADE, related_name="runs")
    outcome = models.CharField(max_length=8, choices=Outcome)
    at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    slots_created = models.PositiveIntegerField(default=0)
    slots_changed = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    why = models.CharField(max_length=300, blank=True)
    problems = models.JSONField(default=list)
    notes = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-last_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.source_id} {self.outcome} {self.last_at:%Y-%m-%d %H:%M}"
