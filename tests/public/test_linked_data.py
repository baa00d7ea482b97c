"""What search engines read: every page's linked data is complete, spelt right and true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from events.models import Festival, OpeningHours, Programme, Slot
from tests.factories import (
    NOW,
    ActivityFactory,
    BallotFactory,
    FestivalFactory,
    HostFactory,
    SlotFactory,
    TerritoryFactory,
    VenueFactory,
)
from tests.ground import schema_org as so

pytestmark = pytest.mark.django_db

Read = Callable[..., str]
FORTNIGHT = NOW + dt.timedelta(days=14)


@pytest.fixture(autouse=True)
def _a_known_address(settings: Any) -> None:
    settings.SITE_URL = "https://festival.example"


def event_of(page: str) -> dict[str, Any]:
    event, crumbs = so.blocks_of(page)
    assert so.faults(event, so.EVENT) == []
    assert so.faults(crumbs, so.CRUMBS) == []
    return event


@pytest.mark.parametrize(
    ("how", "availability", "facts"),
    [
        ({"capacity": 10, "taken": 4}, "InStock", (10, 6)),
        ({"capacity": 10, "taken": 10}, "SoldOut", (10, 0)),
        ({"capacity": 10, "opens_at": FORTNIGHT}, "PreOrder", (10, 10)),
        ({"capacity": 10, "opens_at": NOW - dt.timedelta(days=1)}, "InStock", (10, 10)),
        ({"capacity": None, "activity__mode": "drop_in"}, "InStock", None),
        ({"state": "cancelled", "cancelled_at": NOW, "taken": 3}, "Discontinued", (10, 0)),
    ],
    ids=["free", "full", "opens later", "has opened", "drop-in", "cancelled"],
)
def test_an_event_says_how_one_gets_in(
    read: Read, how: dict[str, Any], availability: str, facts: tuple[int, int] | None
) -> None:
    slot = SlotFactory(**how)

    event = event_of(read(slot.get_absolute_url()))

    assert event["offers"]["availability"] == f"https://schema.org/{availability}"
    assert event["offers"]["url"] == f"https://festival.example/creneaux/{slot.pk}/"
    if slot.opens_at:
        assert dt.datetime.fromisoformat(event["offers"]["validFrom"]) == slot.opens_at
    assert event["eventStatus"].endswith("Cancelled") is slot.is_cancelled
    said = (event.get("maximumAttendeeCapacity"), event.get("remainingAttendeeCapacity"))
    assert said == (facts or (None, None))


@pytest.mark.parametrize(
    ("announced", "state", "status", "mode"),
    [
        ("", "cancelled", "EventCancelled", "Offline"),
        ("postponed", "cancelled", "EventPostponed", "Offline"),
        ("postponed", "published", "EventRescheduled", "Offline"),
        ("rescheduled", "published", "EventRescheduled", "Offline"),
        ("moved_online", "published", "EventMovedOnline", "Online"),
    ],
)
def test_an_event_says_what_became_of_it(
    read: Read, announced: str, state: str, status: str, mode: str
) -> None:
    off = {"cancelled_at": NOW} if state == "cancelled" else {}
    slot = SlotFactory(activity__announced=announced, state=state, **off)

    event = event_of(read(slot.get_absolute_url()))

    assert event["eventStatus"] == f"https://schema.org/{status}"
    assert event["eventAttendanceMode"] == f"https://schema.org/{mode}EventAttendanceMode"
    assert event["location"]["@type"] == ("VirtualLocation" if mode == "Online" else "Place")


def test_a_ballot_can_be_entered_until_it_closes_and_what_has_begun_offers_nothing(read: Read) -> None:
    ballot = BallotFactory(opens_at=NOW, closes_at=FORTNIGHT)
    to_win = SlotFactory(activity__mode="ballot", activity__ballot=ballot, activity__festival=ballot.festival)
    over = SlotFactory(day=NOW.date() - dt.timedelta(days=1))

    offer = event_of(read(to_win.get_absolute_url()))["offers"]

    assert offer["availability"] == "https://schema.org/PreOrder"
    assert dt.datetime.fromisoformat(offer["availabilityEnds"]) == FORTNIGHT
    assert "offers" not in event_of(read(over.get_absolute_url()))


def test_an_event_tells_where_who_in_which_language_and_what_it_is_part_of(read: Read) -> None:
    festival = FestivalFactory(name="Festival 2027")
    operation = Programme.objects.create(
        festival=festival, name="Assembly", slug="assembly", organiser="Paris & Co"
    )
    reunion = TerritoryFactory(name="La Réunion", timezone="Indian/Reunion")
    slot = SlotFactory(
        activity=ActivityFactory(
            festival=festival,
            programme=operation,
            host=HostFactory(name="Les Robots", territory=reunion),
            languages=["fr", "lsf"],
            minimum_age=8,
        ),
        start_time=dt.time(14),
        venue=VenueFactory(territory=reunion, postcode="97400", latitude=-20.9, longitude=55.4),
    )
    nowhere = SlotFactory(activity=slot.activity, start_time=dt.time(16))

    event = event_of(read(slot.get_absolute_url()))

    assert event["startDate"] == "2027-06-10T14:00+04:00"
    assert event["inLanguage"] == ["fr", "fsl"]
    assert event["typicalAgeRange"] == "8-"
    assert event["location"]["geo"] == {"@type": "GeoCoordinates", "latitude": -20.9, "longitude": 55.4}
    assert event["organizer"]["url"].startswith("https://festival.example/hotes/")
    assert event["superEvent"]["organizer"]["name"] == "Paris & Co"
    assert event["superEvent"]["superEvent"]["name"] == "Festival 2027"
    assert event["image"][0].startswith("https://festival.example/partage/creneau/")
    assert event_of(read(nowhere.get_absolute_url()))["location"]["name"] == "La Réunion"
    (series, _crumbs) = so.blocks_of(read(slot.activity.get_absolute_url()))
    assert so.faults(series, so.SERIES) == []
    assert len(series["subEvent"]) == 2
    assert series["endDate"] == "2027-06-10T16:45+04:00"


def test_every_other_page_says_what_it_is(read: Read) -> None:
    slot = SlotFactory(venue=VenueFactory(step_free=True, website="https://lieu.example"))
    slot.activity.host.website = "https://hote.example"
    slot.activity.host.save()
    OpeningHours.objects.create(venue=slot.venue, weekday=7, opens=dt.time(9), closes=dt.time(18))
    operation = Programme.objects.create(festival=slot.activity.festival, name="Assembly", slug="assembly")
    archived = FestivalFactory(state=Festival.State.ARCHIVED)
    for path, schemas in {
        "/": [so.SITE],
        slot.venue.get_absolute_url(): [so.VENUE, so.CRUMBS],
        slot.activity.host.get_absolute_url(): [so.HOST, so.CRUMBS],
        slot.activity.territory.get_absolute_url(): [so.CRUMBS],
        operation.get_absolute_url(): [so.OPERATION, so.CRUMBS],
        archived.get_absolute_url(): [so.FESTIVAL, so.CRUMBS],
    }.items():
        blocks = so.blocks_of(read(path))
        assert [so.faults(block, schema) for block, schema in zip(blocks, schemas, strict=True)] == [
            [] for _schema in schemas
        ], path
        if so.CRUMBS in schemas:
            last = blocks[-1]["itemListElement"][-1]
            assert last["item"] == f"https://festival.example{path}"


def test_text_that_would_end_the_script_stays_text(read: Read) -> None:
    title = 'Robots </script><script>alert(1)</script><!-- \u2028 "'
    slot = SlotFactory(activity__title_fr=title)

    page = read(slot.get_absolute_url())

    assert event_of(page)["name"] == title
    assert "<script>alert" not in page


def test_the_check_finds_what_is_missing_misspelt_or_wrong(read: Read) -> None:
    """The negative control."""
    slot = SlotFactory()
    good = so.blocks_of(read(slot.get_absolute_url()))[0]
    assert so.faults(good, so.EVENT) == []
    for spoil in (
        lambda event: event.pop("location"),
        lambda event: event.pop("image"),
        lambda event: event.update(organiser="x"),
        lambda event: event.update(startDate="10/06/2027"),
        lambda event: event.update(eventStatus="Scheduled"),
        lambda event: event["offers"].update(price="0 €"),
        lambda event: event["location"]["address"].pop("addressLocality"),
        lambda event: event.update(url="pas une adresse"),
        lambda event: event.update({"@context": "http://schema.example"}),
    ):
        event = so.json.loads(so.json.dumps(good))
        spoil(event)
        assert so.faults(event, so.EVENT) != []
    assert Slot.objects.count() == 1
