"""What is only kept for a visitor, behind the secret link: offers, addresses to confirm, visits to choose
between, last calls, parties that split. GET shows, POST acts; twice is once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from events.calendar import venue_of
from events.doors import read_door
from events.links import mask
from events.models import Registration
from events.refusals import Reason, Refused
from events.registration.address import read_token, take_new_address
from events.registration.conduct import Trouble, find_trouble
from events.registration.plans import other_times, with_room
from events.registration.refusing import can_wait, why_closed
from events.registration.settle import claim_place, let_pass, settle_hold, split_party, take_fewer
from events.registration.waiting import is_last_call
from events.views.kept import PAGES, is_kept, kept_of
from events.views.own_booking import say_slot_time
from events.views.tickets import say_places, secret_page
from events.views.visitor import Opened, by_secret_link
from events.wording import say_day, say_list, say_number, say_time

CONFLICT, GONE, UNPROCESSABLE = 409, 410, 422
CONFIRMED, WAITING, HELD = (
    Registration.Status.CONFIRMED,
    Registration.Status.WAITING,
    Registration.Status.HELD,
)
Hold = Registration.Hold
IN_THE_WAY = (Reason.OVERLAP, Reason.DAY_LIMIT, Reason.FESTIVAL_LIMIT, Reason.LIMIT)
"""What a visitor can settle by giving another visit back."""


# Answering what is kept ------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_offer(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """An offer from the waiting list: take it or let it pass."""
    return _kept_page(request, token, opened, opened.one(reference), Hold.OFFER)


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_confirm(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """Places kept until the address is confirmed, which whoever holds the link does by pressing the
    button."""
    return _kept_page(request, token, opened, opened.one(reference), Hold.ADDRESS)


def _kept_page(
    request: HttpRequest, token: str, opened: Opened, registration: Registration, hold: str
) -> HttpResponse:
    now = timezone.now()
    if request.method == "POST":
        return _answer(request, token, registration, now)
    if not is_kept(registration, now=now):
        return _over(request, token, registration, now)
    if registration.hold != hold:
        return redirect(PAGES[Hold(registration.hold)], token, registration.reference)
    visits = opened.registrations.filter(status=CONFIRMED, slot__day=registration.slot.day)
    context = {
        **_about(registration, token, now),
        "kept": kept_of(registration, token, now=now, visits=visits),
        "others_waited_for": _others_waited_for(registration),
    }
    return render(request, f"events/visitor/kept_{hold}.html", context)


def _answer(request: HttpRequest, token: str, registration: Registration, now: dt.datetime) -> HttpResponse:
    """``answer=pass`` lets go; anything else takes. What was answered before stays as it was answered."""
    rule = let_pass if request.POST.get("answer") == "pass" else settle_hold
    return _act(request, token, registration, now, lambda: rule(registration_id=registration.pk, now=now))


def _act(
    request: HttpRequest,
    token: str,
    registration: Registration,
    now: dt.datetime,
    rule: Callable[[], Registration],
) -> HttpResponse:
    """Ask the rule and say what became of it."""
    try:
        after = rule()
    except Refused as refused:
        return _refused(request, token, registration, now, refused)
    title = registration.slot.activity.title
    if after.status == CONFIRMED:
        said = _("Your place for “%(title)s” is confirmed. The ticket is on its way by mail.")
        messages.success(request, said % {"title": title})
    else:
        said = _("“%(title)s” goes to the next person. Thank you for saying so.")
        messages.success(request, said % {"title": title})
    return redirect("events:my_visits", token)


def _refused(
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
    return _over(request, token, registration, now, status=CONFLICT)


# Choosing between visits -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """``value``: the references to be given back, with commas; empty keeps everything as it was."""

    value: str
    label: str


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_choose(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """The visit that is kept beside those in its way: which to have. Also for one won by a last call."""
    registration, now = opened.one(reference), timezone.now()
    may_claim = registration.status == WAITING and is_last_call(registration.slot, now=now)
    if not may_claim and not is_kept(registration, now=now):
        if request.method == "POST":
            return _refused(request, token, registration, now, Refused(Reason.OFFER_OVER))
        return _over(request, token, registration, now)
    if request.method != "POST":
        return _choices_page(request, token, opened, registration, now)
    if request.POST.get("answer") != "pass":
        return _choose(request, token, opened, registration, now, claim_place if may_claim else settle_hold)
    if may_claim:
        return redirect("events:my_visits", token)
    return _answer(request, token, registration, now)


def _choose(
    request: HttpRequest,
    token: str,
    opened: Opened,
    registration: Registration,
    now: dt.datetime,
    rule: Callable[..., Registration],
) -> HttpResponse:
    """Take the place and give back what was chosen for it, or ask again."""
    instead_of = _chosen(request, opened, registration)
    if instead_of is None:
        error = _("Please say which visit you keep.")
        return _choices_page(request, token, opened, registration, now, error=error, status=UNPROCESSABLE)
    try:
        rule(registration_id=registration.pk, now=now, instead_of=instead_of)
    except Refused as refused:
        if refused.reason in IN_THE_WAY:
            return _choices_page(request, token, opened, registration, now, instead_of, status=CONFLICT)
        if refused.reason == Reason.IN_THE_PAST:
            error = _("That visit has begun: it can no longer be given back.")
            return _choices_page(request, token, opened, registration, now, error=error, status=CONFLICT)
        return _refused(request, token, registration, now, refused)
    said = _("Done: “%(title)s” is yours, and its ticket is on its way.")
    messages.success(request, said % {"title": registration.slot.activity.title})
    return redirect("events:my_visits", token)


def _chosen(request: HttpRequest, opened: Opened, registration: Registration) -> list[int] | None:
    """The visitor's own registrations to be given back; None where nothing, or something else, was chosen."""
    if "give_back" not in request.POST:
        return None
    references = {part for part in request.POST["give_back"].split(",") if part}
    held = opened.registrations.filter(status__in=[CONFIRMED, HELD]).exclude(pk=registration.pk)
    chosen = [pk for pk, reference in held.values_list("pk", "reference") if reference in references]
    return chosen if len(chosen) == len(references) else None


def _choices_page(
    request: HttpRequest,
    token: str,
    opened: Opened,
    registration: Registration,
    now: dt.datetime,
    given_back: Collection[int] = (),
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    trouble = find_trouble(
        mailbox=registration.visitor.mailbox,
        visitor_id=registration.visitor_id,
        slot_id=registration.slot_id,
        party_size=registration.party_size,
        now=now,
        without={registration.pk, *given_back},
    )
    found = [] if trouble is None else [other.pk for other in trouble.others]
    # A partner's link opens one booking alone, and another spelling of the address has a link of its own.
    shown = list(opened.registrations.filter(pk__in=[*found, *given_back]))
    others = [other for other in shown if other.pk in found]
    context = {
        **_about(registration, token, now),
        "kept": kept_of(registration, token, now=now) if registration.status == HELD else None,
        "reason": trouble.reason.value if trouble else "",
        "others": others,
        "is_hidden": len(others) < len(found),
        "choices": _choices(trouble, others, [o for o in shown if o.pk in given_back], now),
        "error": error,
    }
    return render(request, "events/visitor/choose.html", context, status=status)


def _choices(
    trouble: Trouble | None, others: list[Registration], before: list[Registration], now: dt.datetime
) -> list[Choice]:
    """Every way to have the visit that is kept: nothing to give back, all that overlap, or one of too
    many."""
    if trouble is None:
        return [Choice(",".join(o.reference for o in before), "")]
    can_go = [other for other in others if other.slot.starts_at > now]
    if trouble.reason == Reason.OVERLAP:
        ways = [can_go] if len(can_go) == len(trouble.others) else []
    elif trouble.reason == Reason.LIMIT:
        ways = []
    else:
        ways = [[other] for other in can_go]
    return [
        Choice(",".join(o.reference for o in [*before, *way]), say_list(_name(o) for o in [*before, *way]))
        for way in ways
    ]


def _name(registration: Registration) -> str:
    """« Le four solaire » (jeudi 10 juin, 14 h)."""
    slot = registration.slot
    said = _("“%(title)s” (%(day)s, %(time)s)")
    return said % {
        "title": slot.activity.title,
        "day": say_day(slot.day),
        "time": say_time(slot.local_start),
    }


# The waiting list ------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_claim(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """Last call: near the start free places go to the first click."""
    registration, now = opened.one(reference), timezone.now()
    if request.method == "POST":
        try:
            claim_place(registration_id=registration.pk, now=now)
        except Refused as refused:
            if refused.reason in (Reason.FULL, Reason.NOT_YET):
                return _claim_page(request, token, _again(opened, registration), now, refused=refused)
            return _refused(request, token, registration, now, refused)
        said = _("Your place for “%(title)s” is confirmed. The ticket is on its way by mail.")
        messages.success(request, said % {"title": registration.slot.activity.title})
        return redirect("events:my_visits", token)
    if registration.status != WAITING or why_closed(registration.slot, now=now):
        return _over(request, token, registration, now)
    return _claim_page(request, token, registration, now)


def _claim_page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    now: dt.datetime,
    *,
    refused: Refused | None = None,
) -> HttpResponse:
    left, size = registration.slot.places_left, registration.party_size
    context = {
        **_about(registration, token, now),
        "is_near": is_last_call(registration.slot, now=now),
        "left": left,
        "left_words": say_places(left or 0),
        "fits": left is None or left >= size,
        "was_late": refused is not None and refused.reason == Reason.FULL,
    }
    status = CONFLICT if refused else 200
    return render(request, "events/visitor/claim.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_split(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """A waiting party that fits nowhere whole: split it in two (``first``), or take fewer places
    (``keep``)."""
    registration, now = opened.one(reference), timezone.now()
    if request.method != "POST":
        if registration.status != WAITING:
            return _over(request, token, registration, now)
        return _split_page(request, token, registration, now)
    if registration.status != WAITING:
        return _refused(request, token, registration, now, Refused(Reason.NOT_ACTIVE))
    name = "keep" if "keep" in request.POST else "first"
    number = request.POST.get(name, "")
    if not number.isascii() or not number.isdigit() or len(number) > 3:
        error = _("Please choose one of the ways shown.")
        return _split_page(request, token, registration, now, error=error, status=UNPROCESSABLE)
    try:
        if name == "keep":
            parts = [take_fewer(registration_id=registration.pk, keep=int(number), now=now)]
        else:
            parts = list(split_party(registration_id=registration.pk, first=int(number), now=now))
    except Refused as refused:
        if refused.reason != Reason.LIMIT:
            return _refused(request, token, registration, now, refused)
        registration = _again(opened, registration)
        if name == "first" and registration.party_size == int(number):
            messages.info(request, _("The party had been split already. Nothing was changed."))
            return redirect("events:my_visits", token)
        error = _("Please choose one of the ways shown.")
        return _split_page(request, token, registration, now, error=error, status=UNPROCESSABLE)
    return _tell_parts(request, token, parts)


def _tell_parts(request: HttpRequest, token: str, parts: list[Registration]) -> HttpResponse:
    """Who is offered places by it goes and takes them; the others wait with their rank."""
    offered = [part for part in parts if part.status == HELD]
    if offered:
        size = offered[0].party_size
        said = ngettext(
            "%(number)s place is kept for you from now on.",
            "%(number)s places are kept for you from now on.",
            size,
        )
        messages.success(request, said % {"number": say_number(size)})
        return redirect("events:my_visit_offer", token, offered[0].reference)
    sizes = say_list(say_places(part.party_size) for part in parts)
    messages.success(request, _("Done. You wait for %(places)s, with the rank you had.") % {"places": sizes})
    return redirect("events:my_visits", token)


def _split_page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    now: dt.datetime,
    *,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    size, left = registration.party_size, registration.slot.places_left or 0
    ways = [(first, say_places(first), say_places(size - first)) for first in range(size // 2, 0, -1)]
    context = {
        **_about(registration, token, now),
        # The larger part stays the request that it was.
        "ways": [(size - first, more, fewer) for first, fewer, more in ways],
        "fewer": [(keep, say_places(keep)) for keep in range(size - 1, 0, -1)],
        "left": left,
        "left_words": say_places(left),
        "others_waited_for": _others_waited_for(registration),
        "error": error,
    }
    return render(request, "events/visitor/split.html", context, status=status)


# Another address -------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
def new_address(request: HttpRequest, token: str) -> HttpResponse:
    """The link that went to a new address: GET shows from where to where, POST takes everything there."""
    try:
        visitor, email = read_token(token)
    except Refused:
        return render(request, "events/visitor/new_address_gone.html", status=GONE)
    context = {"old": mask(visitor.email), "new": email, "twice": []}
    if request.method != "POST":
        return render(request, "events/visitor/new_address.html", context)
    try:
        moved = take_new_address(token=token, now=timezone.now())
    except Refused as refused:
        if refused.reason == Reason.BUSY:
            messages.warning(request, str(refused.reason.label))
            return redirect(request.path)
        if refused.reason == Reason.LINK_USED:
            return render(request, "events/visitor/new_address_gone.html", status=GONE)
        context["twice"] = refused.facts["others"]
        return render(request, "events/visitor/new_address.html", context, status=CONFLICT)
    messages.success(
        request, _("Your visits now belong to %(email)s. The old link is dead.") % {"email": email}
    )
    return redirect("events:my_visits", moved.token)


# What they share -------------------------------------------------------------------------------------------


def _again(opened: Opened, registration: Registration) -> Registration:
    """As it stands after somebody else's click."""
    return opened.registrations.get(pk=registration.pk)


def _about(registration: Registration, token: str, now: dt.datetime) -> dict[str, object]:
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


def _others_waited_for(registration: Registration) -> int:
    """In how many other slots the same request waits."""
    if not registration.any_of:
        return 0
    same = Registration.objects.filter(any_of=registration.any_of, status=WAITING)
    return same.exclude(pk=registration.pk).count()


def _over(
    request: HttpRequest, token: str, registration: Registration, now: dt.datetime, *, status: int = 200
) -> HttpResponse:
    """What has become of it, and what now."""
    slot, size = registration.slot, registration.party_size
    may_book = why_closed(slot, now=now) is None
    others = with_room(other_times(slot, now=now), party_size=size, now=now)
    context = {
        **_about(registration, token, now),
        "what": _what_became(registration, now),
        "door": read_door(slot, now=now),
        "may_book": may_book and slot.places_left != 0,
        "may_wait": may_book and slot.places_left == 0 and can_wait(slot, party_size=size),
        "is_near": is_last_call(slot, now=now),
        "others_waited_for": _others_waited_for(registration),
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
