"""One command runs the whole site, and nothing it started outlives it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.ground.databases import Databases
from tests.ground.ports import free_port
from tests.ground.site import ROOT
from tests.guarantees.mailroom import at_best

pytestmark = [pytest.mark.guarantee, pytest.mark.slow, pytest.mark.lengthy]


class Served:
    """`manage.py serve` in a state folder of its own, its output in a file."""

    def __init__(self, var_dir: Path, port: int, **environment: str) -> None:
        self.var_dir = var_dir
        self.port = port
        self.log = Path(tempfile.mkstemp(prefix="serve-", suffix=".log", dir=var_dir.parent)[1])
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TEST_", "DATABASE"))
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--no-demo"],
                cwd=ROOT,
                env={
                    **inherited,
                    "DJANGO_SETTINGS_MODULE": "festival.settings",
                    "FESTIVAL_MODE": "development",
                    "VAR_DIR": str(var_dir),
                    "PORT": str(port),
                    "HOST": "127.0.0.1",
                    "SERVED_FOR": self.log.name,
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """Everything it said so far."""
        return self.log.read_text(errors="replace")

    def wait_open(self) -> "Served":
        """Until it says that the festival is open."""
        wait_until(lambda: "The festival is open" in self.output or self.process.poll() is not None, 180)
        assert "The festival is open" in self.output, self.output
        return self

    def family(self) -> list[psutil.Process]:
        """Every process that came of this start, grandchildren too; not the supervisor itself."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get("SERVED_FOR") == self.log.name
                if mine and process.pid != self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def child(self, words: str) -> psutil.Process:
        """The one direct child whose command line holds these words."""
        found = [
            child
            for child in psutil.Process(self.process.pid).children()
            if words in " ".join(child.cmdline())
        ]
        assert len(found) == 1, [child.cmdline() for child in found]
        return found[0]

    def get(self, path: str) -> str:
        """The page's text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            text: str = answer.read().decode()
            return text

    def is_ready(self) -> bool:
        """It says so: at once, or when a busy machine has let the broker answer within its second."""
        return wait_until(lambda: '"status": "ready"' in self.get("/readyz"), 60)

    def end(self) -> None:
        """Whatever a failed test left."""
        for process in (
            [*self.family(), psutil.Process(self.process.pid)]
            if self.process.poll() is None
            else self.family()
        ):
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait(60)


def wait_until(true: Callable[[], object], seconds: float) -> bool:
    """Ask again and again, a bounded time; whether it came to be."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture
def serve(tmp_path: Path, databases: Databases) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(var_dir: Path | None = None, port: int | None = None, **environment: str) -> Served:
        environment.setdefault("DATABASE_URL", databases.fresh("sqlite"))
        served = Served(var_dir or tmp_path / "var", port or free_port(), **environment)
        started.append(served)
        return served

    yield start
    for served in started:
        served.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Served]:
    """One site for the tests that leave it as they found it, in a folder whose name is too long for a socket.
    The last one ends it.
    """
    folder = tmp_path_factory.mktemp("running") / ("d" * 60) / ("e" * 60)
    folder.mkdir(parents=True)
    served = Served(folder, free_port(), DATABASE_URL=databases.fresh("sqlite")).wait_open()
    yield served
    served.end()


def test_everything_is_ready_in_order(running: Served) -> None:
    assert running.is_ready()
    broker, web, worker, beat = (
        running.child(words).create_time()
        for words in ("valkey-server", "gunicorn", "festival worker", "festival beat")
    )
    assert broker < web < worker < beat
    assert len(running.family()) >= 7  # broker, gunicorn and its two, worker and its two, beat


def test_nothing_is_left_of_a_killed_supervisor_and_the_site_starts_again_right_after(
    serve: Callable[..., Served],
) -> None:
    first = serve().wait_open()
    assert len(first.family()) >= 7
    first.process.kill()
    first.process.wait(60)
    wait_until(lambda: _listens_nobody(first.port), 60)

    second = serve(var_dir=first.var_dir, port=first.port).wait_open()

    assert second.is_ready()
    wait_until(lambda: not first.family(), 60)
    assert [process.cmdline() for process in first.family()] == []
    assert stops_in_order(second, signal.SIGINT)


def test_a_child_that_dies_is_started_again(running: Served) -> None:
    served = running
    beat = served.child("festival beat")

    beat.kill()

    wait_until(lambda: "beat   │" in served.output and "starting it again" in served.output, 60)
    assert re.search(r"beat ended with SIGKILL; starting it again in 1 s", served.output)
    wait_until(lambda: any("festival beat" in " ".join(c.cmdline()) for c in _children(served)), 60)
    assert served.child("festival beat").pid != beat.pid


def test_a_second_site_in_the_same_folder_is_refused(running: Served, serve: Callable[..., Served]) -> None:
    first = running

    second = serve(var_dir=first.var_dir)

    assert second.process.wait(120) == 1
    assert f"The site is already running from {first.var_dir} (process {first.process.pid})" in second.output
    assert first.is_ready()


def test_a_busy_port_is_said_clearly(serve: Callable[..., Served]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        served = serve(port=port)

        assert served.process.wait(120) == 1
        assert f"Cannot listen on 127.0.0.1:{port}" in served.output
        assert "Traceback" not in served.output


def test_a_port_that_is_no_port_is_said_clearly(serve: Callable[..., Served]) -> None:
    served = serve(port=free_port(), PORT="http")

    assert served.process.wait(120) == 1
    assert "PORT is 'http': expected a number from 1 to 65535." in served.output


def test_a_long_state_folder_still_has_a_broker(running: Served) -> None:
    assert len(str(running.var_dir)) > 120
    assert running.child("valkey-server").is_running()
    assert running.is_ready()


def test_the_site_is_ready_but_degraded_while_the_broker_is_hung(running: Served) -> None:
    served = running
    broker = served.child("valkey-server")

    broker.suspend()

    def is_told_at_once() -> bool:
        begun = time.monotonic()
        assert '"status": "degraded: broker"' in served.get("/readyz")
        return time.monotonic() - begun < 2

    assert at_best(is_told_at_once)
    broker.resume()
    assert served.is_ready()


def test_it_ends_in_order_when_told(running: Served) -> None:
    assert stops_in_order(running, signal.SIGTERM)


def stops_in_order(served: Served, asked: int) -> bool:
    """Everybody goes by themselves, and nobody is left."""
    served.process.send_signal(asked)
    assert served.process.wait(120) == 0
    wait_until(lambda: not served.family(), 60)
    assert served.family() == []
    assert "killed" not in served.output
    return True


def _children(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children()


def _listens_nobody(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
