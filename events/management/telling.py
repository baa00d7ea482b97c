"""What the commands print and take."""

from __future__ import annotations

import argparse
import datetime as dt

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from events.mail.deliver import Report


def told(*, report: Report, owed: int | None = None) -> str:
    """« 3 reminders owed; 2 sent, 1 cancelled » in one line."""
    parts = [] if owed is None else [f"{owed} reminder{'' if owed == 1 else 's'} owed"]
    did = ", ".join(f"{count} {what}" for what, count in sorted(report.counts.items())) or "nothing to send"
    parts.append(did)
    if report.paused:
        parts.append(f"the relay is paused: {report.paused}")
    return "; ".join(parts) + "."


def instant(text: str) -> dt.datetime:
    """Raises ``ArgumentTypeError`` for what is no instant."""
    try:
        said = parse_datetime(text)
    except ValueError:
        said = None
    if said is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no date and time such as 2027-06-09T09:00:00+02:00")
    return said if timezone.is_aware(said) else timezone.make_aware(said)
