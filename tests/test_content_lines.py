"""The lines of a calendar file, read by two libraries that did not write them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.content_lines import LONGEST, Component, Person, timezone_lines

pytestmark = pytest.mark.once

SIGNS = st.characters(
    codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cf"], include_characters="\n"
)


def event(*said: tuple[str, object]) -> str:
    component = Component("VEVENT")
    for name, value in said:
        component.add(name, value)  # type: ignore[arg-type]
    return str(component)


def read(text: str) -> icalendar.Event:
    component = icalendar.Event.from_ical(text)
    assert isinstance(component, icalendar.Event)
    return component


@settings(max_examples=60, deadline=None)
@given(text=st.text(SIGNS, max_size=400))
def test_a_text_comes_back_as_it_was_said_in_lines_that_are_short_enough(text: str) -> None:
    said = event(("SUMMARY", text))

    assert str(read(said)["SUMMARY"]) == text
    assert max(len(line.encode()) for line in said.split("\r\n")) <= LONGEST


def test_a_text_makes_no_property() -> None:
    said = read(event(("SUMMARY", "Un robot\r\nATTENDEE:mailto:autre@example.org;x,y\\n")))

    assert list(said) == ["SUMMARY"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (dt.datetime(2027, 6, 10, 12, 30, tzinfo=dt.UTC), "DTSTART:20270610T123000Z"),
        (dt.datetime(2027, 6, 10, 14, 30, tzinfo=ZoneInfo("UTC")), "DTSTART:20270610T143000Z"),
        (
            dt.datetime(2027, 6, 10, 14, 30, tzinfo=ZoneInfo("Indian/Reunion")),
            "DTSTART;TZID=Indian/Reunion:20270610T143000",
        ),
    ],
)
def test_a_moment_says_its_zone(at: dt.datetime, said: str) -> None:
    assert event(("DTSTART", at)).split("\r\n")[1] == said


def test_a_person_s_name_cannot_leave_its_quotation_marks() -> None:
    said = event(("ORGANIZER", Person("equipe@example.org", {"CN": 'Le "grand";X=1:\nmailto:a festival'})))

    organizer = read(said)["ORGANIZER"]
    assert organizer == "mailto:equipe@example.org"
    assert dict(organizer.params) == {"CN": "Le grand;X=1: mailto:a festival"}


FRENCH = ("Europe/Paris", "America/Miquelon", "America/Cayenne", "Indian/Reunion", "Pacific/Marquesas")


@pytest.mark.parametrize("zone", [*FRENCH, "Africa/Casablanca", "Australia/Lord_Howe"])
def test_clocks_change_in_the_file_when_they_do_there(zone: str) -> None:
    """An onset is told on the clock that ends (RFC 5545 §3.6.5): less the old offset it is the moment."""
    written = icalendar.Timezone.from_ical(timezone_lines(zone, 2026, 2029))
    told = set()
    for rule in written.walk("STANDARD") + written.walk("DAYLIGHT"):
        before, after = rule["TZOFFSETFROM"].td, rule["TZOFFSETTO"].td
        onsets: list[Any] = [rule["DTSTART"], *(rule["RDATE"].dts if "RDATE" in rule else [])]
        told |= {(at.dt - before, before, after) for at in onsets if before != after}

    half_hours = [
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=30 * n) for n in range(52_608)
    ]
    offsets = [at.astimezone(ZoneInfo(zone)).utcoffset() for at in half_hours]
    assert told == {
        (at.replace(tzinfo=None), before, after)
        for at, before, after in zip(half_hours[1:], offsets, offsets[1:], strict=False)
        if before != after
    }
