"""What a mail to somebody who follows is about, as it is when it leaves: read once for a batch of mails.

No news left means that the mail has nothing to say any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Max, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from events.mail.batch import asked_together
from events.mail.letters import plain, unlinked
from events.models import Festival, Follow, FullSpell, Message, Mode, Slot, Topic
from events.models.slot import SlotQuerySet
from events.rulebook import quiet_of

Kind, Status = Message.Kind, Message.Status
KINDS = (Kind.FOLLOW_OPEN, Kind.FOLLOW_FREE)
MOST_SHOWN = 6
"""Activities in one mail; the rest is a link."""
MOST_READ = 400
"""Slots looked at for a mail: of a whole city the first ones."""


@dataclass(frozen=True, slots=True)
class Item:
    """An activity with its next slot that has a place, and how many other times it has; ``left`` None: no
    limit."""

    slot: Slot
    left: int | None
    others: int


@dataclass(frozen=True, slots=True)
class News:
    """``more``: activities that are not shown."""

    follows: list[Follow] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    more: int = 0


def slots_of(topics: Iterable[Topic]) -> Q:
    """Which slots are about one of these topics."""
    found = Q(pk__in=[])
    by_kind: dict[str, list[int]] = {"host": [], "territory": [], "pk": []}
    for topic in topics:
        if topic.theme:
            place = {"activity__territory": topic.territory_id} if topic.territory_id else {}
            found |= Q(activity__theme=topic.theme, **place)
        elif topic.host_id:
            by_kind["host"].append(topic.host_id)
        elif topic.territory_id:
            by_kind["territory"].append(topic.territory_id)
        elif topic.activity_id:
            by_kind["pk"].append(topic.activity_id)
    for name, keys in by_kind.items():
        if keys:
            found |= Q(**{"activity__in" if name == "pk" else f"activity__{name}__in": keys})
    return found


def open_slots(now: dt.datetime) -> SlotQuerySet:
    """Published and to come, and no opening is waited for."""
    return Slot.objects.published().upcoming(now).filter(Q(opens_at__isnull=True) | Q(opens_at__lte=now))


def name_of(topic: Topic) -> str:
    """« Toulouse », « Santé, Toulouse », the name of a host, the title of an activity."""
    if topic.host is not None:
        return unlinked(topic.host.name)
    if topic.activity is not None:
        return unlinked(topic.activity.title)
    parts = [str(topic.get_theme_display()) if topic.theme else ""]
    parts.append(plain(topic.territory.name) if topic.territory else "")
    return ", ".join(part for part in parts if part)


def names_of(follows: Iterable[Follow]) -> str:
    return ", ".join(name_of(follow.topic) for follow in follows)


def page_of(topic: Topic) -> str:
    """The path where what is followed stands."""
    if topic.host is not None:
        return topic.host.get_absolute_url()
    if topic.activity is not None:
        return topic.activity.get_absolute_url()
    if topic.territory is not None and not topic.theme:
        return topic.territory.get_absolute_url()
    asked = {"ville": topic.territory.slug if topic.territory else "", "thematique": topic.theme}
    return "/programme/?" + urlencode({name: value for name, value in asked.items() if value})


def places_of(slot: Slot) -> int | None:
    """Places anybody can take in it now: none while somebody waits for them; None without a limit."""
    if slot.mode == Mode.DROP_IN:
        return None
    return 0 if slot.waiting else slot.places_left


def news_of(message: Message, now: dt.datetime) -> News:
    """What this mail would tell now; without follows or items it has nothing to tell."""
    together = asked_together(_news_together, now=now)
    if together is None or message.pk not in together:
        together = _news_together([message], now=now)
    return together.get(message.pk, News())


def why_not(message: Message, now: dt.datetime) -> tuple[Message.Status, str] | None:
    """Why this mail is not sent after all."""
    news = news_of(message, now)
    if not news.follows:
        return Status.CANCELLED, "followed no longer"
    if not news.items and message.kind == Kind.FOLLOW_FREE:
        return Status.CANCELLED, "no place is free any more"
    if not news.items:
        return Status.CANCELLED, "nothing is open any more"
    return None


def morning_for(message: Message, now: dt.datetime) -> dt.datetime | None:
    """The morning on the follower's clock until which it rests; None when it is day."""
    [follow, *_others] = news_of(message, now).follows
    festival = Festival.objects.filter(pk=message.context.get("festival")).first()
    if festival is None:
        return None
    morning = quiet_of(festival).after(now, follow.follower.timezone)
    return morning if morning > now else None


def _news_together(messages: Sequence[Message], *, now: dt.datetime) -> dict[int, News]:
    mails = [message for message in messages if message.kind in KINDS]
    asked = {key for message in mails for key in message.context.get("follows", [])}
    joined = ("follower", "topic__host", "topic__territory", "topic__activity")
    known = Follow.objects.active().filter(pk__in=asked).select_related(*joined).in_bulk()
    since = _told_before(mails)
    read: dict[tuple[object, ...], list[tuple[Item, dt.datetime | None]]] = {}
    found = {}
    for message in mails:
        follows = [known[key] for key in message.context.get("follows", []) if key in known]
        follows = [one for one in follows if one.follower_id == message.context.get("follower")]
        topics = {follow.topic_id: follow.topic for follow in follows}
        opened = message.context.get("opens_at", "") if message.kind == Kind.FOLLOW_OPEN else None
        key = (message.kind, frozenset(topics), opened)
        if key not in read:
            read[key] = _opened(topics, opened, now) if opened is not None else _freed(topics, now)
        # An address may also have been told of a place that was free, taken and free again: told anew.
        told = since.get(message.recipient)
        items = [item for item, at in read[key] if at is None or told is None or at > told]
        found[message.pk] = News(follows, items[:MOST_SHOWN], max(0, len(items) - MOST_SHOWN))
    return found


def _told_before(mails: Collection[Message]) -> dict[str, dt.datetime]:
    """By address: when it was last told of places come free."""
    addresses = {message.recipient for message in mails if message.kind == Kind.FOLLOW_FREE}
    if not addresses:
        return {}
    left = Message.objects.filter(
        recipient__in=addresses, kind=Kind.FOLLOW_FREE, status__in=[Status.SENT, Status.UNCERTAIN]
    )
    at = Max(Coalesce("sent_at", "data_started_at", "created_at"))
    return dict(left.order_by().values_list("recipient").annotate(at=at))


def _opened(
    topics: dict[int, Topic], opens_at: str, now: dt.datetime
) -> list[tuple[Item, dt.datetime | None]]:
    """What opened at that instant, or (empty) what is open; what still has places first."""
    slots = open_slots(now).filter(slots_of(topics.values()))
    if opens_at:
        slots = slots.filter(opens_at=dt.datetime.fromisoformat(opens_at))
    items = _items(slots)
    items.sort(key=lambda item: item.left == 0)
    return [(item, None) for item in items]


def _freed(topics: dict[int, Topic], now: dt.datetime) -> list[tuple[Item, dt.datetime | None]]:
    """The activities that came free and still are, the latest first."""
    spells = FullSpell.objects.filter(freed_at__isnull=False)
    freed = {pk: at for pk, at in spells.values_list("activity", "freed_at") if at is not None}
    slots = open_slots(now).filter(slots_of(topics.values()), activity__in=freed)
    items = [item for item in _items(slots) if item.left != 0]
    items.sort(key=lambda item: freed[item.slot.activity_id], reverse=True)
    return [(item, freed[item.slot.activity_id]) for item in items]


def _items(slots: SlotQuerySet) -> list[Item]:
    by_activity: dict[int, list[Slot]] = {}
    for slot in slots.for_showing().select_related("activity__programme").in_order()[:MOST_READ]:
        by_activity.setdefault(slot.activity_id, []).append(slot)
    items = []
    for some in by_activity.values():
        free = [slot for slot in some if places_of(slot) != 0]
        first = free[0] if free else some[0]
        items.append(Item(first, places_of(first), len(free or some) - 1))
    # By the time that is shown, which may not be the first of its activity.
    return sorted(items, key=lambda item: (item.slot.starts_at, item.slot.pk))


def say_words() -> str:
    """What one says yes to, word for word: it stands over the button, in the mail, and is kept as proof."""
    return _(
        "One message when bookings open, at most one a day when places come free again. Never at night, "
        "nothing else, and one click in each message ends it."
    )
