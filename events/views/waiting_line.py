"""Who waits for a place: the last call near the start, and a party that splits or takes fewer places."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from events.models import Registration
from events.refusals import Reason, Refused
from events.registration.refusing import why_closed
from events.registration.settle import claim_place, split_party, take_fewer
from events.registration.waiting import is_last_call
from events.views.became import CONFLICT, HELD, WAITING, about, again, others_waited_for, over, refuse
from events.views.tickets import say_places
from events.views.visitor import Opened, by_secret_link
from events.wording import say_list, say_number

UNPROCESSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_claim(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """Last call: near the start free places go to the first click."""
    registration, now = opened.one(reference), timezone.now()
    if request.method == "POST":
        try:
            claim_place(registration_id=registration.pk, now=now)
        except Refused as refused:
            if refused.reason in (Reason.FULL, Reason.NOT_YET):
                return _claim_page(request, token, again(opened, registration), now, refused=refused)
            return refuse(request, token, registration, now, refused)
        said = _("Your place for “%(title)s” is confirmed. The ticket is on its way by mail.")
        messages.success(request, said % {"title": registration.slot.activity.title})
        return redirect("events:my_visits", token)
    if registration.status != WAITING or why_closed(registration.slot, now=now):
        return over(request, token, registration, now)
    return _claim_page(request, token, registration, now)


def _claim_page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    now: dt.datetime,
    *,
    refused: Refused | None = None,
) -> HttpResponse:
    left, size = registration.slot.places_left, registration.party_size
    context = {
        **about(registration, token, now),
        "is_near": is_last_call(registration.slot, now=now),
        "left": left,
        "left_words": say_places(left or 0),
        "fits": left is None or left >= size,
        "was_late": refused is not None and refused.reason == Reason.FULL,
    }
    status = CONFLICT if refused else 200
    return render(request, "events/visitor/claim.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_split(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """A waiting party that fits nowhere whole: split it in two (``first``), or take fewer places
    (``keep``)."""
    registration, now = opened.one(reference), timezone.now()
    if request.method != "POST":
        if registration.status != WAITING:
            return over(request, token, registration, now)
        return _split_page(request, token, registration, now)
    if registration.status != WAITING:
        return refuse(request, token, registration, now, Refused(Reason.NOT_ACTIVE))
    name = "keep" if "keep" in request.POST else "first"
    number = request.POST.get(name, "")
    if not number.isascii() or not number.isdigit() or len(number) > 3:
        error = _("Please choose one of the ways shown.")
        return _split_page(request, token, registration, now, error=error, status=UNPROCESSABLE)
    try:
        if name == "keep":
            parts = [take_fewer(registration_id=registration.pk, keep=int(number), now=now)]
        else:
            parts = list(split_party(registration_id=registration.pk, first=int(number), now=now))
    except Refused as refused:
        if refused.reason != Reason.LIMIT:
            return refuse(request, token, registration, now, refused)
        registration = again(opened, registration)
        if name == "first" and registration.party_size == int(number):
            messages.info(request, _("The party had been split already. Nothing was changed."))
            return redirect("events:my_visits", token)
        error = _("Please choose one of the ways shown.")
        return _split_page(request, token, registration, now, error=error, status=UNPROCESSABLE)
    return _tell_parts(request, token, parts)


def _tell_parts(request: HttpRequest, token: str, parts: list[Registration]) -> HttpResponse:
    """Who is offered places by it goes and takes them; the others wait with their rank."""
    offered = [part for part in parts if part.status == HELD]
    if offered:
        size = offered[0].party_size
        said = ngettext(
            "%(number)s place is kept for you from now on.",
            "%(number)s places are kept for you from now on.",
            size,
        )
        messages.success(request, said % {"number": say_number(size)})
        return redirect("events:my_visit_offer", token, offered[0].reference)
    sizes = say_list(say_places(part.party_size) for part in parts)
    messages.success(request, _("Done. You wait for %(places)s, with the rank you had.") % {"places": sizes})
    return redirect("events:my_visits", token)


def _split_page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    now: dt.datetime,
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    size, left = registration.party_size, registration.slot.places_left or 0
    ways = [(first, say_places(first), say_places(size - first)) for first in range(size // 2, 0, -1)]
    context = {
        **about(registration, token, now),
        # The larger part stays the request that it was.
        "ways": [(size - first, more, fewer) for first, fewer, more in ways],
        "fewer": [(keep, say_places(keep)) for keep in range(size - 1, 0, -1)],
        "left": left,
        "left_words": say_places(left),
        "others_waited_for": others_waited_for(registration),
        "error": error,
    }
    return render(request, "events/visitor/split.html", context, status=status)
