"""The line at the door: who stood in it too long is told at once to come again, with what was typed kept.

A server that takes in more than it can answer answers everybody late and nobody well. Gunicorn's threads take
requests in the order they came; each knows how long it stood, and beyond ``LINE_PATIENCE`` it costs a page of
one template instead of the work it asked for. So the line empties by itself and who is served is served in
time.
"""

from __future__ import annotations

import functools
import random
import re
import secrets
import selectors
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape, format_html_join
from django.utils.translation import gettext as _
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

FREE = ("/healthz", "/readyz", "/metrics")
COME_AGAIN = (2, 5)
"""Seconds, at random: whoever is sent away together should not come back together."""
MOST_TYPED = 100_000
"""Bytes of a form that are shown again."""

_NONCE, _PATH, _SECONDS, _FIELDS = (f"hole-{secrets.token_hex(16)}" for _hole in range(4))
_HOLES = re.compile("|".join((_NONCE, _PATH, _SECONDS, _FIELDS)))

_thread = threading.local()


EMPTIER_FIRST, MOST_POLITE = 0.0001, 8
"""Seconds a process waits for each connection it has before it takes another, and for how many at most."""


class Worker(ThreadWorker):
    """gunicorn's threads, which know how long a request waited for one of them."""

    def accept(self, listener: Any) -> None:
        """A new connection: the process that has fewest takes it.

        All processes are woken, and the one that was just at work would win again and again: half of the runs
        of eight readers stood in one process' line while the other had nothing to do. What another has taken
        meanwhile is no longer there, which gunicorn passes over.
        """
        if self.cfg.workers > 1 and self.nr_conns:
            time.sleep(EMPTIER_FIRST * min(self.nr_conns, MOST_POLITE))
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:
        """A connection has something to say: it joins the line.

        Browsers open connections before they need them. Such a one would hold a thread until it speaks; here
        it waits beside the line.
        """
        if not conn.initialized and not conn.data_ready:
            conn.sock.setblocking(False)
            conn.timeout = time.monotonic() + self.cfg.keepalive
            self.pending_conns.append(conn)
            speaks = functools.partial(self.on_pending_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, speaks)
            return
        conn.in_line_since = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Its turn has come."""
        _thread.waited = time.monotonic() - conn.in_line_since
        return super().handle(conn)


class LineMiddleware:
    """503 with ``Retry-After`` for who waited too long. Health, static files and who is signed in go past."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        waited = getattr(_thread, "waited", 0.0)
        if (
            waited <= settings.LINE_PATIENCE
            or settings.SESSION_COOKIE_NAME in request.COOKIES
            or request.path_info in FREE
        ):
            return self.get_response(request)
        seconds = random.randint(*COME_AGAIN)  # noqa: S311 - spreads, hides nothing
        with translation.override(translation.get_language_from_request(request)):
            response = _come_again(request, seconds)
        response.headers["Retry-After"] = str(seconds)
        response.headers["Cache-Control"] = "private, no-store"
        response._has_been_logged = True  # type: ignore[attr-defined]  # no line of log for each in a crowd
        return response


def _come_again(request: HttpRequest, seconds: int) -> HttpResponse:
    """The page that tries again by itself. It asks nothing of the database and knows nobody."""
    if request.path_info.startswith("/api/"):
        said = _("Too many people at once. Please try again in a moment.")
        return JsonResponse({"detail": said}, status=503)
    typed = _typed(request)
    page = _drawn(translation.get_language() or "fr", bool(typed))
    fields = format_html_join("", '<input type="hidden" name="{}" value="{}">', typed)
    own = {
        _NONCE: str(request.csp_nonce),  # type: ignore[attr-defined]
        _PATH: escape(request.get_full_path()),
        _SECONDS: str(seconds),
        _FIELDS: fields,
    }
    return HttpResponse(_HOLES.sub(lambda hole: own[hole[0]], page), status=503)


@functools.cache
def _drawn(language: str, has_form: bool) -> str:
    """The page with holes, drawn once: sending somebody away must cost less than serving them."""
    shown = {
        "request": SimpleNamespace(csp_nonce=_NONCE),
        "site_name": "Festival French Tech",
        "path": _PATH,
        "fields": _FIELDS if has_form else "",
        "retry_after": _SECONDS,
    }
    with translation.override(language):
        return render_to_string("come_again.html", shown)


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that was sent, to be sent again; a password is typed again, never shown."""
    if request.method != "POST" or int(request.META.get("CONTENT_LENGTH") or 0) > MOST_TYPED:
        return []
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    return [] if any("password" in name for name, _value in fields) else fields
