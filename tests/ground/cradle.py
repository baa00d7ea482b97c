"""The process behind `tests.ground.nursery`: it loads the site once, then forks a child for each errand.

A child is a process like any other, in a session of its own. It has the environment it was given, reads the
settings anew from it and does what Python would do with its arguments; the modules alone are there already.
"""

import atexit
import contextlib
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import types
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

import django
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.utils.functional import empty

HEAD = struct.Struct("!Q")
"""Before an errand: how many bytes of JSON follow. The answer: the child's process id."""

PACKAGES = ("django.core.management.commands", "events.management.commands", "festival.management.commands")
MODULES = (
    *("festival.urls", "events.jobs", "django.core.wsgi", "whitenoise.middleware"),
    *("django.db.backends.sqlite3.base", "django.db.backends.postgresql.base", "psycopg_pool"),
    *("django.core.mail.backends.smtp", "django.core.cache.backends.db", "festival.cache"),
    *("gunicorn.app.wsgiapp", "gunicorn.workers.gthread"),
    *("celery.__main__", "celery.bin.celery", "celery.apps.worker", "celery.apps.beat"),
    *("celery.concurrency.prefork", "celery.fixups.django", "celery.app.control", "kombu.transport.redis"),
)
"""What the site's processes import sooner or later. None of it may look into the environment while it is
imported: a test holds what a child finds against what a process finds that began with nothing.
"""


@dataclass(frozen=True)
class Errand:
    """`python`, followed by `arguments`; `files` are its standard input, output and error."""

    arguments: list[str]
    environment: dict[str, str]
    files: list[int]


class Cradle:
    """Listens at `control` until its other end is closed, then ends whatever is left."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._ends: dict[int, int] = {}
        """Process → the pipe on which its exit code is awaited."""
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def next_errand(self) -> Errand:
        """Returns in the children alone."""
        while True:
            ready, _, _ = select.select([self._control.fileno(), self._woken], [], [])
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, 512)
                self._tell_who_ended()
            if self._control.fileno() in ready:
                errand, end = self._receive()
                pid = os.fork()
                if pid == 0:
                    self._leave(errand, end)
                    return errand
                self._ends[pid] = end
                for file in errand.files:
                    os.close(file)

    def _receive(self) -> tuple[Errand, int]:
        head, files, _, _ = socket.recv_fds(self._control, HEAD.size, 4)
        if not head:
            self._end()
        (length,) = HEAD.unpack(head)
        text = b""
        while len(text) < length:
            text += self._control.recv(length - len(text))
        arguments, environment = json.loads(text)
        return Errand(arguments, environment, files[:3]), files[3]

    def _tell_who_ended(self) -> None:
        while self._ends:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            end = self._ends.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(end)

    def _end(self) -> None:
        for pid in self._ends:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        os._exit(0)

    def _leave(self, errand: Errand, end: int) -> None:
        """The child keeps nothing of the cradle."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate(errand.files):
            os.dup2(file, number)
        self._control.sendall(HEAD.pack(os.getpid()))
        self._control.close()
        for file in (self._woken, self._wake, end, *errand.files, *self._ends.values()):
            os.close(file)


def load() -> None:
    """Import everything, and remember nothing else."""
    django.setup()
    for name in MODULES:
        import_module(name)
    migrations = [f"{app.name}.migrations" for app in apps.get_app_configs()]
    for name in (*PACKAGES, *migrations):
        with contextlib.suppress(ModuleNotFoundError):
            for module in pkgutil.iter_modules(import_module(name).__path__):
                import_module(f"{name}.{module.name}")
    if threading.active_count() != 1:
        raise RuntimeError(f"A process of several threads cannot be forked: {threading.enumerate()}")
    gc.collect()
    gc.freeze()


def live(errand: Errand) -> NoReturn:
    """From the first line to the exit code."""
    code: int | None = 0
    try:
        run(errand)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int | None) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    # What an interpreter does at its end, but for taking itself apart: that would copy all it shares with the
    # cradle.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


def run(errand: Errand) -> None:
    """What `python -c …`, `python -m …` and `python file.py …` do."""
    os.environ.clear()
    os.environ.update(errand.environment)
    forget_settings()
    kind, *rest = errand.arguments
    if kind == "-c":
        script, *arguments = rest
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(script, "<string>", "exec"), vars(main))
    elif kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = errand.arguments
        runpy.run_path(kind, run_name="__main__")


def forget_settings() -> None:
    """As Django is before it has looked at them: the next who asks reads them from the environment."""
    del sys.modules["festival.settings"]
    vars(sys.modules["festival"]).pop("settings", None)
    settings._wrapped = empty
    for handler in (connections, caches):
        vars(handler).clear()
        handler.__init__()  # type: ignore[misc]


if __name__ == "__main__":
    load()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        control.sendall(HEAD.pack(os.getpid()))
        live(Cradle(control).next_errand())
