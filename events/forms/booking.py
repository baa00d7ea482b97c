"""What a visitor types: an address, a number of places, a name where the host asks."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from events.forms.fields import PlainTextMixin
from events.registration.terms import Terms
from events.wording import say_number


class AddressField(forms.EmailField):
    """An e-mail address, in lower case; what is wrong with it is said in words that help."""

    widget = forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"})
    default_error_messages = {
        "required": _("Please give your e-mail address."),
        "at": _("The sign @ is missing from the address."),
        "end": _("The end of the address is missing, for example “.fr”."),
        "invalid": _("This address cannot receive e-mail: please check each sign."),
    }
    # Django's validator has one sentence for all faults; `validate` says which.
    default_validators: list[Any] = []

    def __init__(self, **kwargs: Any) -> None:
        options: dict[str, Any] = {"label": _("Your e-mail address"), "max_length": 254}
        super().__init__(**options | kwargs)

    def clean(self, value: Any) -> str:
        return str(super().clean(value)).lower()

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not value:
            return
        local, at, domain = value.rpartition("@")
        if not at or not local:
            raise ValidationError(self.error_messages["at"], code="at")
        if "." not in domain.strip("."):
            raise ValidationError(self.error_messages["end"], code="end")
        try:
            validate_email(value)
        except ValidationError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


OUT_OF_DATE = _("This page had grown old. What you typed is still here: send it again.")


MOST_SLOTS = 20
LARGEST_KEY = 2**63 - 1


class SlotsField(forms.Field):
    """Boxes to tick, one for each slot; numbers that are no slot are for the rule to leave out."""

    widget = forms.CheckboxSelectMultiple
    default_error_messages = {"invalid": _("Please choose among the times shown.")}

    def to_python(self, value: Any) -> list[int]:
        try:
            keys = sorted({int(key) for key in value or ()})
        except (TypeError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if len(keys) > MOST_SLOTS or any(not 0 < key <= LARGEST_KEY for key in keys):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return keys


class BookingForm(PlainTextMixin, forms.Form):
    """``wait`` is the button « wait for places »: join the list if there is not enough room; ``any_of`` the
    other slots one would wait for as well. ``anyway`` is the button of who has read a warning.
    """

    email = AddressField(help_text=_("For your ticket, a reminder the day before, and nothing else."))
    party_size = forms.IntegerField(
        label=_("Number of places"), min_value=1, error_messages={"invalid": _("Please give a number.")}
    )
    name = forms.CharField(
        label=_("A name for the welcome"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        help_text=_(
            "A first name is enough. The host asks for it for the door list; it is erased 30 days later."
        ),
        error_messages={"required": _("The host asks for a name: a first name is enough.")},
    )
    submission_id = forms.UUIDField(
        widget=forms.HiddenInput, error_messages={"required": OUT_OF_DATE, "invalid": OUT_OF_DATE}
    )
    any_of = SlotsField(label=_("Wait for a place at one of these times too"), required=False)
    wait = forms.CharField(required=False, widget=forms.HiddenInput)
    anyway = forms.CharField(required=False, widget=forms.HiddenInput)
    access = forms.BooleanField(
        label=_("Somebody in my party needs an adapted access"),
        required=False,
        help_text=_("Places are kept for it. The tick is erased 30 days after the visit."),
    )
    group = forms.BooleanField(label=_("I come with a group (a class, an association)"), required=False)
    most_is_checked = True

    def __init__(self, *args: Any, terms: Terms, **kwargs: Any) -> None:
        self.terms = terms
        self.base_fields = _prepared(  # type: ignore[misc]  # a form of its own, its fields shared
            type(self),
            terms.asks_name,
            terms.most_places,
            bool(terms.access_left),
            terms.group_left,
            get_language(),
        )
        super().__init__(*args, **kwargs)
        # The one field that is this form's own: the times to tick are not the same for all.
        self.fields["any_of"] = copy.deepcopy(self.fields["any_of"])

    def offer_to_wait(self, choices: list[tuple[int, str]]) -> None:
        """The other times to tick."""
        self.fields["any_of"].widget.choices = choices

    @property
    def most_at_all(self) -> int:
        return max(self.terms.most_places, self.terms.group_left)

    @property
    def pool(self) -> str:
        """The reserve asked for: that of groups for more than one person may hold, else access first."""
        wants = [kind for kind in ("access", "group") if self.cleaned_data.get(kind)]
        if len(wants) == 2 and self.cleaned_data["party_size"] > self.terms.most_places:
            return "group"
        return wants[0] if wants else ""

    def clean_party_size(self) -> int:
        size: int = self.cleaned_data["party_size"]
        most = self.terms.most_places
        if self.cleaned_data.get("group"):
            most = self.most_at_all
            if size > most:
                raise ValidationError(
                    _("At most %(most)s places for a group in this slot."), params={"most": say_number(most)}
                )
        if self.most_is_checked and size > most:
            raise ValidationError(
                _("At most %(most)s places per person in one slot."), params={"most": say_number(most)}
            )
        return size

    def leave_limit_to_the_rule(self) -> None:
        """For the API, where too many places are a refusal of the rule and not a fault of the field."""
        self.most_is_checked = False

    @property
    def wish(self) -> dict[str, Any]:
        """What the rule takes of it."""
        data = self.cleaned_data
        return {
            "email": data["email"],
            "party_size": data["party_size"],
            "name": data.get("name", ""),
            "submission_id": data["submission_id"],
            "wait": bool(data["wait"]),
            "any_of": data["any_of"] if data["wait"] else [],
            **({"pool": self.pool} if self.pool else {}),
        }

    @property
    def typed_submission_id(self) -> uuid.UUID:
        """The submission as it came, to be sent again unchanged; a new one where there was none."""
        return read_submission(self.data) or uuid.uuid4()


class Shared(dict[str, forms.Field]):
    """Fields that nobody changes any more: a form takes them as they are instead of copying each of them,
    which took a twentieth of a booking's time.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        return Shared(self)


@lru_cache(maxsize=1000)
def _prepared(
    form: type[BookingForm],
    asks_name: bool,
    most_places: int,
    has_access: bool,
    group_left: int,
    language: str | None,
) -> Shared:
    """The fields for such terms, in one language; the two ticks each where places are kept for it."""
    fields = copy.deepcopy(form.base_fields)
    size = fields["party_size"]
    size.max_value = most_places  # type: ignore[attr-defined]
    size.widget.attrs.update({"inputmode": "numeric", "min": 1, "max": max(most_places, group_left)})
    said = _("From 1 to %(most)s, you included.") if most_places > 1 else _("One place per person.")
    size.help_text = said % {"most": say_number(most_places)} if most_places > 1 else str(said)
    said = _("Up to %(number)s places together.")
    fields["group"].help_text = said % {"number": say_number(group_left)}
    if not asks_name:
        del fields["name"]
    if not has_access:
        del fields["access"]
    if not group_left:
        del fields["group"]
        return Shared(fields)
    # Read before the number of places.
    first = {name: fields[name] for name in ("email", "group")}
    return Shared(first | {name: field for name, field in fields.items() if name not in first})


def read_submission(data: Mapping[str, Any]) -> uuid.UUID | None:
    """The submission a form came with, before the form is looked at."""
    try:
        return uuid.UUID(str(data.get("submission_id", "")))
    except ValueError:
        return None


class LinkForm(PlainTextMixin, forms.Form):
    """« Send me my link again »."""

    email = AddressField()


class NewAddressForm(PlainTextMixin, forms.Form):
    """Where the link to one's visits goes from now on."""

    email = AddressField(label=_("Your new e-mail address"))

    def __init__(self, *args: Any, present: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.present = present

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email == self.present:
            raise ValidationError(_("This is the address your visits have now."))
        return email


class MoveForm(forms.Form):
    """The slot to move to."""

    to = forms.IntegerField(
        min_value=1, max_value=LARGEST_KEY, error_messages={"required": _("Please choose a time.")}
    )


class GiveBackForm(forms.Form):
    """How many places; empty gives all back. ``everywhere``: leave all the lists of the same request."""

    places = forms.IntegerField(label=_("Number of places"), required=False, min_value=1)
    everywhere = forms.BooleanField(required=False)

    def __init__(self, *args: Any, party_size: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.party_size = party_size

    def clean_places(self) -> int | None:
        places: int | None = self.cleaned_data["places"]
        if places is not None and places > self.party_size:
            raise ValidationError(
                _("You hold %(number)s places."), params={"number": say_number(self.party_size)}
            )
        return places


class DayForm(PlainTextMixin, forms.Form):
    """A whole day at once: one address for all its slots, a name where a host of it asks for one."""

    email = AddressField(help_text=_("For your tickets, a reminder the day before, and nothing else."))
    name = forms.CharField(
        label=_("A name for the welcome"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        help_text=_(
            "A first name is enough. The host asks for it for the door list; it is erased 30 days later."
        ),
        error_messages={"required": _("The host asks for a name: a first name is enough.")},
    )
    slots = SlotsField(widget=forms.MultipleHiddenInput)
    party_size = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    submission_id = forms.UUIDField(
        widget=forms.HiddenInput, error_messages={"required": OUT_OF_DATE, "invalid": OUT_OF_DATE}
    )

    def __init__(self, *args: Any, asks_name: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asks_name:
            del self.fields["name"]
