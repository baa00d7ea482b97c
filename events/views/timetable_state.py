"""The draft of one day as the editor shows it: rooms, blocks, what is closed or blocked, what waits.

Reads everything in a fixed number of queries; times go out as the wall clock of the territory shows them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Q, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.clock import on_the_wall
from events.models import Activity, Level, Placement, PlannedStay, Room, RoomOccupancy, Slot
from events.refusals import Reason, Refused
from events.scheduling.checks import Surroundings
from events.scheduling.following import drafted, is_stale
from events.scheduling.rooms import MIDNIGHT, OPEN_TIMES, open_ranges
from events.scheduling.ways import Busy, WayOut
from events.wording import say_duration, say_number, say_times

from .organiser_frame import Workplace
from .organiser_refusals import describe_occupancy

SHOWN = [Activity.State.SUBMITTED, Activity.State.READY, Activity.State.PUBLISHED]


def placements_of(
    place: Workplace, *, day: dt.date | None = None, slots: Iterable[int] = ()
) -> list[Placement]:
    """Where the draft has the slots to come: all, those of one day, or these; in order of time."""
    found = (
        place.slots.filter(ends_at__gt=place.now, activity__state__in=SHOWN)
        .exclude(state=Slot.State.CANCELLED)
        .select_related("activity__host", "room__venue", "venue", "placement__room__venue")
    )
    if day is not None:
        found = found.filter(Q(day=day) | Q(placement__day=day))
    if keys := list(slots):
        found = found.filter(pk__in=keys)
    placements = [one for one in drafted(found) if day is None or one.day == day]
    return sorted(placements, key=lambda one: (one.starts_at, one.slot_id))


def rooms_of(place: Workplace, venue_id: int | None, *, with_hours: bool = False) -> list[Room]:
    """Rooms in use, by venue; ``with_hours`` for what ``open_ranges`` reads."""
    rooms = Room.objects.filter(venue__territory=place.territory, is_active=True)
    if venue_id is not None:
        rooms = rooms.filter(venue=venue_id)
    rooms = rooms.select_related("venue").order_by("-venue__is_totem", "venue__sort_name", "sort_name", "pk")
    return list(rooms.prefetch_related(*OPEN_TIMES) if with_hours else rooms)


def version_of(place: Workplace) -> str:
    """Changes whenever the draft does, what is public, or what blocks its rooms."""
    draft = Placement.objects.filter(territory=place.territory).aggregate(
        n=Count("pk"), turns=Sum("revision"), last=Max("changed_at")
    )
    public = place.slots.filter(ends_at__gt=place.now).aggregate(
        n=Count("pk"), turns=Sum("revision"), rooms=Sum("room"), last=Max("starts_at")
    )
    blocked = RoomOccupancy.objects.filter(room__venue__territory=place.territory, slot__isnull=True)
    held = blocked.aggregate(n=Count("pk"), last=Max("pk"))
    said = "-".join(str(part) for part in (*draft.values(), *public.values(), *held.values()))
    return hashlib.sha256(said.encode()).hexdigest()[:20]


def state_of(
    place: Workplace, day: dt.date, rooms: Sequence[Room], *, with_hours: bool = True
) -> dict[str, Any]:
    """Everything of one day, ready for JSON."""
    placements = placements_of(place, day=day)
    around = Surroundings.around([one for one in placements if not one.cancels], in_draft=True)
    warned = {one.slot_id: _warnings(around, one) for one in placements if not one.cancels}
    zone = ZoneInfo(place.territory.timezone)
    start = dt.datetime.combine(day, dt.time(), zone)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)
    return {
        "day": day.isoformat(),
        "rooms": [_room(room) for room in rooms],
        "blocks": [
            block_of(place, one, warned[one.slot_id]) for one in placements if one.room_id and not one.cancels
        ],
        "tray": [block_of(place, one) for one in placements if not one.room_id or one.cancels],
        "closed": _closed(rooms, day) if with_hours else [],
        "held": _held(place, placements, {room.pk for room in rooms}, start, end),
    }


def _warnings(around: Surroundings, placement: Placement) -> list[str]:
    return [one.words for one in around.findings(placement) if one.level != Level.IGNORE]


def block_of(place: Workplace, placement: Placement, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """One slot as the draft has it."""
    slot, start, end = placement.slot, placement.local_start, placement.local_end
    activity, places = slot.activity, ""
    if slot.capacity is not None:
        taken = slot.taken + slot.held
        said = ngettext("%(taken)s place of %(places)s", "%(taken)s places of %(places)s", taken)
        places = said % {"taken": say_number(taken), "places": say_number(slot.capacity)}
    stale = is_stale(placement)
    words = [activity.title, activity.host.name, say_times(start, end)]
    if placement.room:
        words.append(placement.room.name)
    if placement.cancels:
        words.append(_("will be cancelled"))
    elif placement.is_changed:
        words.append(_("changed in the draft"))
    if stale:
        words.append(_("moved publicly meanwhile"))
    if placement.is_pinned:
        words.append(_("pinned"))
    words += warnings
    return {
        "slot": slot.pk,
        "seen": placement.revision,
        "room": placement.room_id,
        "start": f"{start:%Y-%m-%dT%H:%M}",
        "end": f"{end:%Y-%m-%dT%H:%M}",
        "minute": start.hour * 60 + start.minute,
        "duration": placement.duration,
        "title": activity.title,
        "host": activity.host.name,
        "times": say_times(start, end),
        "places": places,
        "people": slot.taken + slot.held + slot.waiting,
        "paint": f"paint-{activity.host.paint}",
        "draft": slot.state == Slot.State.DRAFT,
        "pinned": placement.is_pinned,
        "changed": placement.is_changed,
        "cancels": placement.cancels,
        "stale": stale,
        "warnings": list(warnings),
        "words": ", ".join(str(word) for word in words),
        "url": reverse("events:organiser_timetable_slot", args=[place.territory.slug, slot.pk]),
    }


def _room(room: Room) -> dict[str, Any]:
    people = room.comfort_capacity or room.safety_capacity
    return {
        "id": room.pk,
        "name": room.name,
        "venue": room.venue.name,
        "people": _("up to %(number)s people") % {"number": say_number(people)} if people else "",
    }


def _closed(rooms: Iterable[Room], day: dt.date) -> list[dict[str, Any]]:
    """Minutes of the day at which each room is closed."""
    shut = []
    for room in rooms:
        at = 0
        for opens, closes in [*open_ranges(room, day), (MIDNIGHT, MIDNIGHT)]:
            if opens > at:
                shut.append({"room": room.pk, "from": at, "to": opens})
            at = max(at, closes)
    return shut


def _held(
    place: Workplace, placements: Sequence[Placement], rooms: set[int], start: dt.datetime, end: dt.datetime
) -> list[dict[str, Any]]:
    """What else holds a room that day: blockings, a hall's visit in its parts, setting up and clearing."""
    zone, by_slot = place.territory.timezone, {one.slot_id: one for one in placements}
    rows: list[tuple[int, dt.datetime, dt.datetime, str]] = []
    public = RoomOccupancy.objects.active().filter(room__in=rooms).between(start, end)
    planned = PlannedStay.objects.filter(room__in=rooms, starts_at__lt=end, ends_at__gt=start)
    stays = [(row.room_id, row.starts_at, row.ends_at, row.slot_id, row.label, False) for row in public]
    stays += [
        (row.room_id, row.starts_at, row.ends_at, row.placement.slot_id, "", True)
        for row in planned.filter(placement__is_changed=True).select_related("placement")
    ]
    for room, starts_at, ends_at, slot, label, is_draft in stays:
        own = by_slot.get(slot) if slot else None
        if slot is None:
            rows.append((room, starts_at, ends_at, label))
        elif own is None or own.is_changed is not is_draft or own.cancels:
            continue  # it is elsewhere in the draft
        elif own.room_id != room:
            rows.append((room, starts_at, ends_at, own.slot.activity.title))
        else:
            if starts_at < own.starts_at:
                rows.append((room, starts_at, own.starts_at, _("setting up")))
            if ends_at > own.ends_at:
                rows.append((room, own.ends_at, ends_at, _("clearing")))
    return [
        {
            "room": room,
            "start": f"{on_the_wall(starts_at, zone):%Y-%m-%dT%H:%M}",
            "end": f"{on_the_wall(ends_at, zone):%Y-%m-%dT%H:%M}",
            "label": label,
        }
        for room, starts_at, ends_at, label in rows
    ]


# What a refusal says ----------------------------------------------------------------------------------------


def refusal_of(refused: Refused) -> dict[str, Any]:
    """``reason``, ``sentences`` that name what is in the way, ``ways``: what may be asked instead."""
    facts = refused.facts
    slot: Slot | None = facts.get("slot")
    sentences = [str(refused.reason.label)]
    for row in facts.get("in_the_way", []):
        sentences.append(_in_the_way(row, slot.timezone if slot else "Europe/Paris"))
    sentences += [finding.words for finding in facts.get("findings", [])]
    if refused.reason == Reason.ROOM_TOO_SMALL:
        sentences.append(
            _("It may hold %(number)s people at most, by its safety file.")
            % {"number": say_number(facts["safety_capacity"])}
        )
    ways = [_way(way) for way in facts.get("ways_out", [])[:3]]
    return {"reason": refused.reason.value, "sentences": sentences, "ways": ways}


def _in_the_way(row: Any, zone: str) -> str:
    if isinstance(row, RoomOccupancy):
        return describe_occupancy(row, zone)
    if isinstance(row, Busy):
        start, end = on_the_wall(row.starts_at, zone), on_the_wall(row.ends_at, zone)
        title = row.slot.activity.title if row.slot else row.label
        return _("“%(title)s” holds it, %(times)s.") % {"title": title, "times": say_times(start, end)}
    slot = row.slot
    start, end = on_the_wall(row.starts_at, zone), on_the_wall(row.ends_at, zone)
    return _("“%(title)s”, %(times)s.") % {"title": slot.activity.title, "times": say_times(start, end)}


def _way(way: WayOut) -> dict[str, Any]:
    start = way.local_start
    end = start + dt.timedelta(minutes=way.duration)
    words = {
        "times": say_times(start, end),
        "room": way.room.name if way.room else "",
        "duration": say_duration(way.duration),
    }
    label = _("%(times)s, %(room)s") % words
    if way.kind == "shorter":
        label = _("for %(duration)s only: %(times)s, %(room)s") % words
    return {
        "label": label,
        "room": way.room.pk if way.room else "",
        "day": start.date().isoformat(),
        "start": f"{start:%H:%M}",
        "duration": way.duration,
    }
