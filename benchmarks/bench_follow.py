"""Forty thousand followers: what a sweep costs when nothing is due, when it looks for places come free, and
when an opening is owed to all of them. Five thousand slots in fifty cities. Processor seconds of this process
and of PostgreSQL together show in the wall clock; compared is the same sweep with forty followers.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time
from typing import Any

from django.utils import timezone

from benchmarks.ground import Ground, Ratio, Report
from events.follows import owe_follows
from events.follows.free import LOOK_EVERY
from events.models import Activity, Follow, Follower, Slot, Topic
from tests import factories as f

FEW, MANY = 40, 40_000
CITIES, ACTIVITIES, SLOTS_EACH = 50, 1_000, 5
TURNS = 9


def run(ground: Ground) -> Report:
    """The same sweeps for few and for many, then an opening for all."""
    with ground.site():
        now = timezone.now()
        topics, activities = _edition(now)
        _follow(topics, FEW, now)
        owe_follows(now)
        few = _idle(now)
        _follow(topics, MANY, now)
        owe_follows(now + dt.timedelta(minutes=1))
        many, look = _idle(now), _looks(now)
        opens_at = now + dt.timedelta(hours=2)
        Slot.objects.filter(activity__in=activities).update(opens_at=opens_at)
        begun = time.perf_counter()
        owed = owe_follows(opens_at)
        took = time.perf_counter() - begun
    return Report(
        [
            Ratio(f"a sweep with nothing due, {MANY} followers to {FEW}", many / few, at_most=3),
            Ratio("the same: seconds, median", many, at_most=0.1),
            Ratio("looking for places come free, 5,000 slots: seconds, median", look, at_most=0.5),
            Ratio("an opening owed to all: mails a second", owed / took, at_least=500),
        ],
        {"idle_ms": [round(few * 1000, 2), round(many * 1000, 2)], "owed": owed, "seconds": round(took, 2)},
    )


def _edition(now: dt.datetime) -> tuple[list[Topic], list[int]]:
    day = (now + dt.timedelta(days=20)).date()
    festival = f.FestivalFactory(starts_on=day, ends_on=day, quiet_from=dt.time(0), quiet_until=dt.time(0))
    hosts = [f.HostFactory(territory=f.TerritoryFactory()) for _city in range(CITIES)]
    rows = [
        Activity(
            festival=festival, host=hosts[n % CITIES], territory=hosts[n % CITIES].territory,
            slug=f"activite-{n}", title_fr=f"Activité {n}", state=Activity.State.PUBLISHED,
        )
        for n in range(ACTIVITIES)
    ]  # fmt: skip
    activities = [activity.pk for activity in Activity.objects.bulk_create(rows)]
    slots = []
    for activity in activities:
        for hour in range(SLOTS_EACH):
            slot = Slot(activity_id=activity, capacity=10, state=Slot.State.PUBLISHED, taken=activity % 11)
            slot.set_time(day=day, start_time=dt.time(9 + hour), duration=45, timezone="Europe/Paris")
            slots.append(slot)
    Slot.objects.bulk_create(slots, batch_size=1000)
    return [f.topic_of(territory=host.territory) for host in hosts], activities


def _follow(topics: list[Topic], number: int, now: dt.datetime) -> None:
    asked: dict[str, Any] = {"words": "Un message.", "asked_at": now, "confirmed_at": now}
    rows = [
        Follower(email=f"s{number}-{n}@example.org", mailbox=f"s{number}-{n}@example.org", created_at=now)
        for n in range(number)
    ]
    followers = Follower.objects.bulk_create(rows, batch_size=5000)
    follows = [
        Follow(follower=one, topic=topics[n % len(topics)], **asked) for n, one in enumerate(followers)
    ]
    Follow.objects.bulk_create(follows, batch_size=5000)


def _idle(now: dt.datetime) -> float:
    """Between two looks: seconds, median."""
    return statistics.median(_timed(now + dt.timedelta(seconds=20 + turn)) for turn in range(TURNS))


def _looks(now: dt.datetime) -> float:
    return statistics.median(_timed(now + (turn + 2) * LOOK_EVERY) for turn in range(TURNS))


def _timed(at: dt.datetime) -> float:
    begun = time.perf_counter()
    owe_follows(at)
    return time.perf_counter() - begun
