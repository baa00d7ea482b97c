"""That every owed mail leaves once: claim, check, compose, hand over, mark.

The claim reads the row's own columns only (a joined filter in the claiming statement lets several workers win
the same row) and gives a lease. The content is handed over only after ``data_started_at`` is committed, so
whoever finds the row after a crash knows: without it the mail certainly did not leave, with it nobody knows.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from events.mail import relay
from events.mail.bounces import note_refusal
from events.mail.compose import compose
from events.mail.content.reminders import said_with
from events.mail.limits import TooMany, take_one
from events.mail.staleness import why_not
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
BATCH = 10
GIVE_UP_AFTER = dt.timedelta(days=4)
"""As long as RFC 5321 §4.5.4.1 asks a sender to try, for what has no ``expires_at``."""
LONGEST_WAIT = dt.timedelta(hours=1)
AFTER_A_BROKEN_LINE = dt.timedelta(minutes=1)
MOST_CRASHES = 5
LONGEST_RUN = 240.0
"""Seconds after which a run leaves the rest to the next one."""

Kind, Status = Message.Kind, Message.Status
Clock = Callable[[], dt.datetime]


class LeaseLost(Exception):
    """The row is no longer ours: nothing is sent."""


@dataclass
class Report:
    """What a run did: how many messages came to which state, and why it stopped if the relay is paused."""

    counts: dict[str, int] = field(default_factory=dict)
    paused: str = ""

    def note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    @property
    def sent(self) -> int:
        return self.counts.get(Status.SENT, 0)

    @property
    def handled(self) -> int:
        return sum(self.counts.values())


def deliver_due(*, now: dt.datetime | None = None, limit: int = 2000, only: str | None = None) -> Report:
    """Send what is due. ``now`` stops the clock (commands and tests); ``only`` is a kind. Safe to run beside
    itself."""
    clock: Clock = timezone.now if now is None else lambda: now
    report, begun = Report(), time.monotonic()
    report.paused = relay.why_paused(clock())
    transport = open_transport(clock=clock)
    try:
        while not report.paused and report.handled < limit and time.monotonic() - begun < LONGEST_RUN:
            token = uuid.uuid4()
            claimed = claim(token=token, now=clock(), size=min(BATCH, limit - report.handled), only=only)
            if not claimed:
                break
            with remembered_wordings():
                _deliver_claimed(claimed, token, transport, clock, report)
    finally:
        transport.close()
        if report.sent:
            relay.note_success(clock())
    return report


def claim(*, token: uuid.UUID, now: dt.datetime, size: int, only: str | None = None) -> list[int]:
    """Lease up to ``size`` due messages to ``token``: their keys, the urgent first."""
    with transaction.atomic():
        due = Message.objects.due(now)
        if only:
            due = due.filter(kind=only)
        # SQLite knows no row locks; there BEGIN IMMEDIATE lets one claimer in at a time.
        keys = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:size])
        Message.objects.filter(pk__in=keys, status=Status.PENDING).update(
            status=Status.SENDING, lease_token=token, lease_until=now + LEASE, data_started_at=None
        )
    return keys


def _deliver_claimed(
    keys: Sequence[int], token: uuid.UUID, transport: Transport, clock: Clock, report: Report
) -> None:
    for key in keys:
        message = _leased(key, token)
        if message is None:
            continue
        try:
            report.note(_Delivery(message, token, transport, clock).run())
        except LeaseLost:
            report.note("left to another")
        except RelayFault as fault:
            relay.pause(now=clock(), reason=str(fault))
            report.paused = str(fault)
            break
    if report.paused:
        # What was claimed and not begun goes back untouched: the relay's fault costs no attempt.
        Message.objects.filter(lease_token=token, status=Status.SENDING, data_started_at__isnull=True).update(
            status=Status.PENDING, lease_token=None, lease_until=None
        )


def _leased(key: int, token: uuid.UUID) -> Message | None:
    """The message with all it speaks of, read after the claim; None when it is ours no more."""
    return (
        Message.objects.select_related(
            "registration__visitor",
            "registration__slot__activity__host",
            "registration__slot__activity__festival",
            "registration__slot__activity__programme",
            "registration__slot__activity__territory",
            "registration__slot__activity__venue__commune",
            "registration__slot__activity__venue__territory",
            "registration__slot__venue__commune",
            "registration__slot__venue__territory",
            "registration__slot__room",
            "slot",
            "visitor",
            "activity__host",
            "activity__festival",
            "activity__programme",
            "activity__territory",
        )
        .filter(pk=key, lease_token=token, status=Status.SENDING)
        .first()
    )


class _Delivery:
    """One leased message on its way. ``run`` returns the state it came to."""

    def __init__(self, message: Message, token: uuid.UUID, transport: Transport, clock: Clock) -> None:
        self.message, self.token, self.transport, self.clock = message, token, transport, clock
        self.given = False
        self.siblings: list[int] = []

    def run(self) -> str:
        now = self.clock()
        verdict = why_not(self.message, now)
        if verdict is not None:
            return self._end(*verdict)
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
        return self._end(Status.SENT, answer, sent_at=self.clock(), attempts=F("attempts") + 1)

    @property
    def _unanswered(self) -> int:
        return self.message.handed_over + (1 if self.given else 0)

    def _about_to_give(self) -> None:
        """Commit that the content is about to leave, if the message is still ours; take along what it says
        too.

        The rows are locked in the order of their keys: two reminders of one visitor's day may meet here.
        """
        now, mine = self.clock(), Message.objects.filter(pk=self.message.pk, lease_token=self.token)
        with transaction.atomic():
            if self.siblings:
                both = Message.objects.filter(pk__in=[self.message.pk, *self.siblings])
                list(both.select_for_update().order_by("pk").values_list("pk"))
            if not mine.filter(status=Status.SENDING).update(
                data_started_at=now, handed_over=F("handed_over") + 1, lease_until=now + LEASE
            ):
                raise LeaseLost
            take_one(self.message, now=now)
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
        self.given = True

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
            Message.objects.filter(
                pk__in=self.siblings, status=Status.CANCELLED, last_answer=_said_in(self.message)
            ).update(status=Status.PENDING, last_answer="")
        _update(self.message, self.token, status=Status.PENDING, answer=answer, **more)


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
    """Nobody knows whether it left: a reminder stays so, anything else goes once more with the same
    Message-ID."""
    if message.kind == Kind.REMINDER or unanswered >= 2:
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
    words = "".join(sign if sign.isprintable() else " " for sign in answer)[:500]
    moved = Message.objects.filter(pk=message.pk, lease_token=token, status=Status.SENDING).update(
        status=status, lease_token=None, lease_until=None, last_answer=words, **more
    )
    if not moved:
        logger.warning("The lease of %s ran out while it was sent", message.dedupe_key)


def _said_in(message: Message) -> str:
    return f"said in {message.message_id}"[:500]
