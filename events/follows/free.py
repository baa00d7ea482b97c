"""Places come free again: an activity that was full in all its slots has places that nobody waits for.

Seen by looking, not told by who gives back: what frees a place (a visit given back, a larger room, a released
pool, another slot) need not know of this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from zoneinfo import ZoneInfo

from django.db.models import Case, F, IntegerField, Max, Q, Value, When

from events.clock import on_the_wall
from events.mail.follow_facts import open_slots, slots_of
from events.mail.heartbeat import last
from events.models import Activity, Festival, Follow, Follower, FullSpell, Heartbeat, Message, Mode, Topic

from .telling import MORNING, local_day, owe_followers
from .topics import JOINED, keys_about

LOOK_EVERY = dt.timedelta(minutes=5)
SETTLES = dt.timedelta(minutes=4)
"""Free at two looks: by then the waiting list has had its turn."""
FORGOTTEN_AFTER = dt.timedelta(days=2)
LASTS = dt.timedelta(hours=12)
MARK = "follow_full"

NO_LIMIT = 1_000_000
LEFT = Case(
    When(waiting__gt=0, then=Value(0)),
    When(capacity__isnull=True, then=Value(NO_LIMIT)),
    default=F("capacity") + F("overbook") - F("taken") - F("held") - F("reserved"),
    output_field=IntegerField(),
)


def owe_freed(now: dt.datetime) -> int:
    """How many mails were owed for the first time."""
    looked = last(MARK)
    if looked is not None and looked <= now < looked + LOOK_EVERY:
        return 0
    look(now)
    owed = _tell_the_new(now) + _tell_in_the_morning(now, looked)
    Heartbeat.objects.update_or_create(name=MARK, defaults={"at": now})
    return owed


def look(now: dt.datetime) -> None:
    """Note what is full and what is free again. Safe to run beside itself."""
    followed = Topic.objects.filter(pk__in=Follow.objects.active().values("topic")).select_related(*JOINED)
    mine = slots_of(followed)
    booked = open_slots(now).filter(activity__mode=Mode.FIRST_COME)
    best = booked.order_by().values("activity").annotate(best=Max(LEFT))
    full = set(best.filter(mine, best__lte=0).values_list("activity", flat=True))
    known = {spell.activity_id: spell for spell in FullSpell.objects.all()}
    new = [FullSpell(activity_id=pk, full_since=now) for pk in sorted(full - set(known))]
    FullSpell.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    free = set(best.filter(activity__in=known, best__gt=0).values_list("activity", flat=True))
    _change(free, Q(freed_at__isnull=True), freed_at=now)
    _change(full, Q(freed_at__isnull=False), freed_at=None, told_at=None, full_since=now)
    gone = Q(told_at__lt=now - FORGOTTEN_AFTER) | Q(pk__in=[
        spell.pk for pk, spell in known.items() if pk not in free | full
    ])  # fmt: skip
    FullSpell.objects.filter(gone).delete()


def _change(activities: Collection[int], when: Q, **said: dt.datetime | None) -> None:
    if activities:
        FullSpell.objects.filter(when, activity__in=activities).update(**said)


def _tell_the_new(now: dt.datetime) -> int:
    """At once, to who has not been written to that day."""
    spells = list(FullSpell.objects.filter(freed_at__lte=now - SETTLES, told_at__isnull=True))
    owed = _tell(spells, now)
    FullSpell.objects.filter(pk__in=[spell.pk for spell in spells], told_at__isnull=True).update(told_at=now)
    return owed


def _tell_in_the_morning(now: dt.datetime, looked: dt.datetime | None) -> int:
    """Once a day on each clock: what was told to others since their last mail."""
    owed = 0
    zones = Follower.objects.filter(told_free_at__isnull=False).order_by().values_list("timezone", flat=True)
    for zone in zones.distinct():
        due = dt.datetime.combine(on_the_wall(now, zone).date(), MORNING, tzinfo=ZoneInfo(zone))
        if looked is not None and looked < due <= now:
            spells = list(FullSpell.objects.filter(told_at__gt=due - FORGOTTEN_AFTER, told_at__lte=due))
            if spells:
                latest = max(spell.told_at for spell in spells if spell.told_at is not None)
                not_yet = Q(follower__timezone=zone, follower__told_free_at__lt=latest)
                owed += _tell(spells, now, only=not_yet)
    return owed


def _tell(spells: list[FullSpell], now: dt.datetime, *, only: Q | None = None) -> int:
    """One mail a day to each follower, whatever came free."""
    freed = FullSpell.objects.filter(pk__in=[spell.pk for spell in spells])
    by_festival: dict[int, list[tuple[int, int, int, str]]] = {}
    for activity in Activity.objects.filter(full_spell__in=freed):
        about = (activity.pk, activity.host_id, activity.territory_id, activity.theme)
        by_festival.setdefault(activity.festival_id, []).append(about)
    owed = 0
    for festival, activities in sorted(by_festival.items()):
        topics = list(Topic.objects.filter(key__in=keys_about(activities)).select_related(*JOINED))
        first = min(spell.freed_at for spell in spells if spell.freed_at is not None)
        owed += owe_followers(
            Message.Kind.FOLLOW_FREE,
            topics,
            key=lambda who, _what, leaves: f"follow_free:{who.pk}:{local_day(who, leaves)}",
            festival=Festival.objects.get(pk=festival),
            now=now,
            lasts=LASTS,
            wanted=Q(confirmed_at__lt=first) if only is None else only,
            after_each=lambda some: Follower.objects.filter(pk__in=some).update(told_free_at=now),
        )
    return owed
