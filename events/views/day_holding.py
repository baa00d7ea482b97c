"""What is kept until the address is confirmed, answered at once: a day booked at once is one day."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.models import Registration
from events.refusals import Reason, Refused
from events.registration.book_day import confirm_day
from events.registration.settle import let_pass
from events.views.became import IN_THE_WAY
from events.views.kept import is_kept, kept_of
from events.views.visitor import Opened, by_secret_link


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_day_confirm(request: HttpRequest, token: str, opened: Opened) -> HttpResponse:
    """GET shows them, POST confirms them all or none, or (``answer=pass``) lets them all go."""
    now = timezone.now()
    unsure = opened.registrations.filter(
        status=Registration.Status.HELD, hold=Registration.Hold.ADDRESS, slot__state="published"
    )
    kept = [one for one in unsure if is_kept(one, now=now)]
    if not kept:
        messages.info(request, _("Nothing waits for your confirmation any more."))
        return redirect("events:my_visits", token)
    if request.method != "POST":
        context = {"token": token, "kept": [kept_of(one, token, now=now) for one in kept], "first": kept[0]}
        return render(request, "events/visitor/kept_day.html", context)
    try:
        if request.POST.get("answer") == "pass":
            for one in kept:
                let_pass(registration_id=one.pk, now=now)
            messages.success(request, _("It is noted: these places go to other people."))
        else:
            confirm_day(registration_ids=[one.pk for one in kept], now=now)
            messages.success(request, _("Your day is confirmed. One mail with every ticket is on its way."))
    except Refused as refused:
        clashing = refused.facts.get("one")
        if refused.reason in IN_THE_WAY and clashing is not None:
            return redirect("events:my_visit_choose", token, clashing.reference)
        if refused.reason == Reason.BUSY:
            messages.warning(request, str(refused.reason.label))
            return redirect(request.path)
        messages.warning(request, str(refused.reason.label))
    return redirect("events:my_visits", token)
