"""Calendar files, written by icalendar and read here by vobject."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
import vobject

from events.calendar import calendar_of
from events.models import Registration, Slot
from tests import factories as f
from tests.factories import NOW

pytestmark = pytest.mark.once


def read(content: bytes) -> Any:
    """Read with another library, after checking what the norm asks of the bytes (RFC 5545 §3.1)."""
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    return vobject.readOne(content.decode())


def of_registration(registration: Registration, method: Any = "REQUEST") -> Any:
    return read(calendar_of(registrations=[registration], method=method, now=NOW))


def of_slot(slot: Slot) -> Any:
    return read(calendar_of(slots=[slot], now=NOW))


def test_a_registration_says_when_where_and_for_whom(visit: SimpleNamespace, settings: Any) -> None:
    calendar = of_registration(visit.registration)
    event = calendar.vevent

    assert calendar.method.value == "REQUEST"
    assert event.uid.value == "RJ4K-7KDM@127.0.0.1"
    assert event.sequence.value == "0"
    assert event.status.value == "CONFIRMED"
    assert event.summary.value == "Dans l’atelier d’un robot · Les Robots du Canal"
    assert event.dtstart.value.isoformat() == "2027-06-10T14:00:00+02:00"
    assert event.dtend.value.isoformat() == "2027-06-10T14:45:00+02:00"
    assert event.dtstart.params["X-VOBJ-ORIGINAL-TZID"] == ["Europe/Paris"]
    assert calendar.vtimezone.tzid.value == "Europe/Paris"
    assert event.location.value == "La Cantine, 27 rue d’Aubuisson, Toulouse et Labège"
    assert event.geo.value == "43.6049;1.45"
    assert event.url.value == f"{settings.SITE_URL}/creneaux/{visit.slot.pk}/"
    assert event.organizer.value == "mailto:bonjour@festival.example"
    assert event.attendee.value == "mailto:camille@example.org"
    assert event.attendee.params["PARTSTAT"] == ["ACCEPTED"]
    assert event.description.value.startswith("2 places, billet RJ4K-7KDM")


def test_a_moved_slot_keeps_its_name_and_raises_its_sequence(visit: SimpleNamespace) -> None:
    before = of_registration(visit.registration).vevent
    visit.slot.revision = 3

    after = of_registration(visit.registration).vevent

    assert after.uid.value == before.uid.value
    assert after.sequence.value == "3"


def test_a_cancellation_outranks_what_it_cancels(visit: SimpleNamespace) -> None:
    calendar = of_registration(visit.registration, "CANCEL")

    assert calendar.method.value == "CANCEL"
    assert calendar.vevent.uid.value == "RJ4K-7KDM@127.0.0.1"
    assert calendar.vevent.status.value == "CANCELLED"
    assert calendar.vevent.sequence.value == "1"


def test_a_published_file_names_no_visitor(visit: SimpleNamespace) -> None:
    content = calendar_of(registrations=[visit.registration], method="PUBLISH", now=NOW)

    assert b"camille" not in content.lower()


def test_the_secret_link_stays_out_of_the_calendar(visit: SimpleNamespace) -> None:
    content = calendar_of(registrations=[visit.registration], method="REQUEST", now=NOW)

    assert visit.visitor.token.encode() not in content.replace(b"\r\n ", b"")


def test_a_cancelled_slot_is_cancelled_in_the_feed(visit: SimpleNamespace) -> None:
    visit.slot.state, visit.slot.cancelled_at = "cancelled", NOW

    event = of_slot(visit.slot).vevent

    assert (event.uid.value, event.status.value, event.sequence.value) == (
        f"slot-{visit.slot.pk}@127.0.0.1",
        "CANCELLED",
        "1",
    )


@pytest.mark.parametrize(
    ("zone", "day", "time", "expected"),
    [
        ("Europe/Paris", dt.date(2027, 3, 28), dt.time(10), "2027-03-28T10:00:00+02:00"),
        ("Europe/Paris", dt.date(2027, 3, 28), dt.time(3, 30), "2027-03-28T03:30:00+02:00"),
        ("Europe/Paris", dt.date(2027, 3, 27), dt.time(10), "2027-03-27T10:00:00+01:00"),
        ("America/Miquelon", dt.date(2027, 3, 14), dt.time(3, 15), "2027-03-14T03:15:00-02:00"),
        ("Indian/Reunion", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00+04:00"),
        ("America/Martinique", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00-04:00"),
        ("America/Cayenne", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00-03:00"),
        ("America/Miquelon", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00-02:00"),
        ("Pacific/Noumea", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00+11:00"),
        ("Pacific/Tahiti", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00-10:00"),
        ("Pacific/Marquesas", dt.date(2027, 6, 10), dt.time(14), "2027-06-10T14:00:00-09:30"),
    ],
)
def test_every_french_zone_carries_its_own_rules(
    zone: str, day: dt.date, time: dt.time, expected: str, db: None
) -> None:
    slot = f.SlotFactory(day=day, start_time=time, timezone=zone)

    calendar = of_slot(slot)

    # vobject reads the offset from the VTIMEZONE in the file, not from this machine's zones.
    assert calendar.vevent.dtstart.value.isoformat() == expected
    assert calendar.vtimezone.tzid.value == zone


def test_what_was_typed_cannot_add_a_line(visit: SimpleNamespace) -> None:
    visit.activity.title_fr = "Visite\r\nATTENDEE:mailto:x@example.org\x07\u202e; et, la suite\\n"
    visit.activity.description_fr = "Un\r\nEND:VEVENT\r\nBEGIN:VEVENT\x00"

    calendar = of_registration(visit.registration)

    assert len(calendar.contents["vevent"]) == 1
    assert [attendee.value for attendee in calendar.vevent.contents["attendee"]] == [
        "mailto:camille@example.org"
    ]
    assert calendar.vevent.summary.value.startswith("Visite\nATTENDEE:mailto:x@example.org; et, la suite\\n")
    assert "\x00" not in calendar.vevent.description.value
