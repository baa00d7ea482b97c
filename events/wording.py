"""How dates, times, numbers and places are said, in French first and in English.

Pure functions: no database, no clock, no request. Times are given as they are on the wall (``events.clock``):
whoever calls has already put them in the slot's zone. French follows the rules of the Imprimerie nationale:
``14 h 30``, ``1er juin``, no-break spaces (U+00A0; the site's faces lack the narrow one, U+202F).
``lang`` is a language code; without it, the active language speaks.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

NB = "\u00a0"

_DAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_SHORT_DAYS = {
    "fr": ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_AND = {"fr": "et", "en": "and"}

# How far a straight line is from a street, and how fast one walks (metres per minute: 4.8 km/h).
DETOUR = 1.3
METRES_PER_MINUTE = 80
WALKABLE_METRES = 3000
RIDE_METRES_PER_MINUTE = 500
"""30 km/h from door to door: what nobody beats in a town, for ways too long to walk."""
EARTH_RADIUS_METRES = 6_371_000

Position = tuple[float, float]
"""Latitude and longitude in degrees (WGS 84)."""


def language(lang: str | None = None) -> str:
    """``fr`` or ``en``: the site's two languages; anything else reads French."""
    return "en" if (lang or get_language() or "fr").lower().startswith("en") else "fr"


# Hours -----------------------------------------------------------------------------------------------------


def say_time(at: dt.time | dt.datetime, lang: str | None = None) -> str:
    """« 14 h 30 », « 9 h », « minuit »; ``14:30``, ``09:00``, ``midnight``."""
    if language(lang) == "en":
        return "midnight" if (at.hour, at.minute) == (0, 0) else f"{at.hour:02d}:{at.minute:02d}"
    if (at.hour, at.minute) == (0, 0):
        return "minuit"
    return f"{at.hour}{NB}h{NB}{at.minute:02d}" if at.minute else f"{at.hour}{NB}h"


def say_times(start: dt.datetime, end: dt.datetime, lang: str | None = None) -> str:
    """« 14 h – 14 h 45 ». Over more than a night, each end carries its day."""
    if end - start < dt.timedelta(hours=18) or end.date() == start.date():
        return f"{say_time(start, lang)} – {say_time(end, lang)}"
    return f"{say_moment(start, lang)} – {say_moment(end, lang)}"


def say_span(start: dt.datetime, end: dt.datetime, lang: str | None = None) -> str:
    """« jeudi 10 juin, 19 h – 19 h 45 »; over more than a night « 10 juin à 19 h – 12 juin à 9 h »."""
    if end - start < dt.timedelta(hours=18) or end.date() == start.date():
        return f"{say_day(start.date(), lang)}, {say_times(start, end, lang)}"
    return say_times(start, end, lang)


def hour_html(at: dt.time | dt.datetime, lang: str | None = None) -> SafeString:
    """The numerals of the gutter and the ticket: digits heavy, the h light. « 14 <i>h</i> 30 »."""
    if language(lang) == "en":
        return format_html("{}<i>:{}</i>", at.hour, f"{at.minute:02d}")
    if at.minute:
        return format_html("{}{}<i>h</i>{}{}", at.hour, NB, NB, f"{at.minute:02d}")
    return format_html("{}{}<i>h</i>", at.hour, NB)


def say_duration(minutes: int, lang: str | None = None) -> str:
    """« 45 min », « 1 h », « 2 h 15 »; ``2 h 15 min``. Raises ``ValueError`` below zero."""
    if minutes < 0:
        raise ValueError("A duration is not negative.")
    hours, rest = divmod(int(minutes), 60)
    if not hours:
        return f"{rest}{NB}min"
    if not rest:
        return f"{hours}{NB}h"
    return f"{hours}{NB}h{NB}{rest:02d}" if language(lang) == "fr" else f"{hours}{NB}h{NB}{rest}{NB}min"


# Days ------------------------------------------------------------------------------------------------------


def _number_of_day(day: dt.date, lang: str) -> str:
    return "1er" if lang == "fr" and day.day == 1 else str(day.day)


def with_capital(said: str) -> str:
    """« Jeudi 10 juin », "Friday 11 June": what follows the first letter stays as it is."""
    return said[:1].upper() + said[1:]


def say_day(
    day: dt.date, lang: str | None = None, *, weekday: bool = True, year: bool = False, month: bool = True
) -> str:
    """« jeudi 10 juin », « mardi 1er juin 2027 »; ``Thursday 10 June``. Only the number is always said."""
    code = language(lang)
    words = [_number_of_day(day, code)]
    if weekday:
        words.insert(0, _DAYS[code][day.weekday()])
    if month:
        words.append(_MONTHS[code][day.month - 1])
    if year:
        words.append(str(day.year))
    return NB.join(words)


def say_short_day(day: dt.date, lang: str | None = None) -> str:
    """« jeu. 10 », ``Thu 10``: for tabs and narrow columns."""
    code = language(lang)
    return f"{_SHORT_DAYS[code][day.weekday()]}{NB}{_number_of_day(day, code)}"


def say_moment(at: dt.datetime, lang: str | None = None, *, weekday: bool = False, year: bool = False) -> str:
    """« 7 juin à 12 h », ``7 June at 12:00``."""
    day = say_day(at.date(), lang, weekday=weekday, year=year)
    return f"{day} {'at' if language(lang) == 'en' else 'à'}{NB}{say_time(at, lang)}"


def say_when(at: dt.datetime, today: dt.date, lang: str | None = None) -> str:
    """« hier à 17 h 20 », « aujourd’hui à 9 h », « le 3 juin à 9 h »: a moment beside ``today``."""
    code = language(lang)
    near = {
        "fr": {-1: "hier", 0: "aujourd’hui", 1: "demain"},
        "en": {-1: "yesterday", 0: "today", 1: "tomorrow"},
    }[code].get((at.date() - today).days)
    preposition = "à" if code == "fr" else "at"
    if near:
        return f"{near} {preposition}{NB}{say_time(at, code)}"
    said = say_moment(at, code, year=at.year != today.year)
    return f"le {said}" if code == "fr" else f"on {said}"


def say_list(items: Iterable[object], lang: str | None = None) -> str:
    """« 10, 11 et 12 », ``10, 11 and 12``."""
    words = [str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {_AND[language(lang)]} {words[-1]}"


def say_day_range(first: dt.date, last: dt.date, lang: str | None = None, *, year: bool = True) -> str:
    """« 10, 11 et 12 juin 2027 » up to three days, then « du 4 au 28 juin 2014 »; ``4 to 28 June 2014``.

    What both ends share is said once. Raises ``ValueError`` when the last day is before the first.
    """
    code = language(lang)
    span = (last - first).days
    if span < 0:
        raise ValueError("The last day comes before the first.")
    if span == 0:
        return say_day(first, code, weekday=False, year=year)
    same_year, same_month = first.year == last.year, (first.year, first.month) == (last.year, last.month)
    end = say_day(last, code, weekday=False, year=year)
    if span <= 2 and same_month:
        days = [_number_of_day(first + dt.timedelta(days=n), code) for n in range(span)]
        return f"{', '.join(days)} {_AND[code]}{NB}{end}"
    begin = say_day(first, code, weekday=False, month=not same_month, year=year and not same_year)
    return f"du{NB}{begin} au{NB}{end}" if code == "fr" else f"{begin} to {end}"


def say_days(days: Sequence[dt.date], lang: str | None = None, *, year: bool = True) -> str:
    """Days that need not follow each other: « 10 et 12 juin 2027 », « 31 mai et 2 juin 2027 »."""
    code = language(lang)
    ordered = sorted(set(days))
    if not ordered:
        return ""
    if (ordered[-1] - ordered[0]).days == len(ordered) - 1:
        return say_day_range(ordered[0], ordered[-1], code, year=year)
    last = ordered[-1]
    said = []
    for day, following in zip(ordered, [*ordered[1:], None], strict=True):
        closes_month = following is None or (following.year, following.month) != (day.year, day.month)
        shows_year = year and (
            day is last or (closes_month and following is not None and following.year != day.year)
        )
        said.append(say_day(day, code, weekday=False, month=closes_month, year=shows_year))
    return say_list(said, code)


# Numbers ---------------------------------------------------------------------------------------------------


def say_number(value: int | float | Decimal, lang: str | None = None, *, decimals: int = 0) -> str:
    """« 1 240 », « 82,5 »; ``1,240``, ``82.5``. Four digits are grouped too, as on the site's pages."""
    said = f"{value:,.{decimals}f}"
    if language(lang) == "en":
        return said
    return said.replace(",", NB).replace(".", ",")


def say_percent(ratio: float, lang: str | None = None, *, decimals: int = 0) -> str:
    """« 82 % » for 0.82; ``82%``."""
    said = say_number(ratio * 100, lang, decimals=decimals)
    return f"{said}%" if language(lang) == "en" else f"{said}{NB}%"


def say_ordinal(number: int, lang: str | None = None) -> str:
    """« 1er », « 2e »; ``1st``, ``2nd``, ``11th``."""
    if language(lang) == "fr":
        return f"{number}er" if number == 1 else f"{number}e"
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def say_distance(metres: float, lang: str | None = None) -> str:
    """« 850 m », « 3,2 km », « 200 km »: whole kilometres have no decimal."""
    if metres < 1000:
        return f"{round(metres / 10) * 10 or 10}{NB}m"
    kilometres = round(metres / 1000, 1)
    return f"{say_number(kilometres, lang, decimals=0 if kilometres.is_integer() else 1)}{NB}km"


# Walking ---------------------------------------------------------------------------------------------------


def metres_between(here: Position, there: Position) -> float:
    """Great-circle distance in metres (haversine formula)."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*here, *there))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(half))


def walking_minutes(here: Position, there: Position) -> int:
    """Minutes on foot: the straight line × 1.3 at 4.8 km/h, rounded up."""
    return math.ceil(round(metres_between(here, there) * DETOUR / METRES_PER_MINUTE, 6))


def say_walk(here: Position | None, there: Position | None, lang: str | None = None) -> str:
    """« 16 min à pied »; beyond 3 km « 5,2 km, prévoyez un transport »; empty when there is none."""
    if here is None or there is None:
        return ""
    metres = metres_between(here, there)
    english = language(lang) == "en"
    if metres > WALKABLE_METRES:
        return (
            f"{say_distance(metres, lang)}, {'plan some transport' if english else 'prévoyez un transport'}"
        )
    minutes = walking_minutes(here, there)
    if not minutes:
        return ""
    return f"{minutes}{NB}min {'on foot' if english else 'à pied'}"


def is_tight(here: Position | None, there: Position | None, minutes: int) -> bool:
    """Whether the way takes longer than ``minutes``: on foot, or by a ride where it is too long to walk.

    False where a position is unknown.
    """
    if here is None or there is None:
        return False
    metres = metres_between(here, there)
    if metres > WALKABLE_METRES:
        return metres / RIDE_METRES_PER_MINUTE > minutes
    return walking_minutes(here, there) > minutes


# Typography ------------------------------------------------------------------------------------------------

_ORDINAL = re.compile(r"\b(1er|\d+e)\b(?!-)")


def raise_ordinals(text: str) -> SafeString:
    """The same words as HTML, escaped, with « 1er » and « 2e » set as they should: ``1<sup>er</sup>``."""
    safe = str(format_html("{}", text))
    return mark_safe(_ORDINAL.sub(lambda found: _sup(found.group(1)), safe))


def _sup(ordinal: str) -> str:
    digits = ordinal.rstrip("er")
    return f"{digits}<sup>{ordinal[len(digits) :]}</sup>"


# Places ----------------------------------------------------------------------------------------------------

_LANDS = {
    *("Guadeloupe", "Martinique", "Guyane", "Nouvelle-Calédonie", "Polynésie française", "Corse", "Bretagne"),
    *("Normandie", "Occitanie", "Auvergne", "Alsace", "Lorraine", "Île-de-France", "Provence", "Vendée"),
}


def french_in(name: str) -> str:
    """« à Toulouse », « au Havre », « aux Sables-d’Olonne », « en Guadeloupe »."""
    if name in _LANDS:
        return f"en {name}"
    for article, contracted in (("Le ", "au "), ("Les ", "aux ")):
        if name.startswith(article):
            return contracted + name.removeprefix(article)
    return f"à {name}"
