"""Mails to who follows something, or is asked whether they want to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from events import wording
from events.clock import on_the_wall
from events.links import FOLLOW_CONFIRMED_WITHIN, follow_token, follows_off_token, follows_token
from events.mail import follow_facts
from events.mail.follow_facts import Item, News, name_of, names_of, news_of, page_of
from events.mail.letters import HOME_ZONE, Letter, address, letter_to_desk, visit_of_slot
from events.models import Festival, Follow, Message, Mode, Territory

from .shared import Content, ContentOf

Kind = Message.Kind


def _follow_confirm(message: Message, now: dt.datetime) -> Content:
    """Goes to an address whose owner may know nothing of it."""
    joined = ("topic__host__territory", "topic__territory", "topic__activity__territory")
    follow = Follow.objects.select_related("follower", *joined).get(pk=message.context.get("follow"))
    until = on_the_wall(message.created_at + FOLLOW_CONFIRMED_WITHIN, HOME_ZONE)
    facts = {
        "what": name_of(follow.topic),
        "is_followed": follow.is_active,
        "yes": address("follow_confirm", follow_token(follow.pk)),
        "all": address("my_follows", follows_token(follow.follower_id)),
        "words": follow_facts.say_words(),
        "until": wording.say_moment(until, weekday=True),
    }
    return Content(_letter(None, [follow]), facts)


def _follow_open(message: Message, now: dt.datetime) -> Content:
    return _told(message, now)


def _follow_free(message: Message, now: dt.datetime) -> Content:
    return _told(message, now)


def _told(message: Message, now: dt.datetime) -> Content:
    """Raises ``ValueError`` where nothing is left to tell."""
    news = news_of(message, now)
    if not news.follows or not news.items:
        raise ValueError("A mail to a follower without news.")
    first = news.follows[0]
    off = address("follows_off", follows_off_token(first.follower_id, [one.pk for one in news.follows]))
    facts = {
        "what": names_of(news.follows),
        "items": [_said(item) for item in news.items],
        "more": news.more,
        "is_full": all(item.left == 0 for item in news.items),
        "page": f"{settings.SITE_URL}{page_of(first.topic)}",
        "all": address("my_follows", follows_token(first.follower_id)),
        "off": off,
    }
    headers = {
        "List-Unsubscribe": f"<{off}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
    }
    return Content(_letter(news, news.follows), facts, headers=headers)


def _said(item: Item) -> dict[str, Any]:
    visit = visit_of_slot(item.slot)
    is_drop_in = item.slot.mode == Mode.DROP_IN
    return {
        "visit": visit,
        "left": item.left,
        "others": item.others,
        "is_drop_in": is_drop_in,
        "is_booked": not is_drop_in and item.left != 0,
    }


def _letter(news: News | None, follows: Sequence[Follow]) -> Letter:
    """In the name of the territory where all of it is in one, else of the edition."""
    territories = {_territory_of(follow) for follow in follows}
    territory = territories.pop() if len(territories) == 1 else None
    if news is not None:
        festival: Festival | None = news.items[0].slot.activity.festival
    else:
        festival = Festival.objects.published().order_by("-starts_on", "pk").first()
    if festival is None:
        return Letter("Festival French Tech", False, "Festival French Tech")
    return letter_to_desk(festival, territory)


def _territory_of(follow: Follow) -> Territory | None:
    topic = follow.topic
    if topic.host is not None:
        return topic.host.territory
    return topic.activity.territory if topic.activity is not None else topic.territory


CONTENT_OF: ContentOf = {
    Kind.FOLLOW_CONFIRM: _follow_confirm,
    Kind.FOLLOW_OPEN: _follow_open,
    Kind.FOLLOW_FREE: _follow_free,
}
