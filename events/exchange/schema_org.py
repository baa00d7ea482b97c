"""Pages as linked data for search engines: schema.org in JSON-LD (https://schema.org/Event, its neighbours).

Each function gives a ``Thing`` without its context; ``written`` puts one or several into a page. Addresses
are those of the site (``SITE_URL``), whatever name a reader came by. What is not known is left out, never
guessed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from events.clock import on_the_wall
from events.models import (
    Activity,
    Announced,
    Festival,
    Host,
    Mode,
    OpeningHours,
    Programme,
    Slot,
    Territory,
    Venue,
)

from .cards import SITE_NAME, card_of_slot

Thing = dict[str, Any]

SCHEMA = "https://schema.org"
COUNTRY = "FR"
"""Overseas too: their codes (RE, MQ…) are of the same country for who reads an address (ISO 3166-1)."""
LANGUAGE_TAGS = {"lsf": "fsl"}
"""French sign language is ``fsl`` (ISO 639-3), which is what BCP 47 takes."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# What could end the script element or begin a comment in it is written as an escape that JSON reads alike.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def written(thing: Thing) -> SafeString:
    """What stands in a ``<script type="application/ld+json">``."""
    data = {"@context": SCHEMA, **thing}
    return mark_safe(json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES))


# Events ----------------------------------------------------------------------------------------------------


def slot_as_event(slot: Slot, *, now: dt.datetime) -> Thing:
    """One ``Event``, with its offer, its places and what it is part of."""
    return _event(slot, slot.activity, now)


def activity_as_events(activity: Activity, slots: Iterable[Slot], *, now: dt.datetime) -> Thing:
    """An ``EventSeries`` with one ``Event`` for each of its slots."""
    events = [_event(slot, activity, now) for slot in slots]
    series: Thing = {
        "@type": "EventSeries",
        "name": activity.title,
        "description": activity.description or activity.title,
        "url": _at(activity.get_absolute_url()),
        "organizer": _organiser(activity.host),
        "superEvent": _larger(activity),
        "subEvent": events,
    }
    if events:
        series["startDate"] = min(event["startDate"] for event in events)
        series["endDate"] = max(event["endDate"] for event in events)
        series["location"] = events[0]["location"]
    return series


def _event(slot: Slot, activity: Activity, now: dt.datetime) -> Thing:
    url = _at(slot.get_absolute_url())
    event: Thing = {
        "@type": "Event",
        "@id": url,
        "name": activity.title,
        "description": activity.description or activity.title,
        "url": url,
        "image": [card_of_slot(slot).picture],
        "startDate": slot.local_start.isoformat(timespec="minutes"),
        "endDate": slot.local_end.isoformat(timespec="minutes"),
        "eventStatus": f"{SCHEMA}/{_status(slot, activity)}",
        **_where(slot, activity, url),
        "isAccessibleForFree": True,
        "inLanguage": [LANGUAGE_TAGS.get(code, code) for code in activity.languages or ["fr"]],
        "organizer": _organiser(activity.host),
        "superEvent": _larger(activity),
    }
    if activity.minimum_age:
        event["typicalAgeRange"] = f"{activity.minimum_age}-"
    if offer := _offer(slot, activity, url, now):
        event["offers"] = offer
    if slot.capacity is not None and slot.mode != Mode.DROP_IN:
        event["maximumAttendeeCapacity"] = slot.capacity
        event["remainingAttendeeCapacity"] = (
            0 if slot.is_cancelled else min(slot.capacity, slot.places_left or 0)
        )
    return event


def _status(slot: Slot, activity: Activity) -> str:
    """What became of it, as feeds tell it; where a slot still takes place « postponed » means another day."""
    if slot.is_cancelled:
        return "EventPostponed" if activity.announced == Announced.POSTPONED else "EventCancelled"
    if activity.announced == Announced.MOVED_ONLINE:
        return "EventMovedOnline"
    return "EventRescheduled" if activity.announced else "EventScheduled"


def _where(slot: Slot, activity: Activity, url: str) -> Thing:
    """How one takes part, and where: what has moved online is reached from its own page."""
    mode, location = "Offline", place_of(slot.venue) if slot.venue else _somewhere_in(activity.territory)
    if activity.announced == Announced.MOVED_ONLINE:
        mode, location = "Online", {"@type": "VirtualLocation", "url": url}
    return {"eventAttendanceMode": f"{SCHEMA}/{mode}EventAttendanceMode", "location": location}


def _offer(slot: Slot, activity: Activity, url: str, now: dt.datetime) -> Thing | None:
    """How one gets in, for nothing; none once it has begun.

    ``validFrom`` is when a place can be taken or, without an opening of its own, since when it could be.
    """
    if slot.starts_at <= now:
        return None
    offer: Thing = {
        "@type": "Offer",
        "price": 0,
        "priceCurrency": "EUR",
        "url": url,
        "availability": f"{SCHEMA}/{_availability(slot, now)}",
        "availabilityEnds": _moment(slot, slot.draws_at or slot.starts_at),
    }
    opens = slot.opens_at or activity.published_at
    if opens is not None and slot.mode != Mode.BALLOT:
        offer["validFrom"] = _moment(slot, opens)
    return offer


def _availability(slot: Slot, now: dt.datetime) -> str:
    if slot.is_cancelled:
        return "Discontinued"
    if slot.mode == Mode.DROP_IN:
        return "InStock"
    if slot.mode == Mode.BALLOT:
        return "PreOrder"
    if slot.places_left == 0:
        return "SoldOut"
    return "PreOrder" if slot.opens_at is not None and slot.opens_at > now else "InStock"


def _moment(slot: Slot, at: dt.datetime) -> str:
    """An instant on the clock of the slot, with its distance from UTC (ISO 8601)."""
    return on_the_wall(at, slot.timezone).isoformat(timespec="minutes")


def _larger(activity: Activity) -> Thing:
    if activity.programme is None:
        return festival_as_event(activity.festival)
    return operation_as_series(activity.programme, activity.festival)


def operation_as_series(shown: Programme, festival: Festival) -> Thing:
    """An operation inside its edition."""
    first, last = shown.starts_on or festival.starts_on, shown.ends_on or festival.ends_on
    series: Thing = {
        "@type": "EventSeries",
        "name": shown.name,
        "url": _at(shown.get_absolute_url()),
        "startDate": first.isoformat(),
        "endDate": last.isoformat(),
        "location": {"@type": "Country", "name": "France"},
        "superEvent": festival_as_event(festival),
    }
    if shown.organiser:
        series["organizer"] = {"@type": "Organization", "name": shown.organiser}
    return series


def festival_as_event(festival: Festival) -> Thing:
    return {
        "@type": "Festival",
        "name": festival.name,
        "url": _at(festival.get_absolute_url()),
        "startDate": festival.starts_on.isoformat(),
        "endDate": festival.ends_on.isoformat(),
        "location": {"@type": "Country", "name": "France"},
    }


# Who and where ---------------------------------------------------------------------------------------------


def host_as_organization(shown: Host) -> Thing:
    thing = _organiser(shown)
    if said := shown.tagline or shown.description:
        thing["description"] = said
    if shown.logo:
        thing["logo"] = _at(shown.logo.url)
    if shown.website.startswith(("https://", "http://")):
        thing["sameAs"] = [shown.website]
    locality = shown.city or shown.territory.name
    thing["address"] = {"@type": "PostalAddress", "addressLocality": locality, "addressCountry": COUNTRY}
    return thing


def venue_as_place(shown: Venue) -> Thing:
    """A venue with its hours; never what its safety file says."""
    thing = place_of(shown) | {"url": _at(shown.get_absolute_url())}
    if shown.picture:
        thing["image"] = [_at(shown.picture.url)]
    if shown.website.startswith(("https://", "http://")):
        thing["sameAs"] = [shown.website]
    if hours := [_hours(row) for row in shown.opening_hours.all()]:
        thing["openingHoursSpecification"] = hours
    if shown.step_free:
        thing["amenityFeature"] = [
            {"@type": "LocationFeatureSpecification", "name": "step-free access", "value": True}
        ]
    return thing


def _hours(row: OpeningHours) -> Thing:
    return {
        "@type": "OpeningHoursSpecification",
        "dayOfWeek": f"{SCHEMA}/{DAYS[row.weekday - 1]}",
        "opens": f"{row.opens:%H:%M}",
        "closes": f"{row.closes:%H:%M}",
    }


def place_of(venue: Venue) -> Thing:
    address: Thing = {"@type": "PostalAddress", "addressLocality": venue.city, "addressCountry": COUNTRY}
    if venue.address:
        address["streetAddress"] = venue.address
    if venue.postcode:
        address["postalCode"] = venue.postcode
    place: Thing = {"@type": "Place", "name": venue.name, "address": address}
    if venue.latitude is not None:
        place["geo"] = {
            "@type": "GeoCoordinates",
            "latitude": venue.latitude,
            "longitude": venue.longitude,
        }
    return place


def _somewhere_in(territory: Territory) -> Thing:
    """Where the place is still to be announced."""
    return {
        "@type": "Place",
        "name": territory.name,
        "address": {
            "@type": "PostalAddress",
            "addressLocality": territory.name,
            "addressCountry": COUNTRY,
        },
    }


def _organiser(host: Host) -> Thing:
    return {"@type": "Organization", "name": host.name, "url": _at(host.get_absolute_url())}


# The site --------------------------------------------------------------------------------------------------


def breadcrumbs(*steps: tuple[str, str]) -> Thing:
    """The way to a page: (words, path) of each step, the page itself last."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": name, "item": _at(path)}
            for n, (name, path) in enumerate(steps, 1)
        ],
    }


def site_with_search() -> Thing:
    """The site, and how one searches it (https://schema.org/SearchAction)."""
    programme = _at(reverse("events:programme"))
    return {
        "@type": "WebSite",
        "name": SITE_NAME,
        "url": _at("/"),
        "inLanguage": ["fr", "en"],
        "potentialAction": {
            "@type": "SearchAction",
            "target": {"@type": "EntryPoint", "urlTemplate": f"{programme}?q={{search_term_string}}"},
            "query-input": "required name=search_term_string",
        },
    }


def _at(path: str) -> str:
    return path if path.startswith(("https://", "http://")) else f"{settings.SITE_URL}{path}"
