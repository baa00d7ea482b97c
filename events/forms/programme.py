"""The filter that reads as a sentence: what each of its selects offers, and the question said in words.

A GET form of native selects. Nothing is validated here: ``events.programme.Filters`` has already left out
what it did not understand, so a sentence always stands for a question that can be asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from events.models import Access, Audience, Format, Language, Mode, Theme
from events.programme import DROP_IN_ONLY, MOMENTS, Amount, Choice, Facets, Filters
from events.wording import french_in, language, say_day, say_distance, say_number


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    """``name`` is the parameter, ``label`` is read by a screen reader, ``stop`` is the sign that follows."""

    name: str
    label: str
    options: list[Option]
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    selects: list[Select]
    refinements: list[Select]
    filters: Filters

    def __iter__(self) -> Iterator[Select]:
        return iter(self.selects)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the sentence itself does not say and must carry along, as hidden fields of the first form."""
        said = {select.name for select in self.selects}
        return [
            (name, value)
            for name, value in self.filters.parameters()
            if name not in said and not (name == "mode" and self.filters.mode == "drop_in")
        ]

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the form of refinements carries along: the sentence."""
        said = {select.name for select in self.refinements} | {"q", "acces"}
        return [(name, value) for name, value in self.filters.parameters() if name not in said]


def sentence_of(filters: Filters, facets: Facets) -> Sentence:
    """« Je cherche toutes les visites partout en France, tous les jours, à toute heure, complet compris. »"""
    return Sentence(
        selects=[
            Select("format", _("What"), _formats(filters, facets)),
            Select("ville", _("City"), _places(filters, facets)),
            Select("jour", _("Day"), _days(filters, facets), ","),
            Select("moment", _("Time of day"), _moments(filters), ","),
            Select("places", _("Places"), _amounts(filters), "."),
        ],
        refinements=[
            Select("langue", _("Language"), _codes(filters.language, Language.choices, _("any"))),
            Select(
                "acces",
                _("Access"),
                _codes(filters.access[0] if filters.access else "", _access(), _("any access")),
            ),
            Select("public", _("For whom"), _codes(filters.audience, Audience.choices, _("anybody"))),
            Select("mode", _("Entry"), _codes(filters.mode, Mode.choices, _("in any way"))),
            Select("thematique", _("Theme"), _codes(filters.theme, Theme.choices, _("every theme"))),
            Select(
                "operation",
                _("Programme of events"),
                _codes(
                    filters.programme,
                    [(choice.code, choice.name) for choice in facets.programmes],
                    _("every programme"),
                ),
            ),
        ],
        filters=filters,
    )


def _options(pairs: Iterable[tuple[str, str]], chosen: str) -> list[Option]:
    return [Option(value, label, value == chosen) for value, label in pairs]


def _codes(chosen: str, choices: Iterable[tuple[str, object]], nothing: str) -> list[Option]:
    return _options([("", nothing), *((code, str(label)) for code, label in choices)], chosen)


def looked_for() -> dict[str, str]:
    """The formats as what one looks for: « des visites guidées », « un job dating »."""
    what = "what I look for"
    return {
        "": pgettext(what, "all visits"),
        Format.OPEN_HOUSE: pgettext(what, "open houses"),
        Format.GUIDED_TOUR: pgettext(what, "guided tours"),
        Format.DEMO: pgettext(what, "demonstrations"),
        Format.WORKSHOP: pgettext(what, "workshops"),
        Format.TALK: pgettext(what, "talks"),
        Format.PITCH: pgettext(what, "pitches"),
        Format.MEETUP: pgettext(what, "meet-ups"),
        Format.NETWORKING_DRINKS: pgettext(what, "networking drinks"),
        Format.BREAKFAST: pgettext(what, "a breakfast"),
        Format.JOB_DATING: pgettext(what, "a job dating"),
        Format.OTHER: pgettext(what, "something else"),
    }


def _formats(filters: Filters, facets: Facets) -> list[Option]:
    offered = {"", filters.format, *facets.formats}
    return _options(
        [(code, label) for code, label in looked_for().items() if code in offered], filters.format
    )


def _places(filters: Filters, facets: Facets) -> list[Option]:
    pairs = [("", _("all over France"))]
    pairs += [(choice.code, say_in(choice.name)) for choice in facets.territories]
    if filters.place and not facets.territory(filters.place):
        pairs.append((filters.place, say_place(filters, facets)))
    return _options(pairs, filters.place)


def _days(filters: Filters, facets: Facets) -> list[Option]:
    days = sorted({*facets.days, *([filters.day] if filters.day else [])})
    pairs = [("", _every_day(len(facets.days)))] + [(day.isoformat(), say_day(day)) for day in days]
    return _options(pairs, filters.day.isoformat() if filters.day else "")


def _every_day(number: int) -> str:
    if number == 2:
        return _("both days")
    if number == 3:
        return _("all three days")
    return _("every day")


def moments() -> dict[str, str]:
    """« le matin », « en soirée »."""
    return {
        "": _("at any time"),
        "matin": _("in the morning"),
        "midi": _("at midday"),
        "apres-midi": _("in the afternoon"),
        "soir": _("in the evening"),
    }


def _moments(filters: Filters) -> list[Option]:
    known = ["", *MOMENTS]
    return _options([(code, label) for code, label in moments().items() if code in known], filters.moment)


def _amounts(filters: Filters) -> list[Option]:
    chosen = DROP_IN_ONLY if filters.mode == "drop_in" else str(filters.places or "")
    pairs = [("", _("full ones too")), ("1", _("with places left"))]
    most = sorted({2, 3, 4, filters.places} - {0, 1})
    pairs += [
        (str(n), ngettext("with %(n)s place", "with %(n)s places", n) % {"n": say_number(n)}) for n in most
    ]
    pairs.append((DROP_IN_ONLY, _("drop-in only")))
    return _options(pairs, chosen)


def _access() -> list[tuple[str, str]]:
    return [(str(code), str(label)) for code, label in Access.choices]


# The question in words -----------------------------------------------------------------------------


def say_in(name: str) -> str:
    """« à Toulouse », « au Havre », « en Guadeloupe »; ``in Toulouse``."""
    return french_in(name) if language() == "fr" else f"in {name}"


def say_place(filters: Filters, facets: Facets) -> str:
    """Where one looks: a territory by its name, a commune by the words typed."""
    if not filters.place:
        return _("all over France")
    choice = facets.territory(filters.place)
    return say_in(choice.name if choice else filters.place.replace("-", " ").title())


def say_area(filters: Filters) -> str:
    """« à moins de 2 km du point choisi », « sur la carte choisie »; empty for anywhere."""
    if filters.near:
        away = say_distance(filters.near.kilometres * 1000)
        return _("less than %(distance)s from the point chosen") % {"distance": away}
    return _("in the part of the map chosen") if filters.within else ""


def say_question(filters: Filters, facets: Facets) -> str:
    """« jeudi 10 juin l’après-midi à Toulouse et Labège »: what is filtered, for the line of the count."""
    parts = [
        say_day(filters.day) if filters.day else "",
        moments()[filters.moment] if filters.moment else "",
        say_place(filters, facets) if filters.place else "",
        say_area(filters),
        f"« {filters.query} »" if filters.query and language() == "fr" else "",
        f"“{filters.query}”" if filters.query and language() == "en" else "",
    ]
    return " ".join(part for part in parts if part)


def say_count(amount: Amount) -> str:
    """« 12 créneaux, 79 places libres »."""
    slots = ngettext("%(n)s slot", "%(n)s slots", amount.slots) % {"n": say_number(amount.slots)}
    if not amount.places:
        return slots
    places = ngettext("%(n)s place left", "%(n)s places left", amount.places) % {
        "n": say_number(amount.places)
    }
    return f"{slots}, {places}"


def next_day(filters: Filters, facets: Facets) -> dt.date | None:
    """The following day that has something, when one day is looked at."""
    return next((day for day in facets.days if filters.day and day > filters.day), None)


def previous_day(filters: Filters, facets: Facets) -> dt.date | None:
    return next((day for day in reversed(facets.days) if filters.day and day < filters.day), None)


__all__ = [
    "Choice",
    "Option",
    "Select",
    "Sentence",
    "looked_for",
    "moments",
    "next_day",
    "previous_day",
    "say_count",
    "say_in",
    "say_place",
    "say_question",
    "sentence_of",
]
