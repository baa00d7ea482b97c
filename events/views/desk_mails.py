"""Which mails to one's desk one receives: chosen on a page, or left by one click in the mail."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.who import signed_in
from events.links import hash_of_address, read_desk_mails_token
from events.mail.desk_wishes import SCOPES, wanted
from events.mail.suppressions import allow_again, is_stopped, stop, takes_no_mail
from events.models import Suppression

Scope = Suppression.Scope
FORM = ["GET", "HEAD", "POST"]

WORDS: dict[str, tuple[str | Promise, str | Promise]] = {
    Scope.DIGESTS: (
        gettext_lazy("The day in figures"),
        gettext_lazy("At 8:00, on days when something changed: bookings, places given back, places left."),
    ),
    Scope.DOOR_LISTS: (
        gettext_lazy("The door list"),
        gettext_lazy("At 18:00 the day before: who comes, or which doors open."),
    ),
    Scope.NAGS: (
        gettext_lazy("What is left undone"),
        gettext_lazy("Drafts never submitted, slots whose day comes nearer and that nobody can book."),
    ),
    Scope.ALERTS: (
        gettext_lazy("What is stuck"),
        gettext_lazy(
            "For organisers: mail that was held up, once it flows again; an agenda followed that waits for a "
            "yes, or brings nothing any more."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Choice:
    scope: str
    label: str | Promise
    note: str | Promise
    is_wanted: bool


@require_http_methods(FORM)
@login_required
def desk_mails(request: HttpRequest) -> HttpResponse:
    """One box for each kind of mail to a desk."""
    email, now = signed_in(request).email, timezone.now()
    if request.method == "POST":
        kept = set(request.POST.getlist("kept"))
        for scope in SCOPES:
            _choose(email, scope, scope in kept, now)
        messages.success(request, _("Your choice is saved."))
        return redirect("events:desk_mails")
    got = wanted(email, now=now)
    context = {
        "choices": [Choice(scope, *WORDS[scope], scope in got) for scope in SCOPES],
        "takes_no_mail": takes_no_mail(hash_of_address(email), now=now),
        "email": email,
    }
    return render(request, "events/desk/mails.html", context)


@csrf_exempt
@require_http_methods(FORM)
def desk_mails_off(request: HttpRequest, token: str) -> HttpResponse:
    """One click in the mail program posts here without cookies (RFC 8058); a person sees a button first.

    No CSRF check: the signed token is the right to do this one thing, and another site does not have it.
    """
    known = read_desk_mails_token(token)
    person = User.objects.filter(pk=known[0]).first() if known else None
    if known is None or person is None or known[1] not in WORDS:
        raise Http404
    scope, now = Scope(known[1]), timezone.now()
    if request.method == "POST":
        _choose(person.email, scope, "again" in request.POST, now)
    context: dict[str, Any] = {
        "label": WORDS[scope][0],
        "note": WORDS[scope][1],
        "is_off": is_stopped(person.email, scope, now=now),
        "is_done": request.method == "POST",
    }
    return render(request, "events/desk/mails_off.html", context)


def _choose(email: str, scope: Suppression.Scope, is_wanted: bool, now: dt.datetime) -> None:
    if is_wanted:
        allow_again(email, scope)
    else:
        stop(email, scope, Suppression.Reason.UNSUBSCRIBED, now=now)
