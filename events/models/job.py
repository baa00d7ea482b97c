"""Long work somebody asked for: how far it is, how it ended, and that it may be stopped."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .festival import Territory


class Job(models.Model):
    """The row is the work: Celery is only told that it is there, and ``drain_outbox`` does it as well.

    ``params`` says what is to be done, ``done`` of ``total`` how far it is, ``report`` what came of it. A
    worker that holds ``lease_token`` until ``lease_until`` works on it; one that dies is followed by another,
    so each step must be safe to do twice.
    """

    class Kind(models.TextChoices):
        BULK = "bulk", _("Bulk change")
        TIMETABLE = "timetable", _("Automatic timetable")
        MESSAGE = "message", _("Bulk message")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    kind = models.CharField(max_length=12, choices=Kind)
    territory = models.ForeignKey(Territory, models.CASCADE, null=True, blank=True, related_name="jobs")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    step = models.CharField(max_length=120, blank=True)
    stop_asked_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("long work")
        verbose_name_plural = _("long works")
        ordering: ClassVar = ["-asked_at", "-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["asked_at"], name="job_to_do", condition=Q(state__in=["waiting", "running"])
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="running", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="running") & Q(lease_token__isnull=True)),
                name="what_is_under_way_is_leased",
            ),
            models.CheckConstraint(
                condition=Q(total=0) | Q(done__lte=F("total")), name="no_more_is_done_than_there_was"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.DONE, self.State.STOPPED, self.State.FAILED)
