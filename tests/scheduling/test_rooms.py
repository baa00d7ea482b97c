"""When a room is open: its venue's hours, its own, special days, nights on which clocks change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from events.models import OpeningHours, Room, RoomHours, SpecialDays
from events.refusals import Reason, Refused
from events.scheduling.place import place_slot
from events.scheduling.rooms import OPEN_TIMES, closed_by, is_open, open_ranges
from events.scheduling.venues import outside_hours
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

ALL_DAY = [(0, 24 * 60)]


@pytest.fixture
def room():
    return RoomFactory(name="Grande salle")


def weekly(venue, opens, closes, *, day=DAY):
    OpeningHours.objects.create(venue=venue, weekday=day.isoweekday(), opens=opens, closes=closes)


def own(room, opens, closes, *, day=DAY):
    RoomHours.objects.create(room=room, weekday=day.isoweekday(), opens=opens, closes=closes)


def special(where, opens=None, closes=None, *, first=DAY, last=DAY, reason="Fête"):
    venue, room = (where.venue, where) if isinstance(where, Room) else (where, None)
    return SpecialDays.objects.create(
        venue=venue, room=room, first_day=first, last_day=last, opens=opens, closes=closes, reason=reason
    )


def minutes(*hours):
    """« 9, 12 » as one range in minutes."""
    return [(opens * 60, closes * 60) for opens, closes in zip(hours[::2], hours[1::2], strict=True)]


def at(hour, minute=0, *, day=DAY, fold=0, zone="Europe/Paris"):
    return dt.datetime.combine(day, dt.time(hour, minute, fold=fold), ZoneInfo(zone))


def test_a_room_nobody_has_said_anything_of_is_open(room):
    assert open_ranges(room, DAY) == ALL_DAY
    assert is_open(room, at(23), at(2, day=DAY + dt.timedelta(days=1)))


def test_a_room_has_the_hours_of_its_venue(room):
    weekly(room.venue, dt.time(9), dt.time(12))
    weekly(room.venue, dt.time(12), dt.time(18))

    assert open_ranges(room, DAY) == minutes(9, 18)
    assert open_ranges(room, DAY + dt.timedelta(days=1)) == []
    assert open_ranges(room.venue, DAY) == minutes(9, 18)


def test_its_own_hours_stand_instead_of_its_venue_s(room):
    weekly(room.venue, dt.time(9), dt.time(18))
    own(room, dt.time(14), dt.time(22))

    assert open_ranges(room, DAY) == minutes(14, 22)
    assert open_ranges(room.venue, DAY) == minutes(9, 18)
    assert open_ranges(room, DAY + dt.timedelta(days=1)) == []


def test_a_closed_day_of_the_venue_closes_every_room_whatever_else_is_said(room):
    own(room, dt.time(9), dt.time(18))
    special(room, dt.time(10), dt.time(12))
    special(room.venue)

    assert open_ranges(room, DAY) == []
    assert not is_open(room, at(10), at(11))
    assert open_ranges(room, DAY + dt.timedelta(days=7)) == minutes(9, 18)


def test_a_closed_day_of_one_room_leaves_the_others_open(room):
    other = RoomFactory(venue=room.venue)
    special(room)

    assert (open_ranges(room, DAY), open_ranges(other, DAY)) == ([], ALL_DAY)
    assert open_ranges(room.venue, DAY) == ALL_DAY


def test_a_closed_period_ends_with_its_last_day(room):
    special(room.venue, first=DAY, last=DAY + dt.timedelta(days=2))

    days = [DAY + dt.timedelta(days=n) for n in range(-1, 4)]
    assert [bool(open_ranges(room, day)) for day in days] == [True, False, False, False, True]


def test_hours_of_that_very_day_stand_instead_of_the_week_s(room):
    weekly(room.venue, dt.time(9), dt.time(18))
    special(room.venue, dt.time(20), dt.time(23, 59))
    special(room.venue, dt.time(10), dt.time(12))

    assert open_ranges(room, DAY) == minutes(10, 12, 20, 24)


def test_a_room_with_its_own_week_is_open_no_longer_than_its_venue_that_day(room):
    own(room, dt.time(8), dt.time(20))
    special(room.venue, dt.time(10), dt.time(16))

    assert open_ranges(room, DAY) == minutes(10, 16)


def test_a_room_s_hours_of_that_day_count_before_the_venue_s(room):
    special(room.venue, dt.time(10), dt.time(16))
    special(room, dt.time(18), dt.time(21))

    assert open_ranges(room, DAY) == minutes(18, 21)


def test_a_hall_is_open_when_all_its_parts_are_and_closed_with_any_of_them(room):
    one, other = RoomFactory(venue=room.venue), RoomFactory(venue=room.venue)
    room.parts.set([one, other])
    own(one, dt.time(8), dt.time(14))
    own(other, dt.time(10), dt.time(18))
    assert open_ranges(room, DAY) == minutes(10, 14)

    special(other, first=DAY, last=DAY, reason="Peinture")

    assert (open_ranges(room, DAY), open_ranges(one, DAY)) == ([], minutes(8, 14))
    assert closed_by(room, at(10), at(11)).reason == "Peinture"


def test_a_visit_over_midnight_needs_both_days(room):
    next_day = DAY + dt.timedelta(days=1)
    weekly(room.venue, dt.time(18), dt.time(23, 59))
    assert is_open(room, at(23), at(0, day=next_day))
    assert not is_open(room, at(23), at(1, day=next_day))

    weekly(room.venue, dt.time(0), dt.time(2), day=next_day)

    assert is_open(room, at(23), at(1, day=next_day))


def test_a_visit_that_ends_at_midnight_minds_no_closing_of_the_next_day(room):
    next_day = DAY + dt.timedelta(days=1)
    special(room.venue, first=next_day, last=next_day)

    assert is_open(room, at(23), at(0, day=next_day))
    assert closed_by(room, at(23), at(0, day=next_day)) is None


AUTUMN = dt.date(2027, 10, 31)
SPRING = dt.date(2027, 3, 28)


def test_the_hour_shown_twice_is_asked_about_both_times(room):
    """From 2 h 30 summer time to 2 h 15 winter time: 45 minutes, over the 3 h that the wall never reaches."""
    weekly(room.venue, dt.time(2, 30), dt.time(4), day=AUTUMN)
    start, end = at(2, 30, day=AUTUMN), at(2, 15, day=AUTUMN, fold=1)
    assert not is_open(room, start, end)

    weekly(room.venue, dt.time(1), dt.time(2, 30), day=AUTUMN)

    assert is_open(room, start, end)


def test_the_hour_the_clock_skips_needs_no_opening(room):
    weekly(room.venue, dt.time(0), dt.time(2), day=SPRING)
    weekly(room.venue, dt.time(3), dt.time(4), day=SPRING)

    assert is_open(room, at(1, 30, day=SPRING), at(3, 30, day=SPRING))
    assert not is_open(room, at(1, 30, day=SPRING), at(4, 30, day=SPRING))


def test_many_rooms_are_asked_with_as_many_queries_as_one(room, django_assert_num_queries):
    venue = room.venue
    hall = RoomFactory(venue=venue)
    hall.parts.set([RoomFactory(venue=venue), RoomFactory(venue=venue)])
    own(room, dt.time(8), dt.time(20))
    special(room.venue, dt.time(10), dt.time(16))
    rooms = list(venue.rooms.select_related("venue").prefetch_related(*OPEN_TIMES))

    with django_assert_num_queries(0):
        found = [open_ranges(one, DAY) for one in rooms]

    assert found == [minutes(10, 16)] * 4


# Whoever places -------------------------------------------------------------------------------------------


@pytest.fixture
def slot(room):
    activity = ActivityFactory(host=HostFactory(territory=room.venue.territory))
    return SlotFactory(activity=activity, start_time=dt.time(10), duration=60)


def test_a_slot_is_refused_on_a_closed_day_with_the_reason(room, slot):
    other = RoomFactory(venue=room.venue, name="Salle Canal")
    special(room, reason="Peinture")

    with pytest.raises(Refused) as caught:
        place_slot(slot_id=slot.pk, room_id=room.pk, by=UserFactory(), now=NOW)

    assert caught.value.reason == Reason.ROOM_CLOSED
    assert caught.value.facts["closed_by"].reason == "Peinture"
    assert {way.room for way in caught.value.facts["ways_out"]} == {other}


def test_a_placed_slot_whose_room_is_closed_later_is_named(room, slot):
    place_slot(slot_id=slot.pk, room_id=room.pk, by=UserFactory(), now=NOW)
    slot.refresh_from_db()
    assert outside_hours(slots=[slot]) == []

    special(room)

    slot.refresh_from_db()
    assert outside_hours(slots=[slot]) == [slot]


def test_a_slot_without_a_room_is_outside_no_hours(slot):
    special(VenueFactory(territory=slot.activity.territory))

    assert outside_hours(slots=[slot]) == []
