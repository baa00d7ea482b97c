"""When booking opens, and the rules of the edition.

One page serves both teams: a territory's announces for itself and its programmes; who belongs to the national
team of the edition finds « all of the edition » and its programmes in the same list, on whichever territory's
desk they sit, and the rules of the edition behind it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from events.forms.openings import OpeningForm, RulesForm, parts_of
from events.forms.people import LevelsForm
from events.models import Festival, JournalEntry, Level, Opening, PlacingRule, Programme
from events.refusals import Reason, Refused
from events.registration.edition import change_rules
from events.registration.foresight import preview_opening
from events.registration.openings import announce_opening, drop_opening
from events.scheduling.checks import levels_of
from events.scheduling.levels import change_levels
from events.wording import say_percent

from .organiser_frame import Workplace, edition_of, edition_run_by, frame, workplace

FORM = ["GET", "HEAD", "POST"]


def runs(place: Workplace, edition: Festival | None) -> bool:
    """Whether the person belongs to the national team of that edition."""
    return edition is not None and Festival.objects.run_by(place.user).filter(pk=edition.pk).exists()


def openings_of(place: Workplace, edition: Festival) -> QuerySet[Opening]:
    """What is announced for the territory: its own, and what holds for the whole edition."""
    return Opening.objects.filter(Q(territory=place.territory) | Q(territory=None), festival=edition)


def openings_run(place: Workplace, edition: Festival, *, is_national: bool) -> QuerySet[Opening]:
    """Those of them the person may change."""
    mine = openings_of(place, edition)
    return mine if is_national else mine.filter(territory=place.territory)


@require_http_methods(FORM)
@login_required
def openings(request: HttpRequest, territory: str) -> HttpResponse:
    """Say when, look at what it does, announce it. What is looked at posts the very fields that made it."""
    place = workplace(request, territory)
    edition = edition_of(place)
    if edition is None:
        return render(request, "events/organiser/openings.html", frame(place, edition=None))
    is_national = runs(place, edition)
    programmes = list(edition.programmes.order_by("name", "pk"))
    parts = parts_of(
        territory=place.territory.name,
        programmes=programmes,
        edition=edition.name,
        is_national=is_national,
    )
    form = OpeningForm(request.POST or None, parts=parts, zone=place.territory.timezone)
    preview = None
    if request.method == "POST" and form.is_valid():
        asked = _part(place, edition, programmes, form.cleaned_data["part"]) | form.announcement
        if "announce" in request.POST:
            try:
                announce_opening(**asked, by=place.user, now=place.now)
            except Refused as refused:
                form.add_error("day", refused.reason.label)
            else:
                messages.success(request, _("The opening is announced: the site says it from now on."))
                return redirect("events:organiser_openings", territory)
        elif asked["opens_at"] <= place.now:
            form.add_error("day", Reason.IN_THE_PAST.label)
        else:
            preview = preview_opening(**asked, now=place.now)
    context = frame(
        place,
        edition=edition,
        form=form,
        preview=preview,
        rows=_rows(place, edition, is_national=is_national),
        is_national=is_national,
    )
    return render(request, "events/organiser/openings.html", context, status=422 if form.errors else 200)


def _part(place: Workplace, edition: Festival, programmes: list[Programme], code: str) -> dict[str, Any]:
    """``t``, ``t5``, ``e``, ``e5`` (see ``parts_of``) as the rule takes it."""
    programme = next((one for one in programmes if code[1:] == str(one.pk)), None)
    return {
        "festival": edition,
        "programme": programme,
        "territory": place.territory if code.startswith("t") else None,
    }


def _rows(place: Workplace, edition: Festival, *, is_national: bool) -> list[dict[str, Any]]:
    """What is announced, with who did it and how many slots of the territory follow: three queries."""
    here = Q(slots__activity__territory=place.territory)
    found = list(
        openings_of(place, edition)
        .select_related("festival", "programme", "territory")
        .annotate(follow=Count("slots", filter=here))
        .order_by("opens_at", "pk")
    )
    entries = JournalEntry.objects.filter(
        verb="announce_opening", text__in=[str(opening) for opening in found]
    ).select_related("actor")
    by = {entry.text: entry for entry in entries.order_by("at", "pk")}
    return [
        {
            "opening": opening,
            "name": _name(opening),
            "share": say_percent((opening.second_share or 0) / 100),
            "has_opened": opening.opens_at <= place.now,
            "entry": by.get(str(opening)),
            "may_drop": opening.opens_at > place.now and (is_national or opening.territory_id is not None),
        }
        for opening in found
    ]


def _name(opening: Opening) -> str:
    words = {"programme": opening.programme, "territory": opening.territory, "edition": opening.festival}
    if opening.programme and opening.territory:
        return _("%(programme)s, in %(territory)s") % words
    if opening.programme:
        return _("%(programme)s, everywhere") % words
    if opening.territory:
        return str(opening.territory)
    return _("All of %(edition)s") % words


@require_POST
@login_required
def opening_drop(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """Take an announcement back; one that has opened stays."""
    place = workplace(request, territory)
    edition = edition_of(place)
    mine = Opening.objects.none()
    if edition is not None:
        mine = openings_run(place, edition, is_national=runs(place, edition))
    opening = get_object_or_404(mine, pk=pk)
    if opening.opens_at <= place.now:
        messages.error(request, _("It has opened already: what is open stays open."))
        return redirect("events:organiser_openings", territory)
    drop_opening(opening_id=opening.pk, by=place.user, now=place.now)
    messages.success(request, _("The announcement is taken back."))
    return redirect("events:organiser_openings", territory)


@require_http_methods(FORM)
@login_required
def rules(request: HttpRequest, territory: str) -> HttpResponse:
    """How many places and visits a person may hold, in the whole edition; for its national team."""
    place = workplace(request, territory)
    edition = edition_run_by(place)
    form = RulesForm(request.POST or None, instance=edition)
    if request.method == "POST" and form.is_valid():
        changed = change_rules(festival_id=edition.pk, rules=form.cleaned_data, by=place.user, now=place.now)
        if changed:
            messages.success(request, _("The rules are changed. Nobody loses a visit by them."))
        return redirect("events:organiser_rules", territory)
    levels = LevelsForm(levels=levels_of(edition))
    context = frame(place, edition=edition, form=form, levels_form=levels)
    return render(request, "events/organiser/rules.html", context, status=422 if form.errors else 200)


@require_http_methods(FORM)
@login_required
def levels(request: HttpRequest, territory: str) -> HttpResponse:
    """What the rules of the timetable do in the whole edition; for its national team."""
    place = workplace(request, territory)
    edition = edition_run_by(place)
    if request.method != "POST":
        return redirect("events:organiser_rules", territory)
    form = LevelsForm(request.POST, levels=levels_of(edition))
    if not form.is_valid():
        context = frame(place, edition=edition, form=RulesForm(instance=edition), levels_form=form)
        return render(request, "events/organiser/rules.html", context, status=422)
    chosen = {PlacingRule(rule): Level(level) for rule, level in form.cleaned_data.items()}
    if change_levels(festival_id=edition.pk, levels=chosen, by=place.user, now=place.now):
        messages.success(request, _("The rules of the timetable are changed. What is placed stays."))
    return redirect("events:organiser_rules", territory)
