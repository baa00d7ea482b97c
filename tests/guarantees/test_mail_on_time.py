"""What changes between owing and sending, and what beat misses: a mail says what is true when it leaves, and
none speaks of what is over."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from events.jobs import sweep
from events.mail.deliver import claim, deliver_due
from events.models import Message, Registration, ReminderRule, Slot
from events.registration.address import take_new_address, write_token
from events.registration.book import register_party
from events.registration.cancel import cancel_registration
from events.registration.move import move_registration
from events.registration.withdraw import withdraw_slot
from events.reminders import default_reminder_rules, owe_reminders
from events.scheduling.place import move_slot
from tests import factories as f
from tests.ground.smtp import SmtpSink

BOOKED = f.NOW
MINUTE = dt.timedelta(minutes=1)
PARIS = ZoneInfo("Europe/Paris")
DUE = dt.datetime(2027, 6, 9, 9, 0, tzinfo=PARIS)
"""Nine in the morning before the visit of 10 June, 14 h."""
START = dt.datetime(2027, 6, 10, 14, 0, tzinfo=PARIS)


def book(slot: Slot, email: str = "camille@example.org") -> Registration:
    return register_party(
        slot_id=slot.pk, email=email, party_size=2, submission_id=uuid.uuid4(), now=BOOKED
    ).registration


@pytest.fixture
def visit(relay: SmtpSink) -> Registration:
    """Camille's, of 10 June at 14 h in Toulouse; the confirmation has come."""
    slot = f.SlotFactory(start_time=dt.time(14))
    default_reminder_rules(slot.activity.festival)
    ReminderRule.objects.exclude(name="D-1").update(is_active=False)
    registration = book(slot)
    sweep(BOOKED)
    assert arrived(relay) == [("confirmation", "camille@example.org")]
    relay.received.clear()
    return registration


def arrived(relay: SmtpSink) -> list[tuple[str, str]]:
    """Of which kind, and where: in order of their kinds."""
    kinds = dict(Message.objects.values_list("message_id", "kind"))
    return sorted((kinds[mail.message["Message-ID"]], mail.recipients[0]) for mail in relay.received)


def given_back(visit: Registration) -> None:
    cancel_registration(registration_id=visit.pk, now=DUE + MINUTE)


def moved_by_the_visitor(visit: Registration) -> None:
    other = f.SlotFactory(activity=visit.slot.activity, start_time=dt.time(17))
    move_registration(registration_id=visit.pk, to_slot_id=other.pk, now=DUE + MINUTE)


def moved_by_the_organiser(visit: Registration) -> None:
    move_slot(
        slot_id=visit.slot_id,
        day=visit.slot.day,
        start_time=dt.time(17),
        duration=45,
        by=f.UserFactory(is_superuser=True),
        now=DUE + MINUTE,
    )


def called_off(visit: Registration) -> None:
    withdraw_slot(
        slot_id=visit.slot_id,
        reason="La cantine est fermée.",
        by=f.UserFactory(is_superuser=True),
        now=DUE + MINUTE,
        by_host=False,
    )


def re_addressed(visit: Registration) -> None:
    token = write_token(visitor=visit.visitor, email="nouvelle@example.org")
    take_new_address(token=token, now=DUE + MINUTE)


@pytest.mark.parametrize("held", [False, True], ids=["waiting", "held by a worker that died"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (given_back, [("cancellation", "camille@example.org")]),
        # Who has just moved knows; the next rule reminds.
        (moved_by_the_visitor, [("moved", "camille@example.org")]),
        (
            moved_by_the_organiser,
            [("reminder", "camille@example.org"), ("slot_moved", "camille@example.org")],
        ),
        (called_off, [("slot_cancelled", "camille@example.org")]),
        (
            re_addressed,
            [
                ("address_changed", "camille@example.org"),
                ("link", "nouvelle@example.org"),
                ("reminder", "nouvelle@example.org"),
            ],
        ),
    ],
)
def test_what_changed_between_owing_and_sending_decides(
    change: Callable[[Registration], None],
    expected: list[tuple[str, str]],
    held: bool,
    visit: Registration,
    relay: SmtpSink,
) -> None:
    assert owe_reminders(DUE) == 1
    if held:
        assert len(claim(token=uuid.uuid4(), now=DUE, size=10)) == 1
    change(visit)

    for minutes in (3, 4):
        sweep(DUE + minutes * MINUTE)

    assert arrived(relay) == expected
    for mail in relay.received:
        text = mail.message.get_body(("plain",))
        assert text is not None
        if mail.recipients[0] == "camille@example.org" and change in (
            moved_by_the_visitor,
            moved_by_the_organiser,
        ):
            assert "17\N{NO-BREAK SPACE}h" in text.get_content()
    assert not Message.objects.filter(status__in=["pending", "sending"]).exists()


def test_a_beat_that_was_down_over_the_due_time_catches_up_once(visit: Registration, relay: SmtpSink) -> None:
    sweep(DUE - MINUTE)
    assert arrived(relay) == []

    sweep(DUE + dt.timedelta(hours=3))
    for minute in range(5):
        sweep(DUE + dt.timedelta(hours=3) + minute * MINUTE)

    assert arrived(relay) == [("reminder", "camille@example.org")]


@pytest.mark.parametrize("zone", ["Europe/Paris", "Indian/Reunion", "America/Miquelon", "Pacific/Tahiti"])
@pytest.mark.parametrize("late", [dt.timedelta(), dt.timedelta(minutes=1), dt.timedelta(days=2)])
def test_a_beat_that_was_down_past_the_event_reminds_nobody(
    zone: str, late: dt.timedelta, relay: SmtpSink
) -> None:
    slot = f.SlotFactory(start_time=dt.time(14), timezone=zone)
    default_reminder_rules(slot.activity.festival)
    book(slot)
    sweep(BOOKED)
    relay.received.clear()

    sweep(slot.starts_at + late)

    assert [kind for kind, _address in arrived(relay) if kind == "reminder"] == []


def test_what_was_owed_in_time_and_could_not_leave_before_the_visit_expires(
    visit: Registration, relay: SmtpSink
) -> None:
    relay.stop()
    for hours in range(0, 48, 4):
        sweep(DUE + dt.timedelta(hours=hours))
    relay.start()
    sweep(START + dt.timedelta(days=1))

    assert [kind for kind, _address in arrived(relay) if kind == "reminder"] == []
    assert set(Message.objects.filter(kind="reminder").values_list("status", flat=True)) == {"expired"}


@pytest.mark.parametrize("looks", [True, False], ids=["as it is", "without the last look"])
def test_the_last_look_is_taken_after_the_claim(
    looks: bool, relay: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Booked and given back before anything left: the confirmation stays unsent, unless nobody looks."""
    visit = book(f.SlotFactory(start_time=dt.time(14)))
    cancel_registration(registration_id=visit.pk, now=BOOKED + MINUTE)
    if not looks:
        monkeypatch.setattr("events.mail.deliver.why_not", lambda message, now: None)

    deliver_due(now=BOOKED + MINUTE)

    cancellation, confirmation = (
        ("cancellation", "camille@example.org"),
        ("confirmation", "camille@example.org"),
    )
    assert arrived(relay) == ([cancellation] if looks else [cancellation, confirmation])
