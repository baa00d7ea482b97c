"""Long work of a territory: what was asked, how far it is, how it ended, and the button that stops it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import select_template
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from events.longwork import ask_to_stop
from events.models import Broadcast, Job
from events.refusals import Reason, Refused
from events.scheduling.bulk_plan import Action
from events.wording import say_number

from .organiser_autoplan_report import report_of_timetable
from .organiser_bulk_report import report_of_bulk
from .organiser_frame import Workplace, frame, workplace

MOST_SHOWN = 50

REPORTS: Mapping[str, Callable[[Job], dict[str, Any]]] = {
    Job.Kind.BULK: report_of_bulk,
    Job.Kind.TIMETABLE: report_of_timetable,
    Job.Kind.MESSAGE: lambda job: {"broadcast": Broadcast.objects.filter(job=job).first()},
}
"""What the report's block of a kind reads, beside ``job`` and ``report``."""


def jobs_of(place: Workplace) -> Any:
    """Long work of the territory with ``action`` and ``label`` of what was asked; its steps on demand."""
    asked = {"action": KT("params__action"), "label": KT("params__label")}
    found = Job.objects.filter(territory=place.territory).defer("params").select_related("asked_by")
    return found.annotate(**asked)


def job_of(place: Workplace, pk: int) -> Job:
    """Long work of the territory; 404 elsewhere."""
    job: Job = get_object_or_404(jobs_of(place), pk=pk)
    return job


@require_safe
@login_required
def jobs(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    rows = [(job, say_asked(job), say_progress(job)) for job in jobs_of(place)[:MOST_SHOWN]]
    return render(request, "events/organiser/jobs.html", frame(place, rows=rows))


@require_safe
@never_cache
@login_required
def job(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """How far it is; the page asks again every two seconds until it is over."""
    place = workplace(request, territory)
    found = job_of(place, pk)
    context = progress(found)
    if request.headers.get("HX-Request") != "true":
        return render(request, "events/organiser/job.html", frame(place, **context, **report_of(found)))
    if request.GET.get("vu") == context["seen"]:
        return HttpResponse(status=204)  # nothing new: the page, and who reads it, stay as they are
    context |= report_of(found) | {
        "territory": place.territory,
        "says_aloud": request.GET.get("dit") != context["said_mark"],
    }
    return render(request, "events/organiser/_job.html", context)


def progress(job: Job) -> dict[str, Any]:
    """``said``: a sentence for who listens, the same for a tenth of the way."""
    tenth = 10 * job.done // job.total * 10 if job.total else 0
    said = f"{job.get_state_display()}"
    if not job.is_over and job.total:
        said = _("%(state)s, %(percent)s %%") % {"state": said, "percent": say_number(tenth)}
    shown = [job.state, job.done, job.total, job.step, job.stop_asked_at is not None]
    return {
        "job": job,
        "asked": say_asked(job),
        "words": say_progress(job),
        "why": say_why(job),
        "said": said,
        "said_mark": _mark(said),
        "seen": _mark(repr(shown)),
    }


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def say_asked(job: Any) -> str:
    """« Décaler dans le temps · La Cantine », for kinds that keep such words."""
    action = Action(job.action).label if job.action in Action.values else ""
    return " · ".join(str(part) for part in (action, job.label) if part)


def say_progress(job: Job) -> str:
    """« 40 sur 120 »; nothing where the number of steps is not known."""
    if not job.total:
        return ""
    return _("%(done)s of %(total)s") % {"done": say_number(job.done), "total": say_number(job.total)}


def say_why(job: Job) -> str:
    """Why it failed, in words; how, is in the log."""
    why = job.report.get("why", "")
    if not why:
        return ""
    if why == "deaths":
        return _("The machine ended several times at the same step.")
    if why in Reason.values:
        return str(Reason(why).label)
    return _("Something went wrong on our side. It is written down, and the operators can read it.")


def report_of(job: Job) -> dict[str, Any]:
    """The block that shows what came of a kind of work once it is over, and what it reads."""
    if not job.is_over:
        return {}
    names = [f"events/organiser/_report_{job.kind}.html", "events/organiser/_report.html"]
    found: dict[str, Any] = {"report_template": select_template(names).template.name, "report": job.report}
    return found | (REPORTS[job.kind](job) if job.kind in REPORTS else {})


@require_POST
@login_required
def job_stop(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    found = job_of(place, pk)
    try:
        stopped = ask_to_stop(job_id=found.pk, now=place.now)
    except Refused:
        messages.info(request, _("It had ended already."))
    else:
        if stopped.is_over:
            messages.success(request, _("Stopped before it began."))
        else:
            messages.success(request, _("It stops after the step it is at. What is done stays done."))
    return redirect("events:organiser_job", territory, pk)
