"""A visitor is an e-mail address: met at the first booking, known again at the next."""

from __future__ import annotations

import datetime as dt

from events.links import hash_of
from events.models import Visitor

LINK_LASTS = dt.timedelta(days=365)


def meet_visitor(*, email: str, locale: str, now: dt.datetime) -> Visitor:
    """The visitor of this address, written in one statement; a known one keeps its link, which lasts longer
    now.

    Only ``pk`` and ``email`` of what comes back are true for a known address. The row stays locked until the
    commit, so two bookings of one visitor happen one after the other (PostgreSQL; SQLite has one writer
    anyway).
    """
    visitor = Visitor(email=email, locale=locale, link_expires_at=now + LINK_LASTS)
    visitor.link_hash = hash_of(visitor.token)
    Visitor.objects.bulk_create(
        [visitor], update_conflicts=True, unique_fields=["email"], update_fields=["link_expires_at"]
    )
    return visitor
