"""The times of an activity: planned, looked at, saved, moved, resized, withdrawn."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from events.hosting import delete_draft_slot
from events.models import Activity, Festival, Message, Mode, Slot
from events.refusals import Reason, Refused
from events.registration.book import register_party
from events.registration.withdraw import withdraw_slot
from events.scheduling.place import place_slot
from tests.factories import DAY, NOW, RoomFactory, UserFactory
from tests.host.people import a_slot, an_activity

pytestmark = pytest.mark.django_db

MORNING = {
    "days": ["2027-06-10", "2027-06-11"],
    "first": "09:00",
    "last": "12:00",
    "every": "45",
    "duration": "45",
    "capacity": "12",
}


@pytest.fixture
def activity(host) -> Activity:
    return an_activity(host)


def add(desk: Client, activity: Activity, **changes: object):
    page = reverse("events:host_slots_add", args=[activity.host.slug, activity.pk])
    fields = {key: value for key, value in {**MORNING, **changes}.items() if value is not None}
    return desk.post(page, fields)


class TestAdd:
    def test_looking_saves_nothing(self, desk: Client, activity):
        response = add(desk, activity, preview="1")

        assert response.status_code == 200
        assert len(response.context["lines"]) == 8
        assert not Slot.objects.exists()

    def test_what_is_shown_is_what_is_saved(self, desk: Client, activity):
        shown = add(desk, activity, preview="1").context["lines"]
        response = add(desk, activity, save="1")

        saved = Slot.objects.in_order()
        assert response.status_code == 302
        assert [(slot.starts_at, slot.ends_at) for slot in saved] == [
            (line.slot.starts_at, line.slot.ends_at) for line in shown
        ]
        assert {(slot.capacity, slot.state) for slot in saved} == {(12, "draft")}

    def test_the_preview_carries_the_very_fields(self, desk: Client, activity):
        page = add(desk, activity, preview="1").content.decode()

        for piece in ('value="2027-06-11"', 'value="09:00"', 'value="12:00"', 'name="save"'):
            assert piece in page

    def test_one_slot_is_a_sentence_without_repetition(self, desk: Client, activity):
        add(desk, activity, days=["2027-06-12"], last="", every="", first="14h30", save="1")

        slot = Slot.objects.get()
        assert (slot.day, slot.start_time) == (dt.date(2027, 6, 12), dt.time(14, 30))

    def test_a_time_that_is_taken_is_named_at_its_line_and_nothing_is_saved(self, desk: Client, activity):
        a_slot(activity, start_time=dt.time(9, 45))

        response = add(desk, activity, days=["2027-06-10"], save="1")

        assert [line.problem for line in response.context["lines"]] == [
            "",
            str(Reason.SAME_START.label),
            "",
            "",
        ]
        assert 'name="save"' not in response.content.decode()
        assert Slot.objects.count() == 1

    def test_clocks_that_go_back_are_asked_about(self, desk: Client, activity):
        Festival.objects.update(starts_on=dt.date(2027, 10, 31), ends_on=dt.date(2027, 10, 31))
        activity.festival.refresh_from_db()
        night = {"days": ["2027-10-31"], "first": "02:15", "last": "", "every": "", "duration": "30"}

        asked = add(desk, activity, **night, save="1")
        add(desk, activity, **night, fold="1", save="1")

        assert [line.problem for line in asked.context["lines"]] == [str(Reason.TIME_TWICE.label)]
        assert 'name="fold"' in asked.content.decode()
        assert Slot.objects.get().starts_at == dt.datetime(2027, 10, 31, 1, 15, tzinfo=dt.UTC)

    def test_times_are_those_of_the_territory(self, desk: Client, activity):
        territory = activity.territory
        territory.timezone = "Indian/Reunion"
        territory.save()

        add(desk, activity, days=["2027-06-10"], last="", every="", save="1")

        slot = Slot.objects.get()
        assert (slot.timezone, slot.starts_at) == (
            "Indian/Reunion",
            dt.datetime(2027, 6, 10, 5, 0, tzinfo=dt.UTC),
        )

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"days": None}, ["days"]),
            ({"days": ["2027-06-13"]}, ["days"]),
            ({"days": ["n’importe quoi"]}, ["days"]),
            ({"first": ""}, ["first"]),
            ({"first": "25:00"}, ["first"]),
            ({"first": "midi"}, ["first"]),
            ({"duration": "4"}, ["duration"]),
            ({"duration": "1441"}, ["duration"]),
            ({"duration": "a"}, ["duration"]),
            ({"every": "0"}, ["every"]),
            ({"last": ""}, ["last"]),
            ({"last": "09:30"}, ["last"]),
            ({"capacity": ""}, ["capacity"]),
            ({"capacity": "0"}, ["capacity"]),
            ({"capacity": "999999999999"}, ["capacity"]),
            ({"every": "5", "duration": "5", "last": "08:59"}, ["every"]),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, desk: Client, activity, changes, fields):
        response = add(desk, activity, save="1", **changes)

        assert (response.status_code, list(response.context["form"].errors)) == (422, fields)
        assert not Slot.objects.exists()

    def test_a_drop_in_may_be_without_a_limit(self, desk: Client, activity):
        activity.mode = Mode.DROP_IN
        activity.save()

        add(desk, activity, capacity="", save="1")

        assert set(Slot.objects.values_list("capacity", flat=True)) == {None}

    def test_slots_of_a_published_activity_open_at_once(self, desk: Client, activity):
        activity.state = "published"
        activity.save()

        add(desk, activity, save="1")

        assert set(Slot.objects.values_list("state", flat=True)) == {"published"}

    def test_not_while_the_organisers_read_it(self, desk: Client, activity):
        activity.state = "submitted"
        activity.save()

        response = add(desk, activity, save="1")

        assert response.status_code == 302
        assert not Slot.objects.exists()


class TestPublishedSlot:
    @pytest.fixture
    def slot(self, host) -> Slot:
        slot = a_slot(an_activity(host, state="published"), capacity=4)
        for name, size in (("a", 3), ("b", 1)):
            register_party(
                slot_id=slot.pk,
                email=f"{name}@visite.example",
                party_size=size,
                submission_id=uuid.uuid4(),
                now=NOW,
            )
        Message.objects.all().delete()
        return slot

    def test_moving_it_tells_everybody(self, desk: Client, slot, host):
        page = reverse("events:host_slot_edit", args=[host.slug, slot.pk])

        warned = desk.get(page).content.decode()
        response = desk.post(page, {"day": "2027-06-11", "start_time": "10:00", "duration": "60"})

        slot.refresh_from_db()
        assert response.status_code == 302
        assert "4 " in warned
        assert (slot.day, slot.start_time, slot.duration, slot.revision) == (
            dt.date(2027, 6, 11),
            dt.time(10),
            60,
            1,
        )
        assert sorted(Message.objects.values_list("kind", "recipient")) == [
            ("slot_moved", "a@visite.example"),
            ("slot_moved", "b@visite.example"),
        ]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"day": "2027-06-20"}, "day"),
            ({"day": "2027-02-30"}, "day"),
            ({"start_time": "9h75"}, "start_time"),
            ({"duration": "0"}, "duration"),
        ],
    )
    def test_an_impossible_time_is_said_at_its_field(self, desk: Client, slot, host, changes, field):
        typed = {"day": "2027-06-11", "start_time": "10:00", "duration": "60", **changes}

        response = desk.post(reverse("events:host_slot_edit", args=[host.slug, slot.pk]), typed)

        assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
        assert not Message.objects.exists()

    def test_a_time_that_is_taken_is_refused_at_its_field(self, desk: Client, slot, host):
        a_slot(slot.activity, start_time=dt.time(15))

        response = desk.post(
            reverse("events:host_slot_edit", args=[host.slug, slot.pk]),
            {"day": DAY.isoformat(), "start_time": "15:00", "duration": "45"},
        )

        assert response.context["form"].errors["start_time"] == [str(Reason.SAME_START.label)]

    def test_a_room_that_is_taken_is_refused_with_what_would_go_there(self, desk: Client, slot, host, member):
        room = RoomFactory(venue__territory=host.territory)
        beside = a_slot(slot.activity, start_time=dt.time(15), duration=60)
        other = a_slot(an_activity(host, slug="autre"), start_time=dt.time(10), duration=60)
        for one in (beside, other):
            place_slot(slot_id=one.pk, room_id=room.pk, by=member, now=NOW)

        response = desk.post(
            reverse("events:host_slot_edit", args=[host.slug, beside.pk]),
            {"day": DAY.isoformat(), "start_time": "10:30", "duration": "60"},
        )

        assert response.context["form"].errors["start_time"] == [
            str(Reason.ROOM_OCCUPIED.label),
            "Elle est libre à 11\u00a0h.",
        ]

    def test_more_places_are_offered_to_who_waits(self, desk: Client, slot, host):
        register_party(
            slot_id=slot.pk,
            email="c@visite.example",
            party_size=2,
            submission_id=uuid.uuid4(),
            now=NOW,
            wait=True,
        )

        desk.post(reverse("events:host_slot_capacity", args=[host.slug, slot.pk]), {"capacity": "6"})

        slot.refresh_from_db()
        assert (slot.capacity, slot.taken, slot.held, slot.waiting) == (6, 4, 2, 0)

    def test_never_under_what_is_taken(self, desk: Client, slot, host):
        response = desk.post(
            reverse("events:host_slot_capacity", args=[host.slug, slot.pk]), {"capacity": "3"}
        )

        assert response.context["form"].errors["capacity"] == [str(Reason.PLACES_TAKEN.label)]
        assert Slot.objects.get().capacity == 4

    def test_withdrawing_asks_first_then_tells_everybody_why(self, desk: Client, slot, host):
        page = reverse("events:host_slot_withdraw", args=[host.slug, slot.pk])

        asked = desk.get(page)
        assert (asked.context["people"], Slot.objects.get().state) == (4, "published")
        desk.post(page, {"reason": "Fuite d’eau"})

        slot.refresh_from_db()
        assert (slot.state, slot.cancelled_by_host, slot.cancel_reason) == ("cancelled", True, "Fuite d’eau")
        told = Message.objects.order_by("recipient").values_list("kind", "recipient", "context__reason")
        assert list(told) == [
            ("slot_cancelled", "a@visite.example", "Fuite d’eau"),
            ("slot_cancelled", "b@visite.example", "Fuite d’eau"),
        ]

    def test_what_the_host_withdrew_it_brings_back(self, desk: Client, slot, host):
        desk.post(reverse("events:host_slot_withdraw", args=[host.slug, slot.pk]), {"reason": "Fuite d’eau"})
        page = reverse("events:host_slot", args=[host.slug, slot.pk])
        assert desk.get(page).context["may_restore"]

        desk.post(reverse("events:host_slot_restore", args=[host.slug, slot.pk]))

        slot.refresh_from_db()
        assert (slot.state, slot.taken) == ("published", 0)

    def test_what_the_organisers_withdrew_stays_so(self, desk: Client, slot, host):
        organiser = UserFactory(is_superuser=True)
        withdraw_slot(slot_id=slot.pk, reason="Grève", by=organiser, now=NOW, by_host=False)

        desk.post(reverse("events:host_slot_restore", args=[host.slug, slot.pk]))

        slot.refresh_from_db()
        assert slot.state == "cancelled"

    def test_without_a_reason_nothing_is_withdrawn(self, desk: Client, slot, host):
        response = desk.post(
            reverse("events:host_slot_withdraw", args=[host.slug, slot.pk]), {"reason": " \n"}
        )

        assert (response.status_code, list(response.context["form"].errors)) == (422, ["reason"])
        assert (Slot.objects.get().state, Message.objects.count()) == ("published", 0)

    def test_a_second_withdrawal_changes_nothing(self, desk: Client, slot, host):
        page = reverse("events:host_slot_withdraw", args=[host.slug, slot.pk])
        desk.post(page, {"reason": "Fuite d’eau"})

        response = desk.post(page, {"reason": "Encore"})

        assert response.status_code == 302
        assert Slot.objects.get().cancel_reason == "Fuite d’eau"

    def test_it_is_not_deleted(self, desk: Client, slot, host):
        desk.post(reverse("events:host_slot_delete", args=[host.slug, slot.pk]))

        assert Slot.objects.filter(pk=slot.pk).exists()


class TestDraftSlot:
    def test_it_is_moved_without_telling_anybody(self, desk: Client, activity, host):
        slot = a_slot(activity)

        desk.post(
            reverse("events:host_slot_edit", args=[host.slug, slot.pk]),
            {"day": "2027-06-12", "start_time": "10:00", "duration": "30"},
        )

        slot.refresh_from_db()
        assert (slot.day, slot.duration, slot.revision) == (dt.date(2027, 6, 12), 30, 0)
        assert not Message.objects.exists()

    def test_it_is_deleted(self, desk: Client, activity, host):
        slot = a_slot(activity)

        desk.post(reverse("events:host_slot_delete", args=[host.slug, slot.pk]))

        assert not Slot.objects.exists()

    def test_not_while_the_organisers_read_it(self, activity):
        slot = a_slot(activity)
        activity.state = "submitted"
        activity.save()

        with pytest.raises(Refused) as refused:
            delete_draft_slot(slot_id=slot.pk)

        assert refused.value.reason == Reason.WRONG_STATE

    @pytest.mark.parametrize("name", ["host_slot_edit", "host_slot_capacity"])
    def test_nor_is_it_changed_then(self, desk: Client, activity, host, name):
        slot = a_slot(activity)
        activity.state = "submitted"
        activity.save()

        response = desk.post(
            reverse(f"events:{name}", args=[host.slug, slot.pk]),
            {"day": "2027-06-12", "start_time": "10:00", "duration": "30", "capacity": "99"},
        )

        slot.refresh_from_db()
        assert response.status_code == 302
        assert (slot.day, slot.capacity) == (DAY, 10)
