"""Two venues are made one while slots are placed there: each ends at the one that stays."""

from __future__ import annotations

import datetime as dt

import pytest

from events.models import RoomOccupancy, Slot, Venue
from tests.factories import (
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)
from tests.ground import races
from tests.ground.site import Site

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]

ACTIONS = """
from accounts.models import User
from events.scheduling.merging import merge_venues
from events.scheduling.place import place_slot
by = User.objects.get(pk=task["by"])


def place(slot_id, room_id):
    place_slot(slot_id=slot_id, room_id=room_id, by=by, now=now)
    return "placed"


def merge(keep_id, drop_id):
    merge_venues(keep_id=keep_id, drop_id=drop_id, by=by, now=now)
    return "merged"
"""


def test_slots_placed_during_a_merge_end_at_the_venue_that_stays(database: Site):
    territory, festival = TerritoryFactory(), FestivalFactory()
    by = UserFactory(is_superuser=True).pk
    keep, drop = VenueFactory(territory=territory), VenueFactory(territory=territory)
    host = HostFactory(territory=territory)
    acts: list[list[object]] = [["merge", keep.pk, drop.pk]]
    for number in range(11):
        slot = SlotFactory(
            activity=ActivityFactory(host=host, festival=festival), start_time=dt.time(9 + number)
        )
        acts.append(["place", slot.pk, RoomFactory(venue=drop).pk])

    answers = races.race(database, ACTIONS, acts, processes=4, now=NOW.isoformat(), by=by)

    assert answers[0] in ("merged", "busy")
    assert set(answers[1:]) <= {"placed", "busy", "changed_meanwhile"}
    placed = Slot.objects.filter(room__isnull=False).select_related("room")
    assert len(placed) == answers.count("placed") == RoomOccupancy.objects.active().count()
    assert all(slot.venue_id == slot.room.venue_id for slot in placed)
    assert Venue.objects.filter(pk=drop.pk).exists() == (answers[0] == "busy")
