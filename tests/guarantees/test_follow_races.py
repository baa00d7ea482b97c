"""However many sweeps look at once, who follows is told of an opening once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from events.models import Message
from tests import factories as f
from tests.ground import races
from tests.ground.site import Site
from tests.guarantees import sabotage

pytestmark = pytest.mark.guarantee
ACTIONS = """
from types import SimpleNamespace
from events.follows import owe_follows, telling
usual = telling.transaction.atomic


def after_all_have_looked():
    # Nobody writes before: a sweep by itself, however late it comes, would see what the others have owed.
    telling.transaction = SimpleNamespace(atomic=usual)
    meet()
    return usual()


def sweep():
    telling.transaction = SimpleNamespace(atomic=after_all_have_looked)
    owe_follows(now)
"""
SWEEPS = 4
FOLLOWERS = 30


def an_opening_with_followers() -> None:
    now = timezone.now()
    territory = f.TerritoryFactory()
    day = (now + dt.timedelta(days=20)).date()
    festival = f.FestivalFactory(starts_on=day, ends_on=day, quiet_from=dt.time(0), quiet_until=dt.time(0))
    activity = f.ActivityFactory(festival=festival, host=f.HostFactory(territory=territory))
    f.SlotFactory(activity=activity, day=day, opens_at=now - dt.timedelta(seconds=30))
    topic = f.topic_of(territory=territory)
    for _follower in range(FOLLOWERS):
        f.FollowFactory(topic=topic, confirmed_at=now - dt.timedelta(hours=1))


@pytest.mark.parametrize("guarded", [True, False], ids=["with its key", "without"])
def test_sweeps_beside_each_other_tell_an_opening_once(guarded: bool, database: Site) -> None:
    if not guarded:
        sabotage.take_out(sabotage.DEDUPE_KEY)
    an_opening_with_followers()

    now = timezone.now().isoformat()
    answers = races.race(database, ACTIONS, [["sweep"]] * SWEEPS, processes=SWEEPS, now=now)

    assert answers == [None] * SWEEPS
    told = Message.objects.filter(kind="follow_open").count()
    assert told == FOLLOWERS if guarded else told > FOLLOWERS
