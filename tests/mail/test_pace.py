"""How fast mails leave: what the relay takes, the urgent before the many, a batch read at once."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.mail import batch, deliver, tasks
from events.mail.deliver import deliver_due
from events.mail.outbox import PRIORITY, owe
from events.mail.relay import BULK
from events.models import Host, Message, Registration, RelayState, Slot
from tests import factories as f
from tests.factories import NOW
from tests.ground.smtp import SmtpSink
from tests.mail.conftest import status_of

Kind = Message.Kind
SECOND = dt.timedelta(seconds=1)


def owe_some(kind: str, number: int, *, slot: Any = None) -> list[str]:
    slot = slot or f.SlotFactory()
    for _one in range(number):
        registration = f.RegistrationFactory(slot=slot)
        owe(
            kind=kind,
            dedupe_key=f"{kind}:{registration.pk}:0",
            recipient=registration.visitor.email,
            locale="fr",
            now=NOW,
            registration=registration,
            visitor=registration.visitor,
            context={"day": slot.day.isoformat(), "tells": [[registration.pk, slot.pk, slot.revision]]},
        )
    return list(Message.objects.filter(kind=kind).order_by("pk").values_list("dedupe_key", flat=True))


def sent(kind: str) -> int:
    return Message.objects.filter(kind=kind, status="sent").count()


def test_no_more_leaves_in_a_minute_than_the_relay_takes(relay: SmtpSink, settings: Any, db: None) -> None:
    settings.MAIL_PER_MINUTE = 5
    owe_some(Kind.CONFIRMATION, 12)

    in_each = [deliver_due(now=NOW + dt.timedelta(minutes=minute, seconds=59)).sent for minute in range(4)]

    assert in_each == [5, 5, 2, 0]
    assert len(relay.received) == 12


def test_several_runs_in_one_minute_share_it(relay: SmtpSink, settings: Any, db: None) -> None:
    settings.MAIL_PER_MINUTE = 5
    owe_some(Kind.CONFIRMATION, 12)

    assert [deliver_due(now=NOW + 10 * SECOND * turn).sent for turn in range(6)] == [5, 0, 0, 0, 0, 0]


def test_what_goes_to_many_is_spread_over_the_minute(relay: SmtpSink, settings: Any, db: None) -> None:
    """Sixty a minute: of reminders forty-eight, and they do not leave in its first second."""
    settings.MAIL_PER_MINUTE = 60
    owe_some(Kind.REMINDER, 60)

    for second in (0, 14, 29, 59):
        deliver_due(now=NOW + second * SECOND)
        assert sent(Kind.REMINDER) == {0: 1, 14: 12, 29: 24, 59: 48}[second]


def test_what_somebody_waits_for_finds_room_beside_the_many(relay: SmtpSink, settings: Any, db: None) -> None:
    settings.MAIL_PER_MINUTE = 10
    owe_some(Kind.REMINDER, 20)
    at = NOW + 50 * SECOND
    assert deliver_due(now=at).sent == 7

    owe_some(Kind.CONFIRMATION, 5)

    assert deliver_due(now=at).sent == 3
    assert sent(Kind.CONFIRMATION) == 3


def test_what_was_claimed_and_not_given_counts_for_nobody(relay: SmtpSink, settings: Any, db: None) -> None:
    settings.MAIL_PER_MINUTE = 30
    relay.stop()
    owe_some(Kind.CONFIRMATION, 10)

    assert deliver_due(now=NOW).paused

    state = RelayState.objects.get()
    assert (state.minute, state.in_minute) == (NOW, 0)


def test_every_kind_that_goes_to_many_waits_behind_what_one_person_asked_for() -> None:
    many = {kind for kind, priority in PRIORITY.items() if priority >= BULK}

    assert many == {
        *(Kind.REMINDER, Kind.THANKS, Kind.SURVEY, Kind.BROADCAST),
        *(Kind.HOST_DIGEST, Kind.ORGANISER_DIGEST, Kind.NAG_DRAFT, Kind.NAG_SLOTS),
        *(Kind.FOLLOW_OPEN, Kind.FOLLOW_FREE),
    }
    assert max(PRIORITY, key=lambda kind: PRIORITY[kind]) == Kind.BROADCAST


@pytest.mark.parametrize(
    ("kind", "each"),
    [
        (Kind.REMINDER, 2),
        # Its mailbox is counted in the transaction which says that it leaves, here with a savepoint.
        (Kind.CONFIRMATION, 5),
    ],
)
def test_one_mail_and_ten_ask_the_same_but_for_what_says_that_each_leaves(
    kind: str, each: int, relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who has time for more than a first batch asks once how many are due.
    monkeypatch.setattr(deliver, "LARGEST_BATCH", deliver.FIRST_BATCH)
    slot = f.SlotFactory()

    def statements(number: int) -> int:
        owe_some(kind, number, slot=slot)
        with CaptureQueriesContext(connection) as asked:
            assert deliver_due(now=NOW).sent == number
        return len(asked)

    statements(1)
    one, ten = statements(1), statements(10)

    assert ten - one == each * 9


def test_a_batch_that_is_no_longer_fresh_is_claimed_anew(
    relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The visit given back while the first mail was on its way is known before the second leaves."""
    monkeypatch.setattr(deliver, "FRESH_FOR", 0.0)
    first, second = owe_some(Kind.CONFIRMATION, 2)
    send = deliver._Delivery.run

    def run(self: Any) -> str:
        done = send(self)
        Registration.objects.filter(messages__dedupe_key=second).update(status="cancelled", cancelled_at=NOW)
        return done

    monkeypatch.setattr(deliver._Delivery, "run", run)
    monkeypatch.setattr(deliver, "time", SimpleNamespace(monotonic=_clock()))
    deliver_due(now=NOW, seconds=1000)

    assert (status_of(first), status_of(second)) == ("sent", "cancelled")
    assert len(relay.received) == 1


def test_a_slot_called_off_between_two_batches_of_a_run_is_known(
    relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is said around a visit is kept from one batch to the next."""
    monkeypatch.setattr(deliver, "FIRST_BATCH", 1)
    slot = f.SlotFactory()
    first, second = owe_some(Kind.CONFIRMATION, 2, slot=slot)
    send = deliver._Delivery.run

    def run(self: Any) -> str:
        done = send(self)
        Slot.objects.filter(pk=slot.pk).update(state="cancelled", cancelled_at=NOW)
        return done

    monkeypatch.setattr(deliver._Delivery, "run", run)
    deliver_due(now=NOW)

    assert (status_of(first), status_of(second)) == ("sent", "cancelled")


def test_what_is_kept_between_batches_is_asked_once_in_a_while_and_shared(db: None) -> None:
    shelf, keys = batch.Shelf(), []
    for kind in (Kind.CONFIRMATION, Kind.REMINDER):
        owe_some(kind, 1, slot=f.SlotFactory(activity__host__name="Avant"))
        token = uuid.uuid4()
        keys.append((token, deliver.claim(token=token, now=NOW, size=10)))

    def hosts(at: float) -> list[str]:
        shelf.tidy(at)
        rows = [batch.read(claimed, token, shelf)[0].registration for token, claimed in keys]
        return [row.slot.activity.host.name for row in rows if row is not None]

    assert hosts(0.0) == ["Avant", "Avant"]
    Host.objects.update(name="Après")
    assert hosts(batch.FRESH_FOR / 2) == ["Avant", "Avant"]
    assert hosts(batch.FRESH_FOR / 2 + 0.1) == ["Après", "Après"]
    assert shelf.since == batch.FRESH_FOR / 2 + 0.1


@pytest.mark.parametrize(
    ("due", "asked", "taken"), [(0, 250, 2), (9, 250, 2), (16, 250, 4), (16, 3, 3), (16, 1, 1)]
)
def test_one_claims_a_quarter_of_what_is_due_at_most(
    due: int, asked: int, taken: int, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the last of many are shared out too."""
    monkeypatch.setattr(deliver, "FIRST_BATCH", 2)
    owe_some(Kind.CONFIRMATION, due)

    assert deliver._share(asked, NOW) == taken


def _clock() -> Any:
    """A second passes at every look."""
    seconds = iter(range(10_000))
    return lambda: float(next(seconds))


def test_what_is_given_back_untouched_costs_no_attempt(
    relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = owe_some(Kind.CONFIRMATION, 3)
    monkeypatch.setattr(deliver, "FRESH_FOR", 1.5)
    monkeypatch.setattr(deliver, "time", SimpleNamespace(monotonic=_clock()))

    report = deliver_due(now=NOW, seconds=3)

    assert report.is_cut_short
    assert 0 < report.sent < 3
    assert {
        (row.status, row.attempts, row.lease_token) for row in Message.objects.filter(status="pending")
    } == {("pending", 0, None)}
    monkeypatch.undo()
    assert deliver_due(now=NOW).sent == len(keys) - report.sent


def test_a_spell_that_ended_before_all_was_sent_asks_for_the_next(
    relay: SmtpSink, db: None, monkeypatch: pytest.MonkeyPatch, time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=True)
    asked: list[str] = []
    monkeypatch.setattr(tasks, "hint", asked.append)
    monkeypatch.setattr(tasks, "SPELL", 0.0)
    owe_some(Kind.CONFIRMATION, 1)

    tasks.deliver_due()
    assert asked == ["events.deliver_due"]

    monkeypatch.setattr(tasks, "SPELL", 4.0)
    tasks.deliver_due()
    assert asked == ["events.deliver_due"]
    assert sent(Kind.CONFIRMATION) == 1


def test_outside_a_batch_a_question_is_asked_for_the_one_mail(db: None, visit: SimpleNamespace) -> None:
    assert batch.asked_together(lambda messages: len(messages)) is None
    with batch.at_hand([Message(), Message()]):
        assert batch.asked_together(len) == 2
    assert batch.asked_together(len) is None
