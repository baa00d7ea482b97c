"""What a team types for the page of its city or of an operation: words, figures, names."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import BaseFormSet
from django.forms.utils import ErrorDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from events.folding import fold
from events.models import EcosystemEntry, Figure, Programme, Territory
from events.models.ecosystem import web_address

from .fields import DayField, PlainTextMixin

MOST_ROWS, BLANK_ROWS = 40, 1
MONTHS = (
    *("janvier", "fevrier", "mars", "avril", "mai", "juin"),
    *("juillet", "aout", "septembre", "octobre", "novembre", "decembre"),
)
MONTH_NUMBERS = {fold(name): n for n, name in enumerate(calendar.month_name) if name}
MONTH_NUMBERS |= {name: n for n, name in enumerate(MONTHS, 1)}
OLDEST = 1900

PATTERNS = (
    (Figure.Exact.DAY, re.compile(r"(?P<d>\d{1,2})[ /.-](?P<m>\d{1,2})[ /.-](?P<y>\d{4})")),
    (Figure.Exact.DAY, re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})")),
    (Figure.Exact.DAY, re.compile(r"(?P<d>\d{1,2})(?:er)? (?P<m>[a-z]+) (?P<y>\d{4})")),
    (Figure.Exact.MONTH, re.compile(r"(?P<m>\d{1,2}|[a-z]+)[ /.-](?P<y>\d{4})")),
    (Figure.Exact.MONTH, re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})")),
    (Figure.Exact.YEAR, re.compile(r"(?P<y>\d{4})")),
)


def read_when(text: str) -> tuple[dt.date, Figure.Exact]:
    """The first day of what is meant, and how exactly it is known: « 15/03/2026 », « mars 2026 », « 2026 ».

    Raises ``ValueError``.
    """
    said = re.sub(r"\s+", " ", fold(text) if not re.search(r"\d[/.-]\d", text) else text.strip())
    for exact, pattern in PATTERNS:
        if found := pattern.fullmatch(said):
            parts = found.groupdict()
            month = parts.get("m") or "1"
            number = int(month) if month.isdigit() else MONTH_NUMBERS[month]
            return dt.date(int(parts["y"]), number, int(parts.get("d") or 1)), exact
    raise ValueError(text)


NOT_OF_THE_WEB = _("This is not an address of the web: it begins with https:// or http://.")


def _web_alone(value: str) -> None:
    try:
        web_address(value)
    except ValidationError as error:
        raise ValidationError(NOT_OF_THE_WEB, code="invalid") from error


class AddressField(forms.URLField):
    """An address of the web: http or https alone, so that no link on a page does anything else."""

    default_validators = [_web_alone]
    default_error_messages = {"invalid": NOT_OF_THE_WEB}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, assume_scheme="https", max_length=200, **kwargs)


def _text(label: Any, most: int, *, missing: Any = "", help_text: Any = "") -> forms.CharField:
    """``missing``: what is said where it is left out; without it, it may be."""
    errors = {"required": missing} if missing else None
    return forms.CharField(
        label=label, max_length=most, required=bool(missing), help_text=help_text, error_messages=errors
    )


def _long(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )


class CityForm(PlainTextMixin, forms.ModelForm):
    about_fr = _long(_("Presentation in French"))
    about_en = _long(_("Presentation in English"))
    website = AddressField(label=_("Website of the relay"))

    class Meta:
        model = Territory
        fields: ClassVar = ["relay", "website", "contact_email", "about_fr", "about_en"]
        labels: ClassVar = {"relay": _("Local relay"), "contact_email": _("Contact address")}
        help_texts: ClassVar = {"contact_email": _("It is shown to everybody on the page of the city.")}


class OperationForm(PlainTextMixin, forms.ModelForm):
    name = _text(_("Name"), 160, missing=_("Write the name."))
    tagline_fr = _text(_("In one sentence, in French"), 200)
    tagline_en = _text(_("In one sentence, in English"), 200)
    organiser = _text(_("Organiser"), 160)
    website = AddressField(label=_("Website"))
    description_fr = _long(_("Description in French"))
    description_en = _long(_("Description in English"))
    starts_on = DayField(label=_("First day"), required=False)
    ends_on = DayField(label=_("Last day"), required=False)

    class Meta:
        model = Programme
        fields: ClassVar = [
            *("name", "organiser", "website", "starts_on", "ends_on"),
            *("tagline_fr", "tagline_en", "description_fr", "description_en"),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("starts_on"), cleaned.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("The last day comes before the first."))
        return cleaned


class Row(PlainTextMixin, forms.Form):
    """A row of a list. One in which nothing is typed says nothing, and nothing of it is missing."""

    def full_clean(self) -> None:
        if self.is_bound and is_blank(self):
            self._errors = ErrorDict()
            self.cleaned_data = {}
            return
        super().full_clean()

    @property
    def is_typed(self) -> bool:
        """Whether it comes back with words in it: then it is shown open."""
        return self.is_bound and not is_blank(self)

    def values(self) -> dict[str, Any]:
        """As the rule takes it."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("ORDER", "DELETE")}


class FigureForm(Row):
    value = _text(
        _("Figure"), 40, missing=_("Write the figure."), help_text=_("For example 1 200, about 40, 82 %.")
    )
    label_fr = _text(_("What it counts, in French"), 160, missing=_("Say what it counts."))
    label_en = _text(_("What it counts, in English"), 160)
    when = _text(
        _("Date of the figure"),
        30,
        missing=_("Say of when the figure is."),
        help_text=_("A day, a month or a year: 15/03/2026, 03/2026, 2026."),
    )
    source_name = _text(
        _("Source"),
        160,
        missing=_("Say where it was read: a figure without a source is not shown."),
        help_text=_("Who says so: an institute, a newspaper, a report."),
    )
    source_url = AddressField(label=_("Address of the source"))
    is_made_up = forms.BooleanField(label=_("Made up for a demonstration"), required=False)

    def clean_value(self) -> str:
        value: str = self.cleaned_data["value"]
        if not any(sign.isdigit() for sign in value):
            raise ValidationError(_("A figure holds a number."), code="invalid")
        return value

    def clean_when(self) -> tuple[dt.date, str]:
        try:
            day, exact = read_when(self.cleaned_data["when"])
        except (ValueError, KeyError) as error:
            raise ValidationError(
                _("Write a day, a month or a year: 15/03/2026, 03/2026, 2026."), code="invalid"
            ) from error
        if day.year < OLDEST:
            raise ValidationError(_("That was too long ago."), code="invalid")
        if day > timezone.localdate() + dt.timedelta(days=1):
            raise ValidationError(_("A figure cannot be of a day to come."), code="invalid")
        return day, exact.value

    def values(self) -> dict[str, Any]:
        values = super().values()
        values["as_of"], values["as_of_exact"] = values.pop("when")
        return values


class EntryForm(Row):
    kind = forms.ChoiceField(label=_("As"), choices=EcosystemEntry.Kind)
    name = _text(_("Name"), 120, missing=_("Write the name."))
    note_fr = _text(_("What it is, in French"), 160)
    note_en = _text(_("What it is, in English"), 160)
    url = AddressField(label=_("Address"))


def is_blank(form: forms.Form) -> bool:
    """Nothing was typed in the row; what is chosen or ticked alone says nothing."""
    typed = [name for name, field in form.fields.items() if type(field) in (forms.CharField, AddressField)]
    return not any(form.data.get(form.add_prefix(name), "").strip() for name in typed)


class Rows(BaseFormSet):
    """Rows of a list, each with its place in the order and a box that takes it out; blank ones are none."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["ORDER"].label = _("Place in the list")
        form.fields["DELETE"].label = _("Take out")

    def get_ordering_widget(self) -> Any:  # type: ignore[override]
        return forms.NumberInput

    def rows(self) -> list[dict[str, Any]]:
        """What is to be written, in the order asked for. The formset is valid."""
        kept = [
            (form.cleaned_data.get("ORDER") or 10_000, n, form)
            for n, form in enumerate(self.forms)
            if not is_blank(form) and not form.cleaned_data.get("DELETE")
        ]
        return [form.values() for _order, _n, form in sorted(kept, key=lambda one: one[:2])]


class EntryRows(Rows):
    def clean(self) -> None:
        """Nobody stands twice in one list."""
        seen: set[tuple[str, str]] = set()
        for form in self.forms:
            if form.errors or is_blank(form) or form.cleaned_data.get("DELETE"):
                continue
            key = (form.cleaned_data["kind"], fold(form.cleaned_data["name"]))
            if key in seen:
                form.add_error("name", _("This name stands in the list already."))
                raise ValidationError(_("A name stands twice in one list."), code="twice")
            seen.add(key)


_FACTORY: dict[str, Any] = {
    "extra": BLANK_ROWS,
    "can_order": True,
    "can_delete": True,
    "max_num": MOST_ROWS,
    "absolute_max": MOST_ROWS,
    "validate_max": True,
}
FigureRows: Any = forms.formset_factory(FigureForm, formset=Rows, **_FACTORY)
EntryRowsSet: Any = forms.formset_factory(EntryForm, formset=EntryRows, **_FACTORY)


def figures_typed(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """The rows of a form that shows these figures."""
    same = ("value", "label_fr", "label_en", "source_name", "source_url", "is_made_up")
    return [{name: getattr(one, name) for name in same} | {"when": one.as_typed} for one in figures]


def entries_typed(entries: Iterable[EcosystemEntry]) -> list[dict[str, Any]]:
    return [
        {name: getattr(one, name) for name in ("kind", "name", "note_fr", "note_en", "url")}
        for one in entries
    ]
