"""Who comes: by slot, by day, on paper and as a file. Hosts see names they asked for, never addresses."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.clock import on_the_wall
from events.exchange.registrations_csv import CONTENT_TYPE, write_registrations
from events.folding import fold
from events.models import Activity, Mode, Registration, Slot
from events.views.host import host_of, who_comes
from events.views.host_greeters import who_receives
from events.views.host_rooms import requests_of, rooms_to_ask
from events.views.host_slots import slots_managed


@require_safe
@login_required
def host_people(request: HttpRequest, slug: str) -> HttpResponse:
    """A day's slots with who comes to each; the day is a link."""
    host, now = host_of(request, slug), timezone.now()
    own = Slot.objects.filter(activity__host=host, activity__mode=Mode.FIRST_COME, state=Slot.State.PUBLISHED)
    days = sorted(set(own.values_list("day", flat=True)))
    today = on_the_wall(now, host.territory.timezone).date()
    asked = request.GET.get("jour", "")
    first = next((day for day in days if day >= today), days[-1] if days else None)
    chosen = next((day for day in days if day.isoformat() == asked), first)
    people = who_comes(Registration.objects.all())
    slots = list(
        (own.filter(day=chosen) if chosen else own.none())
        .for_showing()
        .prefetch_related(Prefetch("registrations", queryset=people, to_attr="people"))
        .in_order()
    )
    context = {"host": host, "days": days, "chosen": chosen, "slots": slots}
    return render(request, "events/host/people.html", context)


@require_safe
@login_required
def host_slot(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """One slot: what is taken, who comes, what one may do to it."""
    slot, now = get_object_or_404(slots_managed(request, slug), pk=pk), timezone.now()
    context = {
        "host": slot.activity.host,
        "slot": slot,
        "people": who_comes(slot.registrations.all()),
        "greeters": who_receives(slot),
        "is_over": slot.ends_at <= now,
        "may_restore": slot.cancelled_by_host
        and slot.starts_at > now
        and slot.activity.state == Activity.State.PUBLISHED,
        "may_change": slot.activity.may_be_edited and not slot.is_cancelled and slot.ends_at > now,
        "room_requests": requests_of(slot),
        "may_ask_for_room": not slot.is_cancelled and slot.ends_at > now and rooms_to_ask(slot).exists(),
        "journal": slot.journal.select_related("actor").order_by("-at", "-pk")[:10],
    }
    return render(request, "events/host/slot.html", context)


@require_safe
@login_required
def host_door_list(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The list for the door, to print: who has places, with a box to tick."""
    slot = get_object_or_404(slots_managed(request, slug), pk=pk)
    people = sorted(slot.registrations.confirmed(), key=lambda person: (fold(person.name), person.reference))
    context = {"host": slot.activity.host, "slot": slot, "people": people, "now": timezone.now()}
    return render(request, "events/host/door_list.html", context)


@require_safe
@login_required
def host_slot_csv(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Who comes to one slot, for a spreadsheet."""
    slot = get_object_or_404(slots_managed(request, slug), pk=pk)
    start = slot.local_start
    return _csv(Registration.objects.filter(slot=slot), f"{slug}-{start:%Y-%m-%d-%Hh%M}")


@require_safe
@login_required
def host_people_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Who comes to the host's slots, all of them."""
    host = host_of(request, slug)
    return _csv(Registration.objects.filter(slot__activity__host=host), host.slug)


def _csv(registrations: QuerySet[Registration], name: str) -> HttpResponse:
    rows = (
        registrations.filter(status__in=Registration.ACTIVE)
        .select_related("slot__activity__host", "slot__venue", "slot__room")
        .order_by("slot__starts_at", "slot", "status", "waiting_since", "pk")
    )
    text = "".join(write_registrations(rows, with_addresses=False))
    return HttpResponse(
        text,
        content_type=CONTENT_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"},
    )
