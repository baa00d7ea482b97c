"""A venue looked at by an organiser, and its address asked for again."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from events import geocoding
from events.scheduling.venue_facts import look_up_again, unverify_venue, verify_venue

from .organiser_frame import workplace
from .organiser_venues import venue_of


@require_POST
@login_required
def verify(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    """An organiser stands for what the page says; ``etat=non`` takes it back."""
    place = workplace(request, territory)
    at = venue_of(place, venue)
    if request.POST.get("etat") == "non":
        unverify_venue(venue_id=at.pk, by=place.user, now=place.now)
        messages.success(request, _("%(venue)s is to be verified again.") % {"venue": at})
    else:
        verify_venue(venue_id=at.pk, by=place.user, now=place.now)
        messages.success(request, _("%(venue)s is verified.") % {"venue": at})
    return redirect("events:organiser_venue", territory, at.slug)


@require_POST
@login_required
def look_up(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    """Ask for the address at the next sweep."""
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    if geocoding.is_set() and look_up_again(venue_id=at.pk):
        messages.success(request, _("The address is looked for: the position appears within a minute."))
    else:
        messages.warning(request, _("The position stays as it was put."))
    return redirect("events:organiser_venue", territory, at.slug)
