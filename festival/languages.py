"""``?hl=en``: an address at which a page reads the same for everybody, in that language.

Without it a page speaks the language chosen on the site (cookie), else the browser's (``Accept-Language``),
which is what an address shared between two people cannot promise. ``hl`` holds for the page it stands on; a
reader who would have got another language keeps the one they followed, so that the next page does not turn
back.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from events.exchange.addresses import LANGUAGES, PARAMETER


def language_asked(request: HttpRequest) -> str:
    """The language the address names, or nothing: what the site does not speak is not asked for."""
    code = request.GET.get(PARAMETER, "").lower()
    return code if code in LANGUAGES else ""


class AskedLanguageMiddleware:
    """Stands right after Django's ``LocaleMiddleware``, whose choice it overrules."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = language_asked(request) if PARAMETER in request.GET else ""
        if not asked:
            return self.get_response(request)
        would_be = translation.get_language_from_request(request)
        translation.activate(asked)
        request.LANGUAGE_CODE = asked
        response = self.get_response(request)
        if asked != would_be and _is_a_page_of_its_own(request, response):
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                asked,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                path=settings.LANGUAGE_COOKIE_PATH,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                samesite="Lax",
            )
        return response


def _is_a_page_of_its_own(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A page somebody opened: no feed, no part of a page, nothing inside another site."""
    opened = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    is_for_others = "Access-Control-Allow-Origin" in response.headers  # the gadget sets no cookie
    return (
        request.method == "GET" and response.status_code == 200 and opened and is_html and not is_for_others
    )
