"""Small pieces of a page: icons, walks, links, the field by which one follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from events import wording
from events.mail.follow_facts import say_words
from events.mail.watch import MailHealth, how_mail_does

register = template.Library()

ACCESS_LABELS = {
    "mi": gettext_lazy("Accessible in a wheelchair"),
    "hi": gettext_lazy("Accessible to deaf or hard-of-hearing people"),
    "vi": gettext_lazy("Accessible to blind or partially sighted people"),
    "pi": gettext_lazy("Suited to psychic disability"),
    "ii": gettext_lazy("Suited to intellectual disability"),
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A line icon. Beside words it is silent; alone it needs a ``label``."""
    symbol = name if name.startswith(("i-", "a-")) else f"i-{name}"
    if label:
        return format_html('<svg class="i" role="img" aria-label="{}"><use href="#{}"/></svg>', label, symbol)
    return format_html('<svg class="i" aria-hidden="true"><use href="#{}"/></svg>', symbol)


@register.simple_tag
def access(codes: Iterable[str] | None) -> SafeString:
    """The access icons of a visit, each with its name: ``mi hi vi pi ii``. Unknown codes are left out."""
    known = [code for code in ACCESS_LABELS if code in set(codes or ())]
    return format_html_join(
        "",
        '<svg class="i" role="img" aria-label="{}"><use href="#a-{}"/></svg>',
        ((ACCESS_LABELS[c], c) for c in known),
    )


@register.filter
def access_label(code: str) -> str:
    return str(ACCESS_LABELS.get(code, code))


@register.simple_tag
def walk(here: Any, there: Any) -> str:
    """« 16 min à pied » between two things with ``latitude`` and ``longitude``; else nothing."""
    return wording.say_walk(_position(here), _position(there))


def _position(thing: Any) -> wording.Position | None:
    if thing is None:
        return None
    if isinstance(thing, (tuple, list)):
        return (float(thing[0]), float(thing[1]))
    lat, lon = getattr(thing, "latitude", None), getattr(thing, "longitude", None)
    return None if lat is None or lon is None else (float(lat), float(lon))


@register.simple_tag(takes_context=True)
def nav_link(context: Context, url: str, label: str, exact: bool = False) -> SafeString:
    """A ``li`` of a navigation, marked when the page is there or below (``exact``: only there)."""
    path = context["request"].path if "request" in context else ""
    here = path == url or (not exact and url != "/" and path.startswith(url))
    current = mark_safe(' aria-current="page"') if here else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', url, current, label)


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """The page's query string with some parameters changed; ``None`` or empty takes one out."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}"


@register.inclusion_tag("components/_follow.html", takes_context=True)
def follow_form(context: Context, what: str = "", **parts: str) -> dict[str, Any]:
    """The field by which one follows: ``hote``, ``visite``, ``ville`` or ``thematique`` (or these two
    together) say what, ``what`` names it. The address itself goes nowhere but into the mail that asks.
    """
    asked = urlencode({name: value for name, value in parts.items() if value})
    page = context["request"].path if "request" in context else ""
    return {"what": what, "words": say_words(), "action": f"{reverse('events:follow')}?{asked}", "page": page}


@register.simple_tag
def mail_trouble() -> MailHealth | None:
    """How mail does, where it is held up; None while it flows."""
    mail = how_mail_does(timezone.now())
    return mail if mail.is_held_up else None
