"""The programme of a territory out as a file, and a file in: tried first, then confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from events.exchange import agendas
from events.exchange.entries import Problem, Reading
from events.exchange.feed_set import BY_ACTIVITY, slots_by_number
from events.exchange.feeds import write_json
from events.exchange.import_programme import ImportRefused, Summary, TooManyGone, import_entries
from events.exchange.programme_file import read_programme
from events.forms.exchange import AgendaForm, ProgrammeFileForm, packed
from events.models import Activity, AgendaRun, Festival, Slot

from .organiser_frame import Workplace, edition_of, frame, workplace

MOST_SHOWN = 100
SHOWN_RUNS = 10
TROUBLES = {
    "no answer in time": gettext_lazy("no answer in time"),
    "the name is not known": gettext_lazy("the name of the server is not known"),
    "https only": gettext_lazy("the address leads to one that is not https"),
    "this is no address": gettext_lazy("this is no address"),
    "an address of a private network is not written to": gettext_lazy(
        "the server stands in a private network, which is not called"
    ),
    "the answer is too long": gettext_lazy("the export is larger than 10 MB"),
    "too many pages": gettext_lazy("more than a hundred pages: ask for larger ones (size=300)"),
    "too many redirects": gettext_lazy("the address leads on and on"),
    "a later page is no list of events": gettext_lazy("a later page holds no events"),
    agendas.NO_EDITION: gettext_lazy("no edition is under way in this territory"),
    "this site could not read it": gettext_lazy("this site could not read it: the reason stands in its log"),
    f"more than {agendas.MOST_EVENTS} events": gettext_lazy("more than 3,000 events"),
}
"""What ``exchange.agendas`` writes down, in the reader's language."""
MOST_EVENTS = 300
"""Events of a file at the desk: more take longer than one should wait for a page."""


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def exchange(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    edition = edition_of(place)
    if request.method != "POST" or edition is None:
        return exchange_page(request, place, edition)
    form = ProgrammeFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return exchange_page(request, place, edition, form=form, status=422)
    data: bytes = form.cleaned_data["data"]
    reading = read_programme(data)
    if len(reading.entries) > MOST_EVENTS:
        form.add_error(
            "file",
            _("The file holds %(found)d events, %(most)d at most can be taken here: split it.")
            % {"found": len(reading.entries), "most": MOST_EVENTS},
        )
        return exchange_page(request, place, edition, form=form, status=422)
    is_trial = bool(form.cleaned_data["file"])
    allowed = form.cleaned_data["allow_deletions"]
    summary, problems = _take(place, edition, reading, is_trial=is_trial, allowed=allowed)
    if problems or summary is None:
        return exchange_page(request, place, edition, form=ProgrammeFileForm(), problems=problems, status=422)
    if is_trial or (summary.is_mass_deletion and not allowed):
        notes = [*reading.notes, *summary.notes][:MOST_SHOWN]
        return exchange_page(
            request,
            place,
            edition,
            form=ProgrammeFileForm(),
            kept=packed(data),
            summary=summary,
            notes=notes,
            unticked=not is_trial,
            status=200 if is_trial else 422,
        )
    messages.success(request, _done(summary))
    return redirect("events:organiser_exchange", territory=place.territory.slug)


def _take(
    place: Workplace, edition: Festival, reading: Reading, *, is_trial: bool, allowed: bool
) -> tuple[Summary | None, list[Problem]]:
    """What the file does, or would do, in this territory; or what is wrong with it."""

    def run(*, dry_run: bool) -> Summary:
        return import_entries(
            reading.entries,
            festival=edition,
            now=place.now,
            by=place.user,
            source=_("file of the organisers"),
            dry_run=dry_run,
            allow_deletions=allowed,
            within=place.territory,
        )

    try:
        summary = run(dry_run=is_trial or bool(reading.problems))
    except ImportRefused as refused:
        found = sorted([*reading.problems, *refused.problems], key=lambda problem: problem.line)
        return None, found[:MOST_SHOWN]
    except TooManyGone:
        summary = run(dry_run=True)
    return summary, reading.problems[:MOST_SHOWN]


def exchange_page(
    request: HttpRequest, place: Workplace, edition: Festival | None, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The page, with what went before and the agendas that are followed."""
    context = {"form": ProgrammeFileForm(), "agenda_form": AgendaForm(), **context}
    context = frame(place, edition=edition, sources=_sources(place), asks_agendas=agendas.is_on(), **context)
    response = render(request, "events/organiser/exchange.html", context, status=status)
    # The address of an export may hold a key.
    patch_cache_control(response, private=True, no_store=True)
    return response


def _sources(place: Workplace) -> list[dict[str, Any]]:
    found = []
    for source in place.territory.agenda_sources.order_by("pk").prefetch_related("runs"):
        runs = [_run(run) for run in list(source.runs.all())[:SHOWN_RUNS]]
        found.append({"source": source, "runs": runs, "last": runs[0] if runs else None})
    return found


def _run(run: AgendaRun) -> dict[str, Any]:
    """With what it came to in the reader's language."""
    said = {name: [Problem.read(one) for one in getattr(run, name)] for name in ("problems", "notes")}
    return {"run": run, "why": TROUBLES.get(run.why, run.why), **said}


def _done(summary: Summary) -> str:
    slots = summary.slots_created + summary.slots_changed + summary.slots_removed
    return ngettext(
        "Imported: %(created)d new, %(updated)d changed, %(slots)d slot touched.",
        "Imported: %(created)d new, %(updated)d changed, %(slots)d slots touched.",
        slots,
    ) % {"created": summary.created, "updated": summary.updated, "slots": slots}


@require_safe
@login_required
def exchange_json(request: HttpRequest, territory: str) -> StreamingHttpResponse:
    """All that hosts have submitted here, of every state, in OpenAgenda's format."""
    place = workplace(request, territory)
    edition = get_object_or_404(Festival, pk=getattr(edition_of(place), "pk", None))
    numbers = (
        Slot.objects.filter(activity__territory=place.territory, activity__festival=edition)
        .exclude(activity__state=Activity.State.DRAFT)
        .order_by(*BY_ACTIVITY)
        .values_list("pk", flat=True)
    )

    def parts() -> Iterator[bytes]:
        slots = slots_by_number(numbers, public_only=False)
        for part in write_json(slots, site_url=settings.SITE_URL, now=timezone.now()):
            yield part.encode()

    return StreamingHttpResponse(
        parts(),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="programme-{place.territory.slug}.json"',
            "Cache-Control": "no-store",
        },
    )
