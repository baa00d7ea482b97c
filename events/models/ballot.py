"""Places drawn by lot: who took part, what they wished for, and what lets anybody replay the draw."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.links import new_nonce, token_from

from .choices import LOCALES
from .festival import Festival, Territory, in_reader_language
from .registration import Visitor
from .slot import Slot


class BallotQuerySet(models.QuerySet["Ballot"]):
    def visible(self) -> BallotQuerySet:
        return self.filter(festival__state__in=[Festival.State.PUBLISHED, Festival.State.ARCHIVED])


class Ballot(models.Model):
    """A draw over the slots of its activities: entries from ``opens_at`` to ``closes_at``, drawn after.

    The seed is derived from ``seed_nonce`` and the site's secret, so the database alone does not tell it;
    ``seed_hash`` (SHA-256 of the seed) is published from the start, the seed itself once ``drawn_at`` is set.
    ``entries_hash`` commits to the list of entries at the closing.
    """

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="ballots", verbose_name=_("festival"))
    territory = models.ForeignKey(
        Territory, models.CASCADE, null=True, blank=True, related_name="ballots", verbose_name=_("territory")
    )
    slug = models.SlugField(_("address"), max_length=80, unique=True)
    name_fr = models.CharField(_("name in French"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=120, blank=True)
    opens_at = models.DateTimeField(_("entries open"))
    closes_at = models.DateTimeField(_("entries close"))
    most_wins = models.PositiveSmallIntegerField(_("visits one person can win"), default=1)
    most_wishes = models.PositiveSmallIntegerField(_("wishes one person can rank"), default=5)
    most_places = models.PositiveSmallIntegerField(_("people in a party"), default=4)
    seed_nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    seed_hash = models.CharField(max_length=64, editable=False)
    entries_hash = models.CharField(max_length=64, blank=True, editable=False)
    drawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    places_at_draw = models.JSONField(default=dict, blank=True, editable=False)

    objects = BallotQuerySet.as_manager()

    class Meta:
        verbose_name = _("ballot")
        verbose_name_plural = _("ballots")
        ordering: ClassVar = ["closes_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")), name="a_ballot_closes_after_it_opens"
            ),
            models.CheckConstraint(
                condition=Q(most_wins__gte=1, most_wishes__gte=1, most_places__gte=1, most_places__lte=4),
                name="a_ballot_can_be_won",
            ),
        ]

    def __str__(self) -> str:
        return self.name_fr

    def get_absolute_url(self) -> str:
        return reverse("events:ballot", args=[self.slug])

    @property
    def name(self) -> str:
        return in_reader_language(self.name_fr, self.name_en)

    @property
    def seed(self) -> str:
        """What decides the order. To be shown to nobody before the draw."""
        return token_from(self.seed_nonce, purpose="ballot")


class BallotEntry(models.Model):
    """One person's ranked wishes for a party. ``code`` is what the published list shows of it.

    ``rank`` is its place in the drawn order, from 1. An erased person leaves the entry without a visitor, so
    that the draw can still be replayed.
    """

    ballot = models.ForeignKey(Ballot, models.CASCADE, related_name="entries")
    visitor = models.ForeignKey(
        Visitor, models.SET_NULL, null=True, blank=True, related_name="ballot_entries"
    )
    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    submission_id = models.UUIDField(unique=True)
    submission_hash = models.CharField(max_length=64)
    party_size = models.PositiveSmallIntegerField(_("number of places"))
    name = models.CharField(_("name"), max_length=120, blank=True)
    locale = models.CharField(_("language"), max_length=5, default="fr", choices=LOCALES)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    rank = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("ballot entry")
        verbose_name_plural = _("ballot entries")
        ordering: ClassVar = ["ballot", "rank", "created_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["ballot", "visitor"],
                condition=Q(withdrawn_at__isnull=True, visitor__isnull=False),
                name="one_entry_per_email_and_ballot",
            ),
            models.CheckConstraint(
                condition=Q(party_size__gte=1, party_size__lte=4),
                name="a_party_of_one_to_four_enters_a_ballot",
            ),
        ]

    def __str__(self) -> str:
        return str(self.code)


class BallotWish(models.Model):
    """One slot an entry would like, the most wanted with ``rank`` 1."""

    entry = models.ForeignKey(BallotEntry, models.CASCADE, related_name="wishes")
    slot = models.ForeignKey(Slot, models.CASCADE, related_name="ballot_wishes")
    rank = models.PositiveSmallIntegerField()
    won = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["entry", "rank"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "slot"], name="a_slot_is_wished_for_once"),
            models.UniqueConstraint(fields=["entry", "rank"], name="each_wish_has_its_own_rank"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.rank}"
