"""One mail to each follower concerned, in batches that commit one by one: owed once, whoever dies."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from events.clock import on_the_wall
from events.mail.outbox import PRIORITY, new_message_id, nudge_after_commit
from events.models import Festival, Follow, Follower, Message, Topic
from events.quiet import QuietHours
from events.rulebook import quiet_of

BATCH = 500

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
    apart: bool = False,
) -> int:
    """Owe it to everybody who follows one of ``topics``: how many had it owed for the first time.

    A follower of several gets one mail, or (``apart``) one for each. It leaves when the night of their clock
    is over. ``wanted``: of which follows, beside those that are active. ``after_each``: in the transaction of
    each batch, given its new followers.
    """
    owed, quiet = 0, quiet_of(festival)
    for batch in _batches(topics, wanted or Q()):
        debts = [
            (follower, some, _leaves(quiet, follower, now))
            for follower, follows in batch
            for some in ([[one] for one in follows] if apart else [follows])
        ]
        mails = [
            Message(
                kind=kind,
                dedupe_key=key(follower, follows, leaves),
                recipient=follower.email,
                locale=follower.locale,
                priority=PRIORITY[kind],
                context={
                    "follower": follower.pk,
                    "follows": [one.pk for one in follows],
                    "festival": festival.pk,
                    **(context or {}),
                },
                message_id=new_message_id(),
                next_attempt_at=leaves,
                expires_at=leaves + lasts,
                created_at=now,
            )
            for follower, follows, leaves in debts
        ]
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
