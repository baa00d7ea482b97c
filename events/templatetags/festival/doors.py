"""The door of a slot: how it is drawn, and what is said beside it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from events import wording
from events.doors import Door
from events.doors import read_door as door_of

register = template.Library()


def _now(context: Context) -> dt.datetime:
    now = context.get("now")
    return now if isinstance(now, dt.datetime) else timezone.now()


@register.simple_tag(takes_context=True)
def read_door(context: Context, slot: Any) -> Door:
    """``{% read_door slot as door %}``, then ``door.words``; reads the page's ``now``."""
    return door_of(slot, now=_now(context))


@register.simple_tag(takes_context=True)
def door(context: Context, slot: Any, size: str = "", host: Any = None) -> SafeString:
    """The drawing of a slot's door in its host's paint. ``size``: ``s``, or a class such as ``act__door``."""
    owner = host if host is not None else slot.activity.host
    classes = " ".join(part for part in ("door", paint(owner), "door--s" if size == "s" else size) if part)
    return drawing(door_of(slot, now=_now(context)).symbol, classes)


@register.simple_tag
def drawing(symbol: str, classes: str = "door") -> SafeString:
    """A door by the name of its drawing, with no words of its own: put some beside it."""
    return format_html(
        '<svg class="{}" viewBox="0 0 60 72" aria-hidden="true"><use href="#{}"/></svg>', classes, symbol
    )


@register.simple_tag(takes_context=True)
def places(context: Context, slot: Any, tag: str = "p") -> SafeString:
    """« 12 places » and below it « sur 15 », as the list shows them."""
    at = door_of(slot, now=_now(context))
    note = format_html("<small>{}</small>", wording.raise_ordinals(at.note)) if at.note else ""
    return format_html(
        '<{} class="places"><span>{}{}</span></{}>',
        mark_safe(tag),
        wording.raise_ordinals(at.main),
        note,
        mark_safe(tag),
    )


@register.filter
def places_words(slot: Any) -> SafeString | str:
    """« Complet, 4 en attente » in one line."""
    return wording.raise_ordinals(door_of(slot, now=timezone.now()).words) if slot else ""


@register.filter
def paint(host: Any) -> str:
    """The class of a host's colour, by a stable rule: ``paint-wagon``."""
    return f"paint-{host.paint}" if host is not None and getattr(host, "pk", None) else "paint-ardoise"
