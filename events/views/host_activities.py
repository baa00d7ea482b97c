"""A host's activities: written, read over, handed to the organisers, changed, cancelled."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.who import signed_in
from events.clock import on_the_wall
from events.forms.host import ActivityForm, ReasonForm, TextsForm, open_editions
from events.hosting import change_activity, delete_draft, draft_activity, own_place
from events.models import Activity, Host, Slot
from events.moderation import (
    cancel_activity,
    readiness,
    reopen_activity,
    submit_activity,
    take_back_activity,
)
from events.refusals import Reason, Refused
from events.views.host import FORM, host_of

State = Activity.State


def activities_of(request: HttpRequest, slug: str) -> QuerySet[Activity]:
    """Activities of a host that the person speaks for, with what their pages show."""
    mine = Activity.objects.managed_by(signed_in(request)).filter(host__slug=slug)
    return mine.select_related(
        "host__territory", "territory", "festival", "programme", "venue__commune", "venue__territory"
    )


@require_safe
@login_required
def host_activities(request: HttpRequest, slug: str) -> HttpResponse:
    host, now = host_of(request, slug), timezone.now()
    coming = Q(slots__ends_at__gt=now) & ~Q(slots__state=Slot.State.CANCELLED)
    activities = (
        activities_of(request, slug)
        .annotate(slot_count=Count("slots", filter=coming), next_at=Min("slots__starts_at", filter=coming))
        .order_by("title_fr", "pk")
    )
    return render(request, "events/host/activities.html", {"host": host, "activities": activities})


@require_http_methods(FORM)
@login_required
def host_activity_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a draft; where no edition takes proposals, say so."""
    host = host_of(request, slug)
    today = _today(host)
    if not open_editions(today).filter(territories=host.territory_id).exists():
        return render(request, "events/host/no_edition.html", {"host": host})
    form = ActivityForm(request.POST or None, host=host, today=today)
    if request.method == "POST" and form.is_valid():
        activity = draft_activity(host=host, values=_with_place(form, host), by=signed_in(request))
        messages.success(request, _("The draft is saved. Now its times."))
        return redirect("events:host_slots_add", host.slug, activity.pk)
    context = {"host": host, "form": form}
    return render(request, "events/host/activity_form.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def host_activity(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Where an activity stands, what it still needs, its slots and what happened to it."""
    activity, now = get_object_or_404(activities_of(request, slug), pk=pk), timezone.now()
    slots = list(activity.slots.for_showing().in_order())
    activity._prefetched_objects_cache = {"slots": slots}  # type: ignore[attr-defined]
    points = readiness(activity=activity, now=now)
    context = {
        "host": activity.host,
        "activity": activity,
        "slots": slots,
        "points": points,
        "is_ready": all(point.is_done for point in points),
        "is_draft": activity.state in (State.DRAFT, State.CHANGES_REQUESTED),
        "may_be_deleted": _may_be_deleted(activity),
        "journal": activity.journal.select_related("actor").order_by("-at", "-pk")[:20],
    }
    return render(request, "events/host/activity.html", context)


@require_http_methods(FORM)
@login_required
def host_activity_edit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """All of a draft; of what is published, its words."""
    activity, now = get_object_or_404(activities_of(request, slug), pk=pk), timezone.now()
    host = activity.host
    if not activity.may_be_edited:
        messages.error(request, _("This activity cannot be changed as it stands."))
        return redirect("events:host_activity", slug, pk)
    is_public = activity.state == State.PUBLISHED
    form: Any = (
        TextsForm(request.POST or None, instance=activity)
        if is_public
        else ActivityForm(request.POST or None, instance=activity, host=host, today=_today(host))
    )
    if request.method == "POST" and form.is_valid():
        values = form.values if is_public else _with_place(form, host)
        try:
            change_activity(activity_id=pk, values=values, by=signed_in(request), now=now)
        except Refused as refused:
            form.add_error(None, refused.reason.label)
        else:
            messages.success(request, _("Your changes are saved."))
            return redirect("events:host_activity", slug, pk)
    if form.errors:
        activity = get_object_or_404(activities_of(request, slug), pk=pk)
    context = {"host": host, "activity": activity, "form": form, "is_public": is_public}
    return render(request, "events/host/activity_form.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def host_activity_submit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    activity = get_object_or_404(activities_of(request, slug), pk=pk)
    try:
        submit_activity(activity_id=activity.pk, by=signed_in(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, refused.reason.label)
    else:
        said = _("Sent to the team of %(territory)s. You will have its answer by e-mail.")
        messages.success(request, said % {"territory": activity.territory.name})
    return redirect("events:host_activity", slug, pk)


@require_POST
@login_required
def host_activity_reopen(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Back to the draft, from the organisers' queue or after a refusal."""
    activity = get_object_or_404(activities_of(request, slug), pk=pk)
    rule = reopen_activity if activity.state == State.REJECTED else take_back_activity
    try:
        rule(activity_id=activity.pk, by=signed_in(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, refused.reason.label)
    else:
        messages.success(request, _("It is a draft again: change it, then submit it."))
    return redirect("events:host_activity", slug, pk)


@require_http_methods(FORM)
@login_required
def host_activity_cancel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask first, with the number of people who will be told; then withdraw everything to come."""
    activity, now = get_object_or_404(activities_of(request, slug), pk=pk), timezone.now()
    if activity.state != State.PUBLISHED:
        messages.error(request, Reason.WRONG_STATE.label)
        return redirect("events:host_activity", slug, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            cancel_activity(
                activity_id=pk, reason=form.cleaned_data["reason"], by=signed_in(request), now=now
            )
        except Refused as refused:
            form.add_error("reason", refused.reason.label)
        else:
            messages.success(request, _("The activity is cancelled and everybody is being told."))
            return redirect("events:host_activity", slug, pk)
    slots = list(activity.slots.filter(starts_at__gt=now, state=Slot.State.PUBLISHED).in_order())
    for slot in slots:
        slot.activity = activity
    context = {
        "host": activity.host,
        "activity": activity,
        "slots": slots,
        "people": sum(slot.taken + slot.held for slot in slots),
        "waiting": sum(slot.waiting for slot in slots),
        "form": form,
    }
    return render(request, "events/host/activity_cancel.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def host_activity_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    activity = get_object_or_404(activities_of(request, slug), pk=pk)
    try:
        delete_draft(activity_id=activity.pk)
    except Refused as refused:
        messages.error(request, refused.reason.label)
        return redirect("events:host_activity", slug, pk)
    messages.success(request, _("The draft “%(title)s” is deleted.") % {"title": activity.title})
    return redirect("events:host_activities", slug)


def _with_place(form: ActivityForm, host: Host) -> dict[str, Any]:
    values = form.values
    if form.cleaned_data["where"] == "own":
        values["venue"] = own_place(
            host=host,
            address=form.cleaned_data["own_address"],
            postcode=form.cleaned_data["own_postcode"],
        )
    return values


def _may_be_deleted(activity: Activity) -> bool:
    return activity.state in (State.DRAFT, State.CHANGES_REQUESTED) and activity.published_at is None


def _today(host: Host) -> dt.date:
    return on_the_wall(timezone.now(), host.territory.timezone).date()
