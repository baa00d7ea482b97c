"""The database itself refuses a second occupancy of a room, by whatever door it comes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction

from events import guards
from events.models import RoomOccupancy, Slot
from events.registration.withdraw import withdraw_slot
from events.scheduling.place import place_slot
from tests.factories import NOW, HostFactory, RoomFactory, SlotFactory, UserFactory

pytestmark = pytest.mark.django_db

TEN = dt.datetime(2027, 6, 10, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def held(room, start=TEN, **fields):
    return RoomOccupancy(room=room, label="Répétition", starts_at=start, ends_at=start + HOUR, **fields)


@pytest.fixture
def room():
    room = RoomFactory()
    held(room).save()
    return room


def test_saving_an_overlap_is_refused(room):
    with pytest.raises(IntegrityError, match=guards.GUARD), transaction.atomic():
        held(room, TEN + HOUR / 2).save()

    assert RoomOccupancy.objects.count() == 1


def test_bulk_create_of_an_overlap_is_refused(room):
    with pytest.raises(IntegrityError, match=guards.GUARD), transaction.atomic():
        RoomOccupancy.objects.bulk_create([held(room, TEN + HOUR), held(room, TEN + HOUR * 1.5)])

    assert RoomOccupancy.objects.count() == 1


def test_an_update_into_an_overlap_is_refused(room):
    held(room, TEN + 3 * HOUR).save()

    with pytest.raises(IntegrityError, match=guards.GUARD), transaction.atomic():
        RoomOccupancy.objects.filter(starts_at=TEN + 3 * HOUR).update(starts_at=TEN + HOUR / 2)

    assert RoomOccupancy.objects.filter(starts_at=TEN + 3 * HOUR).count() == 1


def test_an_update_into_another_room_s_overlap_is_refused(room):
    held(RoomFactory()).save()

    with pytest.raises(IntegrityError, match=guards.GUARD), transaction.atomic():
        RoomOccupancy.objects.exclude(room=room).update(room=room)


def test_waking_an_inactive_row_into_an_overlap_is_refused(room):
    held(room, active=False).save()

    with pytest.raises(IntegrityError, match=guards.GUARD), transaction.atomic():
        RoomOccupancy.objects.filter(active=False).update(active=True)


def test_plain_sql_is_refused(room):
    sql = """
        INSERT INTO events_roomoccupancy (room_id, slot_id, label, starts_at, ends_at, active)
        SELECT room_id, slot_id, label, starts_at, ends_at, active FROM events_roomoccupancy
    """
    with (
        pytest.raises(IntegrityError, match=guards.GUARD),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert RoomOccupancy.objects.count() == 1


def test_back_to_back_another_room_and_inactive_rows_are_free(room):
    RoomOccupancy.objects.bulk_create(
        [
            held(room, TEN + HOUR),
            held(room, TEN - HOUR),
            held(RoomFactory()),
            held(room, active=False),
        ]
    )

    assert RoomOccupancy.objects.count() == 5


def test_without_the_guard_the_overlap_gets_in(room):
    # PostgreSQL alters no table while foreign keys wait to be looked at until the end of the transaction.
    connection.check_constraints()
    guards.lift(connection)
    try:
        held(room).save()
        assert not guards.present(connection)
        assert RoomOccupancy.objects.filter(room=room).count() == 2
        RoomOccupancy.objects.last().delete()
    finally:
        connection.check_constraints()
        guards.lay(connection)

    assert guards.present(connection)


class TestASlotThatComesBack:
    """By plain SQL: no rule is asked."""

    @pytest.fixture
    def slot(self):
        slot = SlotFactory(activity__host=HostFactory())
        room = RoomFactory(venue__territory=slot.activity.territory)
        place_slot(slot_id=slot.pk, room_id=room.pk, by=UserFactory(), now=NOW)
        withdraw_slot(slot_id=slot.pk, reason="Malade", by=UserFactory(), now=NOW, by_host=False)
        return slot

    def come_back(self, slot, **fields):
        Slot.objects.filter(pk=slot.pk).update(state="published", cancelled_at=None, **fields)

    def test_takes_its_room_again(self, slot):
        self.come_back(slot)

        assert [row.active for row in slot.occupancies.all()] == [True]

    def test_is_refused_where_the_room_was_given_to_another(self, slot):
        row = slot.occupancies.get()
        held(row.room, row.starts_at).save()

        with pytest.raises(IntegrityError, match=guards.GUARD), transaction.atomic():
            self.come_back(slot)

    def test_is_refused_at_another_time_than_that_of_its_room(self, slot):
        row = slot.occupancies.get()

        with pytest.raises(IntegrityError, match=guards.TIED_GUARD), transaction.atomic():
            self.come_back(slot, starts_at=row.starts_at - HOUR)

    @pytest.mark.django_db(transaction=True)
    def test_without_the_tie_it_would_stand_in_a_room_it_does_not_hold(self, slot):
        guards.untie(connection)
        try:
            self.come_back(slot)
            assert [row.active for row in slot.occupancies.all()] == [False]
        finally:
            guards.tie(connection)

        assert guards.tied(connection)
