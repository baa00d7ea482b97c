"""The automatic timetable from the desk: asked, done, read, taken back; and what a host would like."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.longwork import work_on
from events.models import Job, Placement, PlannedStay, SlotWish
from events.scheduling import autoplan
from events.scheduling.autoplan import run_autoplan
from events.scheduling.draft import plan_slot
from tests.factories import DAY, NOW, AppearanceFactory, HostPersonFactory, RoomFactory, TerritoryFactory

from .conftest import a_slot

ASKED = {
    "days": [DAY.isoformat()],
    "earliest": "09:00",
    "latest": "18:00",
    "which": "tray",
    "wishes": "3",
    "rooms": "2",
    "themes": "1",
    "gaps": "1",
    "step": "15",
}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(autoplan, "LEAST_SECONDS", 0.3)


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def done(desk, **more) -> Job:
    answer = desk.post(url("autoplan"), {**ASKED, **more})
    assert answer.status_code == 302, answer.content.decode()
    work_on({Job.Kind.TIMETABLE: run_autoplan}, clock=lambda: NOW)
    return Job.objects.get()


def plain(response) -> str:
    text = re.sub(r"<[^>]+>", "", response.content.decode())
    return re.sub(r"[\s\u202f\xa0]+", " ", text)


def test_the_page_offers_the_days_with_slots_to_come(desk, place):
    a_slot(place)
    page = desk.get(url("autoplan"))
    assert DAY.isoformat() in [value for value, _label in page.context["form"].fields["days"].choices]
    assert "1 créneau n’a pas encore de salle" in plain(page)


def test_asked_for_it_leads_to_the_page_of_the_work(desk, place):
    a_slot(place)
    answer = desk.post(url("autoplan"), ASKED)
    assert answer.url == url("job", Job.objects.get().pk)
    assert Job.objects.get().params["weights"] == [3, 2, 1, 1]


def test_hours_the_wrong_way_round_are_told_at_the_field_and_nothing_is_lost(desk, place):
    a_slot(place)
    answer = desk.post(url("autoplan"), {**ASKED, "earliest": "19:00"})
    assert answer.status_code == 422
    assert "latest" in answer.context["form"].errors
    assert 'value="19:00"' in answer.content.decode()
    assert not Job.objects.exists()


def test_where_nothing_is_to_be_placed_it_says_so(desk, place):
    a_slot(place, taken=1, capacity=10)
    answer = desk.post(url("autoplan"), ASKED)
    assert answer.status_code == 409
    assert not Job.objects.exists()


def test_the_report_tells_who_has_a_place_how_good_it_is_and_who_has_none(desk, place):
    a_slot(place, dt.time(10))
    large = a_slot(place, dt.time(14), capacity=5_000)
    job = done(desk)
    page = plain(desk.get(url("job", job.pk)))
    assert "1 créneau sur 2 a sa place" in page
    assert "La plus grande salle accueille" in page
    assert "Ce qui lui ouvrirait une place" in page
    assert url("timetable_slot", large.pk) in desk.get(url("job", job.pk)).content.decode()


def test_all_of_it_is_taken_back_with_one_button(desk, place):
    a_slot(place, dt.time(10))
    a_slot(place, dt.time(10, 30))
    job = done(desk)
    assert PlannedStay.objects.count() == 2
    answer = desk.post(url("autoplan_undo", job.pk))
    assert answer.url == url("timetable")
    assert not PlannedStay.objects.exists()


def test_after_another_change_it_is_not_taken_back_blindly(desk, place):
    slot = a_slot(place, dt.time(10))
    job = done(desk)
    plan_slot(slot_id=slot.pk, room_id=None, by=place.organiser, now=NOW + dt.timedelta(minutes=1))
    answer = desk.post(url("autoplan_undo", job.pk))
    assert answer.url == url("job", job.pk)
    assert Placement.objects.get(slot=slot).room is None


def test_the_report_asks_as_much_for_three_as_for_one(desk, place):
    def queries(job) -> int:
        with CaptureQueriesContext(connection) as seen:
            desk.get(url("job", job.pk))
        return len(seen)

    a_slot(place, dt.time(9), capacity=5_000)
    one = done(desk)
    for_one = queries(one)
    for hour in (10, 11):
        a_slot(place, dt.time(hour), capacity=5_000)
    one.delete()
    assert queries(done(desk)) == for_one


def test_the_form_asks_as_much_for_three_slots_as_for_one(desk, place):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            desk.get(url("autoplan"))
        return len(seen)

    a_slot(place, dt.time(9))
    for_one = queries()
    for hour in (10, 11):
        slot = a_slot(place, dt.time(hour))
        AppearanceFactory(person=HostPersonFactory(host=place.host), slot=slot)
    assert queries() == for_one


# What a host would like -------------------------------------------------------------------------------------


def test_a_wish_is_noted_and_shown_again(desk, place):
    slot = a_slot(place)
    answer = desk.post(
        url("slot_wish", slot.pk),
        {"days": [DAY.isoformat()], "earliest": "9h30", "latest": "", "room": place.room.pk},
    )
    assert answer.url == url("timetable_slot", slot.pk)
    wish = SlotWish.objects.get(slot=slot)
    assert (wish.days, wish.earliest, wish.latest, wish.room) == (
        [DAY.isoformat()],
        dt.time(9, 30),
        None,
        place.room,
    )
    assert desk.get(url("slot_wish", slot.pk)).context["form"]["earliest"].value() == dt.time(9, 30)


def test_an_empty_wish_is_none(desk, place):
    slot = a_slot(place)
    SlotWish.objects.create(slot=slot, earliest=dt.time(9))
    desk.post(url("slot_wish", slot.pk), {})
    assert not SlotWish.objects.exists()


def test_a_room_of_another_territory_cannot_be_wished(desk, place):
    slot = a_slot(place)
    other = RoomFactory(venue__territory=TerritoryFactory())
    answer = desk.post(url("slot_wish", slot.pk), {"room": other.pk})
    assert answer.status_code == 422
    assert not SlotWish.objects.exists()


def test_a_wish_that_ends_before_it_begins_is_told_at_the_field(desk, place):
    slot = a_slot(place)
    answer = desk.post(url("slot_wish", slot.pk), {"earliest": "11:00", "latest": "10:00"})
    assert answer.status_code == 422
    assert "latest" in answer.context["form"].errors
