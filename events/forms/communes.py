"""A commune and its official code."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from events.folding import fold
from events.models import Commune, Territory

from .fields import PlainTextMixin

# Code officiel géographique: departments 01 to 95 without 20, 2A and 2B; 971 to 978 and 984 to 989 overseas.
INSEE_CODE = re.compile(r"(?:0[1-9]|1\d|2[1-9AB]|[3-8]\d|9[0-5])\d{3}|97[1-8]\d{2}|98[4-9]\d{2}")


class CommuneForm(PlainTextMixin, forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    insee_code = forms.CharField(
        label=_("INSEE code"),
        max_length=10,
        required=False,
        help_text=_("Five signs, for example 31555, 2A004 or 97411. It is not the postcode."),
    )

    def __init__(
        self, *args: Any, territory: Territory, commune: Commune | None = None, **kwargs: Any
    ) -> None:
        if commune is not None:
            kwargs["initial"] = {"name": commune.name, "insee_code": commune.insee_code}
        super().__init__(*args, **kwargs)
        self.others = territory.communes.all()
        if commune is not None:
            self.others = self.others.exclude(pk=commune.pk)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        folded = fold(name)[:80]
        if not folded:
            raise ValidationError(_("Write the name of the commune."), code="invalid")
        if self.others.filter(folded_name=folded).exists():
            raise ValidationError(_("The territory already has a commune of that name."), code="unique")
        return name

    def clean_insee_code(self) -> str:
        code: str = self.cleaned_data["insee_code"].replace(" ", "").upper()
        if not code:
            return ""
        if not INSEE_CODE.fullmatch(code):
            raise ValidationError(_("An INSEE code has five signs: 31555, 2A004, 97411."), code="invalid")
        if known := self.others.filter(insee_code=code).first():
            raise ValidationError(_("%(commune)s has this code.") % {"commune": known}, code="unique")
        return code
