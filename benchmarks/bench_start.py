"""How soon `make run` shows its first page, on a machine where everything is installed.

The first start makes the database and the demonstration; the second finds them.
"""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.ground import Ground, Ratio, Report
from tests.ground.ports import free_port
from tests.ground.site import ROOT

TARGET = 20.0
"""Seconds to the first page."""
PATIENCE = 120.0


def run(ground: Ground) -> Report:
    """Seconds from `make run` to the home page, first and second start."""
    folder = Path(tempfile.mkdtemp(prefix="festival-start-"))
    try:
        first = seconds_to_first_page(folder)
        second = seconds_to_first_page(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Report(
        [
            Ratio("seconds from `make run` to the first page, nothing there yet", first, at_most=TARGET),
            Ratio("seconds from `make run` to the first page, again", second, at_most=TARGET),
        ],
        {"first_s": round(first, 2), "second_s": round(second, 2)},
    )


def seconds_to_first_page(folder: Path) -> float:
    """Start, ask for the home page until it is whole, stop with Ctrl-C. Raises ``AssertionError``."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "VAR_DIR": str(folder),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FESTIVAL_MODE": "development",
    }
    begun = time.monotonic()
    with (folder / "start.log").open("ab") as log:
        site = subprocess.Popen(
            ["make", "--silent", "run"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while True:
            if is_open(port):
                return time.monotonic() - begun
            said = (folder / "start.log").read_text("utf-8", "replace")[-2000:]
            assert site.poll() is None, f"make run ended with {site.returncode}:\n{said}"
            assert time.monotonic() - begun < PATIENCE, f"no page after {PATIENCE:.0f} s:\n{said}"
            time.sleep(0.1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(site.pid, signal.SIGINT)
        site.wait(60)


def is_open(port: int) -> bool:
    """Whether the home page of the festival comes, whole."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(client):
            client.request("GET", "/")
            answer = client.getresponse()
            return answer.status == 200 and b"</html>" in answer.read()
    return False
