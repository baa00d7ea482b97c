"""How much of their open hours rooms are used."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from events.models import OpeningHours, RoomOccupancy, SpecialDays
from events.scheduling.occupation import occupation
from tests.factories import DAY, RoomFactory

pytestmark = pytest.mark.django_db

NEXT = DAY + dt.timedelta(days=1)


@pytest.fixture
def room():
    return RoomFactory(name="Grande salle")


def weekly(room, opens, closes):
    for weekday in range(1, 8):
        OpeningHours.objects.create(
            venue=room.venue, weekday=weekday, opens=dt.time(opens), closes=dt.time(closes)
        )


def used(room, first, last, *, day=DAY, until=DAY, zone="Europe/Paris"):
    """From one hour to another (fractions) on the wall."""
    start, end = (
        dt.datetime.combine(on, dt.time(int(at), int(at % 1 * 60)), ZoneInfo(zone))
        for on, at in ((day, first), (until, last))
    )
    RoomOccupancy.objects.create(room=room, label="x", starts_at=start, ends_at=end)


def count(*rooms, days=(DAY,), zone="Europe/Paris"):
    return occupation(rooms=rooms, occupancies=RoomOccupancy.objects.all(), days=days, zone=zone)


def test_a_room_used_two_of_eight_hours_is_used_a_quarter(room):
    weekly(room, 10, 18)
    used(room, 10, 11.5)
    used(room, 16, 16.5)

    found = count(room)

    assert (found.total.open, found.total.used, found.total.share) == (480, 120, 0.25)
    assert found.by_day[room.pk, DAY].share == 0.25
    assert [found.by_hour[room.pk, hour].used for hour in (10, 11, 12, 16)] == [60, 30, 0, 30]
    assert list(found.span) == list(range(10, 18))


def test_where_nobody_has_said_nine_to_eighteen_is_taken(room):
    used(room, 7, 10)

    assert (count(room).total.open, count(room).total.used) == (540, 60)


def test_a_closed_day_counts_for_nothing(room):
    weekly(room, 10, 18)
    SpecialDays.objects.create(venue=room.venue, first_day=DAY, last_day=DAY, reason="Fête")

    found = count(room, days=(DAY, NEXT))

    assert (found.by_day[room.pk, DAY].share, found.by_day[room.pk, NEXT].open) == (None, 480)
    assert found.total.open == 480


def test_what_lasts_over_midnight_counts_on_both_days(room):
    SpecialDays.objects.create(
        venue=room.venue,
        first_day=DAY,
        last_day=NEXT,
        opens=dt.time(0),
        closes=dt.time(23, 59),
        reason="Nuit",
    )
    used(room, 23, 2, until=NEXT)

    found = count(room, days=(DAY, NEXT))

    assert [found.by_day[room.pk, day].used for day in (DAY, NEXT)] == [60, 120]


def test_hours_are_those_of_the_territory_s_wall(room):
    used(room, 10, 11, zone="Indian/Reunion")

    assert count(room, zone="Indian/Reunion").by_hour[room.pk, 10].used == 60


def test_a_hall_counts_through_its_parts(room):
    other = RoomFactory(venue=room.venue)
    hall = RoomFactory(venue=room.venue)
    hall.parts.set([room, other])
    used(room, 9, 18)

    found = count(room, other, hall)

    assert found.rooms == [room, other]
    assert found.total.share == 0.5


def test_an_open_room_without_anything_in_it_is_empty_and_a_closed_one_is_not(room):
    empty, closed = RoomFactory(venue=room.venue), RoomFactory(venue=room.venue)
    SpecialDays.objects.create(venue=room.venue, room=closed, first_day=DAY, last_day=DAY, reason="Fête")
    used(room, 10, 11)

    assert count(room, empty, closed).empty_rooms == [empty]


def test_hours_in_which_hardly_a_room_is_left_are_named_as_one_stretch(room):
    other = RoomFactory(venue=room.venue)
    for one in (room, other):
        used(one, 14, 16)
    used(room, 10, 11)

    assert count(room, other).overloaded == [(DAY, 14, 16)]


def test_without_rooms_or_days_there_is_nothing_to_say(room):
    assert count(days=(DAY,)).total.share is None
    assert count(room, days=()).empty_rooms == []
