"""Where a day begins, for who has no device to say it: the middle of a city's doors, or one of its venues."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from events.calendar import position_of
from events.models import Territory, Venue
from events.wording import Position

from .question import Question

MIDDLE = "ville-"
MOST_SHOWN = 150


@dataclass(frozen=True, slots=True)
class Start:
    """``code`` as it stands in the address."""

    code: str
    label: str


def starts_in(territories: Iterable[int]) -> list[Start]:
    """What may be chosen: the middle of each of these territories, then their venues by name, totem buildings
    first. Two queries.
    """
    keys = sorted(set(territories))
    venues = Venue.objects.filter(territory__in=keys, latitude__isnull=False).order_by(
        "-is_totem", "name", "pk"
    )
    known = list(venues.values_list("territory", "slug", "name")[:MOST_SHOWN])
    there = {territory for territory, _slug, _name in known}
    middles = Territory.objects.filter(pk__in=there)
    starts = [
        Start(f"{MIDDLE}{one.slug}", _("from the middle of %(city)s") % {"city": one.name}) for one in middles
    ]
    return starts + [
        Start(slug, _("starting point: %(venue)s") % {"venue": name}) for _at, slug, name in known
    ]


def placed(question: Question) -> Question:
    """The same question with the position its starting point has; as it is where that is not known."""
    if not question.start_at:
        return question
    return replace(question, start=_position(question.start_at))


def _position(code: str) -> Position | None:
    known = Venue.objects.filter(latitude__isnull=False, longitude__isnull=False)
    is_middle = code.startswith(MIDDLE)
    here = known.filter(territory__slug=code.removeprefix(MIDDLE)) if is_middle else known.filter(slug=code)
    found = [at for at in map(position_of, here) if at is not None]
    if not found:
        return None
    # The median: one venue far away moves it little.
    return statistics.median(at for at, _on in found), statistics.median(on for _at, on in found)
