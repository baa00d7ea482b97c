"""A short list of codes in one column, asked with ``field__has="mi"`` on both engines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.lookups import PatternLookup
from django.utils.translation import gettext_lazy as _


class CodesField(models.CharField):
    """A list of short codes kept as ``|fr|en|`` and read as ``["fr", "en"]``; order kept, doubles dropped."""

    def __init__(self, *args: Any, codes: Iterable[tuple[str, Any]] = (), **kwargs: Any) -> None:
        self.codes = list(codes)
        kwargs.setdefault("max_length", 120)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", list)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> list[str]:
        return self.to_python(value)

    def to_python(self, value: Any) -> list[str]:
        if not value:
            return []
        if isinstance(value, str):
            value = [part for part in value.replace(",", "|").split("|") if part]
        return list(dict.fromkeys(str(part) for part in value))

    def get_prep_value(self, value: Any) -> str:
        parts = self.to_python(value)
        return f"|{'|'.join(parts)}|" if parts else ""

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj))

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        known = {code for code, _label in self.codes}
        unknown = [code for code in self.to_python(value) if known and code not in known]
        if unknown:
            raise ValidationError(_("Unknown code: %(code)s"), code="invalid", params={"code": unknown[0]})

    def run_validators(self, value: Any) -> None:
        super().run_validators(self.get_prep_value(value))

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs

    def formfield(self, **kwargs: Any) -> Any:
        return forms.MultipleChoiceField(
            choices=self.codes,
            required=False,
            label=self.verbose_name,
            help_text=self.help_text,
            widget=forms.CheckboxSelectMultiple,
        )


@CodesField.register_lookup
class Has(PatternLookup):
    """``access__has="mi"``: the list holds this code."""

    lookup_name = "has"
    prepare_rhs = False

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        return str(connection.operators["contains"] % rhs)

    def process_rhs(self, qn: Any, connection: Any) -> Any:
        rhs, _params = super().process_rhs(qn, connection)
        return rhs, [f"%|{connection.ops.prep_for_like_query(str(self.rhs))}|%"]
