"""The edition and its parts: festival, programmes, territories, their teams, and what history left."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from events.folding import fold
from events.typography import set_in_french

from .choices import LOCALES, Shield

if TYPE_CHECKING:
    from accounts.models import User


def in_reader_language(french: str, english: str) -> str:
    """The English text for who reads English and where there is one, else the French."""
    return english if english and (get_language() or "fr").startswith("en") else french


def title_in_reader_language(french: str, english: str) -> str:
    """The same for a line of plain text, its French as it is printed."""
    said = in_reader_language(french, english)
    return said if said == english else set_in_french(said)


def in_both_languages(label: object) -> list[str]:
    """How a word of ours reads in each language of the site, whoever is reading now."""
    said = []
    for code, _name in LOCALES:
        with override(code):
            said.append(str(label))
    return said


def validate_zone(name: str) -> None:
    """Raises ``ValidationError`` on a name the IANA database does not know."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(_("Unknown time zone: %(zone)s"), params={"zone": name}) from error


class FestivalQuerySet(models.QuerySet["Festival"]):
    def published(self) -> FestivalQuerySet:
        return self.filter(state=Festival.State.PUBLISHED)

    def archived(self) -> FestivalQuerySet:
        return self.filter(state=Festival.State.ARCHIVED)

    def current(self) -> Festival | None:
        """The published edition that starts last, or none."""
        return self.published().order_by("-starts_on", "-pk").first()

    def run_by(self, user: User) -> FestivalQuerySet:
        """Editions whose national team the person belongs to."""
        return self if user.is_superuser else self.filter(team__user=user)


class Festival(models.Model):
    """One edition: dates, rules set once, a team."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        ARCHIVED = "archived", _("Archived")

    name = models.CharField(_("name"), max_length=160)
    slug = models.SlugField(_("address"), max_length=80, unique=True)
    tagline_fr = models.CharField(_("tagline in French"), max_length=200, blank=True)
    tagline_en = models.CharField(_("tagline in English"), max_length=200, blank=True)
    about_fr = models.TextField(_("presentation in French"), blank=True)
    about_en = models.TextField(_("presentation in English"), blank=True)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    is_demo = models.BooleanField(_("demonstration"), default=False)
    most_places = models.PositiveSmallIntegerField(
        _("most places per booking"), default=6, help_text=_("Places one person may hold in one slot.")
    )
    most_bookings_per_day = models.PositiveSmallIntegerField(
        _("most visits per person and day"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    most_bookings = models.PositiveSmallIntegerField(
        _("most visits per person"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    confirms_addresses = models.BooleanField(
        _("hold places until the address is confirmed"),
        default=False,
        help_text=_("A new address has 30 minutes to confirm by a link; then its places are free again."),
    )
    shield = models.CharField(_("shield against robots"), max_length=6, choices=Shield, default=Shield.AUTO)
    expected_absence = models.PositiveSmallIntegerField(
        _("people expected not to come (%)"),
        default=28,
        help_text=_("28 is the median of 860 measured free events."),
    )
    quiet_from = models.TimeField(
        _("no mail from"),
        default=dt.time(22),
        help_text=_("On the local clock: reminders and bulk messages wait until the morning."),
    )
    quiet_until = models.TimeField(_("no mail until"), default=dt.time(8))
    contact_email = models.EmailField(_("contact address"), blank=True)
    sources = models.JSONField(_("sources"), default=list, blank=True)
    territories = models.ManyToManyField(
        "events.Territory", verbose_name=_("territories"), related_name="festivals", blank=True
    )

    objects = FestivalQuerySet.as_manager()

    class Meta:
        verbose_name = _("festival")
        verbose_name_plural = _("festivals")
        ordering: ClassVar = ["-starts_on"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="a_festival_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(most_places__gte=1), name="a_person_may_hold_at_least_one_place"
            ),
            models.CheckConstraint(
                condition=Q(expected_absence__lte=90), name="somebody_is_expected_to_come"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("events:edition", args=[self.slug])

    @property
    def tagline(self) -> str:
        return in_reader_language(self.tagline_fr, self.tagline_en)

    @property
    def about(self) -> str:
        return in_reader_language(self.about_fr, self.about_en)

    @property
    def days(self) -> list[dt.date]:
        """Every day of the edition, in order."""
        return [
            self.starts_on + dt.timedelta(days=n) for n in range((self.ends_on - self.starts_on).days + 1)
        ]


class FestivalTeam(models.Model):
    """A person of the national team of an edition."""

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="team")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="festival_roles")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["festival", "user"], name="a_person_is_once_in_a_national_team"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.festival}"


class Programme(models.Model):
    """An operation inside the edition with a name and an organiser of its own, such as Start-up Assembly."""

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="programmes")
    name = models.CharField(_("name"), max_length=160)
    slug = models.SlugField(_("address"), max_length=80)
    tagline_fr = models.CharField(_("in one sentence, in French"), max_length=200, blank=True)
    tagline_en = models.CharField(_("in one sentence, in English"), max_length=200, blank=True)
    website = models.URLField(_("website"), blank=True)
    organiser = models.CharField(_("organiser"), max_length=160, blank=True)
    description_fr = models.TextField(_("description in French"), blank=True)
    description_en = models.TextField(_("description in English"), blank=True)
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    sources = models.JSONField(_("sources"), default=list, blank=True)

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["festival", "slug"], name="one_programme_per_slug_in_a_festival"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("events:operation", args=[self.slug])

    @property
    def tagline(self) -> str:
        return in_reader_language(self.tagline_fr, self.tagline_en)

    @property
    def description(self) -> str:
        return in_reader_language(self.description_fr, self.description_en)


class TerritoryQuerySet(models.QuerySet["Territory"]):
    def run_by(self, user: User) -> TerritoryQuerySet:
        """Territories a person organises: in its own team, or in the national team of an edition it is part
        of.
        """
        if user.is_superuser:
            return self
        return self.filter(
            Q(pk__in=TerritoryTeam.objects.filter(user=user).values("territory"))
            | Q(
                pk__in=Festival.territories.through.objects.filter(festival__team__user=user).values(
                    "territory"
                )
            )
        )


class Territory(models.Model):
    """A local relay: its communes, its time zone, its team. It lives on from edition to edition."""

    name = models.CharField(_("name"), max_length=120)
    sort_name = models.CharField(max_length=120, editable=False, db_index=True)
    slug = models.SlugField(_("address"), max_length=80, unique=True)
    timezone = models.CharField(
        _("time zone"), max_length=40, default="Europe/Paris", validators=[validate_zone]
    )
    relay = models.CharField(_("local relay"), max_length=160, blank=True)
    website = models.URLField(_("website of the relay"), blank=True)
    contact_email = models.EmailField(_("contact address"), blank=True)
    about_fr = models.TextField(_("presentation in French"), blank=True)
    about_en = models.TextField(_("presentation in English"), blank=True)

    objects = TerritoryQuerySet.as_manager()

    class Meta:
        verbose_name = _("territory")
        verbose_name_plural = _("territories")
        ordering: ClassVar = ["sort_name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_name = fold(self.name)[:120]
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("events:territory", args=[self.slug])

    @property
    def about(self) -> str:
        return in_reader_language(self.about_fr, self.about_en)


class Commune(models.Model):
    """A commune of a territory, with its official code (INSEE, Code officiel géographique)."""

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="communes")
    name = models.CharField(_("name"), max_length=80)
    folded_name = models.CharField(max_length=80, editable=False, db_index=True)
    insee_code = models.CharField(_("INSEE code"), max_length=5, blank=True)

    class Meta:
        verbose_name = _("commune")
        verbose_name_plural = _("communes")
        ordering: ClassVar = ["folded_name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["territory", "folded_name"], name="one_commune_per_name_in_a_territory"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.folded_name = fold(self.name)[:80]
        super().save(*args, **kwargs)


class TerritoryTeam(models.Model):
    """A local organiser of a territory."""

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="team")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="territory_roles")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["territory", "user"], name="a_person_is_once_in_a_territory_team"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.territory}"


class Opening(models.Model):
    """When booking opens for a part of an edition: a programme, a territory, both, or (neither) all of it.

    The narrowest part wins. ``second_share`` percent of each slot's places wait for ``second_opens_at``.
    """

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="openings")
    programme = models.ForeignKey(
        Programme,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="openings",
        verbose_name=_("programme"),
    )
    territory = models.ForeignKey(
        Territory,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="openings",
        verbose_name=_("territory"),
    )
    opens_at = models.DateTimeField(_("registration opens"))
    second_opens_at = models.DateTimeField(_("second wave"), null=True, blank=True)
    second_share = models.PositiveSmallIntegerField(_("places kept for it (%)"), null=True, blank=True)

    class Meta:
        verbose_name = _("opening of registration")
        verbose_name_plural = _("openings of registration")
        ordering: ClassVar = ["opens_at", "pk"]
        constraints: ClassVar = [
            *(
                models.UniqueConstraint(
                    fields=["festival", *named],
                    condition=Q(
                        **{f"{part}__isnull": part not in named for part in ("programme", "territory")}
                    ),
                    name=f"registration_opens_once_for_{of_what}",
                )
                for named, of_what in (
                    ((), "an_edition"),
                    (("programme",), "a_programme"),
                    (("territory",), "a_territory"),
                    (("programme", "territory"), "a_programme_in_a_territory"),
                )
            ),
            models.CheckConstraint(
                condition=Q(second_opens_at__isnull=True, second_share__isnull=True)
                | Q(
                    second_opens_at__gt=F("opens_at"),
                    second_share__gte=1,
                    second_share__lte=90,
                ),
                name="a_second_wave_comes_later_with_a_share",
            ),
        ]

    def __str__(self) -> str:
        parts = [str(part) for part in (self.programme, self.territory) if part is not None]
        return f"{', '.join(parts) or self.festival} {self.opens_at:%Y-%m-%d %H:%M}"


class ReminderRule(models.Model):
    """When visitors of an edition, of a programme or of one slot are written to: ``lead_days`` before at
    ``at_time`` on the local clock, or ``lead_hours`` before; where ``is_after``, as long after the end.

    The narrowest that has rules of a purpose decides: a slot's own rules replace its programme's, which
    replace the edition's; inactive ones too, so that a slot can be without. A booking made later than
    ``minimum_lead_hours`` before the moment the reminder is due earns none of this rule.
    """

    class Purpose(models.TextChoices):
        REMINDER = "reminder", _("Reminder")
        THANKS = "thanks", _("Thanks")
        SURVEY = "survey", _("Survey")

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="reminder_rules")
    programme = models.ForeignKey(
        Programme, models.CASCADE, null=True, blank=True, related_name="reminder_rules"
    )
    slot = models.ForeignKey(
        "events.Slot", models.CASCADE, null=True, blank=True, related_name="reminder_rules"
    )
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose, default=Purpose.REMINDER)
    is_after = models.BooleanField(_("after the end"), default=False)
    name = models.CharField(_("name"), max_length=20, help_text="D-7, D-1, H-3")
    lead_days = models.PositiveSmallIntegerField(_("days"), null=True, blank=True)
    at_time = models.TimeField(_("local time"), null=True, blank=True)
    lead_hours = models.PositiveSmallIntegerField(_("hours"), null=True, blank=True)
    minimum_lead_hours = models.PositiveSmallIntegerField(_("not right after a booking (hours)"), default=1)
    survey_url = models.URLField(_("address of the survey"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("reminder rule")
        verbose_name_plural = _("reminder rules")
        ordering: ClassVar = ["festival", "-lead_days", "-lead_hours"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["festival", "name"],
                condition=Q(programme__isnull=True, slot__isnull=True),
                name="one_reminder_rule_per_name_in_a_festival",
            ),
            models.UniqueConstraint(
                fields=["festival", "programme", "name"],
                condition=Q(programme__isnull=False, slot__isnull=True),
                name="one_reminder_rule_per_name_in_a_programme",
            ),
            models.UniqueConstraint(
                fields=["slot", "name"],
                condition=Q(slot__isnull=False),
                name="one_reminder_rule_per_name_in_a_slot",
            ),
            models.CheckConstraint(
                condition=Q(lead_days__isnull=False, at_time__isnull=False, lead_hours__isnull=True)
                | Q(lead_days__isnull=True, at_time__isnull=True, lead_hours__isnull=False),
                name="a_reminder_is_led_by_days_or_by_hours",
            ),
            models.CheckConstraint(
                condition=Q(purpose="reminder", is_after=False) | (~Q(purpose="reminder") & Q(is_after=True)),
                name="one_reminds_before_and_thanks_after",
            ),
            models.CheckConstraint(
                condition=Q(slot__isnull=True) | Q(programme__isnull=True),
                name="a_reminder_rule_has_one_scope",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReminderSweep(models.Model):
    """That every booking of a slot was looked at for a rule once it was due: a sweep need not look again.

    It holds for this ``revision`` of the slot and this ``version`` of the rule (a digest of what moves its
    instant), so a slot that moved and a rule that changed are looked at anew by themselves. What changes in
    one booking alone says so in ``Registration.remind_again_at``.
    """

    rule = models.ForeignKey(ReminderRule, models.CASCADE, related_name="sweeps")
    slot = models.ForeignKey("events.Slot", models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()
    version = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "slot"], name="a_rule_sweeps_a_slot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.slot_id}: {self.revision}"


class ArchiveEntry(models.Model):
    """Something that happened in an archived edition, known by its sources; never bookable or invented."""

    festival = models.ForeignKey(Festival, models.CASCADE, related_name="archive")
    programme = models.ForeignKey(Programme, models.SET_NULL, null=True, blank=True, related_name="archive")
    territory = models.ForeignKey(Territory, models.SET_NULL, null=True, blank=True, related_name="archive")
    venue = models.ForeignKey("events.Venue", models.SET_NULL, null=True, blank=True, related_name="archive")
    external_id = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    city = models.CharField(max_length=120, blank=True)
    venue_name = models.CharField(max_length=200, blank=True)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    when_text = models.CharField(max_length=200, blank=True)
    organiser = models.CharField(max_length=200, blank=True)
    format_text = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)
    figures = models.JSONField(default=dict, blank=True)
    sources = models.JSONField(default=list)

    class Meta:
        verbose_name = _("archive entry")
        verbose_name_plural = _("archive entries")
        ordering: ClassVar = [F("starts_on").asc(nulls_last=True), "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["festival", "external_id"], name="one_archive_entry_per_identifier"
            ),
        ]

    def __str__(self) -> str:
        return self.name
