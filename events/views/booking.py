"""The booking form and where it leads. The rule is ``events.registration.book``; here it is asked and
told.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from events.calendar import venue_of
from events.clock import on_the_wall
from events.doors import read_door
from events.forms.booking import BookingForm
from events.limits import allow, seconds_left
from events.models import Registration, Slot
from events.models.slot import SlotQuerySet
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.refusing import can_wait, why_closed
from events.registration.terms import Terms, terms_of
from events.views.tickets import read_receipt, say_places, secret_page, write_receipt
from events.wording import say_day, say_number, say_time

BOOKINGS, PER = 120, dt.timedelta(minutes=10)
"""How many bookings one peer may try: a family or a class behind one address, not a robot."""

RETRY_AFTER = 3
UNPROCESSABLE, CONFLICT, TOO_MANY, BUSY = 422, 409, 429, 503


def bookable_slots() -> SlotQuerySet:
    return Slot.objects.visible().for_showing().select_related("activity__venue__commune")


def _whole(pk: int) -> Slot:
    """The slot as it stands now, with everything a page shows of it; 404 when it has just gone."""
    return get_object_or_404(bookable_slots(), pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def slot_register(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the form, or why there is none; POST takes the places and leads to the receipt."""
    now = timezone.now()
    if request.method == "POST":
        return _book(request, pk, now)
    slot = get_object_or_404(bookable_slots(), pk=pk)
    if closed := why_closed(slot, now=now):
        return _closed(request, slot, now, closed)
    return _form(request, slot, now, BookingForm(terms=Terms.of(slot), initial={"party_size": 1}))


def _book(request: HttpRequest, pk: int, now: dt.datetime) -> HttpResponse:
    if (terms := terms_of(pk)) is None:
        raise Http404
    form = BookingForm(request.POST, terms=terms)
    if not form.is_valid():
        return _form(request, _whole(pk), now, form, status=UNPROCESSABLE)
    if not allow(action="register", peer=request.META["REMOTE_ADDR"], limit=BOOKINGS, per=PER, now=now):
        wait = seconds_left(per=PER, now=now)
        return _form(request, _whole(pk), now, form, status=TOO_MANY, retry_after=wait)
    try:
        registration = register_party(
            slot_id=pk, now=now, locale=get_language() or "fr", **form.wish
        ).registration
        is_waiting = registration.waiting_since is not None
    except Refused as refused:
        if refused.reason != Reason.ALREADY_REGISTERED:
            return _refused(request, pk, now, form, refused)
        # Told to the owner of the address by mail; whoever typed it sees what anybody would.
        is_waiting = refused.facts["outcome"] == Registration.Status.WAITING
    size = form.cleaned_data["party_size"]
    email = form.cleaned_data["email"]
    token = write_receipt(slot_id=pk, party_size=size, is_waiting=is_waiting, email=email)
    return redirect("events:receipt", token)


def _refused(
    request: HttpRequest, pk: int, now: dt.datetime, form: BookingForm, refused: Refused
) -> HttpResponse:
    """Each reason at its place: a field, the whole form, or the page that says the door is shut."""
    reason, facts = refused.reason, refused.facts
    slot = _whole(pk)
    if reason == Reason.BUSY:
        return _form(request, slot, now, form, status=BUSY, retry_after=RETRY_AFTER)
    if reason in (Reason.CLOSED, Reason.NOT_OPEN_YET, Reason.NO_BOOKING_NEEDED):
        return _closed(request, slot, now, refused, status=CONFLICT)
    status = UNPROCESSABLE
    if reason == Reason.FULL:
        form.add_error("party_size", _say_full(facts["places_left"], form.cleaned_data["party_size"]))
        status = CONFLICT
    elif reason == Reason.LIMIT:
        form.add_error("party_size", str(reason.label))
    elif reason == Reason.NAME_NEEDED and "name" in form.fields:
        form.add_error("name", str(reason.label))
    else:
        form.add_error(None, str(reason.label))
    return _form(request, slot, now, form, status=status, refused=refused)


def _say_full(left: int, asked: int) -> str:
    if not left:
        return _("No place is left: another booking came first.")
    said = ngettext(
        "%(left)s place is left and you ask for %(asked)s.",
        "%(left)s places are left and you ask for %(asked)s.",
        left,
    )
    return said % {"left": say_number(left), "asked": say_number(asked)}


def _form(
    request: HttpRequest,
    slot: Slot,
    now: dt.datetime,
    form: BookingForm,
    *,
    status: int = 200,
    refused: Refused | None = None,
    retry_after: int = 0,
) -> HttpResponse:
    """The form, as typed. A new submission after an answer; the same one where it may have got through."""
    facts = refused.facts if refused and refused.reason == Reason.FULL else {}
    door = read_door(slot, now=now)
    is_full = slot.places_left == 0
    asked = form.cleaned_data.get("party_size", 1) if form.is_bound and form.is_valid() else 1
    if facts:
        asked = int(form.data.get("party_size") or 1)
    context = {
        "form": form,
        "door": door,
        "submission_id": form.typed_submission_id if retry_after else uuid.uuid4(),
        "retry_after": retry_after,
        "retry_minutes": -(-retry_after // 60),
        "is_busy": status == BUSY,
        "is_full": is_full,
        "may_wait": is_full and can_wait(slot, party_size=1),
        "take": facts.get("places_left", 0),
        "take_words": say_places(facts.get("places_left", 0)),
        "wait_words": say_places(asked) if facts.get("can_wait") else "",
        "others": _others(slot, now) if is_full or facts else [],
    }
    response = _page(request, "events/visitor/slot_register.html", slot, now, context, status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _closed(
    request: HttpRequest, slot: Slot, now: dt.datetime, refused: Refused, *, status: int = 200
) -> HttpResponse:
    """Before it opens, after it has begun, withdrawn, drop-in: why there is no form, and ways out."""
    context = {
        "reason": refused.reason.value,
        "opens_at": slot.opens_at and on_the_wall(slot.opens_at, slot.timezone),
        "door": read_door(slot, now=now),
        "others": _others(slot, now),
    }
    return _page(request, "events/visitor/slot_closed.html", slot, now, context, status)


def _page(
    request: HttpRequest, template: str, slot: Slot, now: dt.datetime, context: dict[str, Any], status: int
) -> HttpResponse:
    shown = {"slot": slot, "activity": slot.activity, "venue": venue_of(slot), "now": now}
    response = render(
        request, template, {**shown, "festival": slot.activity.festival, **context}, status=status
    )
    patch_cache_control(response, private=True, no_store=True)
    return response


def _others(slot: Slot, now: dt.datetime) -> list[tuple[Slot, str]]:
    """Up to three other times of the same activity with a place, each with its words: « Vendredi 11 juin, 11
    h 30 »."""
    slots = Slot.objects.published().upcoming(now).with_places_left(1).filter(activity=slot.activity_id)
    slots = slots.exclude(pk=slot.pk).select_related("activity").in_order()
    found = []
    for other in slots[:3]:
        said = f"{say_day(other.day)}, {say_time(other.local_start)}"
        found.append((other, f"{said[:1].upper()}{said[1:]}"))
    return found


@require_safe
@secret_page
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """What was just booked, alone; the same for an address that had the place before."""
    now = timezone.now()
    try:
        shown = read_receipt(token)
    except signing.SignatureExpired:
        return render(request, "events/visitor/link_gone.html", {"what": "receipt"}, status=410)
    except (signing.BadSignature, ValueError, TypeError):
        return render(request, "events/visitor/link_gone.html", {"what": "receipt"}, status=404)
    slot = get_object_or_404(bookable_slots(), pk=shown.slot_id)
    context = {
        "slot": slot,
        "activity": slot.activity,
        "venue": venue_of(slot),
        "festival": slot.activity.festival,
        "now": now,
        "door": read_door(slot, now=now),
        "receipt": shown,
        "places": say_places(shown.party_size),
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
    }
    return render(request, "events/visitor/receipt.html", context)
