"""What a refused placement says: a title, sentences that name what is in the way, the ways out as buttons."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from events.clock import on_the_wall
from events.models import Appearance, Placement, Room, RoomOccupancy, Slot
from events.refusals import Reason, Refused
from events.scheduling.ways import WayOut
from events.wording import say_duration, say_time

from .organiser_grid import clock_time, minute_of


def explain(refused: Refused, minute: int = 0, *, is_sure: bool = False) -> dict[str, Any]:
    """``title``, ``sentences``, ``ways`` (value and label of a button each), ``slot`` with the time asked."""
    facts = refused.facts
    slot: Slot | None = facts.get("slot")
    room: Room | None = facts.get("room")
    at = say_time(slot.local_start) if slot is not None else say_time(clock_time(minute))
    ways = [
        {
            "value": f"{slot.pk}:{way.room.pk}:{_minute(way)}:{way.duration}{':oui' if is_sure else ''}",
            "label": _way_label(way),
        }
        for way in facts.get("ways_out", [])
        if slot is not None and way.room is not None and way.local_start.date() == slot.day
    ]
    return {
        "title": _refusal_title(refused, at, room),
        "sentences": _refusal_sentences(refused, slot, room),
        "ways": ways,
        "slot": slot,
    }


def refused_by_people(refused: Refused, zone: str) -> list[str]:
    """What keeps the people of a slot elsewhere, a sentence each; empty for another refusal."""
    if refused.reason != Reason.PERSON_BUSY:
        return []
    return [describe_appearance(row, zone) for row in refused.facts.get("in_the_way", [])]


def _minute(way: WayOut) -> int:
    return minute_of(way.starts_at, way.local_start.date(), way.timezone)


def _way_label(way: WayOut) -> str:
    words = {"at": say_time(way.local_start), "room": way.room, "duration": say_duration(way.duration)}
    if way.kind == "shorter":
        return _("Place for %(duration)s, %(room)s") % words
    return _("Place at %(at)s, %(room)s") % words


def _refusal_title(refused: Refused, at: str, room: Room | None) -> str:
    if room is not None and refused.reason in (
        Reason.ROOM_OCCUPIED,
        Reason.ROOM_TOO_SMALL,
        Reason.ROOM_CLOSED,
        Reason.ROOM_NOT_IN_USE,
    ):
        return _("No place at %(at)s in %(room)s") % {"at": at, "room": room}
    return _("The slot stays where it was")


def _refusal_sentences(refused: Refused, slot: Slot | None, room: Room | None) -> list[str]:
    facts = refused.facts
    said: list[str] = []
    if refused.reason == Reason.ROOM_OCCUPIED and slot is not None and room is not None:
        said.append(
            _("“%(title)s” lasts %(duration)s, but:")
            % {"title": slot.activity.title, "duration": say_duration(slot.duration)}
        )
        said += [describe_occupancy(row, slot.timezone) for row in facts["in_the_way"]]
    elif refused.reason == Reason.ROOM_TOO_SMALL and slot is not None:
        said.append(
            _("It has %(places)s places; the room may hold %(most)s people at most, by its safety file.")
            % {"places": (slot.capacity or 0) + slot.overbook, "most": facts["safety_capacity"]}
        )
    elif refused.reason == Reason.PERSON_BUSY and slot is not None and facts.get("in_the_way"):
        said += [describe_appearance(row, slot.timezone) for row in facts["in_the_way"]]
    else:
        said.append(str(refused.reason.label))
        said += [finding.words for finding in facts.get("findings", [])]
    # A slot without a room has no button on the board: what would go is said.
    said += [_way_in_words(way) for way in facts.get("ways_out", []) if way.room is None]
    said.append(_("Nothing was changed."))
    return said


def _way_in_words(way: WayOut) -> str:
    if way.kind == "shorter":
        return _("It would go for %(duration)s.") % {"duration": say_duration(way.duration)}
    return _("It would go at %(at)s.") % {"at": say_time(way.local_start)}


def describe_appearance(row: Appearance | Placement, zone: str) -> str:
    """« Dominique Petit est à « Petite histoire » de 13 h 30 à 15 h. »; in the draft, without the name."""
    start, end = on_the_wall(row.starts_at, zone), on_the_wall(row.ends_at, zone)
    words = {"title": row.slot.activity.title, "start": say_time(start), "end": say_time(end)}
    if isinstance(row, Appearance):
        return _("%(person)s receives at “%(title)s” from %(start)s to %(end)s.") % {
            **words,
            "person": row.person,
        }
    return _("The same people receive at “%(title)s” from %(start)s to %(end)s.") % words


def describe_occupancy(row: RoomOccupancy, zone: str) -> str:
    """« Petite histoire » tient la Grande salle de 13 h 30 à 15 h, puis 15 min de remise en ordre."""
    if row.slot is None:
        start, end = on_the_wall(row.starts_at, zone), on_the_wall(row.ends_at, zone)
        return _("“%(title)s” holds %(room)s from %(start)s to %(end)s.") % {
            "title": row.label,
            "room": row.room,
            "start": say_time(start),
            "end": say_time(end),
        }
    slot = row.slot
    words = {
        "title": slot.activity.title,
        "room": row.room,
        "start": say_time(slot.local_start),
        "end": say_time(slot.local_end),
    }
    before = int((slot.starts_at - row.starts_at).total_seconds() // 60)
    after = int((row.ends_at - slot.ends_at).total_seconds() // 60)
    if after and before:
        words |= {"before": say_duration(before), "after": say_duration(after)}
        return (
            _(
                "“%(title)s” holds %(room)s from %(start)s to %(end)s, with %(before)s to set up and "
                "%(after)s to clear."
            )
            % words
        )
    if after:
        words |= {"after": say_duration(after)}
        return _("“%(title)s” holds %(room)s from %(start)s to %(end)s, then %(after)s to clear.") % words
    if before:
        words |= {"before": say_duration(before)}
        return _("“%(title)s” holds %(room)s from %(start)s to %(end)s, after %(before)s to set up.") % words
    return _("“%(title)s” holds %(room)s from %(start)s to %(end)s.") % words
