"""A room's own page, and what is on in a venue or a room as a calendar."""

from __future__ import annotations

import datetime as dt

import icalendar
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import RoomHours, SpecialDays
from events.scheduling.blocking import block_room
from events.scheduling.managers import renew_calendar_link
from events.scheduling.place import place_slot
from tests.factories import (
    NOW,
    ActivityFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def room():
    venue = VenueFactory(name="La Cantine", slug="la-cantine", access=["mi"])
    return RoomFactory(
        venue=venue, name="Grande salle", floor="1er étage", has=["screen"], equipment="Piano", step_free=True
    )


def a_slot(room, at=10, place=True, **fields):
    title = fields.pop("title", f"Visite de {at} h")
    activity = ActivityFactory(host=HostFactory(territory=room.venue.territory), title_fr=title)
    slot = SlotFactory(activity=activity, start_time=dt.time(at), duration=30, venue=room.venue, **fields)
    if place:
        slot = place_slot(slot_id=slot.pk, room_id=room.pk, by=UserFactory(), now=NOW)
    return slot


def page_of(room):
    return reverse("events:room", args=[room.venue.slug, room.pk])


def events_in(response):
    """UID, summary and status of each event of a calendar."""
    assert response.status_code == 200
    calendar = icalendar.Calendar.from_ical(response.content)
    return [(str(e["uid"]), str(e["summary"]), str(e["status"])) for e in calendar.walk("VEVENT")]


def test_the_page_says_what_is_on_and_what_the_room_is(client, room):
    a_slot(room)
    elsewhere = a_slot(RoomFactory(venue=room.venue), at=14)
    RoomHours.objects.create(room=room, weekday=4, opens=dt.time(9), closes=dt.time(18))

    page = client.get(page_of(room)).content.decode()

    for words in (
        "Grande salle",
        "La Cantine",
        "1er étage",
        "Piano",
        "Visite de 10\u00a0h",
        "personnes à l’aise",
    ):
        assert words in page
    assert elsewhere.activity.title not in page
    assert page_of(room) in client.get(reverse("events:venue", args=["la-cantine"])).content.decode()


def test_the_days_on_which_it_is_closed_are_said_while_they_lie_ahead(client, room):
    today = NOW.date()
    ahead = {"first_day": today, "last_day": today + dt.timedelta(days=2)}
    SpecialDays.objects.create(venue=room.venue, reason="Salon de l’emploi", **ahead)
    gone = today - dt.timedelta(days=3)
    SpecialDays.objects.create(venue=room.venue, reason="Travaux", first_day=gone, last_day=gone)
    other = RoomFactory(venue=room.venue)
    SpecialDays.objects.create(venue=room.venue, room=other, reason="Peinture", **ahead)

    page = client.get(page_of(room)).content.decode()

    assert "Salon de l’emploi" in page
    assert "Travaux" not in page
    assert "Peinture" not in page


def test_drafts_and_blockings_stay_off_the_public_page_and_calendars(client, room):
    slot = a_slot(room, state="draft")
    block_room(
        room_id=room.pk,
        starts_at=slot.ends_at + dt.timedelta(hours=1),
        ends_at=slot.ends_at + dt.timedelta(hours=2),
        label="Conseil secret",
        by=UserFactory(),
        now=NOW,
    )

    assert slot.activity.title not in client.get(page_of(room)).content.decode()
    for name, arguments in (("room_calendar", ["la-cantine", room.pk]), ("venue_calendar", ["la-cantine"])):
        assert events_in(client.get(reverse(f"events:{name}", args=arguments))) == []


def test_a_room_of_another_venue_or_out_of_use_is_not_found(client, room):
    other = VenueFactory(slug="ailleurs")
    assert client.get(reverse("events:room", args=[other.slug, room.pk])).status_code == 404

    room.is_active = False
    room.save()

    assert client.get(page_of(room)).status_code == 404
    assert client.get(reverse("events:room_calendar", args=["la-cantine", room.pk])).status_code == 404


def test_calendars_hold_what_is_published_and_what_is_cancelled_marked(client, room):
    kept, gone = a_slot(room), a_slot(room, at=12)
    elsewhere = a_slot(room, at=14, place=False)
    gone.state, gone.cancelled_at = "cancelled", NOW
    gone.save()

    there = events_in(client.get(reverse("events:room_calendar", args=["la-cantine", room.pk])))
    venue = events_in(client.get(reverse("events:venue_calendar", args=["la-cantine"])))

    assert [(uid.split("@")[0], status) for uid, _summary, status in there] == [
        (f"slot-{kept.pk}", "CONFIRMED"),
        (f"slot-{gone.pk}", "CANCELLED"),
    ]
    assert venue[:2] == there
    assert venue[2][0].startswith(f"slot-{elsewhere.pk}@")


def test_what_is_in_a_hall_is_in_the_calendar_of_its_parts(client, room):
    hall = RoomFactory(venue=room.venue, name="Réunies")
    hall.parts.set([room, RoomFactory(venue=room.venue)])
    slot = a_slot(hall)

    found = events_in(client.get(reverse("events:room_calendar", args=["la-cantine", room.pk])))

    assert [uid.split("@")[0] for uid, *_rest in found] == [f"slot-{slot.pk}"]


def test_an_unchanged_calendar_is_not_sent_again(client, room):
    a_slot(room)
    url = reverse("events:venue_calendar", args=["la-cantine"])
    first = client.get(url)

    assert client.get(url, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304

    a_slot(room, at=15)
    assert client.get(url, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


def test_the_managers_calendar_holds_drafts_and_blockings_and_is_kept_by_nobody(client, room):
    draft = a_slot(room, state="draft", title="Pas encore public")
    row = block_room(
        room_id=room.pk,
        starts_at=draft.ends_at + dt.timedelta(hours=1),
        ends_at=draft.ends_at + dt.timedelta(hours=2),
        label="Cours",
        by=UserFactory(name="Dominique Salle"),
        now=NOW,
    )[0]
    token = renew_calendar_link(room_id=room.pk)

    response = client.get(reverse("events:manager_calendar", args=[room.pk, token]))

    found = events_in(response)
    assert [(uid.split("@")[0], status) for uid, _summary, status in found] == [
        (f"slot-{draft.pk}", "TENTATIVE"),
        (f"blocking-{row.pk}", "CONFIRMED"),
    ]
    assert "Pas encore public" in found[0][1]
    assert "no-store" in response["Cache-Control"]
    assert client.get(reverse("events:manager_calendar", args=[room.pk, "wrong"])).status_code == 404


def test_a_page_and_a_calendar_ask_as_much_for_three_slots_as_for_one(client, room):
    urls = [page_of(room), reverse("events:room_calendar", args=["la-cantine", room.pk])]

    def asked():
        numbers = []
        for url in urls:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            numbers.append(len(queries))
        return numbers

    a_slot(room)
    asked()
    one = asked()
    a_slot(room, at=12)
    a_slot(room, at=15)

    assert asked() == one
