"""The site in processes of its own: commands, scripts and a web server on a database of one test."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler, load_backend

from festival.database import database_settings
from tests.ground.nursery import ROOT, Child, Nursery
from tests.ground.ports import free_port

PRELUDE = "import django; django.setup()\n"


class Site:
    """One installation: a database, a state folder, an environment. Everything it started ends with it."""

    def __init__(self, database_url: str, nursery: Nursery | None = None) -> None:
        """
        :param nursery: where its processes come from; without one each begins with nothing.
        """
        self.database_url = database_url
        self._nursery = nursery
        self.var_dir = Path(tempfile.mkdtemp(prefix="festival-site-"))
        self.port = free_port()
        self.environment: dict[str, str] = {
            "DATABASE_URL": database_url,
            "VAR_DIR": str(self.var_dir),
            "DJANGO_SETTINGS_MODULE": "festival.settings",
            "FESTIVAL_MODE": "test",
            "FESTIVAL_PROCESS": "",
            "LINE_PATIENCE": "60",  # a busy machine is no rush
            "EMAIL_TIMEOUT": "60",
            "SITE_URL": f"http://127.0.0.1:{self.port}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        """Changed by a test before it starts something: REDIS_URL, EMAIL_URL …"""
        self._processes: list[subprocess.Popen[Any] | Child] = []

    @property
    def url(self) -> str:
        """Where `serve()` listens."""
        return f"http://127.0.0.1:{self.port}"

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "COV_", "TEST_")) and name != "DJANGO_ALLOW_ASYNC_UNSAFE"
        }
        return {**inherited, **self.environment, **(extra or {})}

    def manage(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 300,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """`manage.py …` to its end.

        :raises AssertionError: it failed and `check` is on; the text is what it printed.
        """
        return self._run(["manage.py", *arguments], env=env, check=check, timeout=timeout, input=input)

    def python(
        self,
        script: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """A script that finds Django set up, to its end; `arguments` are its sys.argv[1:]."""
        return self._run(["-c", PRELUDE + script, *arguments], env=env, check=check, timeout=timeout)

    def _run(
        self,
        command: list[str],
        *,
        env: Mapping[str, str] | None,
        check: bool,
        timeout: float,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        environment = self._environment(env)
        if self._nursery and self._nursery.bears(environment) and input is None:
            done = self._nursery.run(command, environment, timeout=timeout)
        else:
            done = subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=timeout,
                input=input,
            )
        if check:
            assert done.returncode == 0, f"{command[:3]} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str] | Child:
        """A Python process of the site that goes on: `start("-c", PRELUDE + script)`, `start("manage.py",
        …)`.

        Its output is one stream, read with `communicate()`.
        """
        environment = self._environment(env)
        if self._nursery and self._nursery.bears(environment):
            child = self._nursery.talk_to(command, environment)
            self._processes.append(child)
            return child
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def start_python(
        self, script: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str] | Child:
        """A script that finds Django set up and goes on beside the test: one of many racers."""
        return self.start("-c", PRELUDE + script, *arguments, env=env)

    def serve(
        self, *, workers: int = 2, threads: int = 4, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[Any] | Child:
        """The web server as in production, ready when this returns. Its log is in `web_log`."""
        self.web_log = self.var_dir / "web.log"
        command = [
            *("-m", "gunicorn", "festival.wsgi", "--worker-class", "festival.line.Worker"),
            *("--workers", str(workers), "--threads", str(threads), "--no-control-socket"),
            *("--bind", f"127.0.0.1:{self.port}", "--log-level", "warning"),
        ]
        environment = {**self._environment(env), "FESTIVAL_PROCESS": "web"}
        process: subprocess.Popen[Any] | Child
        with open(os.devnull) as nothing, self.web_log.open("ab") as log:
            if self._nursery and self._nursery.bears(environment):
                process = self._nursery.start(
                    command, environment, stdin=nothing.fileno(), stdout=log.fileno(), stderr=log.fileno()
                )
            else:
                process = subprocess.Popen(
                    [sys.executable, *command],
                    cwd=ROOT,
                    env=environment,
                    stdin=nothing,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        self._processes.append(process)
        until = time.monotonic() + 180
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                with contextlib.closing(connection):
                    connection.request("GET", "/readyz")
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        return process
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"The web server is not ready: {self.web_log.read_text()[-3000:]}")
            time.sleep(0.1)

    def celery(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str] | Child:
        """A Celery process: `celery("worker", "-c", "1")`. REDIS_URL must be in the environment."""
        return self.start(
            *("-m", "celery", "--quiet", "-A", "festival"),
            *arguments,
            env={"FESTIVAL_PROCESS": "worker", "C_FORCE_ROOT": "1", **(env or {})},
        )

    @contextlib.contextmanager
    def connected(self) -> Iterator[BaseDatabaseWrapper]:
        """Let the ORM of this very process work on the site's database, committing, nothing rolled back."""
        former = connections["default"]
        configured = ConnectionHandler({"default": database_settings(self.database_url)}).settings["default"]
        wrapper = load_backend(configured["ENGINE"]).DatabaseWrapper(configured, "default")
        connections["default"] = wrapper
        try:
            yield wrapper
        finally:
            wrapper.close()
            connections["default"] = former

    def close(self) -> None:
        """End every process with its children, and remove the state folder.

        Nobody looks at how they end: that is the supervisor's work, and its tests'.
        """
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        shutil.rmtree(self.var_dir, ignore_errors=True)


def read_json(text: str) -> Any:
    """The last line of a process' output that is JSON: logs may stand before it."""
    for line in reversed(text.strip().splitlines()):
        with contextlib.suppress(ValueError):
            return json.loads(line)
    raise AssertionError(f"No JSON in: {text[-2000:]}")
