"""The page that explains the feeds: their addresses for the filters one came with, parameters, licence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from events.forms.programme import say_question
from events.programme import Facets, Filters
from events.wording import language


@dataclass(frozen=True, slots=True)
class Address:
    """One feed. ``webcal`` is what opens a calendar program (a scheme of old, known to all of them)."""

    name: str
    said: str
    address: str
    webcal: str = ""


@require_safe
def feeds_explained(request: HttpRequest) -> HttpResponse:
    """Calendar, feeds and data: which there are and what they take."""
    filters = replace(Filters.read(request.GET), after=None)
    nothing = Facets(territories=[], days=[], formats=[], programmes=[], zones={})
    question = say_question(filters, nothing) or urlencode(filters.parameters()) if filters else ""
    return render(
        request,
        f"events/public/feeds_{language()}.html",
        {"feeds": addresses(filters), "question": question},
    )


def addresses(filters: Filters) -> list[Address]:
    """The feeds of these filters, in the reader's language."""
    pairs = filters.parameters() + ([("hl", "en")] if language() == "en" else [])
    query = f"?{urlencode(pairs)}" if pairs else ""

    def at(kind: str) -> str:
        return f"{settings.SITE_URL}{reverse(f'events:programme_{kind}')}{query}"

    return [
        Address(
            _("Calendar (.ics)"),
            _("your calendar follows the changes by itself."),
            at("ics"),
            webcal=f"webcal://{at('ics').partition('://')[2]}",
        ),
        Address("RSS", _("the news, for a feed reader or a partner’s page."), at("rss")),
        Address("JSON", _("OpenAgenda’s fields, one visit with its times."), at("json")),
        Address("CSV", _("for a spreadsheet, separated by semicolons."), at("csv")),
        Address("GeoJSON", _("the venues and their slots, for a map."), at("geojson")),
    ]
