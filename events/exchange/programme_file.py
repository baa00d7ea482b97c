"""A file of events, CSV or JSON by what it begins with."""

from __future__ import annotations

from django.utils.translation import gettext as _

from .entries import Problem, Reading
from .openagenda import read_openagenda
from .programme_csv import read_csv

BIGGEST = 50 * 1024 * 1024


def read_programme(data: bytes) -> Reading:
    """What a file says, with every problem told by line or by event. Never raises on what it holds."""
    if len(data) > BIGGEST:
        return Reading(problems=[Problem(1, _("the file is larger than 50 MB: split it."))])
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return read_openagenda(data) if start in (b"{", b"[") else read_csv(data)
