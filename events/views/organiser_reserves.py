"""The places of one slot: what is kept for whom, and how many more may book than there are."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.forms.openings import PoolsForm
from events.refusals import Refused
from events.registration.withdraw import change_overbook
from events.wording import say_number

from .organiser_frame import workplace
from .organiser_slots import FORM, overbook_form, show_slot, slot_of
from .reserves import save_pools, say_kept, say_refused


@require_http_methods(FORM)
@login_required
def pools(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """Places kept for some people, in this slot or in every slot of the visit."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    if request.method != "POST":
        return redirect("events:organiser_slot", territory, pk)
    form = PoolsForm(request.POST, slot=at)
    if not form.is_valid():
        return show_slot(request, place, at, pools=form, status=422)
    try:
        number = save_pools(form, by=place.user, now=place.now)
    except Refused as refused:
        form.refuse(refused)
        return show_slot(request, place, at, pools=form, status=409)
    messages.success(request, say_kept(number))
    return redirect("events:organiser_slot", territory, pk)


@require_http_methods(FORM)
@login_required
def overbook(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """More bookings than places, at a risk that is said."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    if request.method != "POST":
        return redirect("events:organiser_slot", territory, pk)
    form = overbook_form(at, request.POST)
    if not form.is_valid():
        return show_slot(request, place, at, overbook=form, status=422)
    try:
        change_overbook(slot_id=at.pk, overbook=form.cleaned_data["overbook"], by=place.user, now=place.now)
    except Refused as refused:
        form.add_error("overbook", say_refused(refused))
        return show_slot(request, place, at, overbook=form, status=409)
    more = form.cleaned_data["overbook"]
    said = _("%(number)s people may book.") % {"number": say_number((at.capacity or 0) + more)}
    messages.success(request, said)
    return redirect("events:organiser_slot", territory, pk)
