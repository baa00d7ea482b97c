"""Venues, their rooms and what holds these."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.who import signed_in
from events import models as m
from events.guards import GUARD
from events.refusals import Reason
from events.scheduling.venue_facts import facts_of, follow_position

from .office import OfficeAdmin, OfficeInline
from .rules import refusal_of_the_database


class VenueManagerInline(OfficeInline):
    model = m.VenueManager
    autocomplete_fields: ClassVar = ["user"]


class OpeningHoursInline(OfficeInline):
    model = m.OpeningHours


class RoomInline(OfficeInline):
    model = m.Room
    fields: ClassVar = [
        "name",
        "comfort_capacity",
        "safety_capacity",
        "setup_minutes",
        "turnover_minutes",
        "is_active",
    ]
    show_change_link = True


@admin.register(m.Venue)
class VenueAdmin(OfficeAdmin):
    list_display = ["name", "territory", "commune", "is_totem", "is_verified", "safety_capacity"]
    list_filter: ClassVar = ["is_totem", "is_verified", "step_free"]
    list_select_related = ["territory", "commune"]
    search_fields: ClassVar = ["sort_name", "name", "address"]
    autocomplete_fields: ClassVar = ["territory", "commune"]
    prepopulated_fields: ClassVar = {"slug": ["name"]}
    # Pictures come in through the desk, which draws them again.
    readonly_fields: ClassVar = ["picture"]
    inlines: ClassVar = [OpeningHoursInline, RoomInline, VenueManagerInline]

    def save_model(self, request: HttpRequest, obj: m.Venue, form: Any, change: bool) -> None:
        """What the desk's rules say of position and verification holds here too."""
        by = signed_in(request)
        was = facts_of(m.Venue.objects.get(pk=obj.pk)) if change else facts_of(m.Venue())
        follow_position(obj, was)
        if not obj.is_verified:
            obj.verified_at, obj.verified_by = None, None
        elif obj.verified_at is None:
            obj.verified_at, obj.verified_by = timezone.now(), by
        super().save_model(request, obj, form, change)

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(territory__in=m.Territory.objects.run_by(user).values("pk"))


@admin.register(m.Room)
class RoomAdmin(OfficeAdmin):
    list_display = ["name", "venue", "comfort_capacity", "safety_capacity", "is_active"]
    list_filter: ClassVar = ["is_active"]
    list_select_related = ["venue"]
    search_fields: ClassVar = ["sort_name", "name", "venue__sort_name"]
    autocomplete_fields: ClassVar = ["venue", "parts"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(venue__territory__in=m.Territory.objects.run_by(user).values("pk"))


class OccupancyForm(forms.ModelForm):
    """An occupancy, tried on the database before it is called clean: a clash is an error of the form."""

    class Meta:
        model = m.RoomOccupancy
        fields: ClassVar = ["room", "slot", "label", "starts_at", "ends_at", "active"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("slot") is None and not (cleaned.get("label") or "").strip():
            self.add_error("label", _("Say what the room is held for."))
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at is not None and ends_at is not None and ends_at <= starts_at:
            self.add_error("ends_at", _("It ends after it starts."))
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        row = m.RoomOccupancy(
            pk=self.instance.pk,
            **{name: self.cleaned_data[name] for name in self.Meta.fields if name in self.cleaned_data},
        )
        if GUARD in refusal_of_the_database(row):
            self.add_error(None, ValidationError(self.what_is_in_the_way(row), code="room_occupied"))

    def what_is_in_the_way(self, row: m.RoomOccupancy) -> str:
        others = (
            m.RoomOccupancy.objects.active()
            .filter(room=row.room)
            .between(row.starts_at, row.ends_at)
            .exclude(pk=row.pk)
            .select_related("slot__activity")
        )
        named = ", ".join(other.slot.activity.title_fr if other.slot else other.label for other in others)
        return f"{Reason.ROOM_OCCUPIED.label} {named}"


@admin.register(m.RoomOccupancy)
class RoomOccupancyAdmin(OfficeAdmin):
    form = OccupancyForm
    list_display = ["room", "venue", "starts_at", "ends_at", "slot", "label", "active"]
    list_filter: ClassVar = ["active"]
    list_select_related = ["room__venue", "slot__activity"]
    search_fields: ClassVar = ["room__sort_name", "room__venue__sort_name", "label"]
    autocomplete_fields: ClassVar = ["room", "slot"]
    date_hierarchy = "starts_at"

    @admin.display(description=_("venue"), ordering="room__venue__sort_name")
    def venue(self, row: m.RoomOccupancy) -> str:
        return row.room.venue.name

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(room__venue__territory__in=m.Territory.objects.run_by(user).values("pk"))
