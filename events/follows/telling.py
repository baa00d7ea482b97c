"""One mail to each follower concerned, in batches that commit one by one: owed once, whoever dies."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from events.clock import on_the_wall
from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.models import Festival, Follow, Follower, Message, Topic
from events.quiet import QuietHours
from events.rulebook import quiet_of

BATCH = 500
MORNING = dt.time(9)
"""When who was already written to the day before is told what came after that and still is."""
DAYS_LOOKED_AT = range(-3, 3)
"""Around today, for what was told already: a sweep that died is taken up again within minutes."""

Key = Callable[[Follower, list[Follow], dt.datetime], str]
"""The key under which a follower is owed the mail, from what they follow of it and when it leaves."""


def owe_followers(
    kind: Message.Kind,
    topics: Collection[Topic],
    *,
    key: Key,
    festival: Festival,
    now: dt.datetime,
    lasts: dt.timedelta,
    wanted: Q | None = None,
    context: dict[str, Any] | None = None,
    after_each: Callable[[Sequence[int]], object] = lambda _followers: None,
) -> int:
    """Owe it to everybody who follows one of ``topics``: how many had it owed for the first time.

    A follower of several gets one mail. It leaves when the night of their clock is over. ``wanted``: of which
    follows, beside those that are active. ``after_each``: in the transaction of each batch, given its new
    followers.
    """
    owed, quiet = 0, quiet_of(festival)
    for batch in _batches(topics, wanted or Q()):
        mails = []
        for follower, follows in batch:
            leaves = _leaves(quiet, follower, now)
            mail = _mail(
                kind, key(follower, follows, leaves), follower, follows, festival, leaves, lasts, now
            )
            mail.context |= context or {}
            mails.append(mail)
        keys = [mail.dedupe_key for mail in mails]
        known = set(Message.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
        new = [mail for mail in mails if mail.dedupe_key not in known]
        if not new:
            continue
        with transaction.atomic():
            Message.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
            after_each([mail.context["follower"] for mail in new])
            nudge_after_commit()
        owed += len(new)
    return owed


def owe_gathered(
    kind: Message.Kind,
    topics: Collection[Topic],
    *,
    name: str,
    festival: Festival,
    now: dt.datetime,
    lasts: dt.timedelta,
) -> int:
    """As ``owe_followers``, and one mail a day to each: how many were owed.

    What comes while the day's mail still waits goes into it; what comes after it has left is gathered for the
    next morning. A follow is told of an edition once. ``name`` begins the keys.
    """
    owed, quiet = 0, quiet_of(festival)
    for batch in _batches(topics, Q()):
        with transaction.atomic():
            while new := _gather(kind, batch, name, festival, quiet, lasts, now):
                # Another sweep may have been first to owe a day's mail: then what is ours goes into it.
                Message.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
                nudge_after_commit()
                owed += len(new)
    return owed


def _gather(
    kind: Message.Kind,
    batch: Sequence[tuple[Follower, list[Follow]]],
    name: str,
    festival: Festival,
    quiet: QuietHours,
    lasts: dt.timedelta,
    now: dt.datetime,
) -> list[Message]:
    """Put into the mails that still wait what is not told yet; the mails to be owed for the rest."""
    there, new = _gathered(name, [follower for follower, _follows in batch], now), []
    for follower, follows in batch:
        days = there.get(follower.pk, {})
        told = {one for mail in days.values() for one in mail.context.get("told", [])}
        left = [one for one in follows if _told(one, festival) not in told]
        if not left:
            continue
        leaves = _leaves(quiet, follower, now)
        while (mail := days.get(local_day(follower, leaves))) and mail.status != Message.Status.PENDING:
            leaves = _leaves(quiet, follower, next_morning(follower, leaves))
        if mail is None:
            key = f"{name}:{follower.pk}:{local_day(follower, leaves)}"
            mail = _mail(kind, key, follower, left, festival, leaves, lasts, now)
            mail.context["told"] = [_told(one, festival) for one in left]
            new.append(mail)
        else:
            known = set(mail.context["follows"])
            mail.context["follows"] += [one.pk for one in left if one.pk not in known]
            mail.context["told"] += [_told(one, festival) for one in left]
            mail.save(update_fields=["context"])
    return new


def _gathered(
    name: str, followers: Collection[Follower], now: dt.datetime
) -> dict[int, dict[dt.date, Message]]:
    """The mails of the last days and the next, by follower and day, held so that none of them leaves now."""
    keys = {
        f"{name}:{follower.pk}:{day}": (follower.pk, day)
        for follower in followers
        for day in (local_day(follower, now) + dt.timedelta(days=number) for number in DAYS_LOOKED_AT)
    }
    found: dict[int, dict[dt.date, Message]] = defaultdict(dict)
    rows = Message.objects.filter(dedupe_key__in=keys).order_by("pk")
    for mail in rows.select_for_update(no_key=True):
        follower, day = keys[mail.dedupe_key]
        found[follower][day] = mail
    return found


def _told(follow: Follow, festival: Festival) -> str:
    return f"{follow.pk}:{festival.pk}"


def next_morning(follower: Follower, after: dt.datetime) -> dt.datetime:
    """Nine o'clock of the next day on the follower's clock."""
    day = local_day(follower, after) + dt.timedelta(days=1)
    return dt.datetime.combine(day, MORNING, tzinfo=ZoneInfo(follower.timezone))


def _mail(
    kind: Message.Kind,
    key: str,
    follower: Follower,
    follows: Collection[Follow],
    festival: Festival,
    leaves: dt.datetime,
    lasts: dt.timedelta,
    now: dt.datetime,
) -> Message:
    return Message(
        kind=kind,
        dedupe_key=key,
        recipient=follower.email,
        locale=follower.locale,
        priority=PRIORITY[kind],
        context={
            "follower": follower.pk,
            "follows": [one.pk for one in follows],
            "festival": festival.pk,
        },
        message_id=new_message_id(),
        next_attempt_at=leaves,
        expires_at=leaves + lasts,
        created_at=now,
    )


def _leaves(quiet: QuietHours, follower: Follower, now: dt.datetime) -> dt.datetime:
    return quiet.after(now, follower.timezone)


def local_day(follower: Follower, at: dt.datetime) -> dt.date:
    return on_the_wall(at, follower.timezone).date()


def _batches(topics: Collection[Topic], wanted: Q) -> Iterator[list[tuple[Follower, list[Follow]]]]:
    """Followers in the order of their keys, each with all of it that they follow."""
    latest = 0
    follows = Follow.objects.active().filter(wanted, topic__in=[topic.pk for topic in topics])
    while True:
        ahead = follows.filter(follower__gt=latest)
        keys = list(ahead.order_by("follower").values_list("follower", flat=True).distinct()[:BATCH])
        if not keys:
            return
        by_follower: dict[int, list[Follow]] = defaultdict(list)
        rows = follows.filter(follower__in=keys).select_related("follower").order_by("follower", "pk")
        for follow in rows:
            by_follower[follow.follower_id].append(follow)
        yield [(some[0].follower, some) for some in by_follower.values()]
        latest = keys[-1]
