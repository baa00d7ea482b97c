"""What each rule of the timetable does in an edition: said by its national team."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import transaction

from accounts.models import User
from events.models import Festival, JournalEntry, Level, PlacingRule, RuleLevel
from events.registration.patience import patient

from .checks import DEFAULTS, levels_of


@patient
@transaction.atomic
def change_levels(
    *, festival_id: int, levels: Mapping[PlacingRule, Level], by: User | None, now: dt.datetime
) -> list[PlacingRule]:
    """Write the levels of an edition; the rules whose level changed, which stand in the journal.

    They hold for what is placed from now on: what is placed stays, and the board says what it breaks.
    """
    festival = Festival.objects.select_for_update().get(pk=festival_id)
    before = levels_of(festival)
    changed = [rule for rule in PlacingRule if rule in levels and levels[rule] != before[rule]]
    for rule in changed:
        rows = RuleLevel.objects.filter(festival=festival, rule=rule)
        if levels[rule] == DEFAULTS[rule]:
            rows.delete()
        else:
            RuleLevel.objects.update_or_create(festival=festival, rule=rule, defaults={"level": levels[rule]})
    if changed:
        said = ", ".join(f"{rule} {before[rule]} → {levels[rule]}" for rule in changed)
        JournalEntry.objects.create(at=now, actor=by, verb="change_rules", text=f"{festival}: {said}")
    return changed
