"""Importing: all of it or nothing, twice is once, and nobody who holds a place is forgotten."""

import datetime as dt
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.data import COMMUNITY_EVENTS
from events.exchange.community import edition_for
from events.exchange.entries import Entry, Timing
from events.exchange.import_programme import ImportRefused, import_entries
from events.models import (
    Activity,
    Commune,
    Festival,
    Host,
    Message,
    Registration,
    Room,
    RoomOccupancy,
    Slot,
    Territory,
    Venue,
)
from events.registration.book import register_party
from tests.factories import (
    NOW,
    AppearanceFactory,
    FestivalFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

HEADER = "identifiant;intitulé;organisateur;commune;date;heure"
TABLES = (
    Festival,
    Territory,
    Commune,
    Host,
    Venue,
    Room,
    Activity,
    Slot,
    Registration,
    Message,
    RoomOccupancy,
)


def everything():
    """Every row of every table an import may touch."""
    return {table.__name__: list(table.objects.order_by("pk").values()) for table in TABLES}


def run(path, *flags, locale="fr"):
    """The command's output; raises ``CommandError`` with the error output in ``.told``."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_programme", str(path), *flags, locale=locale, stdout=out, stderr=err)
    except CommandError as error:
        error.told = err.getvalue().splitlines()
        raise
    return out.getvalue().splitlines()


@pytest.fixture
def csv_file(tmp_path):
    """Writes lines under the usual header and gives the path."""

    def write(*lines, header=HEADER, encoding="utf-8-sig"):
        path = tmp_path / "programme.csv"
        path.write_bytes("\n".join([header, *lines, ""]).encode(encoding))
        return path

    return write


def entry(**changes):
    """One event on 10 June 2027 at 14 h in Toulouse."""
    values = {
        "line": 2,
        "identifier": "a1",
        "title": "Atelier",
        "host": "Les Robots",
        "commune": "Toulouse",
        "timings": [Timing(2, dt.date(2027, 6, 10), dt.time(14), 60)],
    }
    return Entry(**{**values, **changes})


def at(day, hour, minutes=60, line=2):
    return Timing(line, dt.date(2027, 6, day), dt.time(hour), minutes)


def book(slot, email="camille@example.org", places=1):
    return register_party(
        slot_id=slot.pk,
        email=email,
        party_size=places,
        submission_id=f"00000000-0000-4000-8000-{abs(hash(email)) % 10**12:012d}",
        now=NOW,
    ).registration


# The real file ----------------------------------------------------------------------------------------------


def test_the_community_events_are_imported_with_their_local_times():
    lines = run(COMMUNITY_EVENTS)

    assert lines[-4:] == [
        "85 événements pour « Agenda de la communauté » :",
        "  événements : ajoutés 85, changés 0, inchangés 0",
        "  créneaux : ajoutés 85, changés 0, supprimés 0",
        "  85 fins inconnues : deux heures supposées",
    ]
    known = {
        "tou-124": dt.datetime(2025, 2, 24, 17, 0, tzinfo=dt.UTC),
        "tou-134": dt.datetime(2025, 4, 2, 17, 0, tzinfo=dt.UTC),
        "tou-164": dt.datetime(2025, 7, 1, 7, 0, tzinfo=dt.UTC),
        "tou-055": dt.datetime(2026, 1, 28, 17, 45, tzinfo=dt.UTC),
        "tou-074": dt.datetime(2026, 3, 31, 17, 0, tzinfo=dt.UTC),
        "tou-092": dt.datetime(2026, 5, 30, 12, 0, tzinfo=dt.UTC),
    }
    slots = Slot.objects.filter(activity__external_id__in=known)
    assert {slot.activity.external_id: slot.starts_at for slot in slots} == known
    assert {slot.ends_at - slot.starts_at for slot in slots} == {dt.timedelta(hours=2)}


def test_the_community_events_are_real_published_and_no_demonstration():
    run(COMMUNITY_EVENTS)

    festival = Festival.objects.get()
    assert (festival.state, festival.is_demo) == ("published", False)
    assert (festival.starts_on, festival.ends_on) == (dt.date(2025, 2, 24), dt.date(2026, 7, 2))
    assert set(Activity.objects.values_list("state", "mode")) == {("published", "drop_in")}


def test_one_venue_under_several_names_is_one_venue():
    run(COMMUNITY_EVENTS)

    (cantine,) = Venue.objects.filter(name__contains="Cantine", address__contains="ubuisson")
    assert Activity.objects.filter(venue=cantine).count() == 10


def test_communes_nobody_knew_join_the_territory_of_the_file_and_the_report_says_so():
    lines = run(COMMUNITY_EVENTS)

    assert lines[:4] == [
        "Ligne 2 : nouveau territoire : Toulouse (Europe/Paris).",
        "Ligne 8 : nouvelle commune : Frouzins, dans le territoire Toulouse.",
        "Ligne 78 : nouvelle commune : Labège, dans le territoire Toulouse.",
        "Ligne 84 : nouvelle commune : Balma, dans le territoire Toulouse.",
    ]


def test_a_second_run_changes_nothing():
    run(COMMUNITY_EVENTS)
    before = everything()

    lines = run(COMMUNITY_EVENTS)

    assert everything() == before
    assert lines[1:3] == [
        "  événements : ajoutés 0, changés 0, inchangés 85",
        "  créneaux : ajoutés 0, changés 0, supprimés 0",
    ]


def test_a_trial_writes_nothing_and_says_so():
    lines = run(COMMUNITY_EVENTS, "--dry-run")

    assert everything() == {table.__name__: [] for table in TABLES}
    assert "Essai seulement : rien n’a été enregistré." in lines
    assert "  événements : ajoutés 85, changés 0, inchangés 0" in lines


def test_a_commune_already_known_keeps_its_territory():
    territory = TerritoryFactory(name="Toulouse et Labège")
    Commune.objects.create(territory=territory, name="Toulouse")

    run(COMMUNITY_EVENTS)

    assert Territory.objects.get() == territory
    assert set(Commune.objects.values_list("name", flat=True)) == {"Toulouse", "Frouzins", "Labège", "Balma"}


# All or nothing ---------------------------------------------------------------------------------------------


def test_bad_lines_are_told_by_number_and_nothing_is_written(csv_file):
    path = csv_file(
        "a;Bon;X;Toulouse;10/06/2027;14h",
        "b;Faux;X;Toulouse;31/02/2027;14h",
        "c;Sauté;X;Toulouse;28/03/2027;02h30",
        "d;Deux fois;X;Toulouse;31/10/2027;02h30",
    )

    with pytest.raises(CommandError) as refusal:
        run(path)

    assert refusal.value.told == [
        "Ligne 3 : le 31/02/2027 n’existe pas au calendrier.",
        "Ligne 4 : les horloges de Toulouse sautent 2 h 30 le dimanche 28 mars (passage à l’heure d’été).",
        "Ligne 5 : les horloges de Toulouse montrent deux fois 2 h 30 le dimanche 31 octobre (passage à "
        "l’heure d’hiver).",
    ]
    assert str(refusal.value) == "3 points à corriger. Rien n’a été importé."
    assert refusal.value.returncode == 1
    assert everything() == {table.__name__: [] for table in TABLES}


def test_the_report_speaks_english_when_asked(csv_file):
    with pytest.raises(CommandError) as refusal:
        run(csv_file("b;Faux;X;Toulouse;31/02/2027;14h"), locale="en")

    assert refusal.value.told == ["Line 2: 31/02/2027 is not in the calendar."]
    assert str(refusal.value) == "1 problem to put right. Nothing was imported."


@pytest.mark.parametrize(
    ("lang", "words"), [("en_GB.UTF-8", "Line 2"), ("fr_FR.UTF-8", "Ligne 2"), ("C.UTF-8", "Ligne 2")]
)
def test_the_report_speaks_the_language_of_the_terminal(csv_file, monkeypatch, lang, words):
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", lang)

    with pytest.raises(CommandError) as refusal:
        run(csv_file("b;Faux;X;Toulouse;31/02/2027;14h"), locale=None)

    assert refusal.value.told[0].startswith(words)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CommandError, match="Impossible de lire"):
        run(tmp_path / "absent.csv")


def test_an_unknown_edition_is_told_with_those_there_are(csv_file):
    FestivalFactory(slug="ici")

    with pytest.raises(CommandError) as refusal:
        run(csv_file("a;Bon;X;Toulouse;10/06/2027;14h"), "--festival", "ailleurs")

    assert str(refusal.value) == "Aucune édition ne s’appelle ailleurs. Il y a : ici."


def test_nothing_is_added_to_an_archived_edition(csv_file):
    FestivalFactory(slug="ici", name="Festival 2014", state="archived")

    with pytest.raises(CommandError) as refusal:
        run(csv_file("a;Bon;X;Toulouse;10/06/2027;14h"), "--festival", "ici")

    assert str(refusal.value) == "« Festival 2014 » est archivé : on n’y ajoute rien."


# Where it goes ----------------------------------------------------------------------------------------------


def test_the_current_published_edition_is_taken_never_a_demonstration():
    FestivalFactory(is_demo=True, starts_on=dt.date(2028, 6, 1), ends_on=dt.date(2028, 6, 3))
    FestivalFactory(state="draft", starts_on=dt.date(2028, 6, 1), ends_on=dt.date(2028, 6, 3))
    current = FestivalFactory()

    assert edition_for([], now=NOW) == current


def test_a_postcode_overseas_makes_a_territory_on_its_own_clock():
    festival = FestivalFactory()
    festival.territories.add(TerritoryFactory(name="Toulouse"))

    import_entries([entry(commune="Saint-Denis", postcode="97400")], festival=festival, now=NOW)

    slot = Slot.objects.get()
    assert slot.timezone == "Indian/Reunion"
    assert slot.starts_at == dt.datetime(2027, 6, 10, 10, 0, tzinfo=dt.UTC)


def test_formulas_and_markup_stay_text(csv_file):
    run(csv_file("a;=HYPERLINK(1);<b>X</b>;Toulouse;10/06/2027;14h"))

    activity = Activity.objects.get()
    assert (activity.title_fr, activity.host.name) == ("=HYPERLINK(1)", "<b>X</b>")


@pytest.mark.parametrize(
    ("said", "mode", "capacity"),
    [
        ({}, "drop_in", None),
        ({"capacity": 12}, "first_come", 12),
        ({"capacity": 12, "mode": "drop_in"}, "drop_in", 12),
        ({"mode": "first_come"}, "first_come", None),
    ],
)
def test_a_number_of_places_means_booking_unless_said_otherwise(said, mode, capacity):
    import_entries([entry(**said)], festival=FestivalFactory(), now=NOW)

    assert (Activity.objects.get().mode, Slot.objects.get().capacity) == (mode, capacity)


def test_what_awaits_moderation_elsewhere_awaits_it_here():
    import_entries([entry(state="submitted")], festival=FestivalFactory(), now=NOW)

    assert Activity.objects.get().state == "submitted"
    assert Slot.objects.get().state == "draft"


# A second run -----------------------------------------------------------------------------------------------


@pytest.fixture
def festival(db):
    return FestivalFactory()


@pytest.fixture
def slot(festival):
    """A slot of ten places on 10 June 2027 at 14 h, imported."""
    import_entries([entry(capacity=10)], festival=festival, now=NOW)
    return Slot.objects.get()


def test_texts_are_brought_up_to_date_and_what_is_not_said_stays(festival, slot):
    activity = slot.activity
    activity.description_fr = "Écrit à la main."
    activity.save()

    summary = import_entries([entry(title="Atelier neuf", capacity=10)], festival=festival, now=NOW)

    activity.refresh_from_db()
    assert (activity.title_fr, activity.description_fr) == ("Atelier neuf", "Écrit à la main.")
    assert (summary.created, summary.updated, summary.unchanged) == (0, 1, 0)


def test_a_time_that_moved_moves_the_slot_and_tells_who_holds_a_place(festival, slot):
    registration = book(slot)

    import_entries([entry(capacity=10, timings=[at(11, 16)])], festival=festival, now=NOW)

    moved = Slot.objects.get()
    assert (moved.pk, moved.day, moved.start_time, moved.taken) == (
        slot.pk,
        dt.date(2027, 6, 11),
        dt.time(16),
        1,
    )
    told = Message.objects.filter(kind=Message.Kind.SLOT_MOVED)
    assert [message.recipient for message in told] == [registration.visitor.email]


def test_a_second_time_is_a_second_slot(festival, slot):
    summary = import_entries(
        [entry(capacity=10, timings=[at(10, 14), at(11, 14)])], festival=festival, now=NOW
    )

    assert list(Slot.objects.values_list("day", flat=True)) == [dt.date(2027, 6, 10), dt.date(2027, 6, 11)]
    assert (summary.slots_created, summary.slots_changed) == (1, 0)


def test_a_slot_without_anybody_goes_when_the_file_no_longer_names_it(festival):
    import_entries([entry(timings=[at(10, 14), at(11, 14)])], festival=festival, now=NOW)

    summary = import_entries([entry(timings=[at(10, 14)])], festival=festival, now=NOW)

    assert Slot.objects.get().day == dt.date(2027, 6, 10)
    assert summary.slots_removed == 1


def test_a_slot_with_somebody_is_kept_and_told(festival):
    import_entries([entry(capacity=5, timings=[at(10, 14), at(11, 14)])], festival=festival, now=NOW)
    book(Slot.objects.get(day=dt.date(2027, 6, 11)))

    summary = import_entries([entry(capacity=5, timings=[at(10, 14)])], festival=festival, now=NOW)

    assert Slot.objects.count() == 2
    assert [str(note) for note in summary.notes] == [
        "Ligne 2 : le créneau du vendredi 11 juin, 14 h n’est plus dans le fichier, mais des personnes y "
        "sont inscrites : il a été gardé. Retirez-le sur le site."
    ]


def test_a_slot_made_on_the_site_is_left_alone(festival, slot):
    mine = SlotFactory(activity=slot.activity, day=dt.date(2027, 6, 12), start_time=dt.time(10))

    import_entries([entry(capacity=10)], festival=festival, now=NOW)

    assert Slot.objects.filter(pk=mine.pk).exists()


def test_past_slots_are_history_and_stay(festival, slot):
    later = dt.datetime(2027, 6, 11, 8, 0, tzinfo=dt.UTC)

    import_entries([entry(capacity=10, timings=[at(12, 14)])], festival=festival, now=later)

    assert list(Slot.objects.values_list("day", flat=True)) == [dt.date(2027, 6, 10), dt.date(2027, 6, 12)]


def test_fewer_places_than_are_taken_is_refused_by_line(festival, slot):
    book(slot, places=4)
    before = everything()

    with pytest.raises(ImportRefused) as refusal:
        import_entries([entry(capacity=3)], festival=festival, now=NOW)

    assert [str(problem) for problem in refusal.value.problems] == [
        "Ligne 2 : 4 places sont déjà prises : la jauge ne peut pas descendre au-dessous."
    ]
    assert everything() == before


def test_booking_does_not_become_drop_in_over_the_heads_of_those_who_booked(festival, slot):
    book(slot)

    with pytest.raises(ImportRefused) as refusal:
        import_entries([entry(capacity=10, mode="drop_in")], festival=festival, now=NOW)

    assert [str(problem) for problem in refusal.value.problems] == [
        "Ligne 2 : des personnes sont déjà inscrites : le mode de venue ne peut plus changer."
    ]


def test_a_cancelled_event_withdraws_its_slots_and_tells_everybody(festival, slot):
    registration = book(slot)

    import_entries([entry(capacity=10, cancelled="Annulé par l’organisateur.")], festival=festival, now=NOW)

    slot.refresh_from_db()
    assert (slot.state, slot.taken) == ("cancelled", 0)
    told = Message.objects.filter(kind=Message.Kind.SLOT_CANCELLED)
    assert [message.recipient for message in told] == [registration.visitor.email]


def test_a_slot_withdrawn_on_the_site_is_not_opened_again(festival, slot):
    import_entries([entry(cancelled="Annulé.")], festival=festival, now=NOW)

    summary = import_entries([entry(capacity=10)], festival=festival, now=NOW)

    assert [slot.state for slot in Slot.objects.all()] == ["cancelled"]
    assert [str(note) for note in summary.notes] == [
        "Ligne 2 : le créneau du jeudi 10 juin, 14 h a été retiré sur le site : il le reste."
    ]


def test_a_full_event_has_no_place_and_no_list():
    import_entries([entry(is_full=True)], festival=FestivalFactory(), now=NOW)

    slot = Slot.objects.get()
    assert (slot.capacity, slot.places_left, slot.waiting_list_open) == (0, 0, False)


# Rooms ------------------------------------------------------------------------------------------------------


@pytest.fixture
def room(festival):
    territory = TerritoryFactory(name="Toulouse")
    commune = Commune.objects.create(territory=territory, name="Toulouse")
    venue = VenueFactory(territory=territory, commune=commune, name="La Cantine")
    return RoomFactory(venue=venue, name="Salle Canal")


def test_a_room_that_is_named_is_held(festival, room):
    import_entries([entry(venue="la cantine", room="SALLE CANAL")], festival=festival, now=NOW)

    assert Slot.objects.get().room == room
    assert RoomOccupancy.objects.get().room == room


def test_a_room_whose_managers_decide_is_given_to_no_command(festival, room):
    Room.objects.filter(pk=room.pk).update(by_request=True)

    with pytest.raises(ImportRefused) as refusal:
        import_entries([entry(venue="La Cantine", room="Salle Canal")], festival=festival, now=NOW)

    assert [str(problem) for problem in refusal.value.problems] == [
        "Ligne\u00a02\u00a0: Cette salle se demande\u00a0: ses responsables décident."
    ]
    assert Slot.objects.count() == 0


def test_two_events_in_one_room_at_one_time_are_refused_by_line(festival, room):
    with pytest.raises(ImportRefused) as refusal:
        import_entries(
            [
                entry(venue="La Cantine", room="Salle Canal"),
                entry(
                    line=3,
                    identifier="b",
                    title="Conférence",
                    venue="La Cantine",
                    room="Salle Canal",
                    timings=[at(10, 14, line=3)],
                ),
            ],
            festival=festival,
            now=NOW,
        )

    assert [str(problem) for problem in refusal.value.problems] == [
        "Ligne 3 : La salle est occupée à cette heure-là. Occupe déjà la salle : Atelier."
    ]
    assert Slot.objects.count() == 0


def test_a_line_that_moves_people_onto_another_visit_is_refused_and_nothing_imported(festival):
    first, other = entry(), entry(line=3, identifier="b", title="Conférence", timings=[at(10, 18, line=3)])
    import_entries([first, other], festival=festival, now=NOW)
    slots = list(Slot.objects.in_order())
    person = AppearanceFactory(slot=slots[0], person__name="Dominique Petit").person
    AppearanceFactory(slot=slots[1], person=person)

    with pytest.raises(ImportRefused) as refusal:
        import_entries(
            [
                entry(description="Autre texte."),
                entry(line=3, identifier="b", title="Conférence", timings=[at(10, 14, line=3)]),
            ],
            festival=festival,
            now=NOW,
        )

    [said] = [str(problem) for problem in refusal.value.problems]
    assert said.startswith("Ligne\u00a03\u00a0: Une personne de l’hôte reçoit déjà ailleurs")
    assert said.endswith("Dominique Petit (Atelier).")
    assert list(Slot.objects.in_order().values_list("starts_at", flat=True)) == [
        slot.starts_at for slot in slots
    ]
    assert not Activity.objects.filter(description_fr="Autre texte.").exists()


# OpenAgenda through the command -----------------------------------------------------------------------------


def test_openagenda_comes_through_the_same_command_and_twice_is_once(tmp_path: Path):
    path = tmp_path / "evenements.json"
    path.write_text(
        json.dumps(
            {
                "events": [
                    {
                        "uid": 1,
                        "title": {"fr": "Visite", "en": "Visit"},
                        "organisateur": "Les Robots",
                        "location": {"name": "La Cantine", "city": "Toulouse", "timezone": "Europe/Paris"},
                        "timings": [
                            {"begin": "2027-06-10T14:00:00+02:00", "end": "2027-06-10T15:00:00+02:00"},
                            {"begin": "2027-06-11T14:00:00+02:00", "end": "2027-06-11T15:00:00+02:00"},
                        ],
                        "accessibility": {"mi": True},
                    }
                ]
            }
        )
    )

    run(path)
    before = everything()
    lines = run(path)

    assert everything() == before
    assert "  événements : ajoutés 0, changés 0, inchangés 1" in lines
    activity = Activity.objects.get()
    assert (activity.title_en, activity.access, activity.slots.count()) == ("Visit", ["mi"], 2)


def test_a_file_that_takes_much_away_is_refused_by_the_command_unless_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "agenda.json"

    def file_of(days: int) -> Path:
        timings = [
            {"begin": f"2027-06-{day:02d}T14:00:00+02:00", "end": f"2027-06-{day:02d}T15:00:00+02:00"}
            for day in range(1, days + 1)
        ]
        event = {"uid": 7, "title": "Visite", "organisateur": "Les Robots", "timings": timings}
        path.write_text(json.dumps([{**event, "location": {"city": "Toulouse"}}]))
        return path

    run(file_of(25))

    trial = run(file_of(2), "--dry-run")
    assert any("23" in line and "25" in line for line in trial)
    assert any("--allow-deletions" in line for line in trial)
    with pytest.raises(CommandError, match=r"retirerait 23 créneaux sur les 25 .*--allow-deletions"):
        run(path)
    assert Slot.objects.count() == 25
    run(path, "--allow-deletions")
    assert Slot.objects.count() == 2
