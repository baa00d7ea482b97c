"""A slot with everything its pages show of it, at the cost of its own row."""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from events.limits import STORM, STORM_LOOKS_BACK
from events.models import Slot
from events.models.slot import SlotQuerySet
from events.views.quick_pages import remember

A_MINUTE = 60
"""Times ``QUICK_PAGE_SECONDS``."""

OWN_ROW = """
SELECT slot.*, activity.updated_at AS activity_changed_at, activity.ballot_id AS has_ballot,
       (SELECT SUM("count") FROM events_ratecount WHERE "key" = %(storm)s AND "window" > %(since)s) AS storm
FROM events_slot slot
JOIN events_activity activity ON activity.id = slot.activity_id
JOIN events_festival festival ON festival.id = activity.festival_id
WHERE slot.id = %(slot)s
  AND slot.state IN ('published', 'cancelled')
  AND activity.state IN ('published', 'cancelled')
  AND festival.state IN ('published', 'archived')
"""
"""``Slot.objects.visible()``, with whether robots storm the doors. Putting the same statement together each
time took a seventh of drawing a page.
"""


def whole_slot(pk: int) -> Slot:
    """The slot as it stands now, with everything a page shows of it; 404 when it has just gone.

    Its own row is read each time; what stands around it (activity, host, place) takes a join over up to nine
    tables and is read again when the activity has changed, else once a minute.
    """
    slot = own_row(pk, now=timezone.now())
    if slot is None:
        raise Http404
    changed_at = slot.activity_changed_at  # type: ignore[attr-defined]
    has = (slot.activity_id, changed_at, slot.venue_id, slot.room_id, slot.opening_id)
    key = ("around", pk, *has, slot.next_release_at)
    around = remember(key, lambda: get_object_or_404(_with_what_it_has(slot), pk=pk), times=A_MINUTE)
    slot.activity, slot.opening = around.activity, around.opening
    slot.venue, slot.room = around.venue, around.room
    slot.next_places = around.next_places
    return slot


def own_row(pk: int, *, now: dt.datetime) -> Slot | None:
    """The row of a slot the public may see, with ``activity_changed_at``, ``has_ballot`` and ``storm``."""
    said = {
        "slot": pk,
        "storm": STORM,
        "since": connection.ops.adapt_datetimefield_value(now - STORM_LOOKS_BACK),
    }
    return next(iter(Slot.objects.raw(OWN_ROW, said)), None)


def _with_what_it_has(slot: Slot) -> SlotQuerySet:
    """The slot with its surroundings. Joining only what it has halves the cost of the join."""
    joined = ["activity__host", "activity__territory", "activity__festival"]
    joined += ["activity__ballot"] if slot.has_ballot else []  # type: ignore[attr-defined]
    joined += ["venue__commune", "venue__territory"] if slot.venue_id else ["activity__venue__commune"]
    joined += ["room"] if slot.room_id else []
    slots = Slot.objects.visible()
    if slot.next_release_at:
        slots = slots.for_showing()
    return slots.select_related(None).select_related(*joined)
