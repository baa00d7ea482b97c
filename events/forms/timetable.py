"""What is typed at the timetable: where and when a slot goes, and how a release is called."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from events.forms.fields import ClockField, DayField, PlainTextMixin
from events.models import Room
from events.scheduling.repeat import LONGEST, SHORTEST


class RoomOfVenue(forms.ModelChoiceField):
    """Rooms by their venue."""

    def label_from_instance(self, room: Room) -> str:
        return f"{room.name}, {room.venue.name}"


class PlacementForm(forms.Form):
    """A room (none: back to the tray) and a time on the local clock; ``fold`` where the clock shows it twice.

    ``seen`` is the state of the placement that was on the page.
    """

    room = RoomOfVenue(Room.objects.none(), label=_("Room"), required=False, empty_label=_("No room yet"))
    day = DayField(label=_("Day"))
    start = ClockField(label=_("Begins at"))
    duration = forms.IntegerField(label=_("Duration in minutes"), min_value=SHORTEST, max_value=LONGEST)
    fold = forms.TypedChoiceField(
        label=_("Which of the two"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", ""), (0, _("The first, in summer time")), (1, _("The second, in winter time"))],
    )
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, rooms: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["room"].queryset = rooms  # type: ignore[attr-defined]

    def ask_which(self) -> None:
        """The clock shows this time twice: one has to say."""
        self.fields["fold"].required = True
        self.add_error("fold", _("That time exists twice on that day: say which one."))


class ReleaseForm(PlainTextMixin, forms.Form):
    """``fingerprint`` stands for what was read; ``reason`` goes to the visitors of what is cancelled."""

    name = forms.CharField(
        label=_("Name of this version"),
        max_length=80,
        required=False,
        help_text=_("For example “Rooms of June”. Without one it gets a number."),
    )
    note = forms.CharField(
        label=_("A word to the public"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Shown above the list of changes."),
    )
    reason = forms.CharField(
        label=_("Why visits will not take place"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It goes into the mail as it is written."),
    )
    fingerprint = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, cancels: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if cancels:
            self.fields["reason"].required = True
        else:
            del self.fields["reason"]
