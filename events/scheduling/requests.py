"""A room that is given on request: asked for, accepted, refused, withdrawn. A request holds nothing.

Who may ask, answer and withdraw is decided where slot, room and request are fetched (``managed_by``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User
from events.mail.outbox import owe
from events.models import JournalEntry, Message, Room, RoomManager, RoomRequest, Slot, VenueManager
from events.refusals import Reason, Refused
from events.registration.patience import patient

from .blocking import block_room
from .checks import Surroundings, Where
from .place import place_slot, refuse_broken_rules
from .rooms import OPEN_TIMES, given_on_request, people_it_may_hold, people_to_hold

State = RoomRequest.State


def to_answer(requests: Any, now: dt.datetime) -> Any:
    """Those of a queryset of requests that still await an answer and could be accepted."""
    return requests.filter(state=State.PENDING, ends_at__gt=now).filter(
        Q(slot__isnull=True) | ~Q(slot__state=Slot.State.CANCELLED)
    )


@patient
@transaction.atomic
def ask_for_slot(*, room_id: int, slot_id: int, by: User, now: dt.datetime, message: str = "") -> RoomRequest:
    """Ask for a room for a slot, at the slot's time. Who decides about the room gets a mail.

    Raises ``Refused``: WRONG_STATE (the room is given without asking, the slot is withdrawn or there),
    ROOM_NOT_IN_USE, ROOM_ELSEWHERE, IN_THE_PAST, ROOM_TOO_SMALL (``safety_capacity``), ROOM_CLOSED
    (``closed_by``), RULE_BROKEN (``findings``), ALREADY_ASKED. Whether the room is free is looked at when it
    is accepted.
    """
    room = _room(room_id)
    slot = Slot.objects.select_related("activity__territory").get(pk=slot_id)
    if slot.is_cancelled or slot.room_id == room.pk:
        raise Refused(Reason.WRONG_STATE, slot=slot, room=room)
    if slot.ends_at <= now:
        raise Refused(Reason.IN_THE_PAST, slot=slot, room=room)
    if room.venue.territory_id != slot.activity.territory_id:
        raise Refused(Reason.ROOM_ELSEWHERE, slot=slot, room=room)
    most, asked = people_it_may_hold(room), people_to_hold(slot)
    if most is not None and asked is not None and asked > most:
        raise Refused(Reason.ROOM_TOO_SMALL, slot=slot, room=room, safety_capacity=most)
    there = Where(slot, room, slot.starts_at, slot.ends_at)
    refuse_broken_rules(Surroundings.around([there]).findings(there), slot=slot, room=room)
    return _ask(
        RoomRequest(room=room, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at),
        message=message,
        by=by,
        now=now,
    )


@patient
@transaction.atomic
def ask_for_time(
    *,
    room_id: int,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    label: str,
    by: User,
    now: dt.datetime,
    message: str = "",
) -> RoomRequest:
    """Ask for a room for something that is no slot; ``starts_at`` and ``ends_at`` are aware.

    Raises ``Refused``: WRONG_STATE (the room is given without asking), ROOM_NOT_IN_USE, IN_THE_PAST;
    ``ValueError`` when it says nothing or ends before it starts.
    """
    if ends_at <= starts_at or not label.strip():
        raise ValueError("A request says what for, and ends after it starts.")
    if ends_at <= now:
        raise Refused(Reason.IN_THE_PAST)
    request = RoomRequest(room=_room(room_id), label=label.strip(), starts_at=starts_at, ends_at=ends_at)
    return _ask(request, message=message, by=by, now=now)


@patient
@transaction.atomic
def accept_request(*, request_id: int, by: User, now: dt.datetime, answer: str = "") -> RoomRequest:
    """Give the room: the slot is placed in it, or it is held for what was asked. Who asked gets a mail.

    Raises as ``place_slot`` and ``block_room``, and the request stays as it was: ROOM_OCCUPIED names what has
    taken the room meanwhile. CHANGED_MEANWHILE when the slot has another time than was asked for, WRONG_STATE
    when the request is answered or withdrawn.
    """
    request = _pending(request_id)
    if request.slot_id is not None:
        slot = Slot.objects.get(pk=request.slot_id)
        if (slot.starts_at, slot.ends_at) != (request.starts_at, request.ends_at):
            raise Refused(Reason.CHANGED_MEANWHILE, slot=slot, room=request.room)
        place_slot(slot_id=slot.pk, room_id=request.room_id, by=by, now=now)
    else:
        block_room(
            room_id=request.room_id,
            starts_at=request.starts_at,
            ends_at=request.ends_at,
            label=request.label,
            by=by,
            owner=request.asked_by,
            now=now,
        )
    return _decide(request, State.ACCEPTED, answer.strip(), by, now)


@patient
@transaction.atomic
def refuse_request(*, request_id: int, answer: str, by: User, now: dt.datetime) -> RoomRequest:
    """Say no, and why; who asked gets a mail. Raises ``Refused``: REASON_NEEDED, WRONG_STATE."""
    answer = answer.strip()
    if not answer:
        raise Refused(Reason.REASON_NEEDED)
    return _decide(_pending(request_id), State.REFUSED, answer, by, now)


@patient
@transaction.atomic
def withdraw_request(*, request_id: int, by: User, now: dt.datetime) -> RoomRequest:
    """The room is no longer asked for; nobody is told. Raises ``Refused``: WRONG_STATE."""
    request = _pending(request_id)
    request.state, request.decided_by, request.decided_at = State.WITHDRAWN, by, now
    request.save(update_fields=["state", "decided_by", "decided_at"])
    _write_down("room_withdrawn", request, by, now)
    return request


def who_decides(room: Room) -> list[User]:
    """Who is asked: the room's managers; where it has none, its venue's managers and the organisers."""
    managers = RoomManager.objects.filter(room__in=given_on_request(room) or {room.pk})
    people = User.objects.filter(is_active=True)
    found = people.filter(pk__in=managers.values("user"))
    if not found.exists():
        venue = VenueManager.objects.filter(venue=room.venue_id).values("user")
        team = room.venue.territory.team.values("user")
        found = people.filter(Q(pk__in=venue) | Q(pk__in=team))
    return list(found.order_by("pk"))


def _room(room_id: int) -> Room:
    rooms = Room.objects.select_related("venue__territory").prefetch_related(*OPEN_TIMES)
    room = rooms.get(pk=room_id)
    if not room.is_active:
        raise Refused(Reason.ROOM_NOT_IN_USE, room=room)
    if not given_on_request(room):
        raise Refused(Reason.WRONG_STATE, room=room)
    return room


def _ask(request: RoomRequest, *, message: str, by: User, now: dt.datetime) -> RoomRequest:
    request.message, request.asked_by, request.asked_at = message.strip(), by, now
    try:
        with transaction.atomic():
            request.save()
    except IntegrityError as error:
        again = RoomRequest.objects.filter(room=request.room, slot=request.slot_id, state=State.PENDING)
        if request.slot_id is None or not again.exists():
            raise
        raise Refused(Reason.ALREADY_ASKED, slot=request.slot, room=request.room) from error
    for person in who_decides(request.room):
        if person != by:
            _owe(request, Message.Kind.ROOM_ASKED, person, now)
    _write_down("room_asked", request, by, now)
    return request


def _pending(request_id: int) -> RoomRequest:
    """The request, its row locked, while it awaits an answer."""
    request = (
        RoomRequest.objects.select_for_update(of=("self",), no_key=True)
        .select_related("room__venue", "slot__activity", "asked_by")
        .get(pk=request_id)
    )
    if request.state != State.PENDING:
        raise Refused(Reason.WRONG_STATE, state=request.state)
    return request


def _decide(request: RoomRequest, state: State, answer: str, by: User, now: dt.datetime) -> RoomRequest:
    request.state, request.answer, request.decided_by, request.decided_at = state, answer, by, now
    request.save(update_fields=["state", "answer", "decided_by", "decided_at"])
    if request.asked_by is not None and request.asked_by.is_active and request.asked_by != by:
        _owe(request, Message.Kind.ROOM_ANSWERED, request.asked_by, now)
    _write_down(f"room_{state.value}", request, by, now, answer)
    return request


def _owe(request: RoomRequest, kind: Message.Kind, person: User, now: dt.datetime) -> None:
    owe(
        kind=kind,
        dedupe_key=f"{kind.value}:{request.pk}:{person.pk}",
        recipient=person.email,
        locale=person.locale,
        now=now,
        context={"request": request.pk},
        expires_at=request.ends_at,
    )


def _write_down(verb: str, request: RoomRequest, by: User, now: dt.datetime, text: str = "") -> None:
    room, slot = request.room, request.slot
    said = " · ".join(part for part in (f"{room.name}, {room.venue.name}", request.label, text) if part)
    JournalEntry.objects.create(
        at=now, actor=by, verb=verb, slot=slot, activity=slot.activity if slot else None, text=said
    )
