"""Celery's door to the delivery of mail: thin, pinned names, safe to run twice."""

from __future__ import annotations


def nudge() -> None:
    """Hint to Celery that mail is due. Never relied on, never raises, never waits more than a second."""
