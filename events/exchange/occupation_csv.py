"""How much rooms are used, room by room and day by day, as spreadsheets of French offices open it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _

from events.scheduling.occupation import Occupation

from .registrations_csv import BOM, safe_cell


def write_occupation(found: Occupation) -> Iterator[str]:
    """A line a room and day, minutes as numbers; the BOM and the head first, in the active language."""
    yield BOM + _line(
        [_("Venue"), _("Room"), _("Day"), _("Minutes open"), _("Minutes used"), _("Share used (%)")]
    )
    for room in found.rooms:
        for day in found.days:
            use = found.by_day[room.pk, day]
            share = "" if use.share is None else str(round(use.share * 100))
            yield _line([room.venue.name, room.name, f"{day:%d/%m/%Y}", str(use.open), str(use.used), share])


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="\r\n").writerow([safe_cell(cell) for cell in cells])
    return line.getvalue()
