"""« Still coming? », asked by every reminder: the page behind its link."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.models import Registration
from events.refusals import Reason, Refused
from events.registration.cancel import cancel_registration
from events.registration.coming import say_coming
from events.views.tickets import ticket_of
from events.views.visitor import Opened, by_secret_link


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_coming(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """GET asks; POST with ``no`` gives every place back, any other says yes."""
    registration, now = opened.one(reference), timezone.now()
    title = registration.slot.activity.title
    if request.method != "POST":
        is_had = registration.status == Registration.Status.CONFIRMED
        context = {
            "token": token,
            "ticket": ticket_of(registration),
            "may_answer": is_had and registration.slot.starts_at > now,
            "now": now,
        }
        return render(request, "events/visitor/coming.html", context)
    try:
        if request.POST.get("answer") == "no":
            cancel_registration(registration_id=registration.pk, now=now)
            said = _("“%(title)s” has been given back: the place goes to somebody else. Thank you.")
        else:
            say_coming(registration_id=registration.pk, now=now)
            said = _("Thank you: your host knows that you are coming to “%(title)s”.")
    except Refused as refused:
        messages.warning(request, _why_not(refused))
    else:
        messages.success(request, said % {"title": title})
    return redirect("events:my_visits", token)


def _why_not(refused: Refused) -> str:
    if refused.reason == Reason.NOT_ACTIVE:
        return _("This visit had been given back already. Nothing was changed.")
    if refused.reason == Reason.IN_THE_PAST:
        return _("This visit has begun. Nothing was changed.")
    return str(refused.reason.label)
