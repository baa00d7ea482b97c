"""A host in Toulouse with two people, an organiser, a visit on Thursday 10 June 2027 at 14 h."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest

from events.clock import instant
from events.models import HostMember, TerritoryTeam
from tests import factories as f


@pytest.fixture
def desk(db: None) -> SimpleNamespace:
    festival = f.FestivalFactory(name="Festival French Tech 2027")
    territory = f.TerritoryFactory(name="Toulouse", slug="toulouse")
    host = f.HostFactory(territory=territory, name="Les Robots du Canal", slug="robots")
    activity = f.ActivityFactory(
        host=host, festival=festival, title_fr="Dans l’atelier d’un robot", title_en="In a robot’s workshop"
    )
    venue = f.VenueFactory(territory=territory, name="La Cantine")
    slot = f.SlotFactory(activity=activity, start_time=dt.time(14), venue=venue, capacity=15)
    camille = f.UserFactory(email="camille@example.org", name="Camille Martin")
    sacha = f.UserFactory(email="sacha@example.org", name="Sacha Petit", locale="en")
    dominique = f.UserFactory(email="dominique@example.org", name="Dominique Durand")
    for person in (camille, sacha):
        HostMember.objects.create(host=host, user=person)
    TerritoryTeam.objects.create(territory=territory, user=dominique)
    return SimpleNamespace(**locals())


def paris(day: int, hour: int, minute: int = 0, month: int = 5) -> dt.datetime:
    """2027, on the clocks of Paris."""
    return at(dt.date(2027, month, day), hour, minute)


def at(day: dt.date, hour: int, minute: int = 0, zone: str = "Europe/Paris") -> dt.datetime:
    return instant(day, dt.time(hour, minute), zone)
