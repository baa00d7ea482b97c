"""Slots and times of the tests about rooms."""

from __future__ import annotations

import datetime as dt

import pytest

from events.refusals import Refused
from tests.factories import DAY, ActivityFactory, HostFactory, SlotFactory


def a_slot(territory, *, at, duration=60, day=DAY, **fields):
    fields.setdefault("capacity", 10)
    activity = fields.pop("activity", None) or ActivityFactory(host=HostFactory(territory=territory))
    return SlotFactory(activity=activity, day=day, start_time=at, duration=duration, **fields)


def refusal_of(call, **arguments):
    with pytest.raises(Refused) as caught:
        call(**arguments)
    return caught.value


def paris(hour, minute=0, day=DAY):
    """On 10 June clocks in Paris are two hours ahead of UTC."""
    return dt.datetime.combine(day, dt.time(hour, minute), dt.UTC) - dt.timedelta(hours=2)
