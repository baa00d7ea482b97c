"""The editor of the draft: its page, its forms, what its script asks; and the release."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.mail.watch import look_after_mail
from events.models import (
    Absence,
    Appearance,
    HostPerson,
    Message,
    OpeningHours,
    Placement,
    Release,
    RuleLevel,
)
from events.scheduling.draft import plan_slot
from events.scheduling.place import When, place_slot
from tests.factories import DAY, NOW, RegistrationFactory, RoomFactory, UserFactory

from .conftest import a_slot

URL = "/organisation/toulouse/horaire/"
CHANGE = f"{URL}changer/"
STATE = f"{URL}etat.json?jour=2027-06-10"
JSON = {"HTTP_ACCEPT": "application/json"}


def ask(desk, gesture, slot=None, **more):
    fields = {"geste": gesture, "retour": "2027-06-10", **more}
    return desk.post(CHANGE, fields | ({"creneau": slot.pk} if slot else {}), **JSON)


def put(desk, slot, room, at="10:00", **more):
    fields = {"salle": room.pk if room else "", "jour": "2027-06-10", "heure": at, "duree": 60, **more}
    return ask(desk, "poser", slot, **fields)


def plan(place, slot, room, at=None):
    when = When(DAY, at, 60) if at else None
    return plan_slot(slot_id=slot.pk, room_id=room.pk, when=when, by=place.organiser, now=NOW)


class TestTheDay:
    def test_shows_each_room_with_its_slots_and_what_waits(self, desk, place):
        placed, waiting = a_slot(place), a_slot(place, dt.time(14))
        plan(place, placed, place.room)

        page = desk.get(f"{URL}?jour=2027-06-10")

        rooms = {room.name: [b["slot"] for b in blocks] for room, blocks in page.context["by_room"].items()}
        assert rooms == {"Grande salle": [placed.pk], "Salle Canal": []}
        assert [block["slot"] for block in page.context["tray"]] == [waiting.pk]
        assert "Publier 1 changement" in page.content.decode()

    def test_looking_writes_nothing(self, desk, place):
        a_slot(place)

        desk.get(URL)
        desk.get(STATE)

        assert not Placement.objects.exists()

    def test_asks_as_much_for_many_slots_as_for_few_and_at_most_ten(self, desk, place):
        look_after_mail(NOW)  # as the sweep does every half minute
        counts = []
        for number in (1, 3):
            for hour in range(number):
                slot = a_slot(place, dt.time(9 + hour, 10 * number))
                place_slot(
                    slot_id=slot.pk, room_id=RoomFactory(venue=place.venue).pk, by=place.organiser, now=NOW
                )
            with CaptureQueriesContext(connection) as queries:
                desk.get(f"{URL}?jour=2027-06-10")
            counts.append(len(queries))

        assert counts[0] == counts[1] <= 10

    def test_the_state_says_when_a_room_is_closed_and_what_clears_it(self, desk, place):
        OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(18))
        place.room.turnover_minutes = 15
        place.room.save()
        slot = a_slot(place)
        plan(place, slot, place.room)

        state = desk.get(STATE).json()

        assert {"room": place.room.pk, "from": 0, "to": 540} in state["closed"]
        assert {"room": place.room.pk, "from": 1080, "to": 1440} in state["closed"]
        assert [(held["start"], held["label"]) for held in state["held"]] == [
            ("2027-06-10T11:00", "remise en ordre")
        ]
        assert [block["start"] for block in state["blocks"]] == ["2027-06-10T10:00"]

    def test_the_state_is_not_sent_again_while_nothing_changes(self, desk, place):
        slot = a_slot(place)
        etag = desk.get(STATE).headers["ETag"]
        again = desk.get(STATE, HTTP_IF_NONE_MATCH=f"W/{etag}")

        plan(place, slot, place.room)
        after = desk.get(STATE, HTTP_IF_NONE_MATCH=etag)

        assert (again.status_code, after.status_code) == (304, 200)

    def test_the_state_asks_as_much_for_three_rooms_as_for_one(self, desk, place):
        counts = []
        for number in (1, 3):
            for _room in range(number):
                room = RoomFactory(venue=place.venue)
                place_slot(
                    slot_id=a_slot(place, dt.time(9 + room.pk % 9, room.pk % 50)).pk,
                    room_id=room.pk,
                    by=place.organiser,
                    now=NOW,
                )
            with CaptureQueriesContext(connection) as queries:
                desk.get(STATE)
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestAGesture:
    def test_plans_a_slot_and_says_where_it_is(self, desk, place):
        slot = a_slot(place)

        answer = put(desk, slot, place.room, "15:30")

        (block,) = answer.json()["blocks"]
        assert (block["room"], block["start"], block["changed"]) == (place.room.pk, "2027-06-10T15:30", True)
        slot.refresh_from_db()
        assert slot.room is None

    def test_that_is_refused_names_what_is_in_the_way_and_ways_out(self, desk, place):
        plan(place, a_slot(place), place.room)
        other = a_slot(place, dt.time(10, 30))

        answer = put(desk, other, place.room, "10:30")

        assert answer.status_code == 409
        said = answer.json()
        assert said["reason"] == "room_occupied"
        assert said["sentences"][1] == "«\u00a0Un robot jardinier\u00a0» l’occupe, 10\u00a0h – 11\u00a0h."
        assert 1 <= len(said["ways"]) <= 3

    def test_on_what_somebody_else_has_changed_changes_nothing(self, desk, place):
        slot = a_slot(place)
        seen = plan(place, slot, place.room).revision
        plan_slot(slot_id=slot.pk, room_id=place.other_room.pk, by=UserFactory(), now=NOW)

        answer = put(desk, slot, place.room, "16:00", vu=seen)

        assert (answer.status_code, answer.json()["reason"]) == (409, "changed_meanwhile")
        assert Placement.objects.get(slot=slot).room == place.other_room

    @pytest.mark.parametrize(
        "bad", [{"heure": "25:99"}, {"duree": "0"}, {"jour": "demain"}, {"salle": "987654"}, {"duree": "x"}]
    )
    def test_that_cannot_be_read_is_no_error_of_ours(self, desk, place, bad):
        answer = put(desk, a_slot(place), place.room, **bad)

        assert answer.status_code == 422
        assert not Placement.objects.exists()

    def test_swaps_pins_cancels_goes_back_and_is_undone(self, desk, place):
        one, other = a_slot(place), a_slot(place, dt.time(14))
        put(desk, one, place.room)
        put(desk, other, place.other_room, "14:00")

        ask(desk, "echanger", one, avec=other.pk)
        assert Placement.objects.get(slot=one).room == place.other_room
        ask(desk, "defaire")
        assert Placement.objects.get(slot=one).room == place.room
        ask(desk, "refaire")
        assert Placement.objects.get(slot=one).room == place.other_room
        ask(desk, "defaire")
        ask(desk, "epingler", one)
        assert Placement.objects.get(slot=one).is_pinned
        ask(desk, "retirer", one)
        assert Placement.objects.get(slot=one).room is None
        ask(desk, "annuler", one)
        assert Placement.objects.get(slot=one).cancels
        ask(desk, "retablir", one)
        assert Placement.objects.get(slot=one).is_changed is False

    def test_without_script_leads_back_to_its_day(self, desk, place):
        slot = a_slot(place)

        answer = desk.post(CHANGE, {"geste": "epingler", "creneau": slot.pk, "retour": "2027-06-10"})

        assert (answer.status_code, answer.url) == (302, f"{URL}?jour=2027-06-10")

    def test_with_nothing_to_undo_says_so(self, desk, place):
        assert ask(desk, "defaire").json()["sentences"] == ["Il n’y a rien à annuler."]

    def test_warns_of_equipment_that_is_missing(self, desk, place):
        place.activity.needs = ["screen"]
        place.activity.save()
        slot = a_slot(place)
        put(desk, slot, place.room)

        (block,) = desk.get(STATE).json()["blocks"]

        assert len(block["warnings"]) == 1

    def test_outside_the_opening_hours_is_refused(self, desk, place):
        OpeningHours.objects.create(venue=place.venue, weekday=4, opens=dt.time(9), closes=dt.time(12))

        answer = put(desk, a_slot(place), place.room, "14:00")

        assert (answer.status_code, answer.json()["reason"]) == (409, "rule_broken")


class TestTheFormOfASlot:
    def test_plans_it(self, desk, place):
        slot = a_slot(place)

        answer = desk.post(
            f"{URL}{slot.pk}/",
            {"room": place.room.pk, "day": "2027-06-11", "start": "9h30", "duration": 45, "seen": 0},
        )

        placement = Placement.objects.get(slot=slot)
        assert (placement.day, placement.start_time, placement.duration) == (
            dt.date(2027, 6, 11),
            dt.time(9, 30),
            45,
        )
        assert answer.url == f"{URL}?jour=2027-06-11"

    def test_keeps_what_was_typed_when_it_is_refused(self, desk, place):
        plan(place, a_slot(place), place.room)
        slot = a_slot(place, dt.time(10, 15))

        page = desk.post(
            f"{URL}{slot.pk}/",
            {"room": place.room.pk, "day": "2027-06-10", "start": "10:20", "duration": 60, "seen": 0},
        )

        assert page.status_code == 409
        assert page.context["form"]["start"].value() == "10:20"
        assert "l’occupe" in page.content.decode()

    def test_asks_which_where_the_clock_shows_a_time_twice(self, desk, place):
        slot = a_slot(place)
        typed = {"room": "", "day": "2027-10-31", "start": "2:30", "duration": 60, "seen": 0}

        page = desk.post(f"{URL}{slot.pk}/", typed)
        assert page.status_code == 409
        assert "La seconde, à l’heure d’hiver" in page.content.decode()

        desk.post(f"{URL}{slot.pk}/", typed | {"fold": "1"})
        assert Placement.objects.get(slot=slot).fold == 1


class TestTheRelease:
    def test_shows_the_difference_in_words_before_it(self, desk, place):
        slot = a_slot(place)
        RegistrationFactory(slot=slot)
        plan(place, slot, place.room, dt.time(15))

        page = desk.get("/organisation/toulouse/publication/").content.decode()

        assert "<del>jeudi\u00a010\u00a0juin, 10\u00a0h – 11\u00a0h, La Cantine</del>" in page
        assert "<ins>jeudi\u00a010\u00a0juin, 15\u00a0h – 16\u00a0h, Grande salle, La Cantine</ins>" in page
        assert "1 inscription est prévenue" in page

    def test_publishes_and_tells(self, desk, place):
        slot = a_slot(place)
        RegistrationFactory(slot=slot)
        plan(place, slot, place.room, dt.time(15))
        fingerprint = desk.get("/organisation/toulouse/publication/").context["form"]["fingerprint"].value()

        answer = desk.post(
            "/organisation/toulouse/publication/", {"fingerprint": fingerprint, "name": "Salles de juin"}
        )

        slot.refresh_from_db()
        assert answer.url == "/organisation/toulouse/versions/1/"
        assert (slot.room, slot.start_time) == (place.room, dt.time(15))
        assert Message.objects.filter(kind="slot_moved").count() == 1
        assert "Salles de juin" in desk.get(answer.url).content.decode()
        versions = desk.get("/organisation/toulouse/versions/").content.decode()
        assert "Salles de juin" in versions
        assert "aujourd’hui à\u00a010\u00a0h" in versions  # eight in the morning by UTC

    def test_of_another_draft_than_was_read_is_asked_again(self, desk, place):
        slot = a_slot(place)
        plan(place, slot, place.room)
        fingerprint = desk.get("/organisation/toulouse/publication/").context["form"]["fingerprint"].value()
        plan(place, slot, place.other_room)

        page = desk.post("/organisation/toulouse/publication/", {"fingerprint": fingerprint, "name": "Juin"})

        assert (page.status_code, Release.objects.count()) == (409, 0)
        assert page.context["form"]["fingerprint"].value() != fingerprint
        assert page.context["form"]["name"].value() == "Juin"

    def test_is_refused_while_somebody_is_away(self, desk, place):
        slot = a_slot(place)
        person = HostPerson.objects.create(host=place.host, name="Camille Martin")
        Appearance.objects.create(person=person, slot=slot, starts_at=slot.starts_at, ends_at=slot.ends_at)
        plan(place, slot, place.room, dt.time(15))
        start = Placement.objects.get(slot=slot).starts_at
        Absence.objects.create(person=person, starts_at=start, ends_at=start + dt.timedelta(hours=1))
        page = desk.get("/organisation/toulouse/publication/")
        sent = {"fingerprint": page.context["form"]["fingerprint"].value()}

        refused = desk.post("/organisation/toulouse/publication/", sent)
        RuleLevel.objects.create(festival=place.festival, rule="away", level="warn")
        made = desk.post("/organisation/toulouse/publication/", sent)

        assert (refused.status_code, made.status_code) == (409, 302)
        assert "Camille Martin" in refused.content.decode()

    def test_stands_in_what_the_public_reads_and_in_its_feed(self, desk, client, place):
        slot = a_slot(place)
        plan(place, slot, place.room, dt.time(15))
        fingerprint = desk.get("/organisation/toulouse/publication/").context["form"]["fingerprint"].value()
        desk.post("/organisation/toulouse/publication/", {"fingerprint": fingerprint, "note": "Plus grand."})
        client.logout()

        page = client.get("/villes/toulouse/changements/").content.decode()
        feed = client.get("/villes/toulouse/changements.rss").content.decode()

        assert "Un robot jardinier" in page
        assert "Plus grand." in page
        assert feed.count("<item>") == 1
        assert "15\u00a0h" in feed

    def test_nothing_of_a_draft_is_public(self, client, place):
        slot = a_slot(place)
        plan(place, slot, place.room, dt.time(15))

        assert "Grande salle" not in client.get(slot.get_absolute_url()).content.decode()
        assert "Rien n’a changé" in client.get("/villes/toulouse/changements/").content.decode()
