"""Whose fault a failure is decides what follows. The relay is a real SMTP server."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from events import rows
from events.mail.deliver import BEGIN, LEASE, deliver_due, expire, release_leases
from events.mail.outbox import owe
from events.models import Message, Registration, RelayState
from tests import factories as f
from tests.factories import NOW
from tests.ground.smtp import SmtpSink
from tests.mail.conftest import kept, status_of

Kind = Message.Kind
MINUTE = dt.timedelta(minutes=1)


def owe_one(key: str, *, to: str = "", kind: str = Kind.CONFIRMATION, **facts: Any) -> str:
    """One confirmation owed to an address of its own."""
    recipient = to or f"{key}@example.org"
    if "registration" not in facts:
        facts["registration"] = f.RegistrationFactory(visitor__email=recipient)
    owe(kind=kind, dedupe_key=f"{key}:0", recipient=recipient, locale="fr", now=NOW, **facts)
    return f"{key}:0"


def owe_reminder(registration: Registration, *, day: str = "2027-06-10", rule: str = "D-1") -> str:
    key = f"remind:{registration.pk}:{rule}:0"
    owe(
        kind=Kind.REMINDER,
        dedupe_key=key,
        recipient=registration.visitor.email,
        locale="fr",
        now=NOW,
        registration=registration,
        visitor=registration.visitor,
        context={"rule": rule, "day": day},
    )
    return key


def row(key: str) -> Message:
    return Message.objects.get(dedupe_key=key)


def test_a_debt_is_paid_once(relay: SmtpSink, db: None) -> None:
    key = owe_one("camille")

    first, second = deliver_due(now=NOW), deliver_due(now=NOW)

    assert (first.sent, second.sent) == (1, 0)
    assert [mail.recipients for mail in relay.received] == [("camille@example.org",)]
    assert relay.received[0].message["Message-ID"] == row(key).message_id
    assert (row(key).status, row(key).sent_at, row(key).attempts) == ("sent", NOW, 1)
    assert row(key).last_answer == "250 Written down"


def test_the_same_debt_twice_is_one(db: None) -> None:
    registration = f.RegistrationFactory()
    for _again in range(2):
        owe_one("camille", registration=registration)

    assert Message.objects.count() == 1


def test_the_urgent_leave_first(relay: SmtpSink, db: None) -> None:
    registration = f.RegistrationFactory(visitor__email="rappel@example.org")
    owe_reminder(registration)
    owe_one("confirmation")

    deliver_due(now=NOW)

    assert [mail.recipients[0] for mail in relay.received] == [
        "confirmation@example.org",
        "rappel@example.org",
    ]


def test_an_address_refused_for_good_fails_and_the_rest_goes_on(relay: SmtpSink, db: None) -> None:
    relay.refuse_recipient["perdu@example.org"] = "550 5.1.1 No such user"
    lost, other = owe_one("perdu"), owe_one("autre")

    report = deliver_due(now=NOW)

    assert report.counts == {"failed": 1, "sent": 1}
    assert (row(lost).status, row(lost).last_answer) == ("failed", "550 5.1.1 No such user")
    assert status_of(other) == "sent"


def test_an_address_refused_for_now_waits_longer_each_time(relay: SmtpSink, db: None) -> None:
    relay.refuse_recipient["plein@example.org"] = "450 4.2.2 Mailbox full"
    key, now, waits = owe_one("plein"), NOW, []

    for _attempt in range(8):
        deliver_due(now=now)
        waits.append(int((row(key).next_attempt_at - now) / MINUTE))
        now = row(key).next_attempt_at
    relay.refuse_recipient.clear()
    deliver_due(now=now)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert status_of(key) == "sent"


def test_an_address_that_stays_refused_for_now_fails_after_four_days(relay: SmtpSink, db: None) -> None:
    relay.refuse_recipient["plein@example.org"] = "450 4.2.2 Mailbox full"
    key = owe_one("plein")

    deliver_due(now=NOW + dt.timedelta(days=4))

    assert status_of(key) == "failed"


def test_a_message_refused_for_now_expires_in_its_time(relay: SmtpSink, db: None) -> None:
    relay.refuse_recipient["plein@example.org"] = "450 4.2.2 Mailbox full"
    key = owe_one("plein", expires_at=NOW + MINUTE)
    deliver_due(now=NOW)

    expired = expire(now=NOW + MINUTE)

    assert expired == 1
    assert status_of(key) == "expired"


@pytest.mark.parametrize(
    ("answer", "end"), [("554 5.7.1 Spam", "failed"), ("451 4.3.0 Try later", "pending")]
)
def test_the_content_may_be_refused_too(answer: str, end: str, relay: SmtpSink, db: None) -> None:
    relay.answer_to_data = answer
    key = owe_one("camille")

    deliver_due(now=NOW)

    assert (row(key).status, row(key).last_answer, row(key).attempts) == (end, answer, 1)
    assert row(key).handed_over == (1 if end == "failed" else 0)


def test_a_sender_refused_pauses_the_relay_and_costs_no_attempt(relay: SmtpSink, db: None) -> None:
    relay.refuse_sender = "550 5.7.1 Sender rejected"
    keys = [owe_one(f"v{number}") for number in range(3)]

    report = deliver_due(now=NOW)

    assert report.paused == "The sender festival@127.0.0.1 is refused: 550 5.7.1 Sender rejected"
    assert [(row(key).status, row(key).attempts) for key in keys] == [("pending", 0)] * 3
    assert deliver_due(now=NOW + dt.timedelta(seconds=14)).paused == report.paused

    relay.refuse_sender = ""
    assert deliver_due(now=NOW + MINUTE).sent == 3
    state = RelayState.objects.get()
    assert (state.failures, state.paused_until) == (0, None)


def test_a_relay_that_is_away_is_left_alone_for_longer_each_time(relay: SmtpSink, db: None) -> None:
    relay.stop()
    key, now, pauses = owe_one("camille"), NOW, []

    for _attempt in range(6):
        deliver_due(now=now)
        until = RelayState.objects.get().paused_until
        assert until is not None
        pauses.append(int((until - now).total_seconds()))
        now = until
    relay.start()

    assert pauses == [15, 30, 60, 120, 240, 300]
    assert (row(key).status, row(key).attempts) == ("pending", 0)
    assert deliver_due(now=now).sent == 1


@pytest.mark.parametrize(
    ("answer", "is_ours"),
    [
        ("554 5.7.1 Relay access denied", True),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using list.example", True),
        ("450 4.7.1 Client host rejected: cannot find your reverse hostname", True),
        ("550 5.4.5 Daily user sending quota exceeded", True),
        ("454 4.7.0 Throttling failure: Daily message quota exceeded", True),
        ("552 5.2.2 Mailbox quota exceeded", False),
        ("550 5.7.1 Message rejected as spam", False),
    ],
)
def test_what_the_relay_has_against_us_is_no_fault_of_the_recipient(
    answer: str, is_ours: bool, relay: SmtpSink, db: None
) -> None:
    """Refused for good, fifteen thousand reminders would end as failed in a minute."""
    relay.refuse_recipient["camille@example.org"] = answer
    key = owe_one("camille")

    report = deliver_due(now=NOW)

    assert report.paused == (answer if is_ours else "")
    assert status_of(key) == ("pending" if is_ours else "failed")


def test_an_address_that_cannot_be_written_fails_alone(relay: SmtpSink, db: None) -> None:
    poison, other = owe_one("poison", to="é\u0301@example.org"), owe_one("autre")

    deliver_due(now=NOW)

    assert (status_of(poison), status_of(other)) == ("failed", "sent")


def test_a_mail_that_cannot_be_composed_fails_alone_with_the_reason(relay: SmtpSink, db: None) -> None:
    poison, other = owe_one("poison", kind=Kind.LINK, registration=None), owe_one("autre")

    deliver_due(now=NOW)

    assert (status_of(poison), status_of(other)) == ("failed", "sent")
    assert row(poison).last_answer == "cannot be composed: ValueError: A mail to a visitor without one."


def test_a_confirmation_whose_answer_was_lost_goes_once_more_with_the_same_name(
    relay: SmtpSink, db: None
) -> None:
    relay.drop_after_data = True
    key = owe_one("camille")

    first = deliver_due(now=NOW, limit=1)
    assert (first.counts, status_of(key)) == ({"once more": 1}, "pending")
    second = deliver_due(now=NOW + MINUTE, limit=1)

    assert (second.counts, status_of(key)) == ({"uncertain": 1}, "uncertain")
    assert deliver_due(now=NOW + dt.timedelta(days=1)).counts == {}
    assert {mail.message["Message-ID"] for mail in relay.received} == {row(key).message_id}
    assert len(relay.received) == 2


def test_a_reminder_whose_answer_was_lost_does_not_go_again(relay: SmtpSink, db: None) -> None:
    relay.drop_after_data = True
    key = owe_reminder(f.RegistrationFactory())

    deliver_due(now=NOW)
    relay.drop_after_data = False
    deliver_due(now=NOW + MINUTE)

    assert status_of(key) == "uncertain"
    assert len(relay.received) == 1


def test_a_mail_whose_beginning_was_written_down_unheard_is_not_in_doubt(
    relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between committing « begin » and saying so: who was to give knows it did not."""
    key, commits, asked = owe_reminder(f.RegistrationFactory()), rows.change_straight, list[str]()

    def unheard(sql: str, said: Any) -> int:
        changed = commits(sql, said)
        asked.append(sql)
        if asked == [BEGIN]:
            raise OperationalError("server closed the connection unexpectedly")
        return changed

    monkeypatch.setattr(rows, "change_straight", unheard)
    with pytest.raises(OperationalError):
        deliver_due(now=NOW)
    assert (row(key).data_started_at, row(key).handed_over) == (None, 0)

    release_leases(now=NOW + LEASE)
    deliver_due(now=NOW + LEASE + MINUTE)

    assert (row(key).status, len(relay.received)) == ("sent", 1)


def test_a_paused_relay_keeps_an_uncertain_one_for_its_second_try(relay: SmtpSink, db: None) -> None:
    relay.drop_after_data = True
    key = owe_one("camille")
    deliver_due(now=NOW, limit=1)
    relay.drop_after_data = False

    assert deliver_due(now=NOW + dt.timedelta(seconds=14)).counts == {}
    deliver_due(now=NOW + MINUTE)

    assert (status_of(key), len(relay.received)) == ("sent", 2)


def leased(key: str, **changes: Any) -> None:
    """As a worker leaves a row that it took and did not finish."""
    Message.objects.filter(dedupe_key=key).update(
        status="sending", lease_token=uuid.uuid4(), lease_until=NOW + LEASE, **changes
    )


@pytest.mark.parametrize(
    ("kind", "changes", "end"),
    [
        (Kind.CONFIRMATION, {}, "pending"),
        (Kind.CONFIRMATION, {"data_started_at": NOW, "handed_over": 1}, "pending"),
        (Kind.CONFIRMATION, {"data_started_at": NOW, "handed_over": 2}, "uncertain"),
        (Kind.CANCELLATION, {"data_started_at": NOW, "handed_over": 1}, "pending"),
        (Kind.REMINDER, {}, "pending"),
        (Kind.REMINDER, {"data_started_at": NOW, "handed_over": 1}, "uncertain"),
        (Kind.CONFIRMATION, {"attempts": 5}, "failed"),
    ],
)
def test_a_dead_workers_message_is_taken_back(
    kind: str, changes: dict[str, Any], end: str, visit: SimpleNamespace
) -> None:
    key = owe_one("x", kind=kind, registration=visit.registration)
    leased(key, **changes)

    assert release_leases(now=NOW + LEASE - MINUTE) == 0
    assert status_of(key) == "sending"
    assert release_leases(now=NOW + LEASE) == 1

    assert status_of(key) == end
    assert row(key).lease_token is None


def test_what_another_worker_holds_is_not_touched(relay: SmtpSink, db: None) -> None:
    key = owe_one("camille")
    leased(key)

    assert deliver_due(now=NOW).counts == {}
    assert relay.received == []


def test_the_reminders_of_one_day_leave_as_one(relay: SmtpSink, visit: SimpleNamespace) -> None:
    other = f.RegistrationFactory(visitor=visit.visitor, slot__start_time=dt.time(17))
    next_day = f.RegistrationFactory(visitor=visit.visitor, slot__day=dt.date(2027, 6, 11))
    first, second = owe_reminder(visit.registration), owe_reminder(other)
    third = owe_reminder(next_day, day="2027-06-11")

    deliver_due(now=NOW)

    assert sorted([status_of(first), status_of(second)]) == ["cancelled", "sent"]
    assert status_of(third) == "sent"
    assert len(relay.received) == 2


@pytest.mark.parametrize("answer", ["451 4.3.0 Try later", "421 4.3.2 Closing"])
def test_what_was_to_be_said_together_comes_back_together(
    answer: str, relay: SmtpSink, visit: SimpleNamespace
) -> None:
    other = f.RegistrationFactory(visitor=visit.visitor, slot__start_time=dt.time(17))
    keys = [owe_reminder(visit.registration), owe_reminder(other)]
    relay.answer_to_data = answer

    deliver_due(now=NOW, limit=1)

    assert [status_of(key) for key in keys] == ["pending", "pending"]
    relay.answer_to_data = ""
    deliver_due(now=NOW + dt.timedelta(hours=1))
    assert sorted(status_of(key) for key in keys) == ["cancelled", "sent"]
    assert len(relay.received) == 1


def test_an_account_mail_keeps_no_secret_once_it_has_left(relay: SmtpSink, db: None) -> None:
    key = owe_one(
        "camille",
        kind=Kind.ACCOUNT,
        registration=None,
        subject="Votre code",
        text_body="https://festival.example/compte/cle/secret",
        html_body="<a href='https://festival.example/compte/cle/secret'>ici</a>",
        context={"from_email": "Festival <festival@example.org>"},
    )

    deliver_due(now=NOW)

    assert "secret" in relay.received[0].message.get_body(("plain",)).get_content()
    assert (row(key).text_body, row(key).html_body, row(key).context) == ("", "", {})


def test_what_is_kept_on_the_site_is_kept_once_under_its_name(visit: SimpleNamespace) -> None:
    key = owe_one("camille", registration=visit.registration)
    deliver_due(now=NOW)
    Message.objects.update(status="pending", sent_at=None, handed_over=1)

    deliver_due(now=NOW)

    assert [mail["Message-ID"] for mail in kept()] == [row(key).message_id]


def test_a_dot_alone_on_a_line_ends_nothing(relay: SmtpSink, db: None) -> None:
    owe_one("camille", kind=Kind.ACCOUNT, registration=None, subject="x", text_body="un\n.\n..deux\nfin")

    deliver_due(now=NOW)

    assert relay.received[0].message.get_content().splitlines() == ["un", ".", "..deux", "fin"]
