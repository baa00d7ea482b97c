"""The slots that answer a question: one queryset for page, map, timetable, API and feeds."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from events.models import Activity, Commune, Festival, Programme, Slot, Territory
from events.models.slot import SlotQuerySet
from events.programme.filters import MOMENTS, Filters
from events.programme.words import Found, find_words


def in_place(place: str) -> Q:
    """In the territory of this address, or else in the communes of this name: one small query."""
    territory = Territory.objects.filter(slug=place).values_list("pk", flat=True).first()
    if territory is not None:
        return Q(activity__territory=territory)
    return Q(venue__commune__folded_name=place.replace("-", " "))


def gone_from(filters: Filters) -> Q:
    """Which marks of slots that are gone were of this set, as far as codes, numbers and positions tell.

    Time is asked of each (``feed_set``); words and places left are not kept, see ``Filters.keeps_no_mark``.
    """
    found = Q()
    if filters.place:
        territory = Territory.objects.filter(slug=filters.place).values_list("pk", flat=True).first()
        communes = Commune.objects.filter(folded_name=filters.place.replace("-", " ")).values("pk")
        found &= Q(territory=territory) if territory is not None else Q(commune_number__in=communes)
    if filters.programme:
        found &= Q(programme_number__in=Programme.objects.filter(slug=filters.programme).values("pk"))
    exact = {
        "format": filters.format,
        "theme": filters.theme,
        "languages__has": filters.language,
        "mode": filters.mode,
        "audience": filters.audience,
    }
    found &= Q(**{lookup: value for lookup, value in exact.items() if value})
    for code in filters.access:
        found &= Q(access__has=code)
    for area in (filters.near, filters.within):
        if area:
            found &= area.condition("latitude", "longitude")
    return found


def matching(
    filters: Filters, now: dt.datetime, *, cancelled: bool = False, words: list[Found] | None = None
) -> SlotQuerySet:
    """Upcoming slots of published editions that answer the question, in no order, the cursor left aside.

    A question with words asks at once where they stand, unless that is known already (``words``).
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
    for word in find_words(filters.query) if words is None else words:
        found = found.filter(word.condition())
    if filters.place:
        found = found.filter(in_place(filters.place))
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
