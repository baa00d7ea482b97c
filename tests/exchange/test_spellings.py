"""What organisers write, and what it stands for."""

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.exchange import spellings
from events.exchange.spellings import Unreadable

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("31/12/2026", dt.date(2026, 12, 31)),
        ("1/6/2027", dt.date(2027, 6, 1)),
        ("10.06.2027", dt.date(2027, 6, 10)),
        ("10-06-2027", dt.date(2027, 6, 10)),
        ("2027-06-10", dt.date(2027, 6, 10)),
        ("29/02/2028", dt.date(2028, 2, 29)),
    ],
)
def test_dates_are_read_as_they_are_written(text, date):
    assert spellings.read_date(text) == date


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("18h30", dt.time(18, 30)),
        ("18H30", dt.time(18, 30)),
        ("18 h 30", dt.time(18, 30)),
        ("18 h 30", dt.time(18, 30)),
        ("18h", dt.time(18)),
        ("9h05", dt.time(9, 5)),
        ("18:30", dt.time(18, 30)),
        ("18:30:00", dt.time(18, 30)),
        ("00:00", dt.time(0)),
        ("midi", dt.time(12)),
    ],
)
def test_times_are_read_as_they_are_written(text, time):
    assert spellings.read_time(text) == time


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("45", 45), ("90 min", 90), ("1h30", 90), ("1 h 30", 90), ("2h", 120), ("1:30", 90), ("1440", 1440)],
)
def test_lengths_are_read_in_minutes(text, minutes):
    assert spellings.read_minutes(text) == minutes


@pytest.mark.parametrize(
    ("text", "places"),
    [("15", 15), ("15 places", 15), ("1 200", 1200), ("20 personnes", 20), ("illimitée", None)],
)
def test_numbers_of_places_are_read(text, places):
    assert spellings.read_capacity(text) == places


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("meetup", "meetup"),
        ("Apéro", "networking_drinks"),
        ("ATELIER", "workshop"),
        ("conférence", "talk"),
        ("Portes ouvertes", "open_house"),
        ("visite guidée", "guided_tour"),
        ("petit-déjeuner", "breakfast"),
        ("Job dating", "job_dating"),
        ("kermesse", None),
    ],
)
def test_formats_are_known_by_their_french_names(text, code):
    assert spellings.read_format(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("entrée libre", "drop_in"),
        ("Sur inscription", "first_come"),
        ("drop_in", "drop_in"),
        ("tirage au sort", "ballot"),
    ],
)
def test_ways_to_come_are_known_by_their_french_names(text, code):
    assert spellings.read_mode(text) == code


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("français", ["fr"]),
        ("FR/EN", ["fr", "en"]),
        ("français, anglais", ["fr", "en"]),
        ("français et LSF", ["fr", "lsf"]),
        ("Occitan + français", ["oc", "fr"]),
    ],
)
def test_languages_are_read_in_their_order(text, codes):
    assert spellings.read_languages(text) == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("mi", ["mi"]),
        ("hi, vi", ["hi", "vi"]),
        ("PMR", ["mi"]),
        ("handicap moteur / boucle magnétique", ["mi", "hi"]),
        ("non", []),
    ],
)
def test_accessibility_is_read_as_openagendas_codes(text, codes):
    assert spellings.read_access(text) == codes


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (
            spellings.read_date,
            "demain",
            "« demain » n’est pas une date : écrivez 31/12/2026 ou 2026-12-31.",
        ),
        (
            spellings.read_date,
            "1/2/27",
            "« 1/2/27 » n’est pas une date : écrivez 31/12/2026 ou 2026-12-31.",
        ),
        (spellings.read_date, "31/02/2027", "le 31/02/2027 n’existe pas au calendrier."),
        (spellings.read_date, "29/02/2027", "le 29/02/2027 n’existe pas au calendrier."),
        (spellings.read_date, "0000-01-01", "le 0000-01-01 n’existe pas au calendrier."),
        (spellings.read_date, "01/01/9999", "l’année 9999 est trop lointaine."),
        (
            spellings.read_time,
            "25h00",
            "« 25h00 » n’est pas une heure : écrivez 18h30 ou 18:30.",
        ),
        (spellings.read_time, "18", "« 18 » n’est pas une heure : écrivez 18h30 ou 18:30."),
        (
            spellings.read_minutes,
            "longtemps",
            "« longtemps » n’est pas une durée : écrivez les minutes, 90, ou 1h30.",
        ),
        (
            spellings.read_minutes,
            "0",
            "cela durerait 0 minutes : il faut de 5 minutes à un jour.",
        ),
        (
            spellings.read_minutes,
            "1441",
            "cela durerait 1441 minutes : il faut de 5 minutes à un jour.",
        ),
        (spellings.read_capacity, "beaucoup", "« beaucoup » n’est pas un nombre de places."),
        (spellings.read_capacity, "-3", "« -3 » n’est pas un nombre de places."),
        (spellings.read_capacity, "0", "0 n’est pas un nombre de places."),
        (
            spellings.read_mode,
            "peut-être",
            "« peut-être » n’est pas un mode de venue : entrée libre, sur inscription ou tirage au sort.",
        ),
        (
            spellings.read_languages,
            "fr, elfique",
            "« elfique » n’est pas une langue connue : fr, en, lsf, es, de, it, oc.",
        ),
        (
            spellings.read_access,
            "métro",
            "« métro » n’est pas un code d’accessibilité : hi, vi, pi, mi, ii.",
        ),
        (spellings.clean, "a\x00b", "le texte contient un caractère nul."),
        (spellings.clean, "a\x1bb", "le texte contient un caractère de contrôle invisible (U+001B)."),
        (spellings.clean, "a\u202eb", "le texte contient un caractère de contrôle invisible (U+202E)."),
    ],
)
def test_what_cannot_be_read_is_told_in_french(read, text, sentence):
    with pytest.raises(Unreadable) as refusal:
        read(text)

    assert str(refusal.value) == sentence


def test_a_long_text_is_cut_where_it_is_shown():
    with pytest.raises(Unreadable) as refusal:
        spellings.read_time("x" * 5000)

    assert len(str(refusal.value)) < 120


def test_emoji_and_accents_are_kept_and_composed():
    assert spellings.clean(" 🍻  Bie\u0300re agile – l’été ") == "🍻 Bière agile – l’été"


def test_html_and_formulas_stay_the_text_they_are():
    assert spellings.clean('=HYPERLINK("x")<b>gras</b>') == '=HYPERLINK("x")<b>gras</b>'


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 12, 31)))
def test_every_date_comes_back_from_both_spellings(date):
    assert spellings.read_date(f"{date:%d/%m/%Y}") == date
    assert spellings.read_date(date.isoformat()) == date


@given(st.times().map(lambda time: time.replace(second=0, microsecond=0)))
def test_every_time_comes_back_from_both_spellings(time):
    assert spellings.read_time(f"{time:%Hh%M}") == time
    assert spellings.read_time(f"{time:%H:%M}") == time


@given(st.text())
def test_no_text_does_worse_than_being_refused(text):
    for read in (
        spellings.read_date,
        spellings.read_time,
        spellings.read_minutes,
        spellings.read_capacity,
        spellings.read_mode,
        spellings.read_languages,
        spellings.read_access,
        spellings.clean,
    ):
        with contextlib.suppress(Unreadable):
            read(text)
