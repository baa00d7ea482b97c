"""A visitor known again on its own device: whoever opened the link to all its visits need not type twice.

A signed cookie for the time the browser stays open names the visitor and a part of its link's nonce, so it
dies with the link. Without it no page tells anything of anybody.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from events.models import Visitor
from events.views.onward import onward
from events.views.tickets import secret_page

COOKIE = "mes_visites"
SALT = "events.own_device"


def remember(response: HttpResponse, visitor: Visitor) -> None:
    """Let the device say, until its browser closes, whose it is."""
    response.set_cookie(
        COOKIE,
        signing.dumps([visitor.pk, visitor.link_nonce[:8]], salt=SALT),
        httponly=True,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )


def visitor_of_device(request: HttpRequest) -> Visitor | None:
    """Whose device this is, if somebody opened their visits here and the link still lives. No query without
    the cookie.
    """
    if COOKIE not in request.COOKIES:
        return None
    try:
        pk, nonce = signing.loads(request.COOKIES[COOKIE], salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    visitor = Visitor.objects.filter(pk=pk).first()
    if visitor is None or visitor.link_nonce[:8] != nonce:
        return None
    if visitor.link_expires_at is not None and visitor.link_expires_at <= timezone.now():
        return None
    return visitor


@require_POST
@secret_page
def forget_me(request: HttpRequest) -> HttpResponse:
    """« This is not my device »: back to the page one was on, which then knows nobody."""
    response = HttpResponseRedirect(onward(request, otherwise=reverse("events:home")))
    response.delete_cookie(COOKIE, samesite="Lax")
    return response
