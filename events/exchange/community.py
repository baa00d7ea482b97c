"""Which edition an import goes into when none is named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from events.models import Festival, Territory
from events.reminders import default_reminder_rules

from .entries import Entry

SLUG = "agenda-de-la-communaute"


def edition_for(entries: Sequence[Entry], *, now: dt.datetime) -> Festival:
    """The current published edition that is no demonstration, else the community's diary, made at need."""
    current = Festival.objects.published().filter(is_demo=False).order_by("-starts_on", "-pk").first()
    return current or community_diary(entries, now=now)


def edition_under_way(territory: Territory) -> Festival | None:
    """In the territory: published before draft, the last to start."""
    return (
        territory.festivals.exclude(state=Festival.State.ARCHIVED)
        .order_by("-state", "-starts_on", "-pk")
        .first()
    )


def widen_diary(festival: Festival, entries: Sequence[Entry]) -> None:
    """The diary has no dates of its own: it reaches from its first event to its last."""
    days = [timing.day for entry in entries for timing in entry.timings]
    if festival.slug != SLUG or not days:
        return
    first, last = min(festival.starts_on, *days), max(festival.ends_on, *days)
    if (first, last) != (festival.starts_on, festival.ends_on):
        festival.starts_on, festival.ends_on = first, last
        festival.save(update_fields=["starts_on", "ends_on"])


def community_diary(entries: Sequence[Entry], *, now: dt.datetime) -> Festival:
    """The diary itself, made when it is not there yet."""
    there = Festival.objects.filter(slug=SLUG).first()
    if there is not None:
        return there
    days = [timing.day for entry in entries for timing in entry.timings] or [now.date()]
    diary = Festival.objects.create(
        name="Agenda de la communauté",
        slug=SLUG,
        tagline_fr="Les rendez-vous de celles et ceux qui font le numérique, toute l’année.",
        tagline_en="What the people who make digital things do all year round.",
        starts_on=min(days),
        ends_on=max(days),
        state=Festival.State.PUBLISHED,
    )
    default_reminder_rules(diary)
    return diary
