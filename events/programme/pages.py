"""One page of what answers the question, after a cursor, and the way back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q

from events.models import Slot
from events.models.slot import SlotQuerySet
from events.programme.cursor import Cursor
from events.programme.filters import Filters
from events.programme.matches import matching
from events.programme.words import Found
from events.rows import by_key

PAGE_SIZE = 30
MOST_SLOTS = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """One page of slots. ``next_cursor`` is None on the last; ``following`` is the next page's first slot.

    ``previous_cursor`` leads to the page before: a cursor, ``""`` for the beginning, None when this is it;
    ``preceding`` is the first slot of that page.
    """

    slots: list[Slot]
    next_cursor: str | None = None
    following: Slot | None = None
    previous_cursor: str | None = None
    preceding: Slot | None = None


def find(
    filters: Filters,
    now: dt.datetime,
    *,
    limit: int = PAGE_SIZE,
    cancelled: bool = False,
    look_back: bool = False,
    words: list[Found] | None = None,
) -> Page:
    """One page of what answers the question, from its cursor on: a query for the keys, one for the rows, and
    a third when it has to ``look_back``.

    ``limit`` is the number of slots, from 1 to ``MOST_SLOTS``.
    """
    limit = max(1, min(limit, MOST_SLOTS))
    everything = matching(filters, now, cancelled=cancelled, words=words)
    found = everything
    if filters.after:
        seen = filters.after
        found = found.filter(starts_at__gte=seen.starts_at).filter(
            Q(starts_at__gt=seen.starts_at) | Q(pk__gt=seen.pk)
        )
    keys = list(found.in_order().values_list("pk", flat=True)[: limit + 1])
    slots = by_key(_shown, keys)
    following = slots.pop() if len(slots) > limit else None
    next_cursor = str(Cursor.after(slots[-1])) if following else None
    if not (look_back and filters.after):
        return Page(slots, next_cursor, following)
    preceding, previous_cursor = _page_before(everything, filters.after, limit)
    return Page(slots, next_cursor, following, previous_cursor, preceding)


def _shown() -> SlotQuerySet:
    return Slot.objects.visible().for_showing()


def _page_before(everything: SlotQuerySet, seen: Cursor, limit: int) -> tuple[Slot | None, str | None]:
    """The first slot of the page that ends with the cursor, and the cursor that leads there."""
    before = list(
        everything.filter(starts_at__lte=seen.starts_at)
        .filter(Q(starts_at__lt=seen.starts_at) | Q(pk__lte=seen.pk))
        .only("starts_at", "timezone")
        .order_by("-starts_at", "-pk")[: limit + 1]
    )
    if not before:
        return None, None
    if len(before) <= limit:
        return before[-1], ""
    return before[-2], str(Cursor.after(before[-1]))
