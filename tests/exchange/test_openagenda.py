"""OpenAgenda's JSON: what is taken from it, and every way an event can be wrong, told by its number."""

import copy
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.exchange.openagenda import read_openagenda

EVENT = {
    "uid": 81234567,
    "title": {"fr": "Visite d’une serre", "en": "A visit to a greenhouse"},
    "description": {"fr": "Courte."},
    "longDescription": {"fr": "Longue, en **markdown**."},
    "organisateur": "Serre & Compagnie",
    "location": {
        "name": "La Cantine",
        "address": "27 rue d'Aubuisson, 31000 Toulouse",
        "city": "Toulouse",
        "postalCode": "31000",
        "latitude": 43.6027,
        "longitude": 1.45422,
        "timezone": "Europe/Paris",
    },
    "timings": [
        {"begin": "2027-06-10T14:00:00.000+02:00", "end": "2027-06-10T15:30:00.000+02:00"},
        {"begin": "2027-06-11T07:00:00Z", "end": "2027-06-11T08:00:00Z"},
    ],
    "accessibility": {"hi": True, "vi": False, "mi": True},
    "age": {"min": 8, "max": 99},
    "registration": [{"type": "link", "value": "https://example.org/inscription"}],
    "status": 1,
    "state": 2,
    "attendanceMode": 1,
}


def event(**changes):
    """The event above with some fields changed; ``location__city`` reaches inside."""
    made = copy.deepcopy(EVENT)
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        if inner:
            made[outer][inner] = value
        else:
            made[outer] = value
    return made


def read(*events):
    return read_openagenda(json.dumps(list(events)).encode())


def only(made):
    reading = read(made)
    assert [str(problem) for problem in reading.problems] == []
    (entry,) = reading.entries
    return entry


@pytest.mark.parametrize("wrap", [lambda event: [event], lambda event: {"events": [event], "total": 1}])
def test_a_list_and_an_object_with_events_are_one(wrap):
    reading = read_openagenda(json.dumps(wrap(EVENT)).encode("utf-8-sig"))

    assert [entry.identifier for entry in reading.entries] == ["81234567"]


def test_an_event_is_taken_with_all_its_times_on_the_clock_of_the_place():
    entry = only(EVENT)

    assert (entry.title, entry.title_en, entry.host, entry.commune, entry.venue) == (
        "Visite d’une serre",
        "A visit to a greenhouse",
        "Serre & Compagnie",
        "Toulouse",
        "La Cantine",
    )
    assert [(one.day, one.start, one.minutes) for one in entry.timings] == [
        (dt.date(2027, 6, 10), dt.time(14), 90),
        (dt.date(2027, 6, 11), dt.time(9), 60),
    ]
    assert entry.access == ["hi", "mi"]
    assert entry.minimum_age == 8
    assert (entry.latitude, entry.longitude) == (43.6027, 1.45422)


def test_registration_elsewhere_is_told_in_the_text():
    assert only(EVENT).description == (
        "Longue, en **markdown**.\n\nInscription : https://example.org/inscription"
    )


def test_a_time_shown_twice_is_told_apart_by_its_offset():
    timings = [
        {"begin": "2027-10-31T02:30:00+02:00", "end": "2027-10-31T02:45:00+02:00"},
        {"begin": "2027-10-31T02:30:00+01:00", "end": "2027-10-31T02:45:00+01:00"},
    ]

    assert [(one.start, one.fold) for one in only(event(timings=timings)).timings] == [
        (dt.time(2, 30), 0),
        (dt.time(2, 30), 1),
    ]


def test_overseas_times_stand_on_the_clock_of_the_place():
    made = event(
        location__timezone="Indian/Reunion",
        timings=[{"begin": "2027-06-10T06:00:00Z", "end": "2027-06-10T07:00:00Z"}],
    )

    assert only(made).timings[0].start == dt.time(10)


@pytest.mark.parametrize(
    ("status", "cancelled", "is_full"),
    [
        (1, "", False),
        (2, "", False),
        (4, "Reporté par l’organisateur.", False),
        (5, "", True),
        (6, "Annulé par l’organisateur.", False),
        ({"id": 6, "label": {"fr": "Annulé"}}, "Annulé par l’organisateur.", False),
    ],
)
def test_the_status_of_an_event_is_obeyed(status, cancelled, is_full):
    entry = only(event(status=status))

    assert (entry.cancelled, entry.is_full) == (cancelled, is_full)


@pytest.mark.parametrize(
    ("state", "ours"), [(2, "published"), (1, "ready"), (0, "submitted"), (None, "published")]
)
def test_the_state_of_moderation_is_kept(state, ours):
    assert only(event(state=state)).state == ours


def test_an_event_its_agenda_refused_is_rejected_here_and_noted():
    reading = read(event(state=-1))

    assert [entry.state for entry in reading.entries] == ["rejected"]
    assert [str(note) for note in reading.notes] == [
        "Événement\u00a01\u00a0: refusé par son agenda\u00a0: refusé ici aussi, non public."
    ]


def test_an_event_online_has_no_venue():
    entry = only(event(attendanceMode=2))

    assert (entry.venue, entry.meeting_point) == ("", "En ligne")


def test_a_title_of_140_signs_is_cut_and_stands_whole_in_the_text():
    title = "Portes ouvertes " * 8 + "fin."
    reading = read(event(title={"fr": title}))

    (entry,) = reading.entries
    assert len(entry.title) <= 120
    assert entry.description.startswith(f"{title}\n\n")
    assert [str(note) for note in reading.notes] == [
        "Événement 1 : l’intitulé est long : il a été coupé, et figure en entier dans le texte."
    ]


@pytest.mark.parametrize(
    ("field", "where", "name"),
    [
        ({"organisateur": None, "contributor": {"organization": "Maison"}}, "contributor", "Maison"),
        ({"organisateur": None, "originAgenda": {"title": "Agenda d’ici"}}, "origin", "Agenda d’ici"),
        ({"organisateur": None}, "place", "La Cantine"),
    ],
)
def test_the_organiser_is_found_where_agendas_keep_it(field, where, name):
    assert only(event(**field)).host == name


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uid": None}, "« uid » manque."),
        ({"uid": [1]}, "« uid » doit être un texte."),
        ({"title": None}, "« title » manque."),
        ({"title": {"fr": 3.5}}, "« title » doit être un texte."),
        ({"title": {"fr": "a\x00b"}}, "le texte contient un caractère nul."),
        ({"location": "Toulouse"}, "« location » doit être un objet."),
        ({"location__city": ""}, "« location.city » manque."),
        ({"location__city": "x" * 81}, "« location.city » compte 81 signes, 80 au plus."),
        ({"location__latitude": 91}, "« location.latitude » n’est pas une position."),
        ({"location__longitude": "est"}, "« location.longitude » n’est pas une position."),
        ({"location__timezone": "Europe/Toulouse"}, "le fuseau horaire « Europe/Toulouse » est inconnu."),
        ({"timings": []}, "« timings » manque."),
        ({"timings": ["demain"]}, "« timings » doit être un objet."),
        (
            {"timings": [{"begin": "2027-02-31T10:00:00+01:00"}]},
            "« 2027-02-31T10:00:00+01:00 » n’est pas un horaire lisible : écrivez 2027-06-10T14:00:00+02:00.",
        ),
        (
            {"timings": [{"begin": "2027-06-10T14:00:00+02:00", "end": "2027-06-10T13:00:00+02:00"}]},
            "cela durerait -60 minutes : il faut de 5 minutes à un jour.",
        ),
        (
            {"timings": [{"begin": "2027-06-10T14:00:00+02:00", "end": "2027-06-10T15:00:00"}]},
            "« begin » et « end » doivent porter tous deux un décalage horaire, ou aucun.",
        ),
        ({"accessibility": ["xx"]}, "« accessibility » contient un autre code que hi, vi, pi, mi, ii."),
        ({"age": {"min": "huit"}}, "« age.min » n’est pas un âge."),
        ({"age": {"min": "²"}}, "« age.min » n’est pas un âge."),
        ({"age": {"min": 200}}, "« age.min » n’est pas un âge."),
    ],
)
def test_every_fault_is_told_by_the_number_of_the_event(changes, sentence):
    reading = read(event(uid=1), event(**{"uid": 2, **changes}))

    assert [str(problem) for problem in reading.problems] == [f"Événement 2 : {sentence}"]


def test_one_identifier_is_one_event():
    assert [str(problem) for problem in read(EVENT, EVENT).problems] == [
        "Événement 2 : l’identifiant « 81234567 » est déjà celui de l’événement 1."
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'[\n{"uid": 1,\n oops}]', "Ligne 3 : ce n’est plus du JSON à partir de la colonne 2."),
        (b'{"agenda": 1}', 'Ligne 1 : il faut une liste d’événements, ou {"events": […]}.'),
        (b"[]", "Ligne 1 : la liste d’événements est vide."),
        (b"[3]", "Événement 1 : un événement doit être un objet."),
        (b'[\n"\xe9"]', "Ligne 2 : un caractère illisible : enregistrez tout le fichier en UTF-8."),
        (b"[" * 100_000, "Ligne 1 : ce n’est pas du JSON lisible."),
    ],
)
def test_what_is_no_list_of_events_is_told_by_its_line(data, sentence):
    assert [str(problem) for problem in read_openagenda(data).problems] == [sentence]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(EVENT)), json_values, max_size=4))
def test_no_value_in_any_field_makes_it_fail(changes):
    reading = read_openagenda(json.dumps([{**EVENT, **changes}]).encode())

    assert len(reading.problems) + len(reading.entries) + len(reading.notes) >= 1
