"""Who comes, as the spreadsheets of French offices open it: UTF-8 with a BOM, semicolons, local times.

A cell that a spreadsheet would take for a formula is led by an apostrophe (OWASP, « CSV Injection »).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from events.clock import on_the_wall
from events.models import Registration

BOM = "\ufeff"
CONTENT_TYPE = "text/csv; charset=utf-8"
# Full-width signs too: some spreadsheets read them as the plain ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")


def write_registrations(
    registrations: Iterable[Registration], *, with_addresses: bool = True
) -> Iterator[str]:
    """The lines of the file, the BOM and the head first, in the active language.

    ``with_addresses`` False leaves the e-mail addresses out: hosts receive people, they do not write to them.

    Give registrations with ``visitor`` and ``slot__activity__host``, ``slot__venue``, ``slot__room`` at hand;
    nothing else is read. Days are ``31/12/2027`` and times ``18:30`` on the slot's own clock.
    """
    yield BOM + line_of(
        [
            _("Reference"),
            _("Activity"),
            _("Host"),
            _("Day"),
            pgettext("column", "From"),
            pgettext("column", "To"),
            _("Venue"),
            _("Room"),
            _("Name"),
            *([_("E-mail address")] if with_addresses else []),
            _("Number of places"),
            _("State"),
            pgettext("column", "Booked"),
            _("Language"),
        ]
    )
    for registration in registrations:
        slot = registration.slot
        booked = on_the_wall(registration.created_at, slot.timezone)
        yield line_of(
            [
                registration.reference,
                slot.activity.title,
                slot.activity.host.name,
                f"{slot.local_start:%d/%m/%Y}",
                f"{slot.local_start:%H:%M}",
                f"{slot.local_end:%H:%M}",
                slot.venue.name if slot.venue else "",
                slot.room.name if slot.room else "",
                registration.name,
                *([registration.visitor.email] if with_addresses else []),
                str(registration.party_size),
                str(registration.get_status_display()),
                f"{booked:%d/%m/%Y %H:%M}",
                registration.locale,
            ]
        )


def safe_cell(text: str) -> str:
    """The same text, which no spreadsheet will run."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA) else text


def line_of(cells: Iterable[str]) -> str:
    """One line of such a file, its cells made safe."""
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="\r\n").writerow([safe_cell(cell) for cell in cells])
    return line.getvalue()
