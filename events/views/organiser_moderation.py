"""Reading what hosts propose: the queue, one activity as the public will see it, the decision."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from events.folding import words
from events.forms.organiser import AnnounceForm, ReasonForm
from events.models import Activity, JournalEntry, Slot
from events.moderation import accept_activity, announce_activity, readiness, reject_activity, request_changes
from events.refusals import Refused
from events.scheduling.rooms import is_open

from .organiser_board import board_url
from .organiser_frame import Workplace, frame, workplace

DECIDED = ["accepted", "changes_requested", "rejected"]
PAGE = 100


@require_safe
@login_required
def queue(request: HttpRequest, territory: str) -> HttpResponse:
    """What waits, the oldest first; then what was decided lately."""
    place = workplace(request, territory)
    waiting = list(
        place.activities.to_moderate()
        .select_related("host", "venue", "festival", "programme")
        .annotate(slot_count=Count("slots"))[:PAGE]
    )
    decided = list(
        JournalEntry.objects.filter(activity__territory=place.territory, verb__in=DECIDED)
        .select_related("activity__host", "actor")
        .order_by("-at", "-pk")[:10]
    )
    return render(request, "events/organiser/moderation.html", frame(place, waiting=waiting, decided=decided))


@require_safe
@login_required
def review(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    return _show(request, place, _activity(place, pk))


@require_POST
@login_required
def decide(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """``decision``: accept, changes or reject; the last two with a reason. Of what is published: announce."""
    place = workplace(request, territory)
    activity = _activity(place, pk)
    decision = request.POST.get("decision", "")
    if decision == "announce":
        return _announce(request, place, activity)
    form = ReasonForm(request.POST)
    form.fields["reason"].required = decision != "accept"
    if decision not in ("accept", "changes", "reject") or not form.is_valid():
        return _show(request, place, activity, form=form, decision=decision, status=422)
    reason = form.cleaned_data["reason"]
    try:
        if decision == "accept":
            accept_activity(activity_id=activity.pk, by=place.user, now=place.now)
        else:
            rule = request_changes if decision == "changes" else reject_activity
            rule(activity_id=activity.pk, reason=reason, by=place.user, now=place.now)
    except Refused as refused:
        found = [finding.words for finding in refused.facts.get("findings", [])]
        form.add_error(None, [str(refused.reason.label), *found])
        return _show(request, place, activity, form=form, decision=decision, status=409)
    said = {
        "accept": _("“%(title)s” is published. Its host is told."),
        "changes": _("“%(title)s” is back with its host, with your words."),
        "reject": _("“%(title)s” is rejected. Its host is told why."),
    }[decision]
    messages.success(request, said % {"title": activity.title})
    return redirect("events:organiser_moderation", territory)


def _announce(request: HttpRequest, place: Workplace, activity: Activity) -> HttpResponse:
    form = AnnounceForm(request.POST)
    if not form.is_valid():
        return _show(request, place, activity, announce_form=form, status=422)
    try:
        announce_activity(activity_id=activity.pk, by=place.user, now=place.now, **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, str(refused.reason.label))
        return _show(request, place, activity, announce_form=form, status=409)
    messages.success(request, _("The pages of “%(title)s” say it now.") % {"title": activity.title})
    return redirect("events:organiser_review", place.territory.slug, activity.pk)


def _activity(place: Workplace, pk: int) -> Activity:
    """An activity of the territory that its host has shown to the organisers.

    A draft is nobody's business yet.
    """
    shown = Activity.objects.moderated_by(place.user).filter(territory=place.territory)
    return get_object_or_404(
        shown.exclude(state=Activity.State.DRAFT).select_related(
            "host__territory",
            "host__company",
            "territory",
            "venue__commune",
            "venue__territory",
            "festival",
            "programme",
        ),
        pk=pk,
    )


def _show(
    request: HttpRequest,
    place: Workplace,
    activity: Activity,
    *,
    form: ReasonForm | None = None,
    announce_form: AnnounceForm | None = None,
    decision: str = "",
    status: int = 200,
) -> HttpResponse:
    slots = list(activity.slots.select_related("venue", "room").in_order()[:60])
    for slot in slots:
        slot.activity = activity
    first = next((slot for slot in slots if slot.ends_at > place.now), None)
    context = frame(
        place,
        activity=activity,
        slots=slots,
        alike=_alike(place, activity),
        points=_points(activity, slots, place),
        journal=list(activity.journal.select_related("actor").order_by("-at", "-pk")[:20]),
        members=list(activity.host.members.select_related("user").order_by("pk")),
        host_count=activity.host.activities.exclude(pk=activity.pk).count(),
        form=form if form is not None else ReasonForm(),
        decision=decision,
        announce_form=announce_form or AnnounceForm(initial={"announced": activity.announced}),
        may_announce=activity.state == Activity.State.PUBLISHED,
        may_decide=activity.state == Activity.State.SUBMITTED,
        next_one=place.activities.to_moderate().exclude(pk=activity.pk).first(),
        to_board=board_url(place, jour=first.day.isoformat(), creneau=first.pk) if first else "",
    )
    return render(request, "events/organiser/review.html", context, status=status)


def _alike(place: Workplace, activity: Activity) -> list[Activity]:
    """Others of the same host, or of nearly the same title, in the edition: a doubled proposal shows here."""
    telling = sorted(words(activity.title_fr), key=len, reverse=True)[:3]
    others = Activity.objects.filter(festival=activity.festival_id, territory=place.territory).exclude(
        pk=activity.pk
    )
    same_words = others
    for word in telling:
        same_words = same_words.filter(search_text__contains=word)
    found = others.filter(host=activity.host_id)
    if telling:
        found = found | same_words
    shown = found.exclude(state=Activity.State.DRAFT).distinct().select_related("host")
    return list(shown.order_by("title_fr", "pk")[:6])


def _points(activity: Activity, slots: list[Slot], place: Workplace) -> list[dict[str, Any]]:
    """What a reader would check by hand: is it there, does it fit."""
    points = [
        {"label": point.label, "is_done": point.is_done}
        for point in readiness(activity=activity, now=place.now)
    ]
    points.append({"label": _("The title and text in English too"), "is_done": bool(activity.title_en)})
    points.append({"label": _("How accessible it is"), "is_done": bool(activity.access)})
    if activity.venue is not None:
        ahead = [slot for slot in slots if slot.starts_at > place.now]
        fits = all(is_open(slot.room or activity.venue, slot.local_start, slot.local_end) for slot in ahead)
        points.append({"label": _("All its slots while the venue is open"), "is_done": fits})
    return points
