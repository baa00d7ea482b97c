"""What a team writes on the page of its city, and the national team on that of an operation.

The rows of a list are replaced together, in one transaction: what is written is what the team saw. ``seen``
is what the page was like when they began (``state_of``); who comes second is refused and loses nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accounts.models import User
from events.models import EcosystemEntry, Figure, JournalEntry, Programme, Territory
from events.refusals import Reason, Refused

CITY = ("relay", "website", "contact_email", "about_fr", "about_en")
OPERATION = (
    *("name", "tagline_fr", "tagline_en", "organiser", "website", "description_fr", "description_en"),
    *("starts_on", "ends_on"),
)
FIGURE = (
    *("value", "label_fr", "label_en", "as_of", "as_of_exact", "source_name", "source_url", "is_made_up"),
)
ENTRY = ("kind", "name", "note_fr", "note_en", "url")

Values = dict[str, Any]


def state_of(shown: Territory | Programme) -> str:
    """A digest of all that a team may write on a page."""
    fields = CITY if isinstance(shown, Territory) else OPERATION
    parts: list[Any] = [[str(getattr(shown, name)) for name in fields]]
    parts += [[str(getattr(one, name)) for name in FIGURE] for one in shown.figures.all()]
    if isinstance(shown, Territory):
        parts += [[str(getattr(one, name)) for name in ENTRY] for one in shown.ecosystem.all()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


@transaction.atomic
def write_city(
    *,
    territory_id: int,
    words: Values,
    figures: Iterable[Values],
    entries: Iterable[Values],
    seen: str,
    by: User | None,
    now: dt.datetime,
) -> Territory:
    """Raises ``Refused``: ``CHANGED_MEANWHILE`` when the page is no longer what was ``seen``."""
    city = Territory.objects.select_for_update(no_key=True).get(pk=territory_id)
    _refuse_other(city, seen)
    for name in CITY:
        setattr(city, name, words[name])
    city.save(update_fields=CITY)
    _replace_figures(figures, territory=city)
    city.ecosystem.all().delete()
    EcosystemEntry.objects.bulk_create(
        EcosystemEntry(territory=city, position=n, **{name: entry[name] for name in ENTRY})
        for n, entry in enumerate(entries)
    )
    JournalEntry.objects.create(at=now, actor=by, verb="page_written", text=f"{city}")
    return city


@transaction.atomic
def write_operation(
    *,
    programme_id: int,
    words: Values,
    figures: Iterable[Values],
    seen: str,
    by: User | None,
    now: dt.datetime,
) -> Programme:
    """Raises ``Refused``: ``CHANGED_MEANWHILE``, as above."""
    operation = Programme.objects.select_for_update(no_key=True).get(pk=programme_id)
    _refuse_other(operation, seen)
    for name in OPERATION:
        setattr(operation, name, words[name])
    operation.save(update_fields=OPERATION)
    _replace_figures(figures, programme=operation)
    JournalEntry.objects.create(at=now, actor=by, verb="page_written", text=f"{operation}")
    return operation


def _refuse_other(shown: Territory | Programme, seen: str) -> None:
    if state_of(shown) != seen:
        raise Refused(Reason.CHANGED_MEANWHILE)


def _replace_figures(figures: Iterable[Values], **of: Any) -> None:
    Figure.objects.filter(**of).delete()
    Figure.objects.bulk_create(
        Figure(position=n, **of, **{name: figure[name] for name in FIGURE})
        for n, figure in enumerate(figures)
    )
