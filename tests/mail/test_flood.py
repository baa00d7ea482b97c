"""Nobody can be buried in mail by somebody who knows their address."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from events.mail import limits
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.models import Message, RateCount
from events.registration.book import register_party
from tests import factories as f
from tests.factories import NOW
from tests.ground.smtp import SmtpSink

Kind = Message.Kind
VICTIM = "victime@example.org"
# At the beginning of an hour and of a day of the counts.
MIDNIGHT = dt.datetime(2027, 5, 3, 0, 0, tzinfo=dt.UTC)


def owe_confirmations(number: int, *, to: str = VICTIM, first: int = 0, **facts: Any) -> None:
    for at in range(first, first + number):
        registration = f.RegistrationFactory(visitor__email=f"{at}-{to}")
        owe(
            kind=facts.get("kind", Kind.CONFIRMATION),
            dedupe_key=f"flood:{to}:{at}",
            recipient=to,
            locale="fr",
            now=MIDNIGHT,
            registration=registration,
            context=facts.get("context"),
        )


def statuses() -> dict[str, int]:
    counted: dict[str, int] = {}
    for status in Message.objects.values_list("status", flat=True):
        counted[status] = counted.get(status, 0) + 1
    return counted


def test_what_is_above_the_hours_number_waits_for_the_next_hour(relay: SmtpSink, db: None) -> None:
    owe_confirmations(15)

    deliver_due(now=MIDNIGHT)

    assert len(relay.to(VICTIM)) == 12
    assert statuses() == {"sent": 12, "pending": 3}
    waiting = Message.objects.filter(status="pending").first()
    assert waiting is not None
    assert waiting.next_attempt_at == MIDNIGHT + dt.timedelta(hours=1)
    assert waiting.last_answer == "too many mails to this address within an hour"
    assert (waiting.attempts, waiting.handed_over, waiting.data_started_at) == (0, 0, None)

    deliver_due(now=MIDNIGHT + dt.timedelta(hours=1))

    assert statuses() == {"sent": 15}


def test_what_is_above_the_days_number_is_given_up(relay: SmtpSink, db: None) -> None:
    owe_confirmations(60)

    for hour in range(5):
        deliver_due(now=MIDNIGHT + dt.timedelta(hours=hour))

    assert len(relay.to(VICTIM)) == 40
    assert statuses() == {"sent": 40, "suppressed": 20}
    given_up = Message.objects.filter(status="suppressed").first()
    assert given_up is not None
    assert given_up.last_answer == "too many mails to this address within a day"


def test_tags_are_one_mailbox(relay: SmtpSink, db: None) -> None:
    for tag in range(15):
        owe_confirmations(1, to=f"vic.time+{tag}@gmail.com", first=tag)

    deliver_due(now=MIDNIGHT)

    assert len(relay.received) == 12


def test_a_flood_of_bookings_keeps_nobody_out_of_their_account(relay: SmtpSink, db: None) -> None:
    owe_confirmations(15)
    owe(
        kind=Kind.ACCOUNT,
        dedupe_key="account:1",
        recipient=VICTIM,
        locale="fr",
        now=MIDNIGHT,
        subject="Votre code",
        text_body="123 456",
    )

    deliver_due(now=MIDNIGHT)

    assert Message.objects.get(dedupe_key="account:1").status == "sent"


def test_others_get_their_mail_meanwhile(relay: SmtpSink, db: None) -> None:
    owe_confirmations(15)
    owe_confirmations(1, to="sacha@example.org")

    deliver_due(now=MIDNIGHT)

    assert len(relay.to("sacha@example.org")) == 1


def test_what_the_owner_books_behind_their_own_link_is_not_counted(relay: SmtpSink, db: None) -> None:
    owe_confirmations(15, context={limits.BY_OWNER: True})

    deliver_due(now=MIDNIGHT)

    assert statuses() == {"sent": 15}


@pytest.mark.parametrize(("is_theirs", "marked"), [(True, {limits.BY_OWNER: True}), (False, {})])
def test_a_booking_says_whether_it_came_from_behind_the_link(
    is_theirs: bool, marked: dict[str, bool], db: None
) -> None:
    slot = f.SlotFactory()

    register_party(
        slot_id=slot.pk,
        email=VICTIM,
        party_size=1,
        submission_id=uuid.uuid4(),
        now=NOW,
        is_theirs=is_theirs,
    )

    assert Message.objects.get().context == marked


def test_a_mail_that_does_not_leave_is_not_counted(relay: SmtpSink, db: None) -> None:
    relay.refuse_recipient[VICTIM] = "451 Come again"
    owe_confirmations(1)

    deliver_due(now=MIDNIGHT)

    assert not RateCount.objects.exists()


def test_without_the_count_the_flood_arrives(
    relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ALL", ())
    owe_confirmations(15)

    deliver_due(now=MIDNIGHT)

    assert len(relay.to(VICTIM)) == 15
