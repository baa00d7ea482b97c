"""What is typed about rooms: special days, what holds a room, who runs it, who asks for it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from events.clock import NoSuchTime, instant
from events.models import Room, Venue
from events.refusals import Reason

from .fields import ClockField, DayField, PlainTextMixin

LONGEST_HOLD = dt.timedelta(days=400)
MOST_WEEKS = 53
WEEK = dt.timedelta(days=7)


class TimesForm(PlainTextMixin, forms.Form):
    """From a day and hour to another on the wall clock of the territory: ``starts_at``, ``ends_at``."""

    label = forms.CharField(label=_("What for"), max_length=160)
    first_day = DayField(label=_("From the day"))
    from_time = ClockField(label=_("At"))
    last_day = DayField(label=_("To the day"), required=False, help_text=_("Empty: the same day."))
    to_time = ClockField(label=_("Until"))

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        self.clocks = cleaned["from_time"], cleaned["to_time"]
        times = self._times(cleaned["first_day"], cleaned.get("last_day") or cleaned["first_day"])
        if times is None:
            return cleaned
        cleaned["starts_at"], cleaned["ends_at"] = times
        if times[1] <= times[0]:
            self.add_error("to_time", _("It ends after it starts."))
        elif times[1] - times[0] > LONGEST_HOLD:
            self.add_error("last_day", _("That is longer than a year."))
        return cleaned

    def _times(self, first: dt.date, last: dt.date) -> tuple[dt.datetime, dt.datetime] | None:
        # Where the clock shows a time twice, the longer stretch is meant.
        start = self._instant("from_time", first, self.clocks[0], fold=0)
        end = self._instant("to_time", last, self.clocks[1], fold=1)
        return None if start is None or end is None else (start, end)

    def _instant(self, name: str, day: dt.date, time: dt.time, *, fold: int) -> dt.datetime | None:
        try:
            return instant(day, time, self.zone, fold=fold)
        except (NoSuchTime, OverflowError):
            said = f"{Reason.NO_SUCH_TIME.label} ({date_format(day, 'SHORT_DATE_FORMAT')})"
            self.add_error(name, said)
            return None


class HoldForm(TimesForm):
    """A room held for something that is no slot, once or every week until a day: ``again``."""

    until = DayField(
        label=_("Every week until"),
        required=False,
        help_text=_("Empty: once. All these times are held, or none of them."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["again"] = []
        until = cleaned.get("until")
        if self.errors or until is None:
            return cleaned
        first = cleaned["first_day"]
        length = (cleaned.get("last_day") or first) - first
        if until <= first:
            self.add_error("until", _("The last week is after the first."))
        elif (until - first) // WEEK > MOST_WEEKS:
            self.add_error("until", _("That is longer than a year."))
        elif cleaned["ends_at"] - cleaned["starts_at"] > WEEK:
            self.add_error("until", _("What lasts more than a week cannot come back every week."))
        else:
            for number in range(1, (until - first) // WEEK + 1):
                day = first + number * WEEK
                times = self._times(day, day + length)
                if times is not None:
                    cleaned["again"].append(times)
        return cleaned


class BlockForm(HoldForm):
    """The same, and in which room of a venue."""

    room = forms.ModelChoiceField(Room.objects.none(), label=_("Room"), empty_label=None)
    field_order = ("room",)

    def __init__(self, *args: Any, venue: Venue, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, zone=zone, **kwargs)
        room: Any = self.fields["room"]
        room.queryset = venue.rooms.filter(is_active=True).order_by("sort_name", "pk")


class SpecialDaysForm(PlainTextMixin, forms.Form):
    """Days on which a venue, or one room of it, is closed (no hours) or has other hours."""

    room = forms.ModelChoiceField(
        Room.objects.none(), label=_("What"), required=False, empty_label=_("The whole venue")
    )
    reason = forms.CharField(label=_("Reason"), max_length=160)
    first_day = DayField(label=_("From the day"))
    last_day = DayField(label=_("To the day"), required=False, help_text=_("Empty: the same day."))
    opens = ClockField(label=_("Opens"), required=False, help_text=_("Both empty: closed."))
    closes = ClockField(label=_("Closes"), required=False, help_text=_("Until midnight: 23:59."))

    def __init__(self, *args: Any, venue: Venue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        room: Any = self.fields["room"]
        room.queryset = venue.rooms.filter(is_active=True).order_by("sort_name", "pk")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        cleaned["last_day"] = cleaned.get("last_day") or cleaned["first_day"]
        if cleaned["last_day"] < cleaned["first_day"]:
            self.add_error("last_day", _("The last day is not before the first."))
        opens, closes = cleaned.get("opens"), cleaned.get("closes")
        if (opens is None) != (closes is None):
            name = "closes" if closes is None else "opens"
            self.add_error(name, _("Say when it opens and when it closes."))
        elif opens is not None and closes is not None and closes <= opens:
            self.add_error("closes", _("It closes after it opens. Until midnight: 23:59."))
        return cleaned


class ManagerForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"), max_length=254)


class AskForSlotForm(PlainTextMixin, forms.Form):
    """A host asks for a room for a slot of its own."""

    room = forms.ModelChoiceField(Room.objects.none(), label=_("Room"), empty_label=None)
    message = forms.CharField(
        label=_("Message"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What you need there: it goes to who decides."),
    )

    def __init__(self, *args: Any, rooms: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["room"].queryset = rooms  # type: ignore[attr-defined]


class AskForTimeForm(TimesForm):
    """An organiser asks for a room for something that is no slot."""

    room = forms.ModelChoiceField(Room.objects.none(), label=_("Room"), empty_label=None)
    message = forms.CharField(
        label=_("Message"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    field_order = ("room",)

    def __init__(self, *args: Any, rooms: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, zone=zone, **kwargs)
        self.fields["room"].queryset = rooms  # type: ignore[attr-defined]


class AnswerForm(PlainTextMixin, forms.Form):
    """Why not, or a word with the yes: it goes into the mail as it is written."""

    answer = forms.CharField(
        label=_("Your words"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
