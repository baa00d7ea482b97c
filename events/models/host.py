"""Who opens a door: start-ups, incubators, companies, schools."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.folding import fold

from .choices import Theme
from .festival import Territory, in_reader_language, title_in_reader_language

if TYPE_CHECKING:
    from accounts.models import User

PAINTS = ("pastel", "brique", "wagon", "ocre", "prune", "ardoise")


def paint_of(slug: str) -> str:
    """The paint a city or a venue borrows, on its page and in its picture: one of six by a stable rule."""
    return PAINTS[zlib.crc32(slug.encode()) % len(PAINTS)]


class HostQuerySet(models.QuerySet["Host"]):
    def managed_by(self, user: User) -> HostQuerySet:
        """Hosts a person speaks for."""
        return self.filter(members__user=user)

    def overseen_by(self, user: User) -> HostQuerySet:
        """Hosts of the territories a person organises."""
        return self.filter(territory__in=Territory.objects.run_by(user).values("pk"))

    def public(self) -> HostQuerySet:
        """Hosts that have had something published."""
        return self.filter(activities__state__in=["published", "cancelled"]).distinct()


class Host(models.Model):
    """An organisation that receives visitors. Its page is public once it has published something."""

    territory = models.ForeignKey(
        Territory, models.PROTECT, related_name="hosts", verbose_name=_("territory")
    )
    name = models.CharField(_("name"), max_length=120)
    sort_name = models.CharField(max_length=120, editable=False, db_index=True)
    slug = models.SlugField(_("address of the page"), max_length=100, unique=True)
    tagline_fr = models.CharField(_("in one sentence, in French"), max_length=200, blank=True)
    tagline_en = models.CharField(_("in one sentence, in English"), max_length=200, blank=True)
    description_fr = models.TextField(_("presentation in French"), max_length=5000, blank=True)
    description_en = models.TextField(_("presentation in English"), max_length=5000, blank=True)
    website = models.URLField(_("website"), blank=True)
    city = models.CharField(_("town"), max_length=80, blank=True)
    theme = models.CharField(_("theme"), max_length=20, choices=Theme, blank=True)
    logo = models.ImageField(_("logo"), upload_to="logos/", blank=True)
    contact_email = models.EmailField(_("contact address for the organisers"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = HostQuerySet.as_manager()

    class Meta:
        verbose_name = _("host")
        verbose_name_plural = _("hosts")
        ordering: ClassVar = ["sort_name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_name = fold(self.name)[:120]
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("events:host", args=[self.slug])

    @property
    def tagline(self) -> str:
        return title_in_reader_language(self.tagline_fr, self.tagline_en)

    @property
    def description(self) -> str:
        return in_reader_language(self.description_fr, self.description_en)

    @property
    def paint(self) -> str:
        """The colour of its door, kept everywhere: one of six by a stable rule."""
        return PAINTS[(self.pk or 0) % len(PAINTS)]


class HostMember(models.Model):
    """A person who speaks for a host."""

    host = models.ForeignKey(Host, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="host_roles")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["host", "user"], name="a_person_is_once_in_a_host"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.host}"
