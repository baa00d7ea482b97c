"""The programme as an iCalendar that is sent while it is written (RFC 5545, 5546, 7986)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from events.calendar import SlotEvents, calendar_named, zone_as_shown
from events.clock import on_the_wall
from events.content_lines import Component
from events.models import GoneSlot, Slot

from . import licence
from .feed_set import Gone

HOURS_BETWEEN = "PT1H"
"""How often a calendar may ask again (RFC 7986 §5.7)."""


def write_calendar(
    slots: Iterable[Slot],
    *,
    name: str,
    now: dt.datetime,
    zones: Iterable[tuple[str, dt.datetime, dt.datetime]],
    gone: Iterable[Gone] = (),
) -> Iterator[str]:
    """A calendar of these slots, piece by piece, in the active language; what is gone is cancelled.

    ``zones``: IANA name, first and last moment; every zone of the slots and of what is gone is among them.
    """
    calendar = calendar_named(name)
    calendar.add("DESCRIPTION", licence.NAME)
    calendar.add("X-WR-CALDESC", f"{licence.NAME}, {licence.URL}")
    calendar.put(f"REFRESH-INTERVAL;VALUE=DURATION:{HOURS_BETWEEN}\r\nX-PUBLISHED-TTL:{HOURS_BETWEEN}\r\n")
    zones = list(zones)
    if zones:
        first, last = min(one[1] for one in zones).year - 1, max(one[2] for one in zones).year + 2
        for zone in sorted({one[0] for one in zones}):
            calendar.put(zone_as_shown(zone, first, last))
    yield calendar.begun()
    back = dict(GoneSlot.objects.order_by().values_list("slot_number", "sequence"))
    events = SlotEvents(now, takes_time=False)
    for slot in slots:
        yield events.event(slot, above=back.get(slot.pk, -1) + 1)
    for one in gone:
        if one.starts_at is not None and one.ends_at is not None:
            yield str(_gone(one, one.starts_at, one.ends_at))
    yield calendar.ended()


def _gone(one: Gone, starts_at: dt.datetime, ends_at: dt.datetime) -> Component:
    """A slot that was taken out: its UID, its time and that it is off. What it was called is not said."""
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    event = Component("VEVENT")
    event.add("UID", f"slot-{one.slot}@{host}")
    event.add("DTSTAMP", one.at.replace(microsecond=0))
    event.add("DTSTART", on_the_wall(starts_at, one.timezone))
    event.add("DTEND", on_the_wall(ends_at, one.timezone))
    event.add("SEQUENCE", one.sequence)
    event.add("STATUS", "CANCELLED")
    event.add("SUMMARY", _("Withdrawn from the programme"))
    event.add("LAST-MODIFIED", one.at.replace(microsecond=0))
    event.add("TRANSP", "TRANSPARENT")
    return event
