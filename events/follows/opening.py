"""Bookings open: by an opening whose hour has come, or because first slots are published."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from django.db.models import Q

from events.mail.follow_facts import open_slots, slots_of
from events.mail.heartbeat import last
from events.models import Festival, Heartbeat, Message, Slot, Topic

from .telling import owe_followers, owe_gathered
from .topics import JOINED, keys_about

CATCH_UP = dt.timedelta(hours=12)
"""An opening longer ago than this is no news."""
OVERLAP = dt.timedelta(minutes=2)
LASTS = dt.timedelta(hours=24)
MARK = "follow_openings"

About = tuple[int, int, int, str]
ABOUT = ("activity", "activity__host", "activity__territory", "activity__theme")


def owe_opened(now: dt.datetime) -> int:
    """How many mails were owed for the first time."""
    return _at_their_hour(now) + _for_the_first_time(now)


def _at_their_hour(now: dt.datetime) -> int:
    """What opened since the last sweep, each instant for itself; who began to follow after it saw it."""
    since = max((last(MARK) or now) - OVERLAP, now - CATCH_UP)
    opened = Slot.objects.published().filter(opens_at__gt=since, opens_at__lte=now, starts_at__gt=now)
    by_instant: dict[tuple[dt.datetime, int], set[About]] = defaultdict(set)
    for at, festival, *about in opened.order_by().values_list("opens_at", "activity__festival", *ABOUT):
        by_instant[at, festival].add((about[0], about[1], about[2], about[3]))
    owed = 0
    for (at, festival_id), about in sorted(by_instant.items(), key=lambda one: one[0]):
        topics = list(Topic.objects.filter(key__in=keys_about(about)).select_related(*JOINED))
        festival = Festival.objects.get(pk=festival_id)
        owed += owe_followers(
            Message.Kind.FOLLOW_OPEN,
            topics,
            key=lambda who, _what, _leaves, at=at: f"follow_open:{who.pk}:{int(at.timestamp())}",  # type: ignore[misc]
            festival=festival,
            now=now,
            lasts=LASTS,
            wanted=Q(confirmed_at__lt=at),
            context={"opens_at": at.isoformat()},
        )
        _is_open(topics, festival)
    Heartbeat.objects.update_or_create(name=MARK, defaults={"at": now})
    return owed


def _for_the_first_time(now: dt.datetime) -> int:
    """Something of it is open in an edition in which nothing of it was."""
    owed = 0
    for festival in Festival.objects.published().filter(ends_on__gte=now.date() - dt.timedelta(days=1)):
        waiting = list(Topic.objects.exclude(opened_in=festival).select_related(*JOINED))
        if not waiting:
            continue
        here = open_slots(now).filter(slots_of(waiting), activity__festival=festival)
        keys = keys_about(here.order_by().values_list(*ABOUT).distinct())
        topics = [topic for topic in waiting if topic.key in keys]
        if not topics:
            continue
        owed += owe_gathered(
            Message.Kind.FOLLOW_OPEN, topics, name="follow_first", festival=festival, now=now, lasts=LASTS
        )
        _is_open(topics, festival)
    return owed


def _is_open(topics: list[Topic], festival: Festival) -> None:
    """Known from now on: once all who follow it are owed the mail."""
    through = Topic.opened_in.through
    rows = [through(topic_id=topic.pk, festival_id=festival.pk) for topic in topics]
    through.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
