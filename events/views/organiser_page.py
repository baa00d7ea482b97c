"""A team writes the page of its city, and the national team those of its operations: words, figures, names.

One form without script. Three buttons: « more » keeps what was typed, « look » shows the page below, « save »
writes it all or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from events.forms.showcase import (
    BLANK_ROWS,
    MOST_ROWS,
    CityForm,
    EntryRowsSet,
    FigureRows,
    OperationForm,
    entries_typed,
    figures_typed,
)
from events.models import EcosystemEntry, Figure, Programme
from events.refusals import Refused
from events.showcase import state_of, write_city, write_operation

from .city_page import city_page
from .operation import operation_page
from .organiser_frame import edition_run_by, editions_run, frame, workplace
from .organiser_venues import FORM

CONFLICT, UNPROCESSABLE = 409, 422
FIGURES, NAMES = "chiffres", "noms"


@require_http_methods(FORM)
@login_required
def city(request: HttpRequest, territory: str) -> HttpResponse:
    """The page of a territory, for its team."""
    place = workplace(request, territory)
    shown = place.territory
    typed = _with_more_rows(request, FIGURES, NAMES)
    form = CityForm(typed, instance=shown)
    figures = FigureRows(typed, prefix=FIGURES, initial=_once(typed, figures_typed, shown.figures.all()))
    names = EntryRowsSet(typed, prefix=NAMES, initial=_once(typed, entries_typed, shown.ecosystem.all()))
    parts: list[Any] = [form, figures, names]
    context: dict[str, Any] = {
        "form": form,
        "figures_rows": figures,
        "name_rows": names,
        "seen": _seen(request, shown),
        "more": request.POST.get("more", ""),
    }
    status = 200
    if _asks(request, "save", "preview"):
        status = _status_of(*parts)
    if status == 200 and _asks(request, "save"):
        try:
            write_city(
                territory_id=shown.pk,
                words=form.cleaned_data,
                figures=figures.rows(),
                entries=names.rows(),
                seen=context["seen"],
                by=place.user,
                now=place.now,
            )
        except Refused:
            status = CONFLICT
            shown.refresh_from_db()
            context |= {"was_changed": True, "seen": state_of(shown)}
        else:
            messages.success(request, _("The page of the city is written."))
            return redirect("events:organiser_city", territory)
    if status == 200 and _asks(request, "preview"):
        context |= city_page(
            shown,
            place.now,
            figures=[Figure(territory=shown, **row) for row in figures.rows()],
            entries=[EcosystemEntry(territory=shown, **row) for row in names.rows()],
        )
        context["previewed"] = True
    context |= {"operations": list(_operations(place)), "page_of": shown}
    return render(request, "events/organiser/city_page.html", frame(place, **context), status=status)


@require_http_methods(FORM)
@login_required
def operation(request: HttpRequest, territory: str, slug: str) -> HttpResponse:
    """The page of an operation of the edition, for the national team."""
    place = workplace(request, territory)
    edition = edition_run_by(place)
    shown = get_object_or_404(edition.programmes.select_related("festival"), slug=slug)
    typed = _with_more_rows(request, FIGURES)
    form = OperationForm(typed, instance=shown)
    figures = FigureRows(typed, prefix=FIGURES, initial=_once(typed, figures_typed, shown.figures.all()))
    context: dict[str, Any] = {"form": form, "figures_rows": figures, "seen": _seen(request, shown)}
    context["more"] = request.POST.get("more", "")
    status = 200
    if _asks(request, "save", "preview"):
        status = _status_of(form, figures)
    if status == 200 and _asks(request, "save"):
        try:
            write_operation(
                programme_id=shown.pk,
                words=form.cleaned_data,
                figures=figures.rows(),
                seen=context["seen"],
                by=place.user,
                now=place.now,
            )
        except Refused:
            status = CONFLICT
            context |= {"was_changed": True, "seen": state_of(edition.programmes.get(pk=shown.pk))}
        else:
            messages.success(request, _("The page of the operation is written."))
            return redirect("events:organiser_operation", territory, slug)
    if status == 200 and _asks(request, "preview"):
        rows = [Figure(programme=shown, **row) for row in figures.rows()]
        context |= operation_page(shown, place.now, figures=rows) | {"previewed": True}
    context |= {"operation": shown, "edition": edition}
    return render(request, "events/organiser/operation_page.html", frame(place, **context), status=status)


def _operations(place: Any) -> Any:
    """Operations whose pages this person writes."""
    edition = editions_run(place).first()
    return edition.programmes.order_by("starts_on", "name") if edition else Programme.objects.none()


def _status_of(*parts: Any) -> int:
    """Every part is looked at, so that all that is wrong is said at once."""
    return UNPROCESSABLE if [part for part in parts if not part.is_valid()] else 200


def _asks(request: HttpRequest, *buttons: str) -> bool:
    return request.method == "POST" and any(button in request.POST for button in buttons)


def _seen(request: HttpRequest, shown: Any) -> str:
    """What the page was like when this form was opened."""
    return request.POST.get("seen", "")[:64] if request.method == "POST" else state_of(shown)


def _with_more_rows(request: HttpRequest, *prefixes: str) -> QueryDict | None:
    """What was typed, with room for more rows in the list whose button was pressed."""
    if request.method != "POST":
        return None
    typed = request.POST.copy()
    for prefix in prefixes:
        name = f"{prefix}-TOTAL_FORMS"
        shown = str(typed.get(name, ""))[:4]
        if typed.get("more") == prefix and shown.isdecimal():
            typed[name] = str(min(MOST_ROWS, int(shown) + BLANK_ROWS))
    return typed


def _once(typed: QueryDict | None, read: Callable[[Any], Any], rows: Any) -> Any:
    """Rows from the database fill a form that nobody has typed in; then what was typed stands alone."""
    return read(rows) if typed is None else None
