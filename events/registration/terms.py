"""What a booking form must know of its slot before it asks for anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection
from django.db.models import Subquery, Sum

from events.limits import STORM, STORM_BLOWS_AT, STORM_LOOKS_BACK
from events.models import RateCount, Slot
from events.models.choices import Shield
from events.models.slot import SlotQuerySet
from events.rows import ask

TERMS = """
SELECT activity.ask_name, festival.most_places, festival.confirms_addresses, festival.shield,
    (SELECT SUM("count") FROM events_ratecount WHERE "key" = %s AND "window" > %s)
FROM events_slot slot
JOIN events_activity activity ON activity.id = slot.activity_id
JOIN events_festival festival ON festival.id = activity.festival_id
WHERE slot.id = %s
  AND slot.state IN ('published', 'cancelled')
  AND activity.state IN ('published', 'cancelled')
  AND festival.state IN ('published', 'archived')
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """Whether the host asks for a name, and the places one person may hold in one slot.

    ``confirms``: the places are kept until the address is confirmed. ``is_shielded``: the form asks for a
    proof of work, because robots storm the doors or the edition always does.
    """

    asks_name: bool
    most_places: int
    confirms: bool = False
    is_shielded: bool = False

    @classmethod
    def of(cls, slot: Slot) -> Terms:
        """From a slot fetched with its activity and edition, and ``with_storm`` where a form is shown."""
        festival = slot.activity.festival
        is_shielded = _is_up(festival.shield, getattr(slot, "storm", None))
        return cls(slot.activity.ask_name, festival.most_places, festival.confirms_addresses, is_shielded)


def with_storm(slots: SlotQuerySet, *, now: dt.datetime) -> SlotQuerySet:
    """Slots that know whether robots storm the doors, in the same statement."""
    signs = RateCount.objects.filter(key=STORM, window__gt=now - STORM_LOOKS_BACK).values("key")
    return slots.annotate(storm=Subquery(signs.annotate(number=Sum("count")).values("number")))


def terms_of(slot_id: int, *, now: dt.datetime) -> Terms | None:
    """The terms of a slot the public may see (``Slot.objects.visible()``), or none.

    One statement, written out: a booking asks it each time, and putting it together cost more than the
    answer.
    """
    since = connection.ops.adapt_datetimefield_value(now - STORM_LOOKS_BACK)
    row = ask(TERMS, [STORM, since, slot_id])
    return Terms(bool(row[0]), row[1], bool(row[2]), _is_up(row[3], row[4])) if row else None


def _is_up(shield: str, storm: int | None) -> bool:
    return shield == Shield.ON or (shield == Shield.AUTO and (storm or 0) >= STORM_BLOWS_AT)
