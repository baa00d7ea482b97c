"""The times of an activity: planned, looked at, saved, moved, made larger or smaller, withdrawn."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.who import signed_in
from events.forms.host import CapacityForm, ReasonForm, SlotForm, SlotsForm
from events.forms.openings import HOSTS, PoolsForm
from events.hosting import delete_draft_slot
from events.models import Activity, Slot
from events.refusals import Reason, Refused
from events.registration.withdraw import change_capacity, withdraw_slot
from events.scheduling.place import move_slot
from events.scheduling.repeat import PlannedSlot, add_slots, with_problems
from events.scheduling.restore import restore_slot
from events.views.host import FORM
from events.views.host_activities import activities_of
from events.views.organiser_refusals import refused_by_people
from events.views.reserves import parts_of, save_pools, say_kept, say_refused
from events.wording import say_duration, say_time


def slots_managed(request: HttpRequest, slug: str) -> QuerySet[Slot]:
    """Slots of a host that the person speaks for."""
    return Slot.objects.managed_by(signed_in(request)).filter(activity__host__slug=slug).for_showing()


@dataclass(frozen=True, slots=True)
class Line:
    """One planned slot as the preview shows it."""

    slot: PlannedSlot
    problem: str


@require_http_methods(FORM)
@login_required
def host_slots_add(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Say the times, look at them, save them. The preview posts the very fields that made it."""
    activity, now = get_object_or_404(activities_of(request, slug), pk=pk), timezone.now()
    if not activity.may_be_edited:
        messages.error(request, Reason.WRONG_STATE.label)
        return redirect("events:host_activity", slug, pk)
    typed = request.POST if request.method == "POST" else None
    form = SlotsForm(typed, activity=activity, initial=_suggestion(activity))
    lines: list[Line] = []
    if typed is not None and form.is_valid():
        planned = with_problems(activity=activity, planned=form.planned, now=now)
        wrong = sum(slot.problem is not None for slot in planned)
        if "save" in typed and not wrong:
            try:
                add_slots(
                    activity_id=pk,
                    planned=form.planned,
                    capacity=form.cleaned_data["capacity"],
                    by=signed_in(request),
                    now=now,
                )
            except Refused as refused:
                form.add_error(None, refused.reason.label)
            else:
                said = ngettext("%(number)s slot added.", "%(number)s slots added.", len(planned))
                messages.success(request, said % {"number": len(planned)})
                return redirect("events:host_activity", slug, pk)
        if "change" not in typed:
            lines = [Line(slot, str(slot.problem.label) if slot.problem else "") for slot in planned]
    context = {
        "host": activity.host,
        "activity": activity,
        "form": form,
        "lines": lines,
        "wrong": sum(bool(line.problem) for line in lines),
        "asks_fold": any(line.slot.problem == Reason.TIME_TWICE for line in lines)
        or bool(form["fold"].value()),
        "is_public": activity.state == Activity.State.PUBLISHED,
    }
    return render(request, "events/host/slots_add.html", context, status=422 if form.errors else 200)


def _suggestion(activity: Activity) -> dict[str, object]:
    """Duration and places of its last slot: the next ones are often alike."""
    last = activity.slots.order_by("-pk").first()
    if last is None:
        return {}
    return {"duration": last.duration, "capacity": last.capacity}


@require_http_methods(FORM)
@login_required
def host_slot_edit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Another time. Of a published slot everybody registered is told, and the page says so before."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    if refused := _not_in_hand(request, slot):
        return refused
    form = SlotForm(request.POST or None, slot=slot)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            move_slot(
                slot_id=pk,
                day=typed["day"],
                start_time=typed["start_time"],
                duration=typed["duration"],
                fold=typed["fold"],
                by=signed_in(request),
                now=now,
            )
        except Refused as no:
            field = "fold" if no.reason == Reason.TIME_TWICE else "start_time"
            form.add_error(field, [str(no.reason.label), *refusal_in_words(no, slot), *_ways_out(no)])
        else:
            messages.success(request, _("The slot has its new time."))
            return redirect("events:host_slot", slug, pk)
    context = {
        "host": slot.activity.host,
        "slot": slot,
        "form": form,
        "asks_fold": "fold" in form.errors or bool(form["fold"].value()),
    }
    return render(request, "events/host/slot_form.html", context, status=422 if form.errors else 200)


def refusal_in_words(refused: Refused, slot: Slot) -> list[str]:
    """Its own people elsewhere, and the rules that say no. What holds a room is for the organisers."""
    findings = [finding.words for finding in refused.facts.get("findings", [])]
    return refused_by_people(refused, slot.timezone) + findings


def _ways_out(refused: Refused) -> list[str]:
    """What would go that day in the room it has: another room is for the organisers to give."""
    slot, room, said = refused.facts.get("slot"), refused.facts.get("room"), []
    for way in refused.facts.get("ways_out", []):
        if slot is None or way.room != room or way.local_start.date() != slot.day:
            continue
        if way.kind == "shorter":
            said.append(_("It is free for %(duration)s.") % {"duration": say_duration(way.duration)})
        else:
            said.append(_("It is free at %(at)s.") % {"at": say_time(way.local_start)})
    return said


@require_http_methods(FORM)
@login_required
def host_slot_capacity(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """More or fewer places; what comes free is offered to who waits."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    if refused := _not_in_hand(request, slot):
        return refused
    form = CapacityForm(request.POST or None, slot=slot)
    if request.method == "POST" and form.is_valid():
        try:
            change_capacity(
                slot_id=pk, capacity=form.cleaned_data["capacity"], by=signed_in(request), now=now
            )
        except Refused as no:
            form.add_error("capacity", say_refused(no))
        else:
            messages.success(request, _("The number of places is changed."))
            return redirect("events:host_slot", slug, pk)
    return _show_places(request, slot, form, PoolsForm(slot=slot, kinds=HOSTS))


@require_http_methods(FORM)
@login_required
def host_slot_pools(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Places kept for access needs and for groups; waves and the door are the organisers'."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    if refused := _not_in_hand(request, slot):
        return refused
    if request.method != "POST":
        return redirect("events:host_slot_capacity", slug, pk)
    pools = PoolsForm(request.POST, slot=slot, kinds=HOSTS)
    if pools.is_valid():
        try:
            number = save_pools(pools, by=signed_in(request), now=now)
        except Refused as no:
            pools.refuse(no)
        else:
            messages.success(request, say_kept(number))
            return redirect("events:host_slot", slug, pk)
    return _show_places(request, slot, CapacityForm(slot=slot), pools)


def _show_places(request: HttpRequest, slot: Slot, form: CapacityForm, pools: PoolsForm) -> HttpResponse:
    context = {
        "host": slot.activity.host,
        "slot": slot,
        "form": form,
        "pools_form": pools,
        "parts": parts_of(slot),
    }
    status = 422 if form.errors or pools.errors else 200
    return render(request, "events/host/slot_capacity.html", context, status=status)


@require_http_methods(FORM)
@login_required
def host_slot_withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask first, with the number of people who will be told; then withdraw."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    if slot.state != Slot.State.PUBLISHED or slot.ends_at <= now:
        messages.error(request, Reason.WRONG_STATE.label)
        return redirect("events:host_slot", slug, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            withdraw_slot(
                slot_id=pk, reason=form.cleaned_data["reason"], by=signed_in(request), now=now, by_host=True
            )
        except Refused as no:
            form.add_error("reason", no.reason.label)
        else:
            messages.success(request, _("The slot is withdrawn and everybody is being told."))
            return redirect("events:host_slot", slug, pk)
    context = {"host": slot.activity.host, "slot": slot, "form": form, "people": slot.taken + slot.held}
    return render(request, "events/host/slot_withdraw.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def host_slot_restore(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What the host withdrew itself takes place after all."""
    slot = get_object_or_404(slots_managed(request, slug), pk=pk)
    try:
        if not slot.cancelled_by_host:
            raise Refused(Reason.WRONG_STATE)
        restore_slot(slot_id=pk, by=signed_in(request), now=timezone.now())
    except Refused as no:
        messages.error(request, " ".join([str(no.reason.label), *refused_by_people(no, slot.timezone)]))
    else:
        messages.success(request, _("The slot takes place after all, with all its places free."))
    return redirect("events:host_slot", slug, pk)


@require_POST
@login_required
def host_slot_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Drop a slot nobody has seen."""
    slot = get_object_or_404(slots_managed(request, slug), pk=pk)
    try:
        delete_draft_slot(slot_id=slot.pk)
    except Refused as no:
        messages.error(request, no.reason.label)
    else:
        messages.success(request, _("The slot is deleted."))
    return redirect("events:host_activity", slug, slot.activity_id)


def _not_in_hand(request: HttpRequest, slot: Slot) -> HttpResponse | None:
    """A slot that is over, withdrawn, or in the organisers' hands is not changed: say so and lead back."""
    if slot.activity.may_be_edited and not slot.is_cancelled and slot.ends_at > timezone.now():
        return None
    messages.error(request, Reason.WRONG_STATE.label)
    return redirect("events:host_slot", slot.activity.host.slug, slot.pk)
