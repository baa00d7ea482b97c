"""The filter that reads as a sentence: what each of its selects offers, and the question said in words.

A GET form of native selects. Nothing is validated here: ``events.programme.Filters`` has already left out
what it did not understand, so a sentence always stands for a question that can be asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from events.models import Access, Audience, Format, Language, Mode, Theme
from events.programme import (
    DROP_IN_ONLY,
    FORMER_PLACE,
    MOMENTS,
    RADII_KM,
    Amount,
    Choice,
    Counts,
    Facets,
    Filters,
)
from events.wording import french_in, language, say_day, say_distance, say_number


@dataclass(frozen=True, slots=True)
class Option:
    """``slots`` is what it would find, None where nobody has counted."""

    value: str
    label: str
    selected: bool = False
    slots: int | None = None


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
    needs: list[Option]
    """Access codes, of which several may be asked for."""
    filters: Filters

    def __iter__(self) -> Iterator[Select]:
        return iter(self.selects)

    @property
    def said(self) -> str:
        """« toutes les visites à Nantes, le matin »: what and where, then what else has been chosen."""
        chosen = [next((one for one in select.options if one.selected), None) for select in self.selects]
        what_and_where = [one.label for one in chosen[:2] if one]
        return ", ".join([" ".join(what_and_where), *(one.label for one in chosen[2:] if one and one.value)])

    @property
    def refined(self) -> int:
        """How many things are asked in the form of refinements."""
        said = {select.name for select in self.refinements} | {"q", "acces"}
        return sum(name in said for name, _value in self._beside)

    @property
    def details(self) -> str:
        """« et 2 précisions »: how much is asked that the sentence itself does not say."""
        n = len(self._beside)
        said = ngettext("and %(n)s detail", "and %(n)s details", n) % {"n": say_number(n)}
        return said if n else ""

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the sentence itself does not say and must carry along, as hidden fields of the first form.

        With a part of the map goes the place it was chosen in: another place leaves it behind.
        """
        kept = self._beside
        if self.filters.near or self.filters.within:
            kept.append((FORMER_PLACE, self.filters.place))
        return kept

    @property
    def _beside(self) -> list[tuple[str, str]]:
        """What is asked that the sentence does not say."""
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


def sentence_of(filters: Filters, facets: Facets, counts: Counts | None = None) -> Sentence:
    """« Je cherche toutes les visites partout en France, tous les jours, à toute heure, complet compris. »

    With ``counts`` each choice but the chosen one tells what it would find, and those that would find nothing
    are left out.
    """
    beside = _Beside(counts)
    programmes = [(choice.code, choice.name) for choice in facets.programmes]
    refinements = [
        Select("thematique", _("Theme"), beside("theme", Theme.choices, filters.theme, _("every theme"))),
        Select("langue", _("Language"), beside("language", Language.choices, filters.language, _("any"))),
        Select("public", _("For whom"), beside("audience", Audience.choices, filters.audience, _("anybody"))),
        Select("mode", _("Entry"), beside("mode", Mode.choices, filters.mode, _("in any way"))),
        Select(
            "operation",
            _("Programme of events"),
            beside("programme", programmes, filters.programme, _("every programme")),
        ),
    ]
    if filters.near:
        refinements.append(Select("autour", _("Around the point"), _radii(filters, beside)))
    return Sentence(
        selects=[
            Select("format", _("What"), _formats(filters, facets, beside)),
            Select("ville", _("City"), _places(filters, facets, beside)),
            Select("jour", _("Day"), _days(filters, facets, beside), ","),
            Select("moment", _("Time of day"), _moments(filters, beside), ","),
            Select("places", _("Places"), _amounts(filters, beside), "."),
        ],
        refinements=refinements,
        needs=[option for option in beside("access", _access(), filters.access, "") if option.value],
        filters=filters,
    )


class _Beside:
    """Makes choices into options, with what each would find beside its name where that is known."""

    def __init__(self, counts: Counts | None) -> None:
        self.counts = counts

    def __call__(
        self,
        field: str,
        pairs: Iterable[tuple[str, object]],
        chosen: str | tuple[str, ...],
        nothing: str | None = None,
    ) -> list[Option]:
        taken = {chosen} if isinstance(chosen, str) else set(chosen)
        first = [Option("", nothing, "" in taken)] if nothing is not None else []
        slots = self.counts.of(field) if self.counts else None
        options = []
        for code, label in pairs:
            found = slots.get(code, 0) if slots is not None and code else None
            if code in taken or found is None:
                options.append(Option(code, str(label), code in taken, found))
            elif found:
                options.append(Option(code, f"{label} ({say_number(found)})", slots=found))
        return [*first, *options]


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


def _formats(filters: Filters, facets: Facets, beside: _Beside) -> list[Option]:
    offered = {"", filters.format, *facets.formats}
    pairs = [(code, label) for code, label in looked_for().items() if code in offered]
    return beside("format", pairs, filters.format)


def _places(filters: Filters, facets: Facets, beside: _Beside) -> list[Option]:
    pairs = [("", _everywhere(filters))]
    pairs += [(choice.code, say_in(choice.name)) for choice in facets.territories]
    if filters.place and not facets.territory(filters.place):
        pairs.append((filters.place, say_place(filters, facets)))
    return beside("place", pairs, filters.place)


def _everywhere(filters: Filters) -> str:
    """Where one looks without a city: around a point, in a part of the map, or anywhere."""
    if filters.near:
        return _("around the point chosen")
    return _("in the part of the map chosen") if filters.within else _("all over France")


def _days(filters: Filters, facets: Facets, beside: _Beside) -> list[Option]:
    days = sorted({*facets.days, *([filters.day] if filters.day else [])})
    pairs = [("", _every_day(len(facets.days)))] + [(day.isoformat(), say_day(day)) for day in days]
    return beside("day", pairs, filters.day.isoformat() if filters.day else "")


def _radii(filters: Filters, beside: _Beside) -> list[Option]:
    """Circles around the point looked at; without it, anywhere."""
    near = filters.near
    if near is None:
        return []
    pairs = [
        (str(replace(near, kilometres=km)), _("within %(distance)s") % {"distance": say_distance(km * 1000)})
        for km in sorted({*RADII_KM, near.kilometres})
    ]
    return beside("near", pairs, str(near), _("anywhere"))


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


def _moments(filters: Filters, beside: _Beside) -> list[Option]:
    pairs = [(code, label) for code, label in moments().items() if not code or code in MOMENTS]
    return beside("moment", pairs, filters.moment)


def _amounts(filters: Filters, beside: _Beside) -> list[Option]:
    chosen = DROP_IN_ONLY if filters.mode == "drop_in" else str(filters.places or "")
    pairs = [("", _("full ones too")), ("1", _("with places left"))]
    most = sorted({2, 3, 4, filters.places} - {0, 1})
    pairs += [
        (str(n), ngettext("with %(n)s place", "with %(n)s places", n) % {"n": say_number(n)}) for n in most
    ]
    return [*beside("places", pairs, chosen), *_drop_in_only(filters, chosen, beside)]


def _drop_in_only(filters: Filters, chosen: str, beside: _Beside) -> list[Option]:
    option = beside("mode", [("drop_in", _("drop-in only"))], filters.mode)
    return [replace(one, value=DROP_IN_ONLY, selected=chosen == DROP_IN_ONLY) for one in option]


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
