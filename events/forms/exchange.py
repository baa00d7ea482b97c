"""A programme's file at the organisers' desk: taken in, tried, and kept by the form until it is confirmed."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .fields import PlainTextMixin, web_address

BIGGEST = 1024 * 1024
"""Bytes of a file at the desk; a larger one is for ``import_programme``."""


class ProgrammeFileForm(forms.Form):
    """A file, or what an earlier answer kept of it. ``data_of_file`` is its bytes once it is valid."""

    file = forms.FileField(
        label=gettext_lazy("The file, CSV or OpenAgenda’s JSON"),
        error_messages={"required": gettext_lazy("Choose a file.")},
        widget=forms.FileInput(attrs={"accept": ".csv,.json,text/csv,application/json"}),
    )
    kept = forms.CharField(required=False, widget=forms.HiddenInput)
    allow_deletions = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].required = not self.data.get("kept")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = cleaned.get("file")
        if isinstance(given, UploadedFile):
            if given.size is None or given.size > BIGGEST:
                self.add_error("file", _("The file is larger than 1 MB: split it."))
            else:
                cleaned["data"] = given.read()
        elif cleaned.get("kept"):
            cleaned["data"] = unpacked(cleaned["kept"])
        if not cleaned.get("data") and not self.errors:
            self.add_error("file", _("Choose a file."))
        return cleaned


class AgendaForm(PlainTextMixin, forms.Form):
    """The address of an agenda's export."""

    url = forms.URLField(
        label=gettext_lazy("Address of the export"),
        max_length=500,
        assume_scheme="https",
        help_text=gettext_lazy(
            "Of OpenAgenda’s JSON, page by page or whole: "
            "https://openagenda.com/agendas/<number>/events.v2.json?size=300"
        ),
    )

    def clean_url(self) -> str:
        url = web_address(self.cleaned_data["url"], private=settings.AGENDA_ALLOW_PRIVATE)
        if "@" in urlsplit(url).netloc:
            raise ValidationError(
                _("An address with a user name or a password in it is not accepted."), code="userinfo"
            )
        return url


def packed(data: bytes) -> str:
    """A file as a field of a form keeps it."""
    return base64.b64encode(zlib.compress(data)).decode()


def unpacked(text: str) -> bytes:
    """The same file again; empty when the field holds something else."""
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), BIGGEST)
    except (binascii.Error, ValueError, zlib.error):
        return b""
