"""Where it happens: venues, their rooms, opening hours, managers, and who occupies a room when."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.folding import fold, padded

from .choices import Access, Equipment, Weekday
from .festival import Commune, Territory, in_reader_language
from .fields import CodesField

if TYPE_CHECKING:
    from accounts.models import User


class VenueQuerySet(models.QuerySet["Venue"]):
    def managed_by(self, user: User) -> VenueQuerySet:
        """Venues a person may change: its managers, and the organisers of its territory."""
        if user.is_superuser:
            return self
        return self.filter(
            Q(pk__in=VenueManager.objects.filter(user=user).values("venue"))
            | Q(territory__in=Territory.objects.run_by(user).values("pk"))
        )


class Venue(models.Model):
    """A place with an address; a totem building stands for the French Tech of its territory.

    ``contact_*`` are for the organisers, never for the public. ``geocoded_at`` is when the address was last
    asked for, ``geocoded_label`` what the geocoder took it for, empty when it did not know it.
    """

    class PositionFrom(models.TextChoices):
        HAND = "hand", _("put by hand")
        GEOCODER = "geocoder", _("found by its address")
        IMPORT = "import", _("came with an import")

    territory = models.ForeignKey(
        Territory, models.PROTECT, related_name="venues", verbose_name=_("territory")
    )
    commune = models.ForeignKey(
        Commune, models.SET_NULL, null=True, blank=True, related_name="venues", verbose_name=_("commune")
    )
    name = models.CharField(_("name"), max_length=160)
    sort_name = models.CharField(max_length=160, editable=False, db_index=True)
    slug = models.SlugField(_("address of the page"), max_length=100, unique=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    postcode = models.CharField(_("postcode"), max_length=5, blank=True)
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    is_totem = models.BooleanField(_("totem building"), default=False)
    step_free = models.BooleanField(_("step-free access"), default=False)
    access = CodesField(_("accessibility"), codes=Access.choices)
    access_text_fr = models.TextField(_("how to come, in French"), blank=True)
    access_text_en = models.TextField(_("how to come, in English"), blank=True)
    safety_capacity = models.PositiveIntegerField(
        _("safety capacity"),
        null=True,
        blank=True,
        help_text=_("People the building may hold, by its safety file."),
    )
    website = models.URLField(_("website"), blank=True)
    picture = models.ImageField(_("picture"), upload_to="venues/", blank=True)
    contact_name = models.CharField(_("contact"), max_length=120, blank=True)
    contact_email = models.EmailField(_("contact’s e-mail"), max_length=254, blank=True)
    contact_phone = models.CharField(_("contact’s telephone"), max_length=30, blank=True)
    position_from = models.CharField(
        _("where the position comes from"), max_length=10, choices=PositionFrom, blank=True, editable=False
    )
    geocoded_at = models.DateTimeField(null=True, blank=True, editable=False)
    geocoded_label = models.CharField(max_length=250, blank=True, editable=False)
    is_verified = models.BooleanField(_("verified"), default=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    sources = models.JSONField(_("sources"), default=list, blank=True)
    external_id = models.CharField(max_length=60, blank=True)
    search_text = models.TextField(editable=False, blank=True)

    objects = VenueQuerySet.as_manager()

    class Meta:
        verbose_name = _("venue")
        verbose_name_plural = _("venues")
        ordering: ClassVar = ["sort_name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__isnull=False, longitude__isnull=False),
                name="a_position_has_both_its_numbers",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_name = fold(self.name)[:160]
        self.search_text = self.what_is_searched()
        fields = kwargs.get("update_fields")
        if fields is not None:
            kwargs["update_fields"] = {*fields, "sort_name", "search_text"}
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("events:venue", args=[self.slug])

    def what_is_searched(self) -> str:
        """The folded words by which what takes place here is found."""
        return padded(self.name, self.address, self.postcode, self.city, self.territory.name)

    @property
    def access_text(self) -> str:
        return in_reader_language(self.access_text_fr, self.access_text_en)

    @property
    def city(self) -> str:
        return self.commune.name if self.commune else self.territory.name


class VenuePicture(models.Model):
    """A further picture of a venue, beside the one that stands for it."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="pictures")
    image = models.ImageField(_("picture"), upload_to="venues/")
    caption_fr = models.CharField(_("what it shows, in French"), max_length=200)
    caption_en = models.CharField(_("what it shows, in English"), max_length=200, blank=True)
    credit = models.CharField(_("who took it"), max_length=120, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("picture of a venue")
        verbose_name_plural = _("pictures of venues")
        ordering: ClassVar = ["position", "pk"]

    def __str__(self) -> str:
        return self.caption_fr

    @property
    def caption(self) -> str:
        return in_reader_language(self.caption_fr, self.caption_en)


class VenueMerge(models.Model):
    """A venue that turned out to be another one: what it was, and where its address on the site leads now."""

    into = models.ForeignKey(Venue, models.CASCADE, related_name="merges")
    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=160)
    was = models.JSONField(default=dict)
    merged_at = models.DateTimeField()
    merged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("merged venue")
        verbose_name_plural = _("merged venues")
        ordering: ClassVar = ["-merged_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} → {self.into}"


class NotTheSame(models.Model):
    """Two venues that look alike and are not the same: somebody has looked. ``one`` has the smaller id."""

    one = models.ForeignKey(Venue, models.CASCADE, related_name="+")
    other = models.ForeignKey(Venue, models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["one", "other"], name="two_venues_are_told_apart_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="the_smaller_venue_id_comes_first"),
        ]

    def __str__(self) -> str:
        return f"{self.one_id} ≠ {self.other_id}"


class VenueManager(models.Model):
    """A person who runs a venue."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="managers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="venue_roles")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["venue", "user"], name="a_person_manages_a_venue_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.venue}"


class OpeningHours(models.Model):
    """A venue is open from ``opens`` to ``closes`` on the local clock on this weekday; several rows a day may
    be.

    A venue without any row has no known hours and is taken as open.
    """

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday)
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"))

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        ordering: ClassVar = ["weekday", "opens"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="a_venue_closes_after_it_opens"),
            models.CheckConstraint(condition=Q(weekday__gte=1, weekday__lte=7), name="a_week_has_seven_days"),
            models.UniqueConstraint(
                fields=["venue", "weekday", "opens"], name="a_venue_opens_once_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"


class RoomQuerySet(models.QuerySet["Room"]):
    def managed_by(self, user: User) -> RoomQuerySet:
        """Rooms a person decides about: those of the venues they run, and their own."""
        return self.filter(
            Q(venue__in=Venue.objects.managed_by(user).values("pk"))
            | Q(pk__in=RoomManager.objects.filter(user=user).values("room"))
        )


class Room(models.Model):
    """A room of a venue. A hall made of others (A+B) names them as its parts and occupies each.

    ``calendar_nonce``: of the secret link to the calendar of who runs it, empty when there is none.
    """

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="rooms")
    name = models.CharField(_("name"), max_length=120)
    sort_name = models.CharField(max_length=120, editable=False)
    comfort_capacity = models.PositiveIntegerField(
        _("comfort capacity"), null=True, blank=True, help_text=_("People who are at ease in it.")
    )
    safety_capacity = models.PositiveIntegerField(
        _("safety capacity"), null=True, blank=True, help_text=_("People it may hold, by its safety file.")
    )
    equipment = models.CharField(_("equipment, in words"), max_length=300, blank=True)
    has = CodesField(_("equipment"), codes=Equipment.choices)
    floor = models.CharField(_("floor"), max_length=60, blank=True)
    step_free = models.BooleanField(_("step-free access"), default=False)
    setup_minutes = models.PositiveSmallIntegerField(_("minutes to set up"), default=0)
    turnover_minutes = models.PositiveSmallIntegerField(_("minutes to clear"), default=0)
    parts = models.ManyToManyField(
        "self", symmetrical=False, related_name="part_of", blank=True, verbose_name=_("made of")
    )
    by_request = models.BooleanField(
        _("on request"),
        default=False,
        help_text=_("Its managers accept or refuse each use; the organisers of the territory may always."),
    )
    is_active = models.BooleanField(_("in use"), default=True)
    calendar_nonce = models.CharField(max_length=32, blank=True, default="", editable=False)

    objects = RoomQuerySet.as_manager()

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering: ClassVar = ["venue", "sort_name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["venue", "name"], name="one_room_per_name_in_a_venue"),
            models.CheckConstraint(
                condition=Q(safety_capacity__isnull=True)
                | Q(comfort_capacity__isnull=True)
                | Q(comfort_capacity__lte=F("safety_capacity")),
                name="comfort_never_exceeds_safety",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_name = fold(self.name)[:120]
        super().save(*args, **kwargs)


class RoomManager(models.Model):
    """A person who decides who may use a room, and for what."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="managers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="room_roles")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "user"], name="a_person_manages_a_room_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.room}"


class RoomHours(models.Model):
    """A room's own opening hours on a weekday, instead of its venue's; none: the venue's hold."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday)
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"))

    class Meta:
        ordering: ClassVar = ["weekday", "opens"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="a_room_closes_after_it_opens"),
            models.CheckConstraint(
                condition=Q(weekday__gte=1, weekday__lte=7), name="a_week_of_a_room_has_seven_days"
            ),
            models.UniqueConstraint(fields=["room", "weekday", "opens"], name="a_room_opens_once_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"


class SpecialDays(models.Model):
    """Days on which a venue, or one room of it, is closed (both times NULL) or has other hours."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="special_days")
    room = models.ForeignKey(
        Room, models.CASCADE, null=True, blank=True, related_name="special_days", verbose_name=_("room")
    )
    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"))
    opens = models.TimeField(_("opens"), null=True, blank=True)
    closes = models.TimeField(_("closes"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=160)

    class Meta:
        verbose_name = _("special days")
        verbose_name_plural = _("special days")
        ordering: ClassVar = ["first_day", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="special_days_end_after_they_begin"
            ),
            models.CheckConstraint(
                condition=Q(opens__isnull=True, closes__isnull=True) | Q(closes__gt=F("opens")),
                name="special_days_are_closed_or_have_hours",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.first_day:%d/%m/%Y}"


class RoomRequest(models.Model):
    """Somebody asks for a room, for a slot or for something else. It holds nothing until it is accepted."""

    class State(models.TextChoices):
        PENDING = "pending", _("To be answered")
        ACCEPTED = "accepted", _("Accepted")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    room = models.ForeignKey(Room, models.CASCADE, related_name="requests")
    slot = models.ForeignKey(
        "events.Slot", models.CASCADE, null=True, blank=True, related_name="room_requests"
    )
    label = models.CharField(_("what for"), max_length=160, blank=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    message = models.TextField(_("message"), max_length=1000, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    answer = models.TextField(_("reason"), max_length=1000, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("request for a room")
        verbose_name_plural = _("requests for rooms")
        ordering: ClassVar = ["-asked_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(slot__isnull=False) | ~Q(label=""), name="a_request_says_what_for"
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="a_request_lasts"),
            models.CheckConstraint(condition=~Q(state="refused") | ~Q(answer=""), name="a_refusal_says_why"),
            models.UniqueConstraint(
                fields=["room", "slot"],
                condition=Q(state="pending", slot__isnull=False),
                name="a_slot_asks_for_a_room_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.room} {self.starts_at:%Y-%m-%d %H:%M}"


class RoomOccupancyQuerySet(models.QuerySet["RoomOccupancy"]):
    def active(self) -> RoomOccupancyQuerySet:
        return self.filter(active=True)

    def between(self, starts_at: dt.datetime, ends_at: dt.datetime) -> RoomOccupancyQuerySet:
        """Those that share an instant with the half-open range [starts_at, ends_at)."""
        return self.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)

    def liftable_by(self, user: User) -> RoomOccupancyQuerySet:
        """Blockings a person may lift: their own, those of the venues they run, nobody's in their rooms."""
        return self.filter(slot__isnull=True).filter(
            Q(owner=user)
            | Q(room__venue__in=Venue.objects.managed_by(user).values("pk"))
            | Q(owner__isnull=True, room__in=Room.objects.managed_by(user).values("pk"))
        )


class RoomOccupancy(models.Model):
    """Who holds an atomic room over a half-open range in UTC, set-up and turnover included.

    Two active rows of one room never overlap: see ``events.guards``, held by the database on both engines.
    A row has a slot, or a ``label`` when the room is blocked for another reason.
    """

    room = models.ForeignKey(Room, models.CASCADE, related_name="occupancies")
    slot = models.ForeignKey("events.Slot", models.CASCADE, null=True, blank=True, related_name="occupancies")
    label = models.CharField(_("reason"), max_length=160, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("blocked by"),
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    active = models.BooleanField(default=True)

    objects = RoomOccupancyQuerySet.as_manager()

    class Meta:
        verbose_name = _("occupancy")
        verbose_name_plural = _("occupancies")
        ordering: ClassVar = ["room", "starts_at"]
        indexes: ClassVar = [models.Index(fields=["room", "starts_at"], name="occupancy_by_room_and_time")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="an_occupancy_lasts"),
            models.CheckConstraint(
                condition=Q(slot__isnull=False) | ~Q(label=""), name="an_occupancy_says_what_for"
            ),
            models.UniqueConstraint(
                fields=["room", "slot"], name="a_slot_holds_a_room_once", condition=Q(slot__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.room} {self.starts_at:%Y-%m-%d %H:%M}"
