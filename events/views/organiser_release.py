"""Making the draft public: the difference in words, one button; and the versions there have been."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from events.changes import say_stay, times_of
from events.forms.timetable import ReleaseForm
from events.models import Level, ReleaseChange
from events.refusals import Reason, Refused
from events.scheduling.following import Difference
from events.scheduling.release import Review, is_news, release_draft, review_draft
from events.wording import say_number

from .organiser_frame import Workplace, edition_of, frame, workplace
from .timetable_state import refusal_of

CONFLICT, UNPROCESSABLE = 409, 422


@dataclass(frozen=True, slots=True)
class Line:
    """One difference in words. ``people``: how many of its visitors would get a mail."""

    title: str
    host: str
    before: str
    after: str
    people: int
    is_cancelled: bool
    is_stale: bool
    slot_id: int
    warnings: list[str]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    found = review_draft(territory=place.territory, now=place.now)
    cancels = any(one.is_cancelled and is_news(one) for one in found.differences)
    if request.method != "POST":
        form = ReleaseForm(cancels=cancels, initial={"fingerprint": found.fingerprint})
        return _show(request, place, found, form)
    form = ReleaseForm(request.POST, cancels=cancels)
    if not form.is_valid():
        return _show(request, place, found, form, status=UNPROCESSABLE)
    edition = edition_of(place)
    if edition is None:
        return _show(request, place, found, form, refused=Refused(Reason.WRONG_STATE), status=CONFLICT)
    try:
        made = release_draft(
            territory=place.territory,
            festival=edition,
            by=place.user,
            now=place.now,
            **form.cleaned_data,
        )
    except Refused as refused:
        # What is shown again is what would be released now: reading it once more is enough.
        found = review_draft(territory=place.territory, now=place.now)
        form.data = {**request.POST.dict(), "fingerprint": found.fingerprint}
        return _show(request, place, found, form, refused=refused, status=CONFLICT)
    told = ngettext(
        "%(number)s person is told by e-mail.", "%(number)s people are told by e-mail.", found.told
    )
    messages.success(
        request,
        _("“%(name)s” is public.") % {"name": made.name}
        + (" " + told % {"number": say_number(found.told)} if found.told else ""),
    )
    return redirect("events:organiser_release_seen", place.territory.slug, made.number)


def _show(
    request: HttpRequest,
    place: Workplace,
    found: Review,
    form: ReleaseForm,
    *,
    refused: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    lines = [_line(one, found) for one in found.differences]
    context = frame(
        place,
        form=form,
        lines=lines,
        told=found.told,
        hosts=found.hosts,
        stale=any(line.is_stale for line in lines),
        refusal=refusal_of(refused) if refused else None,
        asks_again=refused is not None and refused.reason == Reason.CHANGED_MEANWHILE,
    )
    return render(request, "events/organiser/release.html", context, status=status)


def _line(one: Difference, found: Review) -> Line:
    slot, placement = one.slot, one.placement
    venue = placement.room.venue if placement.room else slot.venue
    return Line(
        title=slot.activity.title,
        host=slot.activity.host.name,
        before=say_stay(_stay(slot.starts_at, slot.ends_at, slot.timezone, slot.room, slot.venue)),
        after=""
        if one.is_cancelled
        else say_stay(_stay(placement.starts_at, placement.ends_at, slot.timezone, placement.room, venue)),
        people=found.people.get(slot.pk, 0) if is_news(one) else 0,
        is_cancelled=one.is_cancelled,
        is_stale=one.is_stale,
        slot_id=slot.pk,
        warnings=[one.words for one in found.findings.get(slot.pk, []) if one.level != Level.IGNORE],
    )


def _stay(starts_at: dt.datetime, ends_at: dt.datetime, zone: str, room: Any, venue: Any) -> dict[str, Any]:
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "timezone": zone,
        "room": room.name if room else "",
        "venue": venue.name if venue else "",
    }


@login_required
@require_safe
def releases(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    made = place.territory.releases.select_related("released_by").defer("snapshot")
    return render(request, "events/organiser/releases.html", frame(place, releases=list(made)))


@login_required
@require_safe
def release(request: HttpRequest, territory: str, number: int) -> HttpResponse:
    """A version as it was: what it changed, and the whole timetable of that moment."""
    place = workplace(request, territory)
    made = get_object_or_404(place.territory.releases.select_related("released_by"), number=number)
    rows = [
        {**row, "start": times_of(row)[0], "end": times_of(row)[1]}
        for row in sorted(made.snapshot, key=lambda row: (row["starts_at"], row["venue"], row["room"]))
    ]
    days = [(day, list(of_day)) for day, of_day in groupby(rows, key=lambda row: row["start"].date())]
    context = frame(place, release=made, changes=said(made.changes.all()), days=days)
    return render(request, "events/organiser/release_seen.html", context)


def said(changes: Any) -> list[dict[str, Any]]:
    """Changes with their words, in the order in which they were made."""
    return [
        {
            "change": change,
            "before": say_stay(change.before) if change.before else "",
            "after": say_stay(change.after),
            "is_cancelled": change.kind == ReleaseChange.Kind.CANCELLED,
        }
        for change in changes
    ]
