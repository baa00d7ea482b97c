"""What an announcement of an opening would do, before it is made. Reads, never writes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from events.models import Activity, Festival, Mode, Opening, Programme, Slot, Territory

from .openings import opening_of
from .pools import KEPT, second_wave_of


@dataclass(slots=True)
class Preview:
    """Slots and places of each wave; ``stay_open``: slots people book already; ``too_late``: slots that will
    have begun, which keep what they have.
    """

    slots: int = 0
    places: int = 0
    second_slots: int = 0
    second_places: int = 0
    stay_open: int = 0
    too_late: int = 0

    @property
    def first_places(self) -> int:
        return self.places - self.second_places


def preview_opening(
    *,
    festival: Festival,
    programme: Programme | None,
    territory: Territory | None,
    opens_at: dt.datetime,
    second_opens_at: dt.datetime | None = None,
    second_share: int | None = None,
    now: dt.datetime,
) -> Preview:
    """What ``announce_opening`` with the same words would find: booked by registration, to come."""
    asked = Opening(
        festival=festival,
        programme=programme,
        territory=territory,
        opens_at=opens_at,
        second_opens_at=second_opens_at,
        second_share=second_share,
    )
    present = list(Opening.objects.filter(festival=festival))
    others = [one for one in present if _part_of(one) != _part_of(asked)]
    is_new = len(others) == len(present)
    activities = Activity.objects.filter(festival=festival, mode=Mode.FIRST_COME)
    if programme is not None:
        activities = activities.filter(programme=programme)
    if territory is not None:
        activities = activities.filter(territory=territory)
    mine = [one.pk for one in activities if opening_of(one, [*others, asked]) is asked]
    slots = Slot.objects.exclude(state=Slot.State.CANCELLED).filter(starts_at__gt=now)
    found = Preview()
    for slot in slots.filter(activity__in=mine).annotate(kept=KEPT).order_by("pk"):
        if not _is_laid(slot, now, is_new=is_new):
            found.stay_open += 1
        elif slot.starts_at <= opens_at:
            found.too_late += 1
        else:
            _count(found, slot, asked)
    return found


def _is_laid(slot: Slot, now: dt.datetime, *, is_new: bool) -> bool:
    """The same question that ``lay_openings`` asks of the database."""
    if slot.opens_at is not None:
        return slot.opening_id is not None and slot.opens_at > now
    is_untouched = not (slot.taken or slot.held or slot.waiting)
    return slot.opening_id is None and (slot.state == Slot.State.DRAFT or (is_new and is_untouched))


def _count(found: Preview, slot: Slot, opening: Opening) -> None:
    found.slots += 1
    found.places += slot.capacity or 0
    if opening.second_opens_at is None or slot.starts_at <= opening.second_opens_at:
        return
    if places := second_wave_of(slot, opening, kept=slot.kept):  # type: ignore[attr-defined]
        found.second_slots += 1
        found.second_places += places


def _part_of(opening: Opening) -> tuple[int | None, int | None]:
    return (opening.programme_id, opening.territory_id)
