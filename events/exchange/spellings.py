"""How French organisers write dates, hours, lengths and words, and what each stands for.

Every reader takes a text already trimmed and raises ``Unreadable`` with what is wrong.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from events.folding import fold
from events.models import Access, Audience, Format, Language, Mode

from .faults import Fault, Said


class Unreadable(ValueError):
    """The text says nothing we know; ``str(error)`` is a sentence for the person who wrote it."""

    def __init__(self, said: Said) -> None:
        super().__init__(said)
        self.said = said


FRENCH_DATE = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$")
ISO_DATE = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})$")
TIME = re.compile(r"^(\d{1,2}) ?(?:h|:) ?(?:(\d{2})(?::\d{2})? ?(?:min|mn)?)?$", re.IGNORECASE)
LENGTH = re.compile(r"^(?:(\d{1,2}) ?(?:h|:) ?(\d{2})?|(\d{1,4})) ?(?:min|mn|minutes?)?$", re.IGNORECASE)
INVISIBLE = re.compile("[\u200e\u200f\ufeff]")
REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SPACES = re.compile(r"[\s\u00a0\u202f]+")

FORMATS = {
    Format.OPEN_HOUSE: "portes ouvertes, porte ouverte, open house",
    Format.GUIDED_TOUR: "visite guidee, visite, guided tour",
    Format.DEMO: "demonstration, demo",
    Format.WORKSHOP: "atelier, workshop",
    Format.TALK: "conference, talk, table ronde, conference debat",
    Format.PITCH: "pitch, pitchs, pitches, concours",
    Format.MEETUP: "meetup, meet up, rencontre",
    Format.NETWORKING_DRINKS: "apero, aperitif, afterwork, networking drinks, cocktail",
    Format.BREAKFAST: "petit dejeuner, breakfast",
    Format.JOB_DATING: "job dating, jobdating, recrutement",
    Format.OTHER: "autre, other",
}
MODES = {
    Mode.DROP_IN: "entree libre, libre, drop in, sans inscription, acces libre",
    Mode.FIRST_COME: "sur inscription, inscription, inscription obligatoire, sur reservation, reservation, "
    "first come",
    Mode.BALLOT: "tirage au sort, tirage, ballot",
}
LANGUAGES = {
    Language.FR: "francais, french, fr",
    Language.EN: "anglais, english, en",
    Language.LSF: "langue des signes, langue des signes francaise, lsf",
    Language.ES: "espagnol, spanish, espanol, es",
    Language.DE: "allemand, german, deutsch, de",
    Language.IT: "italien, italian, italiano, it",
    Language.OC: "occitan, oc",
}
ACCESS = {
    Access.HI: "hi, auditif, handicap auditif, surdite, malentendant, boucle magnetique",
    Access.VI: "vi, visuel, handicap visuel, cecite, malvoyant",
    Access.PI: "pi, psychique, handicap psychique",
    Access.MI: "mi, moteur, handicap moteur, pmr, fauteuil, fauteuil roulant, mobilite reduite",
    Access.II: "ii, intellectuel, handicap intellectuel, mental, handicap mental",
}
AUDIENCES = {
    Audience.EVERYONE: "tout public, tous, tous publics, everyone",
    Audience.FAMILIES: "familles, famille, enfants, jeune public, families",
    Audience.SCHOOLS: "scolaires, scolaire, classes, public scolaire, schools",
    Audience.STUDENTS: "etudiants, etudiant, public etudiant, students",
    Audience.JOB_SEEKERS: "demandeurs d emploi, recherche d emploi, candidats, job seekers",
    Audience.PROFESSIONALS: "professionnels, professionnel, pro, pros, professionals",
    Audience.INVESTORS: "investisseurs, investisseur, investors",
}
NO_LIMIT = {"illimite", "illimitee", "sans limite", "unlimited"}


def clean(text: str) -> str:
    """One line: composed (NFC), trimmed, runs of spaces made one. Raises ``Unreadable`` on control signs."""
    return SPACES.sub(" ", clean_text(text)).strip()


def clean_text(text: str) -> str:
    """Several lines: composed, trimmed, line ends made one. Raises ``Unreadable`` on control signs."""
    text = INVISIBLE.sub("", unicodedata.normalize("NFC", text)).replace("\r\n", "\n").replace("\r", "\n")
    found = REFUSED.search(text)
    if found:
        if found[0] == "\x00":
            raise Unreadable(Fault.NUL.of())
        raise Unreadable(Fault.CONTROL_SIGN.of(code=ord(found[0])))
    return text.strip()


def read_date(text: str) -> dt.date:
    """« 31/12/2026 », « 31.12.2026 », « 2026-12-31 »."""
    if found := ISO_DATE.match(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := FRENCH_DATE.match(text):
        day, month, year = (int(part) for part in found.groups())
    else:
        raise Unreadable(Fault.NO_DATE.of(text=shown(text)))
    try:
        date = dt.date(year, month, day)
    except ValueError as error:
        raise Unreadable(Fault.NOT_IN_CALENDAR.of(text=shown(text))) from error
    if not 1990 <= year <= 2100:
        raise Unreadable(Fault.YEAR_TOO_FAR.of(year=year))
    return date


def read_time(text: str) -> dt.time:
    """« 18h30 », « 18 h 30 », « 18h », « 18:30 », « 18:30:00 », « midi »."""
    if fold(text) in ("midi", "noon"):
        return dt.time(12)
    found = TIME.match(SPACES.sub(" ", text))
    if found:
        hour, minute = int(found[1]), int(found[2] or 0)
        if hour < 24 and minute < 60:
            return dt.time(hour, minute)
    raise Unreadable(Fault.NO_TIME.of(text=shown(text)))


def read_minutes(text: str) -> int:
    """A length in minutes: « 90 », « 90 min », « 1h30 », « 1 h »."""
    found = LENGTH.match(SPACES.sub(" ", text))
    if not found:
        raise Unreadable(Fault.NO_LENGTH.of(text=shown(text)))
    minutes = int(found[3]) if found[3] else int(found[1]) * 60 + int(found[2] or 0)
    return check_minutes(minutes)


def check_minutes(minutes: int) -> int:
    """Raises ``Unreadable`` outside 5 minutes to one day."""
    if not 5 <= minutes <= 1440:
        raise Unreadable(Fault.LASTS_TOO_LONG.of(minutes=minutes))
    return minutes


def read_capacity(text: str) -> int | None:
    """« 15 », « 15 places », « 1 200 »; None for « illimitée »."""
    if fold(text) in NO_LIMIT:
        return None
    digits = SPACES.sub("", re.sub(r"(?i)\s*(places?|personnes?|pers\.?)$", "", text))
    if not digits.isascii() or not digits.isdigit():
        raise Unreadable(Fault.NO_PLACES_TEXT.of(text=shown(text)))
    places = int(digits[:9])
    if not 1 <= places <= 100_000:
        raise Unreadable(Fault.NO_PLACES_NUMBER.of(places=places))
    return places


def read_format(text: str) -> str | None:
    """A ``Format``, or None for a word that is no format of ours."""
    return _looked_up(text, FORMATS)


def read_mode(text: str) -> str:
    found = _looked_up(text, MODES)
    if found is None:
        raise Unreadable(Fault.NO_MODE.of(text=shown(text)))
    return found


def read_audience(text: str) -> str:
    found = _looked_up(text, AUDIENCES)
    if found is None:
        raise Unreadable(Fault.NO_AUDIENCE.of(text=shown(text)))
    return found


def read_languages(text: str) -> list[str]:
    """« français, anglais », « FR/EN », « français et LSF »."""
    return _several(text, LANGUAGES, Fault.NO_LANGUAGE)


def read_access(text: str) -> list[str]:
    """« mi, hi », « PMR », « handicap moteur / boucle magnétique »: OpenAgenda's five codes."""
    if fold(text) in ("", "non", "aucun", "aucune", "no"):
        return []
    return _several(text, ACCESS, Fault.NO_ACCESSIBILITY)


def shown(text: str) -> str:
    """What was written, short enough to be shown in a sentence."""
    return text if len(text) <= 40 else f"{text[:39]}…"


def _several(text: str, known: dict, refusal: Fault) -> list[str]:
    codes = []
    for part in re.split(r"[,;/|+&]|\bet\b|\band\b", text):
        if not part.strip():
            continue
        code = _looked_up(part, known)
        if code is None:
            raise Unreadable(refusal.of(text=shown(part.strip()), known=", ".join(known)))
        codes.append(str(code))
    return list(dict.fromkeys(codes))


def _looked_up(text: str, known: dict) -> str | None:
    word = fold(text)
    for code, spellings in known.items():
        if word in spellings.split(", "):
            return str(code)
    return None
