"""When, where, how many: the bookable unit, with the counters that the database itself keeps honest."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from events.clock import instant, on_the_wall

from .activity import Activity
from .choices import Mode
from .festival import Festival, Opening, Territory
from .gone import moment_of, ms_of
from .host import Host
from .venue import Room, Venue

if TYPE_CHECKING:
    from accounts.models import User


def ms_of_now() -> int:
    """Now, in milliseconds since 1970."""
    return ms_of(timezone.now())


def has_places_left(party_size: int = 1) -> Q:
    """Room for a party of this size, or no limit, or drop-in."""
    return (
        Q(capacity__isnull=True)
        | Q(activity__mode=Mode.DROP_IN)
        | Q(capacity__gte=F("taken") + F("held") + F("reserved") - F("overbook") + party_size)
    )


class SlotQuerySet(models.QuerySet["Slot"]):
    def visible(self) -> SlotQuerySet:
        """Published, or cancelled after having been so: nobody who came by a link finds nothing."""
        return self.filter(
            state__in=[Slot.State.PUBLISHED, Slot.State.CANCELLED],
            activity__state__in=[Activity.State.PUBLISHED, Activity.State.CANCELLED],
            activity__festival__state__in=[Festival.State.PUBLISHED, Festival.State.ARCHIVED],
        )

    def published(self) -> SlotQuerySet:
        return self.filter(
            state=Slot.State.PUBLISHED,
            activity__state=Activity.State.PUBLISHED,
            activity__festival__state=Festival.State.PUBLISHED,
        )

    def upcoming(self, now: dt.datetime) -> SlotQuerySet:
        return self.filter(starts_at__gt=now)

    def with_places_left(self, party_size: int = 1) -> SlotQuerySet:
        """Room for a party of this size, or no limit, or drop-in."""
        return self.filter(has_places_left(party_size))

    def managed_by(self, user: User) -> SlotQuerySet:
        """Slots of the hosts a person speaks for."""
        return self.filter(activity__host__in=Host.objects.managed_by(user).values("pk"))

    def organised_by(self, user: User) -> SlotQuerySet:
        """Slots of the territories a person organises."""
        return self.filter(activity__territory__in=Territory.objects.run_by(user).values("pk"))

    def in_order(self) -> SlotQuerySet:
        return self.order_by("starts_at", "pk")

    def for_showing(self) -> SlotQuerySet:
        """With everything a list or a page of slots reads, in one query.

        ``next_places``: places that come free for everybody at ``next_release_at``.
        """
        due = Pool.objects.filter(
            slot=OuterRef("pk"), released_at__isnull=True, releases_at=OuterRef("next_release_at")
        )
        places = due.order_by().values("slot").annotate(n=Sum(F("places") - F("taken"))).values("n")
        coming = Case(When(next_release_at__isnull=False, then=Subquery(places)))
        return self.annotate(next_places=coming).select_related(
            "activity__host",
            "activity__territory",
            "activity__festival",
            "activity__ballot",
            "venue__commune",
            "venue__territory",
            "room",
        )


class Slot(models.Model):
    """A time and a number of places.

    ``day``, ``start_time``, ``fold``, ``duration`` (minutes) and ``timezone`` are the source of its time;
    ``starts_at`` and ``ends_at`` are derived from them by ``set_time``. ``taken``, ``held`` and ``waiting``
    count places confirmed, places held (an offer, an address to be confirmed), and registrations on the
    waiting list; ``reserved`` counts the places still free in pools that are not released (``Pool``). Only
    the rules of ``events.registration`` change them. ``capacity`` NULL means no limit. ``next_release_at``
    is the first release of a pool to come. ``changed_ms`` is kept by the database (``events.marks``).
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        CANCELLED = "cancelled", _("Cancelled")

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="slots")
    venue = models.ForeignKey(
        Venue, models.SET_NULL, null=True, blank=True, related_name="slots", verbose_name=_("place")
    )
    room = models.ForeignKey(
        Room, models.SET_NULL, null=True, blank=True, related_name="slots", verbose_name=_("room")
    )
    day = models.DateField(_("day"))
    start_time = models.TimeField(_("from"))
    fold = models.PositiveSmallIntegerField(default=0)
    duration = models.PositiveSmallIntegerField(_("minutes"), default=45)
    timezone = models.CharField(_("time zone"), max_length=40, default="Europe/Paris")
    starts_at = models.DateTimeField(editable=False)
    ends_at = models.DateTimeField(editable=False)
    opens_at = models.DateTimeField(_("registration opens"), null=True, blank=True)
    opening = models.ForeignKey(
        Opening, models.SET_NULL, null=True, blank=True, related_name="slots", editable=False
    )
    capacity = models.PositiveIntegerField(_("places"), null=True, blank=True)
    overbook = models.PositiveIntegerField(default=0)
    safety_capacity = models.PositiveIntegerField(null=True, blank=True, editable=False)
    taken = models.PositiveIntegerField(default=0, editable=False)
    held = models.PositiveIntegerField(default=0, editable=False)
    reserved = models.PositiveIntegerField(default=0, editable=False)
    waiting = models.PositiveIntegerField(default=0, editable=False)
    next_release_at = models.DateTimeField(null=True, blank=True, editable=False)
    waiting_list_open = models.BooleanField(_("waiting list"), default=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    revision = models.PositiveIntegerField(default=0, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancelled_by_host = models.BooleanField(default=False, editable=False)
    cancel_reason = models.TextField(blank=True, editable=False)
    external_id = models.CharField(max_length=120, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_ms = models.BigIntegerField(default=ms_of_now, db_default=0, editable=False)

    objects = SlotQuerySet.as_manager()

    next_places: int | None = None
    """See ``SlotQuerySet.for_showing``."""

    class Meta:
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        ordering: ClassVar = ["starts_at", "pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["starts_at", "id"],
                name="slot_by_time",
                condition=Q(state__in=["published", "cancelled"]),
            ),
            models.Index(
                fields=["start_time", "starts_at", "id"],
                name="slot_by_hour",
                condition=Q(state__in=["published", "cancelled"]),
            ),
            models.Index(fields=["activity", "starts_at"], name="slot_by_activity"),
            models.Index(fields=["venue", "starts_at"], name="slot_by_venue"),
            models.Index(fields=["room", "starts_at"], name="slot_by_room"),
            models.Index(
                fields=["next_release_at"],
                name="slot_by_release",
                condition=Q(next_release_at__isnull=False),
            ),
            models.Index(fields=["starts_at"], name="slot_awaited", condition=Q(waiting__gt=0)),
            models.Index(fields=["opens_at"], name="slot_by_opening", condition=Q(opens_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(taken__gte=0) & Q(held__gte=0) & Q(waiting__gte=0) & Q(reserved__gte=0),
                name="a_slot_counts_no_less_than_nothing",
            ),
            models.CheckConstraint(
                condition=Q(capacity__isnull=True)
                | Q(capacity__gte=F("taken") + F("held") + F("reserved") - F("overbook")),
                name="never_a_place_too_many",
            ),
            models.CheckConstraint(
                condition=Q(capacity__isnull=True)
                | Q(safety_capacity__isnull=True)
                | Q(safety_capacity__gte=F("capacity") + F("overbook")),
                name="never_more_than_the_building_may_hold",
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="a_slot_lasts"),
            models.CheckConstraint(
                condition=Q(duration__gte=5) & Q(duration__lte=1440), name="a_slot_lasts_minutes_to_a_day"
            ),
            models.CheckConstraint(
                condition=Q(state="cancelled", cancelled_at__isnull=False)
                | (~Q(state="cancelled") & Q(cancelled_at__isnull=True)),
                name="a_cancelled_slot_says_when",
            ),
            models.UniqueConstraint(
                fields=["activity", "starts_at"],
                condition=~Q(state="cancelled"),
                name="an_activity_starts_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.activity} {self.day:%d/%m/%Y} {self.start_time:%H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("events:slot", args=[self.pk])

    def set_time(
        self, *, day: dt.date, start_time: dt.time, duration: int, timezone: str, fold: int | None = None
    ) -> None:
        """Say when, on the wall clock; does not save.

        ``duration`` in minutes. Raises ``clock.NoSuchTime`` and ``clock.TwiceThatDay``.
        """
        self.starts_at = instant(day, start_time, timezone, fold=fold)
        self.ends_at = self.starts_at + dt.timedelta(minutes=duration)
        self.day, self.start_time, self.duration, self.timezone = day, start_time, duration, timezone
        self.fold = fold or 0

    @property
    def local_start(self) -> dt.datetime:
        """When it starts, as the clocks of its territory show it; aware."""
        return on_the_wall(self.starts_at, self.timezone)

    @property
    def local_end(self) -> dt.datetime:
        return on_the_wall(self.ends_at, self.timezone)

    @property
    def local_opening(self) -> dt.datetime | None:
        """When its booking opens, on the same clocks."""
        return on_the_wall(self.opens_at, self.timezone) if self.opens_at else None

    @property
    def changed_at(self) -> dt.datetime:
        """When what is shown of it last changed, whether it is full included."""
        return moment_of(self.changed_ms)

    @property
    def mode(self) -> str:
        return self.activity.mode

    @property
    def draws_at(self) -> dt.datetime | None:
        """When its places are drawn by lot; None when nobody has said, or they are not."""
        ballot = self.activity.ballot if self.mode == Mode.BALLOT else None
        return ballot.closes_at if ballot else None

    @property
    def places_left(self) -> int | None:
        """Places anybody can take now; None when there is no limit."""
        if self.capacity is None:
            return None
        return max(0, self.capacity + self.overbook - self.taken - self.held - self.reserved)

    @property
    def is_cancelled(self) -> bool:
        return self.state == self.State.CANCELLED

    def is_open(self, now: dt.datetime) -> bool:
        """Whether the door can be asked for a place: published, booked by registration, not begun, already
        opened.
        """
        return (
            self.state == self.State.PUBLISHED
            and self.activity.state == Activity.State.PUBLISHED
            and self.mode == Mode.FIRST_COME
            and self.starts_at > now
            and (self.opens_at is None or self.opens_at <= now)
        )


class Pool(models.Model):
    """Places of a slot kept for some people until ``releases_at`` (None: until it begins).

    ``places`` is what is kept in all, ``taken`` what of it is confirmed or held. Once ``released_at`` is set
    the rest belongs to everybody. What is in no pool is everybody's, so the sum is always the slot's
    capacity.
    """

    class Kind(models.TextChoices):
        ACCESS = "access", _("Access needs and companion")
        GROUP = "group", _("Groups")
        WALK_IN = "walk_in", _("Walk-ins, at the door")
        LATER = "later", _("Second wave")

    slot = models.ForeignKey(Slot, models.CASCADE, related_name="pools")
    kind = models.CharField(_("kept for"), max_length=8, choices=Kind)
    places = models.PositiveIntegerField(_("places"))
    taken = models.PositiveIntegerField(default=0, editable=False)
    releases_at = models.DateTimeField(_("released"), null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("reserved pool")
        verbose_name_plural = _("reserved pools")
        ordering: ClassVar = ["slot", "kind"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slot", "kind"], name="one_pool_of_a_kind_in_a_slot"),
            models.CheckConstraint(condition=Q(taken__lte=F("places")), name="never_more_than_a_pool_holds"),
        ]

    def __str__(self) -> str:
        return f"{self.slot_id} {self.kind}: {self.taken}/{self.places}"
