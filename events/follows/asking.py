"""Asked for by whoever types an address, confirmed by its owner, stopped and taken up again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from events.links import FOLLOW_CONFIRMED_WITHIN, mailbox_of
from events.mail.follow_facts import open_slots, say_words, slots_of
from events.mail.outbox import owe
from events.mail.suppressions import allow_again
from events.models import Festival, Follow, Follower, Message, Suppression, Topic

from .topics import keep

HOME_ZONE = "Europe/Paris"
MOST_FOLLOWED = 40
"""By one mailbox, what was never confirmed included."""
AGAIN_AFTER = 600
"""Seconds in which the same question sends one mail."""


@transaction.atomic
def ask_to_follow(*, topic: Topic, email: str, locale: str, page: str, now: dt.datetime) -> None:
    """Owe the mail that asks its owner; nothing is followed before they say yes.

    Whoever asks learns nothing of the address: who follows already gets a mail that says so, and who follows
    too much gets none. How many such mails a mailbox gets is limited when they leave (``mail.limits``).
    """
    email = email.strip().lower()
    mailbox = mailbox_of(email)
    topic = keep(topic)
    there = Follow.objects.filter(follower__email=email, topic=topic).select_related("follower").first()
    if there is None:
        if Follow.objects.filter(follower__mailbox=mailbox).count() >= MOST_FOLLOWED:
            return
        follower, _new = Follower.objects.get_or_create(
            email=email,
            defaults={
                "mailbox": mailbox,
                "locale": locale,
                "timezone": topic.territory.timezone if topic.territory else _zone_of(topic),
                "created_at": now,
            },
        )
        asked = {"words": say_words(), "page": page[:200], "asked_at": now}
        there, _new = Follow.objects.get_or_create(follower=follower, topic=topic, defaults=asked)
    if not there.is_active:
        Follow.objects.filter(pk=there.pk).update(words=say_words(), page=page[:200], asked_at=now)
    owe(
        kind=Message.Kind.FOLLOW_CONFIRM,
        dedupe_key=f"follow:{there.pk}:{int(now.timestamp()) // AGAIN_AFTER}",
        recipient=there.follower.email,
        locale=locale,
        now=now,
        context={"follow": there.pk},
        expires_at=now + FOLLOW_CONFIRMED_WITHIN,
    )


@transaction.atomic
def confirm_follow(*, follow_id: int, locale: str, now: dt.datetime) -> Follow | None:
    """Its owner says yes; None when it has been forgotten meanwhile. Said twice it is said once.

    What is open already is no news: it stands on the page from which one followed.
    """
    mine = Follow.objects.filter(pk=follow_id)
    waiting = mine.filter(Q(confirmed_at__isnull=True) | Q(stopped_at__isnull=False))
    waiting.update(confirmed_at=now, stopped_at=None)
    joined = ("follower", "topic__host", "topic__territory", "topic__activity")
    follow = mine.select_related(*joined).first()
    if follow is None:
        return None
    Follower.objects.filter(pk=follow.follower_id).update(locale=locale)
    allow_again(follow.follower.email, Suppression.Scope.FOLLOWS)
    follow.topic.opened_in.add(*editions_open_for([follow.topic], now))
    return follow


def editions_open_for(topics: Iterable[Topic], now: dt.datetime) -> list[Festival]:
    """In which something of these topics can be booked or walked into."""
    editions = open_slots(now).filter(slots_of(topics)).order_by().values("activity__festival")
    return list(Festival.objects.filter(pk__in=editions))


def stop_follows(*, follower_id: int, follow_ids: Iterable[int], now: dt.datetime) -> int:
    """End these of what an address follows: how many. What is already on its way is not sent."""
    mine = Follow.objects.active().filter(follower=follower_id, pk__in=list(follow_ids))
    return mine.update(stopped_at=now)


@transaction.atomic
def resume_follows(*, follower_id: int, follow_ids: Iterable[int]) -> int:
    """Take up again what was stopped, as before: how many. What opened in between is not told."""
    mine = Follow.objects.filter(
        follower=follower_id, pk__in=list(follow_ids), confirmed_at__isnull=False, stopped_at__isnull=False
    )
    follower = Follower.objects.filter(pk=follower_id).first()
    if follower is not None:
        allow_again(follower.email, Suppression.Scope.FOLLOWS)
    return mine.update(stopped_at=None)


def followers_of(key: str) -> int:
    """How many addresses follow this topic."""
    return Follow.objects.active().filter(topic__key=key).count()


def _zone_of(topic: Topic) -> str:
    if topic.host is not None:
        return topic.host.territory.timezone
    return topic.activity.territory.timezone if topic.activity is not None else HOME_ZONE
