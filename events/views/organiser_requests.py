"""Requests for rooms at the desk: answered by who decides, asked and withdrawn by who needs one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from events.clock import on_the_wall
from events.forms.rooms import AnswerForm, AskForTimeForm
from events.models import Room, RoomRequest
from events.refusals import Reason, Refused
from events.scheduling.requests import (
    accept_request,
    ask_for_time,
    refuse_request,
    to_answer,
    withdraw_request,
)

from .organiser_frame import Workplace, frame, workplace
from .organiser_rooms import named

MOST_ANSWERED = 30
MOST_PENDING = 200


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def requests(request: HttpRequest, territory: str) -> HttpResponse:
    """What awaits an answer, what was answered, what one has asked for; a form to ask."""
    place = workplace(request, territory, room_managers=True)
    form = _ask_form(place, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _show(request, place, form)
    if not form.is_valid():
        return _show(request, place, form, status=422)
    typed = form.cleaned_data
    try:
        ask_for_time(
            room_id=typed["room"].pk,
            starts_at=typed["starts_at"],
            ends_at=typed["ends_at"],
            label=typed["label"],
            message=typed["message"],
            by=place.user,
            now=place.now,
        )
    except Refused as refused:
        form.add_error(None, refused.reason.label)
        return _show(request, place, form, status=409)
    messages.success(
        request, _("%(room)s is asked for; the answer comes by e-mail.") % {"room": typed["room"]}
    )
    return redirect("events:organiser_requests", territory)


def _ask_form(place: Workplace, typed: Any = None) -> AskForTimeForm:
    rooms = Room.objects.filter(venue__territory=place.territory, by_request=True, is_active=True)
    rooms = rooms.order_by("venue__sort_name", "sort_name", "pk")
    return AskForTimeForm(typed, rooms=rooms, zone=place.territory.timezone)


def _show(
    request: HttpRequest,
    place: Workplace,
    form: AskForTimeForm,
    *,
    at: RoomRequest | None = None,
    answer_form: AnswerForm | None = None,
    in_the_way: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """``at``: the request whose answer could not be kept, with what was typed and what is in the way."""
    with_all = ("room__venue", "slot__activity__host", "slot__room", "asked_by", "decided_by")
    mine = Q(asked_by=place.user, room__venue__territory=place.territory)
    pending = list(
        to_answer(place.requests, place.now)
        .select_related(*with_all)
        .order_by("starts_at", "pk")[:MOST_PENDING]
    )
    others = (
        RoomRequest.objects.filter(mine | Q(pk__in=place.requests.values("pk")))
        .exclude(pk__in=[one.pk for one in pending])
        .select_related(*with_all)
    )
    context = frame(
        place,
        pending=[_line(place, one) for one in pending],
        others=[_line(place, one) for one in others.order_by("-asked_at", "-pk")[:MOST_ANSWERED]],
        rooms=list(place.rooms.select_related("venue").order_by("venue__sort_name", "sort_name", "pk")[:60])
        if not place.runs_venues
        else [],
        form=form,
        has_rooms_to_ask=form.fields["room"].queryset.exists(),  # type: ignore[attr-defined]
        at=at,
        answer_form=answer_form or AnswerForm(),
        in_the_way=in_the_way or [],
    )
    return render(request, "events/organiser/requests.html", context, status=status)


def _line(place: Workplace, one: RoomRequest) -> dict[str, Any]:
    zone = place.territory.timezone
    return {
        "request": one,
        "local_start": on_the_wall(one.starts_at, zone),
        "local_end": on_the_wall(one.ends_at, zone),
        "has_moved": one.slot is not None
        and (one.slot.starts_at, one.slot.ends_at) != (one.starts_at, one.ends_at),
        "is_mine": one.asked_by_id == place.user.pk,
        "is_over": one.ends_at <= place.now,
    }


@require_POST
@login_required
def answer(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """``decision``: accept, refuse, or withdraw one's own."""
    place = workplace(request, territory, room_managers=True)
    decision = request.POST.get("decision", "")
    found = place.requests
    if decision == "withdraw":
        found = RoomRequest.objects.filter(asked_by=place.user, room__venue__territory=place.territory)
    at: RoomRequest = get_object_or_404(found.select_related("room"), pk=pk)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _show(request, place, _ask_form(place), at=at, answer_form=form, status=422)
    said: dict[str, Any] = {"request_id": at.pk, "by": place.user, "now": place.now}
    try:
        if decision == "accept":
            accept_request(answer=form.cleaned_data["answer"], **said)
        elif decision == "refuse":
            refuse_request(answer=form.cleaned_data["answer"], **said)
        elif decision == "withdraw":
            withdraw_request(**said)
        else:
            raise Http404
    except Refused as refused:
        form.add_error("answer", refused.reason.label)
        status = 422 if refused.reason == Reason.REASON_NEEDED else 409
        in_the_way = named(refused, place)
        empty = _ask_form(place)
        return _show(request, place, empty, at=at, answer_form=form, in_the_way=in_the_way, status=status)
    words = {
        "accept": _("%(room)s is given. Who asked is told by e-mail."),
        "refuse": _("%(room)s is refused. Who asked is told by e-mail."),
        "withdraw": _("%(room)s is no longer asked for."),
    }
    messages.success(request, words[decision] % {"room": at.room})
    return redirect("events:organiser_requests", territory)
