"""Is the site alive, is it ready, how is it doing: for supervisors, load balancers and Prometheus."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from events.mail.stats import outbox_stats
from events.mail.watch import how_mail_does, look_after_mail

PATIENCE = 1.0
"""Seconds after which a silent database counts as absent."""

REQUESTS = Counter("festival_requests", "Requests answered", ["route", "method", "status"])
SECONDS = Histogram(
    "festival_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_asking = ThreadPoolExecutor(max_workers=2, thread_name_prefix="readyz")
_migrated = False


class MetricsMiddleware:
    """Counts and times every answer under the name of its route, never under its path: paths hold secrets."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = (match.view_name if match else "") or "unknown"
        REQUESTS.labels(route, request.method, str(response.status_code)).inc()
        SECONDS.labels(route).observe(time.perf_counter() - begun)
        return response


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nobody else."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when a booking could be taken now; 503 without database or with missing migrations.

    Neither a stopped broker nor mail that is held up makes the site unready: bookings need none, mails wait
    in the database. They are told as `degraded: broker, mail`. Answers within about a second, whatever hangs.
    """
    trouble = database_trouble()
    if trouble:
        return JsonResponse({"status": f"not ready: {trouble}", "ready": False}, status=503)
    degraded = [] if broker_answers() else ["broker"]
    if mail_is_held_up():
        degraded.append("mail")
    status = f"degraded: {', '.join(degraded)}" if degraded else "ready"
    return JsonResponse({"status": status, "ready": True, "degraded": degraded})


@never_cache
@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, of all web processes together where PROMETHEUS_MULTIPROC_DIR is set."""
    registry: CollectorRegistry = REGISTRY
    if settings.METRICS_MULTIPROCESS:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    text = generate_latest(registry)
    with contextlib.suppress(DatabaseError):
        text += generate_latest(_outbox())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _outbox() -> CollectorRegistry:
    """The outbox as it stands: what waits too long is what an operator must be woken for.

    :raises DatabaseError: the database is away; the other figures are still worth telling.
    """
    registry = CollectorRegistry()
    stats = outbox_stats(now=timezone.now())
    messages = Gauge("festival_messages", "Messages by status", ["status"], registry=registry)
    for status, number in stats["by_status"].items():
        messages.labels(status).set(number)
    Gauge("festival_messages_due", "Messages that should have left", registry=registry).set(stats["due"])
    waiting = Gauge("festival_oldest_due_seconds", "Age of the oldest of them", registry=registry)
    waiting.set(stats["oldest_due_seconds"])
    paused = Gauge("festival_relay_paused", "1 while the mail relay is at fault", registry=registry)
    paused.set(1 if stats["relay"]["paused_until"] else 0)
    failures = Gauge("festival_relay_failures", "Failures of the relay in a row", registry=registry)
    failures.set(stats["relay"]["failures"])
    held_up = Gauge("festival_mail_held_up", "1 while no mail moves that should", registry=registry)
    held_up.set(0 if stats["flows"] else 1)
    for name, words, label, numbers in (
        ("festival_sweep_age_seconds", "Since a sweep last ran to its end", "sweep", stats["sweep_ages"]),
        ("festival_delivery_events", "Told by the mail provider this week", "kind", stats["events"]),
        ("festival_suppressed_addresses", "Not written to", "reason", stats["suppressed"]),
        ("festival_webhook_deliveries", "Tellings by status", "status", stats["webhooks"]["by_status"]),
    ):
        gauge = Gauge(name, words, [label], registry=registry)
        for value, number in numbers.items():
            gauge.labels(value).set(number)
    late = Gauge("festival_oldest_webhook_due_seconds", "Age of the oldest telling due", registry=registry)
    late.set(stats["webhooks"]["oldest_due_seconds"])
    return registry


def database_trouble() -> str | None:
    """`database`, `migrations`, or None where all is well."""
    trouble: str | None = _in_time(_ask_database, otherwise="database")
    return trouble


def mail_is_held_up() -> bool:
    """Whether no mail moves that should; False where the database gives no answer, which is told before."""
    is_held_up: bool = _in_time(_ask_outbox, otherwise=False)
    return is_held_up


def _in_time(question: Callable[[], Any], *, otherwise: Any) -> Any:
    """What the database answers within PATIENCE."""
    if connection.vendor == "sqlite":
        return question()
    # A network can swallow an answer; a thread can be left behind.
    waiting = _asking.submit(_ask_and_close, question)
    try:
        return waiting.result(timeout=PATIENCE)
    except TimeoutError:
        return otherwise


def _ask_and_close(question: Callable[[], Any]) -> Any:
    try:
        return question()
    finally:
        connection.close()


def _ask_outbox() -> bool:
    """Whoever asks here looks in the stead of sweeps that may have stopped, and so tells of it too."""
    now = timezone.now()
    try:
        is_held_up = how_mail_does(now).is_held_up
        if is_held_up:
            look_after_mail(now, waits=0)
        return is_held_up
    except DatabaseError:
        return False


def _ask_database() -> str | None:
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "migrations"
            # What this code needs stays applied for as long as this process runs it.
            _migrated = True
    except Exception:
        return "database"
    return None


def broker_answers() -> bool:
    """Whether Redis (or the embedded Valkey) answers a ping in 0.4 s."""
    address = settings.REDIS_URL or f"unix://{settings.BROKER_SOCKET}"
    limits: dict[str, Any] = {"socket_timeout": 0.4, "socket_connect_timeout": 0.4}
    try:
        with redis.Redis.from_url(address, **limits) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
