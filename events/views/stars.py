"""What this device has starred: a cookie of numbers, given and taken one by one or all at once."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from events.models import Activity
from events.planner.question import MOST_WANTED, Wanted, read_wanted, write_wanted
from events.views.onward import onward
from events.wording import say_number

COOKIE = "ma_journee"
KEPT_FOR = dt.timedelta(days=180)


def stars_of(request: HttpRequest) -> tuple[Wanted, ...]:
    """What this device has starred."""
    return read_wanted(request.COOKIES.get(COOKIE, ""))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def star(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows what a star does, POST gives or takes it. Where scripts run the star does it by itself."""
    activity = get_object_or_404(Activity.objects.published().select_related("host"), pk=pk)
    back = onward(request, otherwise=reverse("events:my_day"))
    mine = {one.activity_id: one for one in stars_of(request)}
    if request.method != "POST":
        context = {"activity": activity, "is_starred": pk in mine, "next": back}
        return render(request, "events/visitor/star.html", context)
    act = request.POST.get("act", "")
    if act == "remove" or (act == "" and pk in mine):
        mine.pop(pk, None)
    elif act == "dear":
        mine[pk] = Wanted(pk, is_dear=not (pk in mine and mine[pk].is_dear))
    elif pk not in mine and len(mine) >= MOST_WANTED:
        _say_that_it_is_full(request)
    else:
        mine.setdefault(pk, Wanted(pk))
    return _with_stars(redirect(back), tuple(mine.values()))


@require_http_methods(["POST"])
def stars(request: HttpRequest) -> HttpResponse:
    """Take over what somebody shared, or begin anew."""
    taken = read_wanted(request.POST.get("choix", ""))
    mine = {one.activity_id: one for one in stars_of(request)}
    new = [one for one in taken if one.activity_id not in mine]
    if "forget" in request.POST:
        messages.success(request, _("Your day is empty again."))
        return _with_stars(redirect("events:my_day"), ())
    if len(mine) + len(new) > MOST_WANTED:
        new = new[: MOST_WANTED - len(mine)]
        _say_that_it_is_full(request)
    said = ngettext("%(number)s visit added to your day.", "%(number)s visits added to your day.", len(new))
    if new:
        messages.success(request, said % {"number": say_number(len(new))})
    return _with_stars(redirect("events:my_day"), (*mine.values(), *new))


def _say_that_it_is_full(request: HttpRequest) -> None:
    said = _("Your day holds %(most)s visits already: take some out to add others.")
    messages.warning(request, said % {"most": say_number(MOST_WANTED)})


def _with_stars(response: HttpResponse, wanted: tuple[Wanted, ...]) -> HttpResponse:
    """Readable by the site's own script, which gives and takes stars without asking the server."""
    if not wanted:
        response.delete_cookie(COOKIE, samesite="Lax")
        return response
    response.set_cookie(
        COOKIE,
        write_wanted(read_wanted(write_wanted(wanted))),
        max_age=KEPT_FOR,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )
    return response
