"""What is only kept for a visitor, behind the secret link: offers of the waiting list, addresses to confirm.
GET shows, POST acts; twice is once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.models import Registration
from events.refusals import Refused
from events.registration.settle import let_pass, settle_hold
from events.views.became import CONFIRMED, about, others_waited_for, over, refuse
from events.views.kept import PAGES, is_kept, kept_of
from events.views.visitor import Opened, by_secret_link

Hold = Registration.Hold


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_offer(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """An offer from the waiting list: take it or let it pass."""
    return _kept_page(request, token, opened, opened.one(reference), Hold.OFFER)


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_confirm(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """Places kept until the address is confirmed, which whoever holds the link does by pressing the
    button."""
    return _kept_page(request, token, opened, opened.one(reference), Hold.ADDRESS)


def _kept_page(
    request: HttpRequest, token: str, opened: Opened, registration: Registration, hold: str
) -> HttpResponse:
    now = timezone.now()
    if request.method == "POST":
        return answer(request, token, registration, now)
    if not is_kept(registration, now=now):
        return over(request, token, registration, now)
    if registration.hold != hold:
        return redirect(PAGES[Hold(registration.hold)], token, registration.reference)
    visits = opened.registrations.filter(status=CONFIRMED, slot__day=registration.slot.day)
    context = {
        **about(registration, token, now),
        "kept": kept_of(registration, token, now=now, visits=visits),
        "others_waited_for": others_waited_for(registration),
    }
    return render(request, f"events/visitor/kept_{hold}.html", context)


def answer(request: HttpRequest, token: str, registration: Registration, now: dt.datetime) -> HttpResponse:
    """``answer=pass`` lets go; anything else takes. What was answered before stays as it was answered."""
    rule = let_pass if request.POST.get("answer") == "pass" else settle_hold
    return _act(request, token, registration, now, lambda: rule(registration_id=registration.pk, now=now))


def _act(
    request: HttpRequest,
    token: str,
    registration: Registration,
    now: dt.datetime,
    rule: Callable[[], Registration],
) -> HttpResponse:
    """Ask the rule and say what became of it."""
    try:
        after = rule()
    except Refused as refused:
        return refuse(request, token, registration, now, refused)
    title = registration.slot.activity.title
    if after.status == CONFIRMED:
        said = _("Your place for “%(title)s” is confirmed. The ticket is on its way by mail.")
        messages.success(request, said % {"title": title})
    else:
        said = _("“%(title)s” goes to the next person. Thank you for saying so.")
        messages.success(request, said % {"title": title})
    return redirect("events:my_visits", token)
