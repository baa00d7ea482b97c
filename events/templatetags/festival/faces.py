"""The two faces of the site, and whether a front-end file is there to be served."""

from __future__ import annotations

from functools import cache

from django import template
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

FACES = (
    (
        "Bricolage Grotesque Variable",
        "fonts/bricolage-grotesque/files/bricolage-grotesque-latin-opsz-normal.woff2",
        "200 800",
    ),
    (
        "Instrument Sans Variable",
        "fonts/instrument-sans/files/instrument-sans-latin-wght-normal.woff2",
        "400 700",
    ),
)
WIDE = "(min-width: 48rem)"


@register.simple_tag(takes_context=True)
def fonts(context: Context) -> SafeString:
    """The two faces, where the front-end packages are installed; else the system's serve.

    A wide screen reads them first. On a telephone they would hold up the style they wait for: it paints with
    the system's face and changes.
    """
    addresses = [(family, static(path), weight) for family, path, weight in FACES if is_served(path)]
    # str(): the middleware's nonce is lazy, and false until it has been written once.
    nonce = str(getattr(context.get("request"), "csp_nonce", ""))
    if not nonce or not addresses:
        return mark_safe("")
    preloads = format_html_join(
        "\n",
        '<link rel="preload" href="{}" as="font" type="font/woff2" media="{}" crossorigin>',
        ((url, WIDE) for _family, url, _weight in addresses),
    )
    faces = "".join(
        f'@font-face{{font-family:"{family}";src:url("{url}") format("woff2");'
        f"font-weight:{weight};font-display:swap}}"
        for family, url, weight in addresses
    )
    return format_html('{}\n<style nonce="{}">{}</style>', preloads, nonce, mark_safe(faces))


@cache
def is_served(path: str) -> bool:
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    return path in hashed or finders.find(path) is not None
