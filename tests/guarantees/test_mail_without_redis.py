"""Redis away or hung is an inconvenience: the hint costs a second once, and the mail leaves all the same."""

from __future__ import annotations

import time

import pytest

from tests.ground.site import Site, read_json
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees.test_mail_delivery import OWE, states, wait_for

pytestmark = pytest.mark.guarantee

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


def test_a_hint_starts_the_delivery_at_once(site: Site, valkey: ValkeyServer, smtp_sink: SmtpSink) -> None:
    """No beat runs here: only the hint can have done it."""
    site.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    site.celery("worker", "-c", "1", "--without-gossip", "--without-mingle")
    site.python(OWE, "confirmation", "3")

    wait_for(lambda: len(smtp_sink.received) == 3)
    wait_for(lambda: states(site) == {"sent": 3})


@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_mail_owed_without_redis_leaves_by_the_life_boat(
    how: str, site: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    site.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    if how == "stopped":
        valkey.stop()
    else:
        valkey.freeze()

    site.python(OWE, "confirmation", "3")
    assert states(site) == {"pending": 3}
    site.manage("drain_outbox", "--once")

    assert states(site) == {"sent": 3}


def test_mail_owed_without_redis_leaves_within_half_a_minute_of_its_return(
    site: Site, valkey: ValkeyServer, smtp_sink: SmtpSink
) -> None:
    site.environment |= {"REDIS_URL": valkey.url, "EMAIL_URL": smtp_sink.url}
    site.celery("worker", "-c", "1", "--without-gossip", "--without-mingle")
    site.celery("beat", "-s", str(site.var_dir / "beat"), "--pidfile", "")
    wait_for(lambda: "deliver_due" in site.manage("outbox_stats", "--json").stdout)
    valkey.stop()
    site.python(OWE, "confirmation", "3")
    assert states(site) == {"pending": 3}

    valkey.start()
    back = time.monotonic()
    wait_for(lambda: states(site) == {"sent": 3}, seconds=45)

    assert time.monotonic() - back < 40
