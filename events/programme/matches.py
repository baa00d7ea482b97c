"""The slots that answer a question: one queryset for page, map, timetable, API and feeds."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from events.folding import words
from events.models import Activity, Festival, Slot
from events.models.slot import SlotQuerySet
from events.programme.filters import MOMENTS, Filters


def matching(filters: Filters, now: dt.datetime, *, cancelled: bool = False) -> SlotQuerySet:
    """Upcoming slots of published editions that answer the question, in no order, the cursor left aside.

    ``cancelled`` adds those cancelled after having been published, so that a page can say so.
    """
    states = [Slot.State.PUBLISHED, Slot.State.CANCELLED] if cancelled else [Slot.State.PUBLISHED]
    activity_states = [Activity.State.PUBLISHED]
    if cancelled:
        activity_states.append(Activity.State.CANCELLED)
    found = Slot.objects.upcoming(now).filter(
        state__in=states,
        activity__state__in=activity_states,
        activity__festival__state=Festival.State.PUBLISHED,
    )
    for word in words(filters.query):
        found = found.filter(activity__search_text__contains=word)
    if filters.place:
        name = filters.place.replace("-", " ")
        found = found.filter(Q(activity__territory__slug=filters.place) | Q(venue__commune__folded_name=name))
    if filters.day:
        found = found.filter(day=filters.day)
    if filters.moment:
        first, end = MOMENTS[filters.moment]
        found = found.filter(start_time__gte=first)
        if end is not None:
            found = found.filter(start_time__lt=end)
    exact = {
        "activity__programme__slug": filters.programme,
        "activity__format": filters.format,
        "activity__theme": filters.theme,
        "activity__languages__has": filters.language,
        "activity__mode": filters.mode,
        "activity__audience": filters.audience,
    }
    found = found.filter(**{lookup: value for lookup, value in exact.items() if value})
    for code in filters.access:
        found = found.filter(Q(activity__access__has=code) | Q(venue__access__has=code))
    for area in (filters.near, filters.within):
        if area:
            found = found.filter(area.condition("venue__latitude", "venue__longitude"))
    if filters.places:
        found = found.filter(state=Slot.State.PUBLISHED).with_places_left(filters.places)
    return found
