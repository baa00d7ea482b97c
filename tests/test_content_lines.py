"""The lines of a calendar file, read by two libraries that did not write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.content_lines import LONGEST, Component, Person

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
