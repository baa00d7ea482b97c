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
from events.exchange.cards import SITE_NAME, card_of_site
from events.exchange.schema_org import written
from events.wording import language

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


@register.filter
def web_address(address: str) -> str:
    """The address when it begins with http:// or https://, else nothing: no other kind becomes a link."""
    return address if str(address or "").lower().startswith(("https://", "http://")) else ""


@register.filter
def bare_address(address: str) -> str:
    """« lamelee.example/festival » of an address: what one reads of it."""
    return str(address or "").partition("://")[2].rstrip("/").removeprefix("www.")


LOCALES = {"fr": "fr_FR", "en": "en_GB"}


@register.simple_tag(takes_context=True)
def share_card(context: Context) -> SafeString:
    """The card of a page that anybody may read (https://ogp.me, and twitter:card)."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    if request is None or match is None or match.view_name not in SHARED:
        return mark_safe("")
    card = context.get("card") or card_of_site(context.get("festival") or None)
    asked = request.GET.get(PARAMETER, "").lower()
    address = address_of(
        request.path, _parameters(context, match.view_name), asked if asked in LANGUAGES else ""
    )
    spoken = language()
    lines = [
        ("og:site_name", SITE_NAME),
        ("og:type", "website"),
        ("og:title", card.title),
        ("og:description", card.said),
        ("og:url", address),
        ("og:locale", LOCALES[spoken]),
        *(("og:locale:alternate", name) for code, name in LOCALES.items() if code != spoken),
        ("og:image", card.picture),
        ("og:image:type", "image/png"),
        ("og:image:width", card.width),
        ("og:image:height", card.height),
        ("og:image:alt", card.alt),
    ]
    return format_html(
        '{}<meta name="twitter:card" content="summary_large_image">',
        format_html_join("", '<meta property="{}" content="{}">', lines),
    )


@register.simple_tag(takes_context=True)
def linked_data(context: Context) -> SafeString:
    """What the page is, as schema.org says it (``linked``), each thing in a block of its own."""
    request = context.get("request")
    things = context.get("linked")
    if request is None or not things:
        return mark_safe("")
    nonce = str(getattr(request, "csp_nonce", ""))
    return format_html_join(
        "",
        '<script type="application/ld+json" nonce="{}">{}</script>',
        ((nonce, written(thing)) for thing in things),
    )
