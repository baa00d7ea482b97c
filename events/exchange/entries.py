"""What a file of events says, read and clean, before anything is written. No model, no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from .faults import Said

ASSUMED_MINUTES = 120
"""How long an event is taken to last when nobody says."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right; ``str`` words it in the reader's language. ``line`` counts from 1, events when
    ``of_event``; 0 stands for no line of the file."""

    line: int
    said: Said
    of_event: bool = False

    def __str__(self) -> str:
        if not self.line:
            return str(self.said)
        words = {"number": self.line, "text": self.said}
        if self.of_event:
            return _("Event %(number)d: %(text)s") % words
        return _("Line %(number)d: %(text)s") % words

    @property
    def kept(self) -> dict[str, Any]:
        """As JSON, to be worded later by who reads it."""
        return {"line": self.line, "of_event": self.of_event, **self.said.kept}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Problem:
        return cls(kept["line"], Said.read(kept), kept["of_event"])


@dataclass(frozen=True, slots=True)
class Timing:
    """One time on the wall clock of the place.

    :param minutes: how long it lasts, or None when nobody says.
    :param fold: which one, where the clock shows it twice: 0 the first, 1 the second, None unknown.
    :param at: the instant, where the file says it; then whatever clock the place has shows it.
    :param cancelled: why this one does not take place, or empty.
    :param room, capacity, opens_at: of this time alone, else those of the event; ``counts`` False: the file
        says nothing of its places.
    """

    line: int
    day: dt.date
    start: dt.time
    minutes: int | None = None
    fold: int | None = None
    at: dt.datetime | None = None
    cancelled: str = ""
    room: str = ""
    counts: bool = False
    capacity: int | None = None
    opens_at: dt.datetime | None = None


@dataclass(slots=True)
class Entry:
    """One event. An empty text or None means that the file does not say.

    :param state: of moderation: ``published``, ``ready``, ``submitted``, ``changes_requested``, ``rejected``.
    :param cancelled: why it does not take place, or empty.
    :param image_url, image_credit: where its picture stands and whose it is; empty: it has none, None: nobody
        says.
    :param announced: ``rescheduled``, ``moved_online``, ``postponed``, or empty; None when nobody says.
    """

    line: int
    identifier: str
    title: str
    host: str
    commune: str
    timings: list[Timing] = field(default_factory=list)
    of_event: bool = False
    title_en: str = ""
    description: str = ""
    description_en: str = ""
    format: str | None = None
    mode: str | None = None
    capacity: int | None = None
    languages: list[str] | None = None
    access: list[str] | None = None
    audience: str | None = None
    minimum_age: int | None = None
    venue: str = ""
    room: str = ""
    address: str = ""
    postcode: str = ""
    latitude: float | None = None
    longitude: float | None = None
    timezone: str = ""
    meeting_point: str = ""
    theme: str | None = None
    announced: str | None = None
    state: str = "published"
    cancelled: str = ""
    is_full: bool = False
    image_url: str | None = None
    image_credit: str | None = None

    def problem(self, said: Said, *, line: int | None = None) -> Problem:
        return Problem(line or self.line, said, of_event=self.of_event)


@dataclass(slots=True)
class Reading:
    """A file read: what it says, what is wrong with it, and what is worth knowing."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
