"""Who may open a page of the back office, and see which of its rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet, URLField
from django.http import HttpRequest

from accounts.models import User
from events import models as m


def people_around(user: User) -> QuerySet[User]:
    """Accounts with a part in what a national team runs: of others it does not learn that they exist."""
    editions = m.Festival.objects.run_by(user).values("pk")
    territories = m.Territory.objects.run_by(user).values("pk")
    parts = Q(pk__in=m.FestivalTeam.objects.filter(festival__in=editions).values("user"))
    for rows in (
        m.TerritoryTeam.objects.filter(territory__in=territories),
        m.VenueManager.objects.filter(venue__territory__in=territories),
        m.HostMember.objects.filter(host__territory__in=territories),
        m.HostPerson.objects.filter(host__territory__in=territories, user__isnull=False),
    ):
        parts |= Q(pk__in=rows.values("user"))
    return User.objects.filter(parts)


class WithinReach(admin.options.BaseModelAdmin):
    """A national team points to what it may see, nowhere else, in its lists and in what it posts."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **self._seen(db_field, request, kwargs))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **self._seen(db_field, request, kwargs))

    def _seen(self, db_field: Any, request: HttpRequest, kwargs: dict[str, Any]) -> dict[str, Any]:
        model, user = db_field.related_model, request.user
        if model is User and isinstance(user, User) and not user.is_superuser:
            return {"queryset": people_around(user), **kwargs}
        office = self.admin_site.get_model_admin(model) if self.admin_site.is_registered(model) else None
        if not isinstance(office, OfficeAdmin):
            return kwargs
        return {"queryset": office.get_queryset(request), **kwargs}


class OfficeAdmin(WithinReach, admin.ModelAdmin):
    """Open to superusers, and to a national team for what belongs to its editions (``scope``)."""

    formfield_overrides: ClassVar = {URLField: {"assume_scheme": "https"}}

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        """The rows a national team may see; none unless said."""
        return rows.none()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        user = request.user
        if not isinstance(user, User) or user.is_superuser:
            return rows
        return self.scope(rows, user)

    def is_at_home(self, request: HttpRequest) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active or not user.is_staff:
            return False
        if user.is_superuser:
            return True
        if type(self).scope is OfficeAdmin.scope:
            return False
        if not hasattr(request, "_is_national_team"):
            request._is_national_team = m.FestivalTeam.objects.filter(user=user).exists()  # type: ignore[attr-defined]
        return bool(request._is_national_team)  # type: ignore[attr-defined]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.is_at_home(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_at_home(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_at_home(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_at_home(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, User) and request.user.is_superuser


class OfficeInline(WithinReach, admin.TabularInline):
    """Part of a page that is already open to who reads it."""

    extra = 0
    formfield_overrides: ClassVar = {URLField: {"assume_scheme": "https"}}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class ReadOnlyAdmin(OfficeAdmin):
    """Looked at, never typed in."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
