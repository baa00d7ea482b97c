"""Many slots changed at once from the desk: chosen, previewed, confirmed, reported."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.longwork import work_on
from events.models import Job, Message, Slot
from events.refusals import Reason
from events.scheduling.blocking import block_room
from events.scheduling.bulk import run_bulk
from events.scheduling.place import place_slot
from tests.factories import DAY, NOW, RegistrationFactory, RoomFactory, TerritoryFactory

from .conftest import a_slot, submitted

LATER = {"creneaux": "tout", "action": "decaler", "sens": "tard", "minutes": "30"}
WITHDRAW = {"creneaux": "tout", "action": "retirer"}


def url(name, *arguments):
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def preview(desk, **choice):
    return desk.get(url("bulk_preview"), choice)


def confirm(desk, choice, **posted):
    address = f"{url('bulk_preview')}?" + "&".join(f"{key}={value}" for key, value in choice.items())
    posted.setdefault("vu", desk.get(address).context["plan"].fingerprint)
    return desk.post(address, posted)


def work() -> Job:
    work_on({"bulk": run_bulk}, clock=lambda: NOW)
    return Job.objects.get()


def plain(response) -> str:
    """The page as it is read: spaces of one kind, no marks."""
    text = re.sub(r"<[^>]+>", "", response.content.decode())
    return re.sub(r"[\s\u202f\xa0]+", " ", text)


def test_the_choices_are_those_of_the_territory(desk, place):
    a_slot(place)
    RoomFactory(venue__territory=TerritoryFactory())

    form = desk.get(url("bulk")).context["form"]

    which = dict(form.fields["creneaux"].choices)
    assert which["tout"] == "Tous les créneaux du territoire"
    assert which["Jours"] == [("jour:2027-06-10", "jeudi\xa010\xa0juin")]
    assert which["Hôtes"] == [(f"hote:{place.host.pk}", "Les Robots")]
    assert which["Lieux"] == [(f"lieu:{place.venue.pk}", "La Cantine")]
    assert [value for value, _label in dict(form.fields["vers"].choices)["Salles"]] == [
        f"salle:{place.room.pk}",
        f"salle:{place.other_room.pk}",
    ]


def test_the_slots_page_hands_over_its_day(desk, place):
    a_slot(place)
    page = desk.get(url("slots"), {"jour": "2027-06-10"}).content.decode()

    assert f'href="{url("bulk")}?creneaux=jour:2027-06-10"' in page
    assert desk.get(url("bulk"), {"creneaux": "jour:2027-06-10"}).context["form"]["creneaux"].initial == (
        "jour:2027-06-10"
    )


def test_the_preview_lists_the_slots_and_counts_who_is_told(desk, place):
    slot = a_slot(place)
    RegistrationFactory(slot=slot)
    RegistrationFactory(slot=slot)

    page = preview(desk, **LATER)

    said = plain(page)
    assert page.status_code == 200
    assert "Retarder de 30 min" in said
    assert "1 créneau va changer. 2 personnes seront prévenues par e-mail." in said
    assert "jeudi 10 juin, 10 h – 11 h, La Cantine" in said
    assert "jeudi 10 juin, 10 h 30 – 11 h 30, La Cantine" in said
    assert Job.objects.count() == 0


def test_the_preview_says_what_will_stay_and_what_is_in_the_way(desk, place):
    slot = a_slot(place)
    place_slot(slot_id=slot.pk, room_id=place.room.pk, by=place.organiser, now=NOW)
    block_room(
        room_id=place.room.pk,
        starts_at=slot.ends_at,
        ends_at=slot.ends_at + dt.timedelta(hours=1),
        label="travaux",
        by=place.organiser,
        now=NOW,
    )

    page = preview(desk, **LATER)

    said = plain(page)
    assert "Aucun de ces créneaux ne peut être changé ainsi." in said
    assert str(Reason.ROOM_OCCUPIED.label) in said
    assert "« travaux », jeudi 10 juin, 11 h – 12 h, Grande salle, La Cantine" in said
    assert 'name="vu"' not in page.content.decode()


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"creneaux": "", "action": "retirer"}, "creneaux"),
        ({"creneaux": "lieu:999", "action": "retirer"}, "creneaux"),
        ({"creneaux": "tout", "action": "brûler"}, "action"),
        ({"creneaux": "tout", "action": "decaler"}, "minutes"),
        ({"creneaux": "tout", "action": "decaler", "minutes": "5", "au": "2027-06-11"}, "au"),
        ({"creneaux": "tout", "action": "deplacer"}, "vers"),
        ({"creneaux": "tout", "action": "deplacer", "vers": "salle:999"}, "vers"),
    ],
)
def test_what_was_not_said_is_asked_at_its_field(desk, place, choice, field):
    a_slot(place)

    page = preview(desk, **choice)

    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    assert page.context["form"]["creneaux"].value() == choice["creneaux"]


def test_what_belongs_to_another_action_counts_for_nothing(desk, place):
    a_slot(place)

    assert preview(desk, **WITHDRAW, minutes="abc", au="hier", vers="nulle part").status_code == 200
    assert preview(desk, **LATER, vers="nulle part").status_code == 200


def test_without_a_choice_one_chooses_first(desk, place):
    assert desk.get(url("bulk_preview")).url == url("bulk")


def test_confirmed_it_is_done_as_long_work_and_reported(desk, place):
    slot = a_slot(place)
    RegistrationFactory(slot=slot)

    answer = confirm(desk, LATER)
    job = work()

    assert (answer.status_code, answer.url) == (302, url("job", job.pk))
    assert (job.state, job.params["label"]) == ("done", "Tous les créneaux du territoire")
    assert f"{Slot.objects.get().local_start:%H:%M}" == "10:30"
    assert Message.objects.count() == 1
    said = plain(desk.get(answer.url))
    assert "1 créneau changé, 1 e-mail aux visiteurs." in said
    assert "jeudi 10 juin, 10 h 30 – 11 h 30, La Cantine" in said


def test_who_booked_meanwhile_makes_it_be_asked_again(desk, place):
    slot = a_slot(place)
    read = preview(desk, **LATER).context["plan"].fingerprint
    RegistrationFactory(slot=slot)

    page = confirm(desk, LATER, vu=read)

    assert page.status_code == 409
    assert "Ce n’est plus ce que vous avez lu" in plain(page)
    assert "1 personne sera prévenue" in plain(page)
    assert Job.objects.count() == 0
    assert confirm(desk, LATER, vu=page.context["plan"].fingerprint).status_code == 302


def test_to_withdraw_one_says_why_and_it_is_sent(desk, place):
    RegistrationFactory(slot=a_slot(place))

    silent = confirm(desk, WITHDRAW, reason=" ")
    told = confirm(desk, WITHDRAW, reason="Alerte orange.")
    work()

    assert (silent.status_code, list(silent.context["reason_form"].errors)) == (422, ["reason"])
    assert told.status_code == 302
    assert Message.objects.get().context["reason"] == "Alerte orange."
    assert "« Alerte orange. »" in plain(desk.get(told.url))


def test_a_typed_reason_is_kept_when_it_is_asked_again(desk, place):
    slot = a_slot(place)
    read = preview(desk, **WITHDRAW).context["plan"].fingerprint
    RegistrationFactory(slot=slot)

    page = confirm(desk, WITHDRAW, vu=read, reason="Alerte orange.")

    assert page.status_code == 409
    assert ">\nAlerte orange.</textarea>" in page.content.decode()


def test_the_report_tells_what_was_not_done_and_goes_out_as_a_file(desk, place):
    done = a_slot(place, activity=submitted(place, title_fr="=Énigme", state="published"))
    left = a_slot(place, at=dt.time(14))
    job = Job.objects.get(pk=confirm(desk, LATER).url.rstrip("/").rpartition("/")[2])
    Slot.objects.filter(pk=left.pk).update(
        start_time=dt.time(16),
        starts_at=left.starts_at + dt.timedelta(hours=2),
        ends_at=left.ends_at + dt.timedelta(hours=2),
    )
    work()

    said = plain(desk.get(url("job", job.pk)))
    content = b"".join(desk.get(url("bulk_csv", job.pk)).streaming_content)
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))

    assert "1 créneau changé" in said
    assert "1 est resté tel quel." in said
    assert [(row["Activité"], row["Résultat"]) for row in rows] == [
        ("'=Énigme", "Fait"),
        ("Un robot jardinier", "Non fait"),
    ]
    assert rows[1]["Pourquoi"] == Reason.CHANGED_MEANWHILE.label
    assert rows[0]["Après"].replace("\u202f", " ").replace("\xa0", " ").startswith("jeudi 10 juin, 10 h 30")
    assert done.pk != left.pk


def test_a_file_is_for_bulk_changes_only(desk, place):
    job = Job.objects.create(kind="timetable", territory=place.territory, asked_at=NOW)

    assert desk.get(url("bulk_csv", job.pk)).status_code == 404


def test_a_move_names_where_to(desk, place):
    a_slot(place)

    said = plain(
        preview(desk, creneaux=f"jour:{DAY}", action="deplacer", vers=f"salle:{place.other_room.pk}")
    )

    assert "Déplacer vers Salle Canal, La Cantine" in said
    assert "Salle Canal, La Cantine" in said


def test_the_preview_asks_as_much_for_three_as_for_one(desk, place):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            preview(desk, **LATER)
        return len(queries)

    RegistrationFactory(slot=a_slot(place))
    asked()
    one = asked()
    for hour in (12, 14):
        RegistrationFactory(slot=a_slot(place, at=dt.time(hour)))

    assert asked() == one


def test_the_report_asks_as_much_for_three_as_for_one(desk, place):
    def asked() -> int:
        job = Job.objects.get(pk=confirm(desk, LATER).url.rstrip("/").rpartition("/")[2])
        work_on({"bulk": run_bulk}, clock=lambda: NOW)
        with CaptureQueriesContext(connection) as queries:
            desk.get(url("job", job.pk))
        return len(queries)

    a_slot(place)
    asked()
    one = asked()
    for hour in (12, 14):
        a_slot(place, at=dt.time(hour))

    assert asked() == one
