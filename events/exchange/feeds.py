"""The programme for other programs: RSS 2.0, JSON in OpenAgenda's words, CSV, GeoJSON.

Each writer takes slots one after the other and gives text piece by piece, so that a feed of any size is never
held whole; no query, no clock but the one given (iCalendar is written by ``events.calendar``). Addresses are
made from ``site_url``. Text of the public goes out as text: escaped in XML, quoted in CSV with its formulas
defused. Every format says the licence where it has a place for it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from email.utils import format_datetime
from functools import lru_cache
from itertools import groupby
from typing import Any
from xml.sax.saxutils import quoteattr

from django.utils.html import escape
from django.utils.translation import gettext as _

from events.calendar import venue_of
from events.models import Activity, Format, Slot
from events.wording import say_day, say_times

from . import licence
from .feed_set import Gone
from .openagenda_out import events_of, one_line, timing_of
from .slot_paths import slot_path

# Characters XML 1.0 §2.2 has no place for, control characters, and marks that turn the writing direction.
_UNFIT = re.compile(
    r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
# A cell that begins so would be run by a spreadsheet (OWASP, « CSV Injection »).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")

CSV_COLUMNS = (
    *("identifiant", "intitulé", "organisateur", "commune", "date", "heure", "heure_fin", "durée"),
    *("format", "lieu", "salle", "adresse", "jauge", "places_restantes", "mode", "langue", "description"),
    *("accès", "état", "adresse_web"),
)
TAKEN_PLACE, CANCELLED, WITHDRAWN = "publié", "annulé", "retiré"
"""What the column « état » says."""


def _text(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _UNFIT.sub("", text)


def is_off(slot: Slot) -> bool:
    """Whether it does not take place."""
    return slot.is_cancelled or slot.activity.state == Activity.State.CANCELLED


# RSS -----------------------------------------------------------------------------------------------


def write_rss(
    slots: Iterable[Slot],
    *,
    title: str,
    page_url: str,
    feed_url: str,
    site_url: str,
    now: dt.datetime,
    lang: str,
) -> Iterator[str]:
    """RSS 2.0 with one item for each slot (https://www.rssboard.org/rss-specification)."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#"><channel>'
        f"<title>{escape(_text(title))}</title><link>{escape(page_url)}</link>"
        f'<atom:link href={quoteattr(feed_url)} rel="self" type="application/rss+xml"/>'
        f'<atom:link href={quoteattr(licence.URL)} rel="license"/>'
        f"<description>{escape(_('Open doors to come, free, booked without an account.'))}</description>"
        f"<language>{lang}</language><copyright>{escape(licence.NAME)}</copyright>"
        f"<lastBuildDate>{format_datetime(now)}</lastBuildDate><ttl>15</ttl>"
    )
    for slot in slots:
        yield _item(slot, site_url)
    yield "</channel></rss>\n"


def _item(slot: Slot, site_url: str) -> str:
    activity, url, venue = slot.activity, f"{site_url}{slot_path(slot.pk)}", venue_of(slot)
    where = f"{venue.name}, {venue.city}" if venue else activity.territory.name
    when = f"{say_day(slot.day)}, {say_times(slot.local_start, slot.local_end)}"
    title = f"{activity.title}, {when}"
    head = f"{activity.host.name}. {when}. {where}."
    if is_off(slot):
        title = _("Cancelled: %(title)s") % {"title": title}
        head = f"{_('Cancelled')}. {slot.cancel_reason}\n\n{head}" if slot.cancel_reason else head
    text = f"{head}\n\n{activity.description}" if activity.description else head
    position = (
        f"<geo:lat>{venue.latitude}</geo:lat><geo:long>{venue.longitude}</geo:long>"
        if venue and venue.latitude is not None
        else ""
    )
    published = activity.published_at or activity.created_at
    return (
        f"<item><title>{escape(_text(title))}</title><link>{escape(url)}</link>"
        f'<guid isPermaLink="true">{escape(url)}</guid><pubDate>{format_datetime(published)}</pubDate>'
        f"<category>{escape(str(activity.get_format_display()))}</category>"
        f"<description>{escape(escape(_text(text)))}</description>{position}</item>"
    )


# JSON ----------------------------------------------------------------------------------------------


def write_json(
    slots: Iterable[Slot],
    *,
    site_url: str,
    now: dt.datetime,
    since: dt.datetime | None = None,
    gone: Iterable[Gone] = (),
    following: str | None = None,
) -> Iterator[str]:
    """Events as OpenAgenda names their fields, one for each activity; slots come activity by activity.

    ``next`` is the address of what follows, or null. ``deleted``, with ``since``: what is no longer there.
    ``generatedAt`` is what to give as ``depuis`` the next time.
    """
    head = {"license": licence.AS_JSON, "generatedAt": now.isoformat(timespec="seconds")}
    if since:
        head["since"] = since.isoformat(timespec="seconds")
    yield f'{written(head)[:-1]},"events":['
    total = 0
    for event in events_of(slots, site_url=site_url):
        yield f",{written(event)}" if total else written(event)
        total += 1
    yield "]"
    if since:
        yield ',"deleted":['
        yield from _separated(gone, _deleted)
        yield "]"
    yield f',"total":{total},"next":{json.dumps(following)}}}'


def _deleted(one: Gone) -> str:
    return written(
        {"uid": one.activity, "slot": one.slot, "deleted": True, "at": one.at.isoformat(timespec="seconds")}
    )


def _separated(things: Iterable[Any], write: Callable[[Any], str]) -> Iterator[str]:
    for number, one in enumerate(things):
        yield f",{write(one)}" if number else write(one)


# CSV -----------------------------------------------------------------------------------------------


def write_csv(slots: Iterable[Slot], *, site_url: str, gone: Iterable[Gone] = ()) -> Iterator[str]:
    """One line for each slot, as ``import_programme`` reads it: BOM, « ; », ``31/12/2026``, ``18:30``.

    ``état``: ``publié``, ``annulé``, or ``retiré`` for one that is no longer there, of which only the number
    is said.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")

    def taken() -> str:
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text

    writer.writerow(CSV_COLUMNS)
    yield "\ufeff" + taken()
    texts = _Texts()
    formats = {code: str(label) for code, label in Format.choices}
    for slot in slots:
        activity, venue = slot.activity, venue_of(slot)
        begins, ends = slot.local_start, slot.local_end
        writer.writerow(
            (
                slot.pk,
                texts(activity.title),
                texts(activity.host.name),
                texts(venue.city if venue else activity.territory.name),
                f"{begins:%d/%m/%Y}",
                f"{begins:%H:%M}",
                f"{ends:%H:%M}",
                slot.duration,
                formats.get(activity.format, activity.format),
                texts(venue.name) if venue else "",
                texts(slot.room.name) if slot.room else "",
                texts(venue.address) if venue else "",
                "" if slot.capacity is None else slot.capacity,
                "" if slot.places_left is None else slot.places_left,
                activity.mode,
                ", ".join(activity.languages),
                texts(activity.description),
                ", ".join(activity.access),
                CANCELLED if is_off(slot) else TAKEN_PLACE,
                f"{site_url}{slot_path(slot.pk)}",
            )
        )
        yield taken()
    for one in gone:
        writer.writerow([one.slot, *[""] * (len(CSV_COLUMNS) - 3), WITHDRAWN, ""])
        yield taken()


class _Texts:
    """Cells made harmless, each text once while it comes again."""

    def __init__(self) -> None:
        self._safe = lru_cache(maxsize=512)(lambda text: defused(_text(text)))

    def __call__(self, text: str) -> str:
        return self._safe(text)


def defused(cell: str) -> str:
    """The same cell, led by an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell


# GeoJSON -------------------------------------------------------------------------------------------


def write_geojson(
    slots: Iterable[Slot], *, site_url: str, since: dt.datetime | None = None, gone: Iterable[Gone] = ()
) -> Iterator[str]:
    """A FeatureCollection of the venues whose position is known, with their slots (RFC 7946).

    Slots come venue by venue. ``license`` and, with ``since``, ``deleted`` are members of ours (§6.1).
    """
    yield f'{{"type":"FeatureCollection","license":{written(licence.AS_JSON)},"features":['
    yield from _separated(
        groupby(slots, key=lambda slot: slot.venue_id), lambda one: _feature(one[1], site_url)
    )
    yield "]"
    if since:
        yield ',"deleted":['
        yield from _separated(gone, _deleted)
        yield "]"
    yield "}"


def _feature(slots: Iterable[Slot], site_url: str) -> str:
    several = list(slots)
    venue = several[0].venue
    assert venue is not None, "slots on the map have a venue"  # noqa: S101
    return written(
        {
            "type": "Feature",
            "id": venue.pk,
            "geometry": {"type": "Point", "coordinates": [venue.longitude, venue.latitude]},
            "properties": {
                "name": one_line(venue.name),
                "address": one_line(venue.address),
                "city": one_line(venue.city),
                "url": f"{site_url}{venue.get_absolute_url()}",
                "slots": [
                    {
                        "title": one_line(slot.activity.title),
                        "host": one_line(slot.activity.host.name),
                        "state": "cancelled" if is_off(slot) else "published",
                        **timing_of(slot, site_url),
                    }
                    for slot in several
                ],
            },
        }
    )


def written(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
