"""What has become of a visit somebody asked for or waits for, and where a refused answer leads."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from events.calendar import venue_of
from events.doors import read_door
from events.models import Registration
from events.refusals import Reason, Refused
from events.registration.plans import other_times, with_room
from events.registration.refusing import can_wait, why_closed
from events.registration.waiting import is_last_call
from events.views.kept import is_kept
from events.views.own_booking import say_slot_time
from events.views.tickets import say_places
from events.views.visitor import Opened

CONFLICT = 409
CONFIRMED, WAITING, HELD = (
    Registration.Status.CONFIRMED,
    Registration.Status.WAITING,
    Registration.Status.HELD,
)
IN_THE_WAY = (Reason.OVERLAP, Reason.DAY_LIMIT, Reason.FESTIVAL_LIMIT, Reason.LIMIT)
"""What a visitor can settle by giving another visit back."""


def refuse(
    request: HttpRequest, token: str, registration: Registration, now: dt.datetime, refused: Refused
) -> HttpResponse:
    """Where a refusal leads: to the choice, back to the page in a moment, or to what has become of it."""
    if refused.reason in IN_THE_WAY:
        return redirect("events:my_visit_choose", token, registration.reference)
    if refused.reason == Reason.BUSY:
        messages.warning(request, str(refused.reason.label))
        return redirect(request.path)
    registration.refresh_from_db()
    if registration.status == CONFIRMED:
        said = _("You have this place already. Nothing was changed.")
        messages.info(request, said)
        return redirect("events:my_visits", token)
    return over(request, token, registration, now, status=CONFLICT)


def again(opened: Opened, registration: Registration) -> Registration:
    """As it stands after somebody else's click."""
    return opened.registrations.get(pk=registration.pk)


def about(registration: Registration, token: str, now: dt.datetime) -> dict[str, object]:
    """What every page of one registration shows: the slot chosen and the party."""
    slot = registration.slot
    return {
        "token": token,
        "registration": registration,
        "slot": slot,
        "activity": slot.activity,
        "festival": slot.activity.festival,
        "venue": venue_of(slot),
        "places": say_places(registration.party_size),
        "now": now,
    }


def others_waited_for(registration: Registration) -> int:
    """In how many other slots the same request waits."""
    if not registration.any_of:
        return 0
    same = Registration.objects.filter(any_of=registration.any_of, status=WAITING)
    return same.exclude(pk=registration.pk).count()


def over(
    request: HttpRequest, token: str, registration: Registration, now: dt.datetime, *, status: int = 200
) -> HttpResponse:
    """What has become of it, and what now."""
    slot, size = registration.slot, registration.party_size
    may_book = why_closed(slot, now=now) is None
    others = with_room(other_times(slot, now=now), party_size=size, now=now)
    context = {
        **about(registration, token, now),
        "what": _what_became(registration, now),
        "door": read_door(slot, now=now),
        "may_book": may_book and slot.places_left != 0,
        "may_wait": may_book and slot.places_left == 0 and can_wait(slot, party_size=size),
        "is_near": is_last_call(slot, now=now),
        "others_waited_for": others_waited_for(registration),
        "other_times": [(other, say_slot_time(other)) for other in others[:3]],
    }
    return render(request, "events/visitor/kept_over.html", context, status=status)


def _what_became(registration: Registration, now: dt.datetime) -> str:
    """``withdrawn``, ``confirmed``, ``begun``, ``waiting``, ``expired``, ``other_time`` or ``let_go``."""
    if registration.slot.is_cancelled:
        return "withdrawn"
    if registration.status == CONFIRMED:
        return "confirmed"
    if registration.slot.starts_at <= now:
        return "begun"
    if registration.status == WAITING:
        return "waiting"
    if registration.status == HELD:
        return "held" if is_kept(registration, now=now) else "expired"
    return {"expiry": "expired", "other_time": "other_time"}.get(registration.cancelled_by, "let_go")
