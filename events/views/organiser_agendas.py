"""Agendas kept elsewhere that a territory follows: added, tried, paused, removed, and a yes."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from events.exchange import agendas
from events.forms.exchange import AgendaForm
from events.models import AgendaSource
from events.refusals import Refused

from .organiser_exchange import exchange_page
from .organiser_frame import Workplace, edition_of, workplace


@require_POST
@login_required
def agenda_new(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    form = AgendaForm(request.POST)
    if form.is_valid():
        try:
            agendas.add_source(
                territory=place.territory, url=form.cleaned_data["url"], by=place.user, now=place.now
            )
        except Refused as refused:
            form.add_error(
                None, _("A territory follows at most %(most)s agendas.") % {"most": refused.facts["most"]}
            )
        else:
            messages.success(request, _("The agenda is followed: it is read within a minute."))
            return _back(place)
    return exchange_page(request, place, edition_of(place), agenda_form=form, status=422)


@require_POST
@login_required
def agenda_try(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    agendas.try_now(source_id=_source(place, pk).pk, now=place.now)
    messages.success(request, _("The agenda is read within a minute; what it came to shows below."))
    return _back(place)


@require_POST
@login_required
def agenda_pause(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """``resume`` in the form: read again; else no longer."""
    place = workplace(request, territory)
    source = _source(place, pk)
    if request.POST.get("resume"):
        agendas.resume_source(source_id=source.pk, now=place.now)
        messages.success(request, _("The agenda is followed: it is read within a minute."))
    else:
        agendas.pause_source(source_id=source.pk)
        messages.success(request, _("The agenda is not read for now. What it brought stays."))
    return _back(place)


@require_POST
@login_required
def agenda_remove(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    agendas.remove_source(source_id=_source(place, pk).pk)
    messages.success(request, _("The agenda is followed no longer. What it brought stays."))
    return _back(place)


@require_POST
@login_required
def agenda_allow(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """``gone``: how many slots may go, as the page said; nothing without the box ticked."""
    place = workplace(request, territory)
    source = _source(place, pk)
    said = request.POST.get("gone", "")
    gone = int(said) if said.isascii() and said.isdigit() and len(said) < 8 else 0
    if not request.POST.get("allow_deletions"):
        messages.error(request, _("Nothing was taken away: tick the box to say that it is meant."))
        return _back(place)
    try:
        agendas.allow_deletions(source_id=source.pk, gone=gone, by=place.user, now=place.now)
    except Refused:
        messages.error(request, _("The agenda has changed meanwhile: see what it would take away now."))
    else:
        messages.success(request, _("The agenda is read within a minute; what it came to shows below."))
    return _back(place)


def _source(place: Workplace, pk: int) -> AgendaSource:
    return get_object_or_404(place.territory.agenda_sources, pk=pk)


def _back(place: Workplace) -> HttpResponseRedirect:
    return redirect("events:organiser_exchange", territory=place.territory.slug)
