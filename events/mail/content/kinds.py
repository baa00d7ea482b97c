"""The content of every kind."""

from __future__ import annotations

from . import ballots, broadcasts, desk, digests, follows, reminders, visitors, visits, waiting, whole_days
from .shared import ContentOf

CONTENT_OF: ContentOf = {
    **visits.CONTENT_OF,
    **whole_days.CONTENT_OF,
    **waiting.CONTENT_OF,
    **visitors.CONTENT_OF,
    **reminders.CONTENT_OF,
    **ballots.CONTENT_OF,
    **desk.CONTENT_OF,
    **digests.CONTENT_OF,
    **broadcasts.CONTENT_OF,
    **follows.CONTENT_OF,
}
