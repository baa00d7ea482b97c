"""For those who show the programme on their own site: choose, see it live, copy the tag."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from events.forms.gadget import GadgetForm
from events.programme import facets
from events.views.gadget import USUAL
from events.wording import language

FILTERS = ("ville", "hote", "jour")


@require_safe
def gadget_guide(request: HttpRequest) -> HttpResponse:
    """The form, the gadget as it will be, and its two tags."""
    form = GadgetForm(request.GET, facets(timezone.now()))
    chosen = form.cleaned_data if form.is_bound and form.is_valid() else {}
    if not form.is_bound:
        form.initial["affichage"] = language()
    attributes = [(name, str(chosen[name])) for name in FILTERS if chosen.get(name)]
    if (number := chosen.get("nombre")) and number != USUAL:
        attributes.append(("nombre", str(number)))
    lang = chosen.get("affichage") or language()
    theme = chosen.get("theme") or ""
    return render(
        request,
        "events/gadget/guide.html",
        {
            "form": form,
            "preview": _script("", [*attributes, ("niveau", "3")], lang, theme),
            "tag": _script(settings.SITE_URL, attributes, lang, theme) + _without_script(attributes, lang),
            "frame": _frame(attributes, lang, theme),
        },
        status=400 if form.is_bound and not form.is_valid() else 200,
    )


def _script(site: str, attributes: list[tuple[str, str]], lang: str, theme: str) -> SafeString:
    said = [*attributes, ("langue", lang), *([("theme", theme)] if theme else [])]
    return format_html(
        '<script src="{}{}"{} async></script>',
        site,
        reverse("events:gadget_script"),
        format_html_join("", ' data-{}="{}"', said),
    )


def _without_script(attributes: list[tuple[str, str]], lang: str) -> SafeString:
    """What a reader without scripts gets: a link to the same question."""
    asked = [(name, value) for name, value in attributes if name in ("ville", "jour")]
    asked += [("hl", "en")] if lang == "en" else []
    where = reverse("events:programme")
    if host := dict(attributes).get("hote"):
        where, asked = reverse("events:host", args=[host]), [pair for pair in asked if pair[0] == "hl"]
    address = f"{settings.SITE_URL}{where}{'?' if asked else ''}{urlencode(asked)}"
    return format_html('<noscript><a href="{}">{}</a></noscript>', address, _words(lang))


def _words(lang: str) -> str:
    return "The programme of the festival" if lang == "en" else "Le programme du festival"


def _frame(attributes: list[tuple[str, str]], lang: str, theme: str) -> SafeString:
    asked = [*attributes, *([("hl", "en")] if lang == "en" else [])]
    asked += [("theme", theme)] if theme in ("light", "dark") else []
    address = f"{settings.SITE_URL}{reverse('events:gadget')}{'?' if asked else ''}{urlencode(asked)}"
    return format_html(
        '<iframe src="{}" title="{}" width="100%" height="640" loading="lazy"></iframe>',
        address,
        _words(lang),
    )


__all__ = ["gadget_guide"]
