"""How many mails one mailbox can be made to get by people who know nothing but its address.

Whoever types somebody else's address into a form of the site must not be able to bury that person in mail.
Counted are the kinds a stranger can cause, by mailbox (so that +tags are one person), over all of the site
and all workers. What the owner does behind their own link, and what partners do, is not counted.

Two counts, so that a flood of bookings never keeps somebody out of their own account or visits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from events.limits import Limit, count, seconds_left
from events.links import mailbox_of
from events.models import Message

Kind = Message.Kind
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many of these kinds in an hour of the clock and in a day (UTC)."""

    name: str
    kinds: frozenset[str]
    per_hour: int
    per_day: int


VISITS = Allowance(
    "mail-visits",
    frozenset(
        {
            *(Kind.CONFIRMATION, Kind.WAITING, Kind.CONFIRM_ADDRESS, Kind.CHOOSE, Kind.ALREADY_REGISTERED),
            *(Kind.BALLOT_ENTERED, Kind.NEW_ADDRESS, Kind.DAY, Kind.CONFIRM_DAY),
        }
    ),
    per_hour=12,
    per_day=40,
)
WAYS_IN = Allowance("mail-ways-in", frozenset({Kind.ACCOUNT, Kind.LINK}), per_hour=8, per_day=24)
FOLLOWS = Allowance("mail-follows", frozenset({Kind.FOLLOW_CONFIRM}), per_hour=4, per_day=12)
ALL = (VISITS, WAYS_IN, FOLLOWS)
BY_OWNER = "by_owner"
"""In a message's context: caused from behind the visitor's own link."""


class TooMany(Exception):
    """One more mail to this mailbox is one too many. ``until``: when it may be tried again; None: never."""

    def __init__(self, until: dt.datetime | None) -> None:
        self.until = until
        super().__init__(
            "too many mails to this address within an hour"
            if until
            else "too many mails to this address within a day"
        )


def allowance_of(message: Message) -> Allowance | None:
    """What this mail is counted under; None when it is not counted."""
    if message.context.get(BY_OWNER):
        return None
    return next((one for one in ALL if message.kind in one.kinds), None)


def take_one(message: Message, *, now: dt.datetime) -> None:
    """Count this mail, in the transaction which says that its content is about to leave: one statement, so
    that two workers cannot both be the last.

    Raises ``TooMany``; the transaction is then rolled back and the mail is not counted. Above the hour's
    number it waits for the next hour; above the day's it is given up, for what waits is one flood too.
    """
    allowance = allowance_of(message)
    if allowance is None:
        return
    mailbox = mailbox_of(message.recipient)
    over = count(
        [
            Limit(f"{allowance.name}-hour", mailbox, allowance.per_hour, HOUR),
            Limit(f"{allowance.name}-day", mailbox, allowance.per_day, DAY),
        ],
        now=now,
    )
    if f"{allowance.name}-day" in over:
        raise TooMany(None)
    if over:
        raise TooMany(now + dt.timedelta(seconds=seconds_left(per=HOUR, now=now)))
