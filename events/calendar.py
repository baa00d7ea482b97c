"""Slots and registrations as iCalendar (RFC 5545), ready for a mail or a feed (RFC 5546, RFC 7986).

The UID stays the same for the life of a registration or a slot, SEQUENCE rises when its slot changes or the
registration moves to another, times carry their IANA zone with its VTIMEZONE. Nothing typed reaches the file
with a control character in it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from email.utils import parseaddr
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from events.content_lines import Component, Person, basic, end_of_text, line, timezone_lines
from events.models import Activity, Registration, RoomOccupancy, Slot, Venue
from events.wording import Position

Method = Literal["PUBLISH", "REQUEST", "CANCEL"]

MOST_REMEMBERED = 500
"""Activities and places whose lines are kept while a calendar is written."""
PRODID = "-//Festival French Tech//Open doors//FR"

# Control characters but newline (RFC 5545 §3.3.11 has no place for them), and marks that turn the writing
# direction.
_UNWANTED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def calendar_of(
    *,
    registrations: Iterable[Registration] = (),
    slots: Iterable[Slot] = (),
    blockings: Iterable[RoomOccupancy] = (),
    method: Method = "PUBLISH",
    now: dt.datetime,
    name: str = "",
) -> bytes:
    """A calendar file (UTF-8, CRLF) of these registrations or slots, in the active language.

    A registration or slot that is cancelled, and anything under ``CANCEL``, has STATUS:CANCELLED and a
    higher SEQUENCE; a draft is tentative. Give slots with ``for_showing()``, registrations with their
    slot, activity and visitor at hand, blockings with their room's venue and territory, and their owner.
    """
    years: list[int] = []
    zones: set[str] = set()
    events: list[str] = []
    for registration in registrations:
        events.append(_event_of_registration(registration, method, now))
        years.append(registration.slot.starts_at.year)
        zones.add(registration.slot.timezone)
    written: SlotEvents | None = None
    for slot in slots:
        written = written or SlotEvents(now, method)
        events.append(written.event(slot))
        years.append(slot.starts_at.year)
        zones.add(slot.timezone)
    for row in blockings:
        events.append(str(_event_of_blocking(row, now)))
        years.append(row.starts_at.year)
        zones.add(row.room.venue.territory.timezone)
    shown = [zone_as_shown(zone, min(years) - 1, max(years) + 2) for zone in sorted(zones)]
    return "".join([_opening(name, method), *shown, *events, "END:VCALENDAR\r\n"]).encode()


def calendar_named(name: str, method: Method = "PUBLISH") -> Component:
    """A calendar that holds nothing yet."""
    calendar = Component("VCALENDAR")
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", PRODID)
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method)
    if name:
        calendar.add("NAME", clean(name, 200))
        calendar.add("X-WR-CALNAME", clean(name, 200))
    return calendar


@lru_cache(maxsize=16)
def _opening(name: str, method: Method) -> str:
    return calendar_named(name, method).begun()


@lru_cache(maxsize=64)
def zone_as_shown(zone: str, first: int, last: int) -> str:
    """The VTIMEZONE of these years: the same in every mail, and the dearest part of a small calendar."""
    if zone == "UTC":
        return ""
    return timezone_lines(zone, first, last)


def uid_of(thing: Registration | Slot) -> str:
    """What names it in everybody's calendar, for ever."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    return f"{thing.reference}@{host}" if isinstance(thing, Registration) else f"slot-{thing.pk}@{host}"


def _event_of_registration(registration: Registration, method: Method, now: dt.datetime) -> str:
    """A VEVENT. Written straight down, for it goes with every reminder: what it says of the slot is kept."""
    slot, activity = registration.slot, registration.slot.activity
    is_over = method == "CANCEL" or slot.is_cancelled or not registration.is_active
    is_pending = registration.status in (Registration.Status.WAITING, Registration.Status.HELD)
    answer = {"PARTSTAT": "DECLINED" if is_over else "ACCEPTED", "RSVP": "FALSE"}
    page = _page(settings.SITE_URL, slot.pk)
    alike = _alike_for_all(
        slot.starts_at,
        slot.ends_at,
        slot.timezone,
        f"{activity.title} · {activity.host.name}",
        _place(slot),
        position_of(venue_of(slot)),
        page,
        _contact(activity),
        activity.festival.name,
    )
    mine, of_all = _description_of(registration), _rest_of_description(_description(activity), page)
    return "".join(
        [
            f"BEGIN:VEVENT\r\n{line('UID', uid_of(registration))}",
            f"DTSTAMP:{basic(now.astimezone(dt.UTC))}Z\r\n",
            # A cancellation must carry a higher SEQUENCE than what it cancels (RFC 5546 §3.2.5).
            f"SEQUENCE:{slot.revision + registration.revision + is_over}\r\n",
            f"STATUS:{'CANCELLED' if is_over else 'TENTATIVE' if is_pending else 'CONFIRMED'}\r\n",
            f"TRANSP:{'TRANSPARENT' if is_over else 'OPAQUE'}\r\n",
            f"{alike}{mine}{of_all}",
            line("ATTENDEE", Person(registration.visitor.email, answer)) if method != "PUBLISH" else "",
            "END:VEVENT\r\n",
        ]
    )


def _description_of(registration: Registration) -> str:
    """How its DESCRIPTION begins: « 2 places, billet RJ4K-7KDM »; ``_rest_of_description`` goes on."""
    places = say_places(get_language() or "", registration.party_size)
    ticket = _("ticket %(reference)s") % {"reference": registration.reference}
    return line("DESCRIPTION", f"{clean(f'{places}, {ticket}', 300)}\n\n")


@lru_cache(maxsize=MOST_REMEMBERED)
def _rest_of_description(text: str, page: str) -> str:
    return end_of_text(f"{text}\n\n{page}" if text else page)


@lru_cache(maxsize=64)
def say_places(_language: str, number: int) -> str:
    """« 2 places », in the active language, which is ``_language``."""
    return ngettext("%(number)d place", "%(number)d places", number) % {"number": number}


class SlotEvents:
    """Slots as VEVENTs for everybody, in the active language; what many share is written once.

    Made for feeds: an activity's lines and a place's are kept while they may come again.
    """

    def __init__(self, now: dt.datetime, method: Method = "PUBLISH", *, takes_time: bool = True) -> None:
        """``takes_time``: whether it keeps its reader busy, which all that one may visit does not."""
        self._method, self._takes_time = method, takes_time
        self._stamp = line("DTSTAMP", now.astimezone(dt.UTC).replace(microsecond=0))
        self._activities: dict[int, tuple[str, str, str]] = {}
        self._places: dict[tuple[int | None, int | None], str] = {}
        self._host = urlsplit(settings.SITE_URL).hostname or "localhost"
        self._page = f"{settings.SITE_URL}{reverse('events:slot', args=[0])}".split("0/")

    def event(self, slot: Slot, *, above: int = 0) -> str:
        """One VEVENT. ``above``: the SEQUENCE under which it was said to be gone before it came back."""
        activity, zone, url = slot.activity, slot.timezone, f"{slot.pk}/".join(self._page)
        is_over = self._method == "CANCEL" or slot.is_cancelled or activity.state == Activity.State.CANCELLED
        summary, organizer, description = self._of_activity(activity)
        status = "CANCELLED" if is_over else "TENTATIVE" if slot.state == Slot.State.DRAFT else "CONFIRMED"
        where = ZoneInfo(zone)
        begins, ends = basic(slot.starts_at.astimezone(where)), basic(slot.ends_at.astimezone(where))
        if zone == "UTC":
            time = f"DTSTART:{begins}Z\r\nDTEND:{ends}Z\r\n"
        else:
            time = f"DTSTART;TZID={zone}:{begins}\r\nDTEND;TZID={zone}:{ends}\r\n"
        return (
            f"BEGIN:VEVENT\r\nUID:slot-{slot.pk}@{self._host}\r\n{self._stamp}"
            f"{time}"
            # A cancellation must carry a higher SEQUENCE than what it cancels (RFC 5546 §3.2.5).
            f"SEQUENCE:{slot.revision + above + is_over}\r\nSTATUS:{status}\r\n"
            f"{summary}{self._of_place(slot)}{line('URL', url)}{organizer}"
            f"TRANSP:{'OPAQUE' if self._takes_time and not is_over else 'TRANSPARENT'}\r\n"
            f"LAST-MODIFIED:{basic(slot.changed_at)}Z\r\n"
            f"{description}{end_of_text(url)}END:VEVENT\r\n"
        )

    def _of_activity(self, activity: Activity) -> tuple[str, str, str]:
        """SUMMARY, ORGANIZER, and DESCRIPTION but for the address that ends it."""
        if activity.pk not in self._activities:
            if len(self._activities) >= MOST_REMEMBERED:
                self._activities.clear()
            text = _description(activity)
            self._activities[activity.pk] = (
                line("SUMMARY", clean(f"{activity.title} · {activity.host.name}", 300)),
                line("ORGANIZER", Person(_contact(activity), {"CN": clean(activity.festival.name, 160)})),
                line("DESCRIPTION", f"{text}\n\n" if text else ""),
            )
        return self._activities[activity.pk]

    def _of_place(self, slot: Slot) -> str:
        """LOCATION and GEO, as far as they are known."""
        venue = venue_of(slot)
        key = venue.pk if venue else None, slot.room_id
        if key not in self._places:
            if len(self._places) >= MOST_REMEMBERED:
                self._places.clear()
            place, position = _place(slot), position_of(venue)
            self._places[key] = (line("LOCATION", clean(place, 400)) if place else "") + (
                line("GEO", position) if position else ""
            )
        return self._places[key]


def _event_of_blocking(row: RoomOccupancy, now: dt.datetime) -> Component:
    """A room held for something that is no slot."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    venue = row.room.venue
    zone = ZoneInfo(venue.territory.timezone)
    event = Component("VEVENT")
    event.add("UID", f"blocking-{row.pk}@{host}")
    event.add("DTSTAMP", now.astimezone(dt.UTC).replace(microsecond=0))
    event.add("DTSTART", row.starts_at.astimezone(zone))
    event.add("DTEND", row.ends_at.astimezone(zone))
    event.add("SEQUENCE", 0)
    event.add("STATUS", "CONFIRMED")
    event.add("SUMMARY", clean(row.label, 300))
    event.add("LOCATION", clean(f"{row.room.name}, {venue.name}", 400))
    if row.owner is not None:
        event.add("DESCRIPTION", clean(_("Held by %(name)s") % {"name": row.owner}, 300))
    event.add("TRANSP", "OPAQUE")
    return event


@lru_cache(maxsize=1000)
def _alike_for_all(
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    timezone: str,
    summary: str,
    place: str,
    position: Position | None,
    url: str,
    contact: str,
    edition: str,
) -> str:
    """What an event says of its slot to everybody. Kept, for it goes with every reminder of the slot."""
    zone = ZoneInfo(timezone)
    lines = [
        line("DTSTART", starts_at.astimezone(zone)),
        line("DTEND", ends_at.astimezone(zone)),
        line("SUMMARY", clean(summary, 300)),
    ]
    if place:
        lines.append(line("LOCATION", clean(place, 400)))
    if position:
        lines.append(line("GEO", position))
    lines.append(line("URL", url))
    lines.append(line("ORGANIZER", Person(contact, {"CN": clean(edition, 160)})))
    return "".join(lines)


def _description(activity: Activity) -> str:
    return _said_of_activity(get_language() or "", activity.meeting_point, activity.description)


@lru_cache(maxsize=MOST_REMEMBERED)
def _said_of_activity(_language: str, meet: str, text: str) -> str:
    """What a calendar tells of an activity, in the active language, which is ``_language``."""
    parts = [_("Where to meet: %(place)s") % {"place": meet} if meet else "", text[:2000]]
    return clean("\n\n".join(part for part in parts if part), 3000)


def _contact(activity: Activity) -> str:
    """Whom a calendar names as the organiser."""
    known = activity.festival.contact_email or activity.territory.contact_email
    return known or _mailbox(settings.DEFAULT_FROM_EMAIL)


@lru_cache(maxsize=8)
def _mailbox(sender: str) -> str:
    return parseaddr(sender)[1]


@lru_cache(maxsize=1000)
def _page(site: str, slot: int) -> str:
    return f"{site}{reverse('events:slot', args=[slot])}"


def venue_of(slot: Slot) -> Venue | None:
    """Where the slot is: its own venue, else its activity's."""
    return slot.venue or slot.activity.venue


def position_of(venue: Venue | None) -> Position | None:
    """Where a venue stands, if that is known."""
    if venue is None or venue.latitude is None or venue.longitude is None:
        return None
    return venue.latitude, venue.longitude


def _place(slot: Slot) -> str:
    venue = venue_of(slot)
    if venue is None:
        return ""
    town = " ".join(part for part in (venue.postcode, venue.city) if part)
    return ", ".join(
        part for part in (slot.room.name if slot.room else "", venue.name, venue.address, town) if part
    )


def clean(text: str, longest: int) -> str:
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))[:longest]
