"""Accounts in the back office: found and switched off; passwords and second factors stay their owners'."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """People sign up by themselves, so nobody is added here; superusers say who may enter."""

    list_display = ["email", "name", "is_active", "is_staff", "is_superuser", "joined_at"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    fields = ["email", "name", "locale", "is_active", "is_staff", "is_superuser", "joined_at"]
    readonly_fields = ["email", "joined_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).order_by("email")
