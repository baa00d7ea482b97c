"""The report of a bulk change, as the spreadsheets of French offices open it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from events.models import Slot

from .registrations_csv import BOM, CONTENT_TYPE, line_of

__all__ = ["CONTENT_TYPE", "Row", "write_report"]


@dataclass(frozen=True, slots=True)
class Row:
    """One slot of a bulk change in words. ``result``: done, not_done or untouched; ``told``: registrations
    that get a mail when it is done. ``slot`` is None once it has been deleted.
    """

    slot: Slot | None
    was: str
    becomes: str
    result: str
    why: str = ""
    in_the_way: list[str] = field(default_factory=list)
    told: int = 0


def write_report(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of the file, the BOM and the head first, in the active language. Rows come with
    ``slot__activity__host`` at hand."""
    results = {"done": pgettext("slot", "Done"), "not_done": _("Not done"), "untouched": _("Not begun")}
    head = [
        _("Activity"),
        _("Host"),
        _("Before"),
        _("After"),
        _("Result"),
        _("Why"),
        _("In the way"),
        _("People told"),
    ]
    yield BOM + line_of(head)
    for row in rows:
        activity = row.slot.activity if row.slot is not None else None
        yield line_of(
            [
                activity.title if activity is not None else "",
                activity.host.name if activity is not None else "",
                row.was,
                row.becomes,
                results[row.result],
                row.why,
                " · ".join(row.in_the_way),
                str(row.told if row.result == "done" else 0),
            ]
        )
