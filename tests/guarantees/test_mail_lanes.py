"""Several mails on their way out of one process: each leaves once, and a death costs what was under way."""

from __future__ import annotations

import os
import signal

import pytest
from django.db import connection

from events.models import Message
from tests.ground.site import Site
from tests.ground.smtp import Mood, Phase, SmtpSink
from tests.guarantees.mailroom import end_the_leases, how_often, owe_mails, states, wait_for

pytestmark = pytest.mark.guarantee

IN_LANES = "from events.mail.lanes import deliver_in_lanes\nprint(deliver_in_lanes(seconds=300).counts)"
LANES = 3


def test_many_mails_leave_by_several_lanes_and_each_once(site_with_relay: Site, smtp_sink: SmtpSink) -> None:
    """Here by three connections to the relay, by one on SQLite, which has one writer."""
    owe_mails("confirmation", 70)
    smtp_sink.holds_after, smtp_sink.connections = 0, 0
    lanes = LANES if connection.vendor == "postgresql" else 1

    worker = site_with_relay.start_python(IN_LANES)
    wait_for(lambda: len(smtp_sink.received) == lanes)
    smtp_sink.holds_after = None
    told, _none = worker.communicate(timeout=300)

    assert "70" in told
    assert states() == {"sent": 70}
    assert set(how_often(smtp_sink).values()) == {1}
    assert smtp_sink.connections == lanes


def test_a_few_mails_open_no_lane(site_with_relay: Site, smtp_sink: SmtpSink) -> None:
    owe_mails("confirmation", 5)
    smtp_sink.connections = 0

    site_with_relay.python(IN_LANES)

    assert states() == {"sent": 5}
    assert smtp_sink.connections == 1


@pytest.mark.parametrize("kind", ["confirmation", "reminder"])
def test_a_process_killed_with_all_lanes_open_costs_what_each_had_under_way(
    kind: str, site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    owe_mails(kind, 70)
    smtp_sink.holds_after = 0
    lanes = LANES if connection.vendor == "postgresql" else 1
    worker = site_with_relay.start_python(IN_LANES)
    wait_for(lambda: len(smtp_sink.received) == lanes)

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    smtp_sink.holds_after = None
    begun = Message.objects.filter(data_started_at__isnull=False).count()
    end_the_leases()
    site_with_relay.python(IN_LANES)

    assert begun == lanes
    assert len(how_often(smtp_sink)) == 70
    doubled = sum(times > 1 for times in how_often(smtp_sink).values())
    if kind == "confirmation":
        assert states() == {"sent": 70}
        assert doubled == lanes
    else:
        assert states() == {"sent": 70 - lanes, "uncertain": lanes}
        assert doubled == 0


def test_a_relay_that_fails_in_one_lane_loses_nothing_in_the_others(
    site_with_relay: Site, smtp_sink: SmtpSink
) -> None:
    """The line of one breaks before its content; what it held goes back untouched."""
    owe_mails("confirmation", 70)
    smtp_sink.moods[Phase.RCPT] = Mood(drop=True, times=1)

    site_with_relay.python(IN_LANES)

    assert states().keys() <= {"sent", "pending"}
    assert set(how_often(smtp_sink).values()) <= {1}
    assert len(smtp_sink.received) == states().get("sent", 0)


def test_a_database_that_fails_in_a_lane_is_told(site_with_relay: Site, smtp_sink: SmtpSink) -> None:
    """The failure reaches whoever asked for the delivery, once the other lanes have ended. SQLite has one."""
    owe_mails("confirmation", 70)
    failing = (
        "import threading\n"
        "from django.db import OperationalError\n"
        "from events.mail import lanes\n"
        "usual = lanes.deliver_due\n"
        "def deliver_due(**more):\n"
        "    if threading.current_thread() is not threading.main_thread():\n"
        "        raise OperationalError('gone')\n"
        "    return usual(**more)\n"
        "lanes.deliver_due = deliver_due\n"
    )

    done = site_with_relay.python(failing + IN_LANES, check=False)

    assert ("OperationalError: gone" in done.stderr) is (connection.vendor == "postgresql")
    assert states() == {"sent": 70}
