"""The one click that ends bulk messages to an address (RFC 8058)."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from events.links import hash_of_broadcasts_token
from events.mail.suppressions import stop_hash
from events.models import Suppression

from .tickets import secret_page


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
def broadcasts_off(request: HttpRequest, token: str) -> HttpResponse:
    """One click in the mail program posts here without cookies (RFC 8058); a person sees a button first.

    No CSRF check: the signed token is the right to do this one thing, and another site does not have it.
    """
    address = hash_of_broadcasts_token(token)
    if address is None:
        raise Http404
    scope = Suppression.Scope.BROADCASTS
    if request.method == "POST":
        if "again" in request.POST:
            Suppression.objects.filter(email_hash=address, scope=scope).delete()
        else:
            stop_hash(address, scope, Suppression.Reason.UNSUBSCRIBED, now=timezone.now())
    is_off = Suppression.objects.filter(email_hash=address, scope=scope).exists()
    context = {"is_off": is_off, "is_done": request.method == "POST"}
    return render(request, "events/visitor/broadcasts_off.html", context)
