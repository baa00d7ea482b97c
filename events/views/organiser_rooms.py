"""A room at the desk: what is in it, who asks for it, who runs it, its calendar; opened and changed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.who import signed_in
from events.clock import on_the_wall
from events.forms.organiser import HoursFormSet, RoomForm, hours_lines
from events.forms.rooms import HoldForm, ManagerForm
from events.models import Room, RoomOccupancy, Slot, Venue, Weekday
from events.refusals import Refused
from events.scheduling.blocking import block_room, unblock_room
from events.scheduling.managers import (
    appoint_manager,
    calendar_token,
    join_room,
    read_invitation,
    remove_manager,
    renew_calendar_link,
)
from events.scheduling.requests import to_answer
from events.scheduling.rooms import MIDNIGHT, atoms_of, opens_between
from events.scheduling.venues import change_room, open_room

from .organiser_frame import Workplace, frame, workplace
from .organiser_grid import clock_time
from .organiser_refusals import describe_occupancy

FORM = ["GET", "HEAD", "POST"]
MOST_AHEAD = 60


def room_of(place: Workplace, venue: str, pk: int) -> Room:
    """A room of that venue the person decides about; 404 for any other."""
    rooms = place.rooms.select_related("venue__commune", "venue__territory").prefetch_related("parts__parts")
    room: Room = get_object_or_404(rooms, venue__slug=venue, pk=pk)
    return room


@require_safe
@login_required
def room(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    place = workplace(request, territory, room_managers=True)
    return _show(request, place, room_of(place, venue, pk))


def _show(
    request: HttpRequest,
    place: Workplace,
    at: Room,
    *,
    hold_form: HoldForm | None = None,
    manager_form: ManagerForm | None = None,
    in_the_way: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    zone = place.territory.timezone
    held = RoomOccupancy.objects.filter(room__in=[part.pk for part in atoms_of(at)])
    slots = (
        Slot.objects.filter(occupancies__in=held.active(), ends_at__gt=place.now)
        .exclude(state=Slot.State.CANCELLED)
        .distinct()
    )
    token = calendar_token(at)
    context = frame(
        place,
        venue=at.venue,
        room=at,
        slots=list(slots.for_showing().in_order()[:MOST_AHEAD]),
        requests=list(
            to_answer(at.requests, place.now)
            .select_related("slot__activity__host", "asked_by")
            .order_by("starts_at", "pk")[:MOST_AHEAD]
        ),
        blocked=blockings(place, held, hall=at if at.parts.all() else None),
        week=week_of(at),
        special_days=list(
            at.venue.special_days.filter(Q(room=at) | Q(room__isnull=True), last_day__gte=place.today)
            .select_related("room")
            .order_by("first_day", "pk")
        ),
        managers=list(at.managers.select_related("user").order_by("user__name", "user__email")),
        hold_form=hold_form if hold_form is not None else HoldForm(zone=zone),
        manager_form=manager_form if manager_form is not None else ManagerForm(),
        in_the_way=in_the_way or [],
        calendar_token=token,
        site_url=settings.SITE_URL,
        may_change=may_change(place, at),
    )
    return render(request, "events/organiser/room.html", context, status=status)


def may_change(place: Workplace, at: Room) -> bool:
    """Who runs the venue changes its rooms and says who manages them; a room's manager does not."""
    return place.runs_venues and place.venues.filter(pk=at.venue_id).exists()


def blockings(place: Workplace, rows: Any, *, hall: Room | None = None) -> list[dict[str, Any]]:
    """Those of ``rows`` still ahead: what holds which room, who says so and why, who may lift it.

    ``hall``: what holds all its parts is said once.
    """
    ahead = rows.active().filter(slot__isnull=True, ends_at__gt=place.now)
    liftable = set(ahead.liftable_by(place.user).values_list("pk", flat=True))
    zone = place.territory.timezone
    found = list(ahead.select_related("room", "owner").order_by("starts_at", "pk"))
    if hall is not None:
        found = list({(row.label, row.starts_at, row.owner_id): row for row in reversed(found)}.values())[
            ::-1
        ]
    last = {(row.label, row.room_id, row.owner_id): row.pk for row in found}
    return [
        {
            "pk": row.pk,
            "has_later": last[row.label, row.room_id, row.owner_id] != row.pk,
            "label": row.label,
            "room": row.room,
            "owner": row.owner,
            "may_lift": row.pk in liftable,
            "local_start": on_the_wall(row.starts_at, zone),
            "local_end": on_the_wall(row.ends_at, zone),
        }
        for row in found
    ]


def week_of(where: Venue | Room) -> list[dict[str, Any]]:
    """Each weekday with its opening hours joined; empty when none are known, or the room has none of its
    own.
    """
    hours: list[Any] = list(where.hours.all() if isinstance(where, Room) else where.opening_hours.all())
    if not hours:
        return []
    return [
        {
            "label": day.label,
            "ranges": [
                (clock_time(opens), clock_time(closes % MIDNIGHT))
                for opens, closes in opens_between(hours, day)
            ],
        }
        for day in Weekday
    ]


# Opened and changed ---------------------------------------------------------------------------------------


@require_http_methods(FORM)
@login_required
def room_new(request: HttpRequest, territory: str, venue: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    at: Venue = get_object_or_404(place.venues.select_related("commune", "territory"), slug=venue)
    return _room_form(request, place, at, None)


@require_http_methods(FORM)
@login_required
def room_edit(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    at: Venue = get_object_or_404(place.venues.select_related("commune", "territory"), slug=venue)
    return _room_form(request, place, at, get_object_or_404(at.rooms.all(), pk=pk))


def _room_form(request: HttpRequest, place: Workplace, at: Venue, room: Room | None) -> HttpResponse:
    """The room and its own hours on one page; nothing is kept unless both are right."""
    typed = request.POST if request.method == "POST" else None
    form = RoomForm(typed, instance=room, venue=at)
    has_hours = typed is not None and "hours-TOTAL_FORMS" in typed
    hours = HoursFormSet(typed if has_hours else None, prefix="hours", initial=hours_lines(room))
    in_the_way: list[str] = []
    status = 422 if typed is not None else 200
    if typed is not None and form.is_valid() & (not has_hours or hours.is_valid()):
        said = hours.hours if has_hours else None  # type: ignore[attr-defined]
        try:
            if room is None:
                room = open_room(venue=at, values=form.values, parts=form.parts, hours=said or ())
                too_many = []
            else:
                too_many = change_room(
                    room_id=room.pk, values=form.values, parts=form.parts, hours=said, now=place.now
                )
        except Refused as refused:
            status = 409
            form.add_error("parts", refused.reason.label)
            in_the_way = named(refused, place)
        else:
            messages.success(request, _("%(room)s is up to date.") % {"room": form.cleaned_data["name"]})
            warn_of_too_many(request, too_many)
            return redirect("events:organiser_venue", place.territory.slug, at.slug)
    context = frame(place, venue=at, room=room, form=form, hours=hours, in_the_way=in_the_way)
    return render(request, "events/organiser/room_form.html", context, status=status)


def warn_of_too_many(request: HttpRequest, too_many: list[Slot]) -> None:
    """Slots that have more places than the room may now hold: said, not changed."""
    if not too_many:
        return
    number = len(too_many)
    said = ngettext(
        "%(number)s slot has more places than that: “%(title)s”. Give it another room.",
        "%(number)s slots have more places than that, first “%(title)s”. Give them other rooms.",
        number,
    )
    messages.warning(request, said % {"number": number, "title": too_many[0].activity.title})


def named(refused: Refused, place: Workplace) -> list[str]:
    """What is in the way, in a sentence each."""
    return [describe_occupancy(row, place.territory.timezone) for row in refused.facts.get("in_the_way", [])]


# Held for something else ----------------------------------------------------------------------------------


@require_POST
@login_required
def room_block(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    place = workplace(request, territory, room_managers=True)
    at = room_of(place, venue, pk)
    form = HoldForm(request.POST, zone=place.territory.timezone)
    if not form.is_valid():
        return _show(request, place, at, hold_form=form, status=422)
    refused = hold(request, place, at, form)
    if refused is not None:
        return _show(request, place, at, hold_form=form, in_the_way=named(refused, place), status=409)
    return redirect("events:organiser_room", territory, venue, pk)


def hold(request: HttpRequest, place: Workplace, at: Room, form: HoldForm) -> Refused | None:
    """Hold the room as the form says, and say so; or what was refused, said at the form."""
    again = form.cleaned_data["again"]
    try:
        block_room(
            room_id=at.pk,
            starts_at=form.cleaned_data["starts_at"],
            ends_at=form.cleaned_data["ends_at"],
            label=form.cleaned_data["label"],
            again=again,
            by=place.user,
            now=place.now,
        )
    except Refused as refused:
        form.add_error(None, refused.reason.label)
        return refused
    said = ngettext("%(room)s is held.", "%(room)s is held %(number)s times.", len(again) + 1)
    messages.success(request, said % {"room": at, "number": len(again) + 1})
    return None


@require_POST
@login_required
def unblock(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    """Lifted by whose it is, or by who runs the venue."""
    place = workplace(request, territory, room_managers=True)
    rows = RoomOccupancy.objects.liftable_by(place.user).filter(room__venue__territory=place.territory)
    row = get_object_or_404(rows, room__venue__slug=venue, pk=pk)
    room_id = request.POST.get("salle", "")
    hall = place.rooms.filter(pk=int(room_id)).first() if room_id.isdecimal() and len(room_id) < 19 else None
    times = unblock_room(
        occupancy_id=row.pk,
        by=place.user,
        now=place.now,
        hall=hall if hall is not None and row.room in atoms_of(hall) else None,
        with_later="suite" in request.POST,
    )
    said = _("The room is free again.") if times == 1 else _("The room is free again, %(number)s times.")
    messages.success(request, said % {"number": times})
    if hall is None and place.venues.filter(slug=venue).exists():
        return redirect("events:organiser_venue", territory, venue)
    return redirect("events:organiser_room", territory, venue, hall.pk if hall is not None else row.room_id)


# Who runs it ----------------------------------------------------------------------------------------------


@require_POST
@login_required
def manager_add(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    """By e-mail: who has an account at once, who has none by an invitation."""
    place = workplace(request, territory, venue_managers=True)
    at = _room_to_change(place, venue, pk)
    form = ManagerForm(request.POST)
    if not form.is_valid():
        return _show(request, place, at, manager_form=form, status=422)
    email = form.cleaned_data["email"]
    manager = appoint_manager(room_id=at.pk, email=email, by=place.user, now=place.now)
    if manager is not None:
        said = _("%(name)s decides about %(room)s.") % {"name": manager.user, "room": at}
    else:
        said = _("An invitation leaves for %(email)s.") % {"email": email}
    messages.success(request, said)
    return redirect("events:organiser_room", territory, venue, pk)


@require_POST
@login_required
def manager_remove(request: HttpRequest, territory: str, venue: str, pk: int, manager: int) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    at = _room_to_change(place, venue, pk)
    found = get_object_or_404(at.managers.select_related("user"), pk=manager)
    remove_manager(room_id=at.pk, manager_id=found.pk, by=place.user, now=place.now)
    messages.success(
        request, _("%(name)s no longer decides about %(room)s.") % {"name": found.user, "room": at}
    )
    return redirect("events:organiser_room", territory, venue, pk)


def _room_to_change(place: Workplace, venue: str, pk: int) -> Room:
    at = room_of(place, venue, pk)
    if not may_change(place, at):
        raise Http404
    return at


@require_http_methods(FORM)
@login_required
def room_join(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation: the page asks, its button accepts. Good for the invited address alone."""
    found = read_invitation(token)
    if found is None:
        return render(request, "events/host/join_expired.html", status=404)
    at, email = found
    user = signed_in(request)
    is_theirs = user.email.lower() == email
    if request.method == "POST" and is_theirs:
        place = workplace_of_manager(request, at)
        messages.success(request, _("You now decide about %(room)s.") % {"room": at})
        return redirect("events:organiser_room", place.territory.slug, at.venue.slug, at.pk)
    context = {"room": at, "venue": at.venue, "is_theirs": is_theirs}
    return render(request, "events/organiser/room_join.html", context, status=200 if is_theirs else 403)


def workplace_of_manager(request: HttpRequest, at: Room) -> Workplace:
    """The person becomes a manager of the room and finds a desk there."""
    join_room(room_id=at.pk, user=signed_in(request), now=timezone.now())
    return workplace(request, at.venue.territory.slug, room_managers=True)


# Its calendar ---------------------------------------------------------------------------------------------


@require_POST
@login_required
def calendar_renew(request: HttpRequest, territory: str, venue: str, pk: int) -> HttpResponse:
    """A new secret link; the one before opens nothing any more."""
    place = workplace(request, territory, room_managers=True)
    at = room_of(place, venue, pk)
    renew_calendar_link(room_id=at.pk)
    messages.success(request, _("The calendar has a new link; an older one opens nothing."))
    return redirect("events:organiser_room", territory, venue, pk)
