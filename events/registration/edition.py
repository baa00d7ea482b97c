"""What holds for every visitor of an edition: how many places and visits, and how sure an address must be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from events.models import Festival, JournalEntry

from .patience import patient

RULES = (
    *("most_places", "most_bookings_per_day", "most_bookings"),
    *("confirms_addresses", "shield", "expected_absence"),
)


@patient
@transaction.atomic
def change_rules(
    *, festival_id: int, rules: Mapping[str, Any], by: User | None, now: dt.datetime
) -> list[str]:
    """Write the rules of an edition; the names of those that changed, which stand in the journal with both
    values.

    They hold for what is booked from now on: nobody loses a visit by them.
    """
    festival = Festival.objects.select_for_update().get(pk=festival_id)
    changed = [name for name in RULES if name in rules and rules[name] != getattr(festival, name)]
    if not changed:
        return []
    said = ", ".join(f"{name} {getattr(festival, name)} → {rules[name]}" for name in changed)
    for name in changed:
        setattr(festival, name, rules[name])
    festival.save(update_fields=changed)
    JournalEntry.objects.create(at=now, actor=by, verb="change_rules", text=f"{festival}: {said}")
    return changed
