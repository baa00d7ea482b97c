"""Redis away or hung is an inconvenience: the hint costs a second once, and the mail leaves all the same."""

from __future__ import annotations

from statistics import median

import pytest

from events.mail.heartbeat import last
from events.models import Registration, Slot
from festival.celery import app
from tests import factories as f
from tests.ground.site import Site, read_json
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import (
    PATIENTLY,
    at_best,
    hurried_beat,
    hurried_worker,
    ready_worker,
    states,
    wait_for,
)

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

def book():
    begun = time.monotonic()
    register_party(
        slot_id=int(sys.argv[1]), email=f"{uuid.uuid4()}@example.org", party_size=1,
        submission_id=uuid.uuid4(), now=timezone.now(),
    )
    tasks._breaker.last_hint = float("-inf")  # the next one hints as well
    return time.monotonic() - begun

tasks._breaker.last_hint = float("inf")
book()  # without a hint: its statements are prepared
print(json.dumps([book() for _booking in range(6)]))
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


def costs(seconds: list[float], *, first: float) -> bool:
    """Whether the first of them took no longer than that, and the others next to nothing."""
    return seconds[0] < first and max(seconds[1:]) < 0.05


def test_a_hung_redis_costs_a_second_once(site: Site, valkey: ValkeyServer) -> None:
    site.environment["REDIS_URL"] = valkey.url
    valkey.freeze()

    assert at_best(lambda: costs(hints(site), first=1.6))


def test_a_stopped_redis_costs_next_to_nothing(site: Site, valkey: ValkeyServer) -> None:
    site.environment["REDIS_URL"] = valkey.url
    valkey.stop()

    assert at_best(lambda: costs(hints(site), first=1.0))


def test_where_no_broker_is_set_no_hint_is_tried(site: Site) -> None:
    assert at_best(lambda: costs(hints(site), first=0.05))


def test_a_hint_starts_the_delivery_at_once(
    database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    """No beat runs here: only the hint can have done it."""
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    ready_worker(database)
    database.python(PATIENTLY + OWE)

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
    slot = f.SlotFactory(capacity=None)
    usual = min(bookings(database, slot))
    valkey.freeze()

    def waits_once() -> bool:
        first, *rest = bookings(database, slot)
        return 0.5 < first - usual < 1.6 and median(rest) < usual + 0.1

    assert at_best(waits_once)
    database.manage("drain_outbox", "--once")
    assert states() == {"sent": Registration.objects.count()}


def bookings(site: Site, slot: Slot) -> list[float]:
    """Seconds that six bookings in a row take one process of the web."""
    answer: list[float] = read_json(
        site.python(BOOKINGS, str(slot.pk), env={"FESTIVAL_PROCESS": "web"}).stdout
    )
    return answer


@pytest.mark.lengthy
@pytest.mark.parametrize("how", ["stopped", "hung", "flushed"])
def test_mail_owed_without_redis_leaves_within_half_a_minute_of_its_return(
    how: str, database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    """A flush takes the broker's queues and bindings with it: nobody repairs anything. The sweep, ten seconds
    by the clock, comes twenty times as often here.
    """
    assert app.conf.beat_schedule["events.deliver_due"]["schedule"] <= 10
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url, "LEASE": "120"}
    hurried_worker(database)
    hurried_beat(database)
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
    # Twenty seconds are left for finding one another again; the rest is room for a busy machine.
    wait_for(lambda: states() == {"sent": 3}, seconds=20 + 20)

    assert len(smtp_sink.received) == 3
