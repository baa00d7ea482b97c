"""One command that keeps several processes: starts them in order, waits for each, restarts, stops in reverse.

Nothing it started outlives it. A child dies with the supervisor by the kernel's word (Linux), and a watchdog
in a session of its own ends the whole process groups, grandchildren too, when the supervisor was killed with
SIGKILL.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from festival import watchdog

PR_SET_PDEATHSIG = 1
LONGEST_BACKOFF = 30.0
CALM_AFTER = 60.0
"""Seconds a child must have lived for its next death to count as the first."""

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


class StartFailed(Exception):
    """A process did not become ready; the text says which and why."""


@dataclass
class Process:
    """What to run, how to see that it is ready, how long it may take to start and to stop (seconds)."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    starts_within: float = 60.0
    stops_within: float = 12.0
    must_start: bool = True
    """False: a start that takes longer is told and not waited for (a worker whose Redis is elsewhere)."""
    environment: Mapping[str, str] = field(default_factory=dict)
    keep_open: Sequence[int] = ()
    """File descriptors the process inherits, such as a lock that must last as long as it does."""


@dataclass
class _Running:
    process: Process
    popen: subprocess.Popen[bytes]
    started_at: float
    rest: bytes = b""


class Supervisor:
    """Runs a list of processes until it is told to stop.

    :param processes: in the order in which they are started.
    :param say: takes one line for the person at the terminal.
    """

    def __init__(self, processes: Sequence[Process], *, say: Callable[[str], None]) -> None:
        self._processes = list(processes)
        self._say = say
        self._running: dict[str, _Running] = {}
        self._restart_at: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._stopping = 0
        self._selector = selectors.DefaultSelector()
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._width = max((len(process.name) for process in processes), default=0)

    def run(self, *, started: Callable[[], None] = lambda: None) -> int:
        """Start everything, call `started`, keep it running, stop it on SIGINT, SIGTERM or SIGHUP.

        :returns: an exit code: 0 after an ordered stop, 1 when a process could not be started.
        """
        with self._signals_caught():
            self._start_watchdog()
            code = 0
            try:
                for process in self._processes:
                    if self._stopping:
                        break
                    self._start_and_wait(process)
                if not self._stopping:
                    started()
                while not self._stopping:
                    self._pump(0.5)
                    self._look_after_children()
            except StartFailed as failure:
                self._say(f"Start failed: {failure}")
                code = 1
            finally:
                self._stop_all()
                self._end_watchdog()
        return code

    # ── signals and the watchdog ──────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _signals_caught(self) -> Iterator[None]:
        read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        self._selector.register(read_end, selectors.EVENT_READ, None)
        old_wakeup = signal.set_wakeup_fd(write_end)
        old = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(old_wakeup)
            self._selector.unregister(read_end)
            os.close(read_end)
            os.close(write_end)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping += 1

    def _start_watchdog(self) -> None:
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(watchdog.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _tell_watchdog(self, sign: str, group: int) -> None:
        if self._watchdog and self._watchdog.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.write(f"{sign}{group}\n".encode())
                self._watchdog.stdin.flush()

    def _end_watchdog(self) -> None:
        if self._watchdog and self._watchdog.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
            self._watchdog.wait()

    # ── starting ──────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, process: Process) -> _Running:
        popen = subprocess.Popen(
            list(process.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **process.environment},
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
            pass_fds=tuple(process.keep_open),
        )
        self._tell_watchdog("+", popen.pid)
        if popen.stdout is None:
            raise StartFailed(f"{process.name} has no output to read")
        os.set_blocking(popen.stdout.fileno(), False)
        running = _Running(process, popen, time.monotonic())
        self._running[process.name] = running
        self._selector.register(popen.stdout, selectors.EVENT_READ, running)
        return running

    def _start_and_wait(self, process: Process) -> None:
        running = self._start(process)
        until = running.started_at + process.starts_within
        while not self._stopping:
            if running.popen.poll() is not None:
                self._pump(0)
                raise StartFailed(
                    f"{process.name} ended with {_exit_words(running.popen.returncode)} before it was ready"
                )
            if process.ready():
                return
            if time.monotonic() > until:
                if not process.must_start:
                    self._say(
                        f"{process.name} is not ready after {process.starts_within:.0f} s; it goes on trying"
                    )
                    return
                raise StartFailed(f"{process.name} was not ready after {process.starts_within:.0f} s")
            self._pump(0.1)

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────

    def _pump(self, patience: float) -> None:
        """Pass on what the children wrote, waiting at most `patience` seconds for something."""
        for key, _events in self._selector.select(patience):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 512)
                continue
            running: _Running = key.data
            with contextlib.suppress(BlockingIOError):
                written = os.read(key.fd, 65536)
                if not written:
                    self._selector.unregister(key.fileobj)
                    _close(key.fileobj)  # type: ignore[arg-type]
                *lines, running.rest = (running.rest + written).split(b"\n")
                for line in lines:
                    self._say(
                        f"{running.process.name:<{self._width}} │ {line.decode('utf-8', 'replace').rstrip()}"
                    )

    def _look_after_children(self) -> None:
        now = time.monotonic()
        for process in self._processes:
            running = self._running.get(process.name)
            if running and running.popen.poll() is not None:
                self._bury(running)
                if now - running.started_at > CALM_AFTER:
                    self._deaths[process.name] = 0
                self._deaths[process.name] = self._deaths.get(process.name, 0) + 1
                pause = min(2.0 ** (self._deaths[process.name] - 1), LONGEST_BACKOFF)
                self._restart_at[process.name] = now + pause
                words = _exit_words(running.popen.returncode)
                self._say(f"{process.name} ended with {words}; starting it again in {pause:.0f} s")
            elif not running and now >= self._restart_at.get(process.name, now):
                self._start(process)

    def _bury(self, running: _Running) -> None:
        """Forget a child that ended, and end what is left of its group, such as a worker's pool."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.popen.pid, signal.SIGKILL)
        self._pump(0)
        stdout = running.popen.stdout
        if stdout is not None and not stdout.closed:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(stdout)
            stdout.close()
        self._tell_watchdog("-", running.popen.pid)
        self._running.pop(running.process.name, None)

    # ── stopping ──────────────────────────────────────────────────────────────────────────────────────────

    def _stop_all(self) -> None:
        """In reverse order, each within its time; a second signal makes it SIGKILL at once."""
        for process in reversed(self._processes):
            running = self._running.get(process.name)
            if not running:
                continue
            with contextlib.suppress(ProcessLookupError):
                running.popen.terminate()
            asked = self._stopping
            until = time.monotonic() + process.stops_within
            while (
                running.popen.poll() is None and time.monotonic() < until and self._stopping <= max(asked, 1)
            ):
                self._pump(0.05)
            if running.popen.poll() is None:
                self._say(f"{process.name} did not stop in time: killed")
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(running.popen.pid, signal.SIGKILL)
                running.popen.wait()
            self._bury(running)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the process that started this one dies (Linux; elsewhere nothing)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _die_with_parent(supervisor: int) -> Callable[[], None]:
    def between_fork_and_exec() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)

    return between_fork_and_exec


def _close(stream: IO[bytes]) -> None:
    stream.close()


def _exit_words(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
