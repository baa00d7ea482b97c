"""What may be wrong with an event that comes in, and what is worth knowing of it: codes and facts.

They are worded when they are shown, so that who reads them later reads them in their own language.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from events.refusals import Reason
from events.wording import say_day, say_time


class Fault(TextChoices):
    """Names are kept with what was read: a text may be put better, a name stays."""

    # Of a file.
    EMPTY_FILE = "empty_file", _("the file is empty.")
    FILE_TOO_LARGE = "file_too_large", _("the file is larger than 50 MB: split it.")
    NOT_UTF8_NOR_CP1252 = (
        "not_utf8_nor_cp1252",
        _("an unreadable character: save the whole file in UTF-8, or the whole file in cp1252."),
    )
    NOT_UTF8 = "not_utf8", _("an unreadable character: save the whole file in UTF-8.")
    IS_UTF16 = "is_utf16", _("the file is in UTF-16: save it as CSV in UTF-8.")
    NUL = "nul", _("a NUL character stands in the text.")
    CONTROL_SIGN = "control_sign", _("an invisible control character stands in the text (U+%(code)04X).")
    CELL_TOO_LONG = "cell_too_long", _("a cell is far too long.")
    QUOTE_LEFT_OPEN = "quote_left_open", _("a quotation mark is opened and never closed.")
    QUOTES_IN_DISORDER = (
        "quotes_in_disorder",
        _("quotation marks are not in order: inside quoted text, double them."),
    )
    NO_EVENT = "no_event", _("no event follows the line of titles.")
    COLUMN_TWICE = "column_twice", _("the column “%(column)s” is there twice.")
    COLUMNS_MISSING = "columns_missing", _("columns missing: %(columns)s. The first line names the columns.")
    COLUMN_NOT_READ = "column_not_read", _("the column “%(column)s” is not read.")
    TOO_MANY_CELLS = (
        "too_many_cells",
        _("%(found)d cells for %(expected)d columns: quote a text that holds the separator."),
    )
    IN_A_COLUMN = "in_a_column", _("column “%(column)s”: %(text)s")
    COLUMN_TOO_LONG = "column_too_long", _("column “%(column)s”: %(length)d characters, %(most)d at most.")
    COLUMN_EMPTY = "column_empty", _("column “%(column)s” is empty.")
    NOT_JSON = "not_json", _("this is not JSON we can read.")
    NOT_JSON_FROM = "not_json_from", _("this is not JSON from column %(column)d on.")
    NO_LIST = "no_list", _("a list of events is expected, or {“events”: […]}.")
    EMPTY_LIST = "empty_list", _("the list of events is empty.")
    # Of what an event says.
    EVENT_NO_OBJECT = "event_no_object", _("an event is expected to be an object.")
    NO_OBJECT = "no_object", _("“%(field)s” is expected to be an object.")
    NO_TEXT = "no_text", _("“%(field)s” is expected to be a text.")
    FIELD_MISSING = "field_missing", _("“%(field)s” is missing.")
    FIELD_TOO_LONG = "field_too_long", _("“%(field)s” has %(length)d characters, %(most)d at most.")
    NO_SUCH_ZONE = "no_such_zone", _("the time zone “%(zone)s” is unknown.")
    NO_POSITION = "no_position", _("“%(field)s” is not a position.")
    NO_ACCESS_CODE = "no_access_code", _("“accessibility” holds another code than hi, vi, pi, mi, ii.")
    NO_AGE = "no_age", _("“%(field)s” is not an age.")
    NO_PLACES_FIELD = "no_places_field", _("“%(field)s” is not a number of places.")
    NO_PLACES_TEXT = "no_places_text", _("“%(text)s” is not a number of places.")
    NO_PLACES_NUMBER = "no_places_number", _("%(places)d is not a number of places.")
    NO_DATE = "no_date", _("“%(text)s” is not a date: write 31/12/2026 or 2026-12-31.")
    NOT_IN_CALENDAR = "not_in_calendar", _("%(text)s is not in the calendar.")
    YEAR_TOO_FAR = "year_too_far", _("the year %(year)d is too far away.")
    NO_TIME = "no_time", _("“%(text)s” is not a time: write 18h30 or 18:30.")
    NO_INSTANT = "no_instant", _("“%(text)s” is not a time we can read: write 2027-06-10T14:00:00+02:00.")
    ONE_OFFSET = "one_offset", _("“begin” and “end” must both have an offset, or none.")
    NO_LENGTH = "no_length", _("“%(text)s” is not a length: write the minutes, 90, or 1h30.")
    LASTS_TOO_LONG = (
        "lasts_too_long",
        _("it would last %(minutes)d minutes: from 5 minutes to one day can be shown."),
    )
    ENDS_BEFORE = "ends_before", _("it ends at %(end)s, before it starts at %(start)s.")
    TWO_LENGTHS = "two_lengths", _("the length says %(length)d minutes, the times say %(until)d.")
    NO_MODE = (
        "no_mode",
        _("“%(text)s” is not a way to come: entrée libre, sur inscription or tirage au sort."),
    )
    NO_AUDIENCE = (
        "no_audience",
        _("“%(text)s” is not an audience: tout public, familles, scolaires, étudiants or professionnels."),
    )
    NO_LANGUAGE = "no_language", _("“%(text)s” is not a language we know: %(known)s.")
    NO_ACCESSIBILITY = "no_accessibility", _("“%(text)s” is not an accessibility code: %(known)s.")
    ROOM_WITHOUT_VENUE = "room_without_venue", _("a room is named without its venue (column “lieu”).")
    TOO_MANY_TIMES = "too_many_times", _("more than %(most)d times for one event.")
    EVENT_TWICE = "event_twice", _("the identifier “%(identifier)s” is already that of event %(number)d.")
    OTHER_EVENT = (
        "other_event",
        _("the identifier “%(identifier)s” is already that of line %(line)d, another event."),
    )
    SAME_TIME_TWICE = "same_time_twice", _("the same event at the same time is already on line %(line)d.")
    # Of what is there already.
    OTHER_TERRITORY = "other_territory", _("“%(commune)s” lies in another territory.")
    VISIT_ELSEWHERE = (
        "visit_elsewhere",
        _("the identifier “%(identifier)s” is that of a visit in another territory."),
    )
    WAY_FIXED = "way_fixed", _("people are already registered: how they come can't be changed.")
    TIME_SKIPPED = "time_skipped", _("clocks in %(territory)s skip %(time)s on %(day)s (summer time begins).")
    TIME_SHOWN_TWICE = (
        "time_shown_twice",
        _("clocks in %(territory)s show %(time)s twice on %(day)s (winter time begins)."),
    )
    PLACES_TAKEN = (
        "places_taken",
        _("%(taken)d places are already taken: the number of places can't be lower."),
    )
    IN_THE_WAY = "in_the_way", _("%(reason)s In the way: %(names)s.")
    WHO_IS_WHERE = "who_is_where", _("%(reason)s Who is where: %(names)s.")
    # Worth knowing, no fault.
    FORMAT_OTHER = "format_other", _("the format “%(text)s” is kept as “other”.")
    REFUSED_THERE = "refused_there", _("refused by its agenda: rejected here, not public.")
    TITLE_CUT = "title_cut", _("the title is long: it was cut, and stands whole in the text.")
    NEW_TERRITORY = "new_territory", _("new territory: %(territory)s (%(zone)s).")
    NEW_COMMUNE = "new_commune", _("new commune: %(commune)s, in the territory %(territory)s.")
    WITHDRAWN_HERE = "withdrawn_here", _("the slot of %(slot)s was withdrawn on the site and stays so.")
    SLOT_KEPT = (
        "slot_kept",
        _(
            "the slot of %(slot)s is no longer in the file, but people are registered: it was kept. "
            "Withdraw it on the site."
        ),
    )
    EVENT_KEPT = (
        "event_kept",
        _(
            "“%(title)s” is no longer there, but people are registered for %(slot)s: it was kept. "
            "Withdraw it on the site."
        ),
    )
    # What speaks for itself.
    REFUSED = "refused", "%(reason)s"
    FOUND = "found", "%(reason)s %(sentence)s"
    AS_WRITTEN = "as_written", "%(text)s"

    def of(self, **facts: Any) -> Said:
        """With what the sentence names. Days and times are kept as ISO 8601."""
        return Said(self, {name: _kept(fact) for name, fact in facts.items()})


@dataclass(frozen=True, slots=True)
class Said:
    """A fault and its facts, as JSON can keep them; ``str`` words it in the active language.

    Read by their names: ``day``, ``time`` and ``slot`` (both), ``reason`` (of a refusal), ``sentence`` (one
    for each language); a fact may itself be something said.
    """

    fault: Fault
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        facts = {name: _shown(name, fact) for name, fact in self.facts.items()}
        return str(self.fault.label) % facts

    @property
    def kept(self) -> dict[str, Any]:
        return {"fault": self.fault.value, "facts": dict(self.facts)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Said:
        return cls(Fault(kept["fault"]), kept["facts"])


def in_each_language(say: Callable[[], str]) -> dict[str, str]:
    """A sentence that only those who have just looked can word, for whoever will read it."""
    said = {}
    for code, _name in settings.LANGUAGES:
        with override(code):
            said[code] = say()
    return said


def _kept(fact: Any) -> Any:
    if isinstance(fact, Said):
        return fact.kept
    return fact.isoformat() if isinstance(fact, (dt.date, dt.time)) else fact


def _shown(name: str, fact: Any) -> Any:
    if name in _WORDED:
        return _WORDED[name](fact)
    return str(Said.read(fact)) if isinstance(fact, dict) else fact


def _say_slot(kept: str) -> str:
    at = dt.datetime.fromisoformat(kept)
    return f"{say_day(at.date())}, {say_time(at.time())}"


_WORDED: dict[str, Callable[[Any], str]] = {
    "day": lambda kept: say_day(dt.date.fromisoformat(kept)),
    "time": lambda kept: say_time(dt.time.fromisoformat(kept)),
    "slot": _say_slot,
    "reason": lambda kept: str(Reason(kept).label),
    "sentence": lambda kept: kept.get(get_language()) or kept[settings.LANGUAGE_CODE],
}
