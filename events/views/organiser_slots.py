"""The slots of a territory: found, read with who comes, changed through the rules, taken out as a file."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.exchange.registrations_csv import CONTENT_TYPE, write_registrations
from events.folding import words
from events.forms.openings import OverbookForm, PoolsForm
from events.forms.organiser import CapacityForm, MoveForm, ReasonForm
from events.models import Activity, Message, Mode, Registration, Slot
from events.refusals import Reason, Refused
from events.registration.cancel import cancel_registration
from events.registration.overbooking import Choice, choices, risk_of_turning_away
from events.registration.withdraw import change_capacity, withdraw_slot
from events.scheduling.checks import findings_of
from events.scheduling.place import move_slot, unplace_slot
from events.scheduling.restore import restore_slot
from events.wording import say_number, say_percent

from .organiser_board import board_url, waiting_for_a_room
from .organiser_frame import Workplace, frame, typed, workplace
from .organiser_refusals import explain
from .reserves import parts_of, say_refused

PAGE = 50
MOST_PEOPLE = 500
FORM = ["GET", "HEAD", "POST"]


def slot_of(place: Workplace, pk: int) -> Slot:
    """A slot of the territory, whatever the edition; 404 elsewhere."""
    slots = Slot.objects.organised_by(place.user).filter(activity__territory=place.territory)
    return get_object_or_404(slots.for_showing(), pk=pk)


# The list -------------------------------------------------------------------------------------------------


@require_safe
@login_required
def slots(request: HttpRequest, territory: str) -> HttpResponse:
    """Slots by day, state and words.

    Page by page from a key, so that late pages cost no more than the first.
    """
    place = workplace(request, territory)
    found = _in_state(place, request.GET.get("etat", ""))
    for word in words(typed(request, "q")):
        found = found.filter(activity__search_text__contains=word)
    days = sorted(set(place.slots.values_list("day", flat=True).distinct()))
    day = _day(request.GET.get("jour", ""))
    if day is not None:
        found = found.filter(day=day)
    after = request.GET.get("apres", "")
    if after.isdecimal() and len(after) < 19:
        mark = place.slots.filter(pk=int(after)).values_list("starts_at", "pk").first()
        if mark is not None:
            found = found.filter(Q(starts_at__gt=mark[0]) | Q(starts_at=mark[0], pk__gt=mark[1]))
    page = list(found.for_showing().in_order()[: PAGE + 1])
    context = frame(
        place,
        slots=page[:PAGE],
        next_mark=page[PAGE - 1].pk if len(page) > PAGE else None,
        is_first=not after,
        days=days,
        day=day,
        q=typed(request, "q"),
        state=request.GET.get("etat", ""),
        states=_states(),
    )
    return render(request, "events/organiser/slots.html", context)


def _day(asked: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(asked)
    except ValueError:
        return None


def _states() -> list[tuple[str, str]]:
    return [
        ("", _("All to come")),
        ("sans-salle", _("Without a room")),
        ("attente", _("Full, people wait")),
        ("presque-complets", _("Nearly full")),
        ("presque-vides", _("Nearly empty")),
        ("refus", _("With a refused e-mail address")),
        ("annules", _("Withdrawn")),
        ("passes", _("Past")),
    ]


def _in_state(place: Workplace, state: str) -> Any:
    offered = place.slots.exclude(activity__state__in=[Activity.State.DRAFT, Activity.State.REJECTED])
    ahead = offered.filter(ends_at__gt=place.now).exclude(state=Slot.State.CANCELLED)
    booked = ahead.filter(activity__mode=Mode.FIRST_COME, state=Slot.State.PUBLISHED, capacity__gt=0)
    if state == "sans-salle":
        return waiting_for_a_room(place)
    if state == "attente":
        return booked.filter(waiting__gt=0)
    if state == "presque-complets":
        return booked.filter(taken__gte=F("capacity") * 0.9)
    if state == "presque-vides":
        return booked.filter(taken__lt=3)
    if state == "refus":
        refused = Message.objects.filter(registration__slot=OuterRef("pk"), status=Message.Status.FAILED)
        return ahead.filter(Exists(refused))
    if state == "annules":
        return offered.filter(state=Slot.State.CANCELLED)
    if state == "passes":
        return offered.filter(ends_at__lte=place.now)
    return ahead


# One slot -------------------------------------------------------------------------------------------------


@require_safe
@login_required
def slot(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    return show_slot(request, place, slot_of(place, pk))


def show_slot(
    request: HttpRequest,
    place: Workplace,
    at: Slot,
    *,
    capacity: CapacityForm | None = None,
    move: MoveForm | None = None,
    reason: ReasonForm | None = None,
    pools: PoolsForm | None = None,
    overbook: OverbookForm | None = None,
    refused: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a slot, with the form that was refused as it was typed."""
    asked = typed(request, "q")
    people = _people(at)
    found = people
    if asked:
        found = people.filter(
            Q(name__icontains=asked) | Q(visitor__email__icontains=asked) | Q(reference__iexact=asked)
        )
    is_over = at.ends_at <= place.now
    context = frame(
        place,
        slot=at,
        q=asked,
        people=list(found[:MOST_PEOPLE]),
        told=0 if is_over else at.registrations.active().count(),
        is_over=is_over,
        may_change=not is_over and not at.is_cancelled,
        may_restore=at.is_cancelled
        and at.starts_at > place.now
        and at.activity.state == Activity.State.PUBLISHED,
        mails=list(
            Message.objects.filter(registration__slot=at)
            .select_related("registration")
            .order_by("-created_at", "-pk")[:100]
        ),
        journal=list(at.journal.select_related("actor").order_by("-at", "-pk")[:20]),
        greeters=list(at.appearances.select_related("person").order_by("person__name", "pk")),
        findings=[] if is_over or at.is_cancelled else findings_of(at),
        to_board=board_url(
            place, jour=at.day.isoformat(), lieu=at.venue.slug if at.room and at.venue else "", creneau=at.pk
        ),
        capacity_form=capacity or CapacityForm(initial={"capacity": at.capacity}),
        move_form=move
        or MoveForm(initial={"day": at.day, "start_time": at.start_time, "duration": at.duration}),
        reason_form=reason or ReasonForm(),
        pools_form=pools or PoolsForm(slot=at),
        overbook_form=overbook or overbook_form(at),
        parts=parts_of(at),
        absence=say_percent(at.activity.festival.expected_absence / 100),
        refusal=explain(refused) if refused is not None else None,
        ways_url=_ways_url(place, refused),
    )
    return render(request, "events/organiser/slot.html", context, status=status)


def _ways_url(place: Workplace, refused: Refused | None) -> str:
    """The board of the day and venue on which a way out is taken; empty without one."""
    slot, room = (refused.facts.get(name) if refused is not None else None for name in ("slot", "room"))
    if slot is None or room is None:
        return ""
    return board_url(place, jour=slot.day.isoformat(), lieu=room.venue.slug)


def overbook_form(at: Slot, typed: QueryDict | None = None) -> OverbookForm:
    """What may be chosen in this slot. A number set before stays among it, whatever the choices are now."""
    capacity = at.capacity or 0
    absence = at.activity.festival.expected_absence / 100
    found = choices(capacity=capacity, absence=absence, most=None)
    if at.overbook not in [one.extra for one in found]:
        booked = capacity + at.overbook
        risk = risk_of_turning_away(capacity=capacity, booked=booked, absence=absence)
        found.append(Choice(capacity, booked, risk))
    return OverbookForm(typed, slot=at, found=found)


def _people(at: Slot) -> Any:
    """Who comes, then who waits in their rank, then who gave back.

    With a mark where the address refuses mail.
    """
    refused = Message.objects.filter(registration=OuterRef("pk"), status=Message.Status.FAILED)
    order = {"confirmed": 0, "held": 1, "waiting": 2, "cancelled": 3}
    rank = Case(*[When(status=status, then=Value(number)) for status, number in order.items()], default=9)
    return (
        at.registrations.select_related("visitor")
        .annotate(mail_refused=Exists(refused), rank=rank)
        .order_by("rank", "waiting_since", "created_at", "pk")
    )


@require_http_methods(FORM)
@login_required
def capacity(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """More or fewer places; what comes free is offered to who waits."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    if request.method != "POST":
        return redirect("events:organiser_slot", territory, pk)
    form = CapacityForm(request.POST)
    if not form.is_valid():
        return show_slot(request, place, at, capacity=form, status=422)
    try:
        change_capacity(slot_id=at.pk, capacity=form.cleaned_data["capacity"], now=place.now, by=place.user)
    except Refused as refused:
        form.add_error("capacity", say_refused(refused))
        return show_slot(request, place, at, capacity=form, status=409)
    places = form.cleaned_data["capacity"]
    messages.success(request, _("The slot now has %(number)s places.") % {"number": say_number(places)})
    return redirect("events:organiser_slot", territory, pk)


@require_http_methods(FORM)
@login_required
def move(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """Another time, in the same room."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    if request.method != "POST":
        return redirect("events:organiser_slot", territory, pk)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return show_slot(request, place, at, move=form, status=422)
    told = _told(at)
    try:
        move_slot(slot_id=at.pk, by=place.user, now=place.now, **form.cleaned_data)
    except Refused as refused:
        if refused.reason in (Reason.NO_SUCH_TIME, Reason.TIME_TWICE, Reason.IN_THE_PAST, Reason.SAME_START):
            form.add_error("start_time", refused.reason.label)
            return show_slot(request, place, at, move=form, status=409)
        return show_slot(request, place, at, move=form, refused=refused, status=409)
    messages.success(request, _("The slot has its new time.") + _told_words(told))
    return redirect("events:organiser_slot", territory, pk)


@require_POST
@login_required
def unplace(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    place = workplace(request, territory)
    at = slot_of(place, pk)
    told = _told(at) if at.room_id else 0
    try:
        unplace_slot(slot_id=at.pk, by=place.user, now=place.now)
    except Refused as refused:
        messages.error(request, refused.reason.label)
        return redirect("events:organiser_slot", territory, pk)
    messages.success(request, _("The room is free again; the slot waits for another.") + _told_words(told))
    return redirect("events:organiser_slot", territory, pk)


@require_http_methods(FORM)
@login_required
def withdraw(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """The slot will not take place; whoever booked is told why."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    if request.method != "POST":
        return redirect("events:organiser_slot", territory, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return show_slot(request, place, at, reason=form, status=422)
    told = _told(at)
    try:
        withdraw_slot(
            slot_id=at.pk, reason=form.cleaned_data["reason"], by=place.user, now=place.now, by_host=False
        )
    except Refused as refused:
        form.add_error("reason", refused.reason.label)
        return show_slot(request, place, at, reason=form, status=409)
    messages.success(request, _("The slot is withdrawn.") + _told_words(told))
    return redirect("events:organiser_slot", territory, pk)


@require_POST
@login_required
def restore(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """The slot takes place after all; where its room is taken, the ways out are shown."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    try:
        restore_slot(slot_id=at.pk, by=place.user, now=place.now, keeps_room="sans_salle" not in request.POST)
    except Refused as refused:
        refused.facts["ways_out"] = []  # a withdrawn slot cannot be placed elsewhere before it is back
        return show_slot(request, place, at, refused=refused, status=409)
    messages.success(request, _("The slot takes place after all, with all its places free."))
    return redirect("events:organiser_slot", territory, pk)


@require_POST
@login_required
def cancel(request: HttpRequest, territory: str, pk: int, reference: str) -> HttpResponse:
    """Give somebody's places back on their behalf; they are told, and who waits moves up."""
    place = workplace(request, territory)
    at = slot_of(place, pk)
    registration = get_object_or_404(at.registrations.all(), reference=reference)
    try:
        cancel_registration(registration_id=registration.pk, now=place.now, by="organiser")
    except Refused as refused:
        messages.error(request, refused.reason.label)
    else:
        messages.success(request, _("%(reference)s is given back.") % {"reference": reference})
    return redirect("events:organiser_slot", territory, pk)


def _told(at: Slot) -> int:
    return at.registrations.active().count() if at.state == Slot.State.PUBLISHED else 0


def _told_words(number: int) -> str:
    if not number:
        return ""
    said = ngettext("%(number)s person is told by e-mail.", "%(number)s people are told by e-mail.", number)
    return " " + said % {"number": say_number(number)}


# Files ----------------------------------------------------------------------------------------------------


@require_safe
@login_required
def slot_csv(request: HttpRequest, territory: str, pk: int) -> StreamingHttpResponse:
    place = workplace(request, territory)
    at = slot_of(place, pk)
    return _file(Registration.objects.filter(slot=at), f"inscriptions-{at.day:%Y-%m-%d}-{at.pk}.csv")


@require_safe
@login_required
def territory_csv(request: HttpRequest, territory: str) -> StreamingHttpResponse:
    """Everybody of the territory, or of a day (``?jour=``)."""
    place = workplace(request, territory)
    found = Registration.objects.filter(slot__in=place.slots.values("pk"))
    name = f"inscriptions-{place.territory.slug}"
    day = _day(request.GET.get("jour", ""))
    if day is not None:
        found = found.filter(slot__day=day)
        name += f"-{day:%Y-%m-%d}"
    return _file(found, f"{name}.csv")


def _file(registrations: Any, name: str) -> StreamingHttpResponse:
    """Who comes and who waits; what was given back is not in the file."""
    rows = (
        registrations.active()
        .select_related("visitor", "slot__activity__host", "slot__venue", "slot__room")
        .order_by("slot__starts_at", "slot_id", "created_at", "pk")
    )
    lines = write_registrations(rows.iterator(chunk_size=500))
    response = StreamingHttpResponse(lines, content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
