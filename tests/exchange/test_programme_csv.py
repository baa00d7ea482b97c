"""CSV as spreadsheets write it, and every way it can be wrong, told by line."""

import csv
import datetime as dt
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.data import COMMUNITY_EVENTS
from events.exchange.programme_csv import NEEDED, read_csv
from events.exchange.programme_file import read_programme
from events.exchange.spellings import clean

pytestmark = pytest.mark.once

HEADER = "identifiant;intitulé;organisateur;commune;date;heure"
LINE = "a1;Atelier;Les Robots;Toulouse;10/06/2027;14h30"


def told(data):
    """The problems of a file as they are shown."""
    return [str(problem) for problem in read_csv(data if isinstance(data, bytes) else data.encode()).problems]


def one(data):
    """The only entry of a file that has nothing wrong."""
    reading = read_csv(data if isinstance(data, bytes) else data.encode())
    assert [str(problem) for problem in reading.problems] == []
    (entry,) = reading.entries
    return entry


@pytest.mark.parametrize(
    "data",
    [
        f"{HEADER}\n{LINE}\n".encode(),
        f"{HEADER}\n{LINE}".encode(),
        f"{HEADER}\r\n{LINE}\r\n".encode(),
        f"{HEADER}\n{LINE}\n".encode("utf-8-sig"),
        f"{HEADER}\n{LINE}\n".encode("cp1252"),
        f"{HEADER}\n{LINE}\n".replace(";", ",").encode(),
        f"{HEADER}\n{LINE}\n".replace(";", "\t").encode(),
        f"{HEADER.upper()}\n{LINE}\n".encode(),
        f"Identifiant;INTITULE;Organisateur;Ville;Jour;Heure de début\n{LINE}\n".encode(),
        f"\n{HEADER}\n\n{LINE}\n;;;;;\n\n".encode(),
        f"date;heure;{';'.join(HEADER.split(';')[:4])}\n10/06/2027;14h30;{';'.join(LINE.split(';')[:4])}".encode(),
    ],
)
def test_the_same_event_is_read_however_the_spreadsheet_wrote_it(data):
    entry = one(data)

    assert (entry.identifier, entry.title, entry.host, entry.commune) == (
        "a1",
        "Atelier",
        "Les Robots",
        "Toulouse",
    )
    assert [(timing.day, timing.start, timing.minutes) for timing in entry.timings] == [
        (dt.date(2027, 6, 10), dt.time(14, 30), None)
    ]


def test_everything_else_is_read_where_it_is_known():
    entry = one(
        f"{HEADER};heure_fin;durée;format;lieu;salle;adresse;jauge;mode;langue;description;accès;public\n"
        f"{LINE};15h15;45;atelier;La Cantine;Canal;27 rue d’Aubuisson;15;sur inscription;fr, lsf;"
        '"Deux\nlignes";mi, hi;Scolaires\n'
    )

    assert entry.timings[0].minutes == 45
    assert (entry.format, entry.venue, entry.room, entry.address) == (
        "workshop",
        "La Cantine",
        "Canal",
        "27 rue d’Aubuisson",
    )
    assert (entry.capacity, entry.mode, entry.languages, entry.access, entry.audience) == (
        15,
        "first_come",
        ["fr", "lsf"],
        ["mi", "hi"],
        "schools",
    )
    assert entry.description == "Deux\nlignes"


def test_an_end_after_midnight_belongs_to_the_night_that_follows():
    entry = one(f"{HEADER};heure_fin\na;Fête;X;Toulouse;10/06/2027;22h00;01h30\n")

    assert entry.timings[0].minutes == 210


def test_lines_of_one_identifier_are_times_of_one_event():
    entry = one(
        f"{HEADER}\n{LINE}\na1;Atelier;les robots;TOULOUSE;11/06/2027;14h30\n"
        "a1;Atelier;Les Robots;Toulouse;10/06/2027;16h\n"
    )

    assert [(timing.line, timing.day.day, timing.start.hour) for timing in entry.timings] == [
        (2, 10, 14),
        (3, 11, 14),
        (4, 10, 16),
    ]


@pytest.mark.parametrize(
    ("data", "sentences"),
    [
        (b"", ["Ligne 1 : le fichier est vide."]),
        (b"\n \n", ["Ligne 1 : le fichier est vide."]),
        (HEADER.encode(), ["Ligne 1 : aucun événement ne suit la ligne des titres."]),
        (
            b"identifiant;date\na;b\n",
            [
                "Ligne 1 : colonnes manquantes : intitulé, organisateur, commune, heure. La première "
                "ligne donne le nom des colonnes."
            ],
        ),
        (
            f"{HEADER};ville\n{LINE};Labège\n".encode(),
            ["Ligne 1 : la colonne « commune » est là deux fois."],
        ),
        (
            f"{HEADER}\n{LINE}\na;;X;Toulouse;10/06/2027;14h\n".encode(),
            ["Ligne 3 : la colonne « intitulé » est vide."],
        ),
        (
            f"{HEADER}\na;T;X;Toulouse;10/06/2027\n".encode(),
            ["Ligne 2 : la colonne « heure » est vide."],
        ),
        (
            f"{HEADER}\n{LINE};trop\n".encode(),
            [
                "Ligne 2 : 7 cases pour 6 colonnes : mettez entre guillemets un texte qui contient le "
                "séparateur."
            ],
        ),
        (
            f"{HEADER}\n{'a' * 121};T;X;Toulouse;10/06/2027;14h\n".encode(),
            ["Ligne 2 : colonne « identifiant » : 121 signes, 120 au plus."],
        ),
        (
            f"{HEADER}\na;{'é' * 121};X;Toulouse;10/06/2027;14h\n".encode(),
            ["Ligne 2 : colonne « intitulé » : 121 signes, 120 au plus."],
        ),
        (
            f"{HEADER}\na;{'x' * 300_000};X;Toulouse;10/06/2027;14h\n".encode(),
            ["Ligne 2 : une case est beaucoup trop longue."],
        ),
        (
            f'{HEADER}\n{LINE}\nb;"Ouvert;X;Toulouse;10/06/2027;14h\n'.encode(),
            ["Ligne 3 : un guillemet est ouvert et jamais refermé."],
        ),
        (
            f'{HEADER}\nb;"Ti"tre;X;Toulouse;10/06/2027;14h\n'.encode(),
            ["Ligne 2 : les guillemets sont en désordre : dans un texte entre guillemets, doublez-les."],
        ),
        (
            f"{HEADER}\n{LINE}\nb;T\x00;X;Toulouse;10/06/2027;14h\n".encode(),
            ["Ligne 3 : le texte contient un caractère nul."],
        ),
        (
            f"{HEADER}\nb;T\u202egras;X;Toulouse;10/06/2027;14h\n".encode(),
            [
                "Ligne 2 : colonne « intitulé » : le texte contient un caractère de contrôle "
                "invisible (U+202E)."
            ],
        ),
        (
            f"{HEADER}\n{LINE}\n".encode("utf-16"),
            ["Ligne 1 : le fichier est en UTF-16 : enregistrez-le en CSV, en UTF-8."],
        ),
        (
            f"{HEADER}\n{LINE}\n".encode() + "b;Été;X;Toulouse;10/06/2027;14h\n".encode("cp1252"),
            [
                "Ligne 3 : un caractère illisible : enregistrez tout le fichier en UTF-8, ou tout le "
                "fichier en cp1252."
            ],
        ),
        (
            b"identifiant;intitule;organisateur;commune;date;heure\na;\x81;X;Toulouse;10/06/2027;14h\n",
            [
                "Ligne 2 : un caractère illisible : enregistrez tout le fichier en UTF-8, ou tout le "
                "fichier en cp1252."
            ],
        ),
        (
            f"{HEADER};heure_fin\na;T;X;Toulouse;10/06/2027;14h;13h\n".encode(),
            ["Ligne 2 : la fin, 13h, précède le début, 14h."],
        ),
        (
            f"{HEADER};heure_fin;durée\na;T;X;Toulouse;10/06/2027;14h;15h;90\n".encode(),
            ["Ligne 2 : la durée dit 90 minutes, les heures en disent 60."],
        ),
        (
            f"{HEADER};salle\na;T;X;Toulouse;10/06/2027;14h;Canal\n".encode(),
            ["Ligne 2 : une salle est donnée sans son lieu (colonne « lieu »)."],
        ),
        (
            f"{HEADER}\n{LINE}\na1;Autre;Les Robots;Toulouse;10/06/2027;16h\n".encode(),
            ["Ligne 3 : l’identifiant « a1 » est déjà celui de la ligne 2, pour un autre événement."],
        ),
        (
            f"{HEADER}\n{LINE}\n{LINE}\n".encode(),
            ["Ligne 3 : le même événement à la même heure est déjà ligne 2."],
        ),
    ],
)
def test_every_fault_is_told_by_its_line(data, sentences):
    assert told(data) == sentences


def test_all_faults_are_told_at_once():
    assert [
        problem.line
        for problem in read_csv(
            f"{HEADER}\na;;X;Toulouse;31/02/2027;25h\n{LINE}\nc;T;X;Toulouse;hier;14h\n".encode()
        ).problems
    ] == [2, 2, 2, 4]


def test_a_text_over_several_lines_does_not_shift_the_numbers():
    data = f'{HEADER};description\n{LINE};"un\ndeux\ntrois"\nb;T;X;Toulouse;hier;14h;\n'.encode()

    assert [problem.line for problem in read_csv(data).problems] == [5]


def test_an_unknown_column_and_an_unknown_format_are_noted_and_stop_nothing():
    reading = read_csv(f"{HEADER};couleur;format\n{LINE};bleu;kermesse\n".encode())

    assert [str(note) for note in reading.notes] == [
        "Ligne 1 : la colonne « couleur » n’est pas lue.",
        "Ligne 2 : le format « kermesse » est gardé comme « autre ».",
    ]
    assert [entry.format for entry in reading.entries] == ["other"]


def test_the_real_file_holds_85_events_with_their_true_words():
    reading = read_programme(COMMUNITY_EVENTS.read_bytes())

    assert [str(problem) for problem in reading.problems] == []
    assert len(reading.entries) == 85
    by_identifier = {entry.identifier: entry for entry in reading.entries}
    assert by_identifier["tou-139"].host == 'La "Toul Box" du Cloud Natif'
    assert by_identifier["tou-137"].title == "🍻 Bière Agile - Agilité et IA ?"
    assert by_identifier["tou-055"].timings[0].start == dt.time(18, 45)
    assert by_identifier["tou-070"].commune == "Labège"


texts = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Zs")), min_size=1, max_size=60
)


@given(
    st.lists(
        st.tuples(texts, texts, texts, texts, st.dates(dt.date(2000, 1, 1), dt.date(2090, 1, 1)), st.times()),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.sampled_from([";", ",", "\t"]),
)
def test_what_another_program_wrote_comes_back_whole(rows, delimiter):
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerow(NEEDED)
    for identifier, title, host, commune, day, time in rows:
        writer.writerow([identifier, title, host, commune, f"{day:%d/%m/%Y}", f"{time:%Hh%M}"])

    reading = read_csv(written.getvalue().encode("utf-8-sig"))

    wanted = {clean(row[0]): row for row in rows}
    if len(wanted) == len(rows):
        assert [str(problem) for problem in reading.problems] == []
        assert [
            (entry.identifier, entry.title, entry.host, entry.commune, entry.timings[0].day)
            for entry in reading.entries
        ] == [(clean(row[0]), clean(row[1]), clean(row[2]), clean(row[3]), row[4]) for row in rows]


@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_it_fail(data):
    reading = read_programme(data)

    assert reading.problems or reading.entries


@given(st.text(max_size=300))
def test_no_line_at_all_makes_it_fail(text):
    reading = read_csv(f"{HEADER}\n{text}".encode("utf-8", "ignore"))

    assert all(str(problem) for problem in reading.problems)
