"""The timetable before it is public: a draft beside the slots, its changes, and the releases made of it."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from events.clock import instant, on_the_wall

from .choices import Level, PlacingRule
from .festival import Festival, Territory
from .slot import Slot
from .venue import Room


class Placement(models.Model):
    """Where and when the draft has a slot. The slot itself stays as the public knows it until the release.

    A slot that nobody has touched in the draft follows the live one (``is_changed`` False). ``revision``
    grows with each change: who changes a placement says which one they saw. ``live_*`` is the slot as it
    stood when the draft first left it, so that a live change made meanwhile is seen. ``cancels``: the
    release withdraws the slot. ``is_pinned``: the automatic timetable leaves it where it is.
    """

    slot = models.OneToOneField(Slot, models.CASCADE, related_name="placement")
    territory = models.ForeignKey(Territory, models.CASCADE, related_name="placements")
    room = models.ForeignKey(Room, models.SET_NULL, null=True, blank=True, related_name="placements")
    day = models.DateField()
    start_time = models.TimeField()
    fold = models.PositiveSmallIntegerField(default=0)
    duration = models.PositiveSmallIntegerField()
    starts_at = models.DateTimeField(editable=False)
    ends_at = models.DateTimeField(editable=False)
    cancels = models.BooleanField(default=False)
    is_pinned = models.BooleanField(_("pinned"), default=False)
    is_changed = models.BooleanField(default=False)
    live_room_id = models.BigIntegerField(null=True, blank=True)
    live_starts_at = models.DateTimeField()
    live_ends_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=0)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["territory", "day"], name="placement_by_day"),
            models.Index(fields=["territory"], name="placement_changed", condition=Q(is_changed=True)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="a_placement_lasts"),
        ]

    def __str__(self) -> str:
        return f"{self.slot_id} {self.starts_at:%Y-%m-%d %H:%M}"

    def set_time(
        self, *, day: dt.date, start_time: dt.time, duration: int, timezone: str, fold: int | None = None
    ) -> None:
        """As ``Slot.set_time``; does not save. Raises ``clock.NoSuchTime`` and ``clock.TwiceThatDay``."""
        self.starts_at = instant(day, start_time, timezone, fold=fold)
        self.ends_at = self.starts_at + dt.timedelta(minutes=duration)
        self.day, self.start_time, self.duration, self.fold = day, start_time, duration, fold or 0

    @property
    def local_start(self) -> dt.datetime:
        return on_the_wall(self.starts_at, self.slot.timezone)

    @property
    def local_end(self) -> dt.datetime:
        return on_the_wall(self.ends_at, self.slot.timezone)


class PlannedStay(models.Model):
    """What a placement takes of an atomic room in the draft: a half-open range in UTC, set-up and turnover
    included. Two rows of one room never overlap: see ``events.guards``.
    """

    placement = models.ForeignKey(Placement, models.CASCADE, related_name="stays")
    room = models.ForeignKey(Room, models.CASCADE, related_name="planned_stays")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["room", "starts_at"], name="planned_by_room_and_time")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="a_planned_stay_lasts"),
            models.UniqueConstraint(fields=["placement", "room"], name="a_placement_holds_a_room_once"),
        ]

    def __str__(self) -> str:
        return f"{self.room_id} {self.starts_at:%Y-%m-%d %H:%M}"


class DraftChange(models.Model):
    """One change of the draft, so that it can be shown and undone. Changes of one action share a ``batch``.

    ``before`` and ``after``: ``{"room", "day", "start_time", "fold", "duration", "cancels", "is_pinned"}``.
    """

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="draft_changes")
    slot = models.ForeignKey(Slot, models.CASCADE, related_name="draft_changes")
    batch = models.UUIDField()
    verb = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    before = models.JSONField()
    after = models.JSONField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["territory", "-at"], name="draft_change_by_time"),
            models.Index(fields=["batch"], name="draft_change_by_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.slot_id}"


class Release(models.Model):
    """A timetable as it was made public. ``snapshot``: every slot as it then stood, to look at it again."""

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="releases")
    festival = models.ForeignKey(Festival, models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField()
    name = models.CharField(_("name"), max_length=80)
    note = models.TextField(_("note for the public"), max_length=1000, blank=True)
    released_at = models.DateTimeField()
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    snapshot = models.JSONField(default=list)

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        ordering: ClassVar = ["-released_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["territory", "number"], name="releases_of_a_territory_count_up"),
        ]

    def __str__(self) -> str:
        return self.name


class ReleaseChange(models.Model):
    """What a release changed of one slot. ``before`` and ``after``: ``{"starts_at", "ends_at", "timezone",
    "room", "venue"}``, times in ISO 8601 with UTC, names of places as they then were; None: there was or is
    none.
    """

    class Kind(models.TextChoices):
        MOVED = "moved", _("Another time")
        ROOM = "room", _("Another place")
        BOTH = "both", _("Another time and place")
        CANCELLED = "cancelled", _("Will not take place")

    release = models.ForeignKey(Release, models.CASCADE, related_name="changes")
    slot = models.ForeignKey(Slot, models.SET_NULL, null=True, related_name="release_changes")
    kind = models.CharField(max_length=10, choices=Kind)
    title_fr = models.CharField(max_length=120)
    title_en = models.CharField(max_length=120, blank=True)
    host_name = models.CharField(max_length=160)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    is_public = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.title_fr}"


class RuleLevel(models.Model):
    """What an edition does when one of its rules of placing is broken; no row: the rule's own default."""

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="rule_levels")
    rule = models.CharField(max_length=12, choices=PlacingRule)
    level = models.CharField(max_length=12, choices=Level)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["festival", "rule"], name="one_level_per_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.level}"


class SlotWish(models.Model):
    """What the host would like, for the automatic timetable: days, hours on the local clock, a room."""

    slot = models.OneToOneField(Slot, models.CASCADE, related_name="wish")
    days = models.JSONField(_("days"), default=list, blank=True)
    earliest = models.TimeField(_("not before"), null=True, blank=True)
    latest = models.TimeField(_("over by"), null=True, blank=True)
    room = models.ForeignKey(
        Room, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("room")
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(earliest__isnull=True) | Q(latest__isnull=True) | Q(latest__gt=F("earliest")),
                name="a_wish_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slot_id}"
