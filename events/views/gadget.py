"""The programme on other sites' pages: a script tag (``/gadget.js`` reads ``/gadget.json``) or a frame.

Docs: docs/widget.md. Nothing here knows who reads: no session, no cookie, no form; any origin may read,
caches keep it for a minute. A door leads to the page of its slot, where all the rest happens.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import get_template, render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from events.doors import read_door
from events.forms.programme import say_question
from events.models import Host, Slot
from events.programme import Facets, Filters, facets, matching
from events.views.context import SITE_NAME
from events.views.quick_pages import remember
from events.wording import language, say_day, say_number, say_time

USUAL, MOST = 5, 20
"""Slots shown."""
SECONDS_KEPT = {"json": 60, "frame": 60, "script": 3600}
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot. ``door`` is the name of a drawing, ``url`` stands on the site, ``lang`` is set where the
    title is in another language than the rest.
    """

    at: str
    time: str
    title: str
    lang: str
    url: str
    where: str
    door: str
    paint: str
    places: str

    @property
    def door_classes(self) -> str:
        return f"door paint-{self.paint}"


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    rows: list[Entry]


@dataclass(frozen=True, slots=True)
class Shown:
    """All the gadget says; ``empty`` stands in the place of ``said`` where nothing was found."""

    title: str
    said: str
    empty: str
    days: list[Day]
    more: dict[str, str]
    unread: list[str]
    site: str = SITE_NAME
    doors: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the tag or the address of the frame asks for."""

    filters: Filters
    host: str
    number: int
    lang: str
    unread: tuple[str, ...]

    @classmethod
    def read(cls, data: QueryDict) -> Asked:
        """The programme's filters, ``hote`` (slug), ``nombre`` (1 to 20), ``hl=en``; never fails."""
        filters = Filters.read(data).without("after")
        unread = [name for name in filters.unread if name not in ("apres", "after")]
        host = data.get("hote", "").strip()
        if not re.fullmatch(r"[-\w]{0,200}", host):
            unread.append("hote")
            host = ""
        typed = data.get("nombre", "").strip()
        number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 4 else 0
        if typed and not 1 <= number <= MOST:
            unread.append("nombre")
        lang = "en" if data.get("hl") == "en" else "fr"
        return cls(filters, host, max(1, min(number, MOST)) if number else USUAL, lang, tuple(unread))

    def show(self) -> Shown:
        """Kept for some seconds: one busy page of a city asks this for each of its readers."""
        key = ("gadget", tuple(self.filters.parameters()), self.host, self.number, self.lang, self.unread)
        with translation.override(self.lang):
            return remember(key, lambda: _shown(self, timezone.now()))


def _shown(asked: Asked, now: dt.datetime) -> Shown:
    host = Host.objects.public().filter(slug=asked.host).first() if asked.host else None
    found = matching(asked.filters, now)
    if asked.host:
        found = found.filter(activity__host__slug=asked.host)
    total = found.count()
    slots = list(found.for_showing().in_order()[: asked.number]) if total else []
    entries = [(slot, _entry(slot, now)) for slot in slots]
    return Shown(
        title=_title(asked, host, facets(now)),
        said=_said(len(slots), total),
        empty="" if slots else _("No door is open for this choice at the moment."),
        days=[
            Day(_capital(say_day(day)), [entry for _slot, entry in group])
            for day, group in groupby(entries, key=lambda pair: pair[0].day)
        ],
        more=_more(asked, host, total),
        unread=list(asked.unread),
        doors={name: drawings()[name] for name in sorted({entry.door for _slot, entry in entries})},
    )


def _entry(slot: Slot, now: dt.datetime) -> Entry:
    activity, venue = slot.activity, slot.venue
    door = read_door(slot, now=now)
    where = [activity.host.name, *([venue.name, venue.city] if venue else [activity.territory.name])]
    return Entry(
        at=slot.local_start.isoformat(timespec="minutes"),
        time=say_time(slot.local_start),
        title=activity.title,
        lang="fr" if language() == "en" and not activity.title_en else "",
        url=_in_language(slot.get_absolute_url()),
        where=", ".join(dict.fromkeys(where)),
        door=door.symbol,
        paint=activity.host.paint,
        places=door.words,
    )


def _title(asked: Asked, host: Host | None, choices: Facets) -> str:
    said = say_question(asked.filters, choices)
    if host is not None:
        return f"{host.name}, {said}" if said else host.name
    return _capital(said) or _("Start-ups open their doors")


def _said(shown: int, total: int) -> str:
    if shown < total:
        said = ngettext("The next of %(total)s slots", "The next %(shown)s of %(total)s slots", shown)
        return said % {"shown": say_number(shown), "total": say_number(total)}
    return ngettext("%(n)s slot", "%(n)s slots", total) % {"n": say_number(total)}


def _more(asked: Asked, host: Host | None, total: int) -> dict[str, str]:
    if host is not None:
        return {"url": _in_language(host.get_absolute_url()), "label": _("All the doors of this host")}
    here = reverse("events:programme")
    if not total:
        return {"url": _in_language(here), "label": _("The whole programme")}
    return {"url": _in_language(here + asked.filters.query_string()), "label": _("See the programme")}


def _in_language(path: str) -> str:
    if language() != "en":
        return path
    return f"{path}{'&' if '?' in path else '?'}hl=en"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def drawings() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """The doors by their name as (element, attributes), out of the site's own drawings."""
    text = get_template("components/_symbols.html").template.source  # type: ignore[attr-defined]
    doors = re.findall(r'<symbol id="(porte-\w+)"[^>]*>(.*?)</symbol>', text, re.DOTALL)
    return {
        name: [
            (element, dict(re.findall(r'([\w-]+)="([^"]*)"', attributes)))
            for element, attributes in re.findall(r"<(\w+)([^>]*?)/>", drawn)
        ]
        for name, drawn in doors
    }


# What is answered ------------------------------------------------------------------------------------------


@require_safe
def gadget_json(request: HttpRequest) -> HttpResponse:
    """What the script shows: words, addresses on the site, drawings of the doors met."""
    asked = Asked.read(request.GET)
    body = json.dumps(asdict(asked.show()), ensure_ascii=False, separators=(",", ":"))
    return _for_all(request, body, "application/json", asked.lang, "json")


@require_safe
def gadget_script(request: HttpRequest) -> HttpResponse:
    """The script, its style and its few own words in both languages, in one file under one address."""
    return _for_all(request, _script(), "text/javascript; charset=utf-8", "fr", "script")


@require_safe
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})
def gadget(request: HttpRequest) -> HttpResponse:
    """The same in a page that any site may frame: drawn here, without script."""
    asked = Asked.read(request.GET)
    shown = asked.show()
    theme = request.GET.get("theme", "")
    with translation.override(asked.lang):
        page = render_to_string(
            "events/gadget/frame.html",
            {
                "shown": shown,
                "lang": asked.lang,
                "theme": theme if theme in THEMES else "",
                "more": settings.SITE_URL + shown.more["url"],
            },
        )
    return _for_all(request, page, "text/html; charset=utf-8", asked.lang, "frame")


def _for_all(request: HttpRequest, body: str, content_type: str, lang: str, kind: str) -> HttpResponse:
    """Readable from anywhere, kept for a while, 304 when it is the same."""
    content = body.encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = HttpResponse(content, content_type=content_type)
    response["ETag"] = etag
    response["Content-Language"] = lang
    patch_cache_control(response, public=True, max_age=SECONDS_KEPT[kind])
    answer = get_conditional_response(request, etag=etag, response=response) or response
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@cache
def _script() -> str:
    """Put together once a process."""
    return render_to_string(
        "events/gadget/gadget.js",
        {
            "guide": settings.SITE_URL + reverse("events:gadget_guide"),
            "style": json.dumps(_compact(Path(str(finders.find("css/gadget.css"))).read_text().splitlines())),
            "words": json.dumps({lang: _own_words(lang) for lang in ("fr", "en")}, ensure_ascii=False),
        },
    )


def _compact(lines: Iterable[str]) -> str:
    """A style sheet without its comments and indents; each of its comments has lines of its own."""
    return "\n".join(line.strip() for line in lines if not line.startswith("/*"))


def _own_words(lang: str) -> dict[str, str]:
    """What the script must say when it cannot read the site."""
    with translation.override(lang):
        return {
            "title": SITE_NAME,
            "failed": _("The programme cannot be read right now."),
            "reading": _("Reading the programme…"),
            "again": _("Try again"),
            "programme": _("The programme on the festival’s site"),
        }
