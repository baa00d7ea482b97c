"""What a release changed, in words: « jeudi 10 juin, 10 h – 11 h, Grande salle, La Cantine »."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from events.clock import on_the_wall
from events.wording import say_span


def say_stay(stay: Mapping[str, Any] | None) -> str:
    """When and where, as ``ReleaseChange`` keeps it; « n’aura pas lieu » for None."""
    if stay is None:
        return _("will not take place")
    start, end = times_of(stay)
    place = ", ".join(part for part in (stay.get("room"), stay.get("venue")) if part)
    said = say_span(start, end)
    return f"{said}, {place}" if place else f"{said}, {_('no room yet')}"


def times_of(stay: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime]:
    """Start and end on the wall of its territory."""
    zone = str(stay["timezone"])
    start, end = (dt.datetime.fromisoformat(str(stay[name])) for name in ("starts_at", "ends_at"))
    return on_the_wall(start, zone), on_the_wall(end, zone)
