"""A territory's slots: found, read with who comes, changed through the rules, taken out as a file."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.exchange.registrations_csv import safe_cell
from events.models import JournalEntry, Message, Registration, Slot
from events.scheduling.place import place_slot
from tests.factories import DAY, NOW, RegistrationFactory, VisitorFactory

from .conftest import a_slot, submitted


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def booked(slot, email="ada@example.org", **fields):
    """A registration that the slot's counter knows of."""
    registration = RegistrationFactory(slot=slot, visitor=VisitorFactory(email=email), **fields)
    if registration.status == Registration.Status.CONFIRMED:
        Slot.objects.filter(pk=slot.pk).update(taken=F("taken") + registration.party_size)
    elif registration.status == Registration.Status.WAITING:
        Slot.objects.filter(pk=slot.pk).update(waiting=F("waiting") + 1)
    return registration


def read_csv(response):
    """The file as a spreadsheet reads it: BOM taken off, semicolons."""
    content = b"".join(response.streaming_content)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def refused_mail(registration):
    return Message.objects.create(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key=f"confirm:{registration.pk}:0",
        recipient=registration.visitor.email,
        registration=registration,
        territory=registration.slot.activity.territory,
        message_id=f"<{registration.pk}@example.org>",
        status=Message.Status.FAILED,
        next_attempt_at=NOW,
        created_at=NOW,
        last_answer="550 5.1.1 No such user",
    )


def test_the_list_shows_what_is_to_come_and_finds_by_words(desk, place):
    robot = a_slot(place)
    other = a_slot(
        place, at=dt.time(15), activity=submitted(place, title_fr="Écrire une énigme", state="published")
    )
    a_slot(place, at=dt.time(16), state="cancelled", cancelled_at=NOW)
    a_slot(place, at=dt.time(17), activity=submitted(place, state="draft"))

    everything = desk.get(url("slots")).context["slots"]
    found = desk.get(url("slots"), {"q": "ENIGME"}).context["slots"]
    that_day = desk.get(url("slots"), {"jour": "2027-06-11"}).context["slots"]

    assert [slot.pk for slot in everything] == [robot.pk, other.pk]
    assert [slot.pk for slot in found] == [other.pk]
    assert that_day == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("sans-salle", ["empty", "full", "waited"]),
        ("attente", ["waited"]),
        ("presque-complets", ["full", "waited"]),
        ("presque-vides", ["empty", "placed"]),
        ("annules", ["withdrawn"]),
        ("refus", ["full"]),
    ],
)
def test_the_list_is_cut_by_state(desk, place, state, expected):
    slots = {
        name: a_slot(place, at=dt.time(9 + number), capacity=3)
        for number, name in enumerate(["placed", "empty", "full", "waited", "withdrawn"])
    }
    place_slot(slot_id=slots["placed"].pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    refused_mail(booked(slots["full"], party_size=3))
    booked(slots["waited"], "bob@example.org", party_size=3)
    booked(slots["waited"], "eve@example.org", status="waiting", waiting_since=NOW)
    Slot.objects.filter(pk=slots["withdrawn"].pk).update(state="cancelled", cancelled_at=NOW)

    found = {slot.pk for slot in desk.get(url("slots"), {"etat": state}).context["slots"]}

    assert found == {slots[name].pk for name in expected}


def test_the_list_goes_on_from_a_key(desk, place, monkeypatch):
    monkeypatch.setattr("events.views.organiser_slots.PAGE", 2)
    slots = [a_slot(place, at=dt.time(9 + number)) for number in range(3)]

    first = desk.get(url("slots"))
    second = desk.get(url("slots"), {"apres": first.context["next_mark"]})

    assert [slot.pk for slot in first.context["slots"]] == [slots[0].pk, slots[1].pk]
    assert [slot.pk for slot in second.context["slots"]] == [slots[2].pk]
    assert second.context["next_mark"] is None


def test_a_slot_s_page_finds_a_person(desk, place):
    slot = a_slot(place)
    ada = booked(slot, name="Ada L.")
    eve = booked(slot, "eve@example.org")

    page = desk.get(url("slot", slot.pk))
    by_name = desk.get(url("slot", slot.pk), {"q": "ada l"}).context["people"]
    by_reference = desk.get(url("slot", slot.pk), {"q": eve.reference.lower()}).context["people"]

    assert page.context["people"] == [ada, eve]
    assert (by_name, by_reference) == ([ada], [eve])


def test_a_refused_mail_is_shown_with_the_answer(desk, place):
    slot = a_slot(place)
    refused_mail(booked(slot))

    page = desk.get(url("slot", slot.pk))

    assert [person.mail_refused for person in page.context["people"]] == [True]
    assert "550 5.1.1 No such user" in page.content.decode()
    assert [
        mail.recipient for mail, _answer in desk.get(url("messages"), {"etat": "failed"}).context["rows"]
    ] == ["ada@example.org"]


@pytest.mark.parametrize("name", ["slots", "slot", "overview", "moderation", "hosts", "venues", "venue"])
def test_one_and_three_cost_the_same_queries(desk, place, name):
    slot = a_slot(place)
    addresses = {
        "slots": url("slots"),
        "slot": url("slot", slot.pk),
        "overview": url("territory"),
        "moderation": url("moderation"),
        "hosts": url("hosts"),
        "venues": url("venues"),
        "venue": url("venue", "la-cantine"),
    }

    def cost():
        with CaptureQueriesContext(connection) as queries:
            desk.get(addresses[name])
        return len(queries)

    def one_more(number):
        booked(slot, f"v{number}@example.org", confirmed_at=NOW - dt.timedelta(days=number))
        activity = submitted(place)
        a_slot(place, at=dt.time(11 + number), activity=activity)
        mine = a_slot(place, at=dt.time(18, number), activity=submitted(place, state="published"))
        place_slot(
            slot_id=mine.pk,
            room_id=(place.room if number % 2 else place.other_room).pk,
            by=place.organiser,
            now=NOW,
        ) if number < 2 else None

    one_more(0)
    one = cost()
    one_more(1)
    one_more(2)

    assert cost() == one


def test_a_registration_is_given_back_on_somebody_s_behalf(desk, place):
    slot = a_slot(place, capacity=1)
    ada = booked(slot)
    eve = booked(slot, "eve@example.org", status="waiting", waiting_since=NOW)

    desk.post(url("registration_cancel", slot.pk, ada.reference))

    ada.refresh_from_db()
    eve.refresh_from_db()
    slot.refresh_from_db()
    assert (ada.status, ada.cancelled_by, eve.status, slot.taken) == (
        "cancelled",
        "organiser",
        "held",
        0,
    )


def test_places_are_changed_but_never_below_what_is_taken(desk, place):
    slot = a_slot(place)
    booked(slot, party_size=4)

    refused = desk.post(url("slot_capacity", slot.pk), {"capacity": 3})
    desk.post(url("slot_capacity", slot.pk), {"capacity": 4})

    slot.refresh_from_db()
    assert refused.status_code == 409
    assert list(refused.context["capacity_form"].errors) == ["capacity"]
    assert slot.capacity == 4


def test_a_move_tells_whoever_booked(desk, place):
    slot = a_slot(place)
    booked(slot)

    desk.post(url("slot_move", slot.pk), {"day": "2027-06-11", "start_time": "14:00", "duration": 45})

    slot.refresh_from_db()
    assert (slot.day, slot.start_time, slot.duration) == (dt.date(2027, 6, 11), dt.time(14), 45)
    assert Message.objects.get().kind == "slot_moved"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"day": "2027-02-31"}, "day"),
        ({"start_time": "25:00"}, "start_time"),
        ({"duration": "4"}, "duration"),
        ({"duration": "1441"}, "duration"),
        ({"day": ""}, "day"),
        ({"day": "2027-05-01"}, "start_time"),
    ],
)
def test_a_move_that_cannot_be_is_said_at_its_field(desk, place, typed, field):
    slot = a_slot(place)

    answer = desk.post(
        url("slot_move", slot.pk), {"day": "2027-06-10", "start_time": "14:00", "duration": 45, **typed}
    )

    assert answer.status_code in (409, 422)
    assert list(answer.context["move_form"].errors) == [field]
    slot.refresh_from_db()
    assert slot.start_time == dt.time(10)


def test_a_move_onto_another_names_it(desk, place):
    slot = a_slot(place)
    other = a_slot(place, at=dt.time(15), activity=submitted(place, title_fr="Petite histoire"))
    for one in (slot, other):
        place_slot(slot_id=one.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    answer = desk.post(
        url("slot_move", slot.pk), {"day": "2027-06-10", "start_time": "15:15", "duration": 45}
    )

    assert answer.status_code == 409
    assert (
        "«\xa0Petite histoire\xa0» tient Grande salle de 15\xa0h à 16\xa0h."
        in answer.context["refusal"]["sentences"]
    )


def test_a_slot_is_withdrawn_with_a_reason_only(desk, place):
    slot = a_slot(place)
    booked(slot)

    refused = desk.post(url("slot_withdraw", slot.pk), {"reason": " "})
    desk.post(url("slot_withdraw", slot.pk), {"reason": "Dégât des eaux"})

    slot.refresh_from_db()
    assert refused.status_code == 422
    assert (slot.state, slot.cancel_reason, slot.cancelled_by_host) == ("cancelled", "Dégât des eaux", False)
    assert Message.objects.get().kind == "slot_cancelled"


def test_a_withdrawn_slot_takes_place_after_all(desk, place):
    slot = a_slot(place)
    desk.post(url("slot_withdraw", slot.pk), {"reason": "Dégât des eaux"})
    assert desk.get(url("slot", slot.pk)).context["may_restore"]

    desk.post(url("slot_restore", slot.pk))

    slot.refresh_from_db()
    assert (slot.state, slot.cancel_reason) == ("published", "")
    assert not desk.get(url("slot", slot.pk)).context["may_restore"]


def test_whose_room_is_taken_comes_back_without_it(desk, place):
    slot, other = a_slot(place), a_slot(place, at=dt.time(10, 30))
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    desk.post(url("slot_withdraw", slot.pk), {"reason": "Dégât des eaux"})
    place_slot(slot_id=other.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    refused = desk.post(url("slot_restore", slot.pk))
    assert refused.status_code == 409
    assert refused.context["refusal"]["sentences"]
    desk.post(url("slot_restore", slot.pk), {"sans_salle": "1"})

    slot.refresh_from_db()
    assert (slot.state, slot.room) == ("published", None)


def test_a_slot_taken_out_of_its_room_waits_for_another(desk, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)

    desk.post(url("slot_unplace", slot.pk))

    slot.refresh_from_db()
    assert (slot.room, slot.occupancies.count()) == (None, 0)
    assert JournalEntry.objects.first().verb == "unplaced"


@pytest.mark.parametrize("name", ["slot_unplace", "registration_cancel", "decide"])
def test_what_acts_does_not_answer_to_get(desk, place, name):
    slot = a_slot(place)
    registration = booked(slot)
    arguments = {
        "slot_unplace": [slot.pk],
        "registration_cancel": [slot.pk, registration.reference],
        "decide": [submitted(place).pk],
    }

    assert desk.get(url(name, *arguments[name])).status_code == 405


# Files ----------------------------------------------------------------------------------------------------


def test_the_file_of_a_slot_reads_back(desk, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    ada = booked(slot, name="Ada ; « Lovelace »", party_size=2)
    booked(slot, "parti@example.org", status="cancelled", cancelled_at=NOW)

    response = desk.get(url("slot_csv", slot.pk))

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert read_csv(response) == [
        {
            "Référence": ada.reference,
            "Activité": "Un robot jardinier",
            "Hôte": "Les Robots",
            "Jour": "10/06/2027",
            "De": "10:00",
            "À": "11:00",
            "Lieu": "La Cantine",
            "Salle": "Grande salle",
            "Nom": "Ada ; « Lovelace »",
            "Adresse e-mail": "ada@example.org",
            "Nombre de places": "2",
            "État": "Confirmée",
            "Réservé": "03/05/2027 10:00",
            "Langue": "fr",
        }
    ]


def test_the_file_of_a_day_and_of_a_territory(desk, place):
    first = booked(a_slot(place))
    second = booked(a_slot(place, day=DAY + dt.timedelta(days=1)), "eve@example.org")
    RegistrationFactory()

    everybody = read_csv(desk.get(url("csv")))
    that_day = read_csv(desk.get(url("csv"), {"jour": "2027-06-11"}))

    assert [line["Référence"] for line in everybody] == [first.reference, second.reference]
    assert [line["Référence"] for line in that_day] == [second.reference]


@pytest.mark.parametrize("typed", ["=1+1", "+33 6", "-2", "@SUM(A1)", "\t=1", "  =1", "＝1", "|calc", "%0A"])
def test_no_cell_is_a_formula(desk, place, typed):
    slot = a_slot(place)
    booked(slot, name=typed)

    (line,) = read_csv(desk.get(url("slot_csv", slot.pk)))

    assert line["Nom"] == f"'{typed}"


def test_other_cells_are_left_alone():
    assert safe_cell("Ada = 1") == "Ada = 1"
