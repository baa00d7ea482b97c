"""The way to where one works: a host's desk, the organisers' desk, or the first step to either."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.who import signed_in
from events.models import Host, RoomManager, Territory, VenueManager
from events.wording import say_list


@dataclass(frozen=True, slots=True)
class Workplace:
    """``kind`` draws it: host, organiser or office."""

    kind: str
    name: str
    note: str
    url: str
    paint: str = "ardoise"


@require_safe
@login_required
def desk(request: HttpRequest) -> HttpResponse:
    """One place: straight there. Several: choose. None: open a door."""
    places = workplaces(signed_in(request))
    if len(places) == 1:
        return redirect(places[0].url)
    return render(request, "events/desk/desk.html", {"places": places})


def workplaces(user: User) -> list[Workplace]:
    """Where a person works, hosts first."""
    places = [
        Workplace(
            "host", host.name, _("Hosts’ desk"), reverse("events:host_overview", args=[host.slug]), host.paint
        )
        for host in Host.objects.managed_by(user)
    ]
    organises = list(Territory.objects.run_by(user).values_list("name", flat=True)[:4])
    runs_something = (
        organises
        or VenueManager.objects.filter(user=user).exists()
        or RoomManager.objects.filter(user=user).exists()
    )
    if runs_something:
        said = (
            say_list(organises[:3])
            if len(organises) < 4
            else _("%(first)s and others") % {"first": ", ".join(organises[:3])}
        )
        places += _place("organiser", _("Organisers’ desk"), said, "events:organiser_desk")
    if user.is_staff:
        places += _place("office", _("Back office"), "", "admin:index")
    return places


def _place(kind: str, name: str, note: str, route: str) -> list[Workplace]:
    try:
        return [Workplace(kind, name, note, reverse(route))]
    except NoReverseMatch:
        return []
