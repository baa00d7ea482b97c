"""What the automatic timetable is asked for, and what a host would like of a slot's place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from events.models import Room, SlotWish
from events.scheduling.autoplan import MOST_DAYS, Choice
from events.scheduling.solving.problem import Weights
from events.wording import say_day

from .fields import ClockField, PlainTextMixin

WEIGHTS = [("0", _("Not at all")), ("1", _("A little")), ("2", _("Much")), ("3", _("Above all"))]
STEPS = [("5", _("5 minutes")), ("10", _("10 minutes")), ("15", _("15 minutes")), ("30", _("30 minutes"))]


def _days_field(label: Any, **more: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, widget=forms.CheckboxSelectMultiple, **more)


def _by_day(days: Sequence[dt.date]) -> list[tuple[str, str]]:
    return [(day.isoformat(), say_day(day)) for day in days]


class AutoplanForm(PlainTextMixin, forms.Form):
    """``days``: those with slots to come."""

    days = _days_field(_("Days"))
    earliest = ClockField(label=_("Not before"), initial=dt.time(9))
    latest = ClockField(label=_("Over by"), initial=dt.time(20))
    which = forms.ChoiceField(
        label=_("Which slots"),
        widget=forms.RadioSelect,
        choices=[
            ("tray", _("Only those that have no room yet")),
            ("all", _("All that are not pinned: some will get another room or time")),
        ],
        initial="tray",
    )
    moves_booked = forms.BooleanField(
        label=_("Also those that somebody has booked"),
        required=False,
        help_text=_("Whoever has booked is told at the release, and may cancel."),
    )
    wishes = forms.ChoiceField(label=_("Keep what hosts have asked for"), choices=WEIGHTS, initial="3")
    rooms = forms.ChoiceField(label=_("Large rooms for what many want to see"), choices=WEIGHTS, initial="2")
    themes = forms.ChoiceField(
        label=_("Not two visits of one theme at the same time"), choices=WEIGHTS, initial="1"
    )
    gaps = forms.ChoiceField(
        label=_("Rooms that do not stand empty in between"), choices=WEIGHTS, initial="1"
    )
    step = forms.ChoiceField(label=_("Begin every"), choices=STEPS, initial="15")

    def __init__(self, *args: Any, days: Sequence[dt.date], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = list(days)[:MOST_DAYS]
        self.fields["days"].choices = _by_day(shown)  # type: ignore[attr-defined]
        self.fields["days"].initial = [day.isoformat() for day in shown]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        earliest, latest = cleaned.get("earliest"), cleaned.get("latest")
        if earliest and latest and latest <= earliest:
            self.add_error("latest", _("It would end before it begins."))
        return cleaned

    @property
    def choice(self) -> Choice:
        """What was chosen, once it is valid."""
        said = self.cleaned_data
        return Choice(
            days=tuple(sorted(dt.date.fromisoformat(day) for day in said["days"])),
            earliest=said["earliest"],
            latest=said["latest"],
            moves_all=said["which"] == "all",
            moves_booked=said["moves_booked"],
            step=int(said["step"]),
            weights=Weights(*(int(said[name]) for name in ("wishes", "rooms", "themes", "gaps"))),
        )


class WishForm(PlainTextMixin, forms.Form):
    """Everything may be left empty: then nothing is wished."""

    days = _days_field(_("Days that suit"), required=False)
    earliest = ClockField(label=_("Not before"), required=False)
    latest = ClockField(label=_("Over by"), required=False)
    room = forms.ModelChoiceField(label=_("Room"), queryset=Room.objects.none(), required=False)

    def __init__(self, *args: Any, days: Sequence[dt.date], rooms: Any, wish: Any, **kwargs: Any) -> None:
        if isinstance(wish, SlotWish):
            kwargs["initial"] = {
                "days": wish.days,
                "earliest": wish.earliest,
                "latest": wish.latest,
                "room": wish.room_id,
            }
        super().__init__(*args, **kwargs)
        self.fields["days"].choices = _by_day(days)  # type: ignore[attr-defined]
        self.fields["room"].queryset = rooms  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        earliest, latest = cleaned.get("earliest"), cleaned.get("latest")
        if earliest and latest and latest <= earliest:
            self.add_error("latest", _("It would end before it begins."))
        return cleaned
