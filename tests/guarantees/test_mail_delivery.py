"""Never a mail lost, never a mail twice: real processes, a real relay, both engines, and what happens
without the guard."""

from __future__ import annotations

import os
import signal

import pytest

from events.models import Message, RelayState
from tests.ground.site import Site
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import (
    DELIVER,
    HINT,
    end_the_leases,
    how_often,
    owe_mails,
    ready_worker,
    states,
    wait_for,
)

pytestmark = pytest.mark.guarantee

DELIVER_WITHOUT_A_CLAIM = """
import uuid
from events.mail import deliver
from events.models import Message

def claim(*, token, now, size, only=None, **_more):
    # What the claim must not be: read first, then write whatever was read.
    keys = list(Message.objects.filter(status__in=["pending", "sending"]).values_list("pk", flat=True)[:size])
    return keys

deliver.claim = claim
deliver.read = lambda keys, token, shelf: list(Message.objects.filter(pk__in=keys))
deliver._Delivery._about_to_give = lambda self: None

def update(message, token, *, status, answer, **more):
    Message.objects.filter(pk=message.pk).update(status=status, last_answer=answer, **more)

deliver._update = update
deliver._Delivery._sent = lambda self, answer: self._end("sent", answer, sent_at=self.clock())
print(deliver.deliver_due(limit=10).counts)
"""


def test_several_workers_at_once_send_each_mail_once(site_with_relay: Site, smtp_sink: SmtpSink) -> None:
    owe_mails("confirmation", 60)

    workers = [site_with_relay.start_python(DELIVER) for _worker in range(4)]
    for worker in workers:
        output, _none = worker.communicate(timeout=300)
        assert worker.returncode == 0, output

    assert states() == {"sent": 60}
    assert len(smtp_sink.received) == 60
    assert set(how_often(smtp_sink).values()) == {1}


def test_without_the_claim_the_same_race_sends_doubles(site_with_relay: Site, smtp_sink: SmtpSink) -> None:
    """The negative control of the test above."""
    owe_mails("confirmation", 10)
    smtp_sink.holds_after = 0

    workers = [site_with_relay.start_python(DELIVER_WITHOUT_A_CLAIM) for _worker in range(4)]
    wait_for(lambda: len(smtp_sink.received) >= 2)  # both have read before anything is recorded
    smtp_sink.holds_after = None
    for worker in workers:
        output, _none = worker.communicate(timeout=300)
        assert worker.returncode == 0, output

    assert max(how_often(smtp_sink).values()) > 1


@pytest.mark.parametrize(
    ("kind", "times", "end"), [("confirmation", 2, "sent"), ("reminder", 1, "uncertain")]
)
def test_a_worker_killed_while_sending_loses_nothing(
    kind: str, times: int, end: str, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    """Killed between DATA and the record: a confirmation goes once more under its name, a reminder does
    not."""
    owe_mails(kind, 5)
    smtp_sink.holds_after = 0
    worker = site_with_relay.start_python(DELIVER)
    wait_for(lambda: smtp_sink.received)

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    smtp_sink.holds_after = None
    assert states() == {"sending": 5}
    assert site_with_relay.python(DELIVER).stdout.strip().endswith("{}")
    assert end_the_leases() == 5
    site_with_relay.python(DELIVER)

    expected = {"sent": 5} if end == "sent" else {"sent": 4, "uncertain": 1}
    assert states() == expected
    assert sorted(how_often(smtp_sink).values()) == [1, 1, 1, 1, times]


def test_a_celery_worker_killed_while_sending_is_followed_by_the_next(
    site_with_relay: Site, smtp_sink: SmtpSink, valkey: ValkeyServer
) -> None:
    site = site_with_relay
    site.environment["REDIS_URL"] = valkey.url
    smtp_sink.holds_after = 0
    first = ready_worker(site)
    owe_mails("confirmation", 3)
    site.python(HINT)
    wait_for(lambda: smtp_sink.received)

    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    smtp_sink.holds_after = None
    ready_worker(site)
    end_the_leases()
    site.python(HINT)
    wait_for(lambda: states() == {"sent": 3})

    assert sorted(how_often(smtp_sink).values()) == [1, 1, 2]


def test_a_poison_message_holds_up_nobody(site_with_relay: Site, smtp_sink: SmtpSink) -> None:
    owe_mails("confirmation", 3)
    first = Message.objects.order_by("pk").first()
    assert first is not None
    Message.objects.filter(pk=first.pk).update(kind="published", priority=0)

    site_with_relay.python(DELIVER)

    assert states() == {"failed": 1, "sent": 2}


def test_the_life_boat_sends_what_comes_and_ends_when_told(
    site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    boat = site_with_relay.start("manage.py", "drain_outbox", "--loop")
    owe_mails("confirmation", 3)
    wait_for(lambda: len(smtp_sink.received) == 3)

    boat.send_signal(signal.SIGTERM)
    output, _none = boat.communicate(timeout=300)

    assert boat.returncode == 0, output
    assert states() == {"sent": 3}


def test_a_relay_that_was_away_gets_everything_when_it_is_back(
    site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    smtp_sink.stop()
    owe_mails("confirmation", 5)
    done = site_with_relay.manage("drain_outbox", "--once")
    assert "the relay is paused: Cannot connect" in done.stdout
    assert states() == {"pending": 5}

    smtp_sink.start()
    RelayState.objects.update(paused_until=None)
    site_with_relay.manage("drain_outbox", "--once")

    assert states() == {"sent": 5}
    assert set(how_often(smtp_sink).values()) == {1}
