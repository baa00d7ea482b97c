"""An operation with a name of its own, such as Start-up Assembly: what it is, where, and what it has been."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.exchange.cards import card_of_operation
from events.exchange.schema_org import operation_as_series
from events.models import Festival, Programme
from events.programme import Filters
from events.views.city_page import days_of, next_doors, read_figures
from events.views.crumbs import crumbs_of_operation
from events.views.public import cities_with_doors
from events.views.quick_pages import quick

OF_A_YEAR = re.compile(r"-\d{4}$")


@require_safe
def operation(request: HttpRequest, slug: str) -> HttpResponse:
    """The operation of that address in the edition that is coming, else in the last one that had it."""
    now = timezone.now()
    shown = public_operations().filter(slug=slug).order_by("-festival__state", "-festival__starts_on").first()
    if shown is None:
        raise Http404
    draw = lambda: render(request, "events/public/operation.html", operation_page(shown, now))  # noqa: E731
    return quick(request, ("operation", shown.pk), draw)


def public_operations() -> Any:
    states = (Festival.State.PUBLISHED, Festival.State.ARCHIVED)
    return Programme.objects.filter(festival__state__in=states).select_related("festival")


def operation_page(shown: Programme, now: dt.datetime, *, figures: Any = None) -> dict[str, Any]:
    """``shown`` may hold words, and ``figures`` rows, that are not written yet: the preview."""
    is_coming = shown.festival.state == Festival.State.PUBLISHED
    filters = Filters(programme=shown.slug)
    return {
        "now": now,
        "festival": shown.festival,
        "operation": shown,
        "card": card_of_operation(shown),
        "linked": [operation_as_series(shown, shown.festival), crumbs_of_operation(shown)],
        "filters": filters,
        "street": next_doors(filters, now) if is_coming else [],
        "day_lines": days_of(filters, now) if is_coming else [],
        "cities": cities_with_doors(filters, now) if is_coming else [],
        "figures": read_figures(shown.figures.all() if figures is None else figures),
        "relatives": list(_relatives(shown)),
        "archive": list(shown.archive.select_related("festival", "venue", "territory")) if shown.pk else [],
    }


def _relatives(shown: Programme) -> Any:
    """The same operation in other editions: « start-up-assembly » and « start-up-assembly-2014 »."""
    name = OF_A_YEAR.sub("", shown.slug)
    same = Q(slug=name) | Q(slug__regex=rf"^{re.escape(name)}-[0-9]{{4}}$")
    return public_operations().filter(same).exclude(pk=shown.pk).order_by("-festival__starts_on")
