"""What is proposed: one visit, workshop or talk of a host, with its way through moderation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.folding import padded, words

from .choices import Access, Announced, Audience, Equipment, Format, Language, Mode, Theme
from .festival import (
    Festival,
    Programme,
    Territory,
    in_both_languages,
    in_reader_language,
    title_in_reader_language,
)
from .fields import CodesField
from .host import Host
from .venue import Venue

if TYPE_CHECKING:
    from accounts.models import User


class ActivityQuerySet(models.QuerySet["Activity"]):
    def published(self) -> ActivityQuerySet:
        """What the public may see: published, or cancelled after having been so."""
        return self.filter(
            state__in=[Activity.State.PUBLISHED, Activity.State.CANCELLED],
            festival__state__in=[Festival.State.PUBLISHED, Festival.State.ARCHIVED],
        )

    def managed_by(self, user: User) -> ActivityQuerySet:
        """Activities of the hosts a person speaks for."""
        return self.filter(host__in=Host.objects.managed_by(user).values("pk"))

    def moderated_by(self, user: User) -> ActivityQuerySet:
        """Activities of the territories a person organises."""
        return self.filter(territory__in=Territory.objects.run_by(user).values("pk"))

    def to_moderate(self) -> ActivityQuerySet:
        return self.filter(state=Activity.State.SUBMITTED).order_by("submitted_at", "pk")

    def matching(self, query: str) -> ActivityQuerySet:
        """Every word of the query stands in the title, texts, host or place; marks and case aside."""
        found = self
        for word in words(query):
            found = found.filter(search_text__contains=word)
        return found


class Activity(models.Model):
    """A proposal of a host in an edition. Its slots can be booked while it is published."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("To moderate")
        CHANGES_REQUESTED = "changes_requested", _("Changes requested")
        READY = "ready", _("Ready to publish")
        PUBLISHED = "published", _("Published")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")

    festival = models.ForeignKey(
        Festival, models.PROTECT, related_name="activities", verbose_name=_("festival")
    )
    programme = models.ForeignKey(
        Programme,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="activities",
        verbose_name=_("programme"),
    )
    territory = models.ForeignKey(
        Territory, models.PROTECT, related_name="activities", verbose_name=_("territory")
    )
    host = models.ForeignKey(Host, models.PROTECT, related_name="activities", verbose_name=_("host"))
    venue = models.ForeignKey(
        Venue,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="activities",
        verbose_name=_("place"),
        help_text=_("Leave empty to let the organisers find a room."),
    )
    slug = models.SlugField(max_length=120, unique=True)
    title_fr = models.CharField(_("title in French"), max_length=120)
    title_en = models.CharField(_("title in English"), max_length=120, blank=True)
    description_fr = models.TextField(_("description in French"), max_length=5000, blank=True)
    description_en = models.TextField(_("description in English"), max_length=5000, blank=True)
    format = models.CharField(_("format"), max_length=20, choices=Format, default=Format.GUIDED_TOUR)
    theme = models.CharField(_("theme"), max_length=20, choices=Theme, blank=True)
    mode = models.CharField(_("how people come"), max_length=12, choices=Mode, default=Mode.FIRST_COME)
    ballot = models.ForeignKey(
        "events.Ballot",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="activities",
        verbose_name=_("ballot"),
    )
    audience = models.CharField(_("audience"), max_length=20, choices=Audience, default=Audience.EVERYONE)
    minimum_age = models.PositiveSmallIntegerField(_("minimum age"), null=True, blank=True)
    languages = CodesField(_("languages"), codes=Language.choices)
    access = CodesField(_("accessibility"), codes=Access.choices)
    ask_name = models.BooleanField(_("ask visitors for a name"), default=False)
    meeting_point = models.CharField(_("where to meet"), max_length=200, blank=True)
    room_needs = models.CharField(_("what else the room needs"), max_length=300, blank=True)
    needs = CodesField(_("what the room needs"), codes=Equipment.choices)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.DRAFT)
    announced = models.CharField(
        _("what was announced"), max_length=12, choices=Announced, blank=True, default="", db_default=""
    )
    moderation_note = models.TextField(_("what the organisers said"), blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    external_id = models.CharField(max_length=120, blank=True)
    image_url = models.URLField(max_length=500, blank=True, default="", db_default="", editable=False)
    image_credit = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    source = models.CharField(_("source"), max_length=300, blank=True)
    search_text = models.TextField(editable=False, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering: ClassVar = ["title_fr"]
        indexes: ClassVar = [
            models.Index(fields=["territory", "state", "submitted_at"], name="activity_moderation_queue"),
            models.Index(fields=["festival", "state"], name="activity_by_festival_and_state"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["festival", "external_id"],
                condition=~Q(external_id=""),
                name="one_activity_per_identifier_in_a_festival",
            ),
        ]

    def __str__(self) -> str:
        return self.title_fr

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_text = self.what_is_searched()
        fields = kwargs.get("update_fields")
        if fields is not None:
            kwargs["update_fields"] = {*fields, "search_text", "updated_at"}
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("events:activity", args=[self.slug])

    @property
    def title(self) -> str:
        return title_in_reader_language(self.title_fr, self.title_en)

    @property
    def description(self) -> str:
        return in_reader_language(self.description_fr, self.description_en)

    @property
    def is_public(self) -> bool:
        return self.state in (self.State.PUBLISHED, self.State.CANCELLED)

    @property
    def origin(self) -> str:
        """Its source as the public reads it: of an address the server alone, for the rest may hold a key."""
        return urlsplit(self.source).hostname or self.source

    @property
    def may_be_edited(self) -> bool:
        """A host may change it until somebody else has it in hand."""
        return self.state in (self.State.DRAFT, self.State.CHANGES_REQUESTED, self.State.PUBLISHED)

    def what_is_searched(self) -> str:
        """The folded words by which it is found."""
        parts = [
            self.title_fr,
            self.title_en,
            self.host.name,
            self.host.city,
            self.territory.name,
            *in_both_languages(Format(self.format).label if self.format in Format.values else ""),
            *in_both_languages(Theme(self.theme).label if self.theme in Theme.values else ""),
            self.description_fr,
            self.description_en,
        ]
        if self.venue:
            parts += [self.venue.name, self.venue.address, self.venue.city]
        return padded(*parts)
