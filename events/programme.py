"""What the public may look for and what it finds: one question for the page, the API and the feeds alike.

``Filters`` reads a query string and never fails: a value it does not understand is left out and named in
``unread``. ``find`` gives one page of slots after a cursor, ``tally`` counts the whole set in one query,
``facets`` says what there is to choose from. Slots are ordered by (instant, id); the cursor stands for the
last pair seen, so a page neither repeats nor skips a slot, ties included.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.core.cache import caches
from django.db import transaction
from django.db.models import Case, Count, F, IntegerField, Q, Sum, When
from django.http import QueryDict

from events.folding import fold, words
from events.models import Access, Activity, Festival, Format, Language, Mode, Programme, Slot, Theme
from events.models.slot import SlotQuerySet

PAGE_SIZE = 30
MOST_SLOTS = 1000
FACETS_KEY = "programme:facets"
FACETS_SECONDS = 60
DEFAULT_ZONE = "Europe/Paris"

MOMENTS: Mapping[str, tuple[dt.time, dt.time | None]] = {
    "matin": (dt.time(0), dt.time(12)),
    "midi": (dt.time(12), dt.time(14)),
    "apres-midi": (dt.time(12), dt.time(18)),
    "soir": (dt.time(18), None),
}
"""From (included) to (excluded) on the wall clock of the slot's territory. Noon begins the afternoon."""

DROP_IN_ONLY = "libre"
_CURSOR = re.compile(r"^(-?\d{1,17})\.(\d{1,18})$")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place in the list just after one slot."""

    starts_at: dt.datetime
    pk: int

    @classmethod
    def after(cls, slot: Slot) -> Self:
        return cls(slot.starts_at, slot.pk)

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ``ValueError`` on anything this module did not write."""
        try:
            plain = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
            found = _CURSOR.match(plain)
            if found is None or len(text) > 80:
                raise ValueError
            return cls(_EPOCH + dt.timedelta(microseconds=int(found[1])), int(found[2]))
        except (ValueError, OverflowError, binascii.Error) as error:
            raise ValueError("Not a cursor") from error

    def __str__(self) -> str:
        micros = (self.starts_at - _EPOCH) // dt.timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{micros}.{self.pk}".encode()).decode().rstrip("=")


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
    after: Cursor | None = None
    unread: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, data: QueryDict | Mapping[str, Any]) -> Self:
        """From ``q ville jour moment operation format thematique langue acces mode places apres``.

        ``ville`` is the slug of a territory or the name of a commune, ``jour`` an ISO date, ``places`` a
        number of places wanted together or ``libre`` for drop-in alone. ``after`` is read as ``apres`` is.
        """
        reader = _Reader(data)
        places, mode = reader.places(), reader.code("mode", Mode.values)
        if places == DROP_IN_ONLY:
            mode = Mode.DROP_IN.value
        return cls(
            query=reader.text("q"),
            place="-".join(fold(reader.text("ville")).split()),
            day=reader.day("jour"),
            moment=reader.code("moment", MOMENTS),
            programme=reader.slug("operation"),
            format=reader.code("format", Format.values),
            theme=reader.code("thematique", Theme.values),
            language=reader.code("langue", Language.values),
            access=reader.codes("acces", Access.values),
            mode=mode,
            places=places if isinstance(places, int) else 0,
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
            *(("acces", code) for code in self.access),
            ("mode", self.mode),
            ("places", str(self.places) if self.places else ""),
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
    def is_refined(self) -> bool:
        """Whether something is asked that the sentence does not say."""
        return bool(self.query or self.programme or self.theme or self.language or self.access)

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


def matching(filters: Filters, now: dt.datetime, *, cancelled: bool = False) -> SlotQuerySet:
    """Upcoming slots of published editions that answer the question, in no order, the cursor left aside.

    ``cancelled`` adds those cancelled after having been published, so that a page can say so.
    """
    states = [Slot.State.PUBLISHED, Slot.State.CANCELLED] if cancelled else [Slot.State.PUBLISHED]
    activity_states = [Activity.State.PUBLISHED]
    if cancelled:
        activity_states.append(Activity.State.CANCELLED)
    found = Slot.objects.upcoming(now).filter(
        state__in=states,
        activity__state__in=activity_states,
        activity__festival__state=Festival.State.PUBLISHED,
    )
    for word in words(filters.query):
        found = found.filter(activity__search_text__contains=word)
    if filters.place:
        name = filters.place.replace("-", " ")
        found = found.filter(Q(activity__territory__slug=filters.place) | Q(venue__commune__folded_name=name))
    if filters.day:
        found = found.filter(day=filters.day)
    if filters.moment:
        first, end = MOMENTS[filters.moment]
        found = found.filter(start_time__gte=first)
        if end is not None:
            found = found.filter(start_time__lt=end)
    exact = {
        "activity__programme__slug": filters.programme,
        "activity__format": filters.format,
        "activity__theme": filters.theme,
        "activity__languages__has": filters.language,
        "activity__mode": filters.mode,
    }
    found = found.filter(**{lookup: value for lookup, value in exact.items() if value})
    for code in filters.access:
        found = found.filter(Q(activity__access__has=code) | Q(venue__access__has=code))
    if filters.places:
        found = found.filter(state=Slot.State.PUBLISHED).with_places_left(filters.places)
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """One page of slots. ``next_cursor`` is None on the last; ``following`` is the next page's first slot.

    ``previous_cursor`` leads to the page before: a cursor, ``""`` for the beginning, None when this is it;
    ``preceding`` is the first slot of that page.
    """

    slots: list[Slot]
    next_cursor: str | None = None
    following: Slot | None = None
    previous_cursor: str | None = None
    preceding: Slot | None = None


def find(
    filters: Filters,
    now: dt.datetime,
    *,
    limit: int = PAGE_SIZE,
    cancelled: bool = False,
    look_back: bool = False,
) -> Page:
    """One page of what answers the question, from its cursor on: one query, two when it has to ``look_back``.

    ``limit`` is the number of slots, from 1 to ``MOST_SLOTS``.
    """
    limit = max(1, min(limit, MOST_SLOTS))
    everything = matching(filters, now, cancelled=cancelled)
    found = everything
    if filters.after:
        seen = filters.after
        found = found.filter(starts_at__gte=seen.starts_at).filter(
            Q(starts_at__gt=seen.starts_at) | Q(pk__gt=seen.pk)
        )
    slots = list(found.for_showing().in_order()[: limit + 1])
    following = slots.pop() if len(slots) > limit else None
    next_cursor = str(Cursor.after(slots[-1])) if following else None
    if not (look_back and filters.after):
        return Page(slots, next_cursor, following)
    preceding, previous_cursor = _page_before(everything, filters.after, limit)
    return Page(slots, next_cursor, following, previous_cursor, preceding)


def _page_before(everything: SlotQuerySet, seen: Cursor, limit: int) -> tuple[Slot | None, str | None]:
    """The first slot of the page that ends with the cursor, and the cursor that leads there."""
    before = list(
        everything.filter(starts_at__lte=seen.starts_at)
        .filter(Q(starts_at__lt=seen.starts_at) | Q(pk__lte=seen.pk))
        .only("starts_at", "timezone")
        .order_by("-starts_at", "-pk")[: limit + 1]
    )
    if not before:
        return None, None
    if len(before) <= limit:
        return before[-1], ""
    return before[-2], str(Cursor.after(before[-1]))


@dataclass(slots=True)
class Amount:
    """How many slots, and how many places are left in those that count them."""

    slots: int = 0
    places: int = 0

    def add(self, slots: int, places: int) -> None:
        self.slots += slots
        self.places += places


@dataclass(slots=True)
class Tally:
    """The whole set: in all, by day, and by hour of the day. Hours are those of ``zone``."""

    total: Amount
    by_day: dict[dt.date, Amount]
    by_hour: dict[tuple[dt.date, int], Amount]

    def hours_of(self, day: dt.date) -> list[tuple[int, Amount]]:
        """Every hour from the first to the last that has something, empty ones included."""
        hours = sorted(hour for at, hour in self.by_hour if at == day)
        if not hours:
            return []
        return [(hour, self.by_hour.get((day, hour), Amount())) for hour in range(hours[0], hours[-1] + 1)]


FREE_PLACES = Case(
    When(
        Q(state=Slot.State.PUBLISHED) & Q(capacity__isnull=False) & ~Q(activity__mode=Mode.DROP_IN),
        then=F("capacity") + F("overbook") - F("taken") - F("held") - F("reserved"),
    ),
    default=0,
    output_field=IntegerField(),
)


def tally(filters: Filters, now: dt.datetime, *, cancelled: bool = False, zone: str = DEFAULT_ZONE) -> Tally:
    """Counts of the whole set in one query, cursor aside. Days and hours are those of ``zone``."""
    counted = (
        matching(filters, now, cancelled=cancelled)
        .values_list("starts_at")
        .annotate(slots=Count("pk"), free=Sum(FREE_PLACES))
        .order_by()
    )
    wall = ZoneInfo(zone)
    result = Tally(Amount(), {}, {})
    for starts_at, slots, free in counted:
        at = starts_at.astimezone(wall)
        for count in (
            result.total,
            result.by_day.setdefault(at.date(), Amount()),
            result.by_hour.setdefault((at.date(), at.hour), Amount()),
        ):
            count.add(slots, free or 0)
    return result


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its code in the query string, its name, and how many slots it has."""

    code: str
    name: str
    slots: int = 0


@dataclass(frozen=True, slots=True)
class Facets:
    """What there is to choose from in the whole programme."""

    territories: list[Choice]
    days: list[dt.date]
    formats: list[str]
    programmes: list[Choice]
    zones: dict[str, str]
    """Territory slug → IANA time zone."""

    def territory(self, slug: str) -> Choice | None:
        return next((choice for choice in self.territories if choice.code == slug), None)

    def zone_of(self, slug: str) -> str:
        return self.zones.get(slug, DEFAULT_ZONE)


def facets(now: dt.datetime) -> Facets:
    """What upcoming slots offer, in order. Two queries, kept for a minute where there is a cache."""
    kept = caches["fast"].get(FACETS_KEY)
    if isinstance(kept, Facets):
        return kept
    fresh = _facets(now)
    caches["fast"].set(FACETS_KEY, fresh, FACETS_SECONDS)
    return fresh


def forget_facets() -> None:
    """Have the next page look afresh, once the transaction that published something stands.

    Where no cache answers there is nothing to forget. Whoever counted just before may still keep the old
    choice for ``FACETS_SECONDS``.
    """
    transaction.on_commit(lambda: caches["fast"].delete(FACETS_KEY))


def _facets(now: dt.datetime) -> Facets:
    territories: Counter[tuple[str, str, str, str]] = Counter()
    days: set[dt.date] = set()
    formats: set[str] = set()
    rows = (
        matching(Filters(), now)
        .values_list(
            "activity__territory__sort_name",
            "activity__territory__slug",
            "activity__territory__name",
            "activity__territory__timezone",
            "day",
            "activity__format",
        )
        .annotate(slots=Count("pk"))
        .order_by()
    )
    for sort_name, slug, name, zone, day, form, slots in rows:
        territories[(sort_name, slug, name, zone)] += slots
        days.add(day)
        formats.add(form)
    programmes = Programme.objects.filter(festival__state=Festival.State.PUBLISHED).values_list(
        "slug", "name"
    )
    return Facets(
        territories=[
            Choice(slug, name, slots) for (_s, slug, name, _z), slots in sorted(territories.items())
        ],
        days=sorted(days),
        formats=[code for code in Format.values if code in formats],
        programmes=[Choice(slug, name) for slug, name in dict(programmes.order_by("name")).items()],
        zones={slug: zone for _sort, slug, _name, zone in territories},
    )
