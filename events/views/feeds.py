"""The programme's feeds: the page's filters, the whole set, for calendars, readers, spreadsheets and maps.

In French; ``hl=en`` asks for English. A feed is sent while it is written, in constant memory; ``limit`` asks
for pages of at most ``MOST_ON_A_PAGE`` slots in the order of time, which ``Link: rel="next"`` leads through.
``depuis``, a moment in ISO 8601, asks for what changed from then on, what was taken out included, always
whole. RSS carries the ``NEWEST_IN_RSS`` newest: it is a list of news, not a copy.

Caches keep them for five minutes. An unchanged feed is answered 304 after two queries, whatever its size:
the ETag is made of what the database knows of the set, not of its text. A place that was taken is part of it
where places are shown, but is no modification for ``Last-Modified``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from events.exchange import feed_set, licence
from events.exchange import feeds as writers
from events.exchange.calendar_feed import write_calendar
from events.exchange.feed_set import (
    BY_ACTIVITY,
    BY_TIME,
    NEWEST,
    FeedSet,
    Gone,
    SetState,
    slots_by_number,
)
from events.forms.programme import say_question
from events.models import Slot
from events.models.gone import KEPT
from events.programme import Facets, Filters, find
from events.views.context import SITE_NAME

MOST_ON_A_PAGE = 500
NEWEST_IN_RSS = 500
MINUTES_KEPT = 5
CHUNK = 64 * 1024
"""Characters sent at once."""
FORM = 4
"""Rises when feeds are written in another way, so that nobody keeps what was written before."""


class Unanswerable(ValueError):
    """A parameter that cannot be obeyed; the text is a sentence in the active language."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A feed that was asked for. ``limit`` None: the whole set."""

    kind: str
    lang: str
    now: dt.datetime
    filters: Filters
    limit: int | None
    since: dt.datetime | None
    address: str

    is_small: bool = False

    @property
    def everything(self) -> FeedSet:
        return FeedSet(self.filters, self.now, self.since, self.is_small)

    @property
    def minute(self) -> dt.datetime:
        return self.now.replace(second=0, microsecond=0)


Write = Callable[[Asked, SetState, "Contents"], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands in a feed: slots in an order to be chosen, what is gone, and where the next page is."""

    asked: Asked
    page: list[Slot] | None = None
    following: str | None = None

    def slots(self, *order: str) -> Iterator[Slot]:
        return iter(self.page) if self.page is not None else self.asked.everything.slots(order)

    def positioned(self) -> Iterator[Slot]:
        if self.page is None:
            return self.asked.everything.positioned()
        here = [slot for slot in self.page if slot.venue and slot.venue.latitude is not None]
        return iter(sorted(here, key=lambda slot: slot.venue_id or 0))

    def gone(self) -> Iterator[Gone]:
        return self.asked.everything.gone() if self.asked.since else iter(())


@require_safe
def calendar(request: HttpRequest) -> HttpResponseBase:
    def write(asked: Asked, state: SetState, contents: Contents) -> Iterator[str]:
        gone: list[Gone] = []
        if state.gone and contents.page is None and (asked.since or asked.everything.knows_what_is_gone):
            gone = [one for one in asked.everything.gone() if one.starts_at is not None]
        zones = [
            *state.zones,
            *((one.timezone, one.starts_at, one.starts_at) for one in gone if one.starts_at),
        ]
        yield from write_calendar(
            contents.slots(*BY_TIME), name=_name(asked.filters), now=asked.now, zones=zones, gone=gone
        )

    return _answer(request, "ics", "text/calendar; charset=utf-8", write)


@require_safe
def rss(request: HttpRequest) -> HttpResponseBase:
    def write(asked: Asked, _state: SetState, _contents: Contents) -> Iterator[str]:
        return writers.write_rss(
            asked.everything.slots(NEWEST, most=NEWEST_IN_RSS),
            title=_name(asked.filters),
            page_url=f"{settings.SITE_URL}{reverse('events:programme')}{asked.filters.query_string()}",
            feed_url=f"{settings.SITE_URL}{asked.address}",
            site_url=settings.SITE_URL,
            now=asked.minute,
            lang=asked.lang,
        )

    return _answer(request, "rss", "application/rss+xml; charset=utf-8", write)


@require_safe
def json_events(request: HttpRequest) -> HttpResponseBase:
    def write(asked: Asked, _state: SetState, contents: Contents) -> Iterator[str]:
        slots = contents.slots(*BY_ACTIVITY)
        if contents.page is not None:
            slots = _by_activity(contents.page)
        return writers.write_json(
            slots,
            site_url=settings.SITE_URL,
            now=asked.now,
            since=asked.since,
            gone=contents.gone(),
            following=contents.following,
        )

    return _answer(request, "json", "application/json", write)


@require_safe
def csv_table(request: HttpRequest) -> HttpResponseBase:
    def write(_asked: Asked, _state: SetState, contents: Contents) -> Iterator[str]:
        return writers.write_csv(contents.slots(*BY_TIME), site_url=settings.SITE_URL, gone=contents.gone())

    return _answer(request, "csv", "text/csv; charset=utf-8", write)


@require_safe
def geojson(request: HttpRequest) -> HttpResponseBase:
    def write(asked: Asked, _state: SetState, contents: Contents) -> Iterator[str]:
        return writers.write_geojson(
            contents.positioned(), site_url=settings.SITE_URL, since=asked.since, gone=contents.gone()
        )

    return _answer(request, "geojson", "application/geo+json", write)


# What all of them do ----------------------------------------------------------------------------------------


def _answer(request: HttpRequest, kind: str, content_type: str, write: Write) -> HttpResponseBase:
    lang = "en" if request.GET.get("hl") == "en" else "fr"
    with translation.override(lang):
        try:
            asked = _read(request, kind, lang)
        except Unanswerable as error:
            return HttpResponse(f"{error}\n", content_type="text/plain; charset=utf-8", status=400)
        state = asked.everything.state()
        asked = replace(asked, is_small=state.slots <= feed_set.AT_ONCE)
        contents = _page(asked) if asked.limit else Contents(asked)
    etag = _etag(asked, state)
    headers = {
        "ETag": etag,
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag, Last-Modified, Link",
        "Content-Disposition": (
            f'{"inline" if kind != "csv" else "attachment"}; filename="programme.{kind}"'
        ),
        "Link": f'<{licence.URL}>; rel="license"',
    }
    if contents.following:
        headers["Link"] = f'<{contents.following}>; rel="next", {headers["Link"]}'
    changed = int(state.changed_at.timestamp()) if state.changed_at else None
    if changed is not None:
        headers["Last-Modified"] = http_date(changed)
    # Where places are shown, only the ETag tells whether all is as it was.
    counted = changed if kind in ("ics", "rss") else None
    response = get_conditional_response(request, etag=etag, last_modified=counted)
    answer: HttpResponseBase | None = response
    if answer is None:
        with translation.override(lang):
            parts = _in_chunks(write(asked, state, contents), lang)
        if request.method == "HEAD":
            answer = HttpResponse(content_type=content_type)
        elif asked.is_small or contents.page is not None:
            answer = HttpResponse(b"".join(parts), content_type=content_type)
        else:
            answer = StreamingHttpResponse(parts, content_type=content_type)
    for name, value in headers.items():
        answer[name] = value
    patch_cache_control(answer, public=True, max_age=MINUTES_KEPT * 60)
    return answer


def _read(request: HttpRequest, kind: str, lang: str) -> Asked:
    """Raises ``Unanswerable``."""
    now, filters = timezone.now(), Filters.read(request.GET)
    limit: int | None = MOST_ON_A_PAGE if filters.after else None
    said = request.GET.get("limit", "")
    if said:
        if not (said.isascii() and said.isdigit() and 0 < len(said) <= 6 and int(said)):
            raise Unanswerable(
                _("“limit” is not a number of slots, from 1 to %(most)d.") % {"most": MOST_ON_A_PAGE}
            )
        limit = min(int(said), MOST_ON_A_PAGE)
    since = _since(request.GET.get("depuis", ""), now)
    if kind == "rss":
        since = None
    if kind == "rss" or since:
        limit = None
    return Asked(kind, lang, now, filters, limit, since, request.get_full_path())


def _since(said: str, now: dt.datetime) -> dt.datetime | None:
    """Raises ``Unanswerable``. A « + » that an address lost is put back."""
    if not said:
        return None
    text = said.strip()[:40]
    try:
        since = dt.datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if since.tzinfo is None:
            since = timezone.make_aware(since)
        since = since.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise Unanswerable(_("“depuis” is not a moment we can read: write 2027-06-10T14:00:00Z.")) from error
    if since < now - KEPT:
        raise Unanswerable(
            _("What was taken out is known for %(days)d days: for longer, read the whole feed again.")
            % {"days": KEPT.days}
        )
    return since


def _page(asked: Asked) -> Contents:
    """A page in the order of time, and the address of the next."""
    limit = asked.limit or MOST_ON_A_PAGE
    page = find(asked.filters, asked.now, limit=limit, cancelled=True)
    following = None
    if page.next_cursor is not None:
        pairs = [*asked.filters.parameters(), ("apres", page.next_cursor), ("limit", str(limit))]
        if asked.lang == "en":
            pairs.append(("hl", "en"))
        path = reverse(f"events:programme_{asked.kind}")
        following = f"{settings.SITE_URL}{path}?{urlencode(pairs)}"
    return Contents(asked, list(slots_by_number([slot.pk for slot in page.slots])), following)


def _by_activity(page: list[Slot]) -> Iterator[Slot]:
    """The slots of a page, those of one activity together, in the order in which activities begin."""
    first: dict[int, int] = {}
    for number, slot in enumerate(page):
        first.setdefault(slot.activity_id, number)
    return iter(sorted(page, key=lambda slot: first[slot.activity_id]))


def _etag(asked: Asked, state: SetState) -> str:
    said: list[Any] = [FORM, settings.SITE_URL, asked.kind, asked.lang, asked.filters.parameters()]
    said += [asked.limit, str(asked.filters.after or ""), asked.since, state.slots, *state.marks]
    return f'"{hashlib.sha256(repr(said).encode()).hexdigest()[:32]}"'


def _in_chunks(parts: Iterator[str], lang: str) -> Iterator[bytes]:
    """The text in pieces worth sending, each written in ``lang`` and sent in whatever language is active."""
    while True:
        some: list[str] = []
        size = 0
        with translation.override(lang):
            for part in parts:
                some.append(part)
                size += len(part)
                if size >= CHUNK:
                    break
        if not some:
            return
        yield "".join(some).encode()


def _name(filters: Filters) -> str:
    """« Festival French Tech, jeudi 10 juin à Toulouse »."""
    nothing = Facets(territories=[], days=[], formats=[], programmes=[], zones={})
    said = say_question(replace(filters, after=None), nothing)
    return f"{SITE_NAME}, {said}" if said else _("%(site)s, the programme") % {"site": SITE_NAME}


def without_clock(content: bytes) -> bytes:
    """What counts as content: lines that only say when the file was written do not."""
    kept: list[Any] = [
        line
        for line in content.splitlines()
        if not line.startswith((b"DTSTAMP", b"CREATED", b"LAST-MODIFIED"))
    ]
    return b"\n".join(kept)
