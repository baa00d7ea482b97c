"""Alive, ready, degraded, not ready: each told apart."""

import datetime as dt
import time

import pytest
from django.db.migrations.executor import MigrationExecutor
from django.test import Client, RequestFactory
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from events.models import DeliveryEvent, Heartbeat, Message, RelayState
from festival import health
from festival.proxies import RealPeerMiddleware
from tests.ground.ports import free_port
from tests.ground.valkey import ValkeyServer


@pytest.fixture(autouse=True)
def _migrations_not_yet_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)


def test_alive_asks_nobody(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.django_db(transaction=True)
def test_ready_with_database_and_broker(client: Client, valkey: ValkeyServer, settings: Settings) -> None:
    settings.REDIS_URL = valkey.url

    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (
        200,
        {"status": "ready", "ready": True, "degraded": []},
    )
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("harm", ["stop", "freeze"])
def test_a_stopped_or_hung_broker_degrades_and_is_not_waited_for(
    client: Client, valkey: ValkeyServer, settings: Settings, harm: str
) -> None:
    settings.REDIS_URL = valkey.url
    getattr(valkey, harm)()
    begun = time.monotonic()

    response = client.get("/readyz")

    assert time.monotonic() - begun < 30
    assert (response.status_code, response.json()) == (
        200,
        {"status": "degraded: broker", "ready": True, "degraded": ["broker"]},
    )


@pytest.mark.django_db(transaction=True)
def test_mail_that_is_held_up_degrades_and_says_so(
    client: Client, valkey: ValkeyServer, settings: Settings
) -> None:
    settings.REDIS_URL = valkey.url
    now = timezone.now()
    Message.objects.create(
        kind="link",
        dedupe_key="a",
        recipient="a@example.org",
        message_id="<a@example.org>",
        next_attempt_at=now - dt.timedelta(minutes=3),
        created_at=now - dt.timedelta(minutes=3),
    )

    with_broker = client.get("/readyz")
    valkey.stop()
    without = client.get("/readyz")

    assert (with_broker.status_code, with_broker.json()) == (
        200,
        {"status": "degraded: mail", "ready": True, "degraded": ["mail"]},
    )
    assert without.json()["degraded"] == ["broker", "mail"]


@pytest.mark.django_db(transaction=True)
def test_missing_migrations_are_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda self, targets: ["something"])

    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (
        503,
        {"status": "not ready: migrations", "ready": False},
    )


def test_without_a_database_it_is_not_ready(client: Client) -> None:
    # This test asked for no database, so reaching it raises, as it does when the server is gone.
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (503, {"status": "not ready: database", "ready": False})


@pytest.mark.django_db
def test_metrics_tell_what_waits_in_the_outbox(client: Client) -> None:
    families = {f.name: f for f in text_string_to_metric_families(client.get("/metrics").content.decode())}

    by_status = {sample.labels["status"]: sample.value for sample in families["festival_messages"].samples}
    assert by_status == dict.fromkeys(
        ["pending", "sending", "sent", "uncertain", "failed", "cancelled", "expired", "suppressed"], 0
    )
    assert families["festival_messages_due"].samples[0].value == 0


@pytest.mark.django_db
def test_metrics_tell_the_relay_the_sweeps_what_came_back_and_partners(client: Client) -> None:
    now = timezone.now()
    RelayState.objects.create(pk=1, failures=2, paused_until=now + dt.timedelta(minutes=1))
    Heartbeat.objects.create(name="deliver_due", at=now - dt.timedelta(seconds=700))
    Heartbeat.objects.create(name="digest 1 Europe/Paris", at=now - dt.timedelta(days=3))
    DeliveryEvent.objects.create(
        provider="test", event_id="1", kind="bounced", email_hash="0" * 64, at=now, received_at=now
    )

    families = {f.name: f for f in text_string_to_metric_families(client.get("/metrics").content.decode())}

    def one(name: str, **labels: str) -> float:
        return next(sample.value for sample in families[name].samples if sample.labels == labels)

    assert one("festival_relay_failures") == 2
    assert one("festival_relay_paused") == 1
    assert one("festival_mail_held_up") == 1
    assert 700 <= one("festival_sweep_age_seconds", sweep="deliver_due") < 760
    assert len(families["festival_sweep_age_seconds"].samples) == 1
    assert one("festival_delivery_events", kind="bounced") == 1
    assert one("festival_suppressed_addresses", reason="bounced") == 0
    assert one("festival_webhook_deliveries", status="pending") == 0


@pytest.mark.django_db
def test_metrics_count_by_route_and_never_by_path(client: Client) -> None:
    client.get("/healthz")

    families = {f.name: f for f in text_string_to_metric_families(client.get("/metrics").content.decode())}

    routes = {sample.labels["route"] for sample in families["festival_requests"].samples}
    assert "healthz" in routes
    assert not any("/" in route for route in routes)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
    ],
)
def test_the_peer_is_counted_from_the_right(
    rf: RequestFactory, settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)

    RealPeerMiddleware(lambda request: request)(request)  # type: ignore[arg-type, return-value]

    assert request.META["REMOTE_ADDR"] == expected
    assert "HTTP_X_FORWARDED_FOR" not in request.META


def test_a_cache_without_a_server_is_a_miss_and_asked_once(settings: Settings) -> None:
    from festival.cache import FailOpenRedisCache

    cache = FailOpenRedisCache(
        f"redis://127.0.0.1:{free_port()}/0", {"OPTIONS": {"socket_connect_timeout": 1.0}}
    )

    cache.set("page", "text")

    assert cache.get("page", "nothing") == "nothing"
    assert cache.get_many(["page"]) == {}


def test_a_hung_cache_costs_one_time_out(valkey: ValkeyServer) -> None:
    from festival.cache import FailOpenRedisCache

    limits = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    cache = FailOpenRedisCache(valkey.url, {"OPTIONS": limits})
    cache.set("page", "text")
    assert cache.get("page") == "text"
    valkey.freeze()
    begun = time.monotonic()

    answers = [cache.get("page") for _ in range(20)]

    assert answers == [None] * 20
    assert time.monotonic() - begun < 6  # twenty time-outs take ten
