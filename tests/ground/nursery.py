"""Processes of the site that need not load it: forked from one that has (`tests.ground.cradle`).

Loading takes a second, and a race takes six processes. Whoever measures a start, or looks at what
`manage.py serve` starts by itself, begins with nothing instead.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.ground.cradle import HEAD

ROOT = Path(__file__).resolve().parents[2]
READ_WHEN_IMPORTED = {"PROMETHEUS_MULTIPROC_DIR"}
"""With one of these in its environment a process must begin with nothing."""


class Child:
    """A process of the nursery, as `subprocess.Popen` shows its own."""

    def __init__(
        self, args: Sequence[str], pid: int, end: int, stdin: IO[str] | None, stdout: IO[str] | None
    ) -> None:
        self.args = list(args)
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, None
        self.returncode: int | None = None
        self._end = end

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended.

        :raises subprocess.TimeoutExpired: it has not within `timeout` seconds.
        """
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._end)
            if not ended.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            # Nothing to read: the nursery itself was killed.
            self.returncode = int(os.read(self._end, 16) or -signal.SIGKILL)
            os.close(self._end)
        return self.returncode

    def communicate(self, *, timeout: float | None = None) -> tuple[str, None]:
        """All it wrote, when it has ended. Like Popen's, with output and errors in one stream.

        :raises subprocess.TimeoutExpired: it had not within `timeout` seconds, and was killed.
        """
        assert self.stdin is not None
        assert self.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        late = threading.Event()

        def end_it() -> None:
            late.set()
            os.kill(self.pid, signal.SIGKILL)

        alarm = threading.Timer(threading.TIMEOUT_MAX if timeout is None else timeout, end_it)
        alarm.daemon = True
        alarm.start()
        try:
            written = self.stdout.read()
            self.wait()
        finally:
            alarm.cancel()
        if late.is_set():
            raise subprocess.TimeoutExpired(self.args, timeout or 0, output=written)
        return written, None

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """One for a run of pytest. Its process is started with the first child and ends with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="festival-nursery-")
        atexit.register(self.close)

    def bears(self, environment: Mapping[str, str]) -> bool:
        """Whether a child can live in this environment."""
        return not READ_WHEN_IMPORTED & environment.keys()

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
    ) -> Child:
        """`python` with these arguments and exactly this environment. The files stay the caller's."""
        if self._process is None or self._process.poll() is not None:
            self._open()
        end, tell = os.pipe()
        text = json.dumps([list(arguments), dict(environment)]).encode()
        socket.send_fds(self._control, [HEAD.pack(len(text))], [stdin, stdout, stderr, tell])
        os.close(tell)
        self._control.sendall(text)
        return Child(arguments, self._answer(), end, None, None)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """The same to its end, with what it wrote and what it complained of.

        :raises subprocess.TimeoutExpired: it had not ended within `timeout` seconds, and was killed.
        """
        with (
            open(os.devnull) as nothing,
            tempfile.TemporaryFile("w+") as output,
            tempfile.TemporaryFile("w+") as errors,
        ):
            child = self.start(
                arguments,
                environment,
                stdin=nothing.fileno(),
                stdout=output.fileno(),
                stderr=errors.fileno(),
            )
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(child.args, child.wait(), output.read(), errors.read())

    def talk_to(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """The same with pipes: what it reads, and what it writes and complains in one."""
        read, its_output = os.pipe()
        its_input, write = os.pipe()
        try:
            child = self.start(arguments, environment, stdin=its_input, stdout=its_output, stderr=its_output)
        finally:
            os.close(its_output)
            os.close(its_input)
        child.stdin, child.stdout = os.fdopen(write, "w"), os.fdopen(read)
        return child

    def _open(self) -> None:
        self._control, its_end = socket.socketpair()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ground.cradle", str(its_end.fileno())],
            cwd=ROOT,
            env={
                **inherited,
                "DJANGO_SETTINGS_MODULE": "festival.settings",
                "FESTIVAL_MODE": "test",
                "VAR_DIR": self._folder.name,
                "DATABASE_URL": "sqlite:///nowhere",
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its_end.fileno()],
            start_new_session=True,
        )
        its_end.close()
        self._answer()

    def _answer(self) -> int:
        head = self._control.recv(HEAD.size)
        assert head, "The nursery has died."
        (number,) = HEAD.unpack(head)
        return int(number)

    def close(self) -> None:
        """Its children end too."""
        atexit.unregister(self.close)
        if self._process is not None:
            self._control.close()
            self._process.wait(60)
            self._process = None
        self._folder.cleanup()
