"""One day of a visitor on one page for paper or screen, with one code for all its doors."""

from __future__ import annotations

import datetime as dt

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.views.tickets import by_day
from events.views.visitor import Opened, by_secret_link


@require_safe
@by_secret_link
def my_day_ticket(request: HttpRequest, token: str, opened: Opened, date: dt.date) -> HttpResponse:
    """The confirmed visits of a local day in their order, the walks between, the references in one code."""
    days = by_day(opened.registrations.confirmed().filter(slot__day=date, slot__state="published"))
    if not days:
        raise Http404
    context = {"token": token, "day": days[0], "now": timezone.now()}
    return render(request, "events/visitor/day_ticket.html", context)
