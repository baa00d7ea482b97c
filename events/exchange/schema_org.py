"""A slot as linked data for search engines: schema.org ``Event`` in JSON-LD (https://schema.org/Event)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from events.clock import on_the_wall
from events.models import Activity, Mode, Slot, Venue

# What could end the script element or begin a comment in it is written as an escape that JSON reads alike.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def slot_as_event(slot: Slot, *, url: str) -> SafeString:
    """One ``Event``. ``url`` is the absolute address of the slot's page."""
    return _written({"@context": "https://schema.org", **_event(slot, slot.activity, url)})


def activity_as_events(activity: Activity, slots: Iterable[Slot], *, url: str) -> SafeString:
    """An ``EventSeries`` with one ``Event`` for each of its slots."""
    base = url.partition("/activites/")[0]
    return _written(
        {
            "@context": "https://schema.org",
            "@type": "EventSeries",
            "name": activity.title,
            "description": activity.description,
            "url": url,
            "organizer": _organiser(activity, base),
            "subEvent": [_event(slot, activity, f"{base}{slot.get_absolute_url()}") for slot in slots],
        }
    )


def _event(slot: Slot, activity: Activity, url: str) -> dict[str, Any]:
    base = url.partition("/creneaux/")[0]
    event: dict[str, Any] = {
        "@type": "Event",
        "name": activity.title,
        "description": activity.description,
        "url": url,
        "startDate": slot.local_start.isoformat(timespec="minutes"),
        "endDate": slot.local_end.isoformat(timespec="minutes"),
        "eventStatus": f"https://schema.org/Event{'Cancelled' if slot.is_cancelled else 'Scheduled'}",
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "isAccessibleForFree": True,
        "inLanguage": activity.languages or ["fr"],
        "organizer": _organiser(activity, base),
        "superEvent": {"@type": "Festival", "name": activity.festival.name},
    }
    if slot.venue:
        event["location"] = _place(slot.venue)
    if slot.mode == Mode.FIRST_COME:
        event["offers"] = {
            "@type": "Offer",
            "price": 0,
            "priceCurrency": "EUR",
            "url": url,
            "availability": f"https://schema.org/{'SoldOut' if slot.places_left == 0 else 'InStock'}",
        }
        if slot.opens_at is not None:
            event["offers"]["validFrom"] = on_the_wall(slot.opens_at, slot.timezone).isoformat(
                timespec="minutes"
            )
    if slot.capacity is not None:
        event["maximumAttendeeCapacity"] = slot.capacity
        event["remainingAttendeeCapacity"] = min(slot.capacity, slot.places_left or 0)
    return event


def _organiser(activity: Activity, base: str) -> dict[str, str]:
    return {
        "@type": "Organization",
        "name": activity.host.name,
        "url": f"{base}{activity.host.get_absolute_url()}",
    }


def _place(venue: Venue) -> dict[str, Any]:
    place: dict[str, Any] = {
        "@type": "Place",
        "name": venue.name,
        "address": {
            "@type": "PostalAddress",
            "streetAddress": venue.address,
            "postalCode": venue.postcode,
            "addressLocality": venue.city,
            "addressCountry": "FR",
        },
    }
    if venue.latitude is not None:
        place["geo"] = {
            "@type": "GeoCoordinates",
            "latitude": venue.latitude,
            "longitude": venue.longitude,
        }
    return place


def _written(data: dict[str, Any]) -> SafeString:
    return mark_safe(json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES))
