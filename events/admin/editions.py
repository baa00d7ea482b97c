"""Festivals and their programmes, territories and what is told of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from events import models as m

from .office import OfficeAdmin, OfficeInline


class FestivalTeamInline(OfficeInline):
    model = m.FestivalTeam
    autocomplete_fields: ClassVar = ["user"]


class RuleLevelInline(OfficeInline):
    model = m.RuleLevel


class ReminderRuleInline(OfficeInline):
    model = m.ReminderRule


class ProgrammeInline(OfficeInline):
    model = m.Programme
    fields: ClassVar = ["name", "slug", "organiser", "starts_on", "ends_on"]
    show_change_link = True


class OpeningInline(OfficeInline):
    """To read: an opening is announced on the organisers' desk, which lays it on its slots."""

    model = m.Opening

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(m.Festival)
class FestivalAdmin(OfficeAdmin):
    list_display = ["name", "starts_on", "ends_on", "state", "is_demo"]
    list_filter: ClassVar = ["state", "is_demo"]
    search_fields: ClassVar = ["name", "slug"]
    filter_horizontal: ClassVar = ["territories"]
    prepopulated_fields: ClassVar = {"slug": ["name"]}
    inlines: ClassVar = [
        FestivalTeamInline,
        ProgrammeInline,
        OpeningInline,
        ReminderRuleInline,
        RuleLevelInline,
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_superuser

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A territory whose first edition this would be may be taken in too: who runs an edition runs its
        territories, so nobody takes in those of others."""
        user = request.user
        if db_field.name == "territories" and isinstance(user, User) and not user.is_superuser:
            theirs = m.Territory.objects.run_by(user).values("pk")
            kwargs["queryset"] = m.Territory.objects.filter(Q(pk__in=theirs) | Q(festivals__isnull=True))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(pk__in=m.Festival.objects.run_by(user).values("pk"))


@admin.register(m.Programme)
class ProgrammeAdmin(OfficeAdmin):
    list_display = ["name", "festival", "organiser", "starts_on", "ends_on"]
    list_filter: ClassVar = ["festival"]
    list_select_related = ["festival"]
    search_fields: ClassVar = ["name", "organiser"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(festival__in=m.Festival.objects.run_by(user).values("pk"))


class TerritoryTeamInline(OfficeInline):
    model = m.TerritoryTeam
    autocomplete_fields: ClassVar = ["user"]


class CommuneInline(OfficeInline):
    model = m.Commune


@admin.register(m.Territory)
class TerritoryAdmin(OfficeAdmin):
    list_display = ["name", "timezone", "relay", "contact_email"]
    search_fields: ClassVar = ["sort_name", "name"]
    prepopulated_fields: ClassVar = {"slug": ["name"]}
    inlines: ClassVar = [TerritoryTeamInline, CommuneInline]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(pk__in=m.Territory.objects.run_by(user).values("pk"))


@admin.register(m.Commune)
class CommuneAdmin(OfficeAdmin):
    list_display = ["name", "territory", "insee_code"]
    list_select_related = ["territory"]
    search_fields: ClassVar = ["folded_name", "name", "insee_code"]
    autocomplete_fields: ClassVar = ["territory"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(territory__in=m.Territory.objects.run_by(user).values("pk"))


@admin.register(m.Figure)
class FigureAdmin(OfficeAdmin):
    list_display = ["value", "label_fr", "territory", "programme", "as_of", "source_name"]
    list_filter: ClassVar = ["is_made_up"]
    list_select_related = ["territory", "programme__festival"]
    search_fields: ClassVar = ["value", "label_fr", "source_name"]
    autocomplete_fields: ClassVar = ["territory", "programme"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(
            Q(territory__in=m.Territory.objects.run_by(user).values("pk"))
            | Q(programme__festival__in=m.Festival.objects.run_by(user).values("pk"))
        )


@admin.register(m.EcosystemEntry)
class EcosystemEntryAdmin(OfficeAdmin):
    list_display = ["name", "kind", "territory", "url"]
    list_filter: ClassVar = ["kind"]
    list_select_related = ["territory"]
    search_fields: ClassVar = ["name", "note_fr"]
    autocomplete_fields: ClassVar = ["territory"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(territory__in=m.Territory.objects.run_by(user).values("pk"))


@admin.register(m.ArchiveEntry)
class ArchiveEntryAdmin(OfficeAdmin):
    list_display = ["name", "festival", "city", "starts_on", "organiser"]
    list_filter: ClassVar = ["festival"]
    list_select_related = ["festival"]
    search_fields: ClassVar = ["name", "city", "organiser"]
    autocomplete_fields: ClassVar = ["festival", "programme", "territory", "venue"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(festival__in=m.Festival.objects.run_by(user).values("pk"))
