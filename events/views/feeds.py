"""The programme's feeds: the page's filters, the same slots, for calendars, readers, spreadsheets and maps.

In French; ``hl=en`` asks for English. At most ``MOST_IN_A_FEED`` slots; a ``Link: rel="next"`` leads on.
Caches keep them for five minutes, and they are answered 304 when nothing has changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from events.calendar import calendar_of
from events.exchange import feeds as writers
from events.forms.programme import say_question
from events.programme import Facets, Filters, Page, find
from events.views.context import SITE_NAME

MOST_IN_A_FEED = 500
MINUTES_KEPT = 5


@require_safe
def calendar(request: HttpRequest) -> HttpResponseBase:
    def write(page: Page, title: str, now: dt.datetime, _next: str | None) -> bytes:
        return calendar_of(slots=page.slots, now=now, name=title)

    return _answer(request, "ics", "text/calendar; charset=utf-8", write, cancelled=True)


@require_safe
def rss(request: HttpRequest) -> HttpResponseBase:
    def write(page: Page, title: str, now: dt.datetime, _next: str | None) -> str:
        return writers.write_rss(
            page.slots,
            title=title,
            page_url=f"{settings.SITE_URL}{reverse('events:programme')}",
            feed_url=f"{settings.SITE_URL}{request.get_full_path()}",
            site_url=settings.SITE_URL,
            now=now.replace(second=0, microsecond=0),
            lang=translation.get_language() or "fr",
        )

    return _answer(request, "rss", "application/rss+xml; charset=utf-8", write)


@require_safe
def json_events(request: HttpRequest) -> HttpResponseBase:
    def write(page: Page, _title: str, now: dt.datetime, following: str | None) -> str:
        when = now.replace(second=0, microsecond=0)
        return writers.written(
            writers.write_json(page.slots, site_url=settings.SITE_URL, now=when, following=following)
        )

    return _answer(request, "json", "application/json", write)


@require_safe
def csv_table(request: HttpRequest) -> HttpResponseBase:
    def write(page: Page, _title: str, _now: dt.datetime, _next: str | None) -> str:
        return writers.write_csv(page.slots, site_url=settings.SITE_URL)

    return _answer(request, "csv", "text/csv; charset=utf-8", write)


@require_safe
def geojson(request: HttpRequest) -> HttpResponseBase:
    def write(page: Page, _title: str, _now: dt.datetime, _next: str | None) -> str:
        return writers.written(writers.write_geojson(page.slots, site_url=settings.SITE_URL))

    return _answer(request, "geojson", "application/geo+json", write)


def _answer(
    request: HttpRequest,
    kind: str,
    content_type: str,
    write: Callable[[Page, str, dt.datetime, str | None], str | bytes],
    *,
    cancelled: bool = False,
) -> HttpResponseBase:
    now = timezone.now()
    filters = Filters.read(request.GET)
    with translation.override("en" if request.GET.get("hl") == "en" else "fr"):
        page = find(filters, now, limit=MOST_IN_A_FEED, cancelled=cancelled)
        following = _following(filters, page, kind)
        body = write(page, _name(filters), now, following)
    content = body.encode() if isinstance(body, str) else body
    etag = f'"{hashlib.sha256(without_clock(content)).hexdigest()[:32]}"'
    response: HttpResponseBase = HttpResponse(content, content_type=content_type)
    response["ETag"] = etag
    response["Access-Control-Allow-Origin"] = "*"
    response["Content-Disposition"] = (
        f'{"inline" if kind != "csv" else "attachment"}; filename="programme.{kind}"'
    )
    if following:
        response["Link"] = f'<{following}>; rel="next"'
    patch_cache_control(response, public=True, max_age=MINUTES_KEPT * 60)
    return get_conditional_response(request, etag=etag, response=response) or response  # type: ignore[arg-type]


def _following(filters: Filters, page: Page, kind: str) -> str | None:
    if page.next_cursor is None:
        return None
    path = reverse(f"events:programme_{kind}") + filters.query_string(after=page.next_cursor)
    return f"{settings.SITE_URL}{path}"


def _name(filters: Filters) -> str:
    """« Festival French Tech, jeudi 10 juin à Toulouse »."""
    nothing = Facets(territories=[], days=[], formats=[], programmes=[], zones={})
    said = say_question(filters, nothing)
    return f"{SITE_NAME}, {said}" if said else _("%(site)s, the programme") % {"site": SITE_NAME}


def without_clock(content: bytes) -> bytes:
    """What counts as content: lines that only say when the file was written do not."""
    kept: list[Any] = [
        line
        for line in content.splitlines()
        if not line.startswith((b"DTSTAMP", b"CREATED", b"LAST-MODIFIED"))
    ]
    return b"\n".join(kept)
