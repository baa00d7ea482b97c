"""What organisers type, made clean. The rules are asked by the views."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from events.models import Announced, Room, Territory, Venue, Weekday

from .booking import AddressField
from .fields import ClockField, DayField, PlainTextMixin
from .pictures import PictureField

MOST_PLACES = 5000
MOST_PEOPLE = 100_000


class AtTimeForm(forms.Form):
    """A room and an exact time, where a half hour of the board is too coarse."""

    salle = forms.ModelChoiceField(Room.objects.none(), label=_("Room"), empty_label=None)
    heure = ClockField(label=_("Time"))

    def __init__(self, *args: Any, rooms: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["salle"].queryset = rooms  # type: ignore[attr-defined]


# Moderation -----------------------------------------------------------------------------------------------


class ReasonForm(PlainTextMixin, forms.Form):
    """Why: it goes into the mail as it is written."""

    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}))


class AnnounceForm(forms.Form):
    """What visitors are told of a published activity beside its times and places."""

    announced = forms.ChoiceField(
        label=_("Told to visitors"),
        choices=[("", _("As planned")), *Announced.choices],
        required=False,
        help_text=_("Its pages, the lists and the feeds say it at once. Nobody is written to by this."),
    )


# Slots ----------------------------------------------------------------------------------------------------


class CapacityForm(forms.Form):
    capacity = forms.IntegerField(label=_("Places"), min_value=1, max_value=MOST_PLACES)


class MoveForm(forms.Form):
    """A new time on the wall clock of the territory."""

    day = DayField(label=_("Day"))
    start_time = ClockField(label=_("From"))
    duration = forms.IntegerField(label=_("Minutes"), min_value=5, max_value=1440)
    fold = forms.TypedChoiceField(
        label=_("Which of the two"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("Choose")),
            ("0", _("The first (summer time)")),
            ("1", _("The second (winter time)")),
        ],
    )


# Venues ---------------------------------------------------------------------------------------------------


def _keep_model_limits(form: forms.ModelForm) -> None:
    """The model's own validators, asked of the typed value: the instance itself is the rule's to change."""
    for name, field in form.fields.items():
        if name in {known.name for known in form._meta.model._meta.fields}:
            model_field = form._meta.model._meta.get_field(name)
            field.validators += [check for check in model_field.validators if check not in field.validators]


class VenueForm(PlainTextMixin, forms.ModelForm):
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https", max_length=200)
    postcode = forms.CharField(
        label=_("Postcode"),
        max_length=5,
        required=False,
        validators=[RegexValidator(r"^\d{5}$", _("Five digits."))],
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    new_picture = PictureField(
        label=_("Picture"), required=False, longest=1600, help_text=_("JPEG, PNG or WebP, 4 MB at most.")
    )
    drop_picture = forms.BooleanField(label=_("Take the picture away"), required=False)
    contact_phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        required=False,
        validators=[RegexValidator(r"^\+?[\d\s().-]{4,}$", _("Digits, for example 05 61 00 00 00."))],
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )

    class Meta:
        model = Venue
        fields: ClassVar = [
            *("name", "address", "postcode", "commune", "latitude", "longitude", "website"),
            *("is_totem", "step_free", "access", "access_text_fr", "access_text_en", "safety_capacity"),
            *("contact_name", "contact_email", "contact_phone"),
        ]
        labels: ClassVar = {"contact_name": _("Name"), "contact_email": _("E-mail")}
        help_texts: ClassVar = {
            "latitude": _("In degrees, for example 43.6045. Both numbers or none."),
            "longitude": _("In degrees, for example 1.4440."),
            "is_totem": _("The building that stands for the French Tech of the territory."),
            "access_text_fr": _("Bus, metro, door code, where to ring."),
            "safety_capacity": _("People the building may hold, by its safety file. Never exceeded."),
        }

    def __init__(self, *args: Any, territory: Territory, may_call_totem: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["access"].label = _("Accessibility")
        _keep_model_limits(self)
        commune: Any = self.fields["commune"]
        commune.queryset = territory.communes.order_by("folded_name", "pk")
        commune.empty_label = _("Not said")
        self.fields["safety_capacity"].validators.append(MaxValueValidator(MOST_PEOPLE))
        if not may_call_totem:
            del self.fields["is_totem"]
        if not self.instance.picture:
            del self.fields["drop_picture"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        has = [cleaned.get(name) is not None for name in ("latitude", "longitude")]
        if any(has) and not all(has):
            missing = "longitude" if has[0] else "latitude"
            if missing not in self.errors:
                self.add_error(missing, _("A position has both its numbers."))
        return cleaned

    def _post_clean(self) -> None:
        """The rule changes the venue, not the form; what binds its fields together is said above."""

    @property
    def values(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("new_picture", "drop_picture")
        }


SAY_BOTH = _("Say when it opens and when it closes.")


class HoursForm(forms.Form):
    weekday = forms.TypedChoiceField(label=_("Day"), choices=Weekday.choices, coerce=int)
    opens = ClockField(label=_("Opens"), required=False)
    closes = ClockField(label=_("Closes"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        opens, closes = cleaned.get("opens"), cleaned.get("closes")
        if self.errors:
            return cleaned
        if (opens is None) != (closes is None):
            self.add_error("closes" if closes is None else "opens", SAY_BOTH)
        elif opens is not None and closes is not None and closes <= opens:
            self.add_error("closes", _("It closes after it opens. Until midnight: 23:59."))
        return cleaned


class BaseHoursFormSet(forms.BaseFormSet):
    """Opening hours by weekday; a line without times is left out."""

    def clean(self) -> None:
        if any(self.errors):
            return
        lines = sorted(self.hours)
        for (day, _opens, closes), (next_day, opens, _closes) in itertools.pairwise(lines):
            if day == next_day and opens < closes:
                raise ValidationError(
                    _("Two lines of %(day)s overlap.") % {"day": Weekday(day).label}, code="overlap"
                )

    @property
    def hours(self) -> list[tuple[int, dt.time, dt.time]]:
        return [
            (line["weekday"], line["opens"], line["closes"])
            for line in (form.cleaned_data for form in self.forms)
            if line.get("opens") is not None and line.get("closes") is not None
        ]


HoursFormSet = forms.formset_factory(HoursForm, formset=BaseHoursFormSet, extra=0, max_num=40)


def hours_lines(where: Venue | Room | None) -> list[dict[str, Any]]:
    """What the lines start from.

    The hours there are, an empty line for each other day, one spare where some are.
    """
    rows: list[Any] = []
    if where is not None:
        rows = list(where.opening_hours.all() if isinstance(where, Venue) else where.hours.all())
    known = {row.weekday for row in rows}
    lines = [{"weekday": row.weekday, "opens": row.opens, "closes": row.closes} for row in rows]
    lines += [{"weekday": int(day)} for day in Weekday if day not in known]
    lines.sort(key=lambda line: (line["weekday"], line.get("opens") or dt.time()))
    return [*lines, {"weekday": 1}] if rows else lines


class RoomForm(PlainTextMixin, forms.ModelForm):
    class Meta:
        model = Room
        fields: ClassVar = [
            *("name", "floor", "comfort_capacity", "safety_capacity", "has", "equipment", "step_free"),
            *("setup_minutes", "turnover_minutes", "parts", "by_request", "is_active"),
        ]
        widgets: ClassVar = {"parts": forms.CheckboxSelectMultiple}
        help_texts: ClassVar = {
            "equipment": _("What else is there, and how much of it."),
            "setup_minutes": _("Held before each visit."),
            "turnover_minutes": _("Held after each visit."),
            "parts": _("For a hall that divides: placing a slot in it takes each of these rooms."),
        }

    def __init__(self, *args: Any, venue: Venue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.venue = venue
        parts: Any = self.fields["parts"]
        parts.queryset = venue.rooms.exclude(pk=self.instance.pk).order_by("sort_name", "pk")
        if not parts.queryset.exists():
            del self.fields["parts"]
        _keep_model_limits(self)
        for name in ("comfort_capacity", "safety_capacity"):
            self.fields[name].validators.append(MaxValueValidator(MOST_PEOPLE))
        for name in ("setup_minutes", "turnover_minutes"):
            self.fields[name].validators.append(MaxValueValidator(240))

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.venue.rooms.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("This venue already has a room of that name."), code="unique")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        comfort, safety = cleaned.get("comfort_capacity"), cleaned.get("safety_capacity")
        if comfort is not None and safety is not None and comfort > safety:
            self.add_error("comfort_capacity", _("Comfort never exceeds safety."))
        return cleaned

    def _post_clean(self) -> None:
        """The rule changes the room, not the form."""

    @property
    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "parts"}

    @property
    def parts(self) -> list[Room]:
        return list(self.cleaned_data.get("parts") or [])


# People ---------------------------------------------------------------------------------------------------


class TeamForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address of their account"), max_length=254)


# Mail -----------------------------------------------------------------------------------------------------


class MailAddressForm(PlainTextMixin, forms.Form):
    """An address to look up among those that get no mail."""

    email = AddressField(label=_("E-mail address"))
