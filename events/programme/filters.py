"""The question: what is asked for, read from an address and written back to it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from events.folding import fold
from events.models import Access, Audience, Format, Language, Mode, Theme
from events.programme.area import Around, Frame
from events.programme.cursor import Cursor

MOMENTS: Mapping[str, tuple[dt.time, dt.time | None]] = {
    "matin": (dt.time(0), dt.time(12)),
    "midi": (dt.time(12), dt.time(14)),
    "apres-midi": (dt.time(12), dt.time(18)),
    "soir": (dt.time(18), None),
}
"""From (included) to (excluded) on the wall clock of the slot's territory. Noon begins the afternoon."""

DROP_IN_ONLY = "libre"
FORMER_PLACE = "ville_avant"
"""The place a form began with. Where it asks for another, the part of the map looked at there is left behind,
and the circle too unless it asks for no place at all."""
Area = TypeVar("Area", Around, Frame)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for. Empty means: whatever. ``unread`` names the parameters that were not understood."""

    query: str = ""
    place: str = ""
    day: dt.date | None = None
    moment: str = ""
    programme: str = ""
    format: str = ""
    theme: str = ""
    language: str = ""
    access: tuple[str, ...] = ()
    mode: str = ""
    places: int = 0
    audience: str = ""
    near: Around | None = None
    within: Frame | None = None
    after: Cursor | None = None
    unread: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, data: QueryDict | Mapping[str, Any]) -> Self:
        """From ``q ville jour moment operation format thematique langue public acces mode places autour cadre
        apres``.

        ``ville`` is the slug of a territory or the name of a commune, ``jour`` an ISO date, ``places`` a
        number of places wanted together or ``libre`` for drop-in alone, ``autour`` « latitude,longitude,
        kilometres », ``cadre`` « south,west,north,east ». ``after`` is read as ``apres`` is.
        """
        reader = _Reader(data)
        places, mode = reader.places(), reader.code("mode", Mode.values)
        if places == DROP_IN_ONLY:
            mode = Mode.DROP_IN.value
        place = reader.place("ville")
        has_moved = FORMER_PLACE in data and place != reader.place(FORMER_PLACE)
        return cls(
            query=reader.text("q"),
            place=place,
            day=reader.day("jour"),
            moment=reader.code("moment", MOMENTS),
            programme=reader.slug("operation"),
            format=reader.code("format", Format.values),
            theme=reader.code("thematique", Theme.values),
            language=reader.code("langue", Language.values),
            access=reader.codes("acces", Access.values),
            mode=mode,
            places=places if isinstance(places, int) else 0,
            audience=reader.code("public", Audience.values),
            near=None if has_moved and place else reader.area("autour", Around.read),
            within=None if has_moved else reader.area("cadre", Frame.read),
            after=reader.cursor("apres", "after"),
            unread=tuple(reader.unread),
        )

    def without(self, *names: str) -> Filters:
        """The same question with some parts left open, by field name."""
        blank = Filters()
        return replace(self, **{name: getattr(blank, name) for name in names})

    def parameters(self) -> list[tuple[str, str]]:
        """The query string that asks this, without a cursor, in a fixed order."""
        pairs = [
            ("q", self.query),
            ("ville", self.place),
            ("jour", self.day.isoformat() if self.day else ""),
            ("moment", self.moment),
            ("operation", self.programme),
            ("format", self.format),
            ("thematique", self.theme),
            ("langue", self.language),
            ("public", self.audience),
            *(("acces", code) for code in self.access),
            ("mode", self.mode),
            ("places", str(self.places) if self.places else ""),
            ("autour", str(self.near) if self.near else ""),
            ("cadre", str(self.within) if self.within else ""),
        ]
        return [(name, value) for name, value in pairs if value]

    def query_string(self, **changes: Any) -> str:
        """« ?ville=lyon&jour=2027-06-10 » with some fields changed; no cursor unless ``after`` is given."""
        changed = replace(self, **changes)
        pairs = changed.parameters()
        if changes.get("after"):
            pairs.append(("apres", str(changes["after"])))
        return f"?{urlencode(pairs)}" if pairs else ""

    @property
    def keeps_no_mark(self) -> bool:
        """Whether words or places left are asked for: of a slot that is gone nobody knows any more whether it
        answered. What was withdrawn is not kept in words, and places come and go while it is there.
        """
        return bool(self.query or self.places)

    def __bool__(self) -> bool:
        return bool(self.parameters())


class _Reader:
    """Takes values out of a query string; what it cannot read, it names in ``unread``."""

    def __init__(self, data: QueryDict | Mapping[str, Any]) -> None:
        self.data, self.unread = data, list[str]()

    def _all(self, name: str) -> list[str]:
        if isinstance(self.data, QueryDict):
            return [value for value in self.data.getlist(name) if isinstance(value, str)]
        value = self.data.get(name) or ""
        return [str(part) for part in value] if isinstance(value, (list, tuple)) else [str(value)]

    def text(self, name: str) -> str:
        values = self._all(name)
        return "".join(c for c in values[-1] if c.isprintable()).strip()[:200] if values else ""

    def place(self, name: str) -> str:
        return "-".join(fold(self.text(name)).split())

    def slug(self, name: str) -> str:
        value = self.text(name)
        if re.fullmatch(r"[-\w]*", value):
            return value
        self.unread.append(name)
        return ""

    def code(self, name: str, known: Iterable[str]) -> str:
        value = self.text(name)
        for code in known:
            if value == code or (value and fold(value) == fold(code)):
                return code
        if value:
            self.unread.append(name)
        return ""

    def codes(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        asked = {part.strip() for value in self._all(name) for part in value.split(",") if part.strip()}
        if asked - set(known):
            self.unread.append(name)
        return tuple(code for code in known if code in asked)

    def day(self, name: str) -> dt.date | None:
        value = self.text(name)
        try:
            return dt.date.fromisoformat(value) if value else None
        except ValueError:
            self.unread.append(name)
            return None

    def places(self) -> int | str:
        value = self.text("places")
        if value == DROP_IN_ONLY:
            return DROP_IN_ONLY
        if value in ("", "0"):
            return 0
        if value.isascii() and value.isdigit() and len(value) <= 3:
            return int(value)
        self.unread.append("places")
        return 0

    def area(self, name: str, read: Callable[[str], Area]) -> Area | None:
        value = self.text(name)
        try:
            return read(value) if value else None
        except ValueError:
            self.unread.append(name)
            return None

    def cursor(self, *names: str) -> Cursor | None:
        for name in names:
            value = self.text(name)
            if not value:
                continue
            try:
                return Cursor.read(value)
            except ValueError:
                self.unread.append(name)
        return None
