"""« Ma journée »: what somebody starred, in an order that can be lived. No account, and nothing kept here.

The stars are a cookie of numbers on the visitor's own device, the question stands in the address: whoever
gets the link sees the same plan, without the bookings of who sent it.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events.calendar import calendar_of
from events.forms.booking import DayForm, SlotsField
from events.limits import seconds_left
from events.links import mask
from events.models import Slot, Visitor
from events.planner.propose import Proposal, propose
from events.planner.question import LARGEST_KEY, Question, write_wanted
from events.refusals import Reason, Refused
from events.registration.book_day import MOST_AT_ONCE, book_day
from events.registration.terms import terms_of
from events.views.admission import PER, admit_day
from events.views.my_day_words import (
    TUNING,
    is_dear,
    kept_by,
    left_shown,
    say_sentence,
    say_totals,
    sentence_of,
    steps_shown,
)
from events.views.own_device import visitor_of_device
from events.views.stars import stars_of
from events.wording import language, say_number


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def my_day(request: HttpRequest) -> HttpResponse:
    """The plan of a day, and what is starred. POST books all of the day that can be booked, or nothing."""
    if request.method == "POST":
        return _book(request)
    return _show(request)


def _show(
    request: HttpRequest,
    *,
    form: DayForm | None = None,
    typed: dict[str, str] | None = None,
    refused: str = "",
    status: int = 200,
    retry_after: int = 0,
) -> HttpResponse:
    mine, now = stars_of(request), timezone.now()
    question = Question.read(request.GET, wanted=mine)
    visitor = visitor_of_device(request)
    proposal = propose(question, visitor=visitor, now=now)
    question = replace(question, day=proposal.day)
    is_shared = bool(request.GET.get("choix")) and {one.activity_id for one in question.wanted} != {
        one.activity_id for one in mine
    }
    # One's own links stand on the stars of this device, as they are when the link is followed.
    asked = question if is_shared else replace(question, wanted=())
    sentence = sentence_of(question, proposal)
    context = {
        "now": now,
        "proposal": proposal,
        "question": question,
        "kept": kept_by(asked),
        "said": say_sentence(sentence),
        "sentence": [one for one in sentence if one.name not in TUNING],
        "tuning": [one for one in sentence if one.name in TUNING],
        "is_tuned": any(request.GET.get(name) for name in TUNING),
        "steps": steps_shown(proposal, asked, now),
        "left": [left_shown(one, asked) for one in proposal.left],
        "starred": [(one, is_dear(question, one.pk)) for one in proposal.activities],
        "excluded": [one for one in proposal.activities if one.pk in question.without],
        "again": asked.query(without=frozenset(), pinned=frozenset(), variant=0),
        "other": asked.query(variant=asked.variant + 1) if proposal.has_other else "",
        "first": asked.query(variant=0) if asked.variant else "",
        "anywhere": asked.query(start=None, start_at="") if asked.start and not asked.start_at else "",
        "calendar": reverse("events:my_day_calendar") + question.query(),
        "subscription": _subscription(question, proposal),
        "share": f"{settings.SITE_URL}{reverse('events:my_day')}{question.query()}",
        "sent": _sent(request) if request.method != "POST" else [],
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
        "is_shared": is_shared,
        "shared": write_wanted(question.wanted) if is_shared else "",
        "visitor": visitor,
        "totals": say_totals(proposal),
        "to_book": proposal.to_book,
        "form": form or _day_form(proposal, question, visitor, typed or {}),
        "refused": refused,
        "here": reverse("events:my_day") + asked.query(),
        "retry_after": retry_after,
    }
    response = render(request, "events/visitor/my_day.html", context, status=status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _sent(request: HttpRequest) -> list[Slot]:
    """What was just asked for, as it stands in the address: a plan made now would be another, because these
    places are gone.
    """
    keys = [int(key) for key in request.GET.get("envoi", "")[:300].split(".") if key.isdecimal()]
    asked = [key for key in keys if key <= LARGEST_KEY][:MOST_AT_ONCE]
    return list(Slot.objects.visible().filter(pk__in=asked).for_showing().in_order()) if asked else []


def _day_form(
    proposal: Proposal, question: Question, visitor: Visitor | None, typed: dict[str, str]
) -> DayForm:
    initial: dict[str, Any] = {
        "email": visitor.email if visitor is not None else "",
        **typed,
        "slots": [slot.pk for slot in proposal.to_book],
        "party_size": question.people,
        "submission_id": uuid.uuid4(),
    }
    asks_name = any(slot.activity.ask_name for slot in proposal.to_book)
    return DayForm(initial=initial, asks_name=asks_name)


def _ticked(request: HttpRequest) -> list[int]:
    """The slots that are asked for; none where they cannot be read, which the form says then."""
    try:
        return SlotsField().to_python([key for key in request.POST.getlist("slots") if key.isdecimal()])
    except ValidationError:
        return []


def _book(request: HttpRequest) -> HttpResponse:
    """The slots that were on the page, whatever a plan made now would be."""
    now, visitor = timezone.now(), visitor_of_device(request)
    asked = _ticked(request)
    terms = {pk: found for pk in asked[:MOST_AT_ONCE] if (found := terms_of(pk, now=now)) is not None}
    form = DayForm(request.POST, asks_name=any(one.asks_name for one in terms.values()))
    if not form.is_valid() or len(terms) != len(asked):
        return _show(request, form=form, status=422)
    admitted = admit_day(request, list(terms.values()), now=now)
    if admitted.too_many:
        said = _("Many bookings came from your connection. Nothing was booked: please try again later.")
        return _show(request, form=form, refused=said, status=429, retry_after=seconds_left(per=PER, now=now))
    email, name = form.cleaned_data["email"], form.cleaned_data.get("name", "")
    is_theirs = visitor is not None and visitor.email == email
    try:
        book_day(
            slot_ids=asked,
            email=email,
            party_size=form.cleaned_data["party_size"],
            submission_id=form.cleaned_data["submission_id"],
            now=now,
            names={pk: name for pk, one in terms.items() if one.asks_name},
            locale=get_language() or "fr",
            is_theirs=is_theirs,
            is_vouched=admitted.is_vouched,
        )
    except Refused as refused:
        if refused.reason == Reason.BUSY:  # it may have got through: the same submission once more
            return _show(request, form=form, refused=str(refused.reason.label), status=503, retry_after=3)
        return _show(request, typed={"email": email, "name": name}, refused=_say_refused(refused), status=409)
    if is_theirs and visitor is not None:
        messages.success(request, _("Your day is booked. The tickets are below, and in your mail."))
        return redirect("events:my_visits", visitor.token)
    said = ngettext("%(number)s visit is on its way", "%(number)s visits are on their way", len(asked))
    where = _("to %(email)s: one mail for the whole day, with every ticket.") % {"email": mask(email)}
    if admitted.must_confirm:
        where = _("to %(email)s: confirm them by the one link in the mail, within 30 minutes.") % {
            "email": mask(email)
        }
    messages.success(request, f"{said % {'number': say_number(len(asked))}} {where}")
    again = request.GET.copy()
    again["envoi"] = ".".join(str(pk) for pk in asked)
    return redirect(f"{reverse('events:my_day')}?{again.urlencode()}")


def _say_refused(refused: Refused) -> str:
    """Which slot could not be had, and that none was taken."""
    slots = Slot.objects.visible().filter(pk=refused.facts.get("slot_id", 0))
    slot = slots.select_related("activity").first()
    title = slot.activity.title if slot is not None else ""
    if refused.reason == Reason.FULL:
        words = _("“%(title)s” has filled up meanwhile.") % {"title": title}
    elif title:
        words = _("“%(title)s”: %(why)s") % {"title": title, "why": refused.reason.label}
    else:
        words = str(refused.reason.label)
    return f"{words} {_('Nothing was booked; here is the day as it can be now.')}"


@require_safe
@never_cache
def my_day_calendar(request: HttpRequest) -> HttpResponse:
    """The visits of the plan as a calendar file."""
    question = Question.read(request.GET, wanted=stars_of(request))
    now = timezone.now()
    proposal = propose(question, visitor=visitor_of_device(request), now=now)
    slots = [step.slot for step in proposal.steps if step.slot is not None]
    return HttpResponse(
        calendar_of(slots=slots, now=now, name=_("My day")),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ma-journee.ics"'},
    )


def _subscription(question: Question, proposal: Proposal) -> str:
    """What opens a calendar program with this day; empty where something of it is booked.

    A calendar program has no cookie: it would be shown a day without the bookings, which is another.
    """
    if any(step.registration is not None for step in proposal.steps):
        return ""
    english = "&hl=en" if language() == "en" else ""
    address = f"{settings.SITE_URL}{reverse('events:my_day_calendar')}{question.query()}{english}"
    return f"webcal://{address.partition('://')[2]}"
