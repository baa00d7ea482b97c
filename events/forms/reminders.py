"""What organisers type about when their visitors are written to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from events.models import Programme, ReminderRule

from .fields import ClockField, PlainTextMixin

Purpose = ReminderRule.Purpose

MOST_DAYS, MOST_HOURS = 60, 72
LONGEST_QUIET = 14 * 60
"""Minutes."""


class RuleForm(PlainTextMixin, forms.Form):
    """One rule, by days and an hour or by hours. ``facts`` are as ``events.rulemaking`` takes them.

    ``parts``: for what it can hold, « e » the edition, « p5 » programme 5; none on a slot's own page.
    """

    part = forms.ChoiceField(label=_("For"))
    purpose = forms.ChoiceField(
        label=_("What"),
        choices=[
            (Purpose.REMINDER, _("A reminder, before the visit")),
            (Purpose.THANKS, _("Thanks, after the day’s last visit")),
            (Purpose.SURVEY, _("A survey, after the day’s last visit")),
        ],
    )
    lead_days = forms.IntegerField(
        label=_("Days before or after"), required=False, min_value=0, max_value=MOST_DAYS
    )
    at_time = ClockField(label=_("At"), required=False)
    lead_hours = forms.IntegerField(
        label=_("Or hours before or after"), required=False, min_value=1, max_value=MOST_HOURS
    )
    minimum_lead_hours = forms.IntegerField(
        label=_("Not for who booked in the hours before it"),
        initial=12,
        min_value=1,
        max_value=24 * MOST_DAYS,
        help_text=_("So many hours. Their confirmation is still fresh."),
    )
    survey_url = forms.URLField(
        label=_("Address of the survey"),
        required=False,
        max_length=200,
        assume_scheme="https",
        validators=[URLValidator(schemes=["https"])],
        help_text=_("For a survey only; it begins with https://."),
    )

    def __init__(self, *args: Any, parts: Iterable[tuple[str, Any]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = list(parts)
        if choices:
            self.fields["part"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["part"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        days, time, hours = (cleaned.get(name) for name in ("lead_days", "at_time", "lead_hours"))
        if not any(name in self.errors for name in ("lead_days", "at_time", "lead_hours")):
            if hours is not None and (days is not None or time is not None):
                self.add_error("lead_hours", _("Say days and an hour of the day, or hours, not both."))
            elif hours is None and (days is None or time is None):
                name = "lead_days" if days is None else "at_time"
                self.add_error(name, _("Say how many days and at what time, or how many hours."))
        is_survey = cleaned.get("purpose") == Purpose.SURVEY
        if is_survey and not cleaned.get("survey_url") and "survey_url" not in self.errors:
            self.add_error("survey_url", _("Say where the questions are."))
        if not is_survey:
            cleaned["survey_url"] = ""
        return cleaned

    @property
    def facts(self) -> dict[str, Any]:
        names = ("purpose", "lead_days", "at_time", "lead_hours", "minimum_lead_hours", "survey_url")
        return {name: self.cleaned_data[name] for name in names}


class QuietHoursForm(forms.Form):
    """From when until when nobody is written to; they may span midnight."""

    quiet_from = ClockField(label=_("No mail from"))
    quiet_until = ClockField(label=_("Until"))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        begin, end = cleaned.get("quiet_from"), cleaned.get("quiet_until")
        if begin is not None and end is not None:
            minutes = (end.hour - begin.hour) * 60 + end.minute - begin.minute
            if minutes % (24 * 60) > LONGEST_QUIET:
                self.add_error("quiet_until", _("That is more than 14 hours: too little of the day is left."))
        return cleaned


def parts_of(edition: str, programmes: Iterable[Programme]) -> list[tuple[str, Any]]:
    """For what a rule can hold beside a slot."""
    return [
        ("e", _("All of %(edition)s") % {"edition": edition}),
        *((f"p{one.pk}", one.name) for one in programmes),
    ]
