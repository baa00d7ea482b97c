"""Choosing between visits that get in one another's way: which to have and which to give back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.models import Registration
from events.refusals import Reason, Refused
from events.registration.conduct import Trouble, find_trouble
from events.registration.settle import claim_place, settle_hold
from events.registration.waiting import is_last_call
from events.views.became import CONFIRMED, CONFLICT, HELD, IN_THE_WAY, WAITING, about, over, refuse
from events.views.holding import answer
from events.views.kept import is_kept, kept_of
from events.views.visitor import Opened, by_secret_link
from events.wording import say_day, say_list, say_time

UNPROCESSABLE = 422


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
            return refuse(request, token, registration, now, Refused(Reason.OFFER_OVER))
        return over(request, token, registration, now)
    if request.method != "POST":
        return _choices_page(request, token, opened, registration, now)
    if request.POST.get("answer") != "pass":
        return _choose(request, token, opened, registration, now, claim_place if may_claim else settle_hold)
    if may_claim:
        return redirect("events:my_visits", token)
    return answer(request, token, registration, now)


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
        return refuse(request, token, registration, now, refused)
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
        **about(registration, token, now),
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
