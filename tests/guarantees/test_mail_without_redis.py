"""Redis away or hung is an inconvenience: the hint costs a second once, and the mail leaves all the same."""

from __future__ import annotations

import time
from statistics import median

import pytest

from events.mail.heartbeat import last
from events.models import Slot
from tests import factories as f
from tests.ground.site import Site, read_json
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import ready_worker, states, wait_for

pytestmark = pytest.mark.guarantee

OWE = """
from tests.guarantees.mailroom import owe_mails
owe_mails("confirmation", 3)
"""
BOOKINGS = """
import json, sys, time, uuid
from django.utils import timezone
from events.mail import tasks
from events.registration.book import register_party

def book(index):
    begun = time.monotonic()
    register_party(
        slot_id=int(sys.argv[1]), email=f"{sys.argv[2]}{index}@example.org", party_size=1,
        submission_id=uuid.uuid4(), now=timezone.now(),
    )
    tasks._breaker.last_hint = float("-inf")  # the next one hints as well
    return time.monotonic() - begun

tasks._breaker.last_hint = float("inf")
book("first")  # without a hint: its statements are prepared
print(json.dumps([book(index) for index in range(6)]))
"""
HINTS = """
import json, time
from events.mail import tasks
times = []
for _hint in range(5):
    tasks._breaker.last_hint = float("-inf")
    begun = time.monotonic()
    tasks.nudge()
    times.append(time.monotonic() - begun)
print(json.dumps(times))
"""


@pytest.fixture
def engine() -> str:
    """The hint knows no database: one engine is enough where a test does not ask for both."""
    return "sqlite"


def hints(site: Site) -> list[float]:
    """Seconds that five hints in a row cost one process."""
    answer: list[float] = read_json(site.python(HINTS, env={"FESTIVAL_PROCESS": "web"}).stdout)
    return answer


def test_a_hung_redis_costs_a_second_once(site: Site, valkey: ValkeyServer) -> None:
    site.environment["REDIS_URL"] = valkey.url
    valkey.freeze()

    first, *rest = hints(site)

    assert first < 1.6
    assert max(rest) < 0.05


def test_a_stopped_redis_costs_next_to_nothing(site: Site, valkey: ValkeyServer) -> None:
    site.environment["REDIS_URL"] = valkey.url
    valkey.stop()

    first, *rest = hints(site)

    assert first < 1.0
    assert max(rest) < 0.05


def test_where_no_broker_is_set_no_hint_is_tried(site: Site) -> None:
    assert max(hints(site)) < 0.05


def test_a_hint_starts_the_delivery_at_once(
    database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    """No beat runs here: only the hint can have done it."""
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    ready_worker(database)
    database.python(OWE)

    wait_for(lambda: len(smtp_sink.received) == 3)
    wait_for(lambda: states() == {"sent": 3})


@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_mail_owed_without_redis_leaves_by_the_life_boat(
    how: str, database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    if how == "stopped":
        valkey.stop()
    else:
        valkey.freeze()

    database.python(OWE)
    assert states() == {"pending": 3}
    database.manage("drain_outbox", "--once")

    assert states() == {"sent": 3}


def test_a_booking_waits_a_second_for_a_hung_redis_once(
    database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    slot = f.SlotFactory(capacity=100)
    usual = median(bookings(database, slot, "usual"))
    valkey.freeze()

    first, *rest = bookings(database, slot, "hung")

    assert 0.5 < first - usual < 1.6
    assert median(rest) < usual + 0.1
    database.manage("drain_outbox", "--once")
    assert states() == {"sent": 14}


def bookings(site: Site, slot: Slot, name: str) -> list[float]:
    """Seconds that six bookings in a row take one process of the web."""
    answer: list[float] = read_json(
        site.python(BOOKINGS, str(slot.pk), name, env={"FESTIVAL_PROCESS": "web"}).stdout
    )
    return answer


@pytest.mark.lengthy
@pytest.mark.parametrize("how", ["stopped", "hung", "flushed"])
def test_mail_owed_without_redis_leaves_within_half_a_minute_of_its_return(
    how: str, database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    """A flush takes the broker's queues and bindings with it: nobody repairs anything."""
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    ready_worker(database)
    database.celery("beat", "-s", str(database.var_dir / "beat"), "--pidfile", "")
    wait_for(lambda: last("deliver_due") is not None)
    if how == "flushed":
        with valkey.client() as client:
            client.flushall()
    else:
        {"stopped": valkey.stop, "hung": valkey.freeze}[how]()
    database.python(OWE)
    if how != "flushed":
        assert states() == {"pending": 3}

    {"stopped": valkey.start, "hung": valkey.thaw, "flushed": lambda: None}[how]()
    back = time.monotonic()
    wait_for(lambda: states() == {"sent": 3}, seconds=45)

    assert time.monotonic() - back < 40
    assert len(smtp_sink.received) == 3
