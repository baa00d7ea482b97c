"""A programme's file at the organisers' desk: tried, confirmed, and never of another territory."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from events.models import Activity, Commune, Slot
from tests.factories import ActivityFactory, SlotFactory, TerritoryFactory

DESK = "/organisation/toulouse/echanges/"


def file_of(days: int, *, city: str = "Labège", uid: str = "a1") -> SimpleUploadedFile:
    timings = [
        {"begin": f"2027-06-{day:02d}T14:00:00+02:00", "end": f"2027-06-{day:02d}T15:00:00+02:00"}
        for day in range(1, days + 1)
    ]
    event = {
        "uid": uid,
        "title": "Visite",
        "organisateur": "Hôte",
        "location": {"city": city},
        "timings": timings,
    }
    return SimpleUploadedFile("agenda.json", json.dumps([event]).encode(), "application/json")


def kept_in(page: str) -> str:
    found = re.search(r'name="kept" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_file_is_tried_then_imported_and_a_mass_deletion_has_to_be_said(desk: Client) -> None:
    trial = desk.post(DESK, {"file": file_of(25)})
    assert trial.status_code == 200
    assert not Activity.objects.filter(external_id="a1").exists()
    done = desk.post(DESK, {"kept": kept_in(trial.content.decode())})
    assert done.status_code == 302
    slots = Slot.objects.filter(activity__external_id="a1")
    assert slots.count() == 25

    trial = desk.post(DESK, {"file": file_of(2)})
    kept = kept_in(trial.content.decode())
    assert "Oui, retirer 23 créneaux" in trial.content.decode()
    unticked = desk.post(DESK, {"kept": kept})
    assert (unticked.status_code, slots.count()) == (422, 25)
    assert kept_in(unticked.content.decode()) == kept
    assert desk.post(DESK, {"kept": kept, "allow_deletions": "on"}).status_code == 302
    assert slots.count() == 2


def test_what_belongs_to_another_territory_is_refused(desk: Client, place: SimpleNamespace) -> None:
    other = TerritoryFactory(name="Lyon", slug="lyon")
    Commune.objects.create(territory=other, name="Lyon")
    theirs = ActivityFactory(festival=place.festival, external_id="x", host__territory=other)
    SlotFactory(activity=theirs)

    there = desk.post(DESK, {"file": file_of(1, city="Lyon")})
    known = desk.post(DESK, {"file": file_of(1, uid="x")})

    assert there.status_code == known.status_code == 422
    assert "relève d’un autre territoire" in there.content.decode()
    assert "d’une activité d’un autre territoire" in known.content.decode()
    assert Activity.objects.get(external_id="x").slots.count() == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Choisissez un fichier."),
        ({"kept": "n’importe quoi"}, "Choisissez un fichier."),
        ({"file": SimpleUploadedFile("a.json", b"x" * (1024 * 1024 + 1))}, "1\u00a0Mo"),
        ({"file": SimpleUploadedFile("a.csv", b"n'importe;quoi\r\n1;2")}, "Rien n’a été importé"),
    ],
)
def test_what_is_no_file_is_told(desk: Client, given: dict[str, Any], said: str) -> None:
    response = desk.post(DESK, given)

    assert response.status_code == 422
    assert said in response.content.decode()


def test_the_programme_goes_out_in_every_state_but_drafts(desk: Client, place: SimpleNamespace) -> None:
    for state in ("submitted", "rejected", "draft"):
        activity = ActivityFactory(
            festival=place.festival, host__territory=place.territory, state=state, title_fr=state
        )
        SlotFactory(activity=activity, state="draft")

    response = desk.get(f"{DESK}programme.json")

    events = json.loads(b"".join(response.streaming_content))["events"]  # type: ignore[attr-defined]
    states = {event["title"]["fr"]: event["state"] for event in events}
    assert (states["submitted"], states["rejected"], "draft" in states) == (0, -1, False)
