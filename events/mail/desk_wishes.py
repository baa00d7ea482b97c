"""Which mails to their desk hosts and organisers want: all of them until they say otherwise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from accounts.models import User
from events.links import desk_mails_token
from events.mail.letters import address
from events.mail.suppressions import is_stopped, scope_of, stopped_among
from events.models import Message, Suppression

Kind, Scope = Message.Kind, Suppression.Scope

KINDS = (
    Kind.HOST_DIGEST,
    Kind.ORGANISER_DIGEST,
    Kind.DOOR_LIST,
    Kind.NAG_DRAFT,
    Kind.NAG_SLOTS,
    Kind.MAIL_STUCK,
    Kind.AGENDA_STUCK,
)
SCOPES = (Scope.DIGESTS, Scope.DOOR_LISTS, Scope.NAGS, Scope.ALERTS)
"""What one chooses among."""


def wanted(email: str, *, now: dt.datetime) -> list[Suppression.Scope]:
    """Those of ``SCOPES`` this address gets."""
    return [scope for scope in SCOPES if not is_stopped(email, scope, now=now)]


def who_wants(people: Iterable[User], kind: Message.Kind, *, now: dt.datetime) -> list[User]:
    """Those of them who want this kind of mail, in one question to the database."""
    asked, scope = list(people), scope_of(kind)
    assert scope is not None  # noqa: S101 - for the types: every kind here has one
    stopped = stopped_among((person.email for person in asked), scope, now=now)
    return [person for person in asked if person.email not in stopped]


def way_out(user_id: int, kind: str) -> str:
    """The address by which one click ends this kind of mail (RFC 8058)."""
    return address("desk_mails_off", desk_mails_token(user_id, str(scope_of(kind))))
