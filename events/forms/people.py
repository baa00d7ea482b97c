"""Who receives for a host: the person, when they cannot, and who of them in a slot."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from events.clock import NoSuchTime, instant
from events.models import HostPerson, Level, PlacingRule, Slot
from events.refusals import Reason
from events.wording import say_day, say_time

from .fields import ClockField, DayField, PlainTextMixin


class PersonForm(PlainTextMixin, forms.ModelForm):
    """Somebody who receives visitors. The rule writes, and says whether the name is free."""

    class Meta:
        model = HostPerson
        fields: ClassVar = ["name", "role", "email"]
        help_texts: ClassVar = {
            "name": _("As your team and the organisers know them; the public never sees it."),
            "role": _("If you like: guide, engineer, director."),
            "email": _("If you like. Nothing is sent there."),
        }

    def _post_clean(self) -> None:
        """The rule changes the person."""


class AbsenceForm(PlainTextMixin, forms.Form):
    """When somebody cannot, on the wall clock of the territory; without hours the whole day."""

    first_day = DayField(label=_("From the day"))
    from_time = ClockField(label=_("At"), required=False, help_text=_("Empty: from the morning on."))
    last_day = DayField(label=_("To the day"), required=False, help_text=_("Empty: the same day."))
    to_time = ClockField(label=_("Until"), required=False, help_text=_("Empty: until midnight."))
    reason = forms.CharField(
        label=_("Why"), max_length=160, required=False, help_text=_("If you like; only your team sees it.")
    )

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        """Adds ``starts_at`` and ``ends_at``, in UTC."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        until, last_day = cleaned.get("to_time"), cleaned.get("last_day") or cleaned["first_day"]
        if until is None and last_day < dt.date.max:
            until, last_day = dt.time(0), last_day + dt.timedelta(days=1)
        first = cleaned.get("from_time") or dt.time(0)
        # Where the clock shows a time twice, the longer absence is meant.
        cleaned["starts_at"] = self._instant("from_time", cleaned["first_day"], first, fold=0)
        cleaned["ends_at"] = self._instant("to_time", last_day, until or dt.time(0), fold=1)
        if not self.errors and cleaned["ends_at"] <= cleaned["starts_at"]:
            self.add_error("to_time", _("It ends after it starts."))
        return cleaned

    def _instant(self, name: str, day: dt.date, time: dt.time, *, fold: int) -> dt.datetime | None:
        try:
            return instant(day, time, self.zone, fold=fold)
        except (NoSuchTime, OverflowError):
            self.add_error(name, Reason.NO_SUCH_TIME.label)
            return None


class ReceiveForm(forms.Form):
    """Which of the host's people receive in a slot; several may."""

    people = forms.ModelMultipleChoiceField(
        HostPerson.objects.none(),
        label=_("Who receives"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, slot: Slot, **kwargs: Any) -> None:
        chosen = [row.person_id for row in slot.appearances.all()]
        kwargs["initial"] = {"people": chosen}
        super().__init__(*args, **kwargs)
        field: Any = self.fields["people"]
        field.queryset = HostPerson.objects.filter(host=slot.activity.host_id).order_by("name", "pk")
        self.fields["people"].help_text = _("On %(day)s at %(time)s.") % {
            "day": say_day(slot.local_start.date()),
            "time": say_time(slot.local_start),
        }


class LevelsForm(forms.Form):
    """What each rule of the timetable does in an edition: ``closed``, ``tight`` …, each a ``Level``."""

    def __init__(self, *args: Any, levels: dict[PlacingRule, Level], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for rule in PlacingRule:
            self.fields[rule.value] = forms.ChoiceField(
                label=rule.label, choices=Level.choices, initial=levels[rule].value
            )
