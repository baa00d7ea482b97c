"""What the programme no longer shows, for those who keep a copy of it."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models

from .festival import Territory
from .fields import CodesField

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KEPT = dt.timedelta(days=90)
"""How long a mark is kept: whoever looks less often has to read everything anew."""


def moment_of(ms: int) -> dt.datetime:
    """Milliseconds since 1970 as a moment in UTC."""
    return EPOCH + dt.timedelta(milliseconds=ms)


def ms_of(moment: dt.datetime) -> int:
    """A moment in milliseconds since 1970."""
    return (moment - EPOCH) // dt.timedelta(milliseconds=1)


class GoneSlot(models.Model):
    """A slot that the public could see and no longer can. Written by the database itself (``events.marks``).

    ``sequence`` is the SEQUENCE under which a calendar hears of it. Numbers, not keys: the slot may be gone
    from its table, or be back. What feeds may be filtered by is kept with it, codes, numbers and the position
    alone, so that each of them knows whether it was theirs; no title, no text.
    """

    slot_number = models.BigIntegerField(unique=True)
    activity_number = models.BigIntegerField()
    territory = models.ForeignKey(Territory, models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=40)
    sequence = models.PositiveIntegerField()
    gone_ms = models.BigIntegerField(db_index=True)
    commune_number = models.BigIntegerField(null=True)
    programme_number = models.BigIntegerField(null=True)
    format = models.CharField(max_length=20, default="", db_default="")
    theme = models.CharField(max_length=20, default="", db_default="")
    mode = models.CharField(max_length=12, default="", db_default="")
    audience = models.CharField(max_length=20, default="", db_default="")
    languages = CodesField(db_default="")
    access = CodesField(max_length=250, db_default="")
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)

    class Meta:
        ordering: ClassVar = ["gone_ms", "pk"]

    def __str__(self) -> str:
        return f"{self.slot_number}, {moment_of(self.gone_ms):%d/%m/%Y %H:%M}"
