"""A file of events, CSV or JSON by what it begins with."""

from __future__ import annotations

from .entries import Problem, Reading
from .faults import Fault
from .openagenda import read_openagenda
from .programme_csv import read_csv

BIGGEST = 50 * 1024 * 1024


def read_programme(data: bytes) -> Reading:
    """What a file says, with every problem told by line or by event. Never raises on what it holds."""
    if len(data) > BIGGEST:
        return Reading(problems=[Problem(1, Fault.FILE_TOO_LARGE.of())])
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return read_openagenda(data) if start in (b"{", b"[") else read_csv(data)
