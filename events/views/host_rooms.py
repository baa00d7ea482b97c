"""A host asks for a room that is given on request, for a slot of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.who import signed_in
from events.forms.rooms import AskForSlotForm
from events.models import Room, RoomRequest, Slot
from events.refusals import Reason, Refused
from events.scheduling.requests import ask_for_slot, withdraw_request
from events.views.host import FORM
from events.views.host_slots import slots_managed


def rooms_to_ask(slot: Slot) -> Any:
    """Rooms on request of the slot's territory, in use, in which it is not."""
    rooms = Room.objects.filter(venue__territory=slot.activity.territory_id, by_request=True, is_active=True)
    if slot.room_id is not None:
        rooms = rooms.exclude(pk=slot.room_id)
    return rooms.select_related("venue").order_by("venue__sort_name", "sort_name", "pk")


def requests_of(slot: Slot) -> list[RoomRequest]:
    """What was asked for this slot, the last first."""
    return list(slot.room_requests.select_related("room__venue").order_by("-asked_at", "-pk")[:10])


@require_http_methods(FORM)
@login_required
def host_room_ask(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Which rooms there are, what they hold; choose one and say what for."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    if slot.is_cancelled or slot.ends_at <= now:
        messages.error(request, Reason.WRONG_STATE.label)
        return redirect("events:host_slot", slug, pk)
    rooms = rooms_to_ask(slot)
    form = AskForSlotForm(request.POST if request.method == "POST" else None, rooms=rooms)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            room = form.cleaned_data["room"]
            try:
                ask_for_slot(
                    room_id=room.pk,
                    slot_id=slot.pk,
                    message=form.cleaned_data["message"],
                    by=signed_in(request),
                    now=now,
                )
            except Refused as no:
                status = 409
                form.add_error("room", _why_not(no))
            else:
                said = _("%(room)s is asked for; the answer comes by e-mail.") % {"room": room}
                messages.success(request, said)
                return redirect("events:host_slot", slug, pk)
    context = {"host": slot.activity.host, "slot": slot, "form": form, "rooms": list(rooms)}
    return render(request, "events/host/room_ask.html", context, status=status)


def _why_not(no: Refused) -> str:
    closed = no.facts.get("closed_by")
    return f"{no.reason.label} ({closed.reason})" if closed is not None else str(no.reason.label)


@require_POST
@login_required
def host_room_withdraw(request: HttpRequest, slug: str, pk: int, asked: int) -> HttpResponse:
    slot = get_object_or_404(slots_managed(request, slug), pk=pk)
    found = get_object_or_404(slot.room_requests.all(), pk=asked)
    try:
        withdraw_request(request_id=found.pk, by=signed_in(request), now=timezone.now())
    except Refused as no:
        messages.error(request, no.reason.label)
    else:
        messages.success(request, _("%(room)s is no longer asked for.") % {"room": found.room})
    return redirect("events:host_slot", slug, pk)
