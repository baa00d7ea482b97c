"""What somebody wants to hear of without having booked anything: asked for, confirmed by mail, stopped."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .activity import Activity
from .choices import LOCALES, Theme
from .festival import Festival, Territory
from .host import Host


class Topic(models.Model):
    """What one may follow: a host, a territory, a theme (there or everywhere), an activity.

    One row for everybody who follows it, made when somebody first asks. ``key`` says it in one word:
    ``host:12``, ``territory:3``, ``theme:ai``, ``theme:ai:3``, ``activity:45``. ``opened_in``: the editions
    in which its bookings are known to be open, so that their opening is told once.
    """

    key = models.CharField(max_length=60, unique=True)
    host = models.ForeignKey(Host, models.CASCADE, null=True, blank=True, related_name="topics")
    territory = models.ForeignKey(Territory, models.CASCADE, null=True, blank=True, related_name="topics")
    theme = models.CharField(max_length=20, choices=Theme, blank=True)
    activity = models.ForeignKey(Activity, models.CASCADE, null=True, blank=True, related_name="topics")
    opened_in = models.ManyToManyField(Festival, related_name="+", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(host__isnull=False, territory__isnull=True, theme="", activity__isnull=True)
                | Q(host__isnull=True, territory__isnull=True, theme="", activity__isnull=False)
                | Q(host__isnull=True, territory__isnull=False, activity__isnull=True)
                | (Q(host__isnull=True, territory__isnull=True, activity__isnull=True) & ~Q(theme="")),
                name="a_topic_is_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Follower(models.Model):
    """An address that follows something, or has asked to. ``timezone``: of the place first followed, on whose
    clock it is day or night. ``told_free_at``: when a mail about places come free was last owed.
    """

    email = models.EmailField(max_length=254, unique=True)
    mailbox = models.CharField(max_length=254, db_index=True)
    locale = models.CharField(max_length=5, default="fr", choices=LOCALES)
    timezone = models.CharField(max_length=40, default="Europe/Paris")
    told_free_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.email


class FollowQuerySet(models.QuerySet["Follow"]):
    def active(self) -> FollowQuerySet:
        """Confirmed by its mail, and not stopped."""
        return self.filter(confirmed_at__isnull=False, stopped_at__isnull=True)

    def never_confirmed(self, before: dt.datetime) -> FollowQuerySet:
        """Asked for before then by whoever typed the address, and nobody said yes."""
        return self.filter(confirmed_at__isnull=True, asked_at__lt=before)


class Follow(models.Model):
    """One address, one topic: the consent and its proof (RGPD art. 7.1).

    ``words``: the sentence that stood over the button; ``page``: where. ``asked_at`` is when it was typed,
    ``confirmed_at`` when the link of the mail was answered with yes, ``stopped_at`` when it ended.
    """

    follower = models.ForeignKey(Follower, models.CASCADE, related_name="follows")
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="follows", db_index=False)
    words = models.CharField(max_length=400)
    page = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects = FollowQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["follower", "topic"], name="an_address_follows_a_topic_once"),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True) | Q(confirmed_at__isnull=False),
                name="only_what_was_confirmed_is_stopped",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["topic", "id"],
                name="follow_told",
                condition=Q(confirmed_at__isnull=False, stopped_at__isnull=True),
            ),
            models.Index(fields=["topic"], name="follow_of_a_topic"),
            models.Index(
                fields=["asked_at"], name="follow_unconfirmed", condition=Q(confirmed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} {self.topic_id}"

    @property
    def is_active(self) -> bool:
        return self.confirmed_at is not None and self.stopped_at is None


class FullSpell(models.Model):
    """An activity somebody follows was seen without a place left in any of its slots to come.

    ``freed_at``: when places were first seen again that nobody waits for; ``told_at``: when who follows it
    was told. It begins anew when all are taken again.
    """

    activity = models.OneToOneField(Activity, models.CASCADE, related_name="full_spell")
    full_since = models.DateTimeField(_("full since"))
    freed_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(told_at__isnull=True) | Q(freed_at__isnull=False),
                name="only_what_came_free_is_told",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.activity_id} {self.full_since:%Y-%m-%d %H:%M}"
