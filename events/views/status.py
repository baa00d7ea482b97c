"""Whether mail flows: in one line for anybody, in figures for organisers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events.mail.stats import EVENTS_OF, SWEEPS, counted, sweep_ages, without_addresses
from events.mail.watch import how_mail_does
from events.models import Delivery, DeliveryEvent, Message

from .organiser_frame import Workplace, frame, workplace

LATE_AFTER = 3
"""Periods after which a sweep counts as late."""
AT_LEAST = 120
"""Seconds that any sweep may be silent."""
SWEEP_WORDS: dict[str, str | Promise] = {
    "deliver_due": _("Mails leave"),
    "release_leases": _("What a stopped process held is given back"),
    "owe_reminders": _("Reminders become due"),
    "owe_digests": _("Digests and door lists become due"),
    "owe_follows": _("What people follow is looked at"),
    "expire": _("What came too late is ended"),
    "watch_mail": _("Mail is watched"),
    "pass_places_on": _("Places are passed on"),
    "deliver_webhooks": _("Partners are told"),
    "work_on_jobs": _("Long work goes on"),
    "draw_ballots": _("Ballots are drawn"),
    "geocode": _("Addresses are looked up"),
    "look_up_companies": _("Companies are looked up"),
    "follow_agendas": _("Agendas followed are read"),
    "forget": _("What may no longer be kept is erased"),
}


@dataclass(frozen=True, slots=True)
class SweepLine:
    label: str | Promise
    at: dt.datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class CountLine:
    label: Any
    number: int


@never_cache
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """One line, without figure or reason: for whoever waits for a mail."""
    return render(request, "events/public/status.html", {"mail": how_mail_does(timezone.now())})


@never_cache
@require_safe
@login_required
def organiser_status(request: HttpRequest, territory: str) -> HttpResponse:
    """The relay, the sweeps, what waits and what came back; the territory's own mails by state."""
    place = workplace(request, territory)
    mail = how_mail_does(place.now)
    context = frame(
        place,
        mail=mail,
        relay_reason=without_addresses(mail.relay_reason),
        own=_own(place),
        sweeps=_sweeps(place),
        events=_lines(
            counted(_events(place), "kind", DeliveryEvent.Kind.values), dict(DeliveryEvent.Kind.choices)
        ),
        webhooks=_lines(
            counted(
                Delivery.objects.filter(webhook__territory=place.territory), "status", Delivery.Status.values
            ),
            dict(Delivery.Status.choices),
        ),
    )
    return render(request, "events/organiser/status.html", context)


def _own(place: Workplace) -> list[CountLine]:
    """The territory's messages by state, those there are."""
    rows = Message.objects.filter(territory=place.territory).order_by().values_list("status")
    found = dict(rows.annotate(number=Count("pk")).values_list("status", "number"))
    return [CountLine(label, found[code]) for code, label in Message.Status.choices if found.get(code)]


def _events(place: Workplace) -> Any:
    return DeliveryEvent.objects.filter(at__gt=place.now - EVENTS_OF, message__territory=place.territory)


def _lines(numbers: dict[str, int], words: dict[str, Any]) -> list[CountLine]:
    return [CountLine(words[value], number) for value, number in numbers.items() if number]


def _sweeps(place: Workplace) -> list[SweepLine]:
    """Those that ever ran; late is what missed several of its runs."""
    ages = sweep_ages(place.now)
    return [
        SweepLine(
            words,
            place.now - dt.timedelta(seconds=ages[name]),
            ages[name] > max(AT_LEAST, LATE_AFTER * SWEEPS[name]),
        )
        for name, words in SWEEP_WORDS.items()
        if name in ages
    ]
