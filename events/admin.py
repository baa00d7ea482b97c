"""The back office: superusers everywhere, a national team in its own editions and their territories.

Every table is found and read here; what has rules is changed through them. Counters are read, never typed.
Room occupancies may be edited by hand, and the database still refuses a clash: the form says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, URLField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from events import models as m
from events.clock import NoSuchTime, TwiceThatDay
from events.guards import GUARD, PERSON_GUARD
from events.moderation import accept_activity, request_changes
from events.refusals import Reason, Refused
from events.registration.cancel import cancel_registration
from events.registration.withdraw import withdraw_slot
from events.scheduling.place import elsewhere_meanwhile, unplace_slot
from events.scheduling.venue_facts import facts_of, follow_position

admin.site.site_header = _("Back office of the festival")
admin.site.site_title = _("Back office")
admin.site.index_title = _("All tables")

Rule = Callable[[Any], object]


def ask_each(
    model_admin: Any, request: HttpRequest, rows: QuerySet, rule: Rule, done: Callable[[int], str]
) -> None:
    """Ask a rule for each row; say how many it did and why it refused the others."""
    number, refusals = 0, []
    for row in rows.order_by("pk"):
        try:
            rule(row)
            number += 1
        except Refused as refused:
            refusals.append(f"{row}: {refused.reason.label}")
    if number:
        model_admin.message_user(request, done(number), messages.SUCCESS)
    for refusal in refusals[:20]:
        model_admin.message_user(request, refusal, messages.ERROR)


def refusal_of_the_database(row: Any) -> str:
    """What the database would say to this row, tried and taken back; empty when it would take it."""
    try:
        with transaction.atomic():
            row.save()
            transaction.set_rollback(True)
    except IntegrityError as error:
        return str(error)
    return ""


def people_in_the_way(slot: m.Slot, people: list[m.HostPerson] | None = None) -> str:
    """« Somebody receives elsewhere », and who and where."""
    named = ", ".join(
        f"{row.person} ({row.slot.activity.title_fr})" for row in elsewhere_meanwhile(slot, people)
    )
    return f"{Reason.PERSON_BUSY.label} {named}"


class OfficeAdmin(admin.ModelAdmin):
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


class OfficeInline(admin.TabularInline):
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


# The edition ----------------------------------------------------------------------------------------------


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


# Venues ---------------------------------------------------------------------------------------------------


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
        by = cast(User, request.user)
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


# Hosts and activities -------------------------------------------------------------------------------------


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
            return accept_activity(activity_id=activity.pk, by=request.user, now=timezone.now())  # type: ignore[arg-type]

        ask_each(self, request, rows, rule, _published)

    @admin.action(description=_("Send back to the host, to be completed"))
    def send_back(self, request: HttpRequest, rows: QuerySet[m.Activity]) -> None:
        reason = str(_("Please complete your activity, then submit it again."))

        def rule(activity: m.Activity) -> object:
            return request_changes(
                activity_id=activity.pk,
                reason=reason,
                by=request.user,  # type: ignore[arg-type]
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


def _withdrawn(number: int) -> str:
    return ngettext("%(number)s slot is withdrawn.", "%(number)s slots are withdrawn.", number) % {
        "number": number
    }


def _freed(number: int) -> str:
    return ngettext(
        "%(number)s slot has no room any more.", "%(number)s slots have no room any more.", number
    ) % {"number": number}


def _given_back(number: int) -> str:
    return ngettext(
        "%(number)s registration is given back.", "%(number)s registrations are given back.", number
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
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
                by_host=False,
            )

        ask_each(self, request, rows, rule, _withdrawn)

    @admin.action(description=_("Take out of the room"))
    def take_out(self, request: HttpRequest, rows: QuerySet[m.Slot]) -> None:
        def rule(slot: m.Slot) -> object:
            return unplace_slot(slot_id=slot.pk, by=request.user, now=timezone.now())  # type: ignore[arg-type]

        ask_each(self, request, rows, rule, _freed)

    def scope(self, rows: QuerySet, user: User) -> QuerySet:
        return rows.filter(activity__festival__in=m.Festival.objects.run_by(user).values("pk"))


# Registrations and mails ----------------------------------------------------------------------------------


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
