"""Hosts, the people who receive for them, and where these are expected."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events import models as m
from events.guards import PERSON_GUARD

from .office import OfficeAdmin, OfficeInline
from .rules import people_in_the_way, refusal_of_the_database


class HostMemberInline(OfficeInline):
    model = m.HostMember
    autocomplete_fields: ClassVar = ["user"]


@admin.register(m.Host)
class HostAdmin(OfficeAdmin):
    list_display = ["name", "territory", "city", "theme", "created_at"]
    list_filter: ClassVar = ["theme"]
    list_select_related = ["territory"]
    search_fields: ClassVar = ["sort_name", "name", "city"]
    autocomplete_fields: ClassVar = ["territory"]
    prepopulated_fields: ClassVar = {"slug": ["name"]}
    readonly_fields: ClassVar = ["logo"]
    inlines: ClassVar = [HostMemberInline]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(territory__in=m.Territory.objects.run_by(user).values("pk"))


class AbsenceInline(OfficeInline):
    model = m.Absence


@admin.register(m.HostPerson)
class HostPersonAdmin(OfficeAdmin):
    list_display = ["name", "host", "role", "email"]
    list_select_related = ["host"]
    search_fields: ClassVar = ["name", "host__sort_name", "email"]
    autocomplete_fields: ClassVar = ["host", "user"]
    inlines: ClassVar = [AbsenceInline]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(host__territory__in=m.Territory.objects.run_by(user).values("pk"))


class AppearanceForm(forms.ModelForm):
    """Who receives where, tried on the database before it is called clean; its times are the slot's."""

    class Meta:
        model = m.Appearance
        fields: ClassVar = ["person", "slot"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        person, slot = cleaned.get("person"), cleaned.get("slot")
        if slot is not None:
            self.instance.starts_at, self.instance.ends_at = slot.starts_at, slot.ends_at
            if person is not None and person.host_id != slot.activity.host_id:
                self.add_error("person", _("That is somebody of another host."))
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        slot, person = self.cleaned_data["slot"], self.cleaned_data["person"]
        row = m.Appearance(
            pk=self.instance.pk, slot=slot, person=person, starts_at=slot.starts_at, ends_at=slot.ends_at
        )
        if PERSON_GUARD in refusal_of_the_database(row):
            self.add_error(None, ValidationError(people_in_the_way(slot, [person]), code="person_busy"))


@admin.register(m.Appearance)
class AppearanceAdmin(OfficeAdmin):
    form = AppearanceForm
    list_display = ["person", "slot", "starts_at", "ends_at", "active"]
    list_filter: ClassVar = ["active"]
    list_select_related = ["person", "slot__activity"]
    search_fields: ClassVar = ["person__name", "slot__activity__search_text"]
    autocomplete_fields: ClassVar = ["person", "slot"]
    date_hierarchy = "starts_at"

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(person__host__territory__in=m.Territory.objects.run_by(user).values("pk"))
