"""Taking part in a draw: an address, a party, wishes in their order; and the organisers' form of a ballot."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from events.calendar import venue_of
from events.clock import NoSuchTime, instant, on_the_wall
from events.forms.booking import OUT_OF_DATE, AddressField
from events.forms.fields import ClockField, DayField, PlainTextMixin
from events.models import Activity, Ballot, Slot
from events.refusals import Reason
from events.wording import say_day, say_number, say_ordinal, say_times

MOST_SELECTS = 10


def say_slot(slot: Slot) -> str:
    """« Jeudi 10 juin, 14 h – 14 h 45, La Cantine »."""
    venue = venue_of(slot)
    said = f"{say_day(slot.day)}, {say_times(slot.local_start, slot.local_end)}"
    said = f"{said}, {venue.name}" if venue else said
    return said[:1].upper() + said[1:]


class WishesForm(PlainTextMixin, forms.Form):
    """A party and ranked wishes; ``slots`` are what can be won, in the order of time."""

    party_size = forms.IntegerField(
        label=_("Number of places"), min_value=1, error_messages={"invalid": _("Please give a number.")}
    )
    name = forms.CharField(
        label=_("A name for the welcome"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        help_text=_("A first name is enough. Some hosts ask for it; it is erased 30 days after the visit."),
    )

    def __init__(self, *args: Any, ballot: Ballot, slots: Sequence[Slot], most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.most = most
        self.slots = {slot.pk: slot for slot in slots}
        size = self.fields["party_size"]
        size.max_value = most  # type: ignore[attr-defined]
        size.widget.attrs.update({"inputmode": "numeric", "min": 1, "max": most})
        said = _("From 1 to %(most)s, you included: all get a place, or nobody.") if most > 1 else ""
        size.help_text = str(said) % {"most": say_number(most)} if said else str(_("One place per person."))
        if not any(slot.activity.ask_name for slot in slots):
            del self.fields["name"]
        choices = _choices(slots)
        self.wish_names = [
            f"wish_{n}" for n in range(1, min(ballot.most_wishes, len(slots), MOST_SELECTS) + 1)
        ]
        for number, field in enumerate(self.wish_names, 1):
            self.fields[field] = forms.TypedChoiceField(
                label=_("%(rank)s choice") % {"rank": say_ordinal(number)},
                choices=[("", _("None")), *choices],
                required=number == 1,
                error_messages={"required": Reason.NO_WISH.label},
                coerce=int,
                empty_value=None,
            )

    @property
    def wish_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.wish_names]

    def clean_party_size(self) -> int:
        size: int = self.cleaned_data["party_size"]
        if size > self.most:
            raise ValidationError(
                _("At most %(most)s places in this ballot."), params={"most": say_number(self.most)}
            )
        return size

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        seen: set[int] = set()
        for field in self.wish_names:
            wish = cleaned.get(field)
            if wish in seen:
                self.add_error(field, _("You chose this one above already."))
            elif wish is not None:
                seen.add(wish)
        asked = any(self.slots[wish].activity.ask_name for wish in seen)
        if asked and not cleaned.get("name") and "name" not in self.errors:
            self.add_error("name", _("The host asks for a name: a first name is enough."))
        return cleaned

    @property
    def wishes(self) -> list[int]:
        found = [self.cleaned_data[field] for field in self.wish_names]
        return [wish for wish in found if wish is not None]


class EntryForm(WishesForm):
    email = AddressField(help_text=_("For the confirmation and the outcome, and nothing else."))
    submission_id = forms.UUIDField(
        widget=forms.HiddenInput, error_messages={"required": OUT_OF_DATE, "invalid": OUT_OF_DATE}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["email", "party_size"])
        self.fields["submission_id"].validators.clear()  # it is no text any more when they look at it

    @property
    def typed_submission_id(self) -> uuid.UUID:
        """The submission as it came, to be sent again unchanged; a new one where there was none."""
        try:
            return uuid.UUID(str(self.data.get("submission_id", "")))
        except ValueError:
            return uuid.uuid4()


def _choices(slots: Sequence[Slot]) -> list[tuple[str, list[tuple[int, str]]]]:
    """Slots under their activity, for the groups of a select."""
    by_activity = sorted(slots, key=lambda slot: (slot.activity.title, slot.activity_id, slot.starts_at))
    return [
        (title, [(slot.pk, say_slot(slot)) for slot in group])
        for (title, _pk), group in itertools.groupby(
            by_activity, key=lambda slot: (slot.activity.title, slot.activity_id)
        )
    ]


# The organisers' --------------------------------------------------------------------------------------------


class BallotForm(PlainTextMixin, forms.Form):
    """Names, two moments on the clock of the territory, and how much one person may wish for and win."""

    name_fr = forms.CharField(label=_("Name in French"), max_length=120)
    name_en = forms.CharField(label=_("Name in English"), max_length=120, required=False)
    opens_day = DayField(label=_("Entries open on"))
    opens_time = ClockField(label=_("At"))
    closes_day = DayField(label=_("Entries close on"), help_text=_("The draw follows within minutes."))
    closes_time = ClockField(label=_("At"))
    most_wins = forms.IntegerField(label=_("Visits one person can win"), min_value=1, max_value=10)
    most_wishes = forms.IntegerField(
        label=_("Wishes one person can rank"), min_value=1, max_value=MOST_SELECTS
    )
    most_places = forms.IntegerField(label=_("People in a party, at most"), min_value=1, max_value=4)

    def __init__(self, *args: Any, zone: str, ballot: Ballot | None, **kwargs: Any) -> None:
        self.zone = zone
        known: dict[str, Any] = {"most_wins": 1, "most_wishes": 5, "most_places": 4}
        if ballot is not None:
            opens, closes = on_the_wall(ballot.opens_at, zone), on_the_wall(ballot.closes_at, zone)
            known = {name: getattr(ballot, name) for name in ("name_fr", "name_en", *known)}
            known |= {"opens_day": opens.date(), "opens_time": opens.time()}
            known |= {"closes_day": closes.date(), "closes_time": closes.time()}
        super().__init__(*args, initial=known, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for end in ("opens", "closes"):
            day, time = cleaned.get(f"{end}_day"), cleaned.get(f"{end}_time")
            if day is not None and time is not None:
                cleaned[f"{end}_at"] = self._instant(f"{end}_time", day, time)
        opens, closes = cleaned.get("opens_at"), cleaned.get("closes_at")
        if opens and closes and closes <= opens:
            self.add_error("closes_day", _("It closes after it opens."))
        return cleaned

    def _instant(self, name: str, day: dt.date, time: dt.time) -> dt.datetime | None:
        try:
            return instant(day, time, self.zone, fold=0)
        except (NoSuchTime, OverflowError):
            self.add_error(name, Reason.NO_SUCH_TIME.label)
            return None

    @property
    def values(self) -> dict[str, Any]:
        kept = ("name_fr", "name_en", "opens_at", "closes_at", "most_wins", "most_wishes", "most_places")
        return {name: self.cleaned_data[name] for name in kept}


class AttachForm(forms.Form):
    activities = forms.ModelMultipleChoiceField(
        Activity.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=_("Activities")
    )

    def __init__(self, *args: Any, activities: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["activities"]
        field.queryset = activities
        field.label_from_instance = lambda one: f"{one.title}, {one.host.name}"
