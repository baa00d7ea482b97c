"""Draws of a territory: announced, changed until they open, watched, drawn, read."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.forms.ballot import AttachForm, BallotForm, say_slot
from events.hosting import free_slug
from events.models import Activity, Ballot, Festival, Slot
from events.refusals import Reason, Refused
from events.registration.ballot_desk import announce_ballot, attach_activities, attachable, change_ballot
from events.registration.drawing import draw_ballot
from events.views.ballot_facts import facts_of
from events.wording import say_list, say_number

from .organiser_frame import Workplace, edition_of, frame, workplace

FORM = ["GET", "HEAD", "POST"]


def ballots_of(place: Workplace) -> Any:
    """Draws of the territory in editions that are not history."""
    found = Ballot.objects.filter(territory=place.territory).exclude(festival__state=Festival.State.ARCHIVED)
    return found.select_related("festival", "territory")


def ballot_of(place: Workplace, slug: str) -> Ballot:
    ballot: Ballot = get_object_or_404(ballots_of(place), slug=slug)
    return ballot


@require_safe
@login_required
def ballots(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    taking_part = Q(entries__withdrawn_at__isnull=True)
    found = ballots_of(place).annotate(
        entry_count=Count("entries", filter=taking_part, distinct=True),
        activity_count=Count("activities", distinct=True),
    )
    rows = [(ballot, facts_of(ballot, place.now)) for ballot in found.order_by("-closes_at", "-pk")]
    context = frame(place, rows=rows, edition=edition_of(place))
    return render(request, "events/organiser/ballots.html", context)


@require_http_methods(FORM)
@login_required
def ballot_new(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory)
    edition = edition_of(place)
    if edition is None:
        messages.warning(request, _("There is no edition to draw places for yet."))
        return redirect("events:organiser_ballots", territory)
    form = BallotForm(request.POST or None, zone=place.territory.timezone, ballot=None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                ballot = announce_ballot(
                    festival=edition,
                    territory=place.territory,
                    slug=free_slug(Ballot, form.cleaned_data["name_fr"]),
                    values=form.values,
                    now=place.now,
                    by=place.user,
                )
            except Refused as refused:
                form.add_error("closes_day", str(refused.reason.label))
            else:
                messages.success(request, _("The ballot is announced. Now its activities."))
                return redirect("events:organiser_ballot", territory, ballot.slug)
    return render(request, "events/organiser/ballot_form.html", frame(place, form=form), status=status)


@require_http_methods(FORM)
@login_required
def ballot_edit(request: HttpRequest, territory: str, slug: str) -> HttpResponse:
    """Until it opens; afterwards the page of the ballot says why not."""
    place = workplace(request, territory)
    ballot = ballot_of(place, slug)
    form = BallotForm(request.POST or None, zone=place.territory.timezone, ballot=ballot)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                change_ballot(ballot_id=ballot.pk, values=form.values, now=place.now, by=place.user)
            except Refused as refused:
                status = 409
                is_open = refused.reason == Reason.WRONG_STATE
                said = _("Entries have opened: the rules stay as they were announced.")
                form.add_error(*((None, said) if is_open else ("closes_day", str(refused.reason.label))))
            else:
                messages.success(request, _("The ballot is up to date."))
                return redirect("events:organiser_ballot", territory, slug)
    context = frame(place, form=form, ballot=ballot)
    return render(request, "events/organiser/ballot_form.html", context, status=status)


@require_safe
@login_required
def ballot(request: HttpRequest, territory: str, slug: str) -> HttpResponse:
    place = workplace(request, territory)
    return _show(request, place, ballot_of(place, slug))


def _show(
    request: HttpRequest,
    place: Workplace,
    ballot: Ballot,
    *,
    form: AttachForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The state of a draw, its slots with what was wished and won, its activities while they may change."""
    facts = facts_of(ballot, place.now)
    slots = list(_with_counts(ballot).select_related("activity", "venue", "activity__venue").in_order())
    chosen = ballot.activities.order_by("title_fr", "pk")
    if form is None and facts["state"] == "soon":
        form = AttachForm(activities=_activities(ballot), initial={"activities": [one.pk for one in chosen]})
    context = frame(
        place,
        **{key: value for key, value in facts.items() if key not in ("now", "festival")},
        entries=ballot.entries.filter(withdrawn_at__isnull=True).count(),
        winners=ballot.entries.filter(wishes__won=True).distinct().count(),
        people=ballot.entries.filter(withdrawn_at__isnull=True).aggregate(n=Sum("party_size"))["n"] or 0,
        rows=[(slot, say_slot(slot), _places_drawn(ballot, slot)) for slot in slots],
        form=form,
    )
    return render(request, "events/organiser/ballot.html", context, status=status)


def _with_counts(ballot: Ballot) -> Any:
    counted = Q(ballot_wishes__entry__ballot=ballot, ballot_wishes__entry__withdrawn_at__isnull=True)
    return Slot.objects.filter(activity__ballot=ballot).annotate(
        wished=Count("ballot_wishes", filter=counted, distinct=True),
        first_wishes=Count("ballot_wishes", filter=counted & Q(ballot_wishes__rank=1), distinct=True),
        won=Count("ballot_wishes", filter=counted & Q(ballot_wishes__won=True), distinct=True),
    )


def _places_drawn(ballot: Ballot, slot: Slot) -> str:
    """The places there were at the draw; before it those there are."""
    kept = ballot.places_at_draw.get("slots", {}).get(str(slot.pk))
    places = kept["places"] if kept else slot.places_left
    return "∞" if places is None else say_number(places)


def _activities(ballot: Ballot) -> Any:
    return attachable(ballot).select_related("host").order_by("title_fr", "pk")


@require_POST
@login_required
def ballot_attach(request: HttpRequest, territory: str, slug: str) -> HttpResponse:
    """Exactly the ticked activities are drawn."""
    place = workplace(request, territory)
    ballot = ballot_of(place, slug)
    form = AttachForm(request.POST, activities=_activities(ballot))
    if not form.is_valid():
        return _show(request, place, ballot, form=form, status=422)
    chosen: list[Activity] = list(form.cleaned_data["activities"])
    try:
        attach_activities(
            ballot_id=ballot.pk, activity_ids=[one.pk for one in chosen], now=place.now, by=place.user
        )
    except Refused as refused:
        if refused.reason == Reason.HAS_BOOKINGS:
            said = _("Already booked, so nothing was changed: %(titles)s.")
            form.add_error("activities", said % {"titles": say_list(refused.facts["activities"])})
            return _show(request, place, ballot, form=form, status=409)
        messages.warning(request, _("Entries have opened: the rules stay as they were announced."))
    else:
        number = len(chosen)
        said = ngettext(
            "%(number)s activity is drawn in this ballot.",
            "%(number)s activities are drawn in this ballot.",
            number,
        )
        messages.success(request, said % {"number": say_number(number)})
    return redirect("events:organiser_ballot", territory, slug)


@require_POST
@login_required
def ballot_draw(request: HttpRequest, territory: str, slug: str) -> HttpResponse:
    """Now, rather than at the next sweep. Once."""
    place = workplace(request, territory)
    ballot = ballot_of(place, slug)
    try:
        draw_ballot(ballot_id=ballot.pk, now=place.now, by=place.user)
    except Refused as refused:
        if refused.reason == Reason.NOT_YET:
            messages.warning(request, _("Entries are still open: nothing was drawn."))
        elif refused.reason == Reason.WRONG_STATE:
            messages.info(request, _("This ballot had been drawn already. Nothing was changed."))
        else:
            messages.error(request, str(refused.reason.label))
    else:
        messages.success(request, _("Drawn. Everybody is told by e-mail."))
    return redirect("events:organiser_ballot", territory, slug)
