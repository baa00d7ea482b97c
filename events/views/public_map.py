"""The programme's question on a map: a page that is whole without a script, and what a script asks for.

``/programme/carte/`` draws the spots as links on a sheet and lists them beside it; ``points.json`` gives the
same for any part of the map, ``portes/`` the next slots behind one of its doors.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from events.forms.asked import meant_instead, ways_out
from events.forms.programme import say_count, say_question, sentence_of
from events.models import Venue
from events.programme import Amount, Counts, Filters, facets_of, find_words, index_at, matching
from events.programme.marks import Marks, marks_of
from events.views.clusters import DEEPEST_ZOOM, Box, bounds, box_of, fitted, no_nearer, zoom_of
from events.views.coast import FINEST_ZOOM, MAINLAND_FRAME
from events.views.map_places import (
    Lost,
    lost_of,
    places_beyond,
    places_shown,
    say_slots,
    say_view,
    with_guesses,
)
from events.views.map_sheet import drawn, for_the_script, sheet_of
from events.views.public_rows import rows_of
from events.views.sketch import HEIGHT, WIDTH

MOST_LOST = 60
"""Venues without a position that are listed one by one."""
MOST_ROWS = 4
SECONDS_KEPT = 30
AS_WRITTEN = {"ensure_ascii": False, "separators": (",", ":")}


@require_safe
def programme_map(request: HttpRequest) -> HttpResponse:
    """The sheet and the list: the part asked for, else metropolitan France or what there is of the answer."""
    now = timezone.now()
    filters = Filters.read(request.GET).without("after")
    index = index_at(now)
    words = find_words(filters.query, index.common)
    choices, beside = facets_of(index, now), Counts(index, filters, now, words=words, cancelled=True)
    marks = marks_of(filters, now, words=words)
    lost = lost_of(marks)
    box = _first_box(filters, marks, lost)
    shown = places_shown(marks, lost, filters, box, zoom_of(box, WIDTH)) if box else []
    beyond = places_beyond(marks, lost, box, filters) if box else []
    without_venue = sum(slots for pk, slots, _places in marks.nowhere if pk is None)
    count = marks.total
    return render(
        request,
        "events/public/map.html",
        {
            "now": now,
            "filters": filters,
            "sentence": sentence_of(filters, choices, beside),
            "question": say_question(filters, choices),
            "count": say_count(count),
            "has_answer": bool(count.slots),
            "ways_out": [] if count.slots else ways_out(filters, beside),
            "meant": None if count.slots else meant_instead(filters, words),
            "view_said": say_view(shown),
            "places": shown,
            "beyond": beyond,
            "lost": [
                {"venue": venue, "said": say_count(Amount(slots, places))}
                for venue, slots, places in lost[:MOST_LOST]
            ],
            "lost_more": max(0, len(lost) - MOST_LOST),
            "are_guessed": bool(box and zoom_of(box, WIDTH) <= FINEST_ZOOM and lost),
            "lost_said": say_slots(sum(slots for _pk, slots, _places in marks.nowhere)),
            "without_venue": say_slots(without_venue) if without_venue else "",
            "everywhere": reverse("events:map") + filters.query_string(within=None),
            **(sheet_of(box, shown) if box else {}),
            **for_the_script(filters, box, shown),
        },
    )


@require_safe
def map_points(request: HttpRequest) -> HttpResponse:
    """One part of the map: ``cadre`` is what is looked at, ``zoom`` the level of the web's tiles, 0 to 19.

    Its marks as JSON, and the list of them as HTML in the same order. Without a part, the one the page begins
    with. 400 with a sentence on what cannot be read.
    """
    now = timezone.now()
    filters = Filters.read(request.GET).without("after")
    asked = request.GET.get("zoom", "")
    zoom = _read_zoom(asked)
    if "cadre" in filters.unread or (asked and zoom is None):
        said = _("A part of the map is asked for as cadre=south,west,north,east&zoom=0 to 19.")
        return JsonResponse({"error": said}, status=400, json_dumps_params=AS_WRITTEN)
    marks = marks_of(filters, now, frame=filters.within)
    lost = lost_of(marks)
    box = box_of(filters.within) if filters.within else _first_box(filters, marks, lost)
    if zoom is None:
        zoom = zoom_of(box, WIDTH) if box else 0
    places = places_shown(marks, lost, filters.without("within"), box, zoom) if box else []
    data = {
        "said": say_view(places),
        "list": render_to_string("events/public/_map_list.html", {"places": places}),
        **drawn(places, zoom),
    }
    response = JsonResponse(data, json_dumps_params=AS_WRITTEN)
    patch_cache_control(response, private=True, max_age=SECONDS_KEPT)
    return response


def _read_zoom(text: str) -> float | None:
    """A whole level of the web's tiles, or None."""
    fits = text.isascii() and text.isdigit() and len(text) <= 2
    return int(text) if fits and int(text) <= DEEPEST_ZOOM else None


@require_safe
def map_doors(request: HttpRequest, slug: str) -> HttpResponse:
    """What is behind a door of the map: the next slots of a venue that answer the question, as a part of a
    page.
    """
    now = timezone.now()
    filters = Filters.read(request.GET).without("after", "within")
    venue = get_object_or_404(Venue.objects.select_related("commune", "territory"), slug=slug)
    found = matching(filters, now, cancelled=True).filter(venue=venue)
    slots = list(found.for_showing().in_order()[: MOST_ROWS + 1])
    if not slots:
        raise Http404
    return render(
        request,
        "events/public/_map_doors.html",
        {
            "now": now,
            "venue": venue,
            "rows": rows_of(slots[:MOST_ROWS], now=now),
            "more": len(slots) > MOST_ROWS,
        },
    )


def _first_box(filters: Filters, marks: Marks, lost: Lost) -> Box | None:
    """The question's own part of the map; else around its answer, the mainland's where it has one. Where no
    position is known, as far off as guesses are shown.
    """
    known, marks = len(marks), with_guesses(marks, lost)
    if filters.within:
        return fitted(box_of(filters.within), WIDTH, HEIGHT, margin=0)
    west, north, east, south = box_of(MAINLAND_FRAME)
    inside = [
        i
        for i, (x, y) in enumerate(zip(marks.xs, marks.ys, strict=True))
        if west <= x <= east and north <= y <= south
    ]
    around = bounds(marks, inside) or bounds(marks)
    if around is None:
        return None
    wide = around[2] - around[0] > (east - west) / 2
    box = fitted((west, north, east, south) if wide else around, WIDTH, HEIGHT, margin=0 if wide else 0.12)
    return box if known else no_nearer(box, FINEST_ZOOM, WIDTH)
