"""A visitor's own pages, behind the link that comes by mail: tickets, giving back, calendar, no more
reminders.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from events.calendar import calendar_of, venue_of
from events.clock import on_the_wall
from events.forms.booking import GiveBackForm, LinkForm
from events.limits import allow, seconds_left
from events.links import (
    hash_of,
    registration_of_token,
    reminders_token,
    visitor_of_reminders_token,
)
from events.mail.suppressions import allow_again, is_stopped, stop
from events.models import Registration, Slot, Suppression, Visitor
from events.models.registration import RegistrationQuerySet
from events.refusals import Reason, Refused
from events.registration.cancel import cancel_registration, leave_lists
from events.registration.resend import send_link_again
from events.registration.waiting import with_rank
from events.reminders import planned_days
from events.views.ballot_facts import entries_of
from events.views.kept import is_kept, kept_of
from events.views.own_device import remember
from events.views.tickets import Ticket, by_day, say_places, secret_page, ticket_of

RESENDS, PER = 10, dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a secret link opens: everything of a visitor (``is_whole``), or one booking alone."""

    visitor: Visitor
    registrations: RegistrationQuerySet
    is_whole: bool = True

    def one(self, reference: str) -> Registration:
        """Raises ``Http404``."""
        registration = self.registrations.filter(reference=reference).first()
        if registration is None:
            raise Http404
        return registration


def by_secret_link(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Hands what the link opens to the view: a visitor's registrations, or one alone (a partner's link); an
    unknown or old link leads to a page that sends a new one.
    """

    @wraps(view)
    @secret_page
    def opened(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponse:
        one = registration_of_token(token)
        if one:
            own = Registration.objects.filter(pk=one)
            visitor = Visitor.objects.filter(registrations__pk=one).first()
        else:
            visitor = Visitor.objects.filter(link_hash=hash_of(token)).first()
            own = Registration.objects.filter(visitor=visitor) if visitor else Registration.objects.none()
        if visitor is None:
            return _link_gone(request, status=404)
        if visitor.link_expires_at is not None and visitor.link_expires_at <= timezone.now():
            return _link_gone(request, status=410)
        return view(request, token, Opened(visitor, _with_everything(own), is_whole=not one), **kwargs)

    return opened


def _link_gone(request: HttpRequest, *, status: int) -> HttpResponse:
    return render(request, "events/visitor/link_gone.html", {"what": "visits"}, status=status)


def _with_everything(registrations: RegistrationQuerySet) -> RegistrationQuerySet:
    """Everything the pages read, in one query, in the order of time."""
    others = Slot.objects.published().upcoming(timezone.now()).filter(activity=OuterRef("slot__activity"))
    return (
        with_rank(registrations)
        .annotate(has_other_times=Exists(others.exclude(pk=OuterRef("slot"))))
        .select_related(
            "visitor",
            "slot__activity__host",
            "slot__activity__territory",
            "slot__activity__festival",
            "slot__activity__venue__commune",
            "slot__activity__venue__territory",
            "slot__venue__commune",
            "slot__venue__territory",
            "slot__room",
        )
        .order_by("slot__starts_at", "pk")
    )


@require_safe
@by_secret_link
def my_visits(request: HttpRequest, token: str, opened: Opened) -> HttpResponse:
    """Every booking of the address: what is kept, tickets by day, waiting lists with the rank, reminders to
    come, what is over or withdrawn. The device is remembered where the link opens all of it.
    """
    now = timezone.now()
    own = list(opened.registrations.prefetch_related("slot__activity__festival__reminder_rules"))
    coming, waiting, over = _sorted(own, now)
    kept = [kept_of(one, token, now=now, visits=coming) for one in own if is_kept(one, now=now)]
    days = by_day(coming)
    context = {
        "token": token,
        "visitor": opened.visitor,
        "is_whole": opened.is_whole,
        "days": days,
        "tickets": sum(len(day.tickets) for day in days),
        "kept": kept,
        "requests": _requests(waiting),
        "reminders": _reminders(coming, now),
        "is_unreminded": opened.is_whole and _is_unreminded(opened.visitor, now),
        "stop_reminders": reminders_token(opened.visitor.pk) if opened.is_whole else "",
        "over": over,
        "ballots": entries_of(opened.visitor, now) if opened.is_whole else [],
        "now": now,
    }
    response = render(request, "events/visitor/my_visits.html", context)
    if opened.is_whole:
        remember(response, opened.visitor)
    return response


def _sorted(
    registrations: Iterable[Registration], now: dt.datetime
) -> tuple[list[Registration], list[Registration], list[Registration]]:
    """What is confirmed and to come, what is waited for, what is over. A list left is no visit given back."""
    coming, waiting, over = [], [], []
    for registration in registrations:
        slot, was_had = registration.slot, registration.confirmed_at is not None
        if registration.status == Registration.Status.CONFIRMED and slot.ends_at > now:
            coming.append(registration)
        elif registration.status == Registration.Status.WAITING and slot.starts_at > now:
            waiting.append(registration)
        elif slot.is_cancelled or was_had:
            over.append(registration)
    return coming, waiting, over


@dataclass(frozen=True, slots=True)
class Request:
    """One request to wait: in one slot or in any of several, the first click or offer ends all of it."""

    tickets: list[Ticket]

    @property
    def first(self) -> Registration:
        return self.tickets[0].registration


def _requests(waiting: list[Registration]) -> list[Request]:
    """Registrations of one request together, in the order of time."""
    found: dict[object, list[Ticket]] = {}
    for one in waiting:
        ticket = Ticket(one, venue_of(one.slot), say_places(one.party_size))
        found.setdefault(one.any_of or one.pk, []).append(ticket)
    return [Request(tickets) for tickets in found.values()]


@dataclass(frozen=True, slots=True)
class Reminder:
    """On the wall clock of the visits' territory."""

    at: dt.datetime
    registrations: list[Registration]


def _reminders(coming: list[Registration], now: dt.datetime) -> list[Reminder]:
    """When a message comes before these visits, the first first; those of one moment together."""
    found: dict[dt.datetime, list[Registration]] = {}
    for planned in planned_days(coming, now):
        found.setdefault(planned.at, []).extend(planned.registrations)
    return [
        Reminder(on_the_wall(at, visits[0].slot.timezone), visits) for at, visits in sorted(found.items())
    ]


def _is_unreminded(visitor: Visitor, now: dt.datetime) -> bool:
    return is_stopped(visitor.email, Suppression.Scope.REMINDERS, now=now)


@require_http_methods(["GET", "HEAD", "POST"])
@by_secret_link
def my_visit_give_back(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """GET asks, POST gives back: all places, or ``places`` of them."""
    registration = opened.one(reference)
    if request.method != "POST":
        form = GiveBackForm(party_size=registration.party_size)
        return _ask_to_give_back(request, token, opened, registration, form)
    form = GiveBackForm(request.POST, party_size=registration.party_size)
    if not form.is_valid():
        return _ask_to_give_back(request, token, opened, registration, form, status=422)
    was_waiting = registration.status == Registration.Status.WAITING
    now, places = timezone.now(), form.cleaned_data["places"]
    try:
        if was_waiting and form.cleaned_data["everywhere"] and opened.is_whole:
            leave_lists(registration_id=registration.pk, now=now)
            after = registration
        else:
            after = cancel_registration(registration_id=registration.pk, now=now, places=places)
    except Refused as refused:
        if refused.reason == Reason.BUSY:
            messages.warning(request, str(refused.reason.label))
        elif refused.reason == Reason.NOT_ACTIVE:
            messages.info(request, _("This visit had been given back already. Nothing was changed."))
        else:
            messages.warning(request, _("This visit has begun: it can no longer be given back."))
    else:
        title = registration.slot.activity.title
        if was_waiting:
            said = _("You have left the list for “%(title)s”.") % {"title": title}
        elif after.is_active:
            said = _("Done. You keep %(places)s for “%(title)s”.")
            said %= {"places": say_places(after.party_size), "title": title}
        else:
            said = _("“%(title)s” has been given back: the place goes to somebody else. Thank you.")
            said %= {"title": title}
        messages.success(request, said)
    return redirect("events:my_visits", token)


def _ask_to_give_back(
    request: HttpRequest,
    token: str,
    opened: Opened,
    registration: Registration,
    form: GiveBackForm,
    *,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    lists = opened.registrations.waiting().filter(any_of=registration.any_of)
    waits_in_several = registration.any_of is not None and opened.is_whole and lists.count() > 1
    context = {
        "token": token,
        "ticket": ticket_of(registration),
        "form": form,
        "may_give_back": registration.is_active and registration.slot.starts_at > now,
        "is_waiting": registration.status == Registration.Status.WAITING,
        "waits_in_several": waits_in_several,
        "now": now,
    }
    return render(request, "events/visitor/give_back.html", context, status=status)


@require_safe
@by_secret_link
def my_visit_ticket(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    """One ticket, made for paper."""
    registration = opened.one(reference)
    if registration.status != Registration.Status.CONFIRMED:
        raise Http404
    context = {"token": token, "ticket": ticket_of(registration), "now": timezone.now()}
    return render(request, "events/visitor/ticket.html", context)


@require_safe
@by_secret_link
def my_visit_calendar(request: HttpRequest, token: str, opened: Opened, reference: str) -> HttpResponse:
    registration = opened.one(reference)
    return _calendar([registration], f"visite-{registration.reference.lower()}.ics")


@require_safe
@by_secret_link
def my_visits_calendar(request: HttpRequest, token: str, opened: Opened) -> HttpResponse:
    """Every place held, one file."""
    held = opened.registrations.filter(status=Registration.Status.CONFIRMED)
    return _calendar(list(held), "mes-visites.ics")


def _calendar(registrations: list[Registration], filename: str) -> HttpResponse:
    content = calendar_of(registrations=registrations, method="PUBLISH", now=timezone.now())
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
def find_my_visits(request: HttpRequest) -> HttpResponse:
    """« Send me my link again »: the answer is the same whether the address is known or not."""
    now = timezone.now()
    form = LinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not allow(action="resend", peer=request.META["REMOTE_ADDR"], limit=RESENDS, per=PER, now=now):
            wait = seconds_left(per=PER, now=now)
            response = _find_page(request, form, status=429, retry_after=wait)
            response.headers["Retry-After"] = str(wait)
            return response
        send_link_again(email=form.cleaned_data["email"], now=now, locale=get_language() or "fr")
        return redirect(f"{reverse('events:find_my_visits')}?envoi=1")
    return _find_page(request, form, status=422 if form.errors else 200)


def _find_page(request: HttpRequest, form: LinkForm, *, status: int, retry_after: int = 0) -> HttpResponse:
    context = {
        "form": form,
        "is_sent": "envoi" in request.GET,
        "retry_after": retry_after,
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
    }
    return render(request, "events/visitor/find_my_visits.html", context, status=status)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
def reminders_off(request: HttpRequest, token: str) -> HttpResponse:
    """One click in the mail program posts here without cookies (RFC 8058); a person sees a button first.

    No CSRF check: the signed token is the right to do this one thing, and another site does not have it.
    """
    known = visitor_of_reminders_token(token)
    visitor = Visitor.objects.filter(pk=known).first() if known else None
    if visitor is None:
        return _link_gone(request, status=404)
    now, reminders = timezone.now(), Suppression.Scope.REMINDERS
    if request.method == "POST":
        if "again" in request.POST:
            allow_again(visitor.email, reminders)
        else:
            stop(visitor.email, reminders, Suppression.Reason.UNSUBSCRIBED, now=now)
    is_off = is_stopped(visitor.email, reminders, now=now)
    context = {"is_off": is_off, "is_done": request.method == "POST"}
    return render(request, "events/visitor/reminders_off.html", context)
