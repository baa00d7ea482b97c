"""Hours, days and spans as they are read on a wall."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from events import wording
from events.clock import on_the_wall

register = template.Library()


@register.filter
def hour(at: dt.datetime | dt.time | None) -> str:
    """« 14 h 30 »."""
    return wording.say_time(at) if at else ""


@register.filter
def big_hour(at: dt.datetime | dt.time | None) -> str:
    """The numerals of the gutter: « 14 <i>h</i> »."""
    return wording.hour_html(at) if at else ""


@register.filter
def times(slot: Any) -> SafeString | str:
    """« 14 h – 14 h 45 » in a ``time`` element, on the clock of the slot's territory."""
    if not slot:
        return ""
    start, end = slot.local_start, slot.local_end
    said = wording.say_times(start, end)
    return format_html(
        '<time datetime="{}">{}</time>', start.isoformat(timespec="minutes"), wording.raise_ordinals(said)
    )


@register.filter
def times_text(slot: Any) -> str:
    """The same without markup: names of controls, titles, mails."""
    return wording.say_times(slot.local_start, slot.local_end) if slot else ""


@register.filter
def day(at: dt.date | None, how: str = "") -> SafeString | str:
    """« jeudi 10 juin » with « 1er » raised. ``how``: words among ``year noweekday nomonth cap``."""
    return wording.raise_ordinals(_say_day(at, how)) if at else ""


@register.filter
def day_text(at: dt.date | None, how: str = "") -> str:
    """The same as plain text."""
    return _say_day(at, how) if at else ""


def _say_day(at: dt.date, how: str) -> str:
    asked = how.split()
    date = at.date() if isinstance(at, dt.datetime) else at
    said = wording.say_day(
        date, weekday="noweekday" not in asked, month="nomonth" not in asked, year="year" in asked
    )
    return wording.with_capital(said) if "cap" in asked else said


@register.filter
def short_day(at: dt.date | None) -> SafeString | str:
    """« jeu. 10 »."""
    return wording.raise_ordinals(wording.say_short_day(at)) if at else ""


@register.filter
def moment(at: dt.datetime | None, how: str = "") -> SafeString | str:
    """« 7 juin à 12 h ». ``how``: words among ``weekday year``."""
    if not at:
        return ""
    return wording.raise_ordinals(wording.say_moment(at, weekday="weekday" in how, year="year" in how))


@register.simple_tag
def when(at: dt.datetime, zone: str = "") -> SafeString:
    """« hier à 17 h 20 »: a past or coming instant, on the clock of ``zone`` (the site's by default)."""
    wall = zone or timezone.get_current_timezone_name()
    today = on_the_wall(timezone.now(), wall).date()
    return wording.raise_ordinals(wording.say_when(on_the_wall(at, wall), today))


@register.simple_tag
def span(start: dt.datetime, end: dt.datetime) -> SafeString:
    """« jeudi 10 juin, 19 h – 19 h 45 »; both on the wall."""
    return wording.raise_ordinals(wording.say_span(start, end))


@register.simple_tag
def days(first: dt.date, last: dt.date, year: bool = True) -> SafeString:
    """« 10, 11 et 12 juin 2027 », « du 4 au 28 juin 2014 »."""
    return wording.raise_ordinals(wording.say_day_range(first, last, year=year))


@register.filter
def since(at: dt.datetime, now: dt.datetime) -> str:
    """« 1 jour », « 3 heures »: how long ago, in its largest unit alone."""
    return timesince(at, now, depth=1)


@register.filter
def duration(minutes: int | dt.timedelta | None) -> str:
    """« 2 h 15 »."""
    if minutes is None:
        return ""
    return wording.say_duration(
        int(minutes.total_seconds() // 60) if isinstance(minutes, dt.timedelta) else minutes
    )
