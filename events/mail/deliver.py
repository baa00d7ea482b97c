"""That every owed mail leaves once: claim, check, compose, hand over, mark.

The claim reads the row's own columns only (a joined filter in the claiming statement lets several workers win
the same row) and gives a lease. The content is handed over only after ``data_started_at`` is committed, so
whoever finds the row after a crash knows: without it the mail certainly did not leave, with it nobody knows.

A batch is claimed and read at once and then sent one by one, each with two statements: that it is about to
leave, for which the disk is waited, and that it has left, right after the relay's answer.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from events import rows
from events.mail import relay
from events.mail.batch import FRESH_FOR, Shelf, at_hand, read
from events.mail.bounces import note_refusal
from events.mail.compose import compose
from events.mail.content.reminders import said_with
from events.mail.limits import TooMany, allowance_of, take_one
from events.mail.staleness import morning_for, why_not
from events.mail.transport import (
    NobodyKnows,
    RefusedForGood,
    RefusedForNow,
    RelayFault,
    Transport,
    open_transport,
)
from events.mail.wordings import remembered_wordings
from events.models import Message

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=120)
FIRST_BATCH, LARGEST_BATCH = 20, 250
"""How many are claimed at once: few at first and where the relay is slow, more where it is quick."""
GIVE_UP_AFTER = dt.timedelta(days=4)
"""As long as RFC 5321 §4.5.4.1 asks a sender to try, for what has no ``expires_at``."""
LONGEST_WAIT = dt.timedelta(hours=1)
AFTER_A_BROKEN_LINE = dt.timedelta(minutes=1)
MOST_CRASHES = 5
LONGEST_RUN = 240.0
"""Seconds after which a run leaves the rest to the next one."""
RECORD_WITHIN = 60.0
"""Seconds in which a database that went away may come back to be told what the relay took: half a lease."""

T = TypeVar("T")

Kind, Status = Message.Kind, Message.Status
Clock = Callable[[], dt.datetime]


class LeaseLost(Exception):
    """The row is no longer ours: nothing is sent."""


@dataclass
class Report:
    """What a run did: how many messages came to which state, and why it stopped if the relay is paused.

    ``is_cut_short``: it ended by its limit or its time, so more may be due.
    """

    counts: dict[str, int] = field(default_factory=dict)
    paused: str = ""
    is_cut_short: bool = False

    def note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def add(self, other: Report) -> None:
        """What another did beside it, counted in."""
        for what, number in other.counts.items():
            self.counts[what] = self.counts.get(what, 0) + number
        self.paused = self.paused or other.paused
        self.is_cut_short = self.is_cut_short or other.is_cut_short

    @property
    def sent(self) -> int:
        return self.counts.get(Status.SENT, 0)

    @property
    def handled(self) -> int:
        return sum(self.counts.values())


def deliver_due(
    *,
    now: dt.datetime | None = None,
    limit: int = 100_000,
    only: str | None = None,
    seconds: float = LONGEST_RUN,
    ticking: Clock | None = None,
) -> Report:
    """Send what is due. ``now`` stops the clock (commands and tests); ``only`` is a kind; after ``limit``
    messages or so many ``seconds`` the rest is left to the next run. Safe to run beside itself.

    ``ticking``: the clock that goes on all the same, by which leases end and the relay rests; unless said,
    the one that ``now`` has stopped. Whoever works beside a trial at another date knows no other.
    """
    clock: Clock = timezone.now if now is None else lambda: now
    ticking = ticking or clock
    report, ends = Report(), time.monotonic() + seconds
    report.paused = relay.why_paused(ticking())
    transport, shelf, size = open_transport(clock=clock), Shelf(), FIRST_BATCH
    try:
        while not report.paused:
            if report.handled >= limit or time.monotonic() >= ends:
                report.is_cut_short = True
                break
            token, size = uuid.uuid4(), min(_share(size, clock()), limit - report.handled)
            claimed = claim(token=token, now=clock(), size=size, only=only, at=ticking())
            if not claimed:
                break
            with remembered_wordings():
                size = _deliver_claimed(claimed, token, shelf, transport, clock, ticking, report)
    finally:
        transport.close()
        if report.sent and not report.paused:
            relay.note_success(ticking())
    return report


def _share(size: int, now: dt.datetime) -> int:
    """At most a quarter of what is due: else one or two hold the last of many, and the others stand idle."""
    if size <= FIRST_BATCH:
        return size
    waiting = Message.objects.due(now).values("pk")[: 4 * size].count()
    return max(FIRST_BATCH, min(size, waiting // 4))


def claim(
    *,
    token: uuid.UUID,
    now: dt.datetime,
    size: int,
    only: str | None = None,
    at: dt.datetime | None = None,
) -> list[int]:
    """Lease up to ``size`` messages due at ``now`` to ``token``: their keys, the urgent first; no more than
    the relay takes. ``at``: the instant it is in truth, where that is another."""
    at = at or now
    with transaction.atomic():
        room = relay.room(at)
        due = Message.objects.due(now)
        if only:
            due = due.filter(kind=only)
        # SQLite knows no row locks; there BEGIN IMMEDIATE lets one claimer in at a time.
        found = list(due.select_for_update(skip_locked=True).values_list("pk", "priority")[:size])
        keys = [key for key, _priority in found] if room is None else room.first_of(found)
        if room is not None and keys:
            relay.count(len(keys), at)
        Message.objects.filter(pk__in=keys, status=Status.PENDING).update(
            status=Status.SENDING, lease_token=token, lease_until=at + LEASE, data_started_at=None
        )
    return keys


def _deliver_claimed(
    keys: Sequence[int],
    token: uuid.UUID,
    shelf: Shelf,
    transport: Transport,
    clock: Clock,
    ticking: Clock,
    report: Report,
) -> int:
    """Send what was claimed, one by one, while what was read of it is fresh: how many to claim next."""
    begun, done, given = time.monotonic(), 0, 0
    shelf.tidy(begun)
    messages, said_already = read(keys, token, shelf), set[int]()
    with at_hand(messages):
        for message in messages:
            if done and time.monotonic() - shelf.since > FRESH_FOR:
                break
            done += 1
            if message.pk in said_already:
                continue
            delivery = _Delivery(message, token, transport, clock, ticking)
            try:
                report.note(delivery.run())
            except LeaseLost:
                report.note("left to another")
            except RelayFault as fault:
                delivery.fault = str(fault)
            finally:
                given += delivery.given
            if delivery.fault:
                _pause(delivery.fault, report, ticking())
                break
            said_already.update(delivery.siblings)
    if done < len(messages) or report.paused:
        give_back(token)
    relay.give_back(len(keys) - given, ticking())
    took = time.monotonic() - begun
    return max(1, min(LARGEST_BATCH, int(done * FRESH_FOR / 2 / max(took, 0.001))))


def _pause(fault: str, report: Report, now: dt.datetime) -> None:
    """Leave the relay alone. What it took in this run it took before it failed: the count of its failures
    begins anew, but no success after the failure ends the pause."""
    if report.sent:
        relay.note_success(now)
    relay.pause(now=now, reason=fault)
    report.paused = fault


def give_back(token: uuid.UUID) -> int:
    """What was claimed and not begun is pending again, untouched: it costs no attempt."""
    return Message.objects.filter(
        lease_token=token, status=Status.SENDING, data_started_at__isnull=True
    ).update(status=Status.PENDING, lease_token=None, lease_until=None)


class _Delivery:
    """One leased message on its way. ``run`` returns the state it came to.

    ``fault``: what the relay did so that nothing more should be given to it for now.
    """

    def __init__(
        self, message: Message, token: uuid.UUID, transport: Transport, clock: Clock, ticking: Clock
    ) -> None:
        self.message, self.token, self.transport = message, token, transport
        self.clock, self.ticking = clock, ticking
        self.given, self.fault = False, ""
        self.siblings: list[int] = []

    def run(self) -> str:
        now = self.clock()
        verdict = why_not(self.message, now)
        if verdict is not None:
            return self._end(*verdict)
        morning = morning_for(self.message, now)
        if morning is not None:
            self._back("rests until the morning", next_attempt_at=morning)
            return "delayed"
        try:
            mail = compose(self.message, now=now)
            self.siblings = said_with(self.message, now=now)
        except DatabaseError:
            raise
        except Exception as error:
            logger.exception("The mail %s cannot be composed", self.message.dedupe_key)
            return self._end(Status.FAILED, f"cannot be composed: {type(error).__name__}: {error}")
        try:
            answer = self.transport.send(mail, about_to_give=self._about_to_give)
        except RefusedForGood as refusal:
            note_refusal(self.message, str(refusal), now=self.clock())
            return self._end(Status.FAILED, str(refusal), attempts=F("attempts") + 1)
        except RefusedForNow as refusal:
            return self._later(str(refusal))
        except NobodyKnows as doubt:
            # A relay that hangs up on every mail would leave each of them in doubt, one after the other.
            self.fault = str(doubt)
            return _settle_uncertain(
                self.message, self.token, str(doubt), now=self.clock(), unanswered=self._unanswered
            )
        except RelayFault as fault:
            wait = AFTER_A_BROKEN_LINE if fault.while_talking else dt.timedelta()
            self._back(str(fault), next_attempt_at=self.clock() + wait)
            raise
        except TooMany as flood:
            if flood.until is None:
                return self._end(Status.SUPPRESSED, str(flood))
            self._back(str(flood), next_attempt_at=flood.until)
            return "held back"
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:
            logger.exception("The mail %s cannot be handed over", self.message.dedupe_key)
            return self._end(Status.FAILED, f"cannot be handed over: {type(error).__name__}: {error}")
        return self._sent(answer)

    @property
    def _unanswered(self) -> int:
        return self.message.handed_over + (1 if self.given else 0)

    def _about_to_give(self) -> None:
        """Commit that the content is about to leave, if the message is still ours; take along what it says
        too.

        The rows are locked in the order of their keys: two reminders of one visitor's day may meet here.
        """
        now = self.clock()
        try:
            if self.siblings or allowance_of(self.message) is not None:
                with transaction.atomic():
                    self._begin_with_others(now)
            else:
                self._begin(now)
        except (OperationalError, InterfaceError):
            # Whether it was committed nobody knows; that nothing was given is known here alone.
            _insistently(lambda: self._not_begun(now))
            raise
        self.given = True

    def _not_begun(self, at: dt.datetime) -> None:
        begun = Message.objects.filter(
            pk=self.message.pk, lease_token=self.token, status=Status.SENDING, data_started_at=at
        )
        if begun.update(data_started_at=None, handed_over=F("handed_over") - 1):
            self._siblings_back()

    def _begin_with_others(self, now: dt.datetime) -> None:
        if self.siblings:
            both = Message.objects.filter(pk__in=[self.message.pk, *self.siblings])
            list(both.select_for_update().order_by("pk").values_list("pk"))
        self._begin(now)
        take_one(self.message, now=now)
        if self.siblings:
            Message.objects.filter(
                pk__in=self.siblings,
                status__in=[Status.PENDING, Status.SENDING],
                data_started_at__isnull=True,
            ).update(
                status=Status.CANCELLED,
                lease_token=None,
                lease_until=None,
                last_answer=_said_in(self.message),
            )

    def _begin(self, now: dt.datetime) -> None:
        until = self.ticking() + LEASE
        said = {"now": _moment(now), "until": _moment(until), **_ours(self.message, self.token)}
        if not rows.change_straight(BEGIN, said):
            raise LeaseLost

    def _sent(self, answer: str) -> str:
        return _insistently(lambda: self._record_sent(answer))

    def _record_sent(self, answer: str) -> str:
        if self.message.kind == Kind.ACCOUNT:
            return self._end(Status.SENT, answer, sent_at=self.clock(), attempts=F("attempts") + 1)
        said = {"now": _moment(self.clock()), "answer": _printable(answer)}
        if not rows.change_straight(_left(), said | _ours(self.message, self.token)):
            _warn_of_a_lost_lease(self.message)
        return Status.SENT

    def _end(self, status: Message.Status, answer: str, **more: Any) -> str:
        _update(self.message, self.token, status=status, answer=answer, **more)
        return status

    def _later(self, answer: str) -> str:
        wait = min(dt.timedelta(minutes=2 ** min(self.message.attempts, 10)), LONGEST_WAIT)
        next_attempt = self.clock() + wait
        if self.message.expires_at is None and next_attempt > self.message.created_at + GIVE_UP_AFTER:
            return self._end(Status.FAILED, answer, attempts=F("attempts") + 1)
        self._back(answer, next_attempt_at=next_attempt, attempts=F("attempts") + 1)
        return "delayed"

    def _back(self, answer: str, **more: Any) -> None:
        """Certainly not sent: pending again, and so is what would have been said with it."""
        if self.given:
            more |= {"handed_over": F("handed_over") - 1, "data_started_at": None}
            self._siblings_back()
        _update(self.message, self.token, status=Status.PENDING, answer=answer, **more)

    def _siblings_back(self) -> None:
        """What would have been said with it waits for its own turn again."""
        Message.objects.filter(
            pk__in=self.siblings, status=Status.CANCELLED, last_answer=_said_in(self.message)
        ).update(status=Status.PENDING, last_answer="")


def _insistently(record: Callable[[], T]) -> T:
    """Record it as soon as the database is back: what the relay has taken is not forgotten for a restart."""
    until = time.monotonic() + RECORD_WITHIN
    while True:
        try:
            return record()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.5)


def release_leases(*, now: dt.datetime | None = None) -> int:
    """Take back what a dead worker held: how many. Begun ones are uncertain, the others certainly unsent.

    Of the unsent only the one whose turn it was may have ended the worker; the rest of its batch has lost
    nothing and waits for nothing.
    """
    now = now or timezone.now()
    released = 0
    leased = Message.objects.filter(status=Status.SENDING, lease_until__lte=now)
    in_turn = list(leased.order_by("lease_token", "priority", "next_attempt_at", "pk")[:1000])
    begun = Message.objects.filter(
        status=Status.SENDING,
        lease_token__in={message.lease_token for message in in_turn},
        data_started_at__isnull=False,
    )
    explained = set(begun.values_list("lease_token", flat=True))
    for message in in_turn:
        token = message.lease_token
        if token is None:
            continue
        released += 1
        if message.data_started_at is not None:
            _settle_uncertain(
                message, token, "the worker ended while sending", now=now, unanswered=message.handed_over
            )
        elif token in explained:
            _update(message, token, status=Status.PENDING, answer="the worker ended before its turn")
        elif message.attempts >= MOST_CRASHES:
            # A mail that ends every worker that touches it must not go on for ever.
            _update(message, token, status=Status.FAILED, answer="every worker that took it ended")
        else:
            wait = dt.timedelta(minutes=max(0, message.attempts - 1))
            _update(
                message,
                token,
                status=Status.PENDING,
                answer="the worker ended before sending",
                next_attempt_at=now + wait,
                attempts=F("attempts") + 1,
            )
        explained.add(token)
    return released


def expire(*, now: dt.datetime) -> int:
    """End what came too late: how many."""
    late = Message.objects.filter(status=Status.PENDING, expires_at__lte=now)
    late.filter(kind=Kind.ACCOUNT).update(text_body="", html_body="", context={})
    perhaps = late.filter(handed_over__gt=0).update(
        status=Status.UNCERTAIN, last_answer="too late for a second try"
    )
    return perhaps + late.update(status=Status.EXPIRED, last_answer="too late")


def _settle_uncertain(
    message: Message, token: uuid.UUID, why: str, *, now: dt.datetime, unanswered: int
) -> str:
    """Nobody knows whether it left: what goes to many, such as a reminder, stays so; anything else goes once
    more with the same Message-ID."""
    if message.kind == Kind.REMINDER or message.priority >= relay.BULK or unanswered >= 2:
        _update(message, token, status=Status.UNCERTAIN, answer=why)
        return Status.UNCERTAIN
    _update(
        message,
        token,
        status=Status.PENDING,
        answer=f"{why}; once more",
        next_attempt_at=now,
        data_started_at=None,
    )
    return "once more"


def _update(message: Message, token: uuid.UUID, *, status: Message.Status, answer: str, **more: Any) -> None:
    """Move a leased message on, if it is still ours. What has ended keeps no secret text."""
    if status != Status.PENDING and message.kind == Kind.ACCOUNT:
        more |= {"text_body": "", "html_body": "", "context": {}}
    moved = Message.objects.filter(pk=message.pk, lease_token=token, status=Status.SENDING).update(
        status=status, lease_token=None, lease_until=None, last_answer=_printable(answer), **more
    )
    if not moved:
        _warn_of_a_lost_lease(message)


def _warn_of_a_lost_lease(message: Message) -> None:
    logger.warning("The lease of %s ran out while it was sent", message.dedupe_key)


def _printable(answer: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in answer)[:500]


# The two statements of every mail, written out because the ORM's way of putting them together costs as much
# as the mail itself.

BEGIN = """
UPDATE events_message
SET data_started_at = %(now)s, handed_over = handed_over + 1, lease_until = %(until)s
WHERE id = %(id)s AND lease_token = %(token)s AND status = 'sending'
"""
LEFT = """
UPDATE events_message
SET status = 'sent', lease_token = NULL, lease_until = NULL, last_answer = %(answer)s, sent_at = %(now)s,
    attempts = attempts + 1
WHERE id = %(id)s AND lease_token = %(token)s AND status = 'sending'
"""
# That it has left is seen by all at once, and the disk is not waited for: the commit before the next mail
# takes it along. What is lost if PostgreSQL itself dies in between is this one record, and the mail is
# uncertain, as after any crash between handing over and recording.
NO_WAIT = " AND set_config('synchronous_commit', 'off', true) = 'off'"


LEFT_NO_WAIT = LEFT + NO_WAIT


def _left() -> str:
    return LEFT_NO_WAIT if connection.vendor == "postgresql" else LEFT


def _ours(message: Message, token: uuid.UUID) -> dict[str, Any]:
    return {"id": message.pk, "token": token if connection.vendor == "postgresql" else token.hex}


def _moment(at: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _said_in(message: Message) -> str:
    return f"said in {message.message_id}"[:500]
