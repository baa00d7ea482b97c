"""Activities and their slots."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.who import signed_in
from events import models as m
from events.clock import NoSuchTime, TwiceThatDay
from events.guards import PERSON_GUARD
from events.moderation import accept_activity, request_changes
from events.refusals import Reason
from events.registration.withdraw import withdraw_slot
from events.scheduling.place import unplace_slot

from .office import OfficeAdmin
from .rules import ask_each, people_in_the_way, refusal_of_the_database


@admin.register(m.Activity)
class ActivityAdmin(OfficeAdmin):
    list_display = ["title_fr", "host", "territory", "festival", "format", "state", "submitted_at"]
    list_filter: ClassVar = ["state", "mode", "format", "festival"]
    list_select_related = ["host", "territory", "festival"]
    search_fields: ClassVar = ["search_text"]
    autocomplete_fields: ClassVar = ["festival", "programme", "territory", "host", "venue"]
    # The way through moderation goes through its rules, which tell the host.
    readonly_fields: ClassVar = ["state", "submitted_at", "published_at", "moderation_note"]
    actions = ["accept", "send_back"]

    @admin.action(description=_("Accept and publish"))
    def accept(self, request: HttpRequest, rows: QuerySet[m.Activity]) -> None:
        def rule(activity: m.Activity) -> object:
            return accept_activity(activity_id=activity.pk, by=signed_in(request), now=timezone.now())

        ask_each(self, request, rows, rule, _published)

    @admin.action(description=_("Send back to the host, to be completed"))
    def send_back(self, request: HttpRequest, rows: QuerySet[m.Activity]) -> None:
        reason = str(_("Please complete your activity, then submit it again."))

        def rule(activity: m.Activity) -> object:
            return request_changes(
                activity_id=activity.pk,
                reason=reason,
                by=signed_in(request),
                now=timezone.now(),
            )

        ask_each(self, request, rows, rule, _sent_back)

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(festival__in=m.Festival.objects.run_by(user).values("pk"))


def _published(number: int) -> str:
    return ngettext("%(number)s activity is published.", "%(number)s activities are published.", number) % {
        "number": number
    }


def _sent_back(number: int) -> str:
    return ngettext(
        "%(number)s activity is back with its host.",
        "%(number)s activities are back with their hosts.",
        number,
    ) % {"number": number}


class SlotForm(forms.ModelForm):
    """The wall clock is typed, the instants are derived; a time that is none, or two, is an error."""

    fold = forms.TypedChoiceField(
        label=_("Which of the two"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", "–"), ("0", _("The first (summer time)")), ("1", _("The second (winter time)"))],
    )

    class Meta:
        model = m.Slot
        fields: ClassVar = [
            *("activity", "day", "start_time", "fold", "duration", "timezone"),
            *("opens_at", "capacity", "overbook", "waiting_list_open"),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        wanted = ("day", "start_time", "duration", "timezone")
        if any(cleaned.get(name) is None for name in wanted):
            return cleaned
        try:
            self.instance.set_time(**{name: cleaned[name] for name in wanted}, fold=cleaned.get("fold"))
        except NoSuchTime:
            self.add_error("start_time", Reason.NO_SUCH_TIME.label)
        except TwiceThatDay:
            self.add_error("fold", Reason.TIME_TWICE.label)
        cleaned["fold"] = self.instance.fold
        return cleaned

    def _post_clean(self) -> None:
        """Tried on the database: its people may be elsewhere, another slot may start then."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        is_new = self.instance.pk is None
        said = refusal_of_the_database(self.instance)
        if is_new:
            self.instance.pk, self.instance._state.adding = None, True
        if PERSON_GUARD in said:
            self.add_error(None, ValidationError(people_in_the_way(self.instance), code="person_busy"))
        elif said and self._is_start_taken():
            self.add_error("start_time", ValidationError(Reason.SAME_START.label, code="same_start"))
        elif said:
            self.add_error(None, ValidationError(Reason.WRONG_STATE.label, code="wrong_state"))

    def _is_start_taken(self) -> bool:
        others = m.Slot.objects.exclude(state=m.Slot.State.CANCELLED).exclude(pk=self.instance.pk)
        return others.filter(activity=self.instance.activity_id, starts_at=self.instance.starts_at).exists()


@admin.register(m.Slot)
class SlotAdmin(OfficeAdmin):
    """What is published or has a room is moved on the organisers' desk, where its public is told."""

    form = SlotForm
    list_display = [
        *("activity", "day", "start_time", "venue", "room", "state"),
        *("capacity", "taken", "waiting"),
    ]
    list_filter: ClassVar = ["state", "activity__festival"]
    list_select_related = ["activity", "venue", "room"]
    search_fields: ClassVar = ["activity__search_text"]
    autocomplete_fields: ClassVar = ["activity"]
    date_hierarchy = "day"
    readonly_fields: ClassVar = [
        *("state", "venue", "room", "safety_capacity", "taken", "held", "waiting", "revision"),
        *("starts_at", "ends_at", "cancelled_at", "cancel_reason"),
    ]
    actions = ["withdraw", "take_out"]

    def get_readonly_fields(self, request: HttpRequest, obj: m.Slot | None = None) -> Any:
        fields = list(super().get_readonly_fields(request, obj))
        if obj is not None:
            fields.append("activity")
            if obj.state != m.Slot.State.DRAFT or obj.room_id is not None:
                fields += ["day", "start_time", "fold", "duration", "timezone", "capacity"]
        return fields

    def get_form(
        self, request: HttpRequest, obj: m.Slot | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None and "day" in self.get_readonly_fields(request, obj):
            kwargs["form"] = forms.ModelForm
        return super().get_form(request, obj, change, **kwargs)

    @admin.action(description=_("Withdraw, and tell everybody"))
    def withdraw(self, request: HttpRequest, rows: QuerySet[m.Slot]) -> None:
        reason = str(_("The organisers had to withdraw this slot."))

        def rule(slot: m.Slot) -> object:
            return withdraw_slot(
                slot_id=slot.pk,
                reason=reason,
                by=signed_in(request),
                now=timezone.now(),
                by_host=False,
            )

        ask_each(self, request, rows, rule, _withdrawn)

    @admin.action(description=_("Take out of the room"))
    def take_out(self, request: HttpRequest, rows: QuerySet[m.Slot]) -> None:
        def rule(slot: m.Slot) -> object:
            return unplace_slot(slot_id=slot.pk, by=signed_in(request), now=timezone.now())

        ask_each(self, request, rows, rule, _freed)

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(activity__festival__in=m.Festival.objects.run_by(user).values("pk"))


def _withdrawn(number: int) -> str:
    return ngettext("%(number)s slot is withdrawn.", "%(number)s slots are withdrawn.", number) % {
        "number": number
    }


def _freed(number: int) -> str:
    return ngettext(
        "%(number)s slot has no room any more.", "%(number)s slots have no room any more.", number
    ) % {"number": number}
