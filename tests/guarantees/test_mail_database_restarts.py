"""PostgreSQL restarted under the workers: what was owed is sent, and what was under way is looked into."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection

from events.models import Message
from tests.ground.databases import PATIENCE, Databases
from tests.ground.nursery import Nursery
from tests.ground.postgres import Postgres, execute
from tests.ground.site import Site
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer
from tests.guarantees.mailroom import (
    DELIVER,
    LIFE_BOAT,
    end_the_leases,
    how_often,
    hurried_beat,
    hurried_worker,
    leases_that_ran_out,
    names_in_doubt,
    owe_mails,
    start_telling,
    states,
    wait_for,
)

pytestmark = [pytest.mark.guarantee, pytest.mark.lengthy]

FORGETFUL = "from events.mail import deliver\ndeliver.RECORD_WITHIN = 0.0\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that a test may restart: its commits wait for the disk."""
    made = Postgres(durable=True)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def migrated(server: Postgres, databases: Databases) -> str:
    """The name of a database with every table and no row of the festival."""
    databases.carry(server, "migrated")
    return "migrated"


@pytest.fixture
def site(server: Postgres, migrated: str, nursery: Nursery) -> Iterator[Site]:
    execute(server.url("postgres"), f"CREATE DATABASE site TEMPLATE {migrated}")
    made = Site(f"{server.url('site')}?{PATIENCE['postgres']}", nursery)
    yield made
    made.close()
    execute(server.url("postgres"), "DROP DATABASE site WITH (FORCE)")


def test_restarts_lose_no_mail_and_double_none_but_what_was_under_way(
    server: Postgres, database: Site, smtp_sink: SmtpSink, valkey: ValkeyServer
) -> None:
    """First a fast one, which cuts the sessions, then one as after a crash. In between the relay answers no
    more than thirty mails, so that some are left for the next.
    """
    database.environment |= {"EMAIL_URL": smtp_sink.url, "REDIS_URL": valkey.url}
    owe_mails("confirmation", 80)
    owe_mails("reminder", 20, first=80)
    smtp_sink.stall_before_answer, smtp_sink.holds_after = 0.1, 30
    hurried_beat(database)
    hurried_worker(database)
    boat = start_telling(database, LIFE_BOAT)

    for how in ("fast", "immediate"):
        had = len(smtp_sink.received)
        wait_for(lambda had=had: len(smtp_sink.received) >= had + 20)  # type: ignore[misc]
        connection.close()
        server.restart(how)
        smtp_sink.holds_after += 30
    smtp_sink.holds_after = None
    wait_for(lambda: not states().keys() & {"pending", "sending"})

    assert boat.poll() is None
    messages = {message.message_id: message for message in Message.objects.all()}
    times = how_often(smtp_sink)
    in_doubt = {name for name, message in messages.items() if message.status == "uncertain"}
    doubled = names_in_doubt(smtp_sink)
    assert times.keys() == messages.keys()
    assert {messages[name].kind for name in in_doubt} <= {"reminder"}
    assert {messages[name].kind for name in doubled} <= {"confirmation"}
    # At each restart one worker and one life-boat had one mail in each of their lanes under way.
    under_way = 2 * 2 * settings.MAIL_LANES
    assert len(in_doubt) + len(doubled) <= under_way + leases_that_ran_out(database)
    assert max(times.values()) <= 2


@pytest.mark.parametrize("guarded", [True, False])
def test_what_the_relay_took_during_a_restart_is_recorded_when_the_database_is_back(
    guarded: bool, server: Postgres, database: Site, smtp_sink: SmtpSink
) -> None:
    """The worker still knows. Were it not to insist, the mail would be in doubt and go once more."""
    database.environment["EMAIL_URL"] = smtp_sink.url
    owe_mails("confirmation", 1)
    smtp_sink.holds_after = 0
    worker = database.start_python(DELIVER if guarded else FORGETFUL + DELIVER)
    wait_for(lambda: smtp_sink.received)

    connection.close()
    server.restart("fast")
    smtp_sink.holds_after = None
    worker.communicate(timeout=300)
    end_the_leases()
    database.python(DELIVER)

    assert states() == {"sent": 1}
    assert list(how_often(smtp_sink).values()) == ([1] if guarded else [2])
