"""The communes of a territory, with their INSEE codes."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.forms.communes import CommuneForm
from events.scheduling.communes import add_commune, change_commune

from .organiser_frame import frame, workplace
from .organiser_venues import FORM


@require_http_methods(FORM)
@login_required
def communes(request: HttpRequest, territory: str) -> HttpResponse:
    """The list, and one more."""
    place = workplace(request, territory)
    form = CommuneForm(request.POST or None, territory=place.territory)
    if request.method == "POST" and form.is_valid():
        made = add_commune(territory=place.territory, **form.cleaned_data)
        messages.success(request, _("%(commune)s is there.") % {"commune": made})
        return redirect("events:organiser_communes", territory)
    known = place.territory.communes.annotate(venue_count=Count("venues")).order_by("folded_name", "pk")
    status = 422 if request.method == "POST" else 200
    context = frame(place, communes=list(known), form=form)
    return render(request, "events/organiser/communes.html", context, status=status)


@require_http_methods(FORM)
@login_required
def commune(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    at = get_object_or_404(place.territory.communes.all(), pk=pk)
    form = CommuneForm(request.POST or None, territory=place.territory, commune=at)
    if request.method == "POST" and form.is_valid():
        change_commune(commune_id=at.pk, **form.cleaned_data)
        messages.success(request, _("%(commune)s is up to date.") % {"commune": form.cleaned_data["name"]})
        return redirect("events:organiser_communes", territory)
    context = frame(place, commune=at, form=form)
    status = 422 if request.method == "POST" else 200
    return render(request, "events/organiser/commune.html", context, status=status)
