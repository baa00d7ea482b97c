"""The sitemap (https://www.sitemaps.org/protocol.html): every public page in each language.

One file while it is small; beyond that an index and numbered parts by kind of page, each far below the 50,000
addresses and 50 MB that the protocol allows. Written row by row: a part of any length takes the same memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from django.db.models import Count, DateTimeField, F, Max, Q, Value
from django.urls import reverse
from django.utils import timezone

from events.models import (
    Activity,
    ArchiveEntry,
    Ballot,
    Festival,
    Host,
    Programme,
    Room,
    Slot,
    Territory,
    Venue,
)

from .addresses import address_of, alternates

PAGES_A_PART = 5_000
"""Each page has three addresses."""

FIXED = ("home", "programme", "map", "territories", "history", "accessibility", "privacy", "legal", "feeds")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
URLSET = (
    f'{HEAD}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:xhtml="http://www.w3.org/1999/xhtml">'
)
INDEX = f'{HEAD}<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


@dataclass(frozen=True, slots=True)
class Section:
    """A kind of page: its rows, and the fields that make an address of ``route``. ``changed`` names when one
    last changed, where that is known.
    """

    name: str
    route: str
    pages: Callable[[dt.datetime], Any]
    fields: tuple[str, ...] = ("slug",)
    changed: Any = None

    def rows(self, now: dt.datetime) -> Any:
        """Tuples of the fields and of when it changed, in a fixed order."""
        pages = self.pages(now).order_by("pk")
        if self.changed is None:
            return pages.values_list(*self.fields, Value(None, DateTimeField()))
        return pages.annotate(changed_at=self.changed).values_list(*self.fields, "changed_at")


def _archived(_now: dt.datetime) -> Any:
    return Festival.objects.archived()


def _operations(_now: dt.datetime) -> Any:
    """One address for all editions that have an operation of that name: the last of them stands for it."""
    states = (Festival.State.PUBLISHED, Festival.State.ARCHIVED)
    shown = Programme.objects.filter(festival__state__in=states)
    last = shown.order_by().values("slug").annotate(last=Max("pk")).values("last")
    return Programme.objects.filter(pk__in=last)


def _territories(_now: dt.datetime) -> Any:
    """Those of the list of cities: of a coming edition or with a past."""
    coming = Festival.territories.through.objects.filter(festival__state=Festival.State.PUBLISHED)
    past = ArchiveEntry.objects.filter(territory__isnull=False)
    return Territory.objects.filter(Q(pk__in=coming.values("territory")) | Q(pk__in=past.values("territory")))


def _venues(_now: dt.datetime) -> Any:
    shown = Slot.objects.visible().filter(venue__isnull=False).order_by().values("venue")
    return Venue.objects.filter(Q(pk__in=shown) | Q(is_totem=True))


def _rooms(now: dt.datetime) -> Any:
    return Room.objects.filter(is_active=True, venue__in=_venues(now).order_by().values("pk"))


def _activities(_now: dt.datetime) -> Any:
    return Activity.objects.published()


def _hosts(_now: dt.datetime) -> Any:
    return Host.objects.filter(pk__in=Activity.objects.published().order_by().values("host"))


def _ballots(_now: dt.datetime) -> Any:
    in_use = Activity.objects.published().filter(ballot__isnull=False)
    return Ballot.objects.filter(pk__in=in_use.order_by().values("ballot"))


def _slots(now: dt.datetime) -> Any:
    return Slot.objects.published().upcoming(now)


SECTIONS = (
    Section("editions", "edition", _archived),
    Section("operations", "operation", _operations),
    Section("villes", "territory", _territories),
    Section("lieux", "venue", _venues),
    Section("salles", "room", _rooms, ("venue__slug", "pk")),
    Section("hotes", "host", _hosts, changed=Max("activities__updated_at")),
    Section("activites", "activity", _activities, changed=F("updated_at")),
    Section("tirages", "ballot", _ballots),
    Section("creneaux", "slot", _slots, ("pk",)),
)
BY_NAME = {section.name: section for section in SECTIONS}


def counts(now: dt.datetime) -> dict[str, int]:
    """How many pages each section has, in one question."""
    each = [
        section.pages(now)
        .order_by()
        .annotate(section=Value(section.name))
        .values("section")
        .annotate(pages=Count("pk"))
        .values_list("section", "pages")
        for section in SECTIONS
    ]
    found = dict(each[0].union(*each[1:], all=True))
    return {section.name: found.get(section.name, 0) for section in SECTIONS}


def whole(now: dt.datetime) -> Iterator[str]:
    """Everything in one file."""
    yield URLSET
    yield from (_page(reverse(f"events:{name}"), None) for name in FIXED)
    for section in SECTIONS:
        yield from _pages(section, section.rows(now))
    yield "</urlset>\n"


def index(known: dict[str, int]) -> Iterator[str]:
    """The list of parts: the fixed pages, then as many for each section as it takes."""
    yield INDEX
    names = [("pages", 1)]
    names += [(name, n) for name, count in known.items() for n in range(1, -(-count // PAGES_A_PART) + 1)]
    for name, number in names:
        address = address_of(reverse("events:sitemap_part", args=[name, number]))
        yield f"<sitemap><loc>{address}</loc></sitemap>"
    yield "</sitemapindex>\n"


def part(name: str, number: int, now: dt.datetime) -> Iterator[str] | None:
    """One part by its name and number from 1; None where there is none."""
    if name == "pages" and number == 1:
        return iter([URLSET, *(_page(reverse(f"events:{one}"), None) for one in FIXED), "</urlset>\n"])
    section = BY_NAME.get(name)
    if section is None or number < 1:
        return None
    first = (min(number, 100_000) - 1) * PAGES_A_PART
    rows = list(section.rows(now)[first : first + PAGES_A_PART])
    if not rows:
        return None
    return iter([URLSET, *_pages(section, rows), "</urlset>\n"])


def _pages(section: Section, rows: Any) -> Iterator[str]:
    for *arguments, changed in rows:
        yield _page(reverse(f"events:{section.route}", args=arguments), changed)


def _page(path: str, changed: dt.datetime | None) -> str:
    """Each version as an entry of its own that names all of them, as hreflang wants it."""
    versions = alternates(path)
    links = "".join(
        f'<xhtml:link rel="alternate" hreflang="{code}" href={quoteattr(address)}/>'
        for code, address in versions
    )
    when = f"<lastmod>{timezone.localtime(changed, dt.UTC):%Y-%m-%dT%H:%M:%SZ}</lastmod>" if changed else ""
    return "".join(
        f"<url><loc>{address.replace('&', '&amp;')}</loc>{when}{links}</url>" for _code, address in versions
    )
