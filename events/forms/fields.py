"""Pieces of forms that hosts and organisers share: plain text, times as people type them."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from stdnum.fr.siren import compact
from stdnum.fr.siret import is_valid as is_siret
from stdnum.fr.siret import to_siren

from events.models.company import check_siren

# Marks that turn the reading direction of what follows (Unicode TR 9, 36): a name must not rewrite its
# neighbours.
TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}

TYPED_TIME = re.compile(r"^\s*(\d{1,2})\s*(?:[:h.]\s*(\d{2})?)?\s*(?:min)?\s*$", re.IGNORECASE)


def refuse_invisible(text: str) -> None:
    """Raises ``ValidationError`` on control characters other than line breaks and tabs, and on marks of
    direction.
    """
    for sign in text:
        hidden = unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\r\t"
        if hidden or ord(sign) in TURNS:
            raise ValidationError(_("This text holds an invisible character: type it again here."))


def refuse_lines(text: str) -> None:
    """Raises ``ValidationError`` on a line break where one line is expected."""
    if any(sign in text for sign in "\n\r\t\u2028\u2029\x85"):
        raise ValidationError(_("This goes on one line."))


def web_address(url: str, *, private: bool) -> str:
    """What can be seen of an address that the site is to call; where it leads is looked at each time.

    ``private``: ``http`` will do as well. Raises ``ValidationError``.
    """
    try:
        parts = urlsplit(url)
        is_odd = parts.port == 0 or not parts.hostname
    except ValueError:
        is_odd = True
    if is_odd:
        raise ValidationError(_("This address cannot be called: please check each sign."), code="invalid")
    if parts.scheme != "https" and not private:
        raise ValidationError(_("The address must begin with https://."), code="https")
    return parts._replace(fragment="").geturl()


class SirenField(forms.CharField):
    """A company's number with or without spaces; of the fourteen digits of a SIRET, the first nine."""

    def to_python(self, value: Any) -> str:
        number = compact(super().to_python(value) or "")
        number = to_siren(number) if is_siret(number) else number
        if number:
            check_siren(number)
        return number


class PlainTextMixin(forms.BaseForm):
    """A form whose texts hold no invisible characters, and no line breaks outside text areas."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            is_text = isinstance(field, forms.CharField) and not isinstance(field, forms.UUIDField)
            if is_text and refuse_invisible not in field.validators:
                field.validators.append(refuse_invisible)
                if not isinstance(field.widget, forms.Textarea):
                    field.validators.append(refuse_lines)


class ClockField(forms.TimeField):
    """A time of day, from the browser's own control or as it is said: 9:30, 9h30, « 9 h », 14 h 05."""

    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    def to_python(self, value: Any) -> dt.time | None:
        if isinstance(value, str) and (found := TYPED_TIME.match(value.replace("\u00a0", " "))):
            hours, minutes = int(found[1]), int(found[2] or 0)
            if hours < 24 and minutes < 60:
                return dt.time(hours, minutes)
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class DayField(forms.DateField):
    """A day from the browser's own control, or as it is written in French."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    input_formats = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"]
