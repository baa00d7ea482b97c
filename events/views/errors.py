"""Pages that say no. Calm, in the reader's language, with a way out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import requires_csrf_token

from events.views.context import SITE_NAME


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form came without its token: say so, and lead back to the form when it is one of ours."""
    back = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return render(request, "403_csrf.html", {"back_url": back if ours else ""}, status=403)


def too_many_requests(request: HttpRequest, *, retry_after: int) -> HttpResponse:
    """429. ``retry_after`` in seconds."""
    response = render(request, "429.html", {"retry_after": retry_after}, status=429)
    response.headers["Retry-After"] = str(retry_after)
    return response


def busy(request: HttpRequest, *, retry_after: int = 5) -> HttpResponse:
    """503, safe to send again: a booking carries its submission. ``retry_after`` in seconds."""
    again = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    response = render(request, "503.html", {"again_url": again}, status=503)
    response.headers["Retry-After"] = str(retry_after)
    return response


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """500. Asks nothing of the database: no context processor runs, no session is read."""
    known: dict[str, Any] = {"site_name": SITE_NAME, "request": _Nonce(request)}
    try:
        return HttpResponse(render_to_string("500.html", known), status=500)
    except Exception:  # the page that tells of a failure must not fail itself
        return HttpResponse(
            f"{SITE_NAME}\n\nUne panne de notre côté. Vos inscriptions sont en sécurité.\n"
            "Something is broken on our side. Your bookings are safe.\n",
            status=500,
            content_type="text/plain; charset=utf-8",
        )


class _Nonce:
    """The one thing of the request that the page of failure reads: the nonce of its style."""

    def __init__(self, request: HttpRequest) -> None:
        self.csp_nonce = getattr(request, "csp_nonce", "")
