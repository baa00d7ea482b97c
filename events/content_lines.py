"""The lines of an iCalendar file (RFC 5545 §3.1): names, parameters and values, escaped and folded.

Written here because a calendar goes with every reminder, by the ten thousand: the library that knows the
whole norm takes five times as long, and says of every spring that its clocks change an hour late. Tests read
every file with other libraries.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from zoneinfo import ZoneInfo

_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})
_QUOTED = re.compile(r"[:;, ]")
LONGEST = 75
"""Octets of a line without its end."""


@dataclass(frozen=True)
class Person:
    """A CAL-ADDRESS (§3.3.3) with its parameters."""

    email: str
    parameters: dict[str, str] = field(default_factory=dict)


Value: TypeAlias = str | int | dt.datetime | tuple[float, float] | Person


class Component:
    """BEGIN to END, in the order in which it was said."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines = [f"BEGIN:{name}\r\n"]

    def add(self, name: str, value: Value) -> None:
        """One property. A text is escaped, a moment carries the zone it is in, a pair is a position."""
        self._lines.append(line(name, value))

    def put(self, lines: str) -> None:
        """Lines that are written already, such as those of another component."""
        self._lines.append(lines)

    def begun(self) -> str:
        """What was said so far, for a file that is sent while it is written; ``ended`` follows."""
        return "".join(self._lines)

    def ended(self) -> str:
        return f"END:{self._name}\r\n"

    def __str__(self) -> str:
        return "".join([*self._lines, f"END:{self._name}\r\n"])


def line(name: str, value: Value) -> str:
    """One property with its end, as ``Component.add`` writes it."""
    if isinstance(value, str):
        said = f"{name}:{value if name == 'URL' else value.translate(_ESCAPED)}"
    elif isinstance(value, dt.datetime):
        said = _moment(name, value)
    elif isinstance(value, Person):
        parameters = "".join(f";{key}={_parameter(one)}" for key, one in value.parameters.items())
        said = f"{name}{parameters}:mailto:{value.email}"
    elif isinstance(value, tuple):
        said = f"{name}:{value[0]};{value[1]}"
    else:
        said = f"{name}:{value}"
    return _folded(said)


def basic(at: dt.datetime) -> str:
    """« 20270610T143000 » (§3.3.5), without the zone; ``strftime`` takes three times as long."""
    return at.isoformat(timespec="seconds")[:19].replace("-", "").replace(":", "")


def end_of_text(text: str) -> str:
    """What a text property already written goes on with: a folded line of its own (§3.1)."""
    return _folded(f" {text.translate(_ESCAPED)}")


def timezone_lines(name: str, first: int, last: int) -> str:
    """The VTIMEZONE of an IANA zone from the beginning of one year to that of another (§3.6.5).

    Each change of the clock stands at its moment as the clock that it ends shows it.
    """
    zone, begin = ZoneInfo(name), dt.datetime(first, 1, 1, tzinfo=dt.UTC)
    kinds = [(begin, _offset(begin, zone), begin.astimezone(zone))]
    for at in _changes(zone, begin, dt.datetime(last, 1, 1, tzinfo=dt.UTC)):
        kinds.append((at, _offset(at - dt.timedelta(seconds=1), zone), at.astimezone(zone)))
    rules: dict[tuple[str, str, str, str], list[str]] = {}
    for at, before, after in kinds:
        part = "DAYLIGHT" if after.dst() else "STANDARD"
        said = (part, after.tzname() or name, _hours(before), _hours(_offset(at, zone)))
        rules.setdefault(said, []).append(basic(at + before))
    written = Component("VTIMEZONE")
    written.add("TZID", name)
    for (part, short, before_said, after_said), onsets in rules.items():
        rule = Component(part)
        rule.put(f"DTSTART:{onsets[0]}\r\n")
        if onsets[1:]:
            rule.put(_folded(f"RDATE:{','.join(onsets[1:])}"))
        rule.put(f"TZNAME:{short}\r\nTZOFFSETFROM:{before_said}\r\nTZOFFSETTO:{after_said}\r\n")
        written.put(str(rule))
    return str(written)


def _changes(zone: ZoneInfo, begin: dt.datetime, end: dt.datetime) -> Iterator[dt.datetime]:
    """The moments at which the clocks of a zone are put to another offset, to the second."""
    day = dt.timedelta(days=1)
    while begin < end:
        low, high = begin, begin + day
        if _offset(low, zone) != _offset(high, zone):
            while high - low > dt.timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(middle, zone) == _offset(begin, zone) else (low, middle)
            yield high.replace(microsecond=0)
        begin += day


def _offset(at: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    return at.astimezone(zone).utcoffset() or dt.timedelta()


def _hours(offset: dt.timedelta) -> str:
    """« +0200 » (§3.3.14)."""
    minutes = abs(offset) // dt.timedelta(minutes=1)
    return f"{'-' if offset < dt.timedelta() else '+'}{minutes // 60:02}{minutes % 60:02}"


def _moment(name: str, at: dt.datetime) -> str:
    """In UTC, or on a wall clock with its zone (§3.3.5)."""
    if at.tzinfo is dt.UTC or at.tzname() == "UTC":
        return f"{name}:{at:%Y%m%dT%H%M%S}Z"
    return f"{name};TZID={at.tzinfo}:{at:%Y%m%dT%H%M%S}"


def _parameter(value: str) -> str:
    """Without what a parameter cannot hold (§3.2): quotation marks and line ends."""
    said = " ".join(value.replace('"', "").split())
    return f'"{said}"' if _QUOTED.search(said) else said


def _folded(line: str) -> str:
    """Broken after 75 octets at most, never inside a sign, what follows after a space."""
    if len(line) <= LONGEST and (line.isascii() or len(line.encode()) <= LONGEST):
        return f"{line}\r\n"
    octets, parts, begin, room = line.encode(), [], 0, LONGEST
    while len(octets) - begin > room:
        end = begin + room
        while octets[end] & 0xC0 == 0x80:  # the middle of a sign
            end -= 1
        parts.append(octets[begin:end])
        begin, room = end, LONGEST - 1
    parts.append(octets[begin:])
    return b"\r\n ".join(parts).decode() + "\r\n"
