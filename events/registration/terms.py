"""What a booking form must know of its slot before it asks for anything."""

from __future__ import annotations

from dataclasses import dataclass

from events.models import Slot
from events.rows import ask

TERMS = """
SELECT activity.ask_name, festival.most_places
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
    """Whether the host asks for a name, and the places one person may hold in one slot."""

    asks_name: bool
    most_places: int

    @classmethod
    def of(cls, slot: Slot) -> Terms:
        """From a slot fetched with its activity and edition."""
        return cls(slot.activity.ask_name, slot.activity.festival.most_places)


def terms_of(slot_id: int) -> Terms | None:
    """The terms of a slot the public may see (``Slot.objects.visible()``), or none.

    One statement, written out: a booking asks it each time, and putting it together cost more than the
    answer.
    """
    row = ask(TERMS, [slot_id])
    return Terms(bool(row[0]), row[1]) if row else None
