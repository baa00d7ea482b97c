"""The timetable editor: the draft of one day, changed by hand, by keyboard or by plain forms.

One address takes every change, from a form and from the page's script alike; the script asks for JSON.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from events.forms.timetable import PlacementForm
from events.models import Placement, Room, Slot
from events.refusals import Reason, Refused
from events.scheduling.draft import (
    pin_slot,
    plan_cancellation,
    plan_slot,
    redo_last,
    reset_plan,
    swap_plans,
    undo_last,
)
from events.scheduling.place import When
from events.wording import say_number

from .organiser_frame import Workplace, edition_of, frame, workplace
from .timetable_state import block_of, placements_of, refusal_of, rooms_of, state_of, version_of

MOST_ROOMS, MOST_TABS = 24, 14
STEPS = (5, 15, 30, 60)
"""Minutes a block moves by."""

CONFLICT, UNPROCESSABLE = 409, 422


@dataclass(frozen=True, slots=True)
class Tab:
    day: dt.date
    to_place: int
    is_current: bool


@login_required
@require_safe
def timetable(request: HttpRequest, territory: str) -> HttpResponse:
    """The day as lists by room, which the script turns into a grid where there is room for one."""
    place = workplace(request, territory)
    rows = placements_of(place)
    tabs = _tabs(place, rows, request.GET.get("jour", ""))
    day = next(tab.day for tab in tabs if tab.is_current)
    venues, venue, rooms = _rooms(request, rooms_of(place, None))
    on_the_day = [row for row in rows if row.day == day]
    by_room = {
        room: [block_of(place, row) for row in on_the_day if row.room_id == room.pk and not row.cancels]
        for room in rooms
    }
    shown = {room.pk for room in rooms}
    context = frame(
        place,
        tabs=tabs,
        day=day,
        venues=venues,
        venue=venue,
        rooms=rooms,
        by_room=by_room,
        tray=[block_of(place, row) for row in on_the_day if row.room_id is None and not row.cancels],
        cancelled=[block_of(place, row) for row in on_the_day if row.cancels],
        elsewhere=sum(row.room_id is not None and row.room_id not in shown for row in on_the_day),
        **_release_words(sum(row.is_changed for row in rows)),
        steps=STEPS,
        setup={
            "day": day.isoformat(),
            "state": _address("state", place, day, venue),
            "change": reverse("events:organiser_timetable_change", args=[place.territory.slug]),
            "rooms": [room.pk for room in rooms],
            "locale": request.LANGUAGE_CODE,
            "words": _words(),
        },
    )
    return render(request, "events/organiser/timetable.html", context)


@login_required
@require_safe
def timetable_state(request: HttpRequest, territory: str) -> HttpResponse:
    """The day in JSON; 304 while nothing has changed, so that a page may ask every few seconds."""
    place = workplace(request, territory)
    day = _day(request.GET.get("jour", "")) or place.today
    etag = f'"{version_of(place)}"'
    # Compression makes the tag a weak one on its way (RFC 9110 §8.8.3).
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        response = HttpResponse(status=304)
    else:
        _venues, _venue, rooms = _rooms(request, rooms_of(place, None, with_hours=True))
        response = JsonResponse(state_of(place, day, rooms) | _to_release(place))
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@login_required
@require_POST
def timetable_change(request: HttpRequest, territory: str) -> HttpResponse:
    """``geste``: poser, retirer, echanger, epingler, depingler, annuler, retablir, defaire, refaire."""
    place = workplace(request, territory)
    wants_json = "application/json" in request.headers.get("Accept", "")
    back = request.POST.get("retour", "")
    try:
        changed = _change(request, place)
    except Refused as refused:
        if wants_json:
            return JsonResponse(refusal_of(refused), status=CONFLICT)
        messages.error(request, " ".join(refusal_of(refused)["sentences"]))
        return redirect(_back(place, back))
    except ValueError:
        if wants_json:
            return JsonResponse({"sentences": [_("This cannot be read.")], "ways": []}, status=UNPROCESSABLE)
        raise Http404 from None
    if wants_json:
        rows = placements_of(place, slots=[row.slot_id for row in changed])
        return JsonResponse({"blocks": [block_of(place, row) for row in rows]})
    return redirect(_back(place, back, changed))


@login_required
def timetable_slot(request: HttpRequest, territory: str, pk: int) -> HttpResponse:
    """One slot by a plain form: where and when, swap, pin, cancel, as the public has it."""
    place = workplace(request, territory)
    placement = next(iter(placements_of(place, slots=[pk])), None)
    if placement is None:
        raise Http404
    rooms = Room.objects.filter(venue__territory=place.territory, is_active=True).select_related("venue")
    rooms = rooms.order_by("venue__sort_name", "sort_name", "pk")
    form = PlacementForm(request.POST or None, rooms=rooms, initial=_initial(request, placement))
    refusal: dict[str, Any] | None = None
    status = 200
    if request.method == "POST":
        status = UNPROCESSABLE
        if form.is_valid():
            try:
                planned = _plan(form, place, pk)
            except Refused as refused:
                status = CONFLICT
                if refused.reason == Reason.TIME_TWICE:
                    form.ask_which()
                else:
                    refusal = refusal_of(refused)
                if refused.reason == Reason.CHANGED_MEANWHILE:
                    placement = placements_of(place, slots=[pk])[0]
                    form.data = {**request.POST.dict(), "seen": str(placement.revision)}
            else:
                return redirect(_back(place, "", [planned]))
    others = [row for row in placements_of(place, day=placement.day) if row.slot_id != pk]
    context = frame(
        place,
        placement=placement,
        slot=placement.slot,
        block=block_of(place, placement),
        form=form,
        asks_which="fold" in form.errors,
        refusal=refusal,
        others=[row for row in others if row.room_id and not row.cancels],
        back=_address("page", place, placement.day),
    )
    return render(request, "events/organiser/timetable_slot.html", context, status=status)


# Changing ---------------------------------------------------------------------------------------------------


def _change(request: HttpRequest, place: Workplace) -> list[Placement]:
    """Ask the rule of a gesture. Raises ``Refused``, ``ValueError``; 404 for what is not theirs."""
    gesture, by, now = request.POST.get("geste", ""), place.user, place.now
    if gesture in ("defaire", "refaire"):
        go = undo_last if gesture == "defaire" else redo_last
        return go(territory=place.territory, by=by, now=now)
    slot = _slot(request.POST.get("creneau", ""), place)
    seen = int(request.POST["vu"]) if request.POST.get("vu", "").isdecimal() else None
    if gesture == "poser":
        return [_place(request, place, slot, seen)]
    if gesture == "retirer":
        return [plan_slot(slot_id=slot, room_id=None, by=by, now=now, seen=seen)]
    if gesture == "echanger":
        other = _slot(request.POST.get("avec", ""), place)
        return list(swap_plans(slot_id=slot, other_id=other, by=by, now=now))
    if gesture in ("epingler", "depingler"):
        return [pin_slot(slot_id=slot, is_pinned=gesture == "epingler", by=by, now=now)]
    if gesture == "annuler":
        return [plan_cancellation(slot_id=slot, by=by, now=now, seen=seen)]
    if gesture == "retablir":
        return [reset_plan(slot_id=slot, by=by, now=now)]
    raise ValueError(gesture)


def _place(request: HttpRequest, place: Workplace, slot: int, seen: int | None) -> Placement:
    rooms = Room.objects.filter(venue__territory=place.territory)
    form = PlacementForm(
        {
            "room": request.POST.get("salle", ""),
            "day": request.POST.get("jour", ""),
            "start": request.POST.get("heure", ""),
            "duration": request.POST.get("duree", ""),
            "fold": request.POST.get("fois", ""),
            "seen": "" if seen is None else seen,
        },
        rooms=rooms,
    )
    if not form.is_valid():
        raise ValueError(form.errors.as_text())
    return _plan(form, place, slot)


def _plan(form: PlacementForm, place: Workplace, slot: int) -> Placement:
    data = form.cleaned_data
    room = data["room"]
    return plan_slot(
        slot_id=slot,
        room_id=room.pk if room else None,
        when=When(data["day"], data["start"], data["duration"], data["fold"]),
        by=place.user,
        now=place.now,
        seen=data["seen"],
    )


def _slot(said: str, place: Workplace) -> int:
    if not said.isdecimal() or len(said) > 18:
        raise Http404
    if not place.slots.filter(pk=int(said)).exists():
        raise Http404
    return int(said)


# Showing ----------------------------------------------------------------------------------------------------


def _initial(request: HttpRequest, placement: Placement) -> dict[str, Any]:
    return {
        "room": placement.room_id,
        "day": placement.day,
        "start": placement.start_time,
        "duration": placement.duration,
        "fold": placement.fold,
        "seen": placement.revision,
    }


def _to_release(place: Workplace) -> dict[str, Any]:
    """How many changes wait, and what the button to release them says."""
    changes = Placement.objects.filter(territory=place.territory, is_changed=True)
    live = changes.filter(slot__ends_at__gt=place.now).exclude(slot__state=Slot.State.CANCELLED)
    return _release_words(live.count())


def _release_words(changes: int) -> dict[str, Any]:
    said = ngettext("Release %(number)s change", "Release %(number)s changes", changes)
    words = said % {"number": say_number(changes)} if changes else _("Nothing to release")
    return {"changes": changes, "release": words}


def _day(said: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(said)
    except ValueError:
        return None


def _tabs(place: Workplace, rows: list[Placement], asked: str) -> list[Tab]:
    """The days with slots to come, and those of a short edition."""
    days = {row.day for row in rows}
    edition = edition_of(place)
    if edition is not None and len(edition.days) <= MOST_TABS:
        days |= {day for day in edition.days if day >= place.today}
    to_place = Counter(row.day for row in rows if row.room_id is None and not row.cancels)
    current = _day(asked)
    if current is None:
        current = min(to_place or days, default=place.today)
    shown = sorted(days | {current})
    if len(shown) > MOST_TABS:
        near = sorted(shown, key=lambda day: abs((day - current).days))[:MOST_TABS]
        shown = sorted(near)
    return [Tab(day, to_place[day], day == current) for day in shown]


def _rooms(request: HttpRequest, rooms: list[Room]) -> tuple[list[Any], Any, list[Room]]:
    """Venues to choose from, the one chosen (None: all), and its rooms; too many rooms are shown by venue."""
    venues = list({room.venue_id: room.venue for room in rooms}.values())
    asked = request.GET.get("lieu", "")
    venue = next((one for one in venues if one.slug == asked), None)
    if venue is None and len(rooms) > MOST_ROOMS:
        venue = venues[0]
    return venues, venue, [room for room in rooms if venue is None or room.venue_id == venue.pk]


def _address(what: str, place: Workplace, day: dt.date, venue: Any = None) -> str:
    name = "events:organiser_timetable_state" if what == "state" else "events:organiser_timetable"
    address = f"{reverse(name, args=[place.territory.slug])}?jour={day.isoformat()}"
    return f"{address}&lieu={venue.slug}" if venue is not None else address


def _back(place: Workplace, said: str, changed: list[Placement] | None = None) -> str:
    """The day of what was changed, or the day the form stood on."""
    day = _day(said)
    if changed:
        day = changed[0].day
    return _address("page", place, day or place.today)


def _words() -> dict[str, str]:
    """What the script says."""
    return {
        "saved": _("Saved in the draft."),
        "undone": _("Undone."),
        "refused": _("Nothing was changed."),
        "meanwhile": _("Somebody else has changed this draft. You see it as it is now."),
        "offline": _("The site cannot be reached. Nothing was changed."),
        "instead": _("Instead:"),
        "tray": _("To place"),
        "moved": _("%(what)s: %(where)s"),
        "swap": _("Swap with “%(title)s”"),
        "none": _("Everything is in its room that day."),
    }
