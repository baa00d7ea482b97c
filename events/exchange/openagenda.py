"""A programme in OpenAgenda's event format (JSON): read into entries, every bad event told by its number.

The format is the one of the API's version 2: a list of events, or ``{"events": […]}``; an event has ``uid``,
``title`` and ``description`` by language, a ``location``, ``timings`` with ``begin`` and ``end``,
``accessibility`` (hi, vi, pi, mi, ii), ``status`` (1 scheduled, 2 rescheduled, 3 moved online, 4 postponed,
5 full, 6 cancelled), ``state`` (-1 refused, 0 to moderate, 1 ready, 2 published),
``attendanceMode`` (1 on site, 2 online, 3 both),
``registration`` and ``age``. What ``openagenda_out`` adds to it is read as well.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from events.models import Access, Activity, Announced, Audience, Format, Language, Mode, Theme

from .entries import Entry, Problem, Reading, Timing
from .faults import Fault
from .openagenda_out import (
    CALLED_OFF,
    CANCELLED,
    FULL,
    IDENTIFIER,
    MOVED_ONLINE,
    ONLINE,
    ONLINE_WORDS,
    POSTPONED,
    REFUSED_STATE,
    RESCHEDULED,
    SCHEDULED,
)
from .spellings import Unreadable, check_minutes, clean, clean_text, shown

TITLE, DESCRIPTION, MOST_TIMINGS = 120, 5000, 2000
STATES = {REFUSED_STATE: "rejected", 0: "submitted", 1: "ready", 2: "published"}
ANNOUNCED: dict[int, str] = {
    SCHEDULED: "",
    RESCHEDULED: Announced.RESCHEDULED,
    MOVED_ONLINE: Announced.MOVED_ONLINE,
    POSTPONED: Announced.POSTPONED,
}
PICTURE, MOST_ADDRESS, CREDIT = re.compile(r"https://[^\s<>\"'\\]+"), 500, 255
ORGANISERS = ("organisateur", "organiser", "organizer", "organisation", "organization", "host")
"""Where agendas keep who organises: the format itself has no such field, agendas add one."""


def read_openagenda(data: bytes) -> Reading:
    """Entries of a JSON file. Never raises on what the file holds."""
    reading = Reading()
    try:
        loaded = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reading.problems.append(Problem(line, Fault.NOT_UTF8.of()))
        return reading
    except json.JSONDecodeError as error:
        reading.problems.append(Problem(error.lineno, Fault.NOT_JSON_FROM.of(column=error.colno)))
        return reading
    except (RecursionError, ValueError):
        reading.problems.append(Problem(1, Fault.NOT_JSON.of()))
        return reading
    events = loaded.get("events") if isinstance(loaded, dict) else loaded
    if not isinstance(events, list):
        reading.problems.append(Problem(1, Fault.NO_LIST.of()))
        return reading
    if not events:
        reading.problems.append(Problem(1, Fault.EMPTY_LIST.of()))
    seen: dict[str, int] = {}
    for number, event in enumerate(events, start=1):
        try:
            entry = _entry(number, event, reading)
        except Unreadable as error:
            reading.problems.append(Problem(number, error.said, of_event=True))
            continue
        if entry.identifier in seen:
            twice = Fault.EVENT_TWICE.of(identifier=shown(entry.identifier), number=seen[entry.identifier])
            reading.problems.append(entry.problem(twice))
            continue
        seen[entry.identifier] = number
        reading.entries.append(entry)
    return reading


def _entry(number: int, event: Any, reading: Reading) -> Entry:
    """One event. Raises ``Unreadable``."""
    if not isinstance(event, dict):
        raise Unreadable(Fault.EVENT_NO_OBJECT.of())
    state = _code(event.get("state"), 2)
    if state == REFUSED_STATE:
        reading.notes.append(Problem(number, Fault.REFUSED_THERE.of(), of_event=True))
    location = event.get("location") or {}
    if not isinstance(location, dict):
        raise Unreadable(Fault.NO_OBJECT.of(field="location"))
    online = _code(event.get("attendanceMode"), 1) == ONLINE
    title_fr, title_en = _two(event.get("title"), "title")
    description_fr, description_en = _descriptions(event)
    entry = Entry(
        line=number,
        of_event=True,
        identifier=_needed(_identifier(event), "uid"),
        title=_needed(title_fr, "title"),
        title_en=title_en,
        description=description_fr,
        description_en=description_en,
        host=_needed(_organiser(event, location)[:120], "organisateur"),
        commune=_needed(_field(location, "city", 80), "location.city"),
        venue="" if online else _field(location, "name", 160),
        address="" if online else _street(location),
        postcode=_field(location, "postalCode", 20)[:5],
        timezone=_zone(_field(location, "timezone", 60) or clean(_word(event.get("timezone"), "timezone"))),
        access=_access(event.get("accessibility")),
        minimum_age=_age(event.get("age")),
        state=STATES.get(state, "published"),
        format=_known(event.get("type"), Format.values),
        theme=_known(event.get("theme"), ["", *Theme.values]),
        mode=_known(event.get("mode"), Mode.values),
        audience=_known(event.get("audience"), Audience.values),
        languages=_languages(event.get("languages")),
        meeting_point=clean(_word(event.get("meetingPoint"), "meetingPoint"))[:200],
    )
    if state == 0 and event.get("moderation") == Activity.State.CHANGES_REQUESTED:
        entry.state = Activity.State.CHANGES_REQUESTED
    entry.latitude, entry.longitude = _position(location)
    if online:
        entry.meeting_point = ONLINE_WORDS  # kept as a text of the activity, so in the site's first language
    entry.image_url, entry.image_credit = _picture(event)
    _shorten_title(entry, reading)
    _say_how_to_register(entry, event)
    _obey_status(entry, _code(event.get("status"), SCHEDULED), event.get("statusReason"))
    entry.timings = _timings(number, event, entry.timezone)
    return entry


def _identifier(event: dict[str, Any]) -> str:
    """What names it wherever it goes, else its number in its agenda."""
    others = event.get("extIds")
    for one in others if isinstance(others, list) else []:
        if isinstance(one, dict) and one.get("key") == IDENTIFIER and one.get("value"):
            return clean(_word(one["value"], "extIds"))[:120]
    return clean(_word(event.get("uid", event.get("id")), "uid"))[:120]


def _known(value: Any, words: list[str]) -> str | None:
    """A word of ours, or None: agendas use these fields for words of their own as well."""
    return value if isinstance(value, str) and value in words else None


def _languages(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    known = [code for code in value if code in Language.values]
    return known if known or not value else None


def _needed(text: str, name: str) -> str:
    if not text:
        raise Unreadable(Fault.FIELD_MISSING.of(field=name))
    return text


def _word(value: Any, name: str) -> str:
    """A text or a number as a text. Raises ``Unreadable`` on anything else."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Unreadable(Fault.NO_TEXT.of(field=name))
    return str(value)


def _field(location: dict[str, Any], name: str, most: int) -> str:
    text = clean(_word(location.get(name), f"location.{name}"))
    if len(text) > most:
        raise Unreadable(Fault.FIELD_TOO_LONG.of(field=f"location.{name}", length=len(text), most=most))
    return text


def _street(location: dict[str, Any]) -> str:
    """The address without what the format repeats after it: postcode, commune, region, country."""
    return clean(_word(location.get("address"), "location.address"))[:200]


def _two(value: Any, name: str) -> tuple[str, str]:
    """A text by language as (French, English); one language alone stands for the first."""
    if isinstance(value, dict):
        texts = {str(key): clean_text(_word(text, name)) for key, text in value.items() if text}
    else:
        texts = {"fr": clean_text(_word(value, name))}
    english = texts.get("en", "")
    french = texts.get("fr") or english or next(iter(texts.values()), "")
    return french, english


def _descriptions(event: dict[str, Any]) -> tuple[str, str]:
    """The long text where there is one, else the short one; cut at what a page holds."""
    short, long = (
        _two(event.get("description"), "description"),
        _two(event.get("longDescription"), "longDescription"),
    )
    both = (long[0] or short[0], long[1] or short[1])
    return both[0][:DESCRIPTION], both[1][:DESCRIPTION]


def _picture(event: dict[str, Any]) -> tuple[str | None, str | None]:
    """Where the picture stands, and its credit: an address, or ``{"base": …, "filename": …}``.

    None where the file says nothing of it; what is no ``https`` address of a picture is none.
    """
    if "image" not in event:
        return None, None
    image = event["image"]
    if isinstance(image, dict):
        base, name = image.get("base"), image.get("filename")
        image = f"{base}{name}" if isinstance(base, str) and isinstance(name, str) else ""
    url = clean(image) if isinstance(image, str) else ""
    if not PICTURE.fullmatch(url) or len(url) > MOST_ADDRESS:
        return "", ""
    credit = event.get("imageCredits")
    return url, clean(credit)[:CREDIT] if isinstance(credit, str) else ""


def _organiser(event: dict[str, Any], location: dict[str, Any]) -> str:
    for name in ORGANISERS:
        value = event.get(name)
        if isinstance(value, dict):
            value = value.get("name") or value.get("fr") or value.get("label")
        if isinstance(value, str) and value.strip():
            return clean(value)
    for source, field in (("contributor", "organization"), ("originAgenda", "title")):
        value = event.get(source)
        if isinstance(value, dict) and isinstance(value.get(field), str) and value[field].strip():
            return clean(value[field])
    return clean(_word(location.get("name"), "location.name"))


def _zone(name: str) -> str:
    if not name:
        return ""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unreadable(Fault.NO_SUCH_ZONE.of(zone=shown(name))) from error
    return name


def _position(location: dict[str, Any]) -> tuple[float | None, float | None]:
    numbers = []
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        value = location.get(name)
        if value in (None, ""):
            return None, None
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not -most <= number <= most:
            raise Unreadable(Fault.NO_POSITION.of(field=f"location.{name}"))
        numbers.append(number)
    return numbers[0], numbers[1]


def _access(value: Any) -> list[str] | None:
    """``{"mi": true}`` or ``["mi"]``."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = [code for code, yes in value.items() if yes]
    if not isinstance(value, list) or any(str(code) not in Access.values for code in value):
        raise Unreadable(Fault.NO_ACCESS_CODE.of())
    return [str(code) for code in value]


def _age(value: Any) -> int | None:
    least = value.get("min") if isinstance(value, dict) else None
    if least is None or least == "":
        return None
    if isinstance(least, bool) or not isinstance(least, (int, str)) or not str(least).isdecimal():
        raise Unreadable(Fault.NO_AGE.of(field="age.min"))
    years = int(str(least)[:4])
    if years > 120:
        raise Unreadable(Fault.NO_AGE.of(field="age.min"))
    return years or None


def _code(value: Any, default: int) -> int:
    """A code given as a number, as a text, or as ``{"id": …}``."""
    if isinstance(value, dict):
        value = value.get("id")
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _shorten_title(entry: Entry, reading: Reading) -> None:
    """OpenAgenda allows 140 characters, a page here 120: the whole title then opens the text."""
    for name, text in (("title", "description"), ("title_en", "description_en")):
        whole = " ".join(getattr(entry, name).split())
        if len(whole) > TITLE:
            setattr(entry, text, f"{whole}\n\n{getattr(entry, text)}"[:DESCRIPTION])
            reading.notes.append(entry.problem(Fault.TITLE_CUT.of()))
            whole = f"{whole[: TITLE - 1].rstrip()}…"
        setattr(entry, name, whole)


def _say_how_to_register(entry: Entry, event: dict[str, Any]) -> None:
    """Registration happens elsewhere: the text says where, and nothing is booked here.

    A site like this one names its own page as the way to register: that says nothing to whoever takes the
    event over, places included.
    """
    ways = event.get("registration") or []
    if not isinstance(ways, list):
        return
    here = event.get("canonicalUrl") if event.get("mode") else None
    said = []
    for way in ways:
        value = way.get("value") if isinstance(way, dict) else way
        if isinstance(value, str) and value.strip() and value != here:
            said.append(clean(value)[:300])
    if said:
        line = ", ".join(said)
        entry.description = f"{entry.description}\n\nInscription\u00a0: {line}".strip()[:DESCRIPTION]
        if entry.description_en:
            entry.description_en = f"{entry.description_en}\n\nRegistration: {line}"[:DESCRIPTION]


def _obey_status(entry: Entry, status: int, reason: Any) -> None:
    entry.announced = ANNOUNCED.get(status)
    if status in CALLED_OFF:
        entry.cancelled = _reason(reason) or CALLED_OFF[status]
    entry.is_full = status == FULL


def _reason(value: Any) -> str:
    return clean_text(value)[:500] if isinstance(value, str) else ""


def _timings(number: int, event: dict[str, Any], zone: str) -> list[Timing]:
    """The times on the wall clock of the place. Raises ``Unreadable``."""
    given = event.get("timings")
    if not isinstance(given, list) or not given:
        raise Unreadable(Fault.FIELD_MISSING.of(field="timings"))
    if len(given) > MOST_TIMINGS:
        raise Unreadable(Fault.TOO_MANY_TIMES.of(most=MOST_TIMINGS))
    off = event.get("cancelledTimings") or []
    if not isinstance(off, list) or any(not isinstance(one, dict) for one in off):
        raise Unreadable(Fault.NO_OBJECT.of(field="cancelledTimings"))
    found: dict[tuple[dt.date, dt.time, int | None, bool], Timing] = {}
    for one in [*given, *off]:
        if not isinstance(one, dict):
            raise Unreadable(Fault.NO_OBJECT.of(field="timings"))
        begin = _instant(one.get("begin", one.get("start")), "begin", zone)
        end = _instant(one.get("end"), "end", zone) if one.get("end") else None
        minutes = None
        if end is not None:
            if (end.tzinfo is None) != (begin.tzinfo is None):
                raise Unreadable(Fault.ONE_OFFSET.of())
            minutes = check_minutes(round((end.timestamp() - begin.timestamp()) / 60))
        is_off = any(one is other for other in off)
        timing = Timing(
            number,
            begin.date(),
            begin.time().replace(tzinfo=None, fold=0, second=0, microsecond=0),
            minutes,
            None if begin.tzinfo is None else begin.fold,
            at=None if begin.tzinfo is None else begin.astimezone(dt.UTC).replace(second=0, microsecond=0),
            cancelled=(_reason(one.get("reason")) or CALLED_OFF[CANCELLED]) if is_off else "",
            room=clean(_word(one.get("room"), "room"))[:120],
            counts="capacity" in one,
            capacity=_places(one.get("capacity")),
            opens_at=_opening(one.get("opensAt"), zone),
        )
        found.setdefault((timing.day, timing.start, timing.fold, is_off), timing)
    return list(found.values())


def _places(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100_000:
        raise Unreadable(Fault.NO_PLACES_FIELD.of(field="capacity"))
    return value


def _opening(value: Any, zone: str) -> dt.datetime | None:
    if not value:
        return None
    at = _instant(value, "opensAt", zone)
    return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone or "Europe/Paris"))


def _instant(value: Any, name: str, zone: str) -> dt.datetime:
    """An ISO 8601 time: on the clock of ``zone`` when it has an offset, as written when it has none."""
    text = clean(_word(value, name))
    try:
        moment = dt.datetime.fromisoformat(text)
        if not 1990 <= moment.year <= 2100:
            raise ValueError(text)
        return moment if moment.tzinfo is None else moment.astimezone(ZoneInfo(zone or "Europe/Paris"))
    except (ValueError, OverflowError) as error:
        raise Unreadable(Fault.NO_INSTANT.of(text=shown(text))) from error
