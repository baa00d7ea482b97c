"""The programme for other programs: RSS 2.0, JSON in OpenAgenda's words, CSV, GeoJSON.

Writers over slots already fetched with ``for_showing()``; no query, no clock but the one given (iCalendar is
written by ``events.calendar``). Addresses are made from ``site_url``. Text of the public goes out as text:
escaped in XML, quoted in CSV with its formulas defused.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import quoteattr

from django.utils.html import escape
from django.utils.translation import gettext as _

from events.clock import on_the_wall
from events.models import Access, Activity, Mode, Slot, Venue
from events.wording import say_day, say_times

# Characters XML 1.0 §2.2 has no place for, and marks that turn the writing direction.
_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")
# A cell that begins so would be run by a spreadsheet (OWASP, « CSV Injection »).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")

CSV_COLUMNS = (
    *("identifiant", "intitulé", "organisateur", "commune", "date", "heure", "heure_fin", "durée"),
    *("format", "lieu", "salle", "adresse", "jauge", "places_restantes", "mode", "langue", "description"),
    *("accès", "état", "adresse_web"),
)


def _text(text: str) -> str:
    return _UNFIT.sub("", text)


def write_rss(
    slots: Iterable[Slot],
    *,
    title: str,
    page_url: str,
    feed_url: str,
    site_url: str,
    now: dt.datetime,
    lang: str,
) -> str:
    """RSS 2.0 with one item for each slot (https://www.rssboard.org/rss-specification)."""
    items = "".join(_item(slot, site_url) for slot in slots)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#"><channel>'
        f"<title>{escape(_text(title))}</title><link>{escape(page_url)}</link>"
        f'<atom:link href={quoteattr(feed_url)} rel="self" type="application/rss+xml"/>'
        f"<description>{escape(_('Open doors to come, free, booked without an account.'))}</description>"
        f"<language>{lang}</language><lastBuildDate>{format_datetime(now)}</lastBuildDate><ttl>15</ttl>"
        f"{items}</channel></rss>\n"
    )


def _item(slot: Slot, site_url: str) -> str:
    activity, url = slot.activity, f"{site_url}{slot.get_absolute_url()}"
    where = f"{slot.venue.name}, {slot.venue.city}" if slot.venue else activity.territory.name
    when = f"{say_day(slot.day)}, {say_times(slot.local_start, slot.local_end)}"
    head = f"{activity.host.name}. {when}. {where}."
    text = f"{head}\n\n{activity.description}" if activity.description else head
    position = (
        f"<geo:lat>{slot.venue.latitude}</geo:lat><geo:long>{slot.venue.longitude}</geo:long>"
        if slot.venue and slot.venue.latitude is not None
        else ""
    )
    published = activity.published_at or slot.created_at
    return (
        f"<item><title>{escape(_text(f'{activity.title}, {when}'))}</title><link>{escape(url)}</link>"
        f'<guid isPermaLink="true">{escape(url)}</guid><pubDate>{format_datetime(published)}</pubDate>'
        f"<category>{escape(str(activity.get_format_display()))}</category>"
        f"<description>{escape(escape(_text(text)))}</description>{position}</item>"
    )


# JSON ----------------------------------------------------------------------------------------------

_SCHEDULED, _FULL, _CANCELLED = 1, 5, 6


def write_json(
    slots: Iterable[Slot], *, site_url: str, now: dt.datetime, following: str | None = None
) -> dict[str, Any]:
    """Events as OpenAgenda names their fields, one for each activity with its ``timings``.

    ``status``: 1 scheduled, 5 full, 6 cancelled; ``state`` 2 is published; ``attendanceMode`` 1 is on site
    (https://developers.openagenda.com/10-lecture/). ``next`` is the address of what follows, or null.
    """
    events: dict[int, dict[str, Any]] = {}
    for slot in slots:
        event = events.get(slot.activity_id)
        if event is None:
            event = events[slot.activity_id] = _openagenda(slot, site_url)
        event["timings"].append(_timing(slot, site_url))
        event["_left"].append(slot.places_left is None or slot.places_left > 0 or slot.mode == Mode.DROP_IN)
    for event in events.values():
        left = event.pop("_left")
        if event["status"] == _SCHEDULED and not any(left):
            event["status"] = _FULL
        event["firstTiming"], event["lastTiming"] = event["timings"][0], event["timings"][-1]
    return {
        "total": len(events),
        "generatedAt": now.isoformat(timespec="seconds"),
        "events": list(events.values()),
        "next": following,
    }


def _openagenda(slot: Slot, site_url: str) -> dict[str, Any]:
    activity, venue = slot.activity, slot.venue
    url = f"{site_url}{activity.get_absolute_url()}"
    event: dict[str, Any] = {
        "uid": activity.pk,
        "slug": activity.slug,
        "title": _in_both(activity.title_fr, activity.title_en),
        "description": _in_both(activity.description_fr[:200], activity.description_en[:200]),
        "longDescription": _in_both(activity.description_fr, activity.description_en),
        "canonicalUrl": url,
        "status": _CANCELLED if activity.state == Activity.State.CANCELLED else _SCHEDULED,
        "state": 2,
        "attendanceMode": 1,
        "timezone": slot.timezone,
        "organizer": activity.host.name,
        "type": activity.format,
        "mode": activity.mode,
        "languages": activity.languages,
        "accessibility": {code: code in activity.access for code in Access.values},
        "age": {"min": activity.minimum_age, "max": None},
        "registration": [{"type": "link", "value": url}] if activity.mode == Mode.FIRST_COME else [],
        "timings": [],
        "_left": [],
    }
    if venue:
        event["location"] = _location(venue)
    return event


def _in_both(french: str, english: str) -> dict[str, str]:
    return {"fr": french, "en": english} if english else {"fr": french}


def _location(venue: Venue) -> dict[str, Any]:
    return {
        "uid": venue.pk,
        "slug": venue.slug,
        "name": venue.name,
        "address": venue.address,
        "postalCode": venue.postcode,
        "city": venue.city,
        "countryCode": "FR",
        "latitude": venue.latitude,
        "longitude": venue.longitude,
        "timezone": venue.territory.timezone,
    }


def _timing(slot: Slot, site_url: str) -> dict[str, Any]:
    return {
        "begin": slot.local_start.isoformat(timespec="seconds"),
        "end": slot.local_end.isoformat(timespec="seconds"),
        "slot": slot.pk,
        "url": f"{site_url}{slot.get_absolute_url()}",
        "capacity": slot.capacity,
        "placesLeft": slot.places_left,
        "opensAt": _on_the_wall(slot.opens_at, slot),
        "nextPlacesAt": _on_the_wall(slot.next_release_at, slot),
    }


def _on_the_wall(at: dt.datetime | None, slot: Slot) -> str | None:
    return on_the_wall(at, slot.timezone).isoformat(timespec="seconds") if at else None


# CSV -----------------------------------------------------------------------------------------------


def write_csv(slots: Iterable[Slot], *, site_url: str) -> str:
    """One line for each slot, as ``import_programme`` reads it: BOM, « ; », ``31/12/2026``, ``18:30``."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for slot in slots:
        activity, venue = slot.activity, slot.venue
        cells = [
            str(slot.pk),
            activity.title,
            activity.host.name,
            venue.city if venue else activity.territory.name,
            f"{slot.local_start:%d/%m/%Y}",
            f"{slot.local_start:%H:%M}",
            f"{slot.local_end:%H:%M}",
            str(slot.duration),
            str(activity.get_format_display()),
            venue.name if venue else "",
            slot.room.name if slot.room else "",
            venue.address if venue else "",
            "" if slot.capacity is None else str(slot.capacity),
            "" if slot.places_left is None else str(slot.places_left),
            activity.mode,
            ", ".join(activity.languages),
            activity.description,
            ", ".join(activity.access),
            slot.state,
            f"{site_url}{slot.get_absolute_url()}",
        ]
        writer.writerow([defused(_text(cell)) for cell in cells])
    return "\ufeff" + out.getvalue()


def defused(cell: str) -> str:
    """The same cell, led by an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell


# GeoJSON -------------------------------------------------------------------------------------------


def write_geojson(slots: Iterable[Slot], *, site_url: str) -> dict[str, Any]:
    """A FeatureCollection of the venues whose position is known, with their slots (RFC 7946)."""
    features: dict[int, dict[str, Any]] = {}
    for slot in slots:
        venue = slot.venue
        if venue is None or venue.latitude is None:
            continue
        feature = features.setdefault(
            venue.pk,
            {
                "type": "Feature",
                "id": venue.pk,
                "geometry": {"type": "Point", "coordinates": [venue.longitude, venue.latitude]},
                "properties": {
                    "name": venue.name,
                    "address": venue.address,
                    "city": venue.city,
                    "url": f"{site_url}{venue.get_absolute_url()}",
                    "slots": [],
                },
            },
        )
        timing = _timing(slot, site_url)
        feature["properties"]["slots"].append(
            {"title": slot.activity.title, "host": slot.activity.host.name, **timing}
        )
    return {"type": "FeatureCollection", "features": list(features.values())}


def written(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
