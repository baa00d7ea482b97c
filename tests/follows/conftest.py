"""A city with one host and one visit; Camille follows the city."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest

from tests import factories as f


@pytest.fixture
def city(db: None) -> SimpleNamespace:
    festival = f.FestivalFactory(name="Festival French Tech 2027")
    territory = f.TerritoryFactory(name="Toulouse", slug="toulouse")
    host = f.HostFactory(territory=territory, name="Les Robots du Canal", slug="robots")
    activity = f.ActivityFactory(host=host, festival=festival, title_fr="Dans l’atelier", theme="robotics")
    slot = f.SlotFactory(activity=activity, start_time=dt.time(14), capacity=4)
    camille = f.FollowerFactory(email="camille@example.org")
    follow = f.FollowFactory(follower=camille, topic=f.topic_of(territory=territory))
    return SimpleNamespace(**locals())
