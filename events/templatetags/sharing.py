"""What a page says of itself to whoever passes it on: its addresses in each language."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from events.exchange.addresses import (
    FILTERED,
    LANGUAGES,
    PARAMETER,
    SHARED,
    Parameters,
    address_of,
    alternates,
)

register = template.Library()


@register.filter
def without_language(address: str) -> str:
    """An address of ours without ``hl``: where the buttons FR and EN lead back to."""
    path, mark, query = address.partition("?")
    if f"{PARAMETER}=" not in query:
        return address
    kept = [pair for pair in query.split("&") if pair.partition("=")[0] != PARAMETER]
    return path + (mark + "&".join(kept) if kept else "")


@register.simple_tag(takes_context=True)
def addresses(context: Context) -> SafeString:
    """``canonical`` and the alternates of a page that anybody may read; nothing on any other."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    if request is None or match is None or match.view_name not in SHARED:
        return mark_safe("")
    parameters = _parameters(context, match.view_name)
    asked = request.GET.get(PARAMETER, "").lower()
    own = address_of(request.path, parameters, asked if asked in LANGUAGES else "")
    others = format_html_join(
        "", '<link rel="alternate" hreflang="{}" href="{}">', alternates(request.path, parameters)
    )
    return format_html('<link rel="canonical" href="{}">{}', own, others)


def _parameters(context: Context, name: str) -> Parameters:
    filters: Any = context.get("filters")
    return filters.parameters() if name in FILTERED and filters is not None else ()
