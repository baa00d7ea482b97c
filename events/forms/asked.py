"""What is asked, as things one can take back; and what one would find by asking for less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.folding import fold
from events.forms.programme import looked_for, moments, say_area, say_place
from events.models import Access, Audience, Language, Mode, Theme
from events.programme import Counts, Facets, Filters, Found, nearest_words
from events.wording import language, say_day, say_number

MOST_WAYS_OUT = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing asked: in words, and the question without it as a query string."""

    said: str
    without: str


def things_asked(filters: Filters, facets: Facets) -> list[Asked]:
    """Everything that is filtered, in the order of the form; each access need apart."""
    asked = [Asked(said, filters.query_string(**left)) for said, left in _asked(filters, facets)]
    return [one for one in asked if one.said]


def _asked(filters: Filters, facets: Facets) -> Iterator[tuple[str, dict[str, Any]]]:
    if filters.query:
        yield quoted(filters.query), {"query": ""}
    if filters.format:
        yield looked_for().get(filters.format, ""), {"format": ""}
    if filters.place:
        yield say_place(filters, facets), {"place": ""}
    if filters.near:
        yield say_area(replace(filters, within=None)), {"near": None}
    if filters.within:
        yield say_area(replace(filters, near=None)), {"within": None}
    if filters.day:
        yield say_day(filters.day), {"day": None}
    if filters.moment:
        yield moments()[filters.moment], {"moment": ""}
    for name, labels in (
        ("programme", {choice.code: choice.name for choice in facets.programmes}),
        ("theme", dict(Theme.choices)),
        ("language", dict(Language.choices)),
        ("audience", dict(Audience.choices)),
        ("mode", dict(Mode.choices)),
    ):
        code = getattr(filters, name)
        if code:
            yield str(labels.get(code, code)), {name: ""}
    needs = dict(Access.choices)
    for code in filters.access:
        yield str(needs[code]), {"access": tuple(other for other in filters.access if other != code)}
    if filters.places:
        said = ngettext("with %(n)s place left", "with %(n)s places left", filters.places)
        yield said % {"n": say_number(filters.places)}, {"places": 0}


def quoted(words: str) -> str:
    """« robot », “robot”."""
    return f"«\u00a0{words}\u00a0»" if language() == "fr" else f"“{words}”"


def ways_out(filters: Filters, counts: Counts) -> list[tuple[str, str]]:
    """For a question that finds nothing: what one thing less would find, the most first, then everything.

    Pairs of a query string and words; nothing when the programme itself is empty.
    """
    blank = Filters()
    out = []
    for way in counts.loosened()[:MOST_WAYS_OUT]:
        query = filters.query_string(**{way.field: getattr(blank, way.field)})
        out.append((query, f"{_slots(way.slots)} {_without()[way.field]}"))
    if any(not query for query, _said in out):
        return out
    everything = (counts.whole & counts.index.standing).bit_count()
    if everything:
        out.append(("", _("The whole programme: %(slots)s") % {"slots": _slots(everything)}))
    return out


def _slots(number: int) -> str:
    return ngettext("%(n)s slot", "%(n)s slots", number) % {"n": say_number(number)}


def _without() -> dict[str, str]:
    """How a question sounds without each of its parts, after « 14 créneaux »."""
    return {
        "query": _("without the words"),
        "place": _("all over France"),
        "day": _("if the day does not matter"),
        "moment": _("if the time of day does not matter"),
        "programme": _("in every programme of events"),
        "format": _("if the kind of visit does not matter"),
        "theme": _("on every theme"),
        "language": _("in every language"),
        "audience": _("for every audience"),
        "access": _("without the access needs"),
        "mode": _("if the entry does not matter"),
        "places": _("if full ones count too"),
        "near": _("further away"),
        "within": _("beyond this part of the map"),
    }


def meant_instead(filters: Filters, words: list[Found]) -> tuple[str, str] | None:
    """The question with the nearest words that exist: query string and words; None when there are none."""
    nearest = nearest_words(words)
    if not nearest:
        return None
    query = re.sub(r"[^\W_]+", lambda typed: nearest.get(fold(typed[0]), typed[0]), filters.query)
    return filters.query_string(query=query), query
