"""When each sweep last ran to its end, for the operator and for the sweeps themselves."""

from __future__ import annotations

import datetime as dt

from events.models import Heartbeat

OFTEN_ENOUGH = dt.timedelta(seconds=5)


def beat(name: str, at: dt.datetime) -> None:
    """Say that a sweep ran to its end; one that runs many times a second says so every few seconds."""
    if Heartbeat.objects.filter(name=name, at__gt=at - OFTEN_ENOUGH, at__lte=at).exists():
        return
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at})


def last(name: str) -> dt.datetime | None:
    """When it last did; None if never."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
