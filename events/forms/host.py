"""What hosts type, made clean. The views hand it to the rules."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from events.forms.fields import ClockField, DayField, PlainTextMixin, SirenField
from events.forms.pictures import PictureField
from events.hosting import TEXTS
from events.models import Activity, Company, Festival, Host, Mode, Programme, Slot, Territory, Theme, Venue
from events.scheduling.repeat import LONGEST, SHORTEST, PlannedSlot, repetition
from events.wording import say_day

MOST_SLOTS_AT_ONCE = 200
MOST_PLACES = 5000


def open_editions(today: dt.date) -> QuerySet[Festival]:
    """Editions that take proposals: published and not over."""
    return Festival.objects.published().filter(ends_on__gte=today).order_by("starts_on", "pk")


# The host ---------------------------------------------------------------------------------------------------


class NewHostForm(PlainTextMixin, forms.ModelForm):
    """The least one needs to open a door; the rest waits in the profile."""

    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https", max_length=200)
    logo = PictureField(label=_("Logo"), required=False, help_text=_("JPEG, PNG or WebP, 4 MB at most."))

    class Meta:
        model = Host
        fields: ClassVar = ["name", "territory", "city", "tagline_fr", "website"]
        labels: ClassVar = {
            "name": _("Name of your organisation"),
            "territory": _("Territory"),
            "city": _("Town"),
            "tagline_fr": _("What you do, in one sentence"),
        }
        help_texts: ClassVar = {"territory": _("Its team reads what you propose and finds rooms.")}

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taking_part = Territory.objects.filter(festivals__in=open_editions(today).values("pk")).distinct()
        territory: Any = self.fields["territory"]
        territory.queryset = taking_part if taking_part.exists() else Territory.objects.all()
        territory.empty_label = _("Choose a territory")
        self.fields["city"].required = True

    @property
    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "logo"}


class ProfileForm(PlainTextMixin, forms.ModelForm):
    """Everything a host says of itself. The territory stays: its organisers have the activities in hand."""

    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https", max_length=200)
    siren = SirenField(
        label=_("SIREN number"),
        required=False,
        max_length=20,
        help_text=_("Nine digits, if you have one. For the organisers alone, never shown."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    new_logo = PictureField(label=_("Logo"), required=False, help_text=_("JPEG, PNG or WebP, 4 MB at most."))
    drop_logo = forms.BooleanField(label=_("Take the logo away"), required=False)

    class Meta:
        model = Host
        fields: ClassVar = [
            *("name", "city", "theme", "tagline_fr", "tagline_en", "description_fr", "description_en"),
            *("website", "contact_email"),
        ]
        labels: ClassVar = {
            "name": _("Name of your organisation"),
            "city": _("Town"),
            "tagline_fr": _("What you do, in one sentence"),
            "tagline_en": _("The same in English"),
            "description_fr": _("Presentation in French"),
            "description_en": _("Presentation in English"),
        }
        help_texts: ClassVar = {
            "contact_email": _("For the organisers alone, never shown."),
            "description_fr": _("Blank lines make paragraphs; a line that starts with a dash makes a list."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["city"].required = True
        theme: Any = self.fields["theme"]
        theme.choices = [("", _("No theme in particular")), *Theme.choices]
        company = Company.objects.filter(host=self.instance).first()
        self.fields["siren"].initial = company and company.siren
        if not self.instance.logo:
            del self.fields["drop_logo"]

    @property
    def values(self) -> dict[str, Any]:
        beside = ("siren", "new_logo", "drop_logo")
        return {name: value for name, value in self.cleaned_data.items() if name not in beside}


class InviteForm(PlainTextMixin, forms.Form):
    email = forms.EmailField(label=_("E-mail address"), max_length=254)


# An activity ------------------------------------------------------------------------------------------------


class _WordsForm(PlainTextMixin, forms.ModelForm):
    """What both forms of an activity ask in the same words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["languages"].label = _("Languages spoken")
        self.fields["access"].label = _("Accessible to people with")
        self.fields["access"].help_text = _("Tick only what is true of the visit and of the way in.")
        self.fields["description_fr"].required = True
        self.fields["minimum_age"].widget.attrs.update(min=1, max=18)
        theme: Any = self.fields["theme"]
        theme.choices = [("", _("No theme in particular")), *Theme.choices]

    def clean_minimum_age(self) -> int | None:
        age: int | None = self.cleaned_data.get("minimum_age")
        if age is not None and not 1 <= age <= 18:
            raise ValidationError(_("An age between 1 and 18, or nothing."))
        return age


class ActivityForm(_WordsForm):
    """Format, texts, audience, access, how people come and where: everything but the times."""

    use_required_attribute = False  # what is asked hangs on another answer

    where = forms.ChoiceField(
        label=_("In what place"),
        choices=[
            ("own", _("At our own place")),
            ("venue", _("In a venue of the territory")),
            ("find", _("Let the organisers find a room")),
        ],
        widget=forms.RadioSelect,
    )
    own_address = forms.CharField(
        label=_("Your address"),
        max_length=200,
        error_messages={"required": _("Give the address where people should come.")},
    )
    own_postcode = forms.CharField(
        label=_("Postcode"),
        max_length=5,
        required=False,
        validators=[RegexValidator(r"^\d{5}$", _("Five digits."))],
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "postal-code"}),
    )

    class Meta:
        model = Activity
        fields: ClassVar = [
            *("festival", "programme", "format", "theme", "title_fr", "title_en"),
            *("description_fr", "description_en", "audience", "minimum_age", "languages", "access"),
            *("mode", "ask_name", "venue", "meeting_point", "room_needs"),
        ]
        labels: ClassVar = {
            "festival": _("Edition"),
            "programme": _("Operation"),
            "title_fr": _("Title in French"),
            "title_en": _("Title in English"),
            "description_fr": _("What visitors will see and do"),
            "description_en": _("The same in English"),
            "mode": _("How people come"),
            "venue": _("Venue"),
            "room_needs": _("What the room needs"),
        }
        help_texts: ClassVar = {
            "title_fr": _("What one would tell a friend: “In the workshop of a gardening robot”."),
            "description_fr": _("Blank lines make paragraphs; a line that starts with a dash makes a list."),
            "ask_name": _("Ask only if somebody needs it at the door."),
            "meeting_point": _("For example: the green door in the yard, ring twice."),
            "room_needs": _("For example: a screen, fifteen chairs, two sockets."),
            "minimum_age": _("Empty: no limit."),
            "venue": "",
        }
        widgets: ClassVar = {"mode": forms.RadioSelect, "format": forms.Select}

    def __init__(self, *args: Any, host: Host, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host = host
        self._offer_editions(today)
        self._offer_places()
        self._offer_modes()
        if self.instance.pk is None:
            self.initial.setdefault("languages", ["fr"])

    def _offer_modes(self) -> None:
        """What the organisers draw stays drawn; how its places go is theirs to change."""
        mode: Any = self.fields["mode"]
        mode.choices = Mode.choices
        if self.instance.pk is None or self.instance.ballot is None:
            mode.help_text = _(
                "A ballot suits what far more people want than can come. The organisers put your activity "
                "into one: it says when entries open and when places are drawn."
            )
            return
        mode.choices = [choice for choice in Mode.choices if choice[0] == self.instance.mode]
        mode.help_text = _(
            "Part of the ballot “%(name)s”. To leave it, ask the organisers before it opens."
        ) % {"name": self.instance.ballot.name}

    def _offer_editions(self, today: dt.date) -> None:
        editions = open_editions(today).filter(territories=self.host.territory_id)
        if self.instance.pk is not None:
            # The edition of an activity stays: its slots, its room and its moderation belong to it.
            del self.fields["festival"]
            self.editions = [self.instance.festival]
        else:
            self.editions = list(editions)
            festival: Any = self.fields["festival"]
            festival.queryset = editions
            festival.empty_label = None
            if len(self.editions) == 1:
                festival.widget = forms.HiddenInput()
            if self.editions:
                self.initial.setdefault("festival", self.editions[-1].pk)
        programmes = Programme.objects.filter(festival__in=[edition.pk for edition in self.editions])
        programme: Any = self.fields["programme"]
        programme.queryset = programmes
        programme.empty_label = _("None in particular")
        if not programmes.exists():
            del self.fields["programme"]

    def _offer_places(self) -> None:
        known = Venue.objects.filter(territory=self.host.territory_id).exclude(
            external_id__startswith="host:"
        )
        venue: Any = self.fields["venue"]
        venue.queryset = known.select_related("commune", "territory")
        venue.empty_label = _("Choose a venue")
        venue.required = True
        venue.error_messages["required"] = _("Choose the venue.")
        venue.label_from_instance = lambda place: f"{place.name}, {place.city}"
        own = Venue.objects.filter(
            territory=self.host.territory_id, external_id=f"host:{self.host.pk}"
        ).last()
        if own is not None:
            self.initial.setdefault("own_address", own.address)
            self.initial.setdefault("own_postcode", own.postcode)
        at = self.instance.venue if self.instance.pk is not None else None
        if at is not None and at.external_id.startswith("host:"):
            self.initial["where"] = "own"
            self.initial.update(own_address=at.address, own_postcode=at.postcode, venue=None)
        elif at is not None:
            self.initial["where"] = "venue"
        elif self.instance.pk is not None:
            self.initial["where"] = "find"
        else:
            self.initial.setdefault("where", "own")

    def full_clean(self) -> None:
        """The address is asked of who receives at home, the venue of who goes to one; both look asked."""
        asked = {"own_address": "own", "venue": "venue"}
        where = self.data.get(self.add_prefix("where"))
        for name, answer in asked.items():
            self.fields[name].required = where == answer
        super().full_clean()
        for name in asked:
            self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        programme, festival = (
            typed.get("programme"),
            typed.get("festival") or (self.instance.festival_id and self.instance.festival),
        )
        if programme and festival and programme.festival_id != festival.pk:
            self.add_error("programme", _("This operation belongs to another edition."))
        return typed

    @property
    def values(self) -> dict[str, Any]:
        """Fields of ``Activity``; the own place is made by the rule the view calls first."""
        ours = ("where", "own_address", "own_postcode", "venue")
        values = {name: value for name, value in self.cleaned_data.items() if name not in ours}
        if self.cleaned_data["where"] == "venue":
            values["venue"] = self.cleaned_data["venue"]
        elif self.cleaned_data["where"] == "find":
            values["venue"] = None
        return values


class TextsForm(_WordsForm):
    """What may change once an activity is published: its words, not where and how people come."""

    class Meta:
        model = Activity
        fields: ClassVar = list(TEXTS)
        labels = ActivityForm.Meta.labels
        help_texts = ActivityForm.Meta.help_texts

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


# Slots ------------------------------------------------------------------------------------------------------


class DayChoice(forms.TypedMultipleChoiceField):
    """Days of an edition to tick."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(coerce=dt.date.fromisoformat, **kwargs)


class SlotsForm(forms.Form):
    """One slot or many: days, a first start, how long, how many people, and perhaps « every … until … »."""

    days = DayChoice(label=_("Which days"))
    first = ClockField(label=_("From"))
    last = ClockField(label=_("until"), required=False)
    every = forms.IntegerField(
        label=_("a visit every (minutes)"), required=False, min_value=SHORTEST, max_value=LONGEST
    )
    duration = forms.IntegerField(
        label=_("A visit lasts (minutes)"), min_value=SHORTEST, max_value=LONGEST, initial=45
    )
    capacity = forms.IntegerField(
        label=_("Places in each slot"), required=False, min_value=1, max_value=MOST_PLACES, initial=12
    )
    fold = forms.TypedChoiceField(
        label=_("Clocks go back that night: which time is meant?"),
        required=False,
        choices=[
            ("", _("Say which")),
            ("0", _("The first, before the change")),
            ("1", _("The second, after it")),
        ],
        coerce=int,
        empty_value=None,
    )

    def __init__(self, *args: Any, activity: Activity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.activity = activity
        days: Any = self.fields["days"]
        days.choices = [(day.isoformat(), say_day(day)) for day in activity.festival.days]
        if activity.mode == Mode.FIRST_COME:
            self.fields["capacity"].required = True
        else:
            self.fields["capacity"].label = _("Places at a time")
            self.fields["capacity"].initial = None
            self.fields["capacity"].help_text = _("Empty: no limit.")

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        first, last, every = typed.get("first"), typed.get("last"), typed.get("every")
        duration = typed.get("duration")
        if last is not None and every is None and "every" not in self.errors:
            typed["every"] = every = duration
        if every is not None and last is None and "last" not in self.errors:
            self.add_error("last", _("Say until when to repeat."))
        if first is None or duration is None or self.errors:
            return typed
        slots = self._planned(typed)
        if not slots:
            self.add_error("last", _("No visit of that length fits between these hours."))
        if len(slots) > MOST_SLOTS_AT_ONCE:
            self.add_error(
                "every", _("That makes %(number)s slots: 200 at most at a time.") % {"number": len(slots)}
            )
        return typed

    def _planned(self, typed: dict[str, Any]) -> list[PlannedSlot]:
        return repetition(
            days=typed["days"],
            first=typed["first"],
            last=typed.get("last"),
            every=typed.get("every") or typed["duration"],
            duration=typed["duration"],
            timezone=self.activity.territory.timezone,
            fold=typed.get("fold"),
        )

    @property
    def planned(self) -> list[PlannedSlot]:
        return self._planned(self.cleaned_data)


class SlotForm(forms.Form):
    """One slot's time."""

    day = DayField(label=_("Day"))
    start_time = ClockField(label=_("Starts at"))
    duration = forms.IntegerField(label=_("Minutes"), min_value=SHORTEST, max_value=LONGEST)
    fold = SlotsForm.base_fields["fold"]

    def __init__(self, *args: Any, slot: Slot, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "day": slot.day,
            "start_time": slot.start_time,
            "duration": slot.duration,
            **kwargs.get("initial", {}),
        }
        super().__init__(*args, **kwargs)
        self.festival = slot.activity.festival
        self.fields["day"].widget.attrs.update(
            min=self.festival.starts_on.isoformat(), max=self.festival.ends_on.isoformat()
        )

    def clean_day(self) -> dt.date:
        day: dt.date = self.cleaned_data["day"]
        if not self.festival.starts_on <= day <= self.festival.ends_on:
            raise ValidationError(_("That day is not one of the festival’s."))
        return day


class CapacityForm(forms.Form):
    """How many people one slot takes."""

    capacity = forms.IntegerField(label=_("Places"), required=False, min_value=1, max_value=MOST_PLACES)

    def __init__(self, *args: Any, slot: Slot, **kwargs: Any) -> None:
        kwargs["initial"] = {"capacity": slot.capacity}
        super().__init__(*args, **kwargs)
        if slot.mode == Mode.FIRST_COME:
            self.fields["capacity"].required = True
        else:
            self.fields["capacity"].help_text = _("Empty: no limit.")


class ReasonForm(PlainTextMixin, forms.Form):
    """Why something is withdrawn, as the people concerned will read it."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It is sent to everybody concerned."),
    )
