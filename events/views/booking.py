"""The booking form and where it leads. The rule is ``events.registration.book``; here it is asked and
told.
"""

from __future__ import annotations

import datetime as dt
import uuid
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from events.calendar import venue_of
from events.clock import on_the_wall
from events.doors import read_door, with_places
from events.forms.booking import BookingForm, read_submission
from events.limits import seconds_left
from events.mail.suppressions import any_bounce, takes_no_mail
from events.models import Mode, Registration, Slot, Visitor
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.plans import other_times, to_wait_for
from events.registration.pools import release_due
from events.registration.refusing import can_wait, why_closed
from events.registration.terms import Terms, mark_of_slot, places_of, terms_of
from events.views.admission import PER, admit, challenge_for
from events.views.own_booking import IN_THE_WAY, Beside, look_at_refusal, look_beside, say_slot, say_slot_time
from events.views.own_device import visitor_of_device
from events.views.quick_pages import Mark, quick, remember
from events.views.tickets import Receipt, read_receipt, say_places, secret_page, write_receipt
from events.views.whole_slot import A_MINUTE, whole_slot
from events.wording import say_moment, say_number

RETRY_AFTER = 3
A_LITTLE_LONGER = 3
"""Filling the form in takes longer than the numbers on it may be old: six seconds, as set by default."""

UNPROCESSABLE, CONFLICT, TOO_MANY, BUSY = 422, 409, 429, 503


@require_http_methods(["GET", "HEAD", "POST"])
def slot_register(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows the form, or why there is none; POST takes the places and leads to the receipt."""
    now = timezone.now()
    if request.method == "POST":
        return _book(request, pk, now)
    return quick(
        request,
        ("form", pk),
        lambda: _show(request, pk, now),
        mark=lambda: _mark_of_form(pk, now),
        longer=A_LITTLE_LONGER,
    )


def _mark_of_form(pk: int, now: dt.datetime) -> Mark | None:
    """While there are places for everybody, booking changes two words and a drawing of the page."""
    if (places := places_of(pk, now=now)) is None:
        return None
    if places.left is None or places.capacity is None:
        return Mark(places.shape)
    door = with_places(places.left, places.capacity)
    words = format_html(
        '<use href="#{}"/></svg><span>{}<small>{}</small></span>', door.symbol, door.main, door.note
    )
    return Mark(places.shape, {"places": words})


def _mark_of_full(pk: int, now: dt.datetime) -> Mark | None:
    places = places_of(pk, now=now)
    return Mark((places.shape, places.left)) if places else None


def _show(request: HttpRequest, pk: int, now: dt.datetime) -> HttpResponse:
    slot = whole_slot(pk)
    if slot.next_release_at and slot.next_release_at <= now and release_due(slot_id=pk, now=now):
        slot = whole_slot(pk)
    if slot.mode == Mode.BALLOT and slot.activity.ballot is not None:
        enter = reverse("events:ballot_enter", args=[slot.activity.ballot.slug])
        return redirect(f"{enter}?creneau={slot.pk}")
    if closed := why_closed(slot, now=now):
        return _closed(request, slot, now, closed)
    visitor = visitor_of_device(request)
    known = {"email": visitor.email} if visitor else {}
    form = BookingForm(terms=Terms.of(slot), initial={"party_size": 1, **known})
    beside = look_beside(visitor, slot, party_size=1, now=now) if visitor else None
    return _form(request, slot, now, form, beside=beside)


def _book(request: HttpRequest, pk: int, now: dt.datetime) -> HttpResponse:
    if (terms := terms_of(pk, submission_id=read_submission(request.POST), now=now)) is None:
        raise Http404
    form = BookingForm(request.POST, terms=terms)
    if not form.is_valid():
        return _form(request, whole_slot(pk), now, form, status=UNPROCESSABLE)
    owner, wait = _owner(request, form), form.cleaned_data["wait"]
    if not (owner or wait or form.pool) and (full := terms.lean_no(form.cleaned_data["party_size"])):
        return _say_no(request, pk, now, form, full)
    admitted = admit(request, pk, form, now=now)
    if admitted.too_many:
        later = seconds_left(per=PER, now=now)
        return _form(request, whole_slot(pk), now, form, status=TOO_MANY, retry_after=later)
    is_sure = form.cleaned_data["anyway"] or wait
    if owner and not is_sure and (warned := _warn(request, pk, now, form, owner)):
        return warned
    try:
        registration = register_party(
            slot_id=pk,
            now=now,
            locale=get_language() or "fr",
            is_theirs=owner is not None,
            is_vouched=admitted.is_vouched,
            **form.wish,
        ).registration
        is_waiting = registration.waiting_since is not None
        if owner:
            return _to_own_visits(request, owner, registration)
    except Refused as refused:
        if owner and refused.reason in IN_THE_WAY and "outcome" not in refused.facts:
            return _in_the_way(request, pk, now, form, owner, refused)
        if refused.reason != Reason.ALREADY_REGISTERED:
            return _say_no(request, pk, now, form, refused)
        # Told to the owner of the address by mail; whoever typed it sees what anybody would.
        is_waiting = refused.facts["outcome"] == Registration.Status.WAITING
    return _to_receipt(pk, form, is_waiting, now, must_confirm=admitted.must_confirm)


def _owner(request: HttpRequest, form: BookingForm) -> Visitor | None:
    """Whoever opened their visits on this device and books with that very address."""
    visitor = visitor_of_device(request)
    return visitor if visitor and visitor.email == form.cleaned_data["email"] else None


def _warn(
    request: HttpRequest, pk: int, now: dt.datetime, form: BookingForm, owner: Visitor
) -> HttpResponse | None:
    """The way to another visit of that day takes longer than the time between: said before, once."""
    slot = whole_slot(pk)
    beside = look_beside(owner, slot, party_size=form.cleaned_data["party_size"], now=now)
    return _form(request, slot, now, form, status=CONFLICT, beside=beside) if beside.rushes else None


def _in_the_way(
    request: HttpRequest, pk: int, now: dt.datetime, form: BookingForm, owner: Visitor, refused: Refused
) -> HttpResponse:
    slot, size = whole_slot(pk), form.cleaned_data["party_size"]
    beside = look_at_refusal(owner, slot, refused, party_size=size, now=now)
    return _form(request, slot, now, form, status=CONFLICT, beside=beside)


def _to_own_visits(request: HttpRequest, owner: Visitor, registration: Registration) -> HttpResponse:
    """Whoever is known on this device needs no receipt: the ticket is there."""
    title = registration.slot.activity.title
    if not registration.is_active:  # the same form again, after the place was given back
        said = _("“%(title)s” had been given back. Nothing was changed.")
    elif registration.status == Registration.Status.WAITING:
        said = _("You are on the list for “%(title)s”.")
    elif registration.status == Registration.Status.HELD:
        said = _("The places for “%(title)s” are kept for you: open the message we send you to confirm them.")
    else:
        said = _("It is yours: “%(title)s”. The ticket is below, and in your mail.")
    messages.success(request, said % {"title": title})
    return redirect("events:my_visits", owner.token)


def _to_receipt(
    pk: int, form: BookingForm, is_waiting: bool, now: dt.datetime, *, must_confirm: bool
) -> HttpResponse:
    """The same for everybody: it stands on what was asked and on what the slots show to all."""
    size, also = form.cleaned_data["party_size"], set(form.wish["any_of"]) - {pk}
    if also and is_waiting:
        full = to_wait_for(other_times(whole_slot(pk), now=now), party_size=size, now=now)
        also &= {slot.pk for slot in full}
    token = write_receipt(
        slot_id=pk,
        party_size=size,
        is_waiting=is_waiting,
        email=form.cleaned_data["email"],
        also=sorted(also) if is_waiting else [],
        must_confirm=must_confirm and not is_waiting,
    )
    return HttpResponseRedirect(f"{_receipts()}{token}/")


@cache
def _receipts() -> str:
    """Below which address all receipts lie, found once."""
    return reverse("events:receipt", args=["-"]).removesuffix("-/")


def _say_no(
    request: HttpRequest, pk: int, now: dt.datetime, form: BookingForm, refused: Refused
) -> HttpResponse:
    """« Full » is what most people of a rush hear: it is drawn once for them."""
    if refused.reason != Reason.FULL:
        return _refused(request, pk, now, form, refused)
    key = ("full", pk, refused.facts["places_left"], refused.facts["can_wait"])
    return quick(
        request,
        key,
        lambda: _refused(request, pk, now, form, refused),
        mark=lambda: _mark_of_full(pk, now),
        longer=A_LITTLE_LONGER,
    )


def _refused(
    request: HttpRequest, pk: int, now: dt.datetime, form: BookingForm, refused: Refused
) -> HttpResponse:
    """Each reason at its place: a field, the whole form, or the page that says the door is shut."""
    reason, facts = refused.reason, refused.facts
    slot = whole_slot(pk)
    if reason == Reason.BUSY:
        return _form(request, slot, now, form, status=BUSY, retry_after=RETRY_AFTER)
    if reason in (Reason.CLOSED, Reason.NOT_OPEN_YET, Reason.NO_BOOKING_NEEDED):
        return _closed(request, slot, now, refused, status=CONFLICT)
    status = UNPROCESSABLE
    if reason == Reason.FULL:
        form.add_error("party_size", _say_full(facts["places_left"], form.cleaned_data["party_size"]))
        status = CONFLICT
    elif reason == Reason.LIMIT:
        form.add_error("party_size", _say_limit(form, refused))
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


def _say_limit(form: BookingForm, refused: Refused) -> str:
    """A group finds too few of the places kept for it: then what one person may hold counts."""
    if not form.pool:
        return str(refused.reason.label)
    said = _("Too few of the places kept for groups are left; without them, at most %(most)s per person.")
    return said % {"most": say_number(refused.facts["most"])}


def _form(
    request: HttpRequest,
    slot: Slot,
    now: dt.datetime,
    form: BookingForm,
    *,
    status: int = 200,
    refused: Refused | None = None,
    retry_after: int = 0,
    beside: Beside | None = None,
) -> HttpResponse:
    """The form, as typed. A new submission after an answer; the same one where it may have got through."""
    facts = refused.facts if refused and refused.reason == Reason.FULL else {}
    door = read_door(slot, now=now)
    is_full = slot.places_left == 0
    has_reserve = "access" in form.fields or "group" in form.fields
    asked = form.cleaned_data.get("party_size", 1) if form.is_bound and form.is_valid() else 1
    if facts:
        asked = int(form.data.get("party_size") or 1)
    may_wait = is_full and not has_reserve and can_wait(slot, party_size=1)
    others = other_times(slot, now=now) if is_full or facts else []
    waits_for = to_wait_for(others, party_size=asked, now=now) if may_wait or facts.get("can_wait") else []
    form.offer_to_wait([(one.pk, say_wait(one, now)) for one in waits_for])
    submission_id = form.typed_submission_id if retry_after else uuid.uuid4()
    context = {
        "form": form,
        "door": door,
        "submission_id": submission_id,
        "challenge": challenge_for(slot, form, submission_id, now=now),
        "retry_after": retry_after,
        "retry_minutes": -(-retry_after // 60),
        "is_busy": status == BUSY,
        "is_full": is_full,
        "may_wait": may_wait,
        "waits_for": waits_for,
        "this_time": say_wait(slot, now) if waits_for else "",
        "has_reserve": has_reserve,
        "take": facts.get("places_left", 0),
        "take_words": say_places(facts.get("places_left", 0)),
        "wait_words": say_places(asked) if facts.get("can_wait") else "",
        "others": _said(others, now),
        "beside": beside,
        "is_own": beside is not None or visitor_of_device(request) is not None,
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
        "then": _then(slot),
        "opens_at": slot.opens_at and on_the_wall(slot.opens_at, slot.timezone),
        "door": read_door(slot, now=now),
        "others": _others(slot, now),
    }
    return _page(request, "events/visitor/slot_closed.html", slot, now, context, status)


def _then(slot: Slot) -> str:
    """« 5 places de plus le 9 juin à 18 h »: what opens after the first wave."""
    if slot.next_release_at is None or not slot.next_places:
        return ""
    said = ngettext(
        "%(number)s more place on %(moment)s.", "%(number)s more places on %(moment)s.", slot.next_places
    )
    moment = say_moment(on_the_wall(slot.next_release_at, slot.timezone))
    return said % {"number": say_number(slot.next_places), "moment": moment}


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
    return _said(other_times(slot, now=now), now)


def _said(slots: list[Slot], now: dt.datetime) -> list[tuple[Slot, str]]:
    """Up to three with a place, each with its words: « Vendredi 11 juin, 11 h 30 »."""
    free = [slot for slot in slots if slot.mode == Mode.DROP_IN or slot.places_left != 0]
    return [(slot, say_slot_time(slot)) for slot in free[:3]]


def say_wait(slot: Slot, now: dt.datetime) -> str:
    """« Vendredi 11 juin, 11 h 30 : complet, 3 en attente »."""
    words = read_door(slot, now=now).words
    return _("%(when)s: %(places)s") % {"when": say_slot_time(slot), "places": words[:1].lower() + words[1:]}


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
    comes_back = _comes_back(shown, now)
    how = (shown.party_size, shown.is_waiting, shown.must_confirm, comes_back)
    key = ("receipt", shown.slot_id, *how, *shown.also)
    return quick(
        request,
        key,
        lambda: _receipt(request, shown, now, comes_back=comes_back),
        {"address": shown.address},
        mark=lambda: Mark(mark_of_slot(shown.slot_id)),
        longer=5,
    )


def _comes_back(shown: Receipt, now: dt.datetime) -> bool:
    """Whether mail to the address came back before. That most sites know no such address is kept a while."""
    return remember(("bounces",), lambda: any_bounce(now=now), times=A_MINUTE) and takes_no_mail(
        shown.address_hash, now=now
    )


def _receipt(request: HttpRequest, shown: Receipt, now: dt.datetime, *, comes_back: bool) -> HttpResponse:
    slot = whole_slot(shown.slot_id)
    context = {
        "slot": slot,
        "activity": slot.activity,
        "venue": venue_of(slot),
        "festival": slot.activity.festival,
        "now": now,
        "door": read_door(slot, now=now),
        "receipt": shown,
        "places": say_places(shown.party_size),
        "also": [say_slot(one) for one in Slot.objects.filter(pk__in=shown.also).in_order()],
        "must_confirm": shown.must_confirm,
        "comes_back": comes_back,
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
    }
    return render(request, "events/visitor/receipt.html", context)
