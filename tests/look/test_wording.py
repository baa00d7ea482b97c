"""How dates, times, numbers and walks are said, in both languages. « ~ » stands for a no-break space."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils.translation import override

from events import wording
from events.clock import on_the_wall

pytestmark = pytest.mark.once


def nb(text: str) -> str:
    return text.replace("~", "\u00a0")


PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("hour", "minute", "french", "english"),
    [
        (14, 30, "14~h~30", "14:30"),
        (18, 0, "18~h", "18:00"),
        (9, 5, "9~h~05", "09:05"),
        (0, 0, "minuit", "midnight"),
        (0, 30, "0~h~30", "00:30"),
        (12, 0, "12~h", "12:00"),
        (23, 59, "23~h~59", "23:59"),
    ],
)
def test_an_hour_is_said_as_it_is_printed(hour: int, minute: int, french: str, english: str) -> None:
    assert wording.say_time(dt.time(hour, minute), "fr") == nb(french)
    assert wording.say_time(dt.time(hour, minute), "en") == english


def test_the_active_language_speaks_when_none_is_asked() -> None:
    with override("en"):
        assert wording.say_time(dt.time(14, 30)) == "14:30"
    with override("fr"):
        assert wording.say_time(dt.time(14, 30)) == nb("14~h~30")
    with override(None):
        assert wording.say_time(dt.time(14, 30)) == nb("14~h~30")


@pytest.mark.parametrize(
    ("start", "end", "french", "english"),
    [
        ((10, 14, 0), (10, 14, 45), "14~h – 14~h~45", "14:00 – 14:45"),
        ((10, 22, 0), (11, 0, 0), "22~h – minuit", "22:00 – midnight"),
        ((10, 22, 0), (11, 1, 30), "22~h – 1~h~30", "22:00 – 01:30"),
        ((10, 9, 0), (11, 12, 0), "10~juin à~9~h – 11~juin à~12~h", "10~June at~09:00 – 11~June at~12:00"),
    ],
)
def test_from_when_to_when(
    start: tuple[int, int, int], end: tuple[int, int, int], french: str, english: str
) -> None:
    first, last = (dt.datetime(2027, 6, *at, tzinfo=PARIS) for at in (start, end))
    assert wording.say_times(first, last, "fr") == nb(french)
    assert wording.say_times(first, last, "en") == nb(english)


@pytest.mark.parametrize(
    ("zone", "french"),
    [
        ("Europe/Paris", "14~h~30"),
        ("Indian/Reunion", "16~h~30"),
        ("America/Martinique", "8~h~30"),
        ("Pacific/Noumea", "23~h~30"),
    ],
)
def test_the_clock_of_the_territory_counts(zone: str, french: str) -> None:
    instant = dt.datetime(2027, 6, 10, 12, 30, tzinfo=dt.UTC)
    assert wording.say_time(on_the_wall(instant, zone), "fr") == nb(french)


@pytest.mark.parametrize(("month", "french"), [(3, "11~h"), (4, "12~h")])
def test_summer_time_moves_the_wall_clock(month: int, french: str) -> None:
    instant = dt.datetime(2027, month, 1, 10, 0, tzinfo=dt.UTC)
    assert wording.say_time(on_the_wall(instant, "Europe/Paris"), "fr") == nb(french)


def test_a_night_over_the_autumn_change_ends_on_the_clock_that_hangs_there() -> None:
    start = on_the_wall(dt.datetime(2027, 10, 30, 20, 0, tzinfo=dt.UTC), "Europe/Paris")
    end = on_the_wall(dt.datetime(2027, 10, 31, 1, 30, tzinfo=dt.UTC), "Europe/Paris")
    assert wording.say_times(start, end, "fr") == nb("22~h – 2~h~30")


@pytest.mark.parametrize(
    ("day", "french", "english"),
    [
        (dt.date(2027, 6, 10), "jeudi~10~juin", "Thursday~10~June"),
        (dt.date(2027, 6, 1), "mardi~1er~juin", "Tuesday~1~June"),
        (dt.date(2027, 8, 21), "samedi~21~août", "Saturday~21~August"),
    ],
)
def test_a_day(day: dt.date, french: str, english: str) -> None:
    assert wording.say_day(day, "fr") == nb(french)
    assert wording.say_day(day, "en") == nb(english)


def test_parts_of_a_day_may_be_left_out() -> None:
    day = dt.date(2027, 6, 1)
    assert wording.say_day(day, "fr", weekday=False) == nb("1er~juin")
    assert wording.say_day(day, "fr", year=True) == nb("mardi~1er~juin~2027")
    assert wording.say_day(day, "fr", month=False) == nb("mardi~1er")
    assert wording.say_short_day(dt.date(2027, 6, 10), "fr") == nb("jeu.~10")
    assert wording.say_short_day(dt.date(2027, 6, 10), "en") == nb("Thu~10")


@pytest.mark.parametrize(
    ("first", "last", "french", "english"),
    [
        ((2027, 6, 10), (2027, 6, 12), "10, 11 et~12~juin~2027", "10, 11 and~12~June~2027"),
        ((2027, 6, 1), (2027, 6, 2), "1er et~2~juin~2027", "1 and~2~June~2027"),
        ((2027, 6, 10), (2027, 6, 10), "10~juin~2027", "10~June~2027"),
        ((2014, 6, 4), (2014, 6, 28), "du~4 au~28~juin~2014", "4 to 28~June~2014"),
        ((2027, 5, 31), (2027, 6, 2), "du~31~mai au~2~juin~2027", "31~May to 2~June~2027"),
        (
            (2026, 12, 28),
            (2027, 1, 3),
            "du~28~décembre~2026 au~3~janvier~2027",
            "28~December~2026 to 3~January~2027",
        ),
    ],
)
def test_a_range_of_days_says_once_what_both_ends_share(
    first: tuple[int, int, int], last: tuple[int, int, int], french: str, english: str
) -> None:
    assert wording.say_day_range(dt.date(*first), dt.date(*last), "fr") == nb(french)
    assert wording.say_day_range(dt.date(*first), dt.date(*last), "en") == nb(english)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        wording.say_day_range(dt.date(2027, 6, 12), dt.date(2027, 6, 10))


@pytest.mark.parametrize(
    ("days", "french"),
    [
        ([], ""),
        ([(2027, 6, 12), (2027, 6, 10)], "10 et 12~juin~2027"),
        ([(2027, 5, 31), (2027, 6, 2)], "31~mai et 2~juin~2027"),
        ([(2026, 12, 28), (2027, 1, 3)], "28~décembre~2026 et 3~janvier~2027"),
        ([(2027, 6, 10), (2027, 6, 11)], "10 et~11~juin~2027"),
    ],
)
def test_days_that_do_not_follow_each_other(days: list[tuple[int, int, int]], french: str) -> None:
    assert wording.say_days([dt.date(*day) for day in days], "fr") == nb(french)


@pytest.mark.parametrize(
    ("at", "french", "english"),
    [
        (dt.datetime(2027, 6, 3, 9, 12), "aujourd’hui à~9~h~12", "today at~09:12"),
        (dt.datetime(2027, 6, 2, 17, 20), "hier à~17~h~20", "yesterday at~17:20"),
        (dt.datetime(2027, 6, 4, 10, 0), "demain à~10~h", "tomorrow at~10:00"),
        (dt.datetime(2027, 6, 10, 10, 0), "le 10~juin à~10~h", "on 10~June at~10:00"),
        (dt.datetime(2026, 6, 1, 10, 0), "le 1er~juin~2026 à~10~h", "on 1~June~2026 at~10:00"),
    ],
)
def test_a_moment_beside_today(at: dt.datetime, french: str, english: str) -> None:
    today = dt.date(2027, 6, 3)
    assert wording.say_when(at, today, "fr") == nb(french)
    assert wording.say_when(at, today, "en") == nb(english)


@pytest.mark.parametrize(
    ("value", "decimals", "french", "english"),
    [
        (1240, 0, "1~240", "1,240"),
        (0, 0, "0", "0"),
        (82.5, 1, "82,5", "82.5"),
        (1234567.8, 1, "1~234~567,8", "1,234,567.8"),
    ],
)
def test_a_number(value: float, decimals: int, french: str, english: str) -> None:
    assert wording.say_number(value, "fr", decimals=decimals) == nb(french)
    assert wording.say_number(value, "en", decimals=decimals) == english


def test_shares_lengths_and_ranks() -> None:
    assert wording.say_percent(0.82, "fr") == nb("82~%")
    assert wording.say_percent(0.82, "en") == "82%"
    assert [wording.say_duration(n, "fr") for n in (45, 60, 135)] == [nb("45~min"), nb("1~h"), nb("2~h~15")]
    assert wording.say_duration(135, "en") == nb("2~h~15~min")
    assert [wording.say_ordinal(n, "fr") for n in (1, 2, 11)] == ["1er", "2e", "11e"]
    assert [wording.say_ordinal(n, "en") for n in (1, 2, 3, 4, 11, 12, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th",
    ]  # fmt: skip
    assert wording.say_list(["une", "deux", "trois"], "fr") == "une, deux et trois"
    assert wording.say_list(["une"], "fr") == "une"


def test_a_length_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        wording.say_duration(-1)


CANTINE, QUAI = (43.6035, 1.4500), (43.5943, 1.4530)


def test_a_walk_is_the_straight_line_and_a_third_rounded_up() -> None:
    # 1,051 m as the crow flies (another formula gives the same): × 1.3 at 80 m a minute is 17.1 minutes.
    assert round(wording.metres_between(CANTINE, QUAI)) == 1051
    assert wording.walking_minutes(CANTINE, QUAI) == 18
    assert wording.say_walk(CANTINE, QUAI, "fr") == nb("18~min à pied")
    assert wording.say_walk(CANTINE, QUAI, "en") == nb("18~min on foot")


def test_too_far_to_walk_says_so() -> None:
    labege = (43.5455, 1.5100)
    assert wording.say_walk(CANTINE, labege, "fr") == nb("8,1~km, prévoyez un transport")


def test_nothing_is_said_of_a_walk_that_is_not_known_or_not_one() -> None:
    assert wording.say_walk(None, QUAI) == ""
    assert wording.say_walk(CANTINE, None) == ""
    assert wording.say_walk(CANTINE, CANTINE) == ""


def test_ordinals_are_raised_and_the_text_is_escaped() -> None:
    assert wording.raise_ordinals("1er juin & 2e <b>") == "1<sup>er</sup> juin &amp; 2<sup>e</sup> &lt;b&gt;"
    assert wording.raise_ordinals("hiver 4er-x") == "hiver 4er-x"


def test_the_big_numerals_make_the_h_light() -> None:
    assert wording.hour_html(dt.time(14, 0), "fr") == nb("14~<i>h</i>")
    assert wording.hour_html(dt.time(14, 30), "fr") == nb("14~<i>h</i>~30")
    assert wording.hour_html(dt.time(14, 0), "en") == "14<i>:00</i>"


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (dt.datetime(2027, 6, 10, 19, 45), "jeudi\u00a010\u00a0juin, 19\u00a0h – 19\u00a0h\u00a045"),
        (dt.datetime(2027, 6, 11, 1, 0), "jeudi\u00a010\u00a0juin, 19\u00a0h – 1\u00a0h"),
        (dt.datetime(2027, 6, 12, 9, 0), "10\u00a0juin à\u00a019\u00a0h – 12\u00a0juin à\u00a09\u00a0h"),
    ],
)
def test_a_span_says_its_day_once_unless_it_lasts_more_than_a_night(end: dt.datetime, said: str) -> None:
    assert wording.say_span(dt.datetime(2027, 6, 10, 19), end, "fr") == said
