"""A relay that refuses, stalls, drops or cuts at any phase: whose fault it is decides what follows, and
nothing is lost or doubled by it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from events.mail.deliver import deliver_due, expire
from events.models import Message, RelayState
from tests.ground.smtp import Mood, Phase, SmtpSink
from tests.guarantees.mailroom import how_often, owe_mails, states

IMPATIENT = 0.5
"""Seconds the site waits for a relay that stalls in these tests; for any other it waits its time."""


def an_hour_later(relay: SmtpSink) -> None:
    """The relay is itself again, its pause is over, and whatever waited for its next attempt is due."""
    relay.moods.clear()
    RelayState.objects.update(paused_until=None)
    Message.objects.filter(status="pending").update(next_attempt_at=timezone.now())
    deliver_due()


def is_paused() -> bool:
    return RelayState.objects.filter(paused_until__gt=timezone.now()).exists()


RELAY, LATER, FAILED = "the relay's", "the message's for now", "the message's for good"
WHOSE_FAULT = {
    # Before a recipient is named nothing can be the message's fault. 421 and 535 speak of the relay anywhere.
    **{
        (phase, answer): RELAY
        for phase in (Phase.CONNECT, Phase.EHLO, Phase.MAIL)
        for answer in ("421", "450", "535", "550")
    },
    **{
        (phase, answer): fault
        for phase in (Phase.RCPT, Phase.DATA, Phase.DOT)
        for answer, fault in {"421": RELAY, "450": LATER, "535": RELAY, "550": FAILED}.items()
    },
}


@pytest.mark.parametrize(
    ("phase", "answer", "fault"), [(phase, answer, fault) for (phase, answer), fault in WHOSE_FAULT.items()]
)
def test_an_answer_costs_only_whom_it_speaks_of(
    phase: Phase, answer: str, fault: str, relay: SmtpSink
) -> None:
    owe_mails("confirmation", 3)
    relay.moods[phase] = Mood(answer=f"{answer} 4.7.0 No")

    deliver_due()

    assert states() == ({"failed": 3} if fault == FAILED else {"pending": 3})
    assert is_paused() == (fault == RELAY)
    tried = 0 if fault == RELAY else 1
    assert set(Message.objects.values_list("attempts", flat=True)) == {tried}
    assert relay.received == []
    if fault == LATER:
        assert all(mail.next_attempt_at > timezone.now() for mail in Message.objects.all())
    if fault != RELAY:
        assert all(answer in mail.last_answer for mail in Message.objects.all())

    an_hour_later(relay)
    assert states() == ({"failed": 3} if fault == FAILED else {"sent": 3})
    assert set(how_often(relay).values()) == (set() if fault == FAILED else {1})


@pytest.mark.parametrize("how", ["stalls", "drops"])
@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.EHLO, Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_a_line_that_fails_before_the_content_costs_no_attempt(
    phase: Phase, how: str, relay: SmtpSink, settings: Any
) -> None:
    owe_mails("reminder", 3)
    relay.moods[phase] = Mood(stall=3 * IMPATIENT) if how == "stalls" else Mood(drop=True)

    patience = settings.EMAIL_TIMEOUT
    settings.EMAIL_TIMEOUT = IMPATIENT
    deliver_due()
    settings.EMAIL_TIMEOUT = patience

    assert states() == {"pending": 3}
    assert is_paused()
    assert set(Message.objects.values_list("attempts", "handed_over")) == {(0, 0)}
    an_hour_later(relay)
    assert states() == {"sent": 3}
    assert set(how_often(relay).values()) == {1}


@pytest.mark.parametrize(
    ("phase", "mood", "arrived"),
    [
        (Phase.CONTENT, Mood(drop=True, times=1), 0),
        (Phase.DOT, Mood(drop=True, times=1), 1),
        (Phase.DOT, Mood(stall=3 * IMPATIENT, times=1), 1),
    ],
    ids=["cut in the content", "dropped after the dot", "stalled after the dot"],
)
@pytest.mark.parametrize("kind", ["confirmation", "reminder"])
def test_where_nobody_knows_a_confirmation_goes_once_more_and_a_reminder_does_not(
    kind: str,
    phase: Phase,
    mood: Mood,
    arrived: int,
    relay: SmtpSink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owe_mails(kind, 3)
    relay.moods[phase] = Mood(mood.answer, mood.stall, mood.drop, mood.times)

    with monkeypatch.context() as impatient:
        if mood.stall:
            impatient.setattr("events.mail.transport.ANSWER_WITHIN", IMPATIENT)
        deliver_due()
    an_hour_later(relay)

    if kind == "confirmation":
        assert states() == {"sent": 3}
        assert sorted(how_often(relay).values()) == [1, 1, 1 + arrived]
    else:
        assert states() == {"sent": 2, "uncertain": 1}
        assert sorted(how_often(relay).values()) == [1] * (2 + arrived)


def test_a_relay_that_never_answers_after_the_dot_gets_a_confirmation_twice_and_no_third_time(
    relay: SmtpSink,
) -> None:
    owe_mails("confirmation", 1)
    relay.moods[Phase.DOT] = Mood(drop=True)

    for _round in range(4):
        deliver_due()
        RelayState.objects.update(paused_until=None)
        Message.objects.filter(status="pending").update(next_attempt_at=timezone.now())

    assert states() == {"uncertain": 1}
    assert list(how_often(relay).values()) == [2]
    assert {mail.message["Message-ID"] for mail in relay.received} == {Message.objects.get().message_id}


def test_a_relay_that_hangs_up_on_everything_leaves_one_in_doubt_and_not_all(relay: SmtpSink) -> None:
    """Nobody knows whether it left: reminders stay so, and a whole evening of them must not."""
    owe_mails("reminder", 30)
    relay.moods[Phase.DOT] = Mood(drop=True)

    deliver_due()

    assert states() == {"uncertain": 1, "pending": 29}
    assert is_paused()
    an_hour_later(relay)
    assert states() == {"uncertain": 1, "sent": 29}


def test_what_left_before_the_relay_failed_does_not_end_its_pause(relay: SmtpSink) -> None:
    owe_mails("confirmation", 5)
    relay.refuse_recipient["v3@example.org"] = "421 4.3.2 Out of disk"

    deliver_due()

    assert states() == {"sent": 3, "pending": 2}
    assert is_paused()
    state = RelayState.objects.get()
    assert (state.failures, state.last_sent_at is None) == (1, False)


def test_a_relay_that_ends_a_line_after_so_many_mails_gets_the_next_on_a_fresh_one(relay: SmtpSink) -> None:
    owe_mails("reminder", 10)
    relay.most_on_a_line, before = 3, relay.connections

    deliver_due()

    assert states() == {"sent": 10}
    assert set(how_often(relay).values()) == {1}
    assert relay.connections - before == 4
    assert not is_paused()


def test_one_poison_message_among_a_hundred_holds_up_nobody(relay: SmtpSink) -> None:
    """Three poisons: an address that is refused, a mail that cannot be composed, one the relay chokes on."""
    owe_mails("confirmation", 100)
    refused, broken, choking = Message.objects.order_by("pk").values_list("pk", flat=True)[10:13]
    relay.refuse_recipient["v10@example.org"] = "550 5.1.1 No such user"
    Message.objects.filter(pk=broken).update(kind="published", priority=0)
    Message.objects.filter(pk=choking).update(recipient="é@example.org", priority=0)

    deliver_due()

    ended = dict(Message.objects.filter(pk__in=[refused, broken, choking]).values_list("pk", "status"))
    assert ended == dict.fromkeys([refused, broken, choking], "failed")
    assert states() == {"failed": 3, "sent": 97}
    assert set(how_often(relay).values()) == {1}


def test_a_line_that_breaks_at_one_message_lets_the_others_pass(relay: SmtpSink) -> None:
    """A relay that hangs up on one recipient is paused, and that one waits while the rest leaves first."""
    owe_mails("confirmation", 5)
    relay.refuse_recipient["v0@example.org"] = "421 4.3.2 I hang up"
    now = timezone.now()

    for minute in range(3):
        deliver_due(now=now + dt.timedelta(seconds=50 * minute + 1))

    waiting = Message.objects.get(recipient="v0@example.org")
    assert states() == {"pending": 1, "sent": 4}
    assert (waiting.attempts, waiting.handed_over) == (0, 0)


def test_six_hours_without_a_relay_lose_nothing_and_double_nothing(relay: SmtpSink) -> None:
    """In scaled time: the rounds of six hours, one a minute, one after the other."""
    owe_mails("confirmation", 20)
    begun = timezone.now()
    soon = Message.objects.order_by("pk").values_list("pk", flat=True)[:4]
    Message.objects.filter(pk__in=list(soon)).update(expires_at=begun + dt.timedelta(hours=3))
    relay.stop()

    for minute in range(6 * 60):
        now = begun + dt.timedelta(minutes=minute)
        deliver_due(now=now)
        if minute % 10 == 0:
            expire(now=now)
    tries = _failures()
    assert states() == {"pending": 16, "expired": 4}
    assert set(Message.objects.values_list("attempts", "handed_over")) == {(0, 0)}
    # Asked again and again, not hammered: every five minutes once it has been away for a while.
    assert 70 <= tries <= 85

    relay.start()
    now = begun + dt.timedelta(hours=6)
    for tick in range(33):
        deliver_due(now=now + dt.timedelta(seconds=10 * tick))
    assert states() == {"sent": 16, "expired": 4}
    assert set(how_often(relay).values()) == {1}
    assert _failures() == 0


def _failures() -> int:
    """How often in a row the relay could not be had."""
    return RelayState.objects.values_list("failures", flat=True).first() or 0
