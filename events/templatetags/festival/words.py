"""Numbers, lists and texts, in the language of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import nh3
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from events import wording
from events.models import Equipment
from events.typography import set_in_french

register = template.Library()


@register.filter
def number(value: int | float | None, decimals: int = 0) -> str:
    """« 1 240 »."""
    return "" if value is None else wording.say_number(value, decimals=decimals)


@register.filter
def percent(ratio: float | None) -> str:
    """« 82 % » for 0.82."""
    return "" if ratio is None else wording.say_percent(ratio)


@register.filter
def ordinal(value: int | None) -> SafeString | str:
    """« 2<sup>e</sup> »."""
    return "" if value is None else wording.raise_ordinals(wording.say_ordinal(value))


@register.filter
def distance(metres: float | None) -> str:
    return "" if metres is None else wording.say_distance(metres)


@register.filter
def in_words(items: Iterable[object] | None) -> str:
    """« une, deux et trois »."""
    return wording.say_list(items or ())


@register.filter
def equipment(codes: Iterable[str]) -> str:
    """« Écran ou projecteur, tables »: what a room has, by its codes."""
    labels = dict(Equipment.choices)
    return ", ".join(str(labels.get(code, code)) for code in codes)


@register.filter
def siren(number: str) -> str:
    """« 552 100 554 »: as it is written, and not to be broken."""
    return "\xa0".join(number[at : at + 3] for at in (0, 3, 6))


@register.filter
def typo(text: object) -> str:
    """A sentence from elsewhere with the spaces and apostrophes of French, when the page is French."""
    return set_in_french(str(text)) if wording.language() == "fr" else str(text)


@register.filter
def unbroken(text: object) -> SafeString:
    """A reference that no line end parts at its hyphen, for use within a sentence."""
    return format_html('<span class="nb">{}</span>', text)


@register.filter
def lang_of(thing: Any, text: str) -> SafeString:
    """`` lang="fr"`` for the opening tag of a text that has no English on an English page, else nothing.

    Screen readers take their voice from it (WCAG 2.2, 3.1.2). ``text`` names one of those kept in both
    languages: ``<h1{{ activity|lang_of:"title" }}>{{ activity.title }}</h1>``.
    """
    is_foreign = wording.language() == "en" and not getattr(thing, f"{text}_en", "")
    return mark_safe(' lang="fr"' if is_foreign else "")


@register.filter
def lang_it_seems(text: str) -> SafeString:
    """`` lang="fr"`` on an English page for words of elsewhere whose language nobody has noted, where they
    look French: a title of the press.
    """
    is_foreign = wording.language() == "en" and len(_FRENCH_WORDS.findall(text)) >= 2
    return mark_safe(' lang="fr"' if is_foreign else "")


_FRENCH_WORDS = re.compile(
    r"\b(?:les?|la|des?|du|une?|et|aux?|dans|pour|sur|sous|en|qui|son|leurs?|se)\b|[éèàçêô]"
)


def _reader(*, french: bool) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True, "typographer": False}).disable(
        ["image", "heading", "lheading", "html_block", "html_inline"]
    )
    if french:
        reader.core.ruler.push("french", _set_in_french)
    return reader


def _set_in_french(state: StateCore) -> None:
    """The words of a text, not its code nor the addresses it shows."""
    for block in state.tokens:
        bare = False
        for piece in block.children or ():
            if piece.type in ("link_open", "link_close"):
                bare = piece.type == "link_open" and piece.markup == "autolink"
            elif piece.type == "text" and not bare:
                piece.content = set_in_french(piece.content)


_markdown = {lang: _reader(french=lang == "fr") for lang in ("fr", "en")}


@register.filter
def markdown(text: str | None) -> SafeString:
    """What the public typed, as safe HTML: paragraphs, lists, emphasis, links that vouch for nothing."""
    html = _markdown[wording.language()].render(text or "")
    clean = nh3.clean(
        html,
        tags={"p", "br", "em", "strong", "ul", "ol", "li", "a", "blockquote", "code", "pre", "hr"},
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="nofollow noopener ugc",
    )
    return mark_safe(clean)
