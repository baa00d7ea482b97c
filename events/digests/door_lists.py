"""The evening before: who comes tomorrow, for each host; which doors open, for each territory."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Max

from events.clock import on_the_wall
from events.mail.heartbeat import last
from events.models import Activity, Festival, Heartbeat, Message, Mode, Slot
from events.rulebook import quiet_of

from .hours import SETTLES, in_the_evening, places
from .owing import hosts_debts, owe_desks, territories_debts

AT = dt.time(18)
LOOK_AGAIN = dt.timedelta(minutes=15)
"""Until midnight: what is published or moved to tomorrow in the evening earns its list too, at night in the
morning."""
Kind = Message.Kind


def owe_door_lists(now: dt.datetime) -> int:
    """How many lists were asked for; whoever has tomorrow's already is owed no second one."""
    return sum(_owe(festival, zone, now) for festival, zone in places())


def _owe(festival: Festival, zone: str, now: dt.datetime) -> int:
    today = on_the_wall(now, zone).date()
    due = in_the_evening(today, AT, festival, zone)
    mark = f"door_list {festival.pk} {zone}"
    done = last(mark)
    if now < due + SETTLES or (done is not None and done >= due and now - done < LOOK_AGAIN):
        return 0
    tomorrow = today + dt.timedelta(days=1)
    slots = Slot.objects.filter(
        state=Slot.State.PUBLISHED,
        day=tomorrow,
        starts_at__gt=now,
        activity__festival=festival,
        activity__state=Activity.State.PUBLISHED,
        activity__territory__timezone=zone,
    ).exclude(activity__mode=Mode.DROP_IN)
    rows = list(
        slots.order_by().values_list("activity__host", "activity__territory").annotate(until=Max("starts_at"))
    )
    about = {"festival": festival.pk, "day": tomorrow.isoformat()}
    expires_at = max((until for _host, _territory, until in rows), default=now)
    debts = [
        *hosts_debts(Kind.DOOR_LIST, {host: about for host, _territory, _until in rows}, now),
        *territories_debts(Kind.DOOR_LIST, {territory: about for _host, territory, _until in rows}, now),
    ]
    with transaction.atomic():
        owed = owe_desks(
            Kind.DOOR_LIST,
            debts,
            day=tomorrow,
            now=now,
            expires_at=expires_at,
            send_at=quiet_of(festival).after(now, zone),
        )
        Heartbeat.objects.update_or_create(name=mark, defaults={"at": now})
    return owed
