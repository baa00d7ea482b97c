"""The ground the other tests stand on."""

import socket

import pytest
from django.db import connection

from accounts.models import User
from tests.factories import UserFactory
from tests.ground.site import Site, read_json
from tests.ground.smtp import SmtpSink
from tests.ground.valkey import ValkeyServer


@pytest.mark.guarantee
def test_processes_and_this_test_share_one_database(database: Site, engine: str) -> None:
    UserFactory(email="ici@example.org")

    seen = database.python("from accounts.models import User; print(User.objects.get().email)")

    assert seen.stdout.strip() == "ici@example.org"
    assert connection.vendor == {"sqlite": "sqlite", "postgres": "postgresql"}[engine]


@pytest.mark.guarantee
def test_each_database_is_fresh(database: Site) -> None:
    assert User.objects.count() == 0


@pytest.mark.guarantee
def test_the_web_server_answers_on_both_engines(live_site: Site) -> None:
    ready = live_site.python(
        "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
        f"{live_site.url}/readyz",
    )

    assert read_json(ready.stdout) == {"status": "degraded: broker", "ready": True, "degraded": ["broker"]}


def test_the_broker_can_be_stopped_frozen_and_brought_back(valkey: ValkeyServer) -> None:
    valkey.client().set("kept", "yes")
    valkey.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", valkey.port), 1)

    valkey.start()

    assert valkey.client().get("kept") == b"yes"


def test_the_sink_writes_down_what_it_accepts(smtp_sink: SmtpSink) -> None:
    import smtplib

    smtp_sink.refuse_recipient["non@example.org"] = "550 Inconnu"
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as relay:
        refused = relay.sendmail(
            "a@example.org", ["oui@example.org", "non@example.org"], b"Subject: Bonjour\r\n\r\nLe texte"
        )

    assert refused == {"non@example.org": (550, b"Inconnu")}
    assert [(r.recipients, r.message["Subject"]) for r in smtp_sink.received] == [
        (("oui@example.org",), "Bonjour")
    ]


@pytest.mark.django_db
def test_the_everyday_database_is_the_one_asked_for(request: pytest.FixtureRequest) -> None:
    asked = request.config.getoption("--engine")

    assert connection.vendor == {"sqlite": "sqlite", "postgres": "postgresql"}[asked]
