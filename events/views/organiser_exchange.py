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
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from events.exchange.entries import Problem, Reading
from events.exchange.feed_set import BY_ACTIVITY, slots_by_number
from events.exchange.feeds import write_json
from events.exchange.import_programme import ImportRefused, Summary, TooManyGone, import_entries
from events.exchange.programme_file import read_programme
from events.forms.exchange import ProgrammeFileForm, packed
from events.models import Activity, Festival, Slot

from .organiser_frame import Workplace, edition_of, frame, workplace

MOST_SHOWN = 100
MOST_EVENTS = 300
"""Events of a file at the desk: more take longer than one should wait for a page."""


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def exchange(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    edition = edition_of(place)
    if request.method != "POST" or edition is None:
        return render(
            request,
            "events/organiser/exchange.html",
            frame(place, edition=edition, form=ProgrammeFileForm()),
        )
    form = ProgrammeFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _shown(request, place, edition, form=form, status=422)
    data: bytes = form.cleaned_data["data"]
    reading = read_programme(data)
    if len(reading.entries) > MOST_EVENTS:
        form.add_error(
            "file",
            _("The file holds %(found)d events, %(most)d at most can be taken here: split it.")
            % {"found": len(reading.entries), "most": MOST_EVENTS},
        )
        return _shown(request, place, edition, form=form, status=422)
    is_trial = bool(form.cleaned_data["file"])
    allowed = form.cleaned_data["allow_deletions"]
    summary, problems = _take(place, edition, reading, is_trial=is_trial, allowed=allowed)
    if problems or summary is None:
        return _shown(request, place, edition, form=ProgrammeFileForm(), problems=problems, status=422)
    if is_trial or (summary.is_mass_deletion and not allowed):
        notes = [*reading.notes, *summary.notes][:MOST_SHOWN]
        return _shown(
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


def _shown(
    request: HttpRequest, place: Workplace, edition: Festival, *, status: int, **context: Any
) -> HttpResponse:
    return render(
        request, "events/organiser/exchange.html", frame(place, edition=edition, **context), status=status
    )


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
