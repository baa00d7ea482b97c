"""Many slots changed in one step: chosen, previewed, confirmed; then it is long work with a report."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from events.exchange.bulk_csv import CONTENT_TYPE, Row, write_report
from events.forms.bulk import BulkForm
from events.forms.organiser import ReasonForm
from events.models import Job
from events.refusals import Reason, Refused
from events.scheduling.bulk import start_bulk
from events.scheduling.bulk_plan import Action, Choice, Line, Plan, plan_bulk
from events.scheduling.telling import name_of_place
from events.wording import say_day, say_duration, say_number

from .organiser_bulk_report import new_stay_in_words, rows_of, say_held, stay_in_words
from .organiser_frame import Workplace, frame, workplace
from .organiser_work import job_of

FORM = ["GET", "HEAD", "POST"]


@require_safe
@login_required
def bulk(request: HttpRequest, territory: str) -> HttpResponse:
    """What to change; the slots' page hands over a first choice in the address."""
    place = workplace(request, territory)
    start = {name: request.GET[name] for name in ("creneaux", "action") if name in request.GET}
    return _show_choice(request, place, _form(place, initial={"action": "decaler", **start}))


def _form(place: Workplace, *args: Any, **more: Any) -> BulkForm:
    return BulkForm(*args, territory=place.territory, slots=place.slots.filter(ends_at__gt=place.now), **more)


def _show_choice(
    request: HttpRequest, place: Workplace, form: BulkForm, *, status: int = 200
) -> HttpResponse:
    return render(request, "events/organiser/bulk.html", frame(place, form=form), status=status)


@require_http_methods(FORM)
@login_required
def bulk_preview(request: HttpRequest, territory: str) -> HttpResponse:
    """What would happen, by the choice in the address; confirmed by POST, with the mark of what was read."""
    place = workplace(request, territory)
    if not request.GET:
        return redirect("events:organiser_bulk", territory)
    form = _form(place, request.GET)
    if not form.is_valid():
        return _show_choice(request, place, form, status=422)
    if request.method == "POST":
        return _confirm(request, place, form)
    plan = plan_bulk(territory=place.territory, choice=form.choice, now=place.now)
    return _show_plan(request, place, form, plan)


def _confirm(request: HttpRequest, place: Workplace, form: BulkForm) -> HttpResponse:
    choice = form.choice
    why = ReasonForm(request.POST) if choice.action == Action.CANCEL else None
    if why is not None and not why.is_valid():
        plan = plan_bulk(territory=place.territory, choice=choice, now=place.now)
        return _show_plan(request, place, form, plan, why=why, status=422)
    try:
        job = start_bulk(
            territory=place.territory,
            choice=choice,
            fingerprint=request.POST.get("vu", ""),
            by=place.user,
            now=place.now,
            reason=why.cleaned_data["reason"] if why is not None else "",
            label=form.label,
        )
    except Refused as refused:
        if refused.reason != Reason.CHANGED_MEANWHILE:
            messages.warning(request, str(refused.reason.label))
            return redirect("events:organiser_bulk", place.territory.slug)
        return _show_plan(
            request,
            place,
            form,
            refused.facts["plan"],
            why=why,
            changed=bool(request.POST.get("vu")),
            status=409,
        )
    return redirect("events:organiser_job", place.territory.slug, job.pk)


def _show_plan(
    request: HttpRequest,
    place: Workplace,
    form: BulkForm,
    plan: Plan,
    *,
    why: ReasonForm | None = None,
    changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = frame(
        place,
        plan=plan,
        is_cancel=plan.choice.action == Action.CANCEL,
        label=form.label,
        what=say_choice(plan.choice, form),
        to_do=[_row_of_line(line) for line in sorted(plan.to_do, key=_by_time)],
        staying=[_row_of_line(line) for line in sorted(plan.staying, key=_by_time)],
        reason_form=why or ReasonForm(),
        changed=changed,
        address=request.GET.urlencode(),
    )
    return render(request, "events/organiser/bulk_preview.html", context, status=status)


def _by_time(line: Line) -> tuple[dt.datetime, int]:
    return line.slot.starts_at, line.slot.pk


def say_choice(choice: Choice, form: BulkForm) -> str:
    """« Décaler de 30 min plus tard », as the heading of the preview."""
    if choice.action == Action.CANCEL:
        return _("Withdraw")
    if choice.action == Action.MOVE:
        return _("Move into %(place)s") % {"place": form.into}
    if choice.to_day is not None:
        return _("Shift to %(day)s") % {"day": say_day(choice.to_day)}
    by = say_duration(abs(choice.minutes)) if choice.minutes else ""
    if choice.days:
        number = abs(choice.days)
        days = _("%(number)s d") % {"number": say_number(number)}
        by = f"{days} {by}".strip()
    is_earlier = choice.days < 0 or choice.minutes < 0
    return (_("Shift %(by)s earlier") if is_earlier else _("Shift %(by)s later")) % {"by": by}


def _row_of_line(line: Line) -> Row:
    slot = line.slot
    was = stay_in_words(slot.starts_at, slot.ends_at, slot.timezone, name_of_place(slot.room, slot.venue))
    why, in_the_way, words = "", [], []
    if line.hindrance is not None:
        why, words = str(line.hindrance.reason.label), line.hindrance.words
        in_the_way = [say_held(one, slot.timezone) for one in line.hindrance.in_the_way]
    becomes = (
        ""
        if line.hindrance is not None
        else new_stay_in_words(
            line.day, line.start_time, slot.duration, slot.timezone, name_of_place(line.room, slot.venue)
        )
    )
    return Row(slot, was, becomes, "", why, [*words, *in_the_way], line.told)


@require_safe
@login_required
def bulk_csv(request: HttpRequest, territory: str, pk: int) -> StreamingHttpResponse:
    """The report as a file."""
    place = workplace(request, territory)
    job = job_of(place, pk)
    if job.kind != Job.Kind.BULK:
        raise Http404
    response = StreamingHttpResponse(write_report(rows_of(job)), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = (
        f'attachment; filename="changement-{job.asked_at:%Y-%m-%d}-{job.pk}.csv"'
    )
    response["Cache-Control"] = "no-store"
    return response
