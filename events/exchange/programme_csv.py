"""A programme in CSV, as French organisers send it: read into entries, every bad line told by its number.

RFC 4180 with the liberties of spreadsheets: ``;`` or ``,`` or a tab, UTF-8 with or without a mark, or
cp1252. One line is one time; lines that share an identifier, a title, an organiser and a commune are times of
one event.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any

from events.folding import fold

from .entries import Entry, Problem, Reading, Timing
from .faults import Fault, Said
from .openagenda_out import CALLED_OFF, CANCELLED
from .spellings import (
    Unreadable,
    check_minutes,
    clean,
    clean_text,
    read_access,
    read_audience,
    read_capacity,
    read_date,
    read_format,
    read_languages,
    read_minutes,
    read_mode,
    read_time,
    shown,
)

COLUMNS = {
    "identifiant": "identifiant, id, identifier, reference, uid",
    "intitulé": "intitule, titre, title, nom, evenement",
    "organisateur": "organisateur, organisation, hote, host, organiser, organizer",
    "commune": "commune, ville, city, town",
    "date": "date, jour, day",
    "heure": "heure, heure debut, heure de debut, debut, time, start",
    "heure_fin": "heure fin, heure de fin, fin, end",
    "durée": "duree, duree minutes, duree min, duration, minutes",
    "format": "format, type, categorie",
    "lieu": "lieu, venue, place",
    "salle": "salle, room",
    "adresse": "adresse, address",
    "jauge": "jauge, places, capacite, capacity",
    "mode": "mode, inscription",
    "langue": "langue, langues, language, languages",
    "description": "description, texte, presentation",
    "public": "public, publics, audience",
    "accès": "acces, accessibilite, access, accessibility",
    "état": "etat",
}
NEEDED = ("identifiant", "intitulé", "organisateur", "commune", "date", "heure")
LONGEST = {
    "identifiant": 120,
    "intitulé": 120,
    "organisateur": 120,
    "commune": 80,
    "lieu": 160,
    "salle": 120,
    "adresse": 200,
    "description": 5000,
}
CALLED_OFF_WORDS = ("annule", "annulee", "cancelled", "retire")
LATEST_END = dt.time(6)
"""An end before the start and up to this hour is taken as the night that follows."""
csv.field_size_limit(200_000)


def read_csv(data: bytes) -> Reading:
    """Entries of a CSV file, with every problem told by line. Never raises on what the file holds."""
    reading = Reading()
    text = decode(data, reading)
    if text is None:
        return reading
    rows = list(_rows(text, reading))
    if not rows:
        if not reading.problems:
            reading.problems.append(Problem(1, Fault.EMPTY_FILE.of()))
        return reading
    first_line, header = rows[0]
    columns = _columns(first_line, header, reading)
    if columns is None:
        return reading
    by_identifier: dict[str, Entry] = {}
    for line, cells in rows[1:]:
        entry = _entry(line, cells, columns, reading)
        if entry is not None:
            _gather(entry, by_identifier, reading)
    reading.entries = list(by_identifier.values())
    if not reading.entries and not reading.problems:
        reading.problems.append(Problem(first_line, Fault.NO_EVENT.of()))
    return reading


def decode(data: bytes, reading: Reading) -> str | None:
    """UTF-8, else cp1252; a file that mixes them, or is UTF-16, is refused with the line where it shows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        reading.problems.append(Problem(1, Fault.IS_UTF16.of()))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start
    mended = data.decode("utf-8", "ignore")
    is_mixed = data.startswith(b"\xef\xbb\xbf") or any(ord(sign) > 0x7F for sign in mended)
    if not is_mixed:
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError as error:
            at = error.start
    line = data.count(b"\n", 0, at) + 1
    reading.problems.append(Problem(line, Fault.NOT_UTF8_NOR_CP1252.of()))
    return None


def _rows(text: str, reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """Records with the line on which each begins; empty ones left out."""
    if "\x00" in text:
        for number, written in enumerate(text.split("\n"), start=1):
            if "\x00" in written:
                reading.problems.append(Problem(number, Fault.NUL.of()))
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reading.problems.append(Problem(line, _csv_trouble(error)))
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _csv_trouble(error: csv.Error) -> Said:
    if "limit" in str(error):
        return Fault.CELL_TOO_LONG.of()
    if "unexpected end" in str(error):
        return Fault.QUOTE_LEFT_OPEN.of()
    return Fault.QUOTES_IN_DISORDER.of()


def _delimiter(text: str) -> str:
    """The sign that makes the most known titles of the first line."""
    head = next((line for line in text.splitlines() if line.strip()), "")

    def known(delimiter: str) -> int:
        try:
            cells = next(csv.reader([head], delimiter=delimiter), [])
        except csv.Error:
            return 0
        return sum(_column_of(cell) is not None for cell in cells)

    return max((";", ",", "\t"), key=known)


def _column_of(title: str) -> str | None:
    word = fold(title)
    for column, spellings in COLUMNS.items():
        if word in spellings.split(", "):
            return column
    return None


def _columns(line: int, header: list[str], reading: Reading) -> list[str | None] | None:
    """For each cell of a line the column it belongs to, or None for one we do not read."""
    columns = [_column_of(title) for title in header]
    faults = []
    for known in dict.fromkeys(column for column in columns if column):
        if columns.count(known) > 1:
            faults.append(Fault.COLUMN_TWICE.of(column=known))
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        faults.append(Fault.COLUMNS_MISSING.of(columns=", ".join(missing)))
    reading.problems += [Problem(line, fault) for fault in faults]
    for title, column in zip(header, columns, strict=True):
        if column is None and title.strip():
            reading.notes.append(Problem(line, Fault.COLUMN_NOT_READ.of(column=shown(title.strip()))))
    return None if faults else columns


def _entry(line: int, cells: list[str], columns: list[str | None], reading: Reading) -> Entry | None:
    """One line made an entry with one time, or None when something is wrong with it."""
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        reading.problems.append(
            Problem(
                line,
                Fault.TOO_MANY_CELLS.of(found=len(cells), expected=len(columns)),
            )
        )
        return None
    before = len(reading.problems)
    said = _texts(line, cells, columns, reading)

    def read(column: str, how: Callable[[str], Any]) -> Any:
        text = said.get(column, "")
        if not text:
            return None
        try:
            return how(text)
        except Unreadable as error:
            reading.problems.append(Problem(line, error.said))
            return None

    day, start = read("date", read_date), read("heure", read_time)
    entry = Entry(
        line=line,
        identifier=said.get("identifiant", ""),
        title=said.get("intitulé", ""),
        host=said.get("organisateur", ""),
        commune=said.get("commune", ""),
        description=said.get("description", ""),
        format=read("format", read_format),
        mode=read("mode", read_mode),
        capacity=read("jauge", read_capacity),
        languages=read("langue", read_languages),
        access=read("accès", read_access),
        audience=read("public", read_audience),
        venue=said.get("lieu", ""),
        room=said.get("salle", ""),
        address=said.get("adresse", ""),
    )
    if said.get("format") and entry.format is None:
        entry.format = "other"
        reading.notes.append(Problem(line, Fault.FORMAT_OTHER.of(text=shown(said["format"]))))
    if entry.room and not entry.venue:
        reading.problems.append(Problem(line, Fault.ROOM_WITHOUT_VENUE.of()))
    minutes = _minutes(line, said, start, reading)
    if len(reading.problems) > before or day is None or start is None:
        return None
    is_off = said.get("état") and fold(said["état"]) in CALLED_OFF_WORDS
    entry.timings = [Timing(line, day, start, minutes, cancelled=CALLED_OFF[CANCELLED] if is_off else "")]
    return entry


def _texts(line: int, cells: list[str], columns: list[str | None], reading: Reading) -> dict[str, str]:
    """The cells by column, clean; what is missing or too long is told."""
    said: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column is None:
            continue
        try:
            said[column] = clean_text(cell) if column == "description" else clean(cell)
        except Unreadable as error:
            reading.problems.append(Problem(line, Fault.IN_A_COLUMN.of(column=column, text=error.said)))
            said[column] = "?"
            continue
        most = LONGEST.get(column)
        if most and len(said[column]) > most:
            reading.problems.append(
                Problem(
                    line,
                    Fault.COLUMN_TOO_LONG.of(column=column, length=len(said[column]), most=most),
                )
            )
    for column in NEEDED:
        if not said.get(column):
            reading.problems.append(Problem(line, Fault.COLUMN_EMPTY.of(column=column)))
    return said


def _minutes(line: int, said: dict[str, str], start: dt.time | None, reading: Reading) -> int | None:
    """How long it lasts, from the length or the end; both may be said when they agree."""
    length: int | None = None
    until: int | None = None
    try:
        if said.get("durée"):
            length = read_minutes(said["durée"])
        if said.get("heure_fin"):
            end = read_time(said["heure_fin"])
            if start is not None:
                until = (end.hour - start.hour) * 60 + end.minute - start.minute
                if until <= 0:
                    if end > LATEST_END:
                        raise Unreadable(Fault.ENDS_BEFORE.of(end=said["heure_fin"], start=said["heure"]))
                    until += 24 * 60
                check_minutes(until)
        if length is not None and until is not None and length != until:
            raise Unreadable(Fault.TWO_LENGTHS.of(length=length, until=until))
    except Unreadable as error:
        reading.problems.append(Problem(line, error.said))
        return None
    return length if length is not None else until


def _gather(entry: Entry, by_identifier: dict[str, Entry], reading: Reading) -> None:
    """Several lines of one event become one entry with several times."""
    first = by_identifier.get(entry.identifier)
    if first is None:
        by_identifier[entry.identifier] = entry
        return
    timing = entry.timings[0]
    same = (first.title, fold(first.host), fold(first.commune)) == (
        entry.title,
        fold(entry.host),
        fold(entry.commune),
    )
    if not same:
        reading.problems.append(
            Problem(
                entry.line,
                Fault.OTHER_EVENT.of(identifier=shown(entry.identifier), line=first.line),
            )
        )
    elif any((one.day, one.start) == (timing.day, timing.start) for one in first.timings):
        reading.problems.append(
            Problem(
                entry.line,
                Fault.SAME_TIME_TWICE.of(line=first.line),
            )
        )
    else:
        first.timings.append(timing)
