"""The board where slots are put into rooms: choose a slot, press a « + ». One form, no script."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.forms.organiser import AtTimeForm
from events.models import Activity, PlacingRule, Registration, Room, RoomOccupancy, Slot, Venue
from events.refusals import Reason, Refused
from events.scheduling.checks import findings_of
from events.scheduling.place import When, place_slot
from events.scheduling.rooms import OPEN_TIMES
from events.wording import say_times

from .organiser_frame import Workplace, edition_of, frame, workplace
from .organiser_grid import Grid, clock_time, lay_out
from .organiser_refusals import explain

WAITING_FOR_A_ROOM = [Activity.State.SUBMITTED, Activity.State.READY, Activity.State.PUBLISHED]
MOST_TABS = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """What a button asked: a slot, a room, a minute of the day.

    ``is_exact``: that minute, not the half hour it opens. ``is_sure``: its public was thought of.
    """

    slot_id: int
    room_id: int
    minute: int
    duration: int | None = None
    is_exact: bool = False
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class Tab:
    day: dt.date
    to_place: int
    is_current: bool


@login_required
def board(request: HttpRequest, territory: str) -> HttpResponse:
    place = workplace(request, territory, venue_managers=True)
    venues = list(
        place.venues.annotate(room_count=Count("rooms", filter=Q(rooms__is_active=True))).order_by(
            "sort_name"
        )
    )
    if not place.organises:
        venues = [venue for venue in venues if venue.room_count]
    waiting = waiting_for_a_room(place)
    tabs = _tabs(place, waiting, request.GET.get("jour", ""))
    day = next((tab.day for tab in tabs if tab.is_current), place.today)
    venue = _chosen_venue(request, venues, waiting.filter(day=day))
    if request.method == "POST":
        if not place.organises or venue is None:
            raise Http404
        return _place(request, place, venues, venue, day, tabs)
    return _show(request, place, venues, venue, day, tabs)


def waiting_for_a_room(place: Workplace) -> Any:
    """Slots to come that need a room: their venue has some, or the host left the place to the organisers."""
    with_rooms = Room.objects.filter(is_active=True).values("venue")
    return (
        place.slots.filter(room__isnull=True, activity__state__in=WAITING_FOR_A_ROOM, ends_at__gt=place.now)
        .exclude(state=Slot.State.CANCELLED)
        .filter(Q(venue__isnull=True) | Q(venue__in=with_rooms))
    )


def board_url(place: Workplace, **parameters: object) -> str:
    query = urlencode({name: str(value) for name, value in parameters.items() if value})
    return f"{reverse('events:organiser_board', args=[place.territory.slug])}{'?' if query else ''}{query}"


def _tabs(place: Workplace, waiting: Any, asked: str) -> list[Tab]:
    days = set(place.slots.exclude(state=Slot.State.CANCELLED).values_list("day", flat=True).distinct())
    edition = edition_of(place)
    # Rooms are given for what comes; a territory with years of events behind it would fill the page.
    days = {day for day in days if day >= place.today} or set(sorted(days)[-MOST_TABS:])
    if edition is not None and len(edition.days) <= MOST_TABS:
        days |= set(edition.days)
    to_place = dict(waiting.values_list("day").annotate(number=Count("pk")).order_by("day"))
    try:
        current: dt.date | None = dt.date.fromisoformat(asked)
    except ValueError:
        current = None
    if current is None:
        coming = sorted(day for day in days if day >= place.today)
        pressing = [day for day in coming if day in to_place]
        current = next(iter(pressing or coming), max(days, default=place.today))
    days.add(current)
    return [Tab(day, to_place.get(day, 0), day == current) for day in sorted(days)]


def _chosen_venue(request: HttpRequest, venues: list[Venue], waiting: Any) -> Venue | None:
    """The one asked for, else where a slot waits that day, else a totem building, else any with rooms.

    404 for one that is not theirs.
    """
    asked = request.GET.get("lieu", "")
    if asked:
        for venue in venues:
            if venue.slug == asked:
                return venue
        raise Http404
    wanted = set(waiting.filter(venue__isnull=False).values_list("venue", flat=True))
    ordered = sorted(
        venues,
        key=lambda venue: (
            not venue.room_count,  # type: ignore[attr-defined]
            venue.pk not in wanted,
            not venue.is_totem,
            venue.sort_name,
        ),
    )
    return ordered[0] if ordered else None


# Placing --------------------------------------------------------------------------------------------------


def _place(
    request: HttpRequest, place: Workplace, venues: list[Venue], venue: Venue, day: dt.date, tabs: list[Tab]
) -> HttpResponse:
    """Read the button, ask the rule, tell."""
    here = {"jour": day.isoformat(), "lieu": venue.slug}
    form = AtTimeForm(request.POST, rooms=venue.rooms.filter(is_active=True))
    choice = _choice(request, form)
    if choice is None:
        return _show(request, place, venues, venue, day, tabs, form=form, nothing_chosen=True)
    slot = place.slots.for_showing().filter(pk=choice.slot_id).first()
    if slot is None or not venue.rooms.filter(pk=choice.room_id).exists():
        raise Http404
    when = _when(slot, choice, day)
    people = _people(slot)
    if people and not choice.is_sure and _is_news(slot, choice, when):
        room = venue.rooms.get(pk=choice.room_id)
        ask = _question(slot, choice, room, when, people, day)
        return _show(request, place, venues, venue, day, tabs, choice=choice, ask=ask)
    try:
        placed = place_slot(slot_id=slot.pk, room_id=choice.room_id, by=place.user, now=place.now, when=when)
    except Refused as refused:
        return _show(request, place, venues, venue, day, tabs, refused=refused, choice=choice)
    _say_placed(request, placed, told=people if placed.revision != slot.revision else 0)
    return redirect(board_url(place, **here))


def _choice(request: HttpRequest, form: AtTimeForm) -> Choice | None:
    """``ou``: « room:minute », « slot:room:minute:duration[:oui] », or « choix » with a room and a time."""
    said = request.POST.get("ou", "")
    chosen = request.POST.get("creneau", "")
    try:
        if said == "choix":
            if not chosen.isdecimal() or not form.is_valid():
                return None
            at: dt.time = form.cleaned_data["heure"]
            room_id = form.cleaned_data["salle"].pk
            return Choice(int(chosen), room_id, at.hour * 60 + at.minute, is_exact=True)
        parts = said.split(":")
        numbers = [int(part) for part in parts[:4]]
    except ValueError:
        return None
    if any(number < 0 for number in numbers) or not all(number < 2**62 for number in numbers):
        return None
    if len(parts) == 2 and chosen.isdecimal() and len(chosen) < 19 and numbers[1] < 24 * 60:
        return Choice(int(chosen), numbers[0], numbers[1])
    if len(parts) in (4, 5) and numbers[2] < 24 * 60 and 5 <= numbers[3] <= 1440:
        is_sure = parts[4:] == ["oui"]
        return Choice(numbers[0], numbers[1], numbers[2], numbers[3], is_exact=True, is_sure=is_sure)
    return None


def _when(slot: Slot, choice: Choice, day: dt.date) -> When | None:
    """The time asked for, or None where it is the slot's own: a « + » at its half hour keeps its minutes."""
    own = slot.start_time.hour * 60 + slot.start_time.minute
    same = own == choice.minute if choice.is_exact else choice.minute <= own < choice.minute + 30
    duration = choice.duration or slot.duration
    if slot.day == day and same and duration == slot.duration:
        return None
    return When(day, clock_time(choice.minute), duration)


def _question(
    slot: Slot, choice: Choice, room: Room, when: When | None, people: int, day: dt.date
) -> dict[str, Any]:
    """« 12 people have booked »: place and tell them, keep the hour, or change nothing."""
    own = slot.start_time.hour * 60 + slot.start_time.minute
    is_first_room = slot.room_id is None and slot.day == day
    minute, duration = choice.minute if when else own, choice.duration or slot.duration
    return {
        "slot": slot,
        "room": room,
        "people": people,
        "at": when.start_time if when is not None else slot.start_time,
        "value": f"{slot.pk}:{room.pk}:{minute}:{duration}:oui",
        "own_value": f"{slot.pk}:{room.pk}:{own}:{slot.duration}" if when and is_first_room else "",
    }


def _people(slot: Slot) -> int:
    """How many would get a mail if this slot moved."""
    if slot.state != Slot.State.PUBLISHED:
        return 0
    return slot.registrations.filter(status__in=Registration.ACTIVE).count()


def _is_news(slot: Slot, choice: Choice, when: When | None) -> bool:
    """Whether the public would learn something: another time, or another room than the one it knows."""
    return when is not None or (slot.room_id is not None and slot.room_id != choice.room_id)


def _say_placed(request: HttpRequest, slot: Slot, *, told: int) -> None:
    words = {
        "title": slot.activity.title,
        "room": slot.room,
        "times": say_times(slot.local_start, slot.local_end),
    }
    messages.success(request, _("“%(title)s” is in %(room)s, %(times)s.") % words)
    if told:
        messages.info(
            request,
            ngettext("%(number)s person is told by e-mail.", "%(number)s people are told by e-mail.", told)
            % {"number": told},
        )
    for finding in findings_of(slot):
        if finding.rule == PlacingRule.TIGHT and slot.room is not None:
            said = _("%(places)s places for a room at ease with %(comfort)s: it will be tight.")
            messages.warning(request, said % {"places": slot.capacity, "comfort": slot.room.comfort_capacity})
        else:
            messages.warning(request, finding.words)


# Showing --------------------------------------------------------------------------------------------------


def _show(
    request: HttpRequest,
    place: Workplace,
    venues: list[Venue],
    venue: Venue | None,
    day: dt.date,
    tabs: list[Tab],
    *,
    refused: Refused | None = None,
    choice: Choice | None = None,
    form: AtTimeForm | None = None,
    ask: dict[str, Any] | None = None,
    nothing_chosen: bool = False,
) -> HttpResponse:
    tray = _tray(place, venue, day) if place.organises else []
    chosen = choice.slot_id if choice is not None else None
    if chosen is None:
        asked = request.POST.get("creneau", "") or request.GET.get("creneau", "")
        chosen = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    moving = _being_moved(place, tray, chosen)
    rooms: list[Room] = []
    grid: Grid | None = None
    if venue is not None:
        rooms = list(
            venue.rooms.filter(is_active=True)
            .select_related("venue")
            .prefetch_related(*OPEN_TIMES)
            .order_by("sort_name", "pk")
        )
    if rooms and venue is not None:
        occupied = refused is not None and refused.reason == Reason.ROOM_OCCUPIED
        clashes = [row.pk for row in refused.facts["in_the_way"]] if refused and occupied else []
        grid = lay_out(
            rooms=rooms,
            occupancies=_occupancies(venue, day, place.territory.timezone),
            day=day,
            zone=place.territory.timezone,
            now=place.now,
            also=[slot.start_time.hour * 60 + slot.start_time.minute for slot in tray],
            in_the_way=clashes,
        )
    if form is None:
        form = AtTimeForm(
            rooms=venue.rooms.filter(is_active=True) if venue is not None else Room.objects.none()
        )
    elsewhere = _elsewhere(place, venues, venue, day) if place.organises else []
    context = frame(
        place,
        venues=venues,
        elsewhere=elsewhere,
        venue=venue,
        tabs=tabs,
        day=day,
        grid=grid,
        tray=tray,
        moving=moving,
        chosen=chosen if chosen is not None else (tray[0].pk if tray else None),
        form=form,
        refusal=explain(refused, choice.minute, is_sure=choice.is_sure) if refused and choice else None,
        ask=ask,
        nothing_chosen=nothing_chosen,
        here=board_url(place, jour=day.isoformat(), lieu=venue.slug if venue else ""),
        now=place.now,
    )
    status = 409 if refused else 422 if nothing_chosen else 200
    return render(request, "events/organiser/board.html", context, status=status)


def _tray(place: Workplace, venue: Venue | None, day: dt.date) -> list[Slot]:
    """What waits for a room that day and could have one here."""
    here = Q(venue__isnull=True) | Q(activity__venue__isnull=True)
    if venue is not None:
        here |= Q(venue=venue)
    return list(waiting_for_a_room(place).filter(here, day=day).for_showing().in_order())


def _elsewhere(
    place: Workplace, venues: list[Venue], venue: Venue | None, day: dt.date
) -> list[tuple[Venue, int]]:
    """Other venues whose own slots wait for a room that day, with how many."""
    counts = dict(
        waiting_for_a_room(place)
        .filter(day=day, venue__isnull=False, activity__venue__isnull=False)
        .values_list("venue")
        .annotate(number=Count("pk"))
        .order_by("venue")
    )
    return [(other, counts[other.pk]) for other in venues if other.pk in counts and other != venue]


def _being_moved(place: Workplace, tray: list[Slot], chosen: int | None) -> Slot | None:
    """A slot that has a room, or another day, and was asked to move."""
    if chosen is None or not place.organises or any(slot.pk == chosen for slot in tray):
        return None
    found: Slot | None = (
        place.slots.exclude(state=Slot.State.CANCELLED).for_showing().filter(pk=chosen).first()
    )
    return found


def _occupancies(venue: Venue, day: dt.date, zone: str) -> list[RoomOccupancy]:
    start = dt.datetime.combine(day, dt.time(), ZoneInfo(zone))
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone))
    return list(
        RoomOccupancy.objects.active()
        .filter(room__venue=venue)
        .between(start, end)
        .select_related("slot__activity__host", "slot__room", "owner")
        .order_by("starts_at", "pk")
    )
