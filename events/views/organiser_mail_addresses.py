"""Addresses that get no mail: whether one is among them, letting mail go there again, stopping it by hand.

The list holds hashes, so it is of no territory; an organiser asks about one address at a time.
"""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from events.forms.organiser import MailAddressForm
from events.limits import allow
from events.mail import suppressions
from events.mail.providers import takes_reports
from events.models import Suppression
from events.views.organiser_frame import frame, workplace

MOST_SHOWN = 50
LOOKS, PER = 60, dt.timedelta(hours=1)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def mail_addresses(request: HttpRequest, territory: str) -> HttpResponse:
    """GET lists hashes; POST looks an address up, and with ``do`` lifts what stops it or stops it."""
    place = workplace(request, territory)
    now, found, looked_up = place.now, None, ""
    form = MailAddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not allow(action="mail-address", peer=str(place.user.pk), limit=LOOKS, per=PER, now=now):
            form.add_error(None, _("That is a lot of addresses in one hour. Please come back later."))
        else:
            looked_up = form.cleaned_data["email"]
            done = _do(request.POST.get("do", ""), looked_up, place.user, now)
            if done:
                messages.success(request, done)
                return redirect("events:organiser_mail_addresses", territory)
            found = suppressions.standing_of(looked_up, now=now)
    context = frame(
        place,
        form=form,
        looked_up=looked_up,
        found=found,
        may_lift=any(row.reason in suppressions.LIFTABLE for row in found or []),
        is_stopped=any(row.scope == Suppression.Scope.ALL for row in found or []),
        rows=suppressions.latest(MOST_SHOWN, now=now),
        counts=_counts(now),
        days=suppressions.BOUNCE_LASTS.days,
        reports=takes_reports(),
    )
    return render(
        request, "events/organiser/mail_addresses.html", context, status=422 if form.errors else 200
    )


def _do(what: str, email: str, user: User, now: dt.datetime) -> str:
    """What was done, in words; empty when nothing was."""
    if what == "lift" and suppressions.lift(email, by=user, now=now):
        return _("Mail goes to %(address)s again, from the next one on.") % {"address": email}
    if what == "stop":
        suppressions.stop_by_hand(email, by=user, now=now)
        return _("No mail goes to %(address)s any more.") % {"address": email}
    return ""


def _counts(now: dt.datetime) -> list[tuple[str, int]]:
    numbers = suppressions.counts(now=now)
    return [(str(reason.label), numbers[reason]) for reason in Suppression.Reason if numbers.get(reason)]
