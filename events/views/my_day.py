"""« Ma journée »: what somebody starred, in an order that can be lived. No account, and nothing kept here.

The stars are a cookie of numbers on the visitor's own device, the question stands in the address: whoever
gets the link sees the same plan, without the bookings of who sent it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events.calendar import calendar_of
from events.forms.booking import DayForm, SlotsField
from events.limits import seconds_left
from events.links import mask
from events.models import Activity, Slot, Visitor
from events.planner.propose import Left, Proposal, Reason, Step, propose
from events.planner.question import LARGEST_KEY, LUNCHES, Pace, Question, Wanted, read_wanted, write_wanted
from events.planner.starting import starts_in
from events.refusals import Reason as Because
from events.refusals import Refused
from events.registration.book_day import MOST_AT_ONCE, book_day
from events.registration.terms import terms_of
from events.views.admission import PER, admit_day
from events.views.own_device import visitor_of_device
from events.views.public_rows import Row, rows_of
from events.wording import language, say_day, say_duration, say_number, say_time

COOKIE = "ma_journee"
KEPT_FOR = dt.timedelta(days=180)
HOURS = range(8, 23)
MOST_PEOPLE = 6
FORM = ["GET", "HEAD", "POST"]
TUNING = ("de", "a", "dejeuner", "depart")
"""Parts of the sentence that wait behind a summary until somebody wants them."""


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step with its door, and the addresses that pin it or leave it out."""

    step: Step
    row: Row | None
    leave: str
    pin: str
    without: str


@dataclass(frozen=True, slots=True)
class LeftShown:
    """Something left out, why in words, and the address of the day that would have it."""

    left: Left
    words: str
    with_it: str


def stars_of(request: HttpRequest) -> tuple[Wanted, ...]:
    """What this device has starred."""
    return read_wanted(request.COOKIES.get(COOKIE, ""))


@require_http_methods(FORM)
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
    sentence = _sentence(question, proposal)
    context = {
        "now": now,
        "proposal": proposal,
        "question": question,
        "kept": _kept(asked),
        "sentence": [one for one in sentence if one.name not in TUNING],
        "tuning": [one for one in sentence if one.name in TUNING],
        "is_tuned": any(request.GET.get(name) for name in TUNING),
        "steps": _steps(proposal, asked, now),
        "left": [_left(one, asked) for one in proposal.left],
        "starred": [(one, _is_dear(question, one.pk)) for one in proposal.activities],
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
        "totals": _totals(proposal),
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


def _book(request: HttpRequest) -> HttpResponse:
    """The slots that were on the page, whatever a plan made now would be."""
    now, visitor = timezone.now(), visitor_of_device(request)
    asked = SlotsField().to_python([key for key in request.POST.getlist("slots") if key.isdecimal()])
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
        if refused.reason == Because.BUSY:  # it may have got through: the same submission once more
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
    if refused.reason == Because.FULL:
        words = _("“%(title)s” has filled up meanwhile.") % {"title": title}
    elif title:
        words = _("“%(title)s”: %(why)s") % {"title": title, "why": refused.reason.label}
    else:
        words = str(refused.reason.label)
    return f"{words} {_('Nothing was booked; here is the day as it can be now.')}"


def _subscription(question: Question, proposal: Proposal) -> str:
    """What opens a calendar program with this day; empty where something of it is booked.

    A calendar program has no cookie: it would be shown a day without the bookings, which is another.
    """
    if any(step.registration is not None for step in proposal.steps):
        return ""
    english = "&hl=en" if language() == "en" else ""
    address = f"{settings.SITE_URL}{reverse('events:my_day_calendar')}{question.query()}{english}"
    return f"webcal://{address.partition('://')[2]}"


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


@require_http_methods(FORM)
@never_cache
def star(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows what a star does, POST gives or takes it. Where scripts run the star does it by itself."""
    activity = get_object_or_404(Activity.objects.published().select_related("host"), pk=pk)
    onward = _onward(request)
    mine = {one.activity_id: one for one in stars_of(request)}
    if request.method != "POST":
        context = {"activity": activity, "is_starred": pk in mine, "next": onward}
        return render(request, "events/visitor/star.html", context)
    act = request.POST.get("act", "")
    if act == "remove" or (act == "" and pk in mine):
        mine.pop(pk, None)
    elif act == "dear":
        mine[pk] = Wanted(pk, is_dear=not (pk in mine and mine[pk].is_dear))
    else:
        mine.setdefault(pk, Wanted(pk))
    return _with_stars(redirect(onward), tuple(mine.values()), request)


@require_http_methods(["POST"])
def stars(request: HttpRequest) -> HttpResponse:
    """Take over what somebody shared, or begin anew."""
    taken = read_wanted(request.POST.get("choix", ""))
    mine = {one.activity_id: one for one in stars_of(request)}
    new = [one for one in taken if one.activity_id not in mine]
    if "forget" in request.POST:
        messages.success(request, _("Your day is empty again."))
        return _with_stars(redirect("events:my_day"), (), request)
    said = ngettext("%(number)s visit added to your day.", "%(number)s visits added to your day.", len(new))
    messages.success(request, said % {"number": say_number(len(new))})
    return _with_stars(redirect("events:my_day"), (*mine.values(), *new), request)


def _with_stars(response: HttpResponse, wanted: tuple[Wanted, ...], request: HttpRequest) -> HttpResponse:
    """Readable by the site's own script, which gives and takes stars without asking the server."""
    if not wanted:
        response.delete_cookie(COOKIE, samesite="Lax")
        return response
    response.set_cookie(
        COOKIE,
        write_wanted(read_wanted(write_wanted(wanted))),
        max_age=KEPT_FOR,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )
    return response


def _onward(request: HttpRequest) -> str:
    asked = str(request.POST.get("next") or request.GET.get("next") or "")
    safe = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if safe and asked.startswith("/") else reverse("events:my_day")


# What the page shows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """A select of the sentence."""

    name: str
    label: str
    options: list[tuple[str, str, bool]]
    stop: str = ""


def _sentence(question: Question, proposal: Proposal) -> list[Choice]:
    """« Ma journée du [jeudi 10 juin], [à pied], [pour 2 personnes]. », then hours, lunch, starting point."""
    days = [(day.isoformat(), say_day(day), day == proposal.day) for day, _number in proposal.days]
    opens = [("", _("from the first door"), question.opens is None)]
    opens += [
        (f"{h:02}:00", _("from %(time)s") % {"time": say_time(dt.time(h))}, _is(question.opens, h))
        for h in HOURS
    ]
    closes = [("", _("until the last"), question.closes is None)]
    closes += [
        (f"{h:02}:00", _("until %(time)s") % {"time": say_time(dt.time(h))}, _is(question.closes, h))
        for h in HOURS
    ]
    paces = {
        Pace.FOOT: _("on foot"),
        Pace.BIKE: _("by bicycle"),
        Pace.TRANSIT: _("by public transport"),
    }
    lunches = [(str(minutes or ""), _say_lunch(minutes), minutes == question.lunch) for minutes in LUNCHES]
    people = [
        (str(n), _say_people(n), n == question.people)
        for n in sorted({*range(1, MOST_PEOPLE + 1), question.people})
    ]
    return [
        Choice("jour", _("Day"), days, ","),
        Choice(
            "allure",
            _("How"),
            [(str(pace), words, pace == question.pace) for pace, words in paces.items()],
            ",",
        ),
        Choice("personnes", _("People"), people, "."),
        Choice("de", _("From"), opens, ","),
        Choice("a", _("Until"), closes, ","),
        Choice("dejeuner", _("Lunch"), lunches, ","),
        Choice("depart", _("Starting point"), _starts(question, proposal), "."),
    ]


def _starts(question: Question, proposal: Proposal) -> list[tuple[str, str, bool]]:
    """The first door, where the device was, the middle of the city, its venues."""
    slots = [step.slot for step in proposal.steps if step.slot is not None]
    territories = {slot.activity.territory_id for slot in slots} or {
        one.territory_id for one in proposal.activities
    }
    options = [("", _("from the first visit"), not question.start and not question.start_at)]
    if question.start and not question.start_at:
        options.append(("{:.4f},{:.4f}".format(*question.start), _("from where you were"), True))
    options += [(one.code, one.label, one.code == question.start_at) for one in starts_in(territories)]
    return options


def _kept(asked: Question) -> list[tuple[str, str]]:
    """What the sentence does not say and its button must not forget."""
    said = parse_qsl(asked.query()[1:])
    return [(name, value) for name, value in said if name in ("choix", "sans")]


def _say_lunch(minutes: int) -> str:
    if not minutes:
        return _("without a lunch break")
    return _("with %(time)s for lunch") % {"time": say_duration(minutes)}


def _say_people(number: int) -> str:
    said = ngettext("for %(number)s person", "for %(number)s people", number)
    return said % {"number": say_number(number)}


def _is(time: dt.time | None, hour: int) -> bool:
    return time is not None and time.hour == hour


def _steps(proposal: Proposal, question: Question, now: dt.datetime) -> list[StepShown]:
    slots = [step.slot for step in proposal.steps if step.slot is not None]
    rows = {row.slot.pk: row for row in rows_of(slots, now=now)}
    shown = []
    for step in proposal.steps:
        pin = without = ""
        if step.slot is not None and step.registration is None:
            key = frozenset({step.slot.pk})
            pinned = question.pinned - key if step.is_pinned else question.pinned | key
            pin = question.query(pinned=pinned, variant=0)
            without = question.query(
                without=question.without | {step.slot.activity_id}, pinned=question.pinned - key, variant=0
            )
        leave = ""
        if step.way:
            facts = {"time": say_time(step.leaves_at), "way": say_duration(step.way)}
            leave = _("Leave by %(time)s: %(way)s from door to door.") % facts
            if step.spare:
                leave += " " + _("%(spare)s to spare.") % {"spare": say_duration(step.spare)}
        shown.append(StepShown(step, rows.get(step.slot.pk) if step.slot else None, leave, pin, without))
    return shown


def _left(left: Left, question: Question) -> LeftShown:
    beside = ", ".join(_("“%(title)s”") % {"title": title} for title in left.beside)
    days = ", ".join(say_day(day) for day in left.days)
    words = {
        Reason.OTHER_DAY: _("On another day: %(days)s.") % {"days": days},
        Reason.OVER: _("It is over, or has begun."),
        Reason.FULL: _("Too few places are left that day."),
        Reason.BALLOT: _("Its places are drawn by lot: take part on its page."),
        Reason.CLOSED: _("It cannot be booked yet."),
        Reason.OUTSIDE: _("It does not fit between the hours you gave."),
        Reason.FIXED: _("It does not fit beside %(beside)s.") % {"beside": beside},
        Reason.OTHERS: _("Instead of it: %(beside)s.") % {"beside": beside}
        if beside
        else _("Your other stars leave no time for it."),
    }[left.reason]
    with_it = ""
    if left.days:
        with_it = question.query(day=left.days[0], variant=0, pinned=frozenset())
    return LeftShown(left, words, with_it)


def _is_dear(question: Question, pk: int) -> bool:
    return any(one.activity_id == pk and one.is_dear for one in question.wanted)


def _totals(proposal: Proposal) -> str:
    """« 4 visites, 38 min de trajet, fini à 17 h 15. »"""
    visits = [step for step in proposal.steps if step.slot is not None]
    if not visits:
        return ""
    said = ngettext("%(number)s visit", "%(number)s visits", len(visits)) % {
        "number": say_number(len(visits))
    }
    facts: dict[str, Any] = {"visits": said, "end": say_time(visits[-1].ends_at)}
    if not proposal.on_the_way:
        return _("%(visits)s, done at %(end)s.") % facts
    facts["way"] = say_duration(proposal.on_the_way)
    return _("%(visits)s, %(way)s on the way, done at %(end)s.") % facts
