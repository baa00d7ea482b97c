"""The pictures of a venue: added, described, put in order, taken away."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from events.forms.venue_pictures import CaptionForm, VenuePictureForm
from events.models import Venue, VenuePicture
from events.refusals import Refused
from events.scheduling.venue_pictures import (
    MOST_PICTURES,
    add_picture,
    change_picture,
    drop_picture,
    move_picture,
)

from .organiser_frame import Workplace, frame, workplace
from .organiser_venues import FORM, venue_of


def _at(request: HttpRequest, territory: str, venue: str, pk: int) -> tuple[Workplace, Venue, VenuePicture]:
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    return place, at, get_object_or_404(at.pictures.all(), pk=pk)


@require_http_methods(FORM)
@login_required
def pictures(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    """The row of pictures, and one more."""
    place = workplace(request, territory, venue_managers=True)
    at = venue_of(place, venue)
    form = VenuePictureForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                add_picture(venue_id=at.pk, **form.cleaned_data)
            except Refused as refused:
                status = 409
                form.add_error(None, refused.reason.label)
            else:
                messages.success(request, _("The picture is there."))
                return redirect("events:organiser_venue_pictures", territory, at.slug)
    shown = list(at.pictures.all())
    context = frame(place, venue=at, pictures=shown, form=form, is_full=len(shown) >= MOST_PICTURES)
    return render(request, "events/organiser/venue_pictures.html", context, status=status)


@require_http_methods(FORM)
@login_required
def picture(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    """The words beside a picture."""
    place, at, shown = _at(request, territory, venue, pk)
    said = {name: getattr(shown, name) for name in ("caption_fr", "caption_en", "credit")}
    form = CaptionForm(request.POST or None, initial=said)
    if request.method == "POST" and form.is_valid():
        change_picture(picture_id=shown.pk, **form.cleaned_data)
        messages.success(request, _("The words are up to date."))
        return redirect("events:organiser_venue_pictures", territory, at.slug)
    context = frame(place, venue=at, picture=shown, form=form)
    status = 422 if request.method == "POST" else 200
    return render(request, "events/organiser/venue_picture.html", context, status=status)


@require_POST
@login_required
def order(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    """One place up (``sens=haut``) or down."""
    _place, at, shown = _at(request, territory, venue, pk)
    move_picture(picture_id=shown.pk, up=request.POST.get("sens") == "haut")
    return redirect("events:organiser_venue_pictures", territory, at.slug)


@require_POST
@login_required
def drop(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    _place, at, shown = _at(request, territory, venue, pk)
    drop_picture(picture_id=shown.pk)
    messages.success(request, _("The picture is gone."))
    return redirect("events:organiser_venue_pictures", territory, at.slug)
