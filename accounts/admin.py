"""Accounts in the back office: found and switched off; passwords and second factors stay their owners'."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """People sign up by themselves, so nobody is added here; superusers say who may enter."""

    list_display: ClassVar = ["email", "name", "is_active", "is_staff", "is_superuser", "joined_at"]
    list_filter: ClassVar = ["is_active", "is_staff", "is_superuser"]
    search_fields: ClassVar = ["email", "name"]
    ordering: ClassVar = ["email"]
    fields: ClassVar = ["email", "name", "locale", "is_active", "is_staff", "is_superuser", "joined_at"]
    readonly_fields: ClassVar = ["email", "joined_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).order_by("email")
