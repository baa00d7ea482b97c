"""A visitor is an e-mail address: met at the first booking, known again at the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection

from events.links import hash_of, mailbox_of, new_nonce
from events.models import Visitor
from events.rows import ask

LINK_LASTS = dt.timedelta(days=365)

MEET = """
INSERT INTO events_visitor
    (email, mailbox, locale, link_nonce, link_hash, link_expires_at, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (email) DO UPDATE SET link_expires_at = excluded.link_expires_at
RETURNING id, link_hash, verified_at
"""


@dataclass(frozen=True, slots=True)
class Met:
    """``is_new``: nothing is known of this mailbox yet. ``is_verified``: somebody has acted from there."""

    pk: int
    mailbox: str
    is_new: bool
    is_verified: bool


def meet_visitor(*, email: str, locale: str, now: dt.datetime) -> Met:
    """The visitor of this address, written in one statement; a known one keeps its link, which lasts longer
    now.

    The row stays locked until the commit, so two bookings of one visitor happen one after the other
    (PostgreSQL; SQLite has one writer anyway). An address with a +tag first meets the mailbox behind it, so
    that all its tags stand in one line.
    """
    mailbox = mailbox_of(email)
    if mailbox != email:
        _meet(mailbox, mailbox, locale, now)
    met = _meet(email, mailbox, locale, now)
    return met if mailbox == email else Met(met.pk, mailbox, False, met.is_verified)


def _meet(email: str, mailbox: str, locale: str, now: dt.datetime) -> Met:
    link_nonce = new_nonce()
    link_hash = hash_of(Visitor.token_of(link_nonce))
    adapt = connection.ops.adapt_datetimefield_value
    met = ask(
        MEET,
        [email, mailbox, locale, link_nonce, link_hash, adapt(now + LINK_LASTS), adapt(now)],
    )
    pk, kept_hash, verified_at = met or (0, "", None)
    return Met(pk, mailbox, kept_hash == link_hash, verified_at is not None)
