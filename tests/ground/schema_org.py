"""What search engines want of a page's linked data, as a JSON Schema (2020-12): what must be there, what
should be, and that nothing is misspelt. After https://schema.org and
https://developers.google.com/search/docs/appearance/structured-data/event.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs

URI = {"type": "string", "format": "uri"}
TEXT = {"type": "string", "minLength": 1}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d(T\d\d:\d\d[+-]\d\d:\d\d)?$"}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d[+-]\d\d:\d\d$"}


def word(*names: str) -> dict[str, Any]:
    return {"enum": [f"https://schema.org/{name}" for name in names]}


def thing(kind: str, must: dict[str, Any], may: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object of one type that has all it must and nothing the type does not know."""
    return {
        "type": "object",
        "properties": {"@type": {"const": kind}, **must, **(may or {})},
        "required": ["@type", *must],
        "additionalProperties": False,
    }


ADDRESS = thing(
    "PostalAddress",
    {"addressLocality": TEXT, "addressCountry": {"pattern": "^[A-Z]{2}$"}},
    {"streetAddress": TEXT, "postalCode": {"pattern": r"^\d{5}$"}},
)
GEO = thing(
    "GeoCoordinates",
    {
        "latitude": {"type": "number", "minimum": -90, "maximum": 90},
        "longitude": {"type": "number", "minimum": -180, "maximum": 180},
    },
)
PLACE = thing("Place", {"name": TEXT, "address": ADDRESS}, {"geo": GEO})
ONLINE = thing("VirtualLocation", {"url": URI})
ORGANIZATION = thing("Organization", {"name": TEXT}, {"url": URI})
COUNTRY = thing("Country", {"name": TEXT})
OFFER = thing(
    "Offer",
    {
        "price": {"const": 0},
        "priceCurrency": {"const": "EUR"},
        "url": URI,
        "availability": word("InStock", "SoldOut", "PreOrder", "Discontinued"),
        "availabilityEnds": INSTANT,
    },
    {"validFrom": INSTANT},
)
FESTIVAL = thing(
    "Festival", {"name": TEXT, "url": URI, "startDate": MOMENT, "endDate": MOMENT, "location": COUNTRY}
)
OPERATION = thing(
    "EventSeries",
    {
        "name": TEXT,
        "url": URI,
        "startDate": MOMENT,
        "endDate": MOMENT,
        "location": COUNTRY,
        "superEvent": FESTIVAL,
    },
    {"organizer": ORGANIZATION},
)
EVENT = thing(
    "Event",
    {
        "@id": URI,
        "name": TEXT,
        "description": TEXT,
        "url": URI,
        "image": {"type": "array", "items": URI, "minItems": 1},
        "startDate": INSTANT,
        "endDate": INSTANT,
        "eventStatus": word(
            "EventScheduled", "EventCancelled", "EventPostponed", "EventRescheduled", "EventMovedOnline"
        ),
        "eventAttendanceMode": word("OfflineEventAttendanceMode", "OnlineEventAttendanceMode"),
        "location": {"anyOf": [PLACE, ONLINE]},
        "isAccessibleForFree": {"const": True},
        "inLanguage": {"type": "array", "items": {"pattern": "^[a-z]{2,3}$"}, "minItems": 1},
        "organizer": ORGANIZATION,
        "superEvent": {"anyOf": [FESTIVAL, OPERATION]},
    },
    {
        "offers": OFFER,
        "typicalAgeRange": {"pattern": r"^\d+-$"},
        "maximumAttendeeCapacity": {"type": "integer", "minimum": 0},
        "remainingAttendeeCapacity": {"type": "integer", "minimum": 0},
    },
)
SERIES = thing(
    "EventSeries",
    {
        "name": TEXT,
        "description": TEXT,
        "url": URI,
        "organizer": ORGANIZATION,
        "superEvent": {"anyOf": [FESTIVAL, OPERATION]},
        "subEvent": {"type": "array", "items": EVENT},
    },
    {"startDate": INSTANT, "endDate": INSTANT, "location": {"anyOf": [PLACE, ONLINE]}},
)
VENUE = thing(
    "Place",
    {"name": TEXT, "address": ADDRESS, "url": URI},
    {
        "geo": GEO,
        "image": {"type": "array", "items": URI},
        "sameAs": {"type": "array", "items": URI},
        "openingHoursSpecification": {
            "type": "array",
            "items": thing(
                "OpeningHoursSpecification",
                {
                    "dayOfWeek": word(
                        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"
                    ),
                    "opens": {"pattern": r"^\d\d:\d\d$"},
                    "closes": {"pattern": r"^\d\d:\d\d$"},
                },
            ),
        },
        "amenityFeature": {
            "type": "array",
            "items": thing("LocationFeatureSpecification", {"name": TEXT, "value": {"type": "boolean"}}),
        },
    },
)
HOST = thing(
    "Organization",
    {"name": TEXT, "url": URI, "address": ADDRESS},
    {"description": TEXT, "logo": URI, "sameAs": {"type": "array", "items": URI}},
)
CRUMBS = thing(
    "BreadcrumbList",
    {
        "itemListElement": {
            "type": "array",
            "minItems": 2,
            "items": thing(
                "ListItem", {"position": {"type": "integer", "minimum": 1}, "name": TEXT, "item": URI}
            ),
        }
    },
)
SITE = thing(
    "WebSite",
    {"name": TEXT, "url": URI, "inLanguage": {"type": "array"}, "potentialAction": {"type": "object"}},
)


class _Blocks(HTMLParser):
    """The linked data of a page as a browser finds it: the text of script elements of that type."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.found = False, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and ("type", "application/ld+json") in attrs:
            self.inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data


def blocks_of(page: str) -> list[dict[str, Any]]:
    reader = _Blocks()
    reader.feed(page)
    return [json.loads(block) for block in reader.found]


def faults(block: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """What is wrong with a block, in words; nothing where it is as it should be."""
    data = dict(block)
    context = [] if data.pop("@context", None) == "https://schema.org" else ["@context"]
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return context + [
        f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(data)
    ]
