"""What a booking must know of its slot before it asks for anything, in one statement that writes nothing."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F

from events.limits import STORM, STORM_BLOWS_AT, STORM_LOOKS_BACK
from events.models import Pool, Registration, Slot
from events.models.choices import Shield
from events.refusals import Reason, Refused
from events.rows import ask

TERMS = """
SELECT activity.ask_name, festival.most_places, festival.confirms_addresses, festival.shield,
       (SELECT SUM("count") FROM events_ratecount WHERE "key" = %(storm)s AND "window" > %(since)s),
       slot.capacity + slot.overbook,
       slot.taken + slot.held + slot.reserved,
       slot.waiting_list_open,
       slot.state = 'published' AND activity.state = 'published' AND festival.state = 'published'
           AND activity.mode = 'first_come'
           AND slot.starts_at > %(now)s
           AND (slot.opens_at IS NULL OR slot.opens_at <= %(now)s)
           AND (slot.next_release_at IS NULL OR slot.next_release_at > %(now)s)
           AND NOT EXISTS (SELECT 1 FROM events_registration WHERE submission_id = %(submission)s)
           AND NOT EXISTS (SELECT 1 FROM events_message WHERE dedupe_key = %(answered)s),
       CASE WHEN slot.reserved > 0 THEN (SELECT places - taken FROM events_pool
           WHERE slot_id = slot.id AND kind = 'access' AND released_at IS NULL) END,
       CASE WHEN slot.reserved > 0 THEN (SELECT places - taken FROM events_pool
           WHERE slot_id = slot.id AND kind = 'group' AND released_at IS NULL) END
FROM events_slot slot
JOIN events_activity activity ON activity.id = slot.activity_id
JOIN events_festival festival ON festival.id = activity.festival_id
WHERE slot.id = %(slot)s
  AND slot.state IN ('published', 'cancelled')
  AND activity.state IN ('published', 'cancelled')
  AND festival.state IN ('published', 'archived')
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """Whether the host asks for a name, and the places one person may hold in one slot.

    ``confirms``: the places are kept until the address is confirmed. ``is_shielded``: the form asks for a
    proof of work, because robots storm the doors or the edition always does. ``is_plain``: the slot is open,
    no pool of it is due, the submission is new: places alone decide. ``access_left``,
    ``group_left``: what is left of the places kept for access needs and for groups.
    """

    asks_name: bool
    most_places: int
    confirms: bool = False
    is_shielded: bool = False
    capacity: int | None = None
    gone: int = 0
    list_is_open: bool = False
    is_plain: bool = False
    access_left: int = 0
    group_left: int = 0

    @classmethod
    def of(cls, slot: Slot) -> Terms:
        """From a slot fetched with its activity and edition, and with ``storm`` where a form is shown
        (``events.views.whole_slot``).
        """
        festival, kept = slot.activity.festival, dict[str, int]()
        if slot.reserved:
            pools = slot.pools.filter(released_at__isnull=True)
            kept = dict(pools.values_list("kind", F("places") - F("taken")))
        return cls(
            slot.activity.ask_name,
            festival.most_places,
            festival.confirms_addresses,
            _is_up(festival.shield, getattr(slot, "storm", None)),
            access_left=kept.get(Pool.Kind.ACCESS, 0),
            group_left=kept.get(Pool.Kind.GROUP, 0),
        )

    def lean_no(self, party_size: int) -> Refused | None:
        """FULL, as ``register_party`` would refuse anybody, said before anything is written.

        Most visitors of a rush come too late: their answer costs one read. None where there may be room, or
        where something besides the places decides; then the booking itself finds out.
        """
        if not self.is_plain or self.capacity is None or self.capacity - self.gone >= party_size:
            return None
        could_wait = self.list_is_open and party_size <= self.capacity
        return Refused(Reason.FULL, places_left=max(0, self.capacity - self.gone), can_wait=could_wait)


PLACES = """
SELECT slot.taken, slot.held, slot.reserved, slot.waiting, slot.capacity, slot.overbook, slot.revision,
       slot.waiting_list_open, COUNT(*),
       SUM(other.id * other.taken), SUM(other.id * other.held), SUM(other.id * other.reserved),
       SUM(other.id * other.waiting), SUM(other.id * (COALESCE(other.capacity, 0) + other.overbook)),
       SUM(other.id * other.revision)
FROM events_slot slot
JOIN events_slot other ON other.activity_id = slot.activity_id AND other.state = 'published'
WHERE slot.id = %(slot)s
  AND slot.state = 'published'
  AND slot.starts_at > %(now)s
  AND (slot.opens_at IS NULL OR slot.opens_at <= %(now)s)
  AND (slot.next_release_at IS NULL OR slot.next_release_at > %(now)s)
GROUP BY slot.id
"""


@dataclass(frozen=True, slots=True)
class Places:
    """What a page of an open slot says of places, in numbers.

    ``shape`` changes when more of the page does than the number of ``left``: while there are places for
    everybody, that is all that moves.
    """

    shape: tuple[Any, ...]
    left: int | None = None
    capacity: int | None = None


def places_of(slot_id: int, *, now: dt.datetime) -> Places | None:
    """The places of a slot and of the other times of its visit, in one statement.

    None where the clock alone may change the page: not open yet, begun, a pool due; and where there is no
    slot.
    """
    row = ask(PLACES, {"slot": slot_id, "now": connection.ops.adapt_datetimefield_value(now)})
    if row is None:
        return None
    taken, held, reserved, _waiting, capacity, overbook, revision, list_is_open, others, *_sums = row
    left = None if capacity is None else capacity + overbook - taken - held - reserved
    if left is None or capacity is None or left <= 0 or reserved:
        return Places(row)
    return Places(("open", capacity, overbook, revision, list_is_open, others), left, capacity)


def mark_of_slot(slot_id: int) -> tuple[Any, ...] | None:
    """What a page says of a slot beside its places: moved, withdrawn, or as it was."""
    return ask(
        "SELECT state, revision, venue_id, room_id FROM events_slot WHERE id = %(slot)s", {"slot": slot_id}
    )


def terms_of(slot_id: int, *, now: dt.datetime, submission_id: uuid.UUID | None = None) -> Terms | None:
    """The terms of a slot the public may see (``Slot.objects.visible()``), or none."""
    row = ask(
        TERMS,
        {
            "slot": slot_id,
            "storm": STORM,
            "since": connection.ops.adapt_datetimefield_value(now - STORM_LOOKS_BACK),
            "submission": _SUBMISSION.get_db_prep_value(submission_id, connection),
            "answered": f"again:{submission_id}",
            "now": connection.ops.adapt_datetimefield_value(now),
        },
    )
    if row is None:
        return None
    asks_name, most_places, confirms, shield, storm, capacity, gone, list_is_open, is_plain, access, group = (
        row
    )
    return Terms(
        bool(asks_name),
        most_places,
        bool(confirms),
        _is_up(shield, storm),
        capacity,
        gone,
        bool(list_is_open),
        bool(is_plain),
        access or 0,
        group or 0,
    )


def _is_up(shield: str, storm: int | None) -> bool:
    return shield == Shield.ON or (shield == Shield.AUTO and (storm or 0) >= STORM_BLOWS_AT)


_SUBMISSION = Registration._meta.get_field("submission_id")
