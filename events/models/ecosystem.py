"""What a city or an operation tells besides its doors: figures with their source, members, partners."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .festival import Programme, Territory, in_reader_language

web_address = URLValidator(schemes=["http", "https"])


class Figure(models.Model):
    """A figure, what it counts, of when it is and where it was read. ``is_made_up``: of a demonstration.

    ``as_of`` holds the first day of what ``as_of_exact`` says is known: a day, a month or a year.
    """

    class Exact(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")
        YEAR = "year", _("year")

    territory = models.ForeignKey(
        Territory, models.CASCADE, null=True, blank=True, related_name="figures", verbose_name=_("territory")
    )
    programme = models.ForeignKey(
        Programme, models.CASCADE, null=True, blank=True, related_name="figures", verbose_name=_("programme")
    )
    value = models.CharField(_("figure"), max_length=40)
    label_fr = models.CharField(_("what it counts, in French"), max_length=160)
    label_en = models.CharField(_("what it counts, in English"), max_length=160, blank=True)
    as_of = models.DateField(_("as of"))
    as_of_exact = models.CharField(max_length=5, choices=Exact, default=Exact.DAY)
    source_name = models.CharField(_("source"), max_length=160)
    source_url = models.URLField(_("address of the source"), blank=True, validators=[web_address])
    is_made_up = models.BooleanField(_("made up for a demonstration"), default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering: ClassVar = ["position", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(territory__isnull=True, programme__isnull=False)
                | Q(territory__isnull=False, programme__isnull=True),
                name="a_figure_is_of_a_city_or_of_an_operation",
            ),
            models.CheckConstraint(condition=~Q(source_name=""), name="a_figure_names_its_source"),
        ]

    def __str__(self) -> str:
        return f"{self.value} {self.label_fr}"

    @property
    def label(self) -> str:
        return in_reader_language(self.label_fr, self.label_en)

    @property
    def as_typed(self) -> str:
        """« 15/03/2026 », « 03/2026 », « 2026 »: as the form takes it."""
        pattern = {"day": "%d/%m/%Y", "month": "%m/%Y", "year": "%Y"}[self.as_of_exact]
        return dt.date.strftime(self.as_of, pattern)


class EcosystemEntry(models.Model):
    """A name on the page of a city: a member of its ecosystem, or a partner of its relay."""

    class Kind(models.TextChoices):
        MEMBER = "member", _("member of the ecosystem")
        PARTNER = "partner", _("partner")

    territory = models.ForeignKey(
        Territory, models.CASCADE, related_name="ecosystem", verbose_name=_("territory")
    )
    kind = models.CharField(_("as"), max_length=8, choices=Kind, default=Kind.MEMBER)
    name = models.CharField(_("name"), max_length=120)
    note_fr = models.CharField(_("what it is, in French"), max_length=160, blank=True)
    note_en = models.CharField(_("what it is, in English"), max_length=160, blank=True)
    url = models.URLField(_("address"), blank=True, validators=[web_address])
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("name of an ecosystem")
        verbose_name_plural = _("names of ecosystems")
        ordering: ClassVar = ["kind", "position", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["territory", "kind", "name"], name="one_is_named_once_in_an_ecosystem"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def note(self) -> str:
        return in_reader_language(self.note_fr, self.note_en)
