"""A territory with its people, at ten in the morning of 3 May 2027."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from django.test import Client

from accounts.models import User
from events.models import Activity, Commune, HostMember, Slot, TerritoryTeam, VenueManager
from tests.factories import (
    DAY,
    NOW,
    ActivityFactory,
    FestivalFactory,
    HostFactory,
    RoomFactory,
    SlotFactory,
    TerritoryFactory,
    UserFactory,
    VenueFactory,
)


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def place(db) -> SimpleNamespace:
    """Toulouse: an edition, a venue with two rooms, a host with one published activity, an organiser."""
    territory = TerritoryFactory(name="Toulouse", slug="toulouse")
    Commune.objects.create(territory=territory, name="Labège")
    festival = FestivalFactory(name="Festival 2027")
    festival.territories.add(territory)
    venue = VenueFactory(territory=territory, name="La Cantine", slug="la-cantine")
    host = HostFactory(territory=territory, name="Les Robots")
    activity = ActivityFactory(host=host, festival=festival, title_fr="Un robot jardinier", venue=venue)
    organiser = UserFactory(name="Alix Relais")
    TerritoryTeam.objects.create(territory=territory, user=organiser)
    return SimpleNamespace(
        territory=territory,
        festival=festival,
        venue=venue,
        room=RoomFactory(venue=venue, name="Grande salle"),
        other_room=RoomFactory(venue=venue, name="Salle Canal"),
        host=host,
        activity=activity,
        organiser=organiser,
    )


@pytest.fixture
def desk(client: Client, place: SimpleNamespace) -> Client:
    """The browser of the organiser."""
    client.force_login(place.organiser)
    return client


@pytest.fixture
def people(place: SimpleNamespace) -> dict[str, User | None]:
    """Everybody who might knock: who organises elsewhere, manages the venue, hosts, or is nobody."""
    elsewhere = UserFactory()
    TerritoryTeam.objects.create(territory=TerritoryFactory(), user=elsewhere)
    manager = UserFactory()
    VenueManager.objects.create(venue=place.venue, user=manager)
    host = UserFactory()
    HostMember.objects.create(host=place.host, user=host)
    return {
        "organiser": place.organiser,
        "elsewhere": elsewhere,
        "manager": manager,
        "host": host,
        "stranger": UserFactory(),
        "anonymous": None,
    }


def a_slot(place: SimpleNamespace, at: dt.time = dt.time(10), **fields) -> Slot:
    """A slot of the activity on the first day, published, an hour long, at the venue, without a room."""
    fields = {"activity": place.activity, "day": DAY, "duration": 60, "venue": place.venue, **fields}
    return SlotFactory(start_time=at, **fields)


def submitted(place: SimpleNamespace, **fields) -> Activity:
    fields = {
        "host": place.host,
        "festival": place.festival,
        "state": Activity.State.SUBMITTED,
        "submitted_at": NOW - dt.timedelta(days=2),
        "description_fr": "Une visite.",
        "languages": ["fr"],
        **fields,
    }
    return ActivityFactory(**fields)
