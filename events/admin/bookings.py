"""Registrations, who made them, and the mails they are owed."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from events import models as m
from events.registration.cancel import cancel_registration

from .office import ReadOnlyAdmin
from .rules import ask_each


@admin.register(m.Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    list_display = ["reference", "slot", "visitor", "party_size", "status", "created_at"]
    list_filter: ClassVar = ["status", "locale", "slot__activity__festival"]
    list_select_related = ["slot__activity", "visitor"]
    search_fields: ClassVar = ["reference", "visitor__email", "name"]
    exclude: ClassVar = ["submission_hash"]
    date_hierarchy = "created_at"
    actions = ["give_back"]

    @admin.action(description=_("Give back, and tell the person"), permissions=["view"])
    def give_back(self, request: HttpRequest, rows: QuerySet[m.Registration]) -> None:
        def rule(registration: m.Registration) -> object:
            return cancel_registration(registration_id=registration.pk, now=timezone.now(), by="organiser")

        ask_each(self, request, rows, rule, _given_back)

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(slot__activity__festival__in=m.Festival.objects.run_by(user).values("pk"))


@admin.register(m.Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    list_display = ["email", "locale", "created_at"]
    search_fields: ClassVar = ["email"]
    fields: ClassVar = ["email", "locale", "created_at"]


@admin.register(m.Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ["kind", "recipient", "status", "attempts", "next_attempt_at", "sent_at"]
    list_filter: ClassVar = ["status", "kind"]
    search_fields: ClassVar = ["recipient", "message_id"]
    date_hierarchy = "created_at"
    # Bodies of account mails carry links that sign somebody in.
    exclude: ClassVar = ["text_body", "html_body", "lease_token", "context"]

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(
            registration__slot__activity__festival__in=m.Festival.objects.run_by(user).values("pk")
        )


@admin.register(m.JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "verb", "actor", "activity", "slot", "text"]
    list_filter: ClassVar = ["verb"]
    list_select_related = ["actor", "activity", "slot__activity"]
    search_fields: ClassVar = ["text", "activity__search_text"]
    date_hierarchy = "at"

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(activity__festival__in=m.Festival.objects.run_by(user).values("pk"))


@admin.register(m.ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ["name", "created_at", "last_used_at", "revoked_at"]
    exclude: ClassVar = ["token_hash"]


def _given_back(number: int) -> str:
    return ngettext(
        "%(number)s registration is given back.", "%(number)s registrations are given back.", number
    ) % {"number": number}
