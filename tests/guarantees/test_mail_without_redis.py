"""Redis away or hung is an inconvenience: the hint costs a second once, and the mail leaves all the same."""

from __future__ import annotations

import time

import pytest

from events.mail.heartbeat import last
from tests.ground.site import Site, read_json
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import ready_worker, states, wait_for

pytestmark = pytest.mark.guarantee

OWE = """
from tests.guarantees.mailroom import owe_mails
owe_mails("confirmation", 3)
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


@pytest.mark.lengthy
def test_mail_owed_without_redis_leaves_within_half_a_minute_of_its_return(
    database: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    database.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    ready_worker(database)
    database.celery("beat", "-s", str(database.var_dir / "beat"), "--pidfile", "")
    wait_for(lambda: last("deliver_due") is not None)
    valkey.stop()
    database.python(OWE)
    assert states() == {"pending": 3}

    valkey.start()
    back = time.monotonic()
    wait_for(lambda: states() == {"sent": 3}, seconds=45)

    assert time.monotonic() - back < 40
