"""The automatic timetable at the desk: what is asked for, its undo, and what hosts would like of a slot."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from events.forms.autoplan import AutoplanForm, WishForm
from events.models import DraftChange, Job, Placement, Room, Slot, SlotWish
from events.refusals import Reason, Refused
from events.scheduling.autoplan import start_autoplan
from events.scheduling.draft import undo_last
from events.scheduling.wishes import wish_for_slot

from .organiser_frame import Workplace, edition_of, frame, workplace
from .organiser_work import job_of

FORM = ["GET", "HEAD", "POST"]
MOST_DAYS_OF_AN_EDITION = 14


def _days(place: Workplace) -> list[dt.date]:
    """Days with slots to come in the draft, or publicly where the draft has not looked yet."""
    drafted = _drafted(place)
    public = _not_drafted(place)
    days = {*drafted.values_list("day", flat=True), *public.values_list("day", flat=True)}
    edition = edition_of(place)
    if edition is not None and len(edition.days) <= MOST_DAYS_OF_AN_EDITION:
        days |= set(edition.days)
    return sorted(day for day in days if day >= place.today)


def _drafted(place: Workplace) -> Any:
    return Placement.objects.filter(territory=place.territory, cancels=False, ends_at__gt=place.now)


def _not_drafted(place: Workplace) -> Any:
    """Slots the draft has not looked at yet: it will have them where they publicly are."""
    slots = place.slots.filter(ends_at__gt=place.now, placement__isnull=True)
    return slots.exclude(state=Slot.State.CANCELLED)


@require_http_methods(FORM)
@login_required
def autoplan(request: HttpRequest, territory: str) -> HttpResponse:
    """What to fill and what to mind; sent, it is long work with a page of its own."""
    place = workplace(request, territory)
    days = _days(place)
    form = AutoplanForm(request.POST or None, days=days)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                job = start_autoplan(
                    territory=place.territory, choice=form.choice, by=place.user, now=place.now
                )
            except Refused as refused:
                status = 409
                form.add_error(None, _refusal(refused))
            else:
                return redirect("events:organiser_job", territory, job.pk)
    drafted, fresh = _drafted(place), _not_drafted(place)
    rooms = Room.objects.filter(venue__territory=place.territory, is_active=True)
    context = frame(
        place,
        form=form,
        days=days,
        rooms=rooms.count(),
        unplaced=drafted.filter(room__isnull=True).count() + fresh.filter(room__isnull=True).count(),
        wishes=SlotWish.objects.filter(slot__in=place.slots).count(),
        pinned=drafted.filter(is_pinned=True).count(),
    )
    return render(request, "events/organiser/autoplan.html", context, status=status)


def _refusal(refused: Refused) -> str:
    if refused.reason == Reason.NOTHING_TO_CHANGE:
        return _(
            "No slot of these days is to be placed: they have a room, are pinned, booked or at their host’s."
        )
    return str(refused.reason.label)


@require_POST
@login_required
def autoplan_undo(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """Take back all that one run put into the draft, while nothing was done after it."""
    place = workplace(request, territory)
    job = job_of(place, pk)
    last = (
        DraftChange.objects.filter(territory=place.territory, by=place.user, undone_at__isnull=True)
        .order_by("-at", "-pk")
        .first()
    )
    if job.kind != Job.Kind.TIMETABLE or last is None or str(last.batch) != job.report.get("batch"):
        messages.error(
            request,
            _("It is not the last thing you did in this draft any more: undo step by step in the timetable."),
        )
        return redirect("events:organiser_job", territory, pk)
    try:
        undo_last(territory=place.territory, by=place.user, now=place.now)
    except Refused as refused:
        messages.error(request, str(refused.reason.label))
        return redirect("events:organiser_job", territory, pk)
    messages.success(request, _("The draft is as it was before."))
    return redirect("events:organiser_timetable", territory)


@require_http_methods(FORM)
@login_required
def slot_wish(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """What the host would like; the automatic timetable minds it."""
    place = workplace(request, territory)
    slot = get_object_or_404(place.slots.select_related("activity__host"), pk=pk)
    wish = SlotWish.objects.filter(slot=slot).first()
    days = sorted({*_days(place), *(dt.date.fromisoformat(day) for day in (wish.days if wish else []))})
    rooms = Room.objects.filter(venue__territory=place.territory, is_active=True).select_related("venue")
    form = WishForm(request.POST or None, days=days, rooms=rooms, wish=wish)
    status = 200
    # An empty form is an answer too: nothing is wished.
    if request.method == "POST":
        form = WishForm(request.POST, days=days, rooms=rooms, wish=wish)
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            wish_for_slot(
                slot_id=slot.pk,
                days=[dt.date.fromisoformat(day) for day in said["days"]],
                earliest=said["earliest"],
                latest=said["latest"],
                room_id=said["room"].pk if said["room"] else None,
            )
            messages.success(request, _("Noted for the automatic timetable."))
            return redirect("events:organiser_timetable_slot", territory, slot.pk)
    context = frame(place, form=form, slot=slot)
    return render(request, "events/organiser/slot_wish.html", context, status=status)
