"""What a relay and a provider say of an address, and what follows."""

from __future__ import annotations

import datetime as dt

import pytest

from events.links import hash_of_address
from events.mail.bounces import (
    APART,
    Returned,
    note_returned,
    says_nobody_is_there,
    without_addresses,
)
from events.mail.deliver import deliver_due
from events.mail.outbox import owe
from events.mail.suppressions import UNASKED, takes_no_mail, why_suppressed
from events.models import DeliveryEvent, Message, Suppression
from tests import factories as f
from tests.factories import NOW
from tests.ground.smtp import SmtpSink

Kind, Told = Message.Kind, DeliveryEvent.Kind
pytestmark = pytest.mark.django_db
NOBODY = "550 5.1.1 <sacha@example.org>: Recipient address rejected: User unknown"
SACHA = "sacha@example.org"


def owe_to_sacha(key: str, now: dt.datetime = NOW) -> Message:
    registration = f.RegistrationFactory(visitor__email=f"{key}@example.org", slot__day=dt.date(2027, 6, 10))
    owe(
        kind=Kind.CONFIRMATION,
        dedupe_key=key,
        recipient=SACHA,
        locale="fr",
        now=now,
        registration=registration,
    )
    return Message.objects.get(dedupe_key=key)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (NOBODY, True),
        ("550-5.1.1 The email account that you tried to reach does not exist.", True),
        ("550 No such user", True),
        ("550 Requested action not taken: mailbox unavailable", True),
        ("551 User not local; recipient unknown", True),
        ("550 5.2.1 The mailbox is disabled", True),
        ("550 5.7.1 Message rejected as spam; user unknown to us as friend", False),
        ("550 5.7.26 Unauthenticated mail, set up SPF or DKIM", False),
        ("552 5.2.2 Mailbox full", False),
        ("554 Message refused", False),
        ("550 Administrative prohibition", False),
        ("450 4.1.1 unknown user", False),
        ("The address cannot be written: no @", False),
    ],
)
def test_a_policy_is_told_from_an_address_that_does_not_exist(answer: str, expected: bool) -> None:
    assert says_nobody_is_there(answer) is expected


def test_a_relay_is_believed_the_second_time_an_hour_later(relay: SmtpSink) -> None:
    relay.refuse_recipient[SACHA] = NOBODY
    owe_to_sacha("one")
    deliver_due(now=NOW)
    owe_to_sacha("two")
    deliver_due(now=NOW + dt.timedelta(minutes=10))
    assert not Suppression.objects.exists()

    owe_to_sacha("three")
    deliver_due(now=NOW + APART)

    assert takes_no_mail(hash_of_address(SACHA), now=NOW + APART)
    owe_to_sacha("four")
    deliver_due(now=NOW + APART)
    four = Message.objects.get(dedupe_key="four")
    assert (four.status, four.last_answer) == ("suppressed", "the address takes no mail")
    assert "sacha" not in str(list(Suppression.objects.values()) + list(DeliveryEvent.objects.values()))


def test_a_mail_taken_in_between_makes_the_address_good_again(relay: SmtpSink) -> None:
    relay.refuse_recipient[SACHA] = NOBODY
    owe_to_sacha("one")
    deliver_due(now=NOW)
    relay.refuse_recipient.clear()
    owe_to_sacha("two")
    deliver_due(now=NOW + dt.timedelta(minutes=30))
    relay.refuse_recipient[SACHA] = NOBODY
    owe_to_sacha("three")

    deliver_due(now=NOW + dt.timedelta(hours=2))

    assert not Suppression.objects.exists()


def test_a_refusal_of_the_content_says_nothing_of_the_address(relay: SmtpSink) -> None:
    relay.answer_to_data = "554 5.7.1 Looks like spam"
    for hour in range(3):
        owe_to_sacha(f"at-{hour}")
        deliver_due(now=NOW + dt.timedelta(hours=hour))

    assert not DeliveryEvent.objects.exists()


def returned(kind: str, *, name: str = "event-1", to: str = SACHA, **facts: object) -> Returned:
    return Returned(
        provider="brevo",
        event_id=name,
        kind=Told(kind),
        recipient=to,
        message_id=str(facts.get("message_id", "")),
        detail=str(facts.get("detail", "550 5.1.1 <sacha@example.org> unknown")),
        at=NOW,
        is_hard=bool(facts.get("is_hard", False)),
    )


def test_a_hard_bounce_is_believed_at_once_and_shown_at_its_mail() -> None:
    message = owe_to_sacha("one")
    deliver_due(now=NOW)
    bounce = returned(
        "bounced", to="forwarded@elsewhere.example", message_id=message.message_id, is_hard=True
    )

    assert note_returned(bounce, now=NOW)

    message.refresh_from_db()
    assert (message.status, message.last_answer) == ("failed", "bounced: 550 5.1.1 <[…]> unknown")
    assert takes_no_mail(hash_of_address(SACHA), now=NOW)
    assert not takes_no_mail(hash_of_address("forwarded@elsewhere.example"), now=NOW)
    assert message.events.get().email_hash == Suppression.objects.get().email_hash


def test_an_event_told_five_times_counts_once() -> None:
    told = [note_returned(returned("complained"), now=NOW) for _again in range(5)]

    assert told == [True, False, False, False, False]
    assert DeliveryEvent.objects.count() == 1
    assert Suppression.objects.count() == len(UNASKED)


def test_a_soft_bounce_is_noted_and_stops_nothing() -> None:
    note_returned(returned("deferred"), now=NOW)
    note_returned(returned("bounced", name="event-2"), now=NOW)

    assert DeliveryEvent.objects.count() == 2
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("kind", "goes"),
    [
        (Kind.CONFIRMATION, True),
        (Kind.LINK, True),
        (Kind.ACCOUNT, True),
        (Kind.SLOT_CANCELLED, True),
        (Kind.REMINDER, False),
        (Kind.BROADCAST, False),
        (Kind.HOST_DIGEST, False),
    ],
)
def test_who_complains_gets_only_what_they_ask_for(kind: str, goes: bool) -> None:
    note_returned(returned("complained"), now=NOW)

    why = why_suppressed(Message(pk=1, kind=kind, recipient=SACHA), now=NOW)

    assert why == ("" if goes else "the address called our mail unwanted")


def test_no_address_stays_in_a_servers_words() -> None:
    said = "550 5.1.1 <jean.dupont+x@exemple.fr>: user\r\n jean.dupont@exemple.fr unknown"

    assert without_addresses(said) == "550 5.1.1 <[…]>: user […] unknown"
