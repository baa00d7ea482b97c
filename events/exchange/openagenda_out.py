"""An activity and its slots as an event in OpenAgenda's format, so that ``openagenda`` reads the same again.

Field names are those of the API's version 2 (https://developers.openagenda.com/10-lecture/); what the format
has no word for stands beside them: ``theme``, ``type``, ``mode``, ``audience``, ``languages``,
``meetingPoint``, ``cancelledTimings``, ``moderation``, and for each timing its ``slot``, ``room``,
``capacity``. Texts leave as they would come in: composed, without control characters.

=======  ================================================================
status
1        at least one slot takes place and has places
2        rescheduled: announced, or a slot was moved
3        moved online: announced
4        postponed: announced, and no slot takes place
5        every slot that takes place is full
6        cancelled: no slot takes place
state
-1 0 1   rejected; to moderate or changes requested; ready to publish
2        published, or cancelled after having been so
=======  ================================================================
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import override

from events.calendar import venue_of
from events.clock import on_the_wall
from events.models import Access, Activity, Announced, Format, Mode, Slot, Theme, Venue

from .slot_paths import slot_path
from .spellings import INVISIBLE, REFUSED, SPACES

SCHEDULED, RESCHEDULED, MOVED_ONLINE, POSTPONED, FULL, CANCELLED = 1, 2, 3, 4, 5, 6
REFUSED_STATE, TO_MODERATE, READY, PUBLISHED = -1, 0, 1, 2
STATES = {
    Activity.State.REJECTED: REFUSED_STATE,
    Activity.State.DRAFT: TO_MODERATE,
    Activity.State.SUBMITTED: TO_MODERATE,
    Activity.State.CHANGES_REQUESTED: TO_MODERATE,
    Activity.State.READY: READY,
    Activity.State.PUBLISHED: PUBLISHED,
    Activity.State.CANCELLED: PUBLISHED,
}
ON_SITE, ONLINE = 1, 2
ONLINE_WORDS = "En ligne"
CALLED_OFF = {POSTPONED: "Reporté par l’organisateur.", CANCELLED: "Annulé par l’organisateur."}
"""What is said of a slot that does not take place, where nobody gave a reason."""
TITLE = 120
IDENTIFIER = "identifiant"
"""The key of ``extIds`` that holds what names the event wherever it goes."""


def events_of(slots: Iterable[Slot], *, site_url: str) -> Iterator[dict[str, Any]]:
    """One event for each activity; give the slots of an activity one after the other, by time."""
    for _number, several in groupby(slots, key=lambda slot: slot.activity_id):
        yield event_of(list(several), site_url=site_url)


def event_of(slots: Sequence[Slot], *, site_url: str) -> dict[str, Any]:
    """The event of these slots of one activity, at least one. ``site_url`` begins every address."""
    activity = slots[0].activity
    live = [slot for slot in slots if not slot.is_cancelled and activity.state != Activity.State.CANCELLED]
    called_off = [slot for slot in slots if slot not in live] if live else []
    shown = live or list(slots)
    venue = activity.venue or venue_of(shown[0])
    timings = [_timing(slot, venue, site_url) for slot in shown]
    url = f"{site_url}{activity.get_absolute_url()}"
    is_online = venue is None and activity.meeting_point == ONLINE_WORDS
    event: dict[str, Any] = {
        "uid": activity.pk,
        "extIds": [{"key": IDENTIFIER, "value": identifier_of(activity)}],
        "slug": activity.slug,
        "title": _in_both(_title(activity.title_fr), _title(activity.title_en)),
        "description": _in_both(
            _short(activity.description_fr),
            _short(activity.description_en) if activity.description_en else "",
        ),
        "longDescription": _in_both(
            several_lines(activity.description_fr), several_lines(activity.description_en)
        ),
        "keywords": {"fr": list(_keywords(activity.theme, activity.format))},
        "canonicalUrl": url,
        "status": _status(activity, live),
        "state": STATES[Activity.State(activity.state)],
        "attendanceMode": ONLINE if is_online else ON_SITE,
        "timezone": shown[0].timezone,
        "organizer": one_line(activity.host.name),
        "type": activity.format,
        "theme": activity.theme,
        "mode": activity.mode,
        "audience": activity.audience,
        "languages": activity.languages,
        "accessibility": {code: code in activity.access for code in Access.values},
        "age": {"min": activity.minimum_age, "max": None},
        "registration": [{"type": "link", "value": url}] if activity.mode == Mode.FIRST_COME else [],
        "location": _location(venue, activity, shown[0].timezone),
        "timings": timings,
        "firstTiming": _when(timings[0]),
        "lastTiming": _when(timings[-1]),
        "updatedAt": max(slot.changed_at for slot in slots).isoformat(timespec="milliseconds"),
    }
    if activity.image_url:
        event["image"] = activity.image_url
        event["imageCredits"] = activity.image_credit
    if activity.meeting_point and not is_online:
        event["meetingPoint"] = one_line(activity.meeting_point)
    if activity.state == Activity.State.CHANGES_REQUESTED:
        event["moderation"] = activity.state
    if not live:
        event["statusReason"] = several_lines(shown[0].cancel_reason) or CALLED_OFF[event["status"]]
    if called_off:
        event["cancelledTimings"] = [
            {
                **_timing(slot, venue, site_url),
                "reason": several_lines(slot.cancel_reason) or CALLED_OFF[CANCELLED],
            }
            for slot in called_off
        ]
    return event


def identifier_of(activity: Activity) -> str:
    """What names the event wherever it goes: what it came with, else its number at this site."""
    return activity.external_id or f"{OWN}{activity.pk}@{_host()}"


OWN = "activity-"


def number_of(identifier: str) -> int | None:
    """The number of an activity of this very site, out of what ``identifier_of`` made."""
    number, at, host = identifier.removeprefix(OWN).partition("@")
    if identifier.startswith(OWN) and at and host == _host() and number.isascii() and number.isdigit():
        return int(number[:18])
    return None


def one_line(text: str) -> str:
    """As ``spellings.clean`` would have it, without ever refusing."""
    return SPACES.sub(" ", several_lines(text)).strip()


def several_lines(text: str) -> str:
    """As ``spellings.clean_text`` would have it, without ever refusing."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = unicodedata.normalize("NFC", REFUSED.sub("", INVISIBLE.sub("", text.replace("\r\n", "\n"))))
    return REFUSED.sub("", text.replace("\r", "\n")).strip()


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"


def _title(text: str) -> str:
    return one_line(text)[:TITLE].strip()


def _short(text: str) -> str:
    """The 200 signs that the format gives to a description."""
    return several_lines(text[:400])[:200].strip()


def _status(activity: Activity, live: Sequence[Slot]) -> int:
    if not live:
        return POSTPONED if activity.announced == Announced.POSTPONED else CANCELLED
    if activity.announced == Announced.MOVED_ONLINE:
        return MOVED_ONLINE
    if all(slot.places_left == 0 and activity.mode != Mode.DROP_IN for slot in live):
        return FULL
    if activity.announced == Announced.RESCHEDULED or any(slot.revision for slot in live):
        return RESCHEDULED
    return SCHEDULED


def _in_both(french: str, english: str) -> dict[str, str]:
    return {"fr": french, "en": english} if english else {"fr": french}


@lru_cache(maxsize=1024)
def _keywords(theme: str, format_: str) -> tuple[str, ...]:
    """Theme and format in French words, for sites that know keywords alone."""
    with override("fr"):
        names = [str(Theme(theme).label)] if theme else []
        return (*names, str(Format(format_).label))


def _location(venue: Venue | None, activity: Activity, zone: str) -> dict[str, Any]:
    """The place; without a venue, the town alone."""
    if venue is None:
        return {"name": "", "city": one_line(activity.territory.name), "countryCode": "FR", "timezone": zone}
    return {
        "uid": venue.pk,
        "slug": venue.slug,
        "name": one_line(venue.name),
        "address": one_line(venue.address),
        "postalCode": venue.postcode,
        "city": one_line(venue.city),
        "countryCode": "FR",
        "latitude": venue.latitude,
        "longitude": venue.longitude,
        "timezone": zone,
        "image": f"{settings.SITE_URL}{venue.picture.url}" if venue.picture else None,
    }


def _timing(slot: Slot, venue: Venue | None, site_url: str) -> dict[str, Any]:
    timing: dict[str, Any] = {
        "begin": slot.local_start.isoformat(timespec="seconds"),
        "end": slot.local_end.isoformat(timespec="seconds"),
        "slot": slot.pk,
        "url": f"{site_url}{slot_path(slot.pk)}",
        "capacity": slot.capacity,
        "placesLeft": slot.places_left,
        "opensAt": _on_the_wall(slot.opens_at, slot),
        "nextPlacesAt": _on_the_wall(slot.next_release_at, slot),
    }
    if slot.room is not None:
        timing["room"] = one_line(slot.room.name)
    if slot.venue is not None and venue is not None and slot.venue_id != venue.pk:
        timing["place"] = f"{one_line(slot.venue.name)}, {one_line(slot.venue.city)}"
    return timing


def timing_of(slot: Slot, site_url: str) -> dict[str, Any]:
    """One time by itself, for a list of slots."""
    return {**_timing(slot, None, site_url), "status": status_of(slot)}


def status_of(slot: Slot) -> int:
    """Of one slot, in the same numbers."""
    if slot.is_cancelled or slot.activity.state == Activity.State.CANCELLED:
        return POSTPONED if slot.activity.announced == Announced.POSTPONED else CANCELLED
    if slot.activity.announced == Announced.MOVED_ONLINE:
        return MOVED_ONLINE
    if slot.places_left == 0 and slot.activity.mode != Mode.DROP_IN:
        return FULL
    return RESCHEDULED if slot.activity.announced or slot.revision else SCHEDULED


def _when(timing: dict[str, Any]) -> dict[str, str]:
    return {"begin": timing["begin"], "end": timing["end"]}


def _on_the_wall(at: Any, slot: Slot) -> str | None:
    return on_the_wall(at, slot.timezone).isoformat(timespec="seconds") if at else None
