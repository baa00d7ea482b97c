"""Another time of the same visit: its doors, and the move in one step."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.calendar import venue_of
from events.doors import Door, read_door
from events.forms.booking import MoveForm
from events.models import Registration, Slot
from events.refusals import Reason, Refused
from events.registration.move import move_registration
from events.registration.plans import (
    Rush,
    other_times,
    overlapping,
    rushes,
    to_wait_for,
    visits_of,
    with_room,
)
from events.views.own_booking import say_rush, say_slot
from events.views.tickets import say_places, ticket_of
from events.views.visitor import Opened, by_secret_link
from events.wording import say_time

CONFLICT, UNPROCESSABLE, BUSY = 409, 422, 503


@dataclass(frozen=True, slots=True)
class Time:
    """One other time. ``in_the_way``: own visits at that time; ``waits``: it can be waited for,
    ``is_short``: some places are left, not enough.
    """

    slot: Slot
    door: Door
    said: str
    is_free: bool
    waits: bool
    is_short: bool
    in_the_way: list[Registration]
    rushes: list[tuple[Rush, str]]


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_move(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """GET shows the other times, POST moves to one of them; a refusal keeps the old place."""
    now = timezone.now()
    registration = opened.one(reference)
    if registration.status != Registration.Status.CONFIRMED:
        raise Http404
    if request.method != "POST":
        return _page(request, token, opened, registration, now)
    form = MoveForm(request.POST)
    if not form.is_valid():
        said = " ".join(str(error) for error in form.errors["to"])
        return _page(request, token, opened, registration, now, said=said, status=UNPROCESSABLE)
    try:
        moved = move_registration(
            registration_id=registration.pk, to_slot_id=form.cleaned_data["to"], now=now
        )
    except (Refused, Slot.DoesNotExist) as error:
        refused = error if isinstance(error, Refused) else Refused(Reason.OTHER_ACTIVITY)
        status = BUSY if refused.reason == Reason.BUSY else CONFLICT
        said = _say_refused(refused, registration)
        return _page(request, token, opened, registration, now, said=said, status=status)
    said = _("Done: “%(title)s” is now on %(when)s. The new ticket is below, and in your mail.")
    messages.success(request, said % {"title": moved.slot.activity.title, "when": say_slot(moved.slot)})
    return redirect("events:my_visits", token)


def _say_refused(refused: Refused, registration: Registration) -> str:
    """What is in the way; the page adds that the old place is kept, and shows the other doors."""
    if refused.reason == Reason.FULL:
        left = refused.facts["places_left"]
        if not left:
            return _("No place is left there: another booking came first.")
        said = _("Only %(left)s left there, and you hold %(size)s.")
        return said % {"left": say_places(left), "size": say_places(registration.party_size)}
    if refused.reason == Reason.ALREADY_REGISTERED:
        return _("You hold a place at that time already.")
    if refused.reason == Reason.OTHER_ACTIVITY:
        return _("That is no other time of this visit.")
    return str(refused.reason.label)


def _page(
    request: HttpRequest,
    token: str,
    opened: Opened,
    registration: Registration,
    now: dt.datetime,
    *,
    said: str = "",
    status: int = 200,
) -> HttpResponse:
    has_begun = registration.slot.starts_at <= now
    context = {
        "token": token,
        "ticket": ticket_of(registration),
        "slot": registration.slot,
        "activity": registration.slot.activity,
        "venue": venue_of(registration.slot),
        "times": [] if has_begun else _times(opened, registration, now),
        "has_begun": has_begun,
        "said": said,
        "now": now,
    }
    return render(request, "events/visitor/move.html", context, status=status)


def _times(opened: Opened, registration: Registration, now: dt.datetime) -> list[Time]:
    """Every other time; what else the visitor holds counts only behind the link to all of it."""
    slots, size = other_times(registration.slot, now=now), registration.party_size
    others = visits_of(opened.visitor, now=now, without=[registration.pk]) if opened.is_whole else []
    free = {slot.pk for slot in with_room(slots, party_size=size, now=now)}
    waits = {slot.pk for slot in to_wait_for(slots, party_size=size, now=now)}
    return [
        Time(
            slot,
            read_door(slot, now=now),
            say_time(slot.local_start),
            slot.pk in free,
            slot.pk in waits,
            bool(slot.places_left) and slot.pk not in free,
            [visit for visit in others if visit.slot_id == slot.pk] or overlapping(slot, others),
            [(rush, say_rush(rush, slot)) for rush in rushes(slot, others)],
        )
        for slot in slots
    ]
