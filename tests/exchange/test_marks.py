"""What whoever follows the programme needs to know: when a slot changed, and which ones are gone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from events import marks
from events.models import Activity, Festival, GoneSlot, Host, Room, Slot, Venue
from events.models.gone import KEPT, moment_of
from events.registration.forgetting import purge_expired
from tests.factories import RoomFactory, SlotFactory, VenueFactory

pytestmark = pytest.mark.django_db


def mark_of(slot: Slot) -> int:
    return Slot.objects.values_list("changed_ms", flat=True).get(pk=slot.pk)


def test_whatever_is_shown_of_a_slot_marks_it_and_how_many_come_does_not() -> None:
    room = RoomFactory(venue=VenueFactory(latitude=43.0, longitude=1.0))
    slot = SlotFactory(venue=room.venue, room=room, capacity=3)
    other = SlotFactory()
    festival = Festival.objects.filter(pk=slot.activity.festival_id)
    changes: list[Any] = [
        lambda: Slot.objects.filter(pk=slot.pk).update(state="cancelled", cancelled_at=slot.starts_at),
        lambda: Slot.objects.filter(pk=slot.pk).update(capacity=None),
        lambda: Activity.objects.filter(pk=slot.activity_id).update(title_fr="Autre"),
        lambda: Host.objects.filter(pk=slot.activity.host_id).update(name="Autre"),
        lambda: Venue.objects.filter(pk=room.venue_id).update(latitude=44.0),
        lambda: Room.objects.filter(pk=room.pk).update(name="Autre"),
        lambda: festival.update(name="Autre"),
        lambda: Slot.objects.filter(pk=slot.pk).update(capacity=2),
        lambda: Slot.objects.filter(pk=slot.pk).update(taken=2),
        lambda: Slot.objects.filter(pk=slot.pk).update(taken=1),
    ]
    seen, others = mark_of(slot), mark_of(other)

    for number, change in enumerate(changes):
        change()
        assert mark_of(slot) > seen, number
        seen = mark_of(slot)

    Slot.objects.filter(pk=slot.pk).update(taken=F("taken") - 1, waiting_list_open=False)
    assert mark_of(slot) == seen
    slot.save()  # an instance that knows nothing of all this
    assert mark_of(slot) > seen
    assert mark_of(other) == others


def test_a_slot_that_goes_leaves_a_mark_and_one_nobody_saw_does_not() -> None:
    deleted, taken_back, rejected, unpublished = (SlotFactory() for _ in range(4))
    SlotFactory(state="draft").delete()
    SlotFactory(activity__state="submitted").delete()

    numbers = [slot.pk for slot in (deleted, taken_back, rejected, unpublished)]
    deleted.delete()
    Slot.objects.filter(pk=taken_back.pk).update(state="draft")
    Activity.objects.filter(pk=rejected.activity_id).update(state="rejected")
    Festival.objects.filter(pk=unpublished.activity.festival_id).update(state="draft")

    assert list(GoneSlot.objects.order_by("gone_ms", "pk").values_list("slot_number", flat=True)) == numbers


def test_a_slot_taken_back_twice_has_one_mark_with_a_higher_sequence() -> None:
    slot = SlotFactory()
    rows = Slot.objects.filter(pk=slot.pk)

    rows.update(state="draft")
    first = GoneSlot.objects.get()
    rows.update(state="published")
    rows.update(state="draft")
    second = GoneSlot.objects.get()

    assert (second.slot_number, second.sequence > first.sequence) == (slot.pk, True)
    assert second.gone_ms > first.gone_ms


def test_without_the_triggers_nothing_is_marked() -> None:
    slot = SlotFactory()
    seen = mark_of(slot)

    marks.lift(connection)
    try:
        Activity.objects.filter(pk=slot.activity_id).update(title_fr="Autre")
        marked = mark_of(slot)
        slot.delete()
        gone = GoneSlot.objects.count()
    finally:
        marks.lay(connection)

    assert (marked, gone) == (seen, 0)


def test_a_mark_is_forgotten_after_90_days() -> None:
    SlotFactory().delete()
    gone_at = moment_of(GoneSlot.objects.get().gone_ms)

    purge_expired(now=gone_at + KEPT)
    assert GoneSlot.objects.count() == 1

    purge_expired(now=gone_at + KEPT + dt.timedelta(seconds=1))
    assert GoneSlot.objects.count() == 0
