"""Who receives visitors for a host: its people, when they cannot, and who of them in which slot.

Names are for the host's team and the organisers; no public page shows one.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.who import signed_in
from events.clock import on_the_wall
from events.forms.people import AbsenceForm, PersonForm, ReceiveForm
from events.models import Absence, Appearance, HostPerson, Slot
from events.refusals import Refused
from events.scheduling.people import (
    add_absence,
    add_person,
    change_person,
    choose_people,
    remove_absence,
    remove_person,
)
from events.views.host import FORM, host_of
from events.views.host_slots import refusal_in_words, slots_managed
from events.wording import say_moment


def people_of(request: HttpRequest, slug: str) -> QuerySet[HostPerson]:
    """People of the host a person speaks for; 404 for another host."""
    return HostPerson.objects.filter(host=host_of(request, slug)).select_related("host__territory")


@require_http_methods(FORM)
@login_required
def host_greeters(request: HttpRequest, slug: str) -> HttpResponse:
    """The list with what each has to come, and the form for one more."""
    host, now = host_of(request, slug), timezone.now()
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = add_person(host_id=host.pk, values=form.cleaned_data)
        except Refused as refused:
            form.add_error("name", refused.reason.label)
        else:
            messages.success(request, _("%(person)s can now receive visitors.") % {"person": added})
            return redirect("events:host_greeters", slug)
    coming = Count("appearances", filter=Q(appearances__active=True, appearances__ends_at__gt=now))
    absences = Prefetch("absences", Absence.objects.filter(ends_at__gt=now), to_attr="absences_to_come")
    people = host.people.annotate(coming=coming).prefetch_related(absences).order_by("name", "pk")
    context = {"host": host, "people": people, "form": form, "zone": host.territory.timezone}
    return render(request, "events/host/greeters.html", context, status=422 if form.errors else 200)


@require_http_methods(FORM)
@login_required
def host_greeter(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One person: what they are called, where they receive, when they cannot."""
    somebody = get_object_or_404(people_of(request, slug), pk=pk)
    form = PersonForm(request.POST or None, instance=somebody)
    if request.method == "POST" and form.is_valid():
        try:
            change_person(person_id=pk, values=form.cleaned_data)
        except Refused as refused:
            form.add_error("name", refused.reason.label)
        else:
            messages.success(request, _("Saved."))
            return redirect("events:host_greeter", slug, pk)
    return _show(request, somebody, form=form, status=422 if form.errors else 200)


def _show(
    request: HttpRequest,
    somebody: HostPerson,
    *,
    form: PersonForm | None = None,
    absence: AbsenceForm | None = None,
    status: int = 200,
) -> HttpResponse:
    host, now = somebody.host, timezone.now()
    zone = host.territory.timezone
    slots = Slot.objects.filter(appearances__person=somebody, ends_at__gt=now).for_showing().in_order()
    context: dict[str, Any] = {
        "host": host,
        "greeter": somebody,
        "form": form or PersonForm(instance=somebody),
        "absence_form": absence or AbsenceForm(zone=zone),
        "absences": list(somebody.absences.filter(ends_at__gt=now)),
        "slots": list(slots),
        "zone": zone,
    }
    return render(request, "events/host/greeter.html", context, status=status)


@require_POST
@login_required
def host_greeter_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take somebody off the list; the slots stay, and say that nobody receives yet."""
    somebody = get_object_or_404(people_of(request, slug), pk=pk)
    remove_person(person_id=pk)
    messages.success(request, _("%(person)s is off the list.") % {"person": somebody})
    return redirect("events:host_greeters", slug)


@require_http_methods(FORM)
@login_required
def host_absence_add(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Note an absence; the slots it touches are named, and nothing is done to them."""
    somebody = get_object_or_404(people_of(request, slug), pk=pk)
    if request.method != "POST":
        return redirect("events:host_greeter", slug, pk)
    form = AbsenceForm(request.POST, zone=somebody.host.territory.timezone)
    if not form.is_valid():
        return _show(request, somebody, absence=form, status=422)
    typed = form.cleaned_data
    touched = add_absence(
        person_id=pk, starts_at=typed["starts_at"], ends_at=typed["ends_at"], reason=typed["reason"]
    )
    messages.success(request, _("The absence is noted."))
    for slot in touched:
        said = _("%(person)s receives meanwhile: “%(title)s”, %(when)s. Choose somebody else.")
        when = say_moment(slot.local_start)
        words = {"person": somebody, "title": slot.activity.title, "when": when}
        messages.warning(request, said % words)
    return redirect("events:host_greeter", slug, pk)


@require_POST
@login_required
def host_absence_remove(request: HttpRequest, slug: str, pk: int, absence: int) -> HttpResponse:
    somebody = get_object_or_404(people_of(request, slug), pk=pk)
    row = get_object_or_404(somebody.absences.all(), pk=absence)
    remove_absence(absence_id=row.pk)
    start = on_the_wall(row.starts_at, somebody.host.territory.timezone)
    said = _("%(person)s is available again on %(when)s.")
    messages.success(request, said % {"person": somebody, "when": say_moment(start)})
    return redirect("events:host_greeter", slug, pk)


# In a slot --------------------------------------------------------------------------------------------------


def who_receives(slot: Slot) -> list[Appearance]:
    """By name."""
    return list(slot.appearances.select_related("person").order_by("person__name", "pk"))


@require_http_methods(FORM)
@login_required
def host_slot_greeters(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Tick who receives in a slot; who is elsewhere at that time is named and refused."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    form = ReceiveForm(request.POST if request.method == "POST" else None, slot=slot)
    refusal: list[str] = []
    if request.method == "POST" and form.is_valid():
        chosen = [one.pk for one in form.cleaned_data["people"]]
        try:
            findings = choose_people(slot_id=pk, person_ids=chosen, by=signed_in(request), now=now)
        except Refused as refused:
            refusal = [str(refused.reason.label), *refusal_in_words(refused, slot)]
            form.add_error("people", refusal)
        else:
            said = ngettext("%(number)s person receives.", "%(number)s people receive.", len(chosen))
            messages.success(request, said % {"number": len(chosen)})
            for finding in findings:
                messages.warning(request, finding.words)
            return redirect("events:host_slot", slug, pk)
    context = {
        "host": slot.activity.host,
        "slot": slot,
        "form": form,
        "has_people": slot.activity.host.people.exists(),
    }
    return render(request, "events/host/slot_greeters.html", context, status=422 if form.errors else 200)
