"""Toulouse, La Cantine and its rooms, and who organises there."""

from __future__ import annotations

import pytest

from tests.factories import RoomFactory, TerritoryFactory, UserFactory, VenueFactory


@pytest.fixture
def organiser():
    return UserFactory()


@pytest.fixture
def territory():
    return TerritoryFactory(name="Toulouse", timezone="Europe/Paris")


@pytest.fixture
def venue(territory):
    return VenueFactory(territory=territory, name="La Cantine")


@pytest.fixture
def room(venue):
    return RoomFactory(venue=venue, name="Grande salle")


@pytest.fixture
def other_room(venue):
    return RoomFactory(venue=venue, name="Salle Canal")
