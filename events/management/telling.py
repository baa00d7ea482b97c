"""What the commands of the outbox print."""

from __future__ import annotations

from events.mail.deliver import Report


def told(*, report: Report, owed: int | None = None) -> str:
    """« 3 reminders owed; 2 sent, 1 cancelled » in one line."""
    parts = [] if owed is None else [f"{owed} reminder{'' if owed == 1 else 's'} owed"]
    did = ", ".join(f"{count} {what}" for what, count in sorted(report.counts.items())) or "nothing to send"
    parts.append(did)
    if report.paused:
        parts.append(f"the relay is paused: {report.paused}")
    return "; ".join(parts) + "."
