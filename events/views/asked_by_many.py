"""Pages of the programme, which many read with the same question: drawn once for a moment (quick_pages).

Whoever has booked, signed in or opened a link carries a cookie that says so and gets the page as it is now;
the others a page at most two ``QUICK_PAGE_SECONDS`` old. Stars are put on it by the browser, from a cookie
that the server reads on « Ma journée » alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from events.views.quick_pages import Asks, quick
from events.views.stars import COOKIE as STARS

OF_ONE_ALONE = ("autour", "cadre")
"""Questions that hardly anybody asks a second time, and that tell where somebody is."""
ASKS = Asks(
    hidden=frozenset(
        (
            *("q", "ville", "jour", "moment", "operation", "format", "thematique", "langue", "public"),
            *("acces", "mode", "places", "autour", "cadre", "hl"),
            "page",  # where the form to follow a city leads back to: this page
        )
    ),
    cookies=frozenset((STARS,)),
)

View = Callable[[HttpRequest], HttpResponse]


def asked_by_many(view: View) -> View:
    """A view whose page is the same for everybody without an account who asks the same."""

    @wraps(view)
    def kept(request: HttpRequest) -> HttpResponse:
        if any(name in request.GET for name in OF_ONE_ALONE):
            return view(request)
        return quick(request, (view.__name__,), lambda: view(request), asks=ASKS)

    return kept
