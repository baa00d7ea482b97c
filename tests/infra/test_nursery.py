"""A child of the nursery finds what a process finds that began with nothing, and outlives no test run."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil
import pytest

from tests.ground.nursery import Nursery
from tests.ground.site import Site, read_json

pytestmark = pytest.mark.guarantee

LOOK = """
import json, logging, os, re, signal, sys, threading, time
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from festival.celery import app

def shown(value):
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))

def table(source, names):
    return {name: shown(getattr(source, name)) for name in names}

print(json.dumps({
    "connections": [shown(connections.settings), shown(caches.settings)],
    "settings": table(settings, filter(str.isupper, dir(settings))),
    "celery": table(app.conf, [name for name in app.conf if re.match("broker|task|worker|beat", name)]),
    "environment": dict(os.environ),
    "python": [__name__, sys.argv, [entry or os.getcwd() for entry in sys.path], shown(sys.flags)],
    "system": [os.getcwd(), os.umask(0o022), sys.executable],
    "streams": [[stream.fileno(), stream.encoding, stream.errors] for stream in (sys.stdin, sys.stdout)],
    "time zone": [time.tzname, time.timezone],
    "logs": [logging.root.level, shown(logging.root.handlers)],
    "signals": {number: shown(signal.getsignal(number)) for number in signal.valid_signals()},
    "open files": len(os.listdir("/proc/self/fd")),
    "threads": threading.active_count(),
    "leads its session": os.getsid(0) == os.getpid() == os.getpgid(0),
}))
"""


UNUSUAL = {
    "REDIS_URL": "redis://127.0.0.1:6390/3",
    "EMAIL_URL": "smtp://camille:secret@127.0.0.1:2525",
    "RATE_LIMIT_FACTOR": "7",
    "FESTIVAL_PROCESS": "web",
    "LOG_LEVEL": "ERROR",
    "DATABASE_POOL_SIZE": "3",
}


def test_it_finds_the_settings_and_the_world_of_one_that_began_with_nothing(nursery: Nursery) -> None:
    nobody_asks_it = "postgres://festival@127.0.0.1:9/festival"
    from_nothing, born = Site(nobody_asks_it), Site(nobody_asks_it, nursery)
    from_nothing.environment |= UNUSUAL
    born.environment = from_nothing.environment

    expected, found = (
        read_json(site.start_python(LOOK, "a", "b").communicate(timeout=60)[0])
        for site in (from_nothing, born)
    )

    assert found == expected
    assert found["settings"]["RATE_LIMIT_FACTOR"] == "7"
    assert found["celery"]["broker_url"] == "'redis://127.0.0.1:6390/3'"
    from_nothing.close()
    born.close()


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_its_end_is_told_as_that_of_any_process(site: Site) -> None:
    assert site.python("import sys; sys.exit(3)", check=False).returncode == 3
    failed = site.python("1 / 0", check=False)
    assert (failed.returncode, failed.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")
    refused = site.manage("check_invariants", "--nonsense", check=False)
    assert (refused.returncode, "unrecognized arguments: --nonsense" in refused.stderr) == (2, True)
    said = site.python("import atexit, sys; atexit.register(print, 'last'); sys.exit('no')", check=False)
    assert (said.returncode, said.stdout, said.stderr) == (1, "last\n", "no\n")

    sleeper = site.start_python("import time; time.sleep(60)")
    assert sleeper.poll() is None
    sleeper.kill()
    assert sleeper.wait(60) == -signal.SIGKILL
    with pytest.raises(subprocess.TimeoutExpired):
        site.start_python("import time; time.sleep(60)").communicate(timeout=0.5)


def test_its_children_end_with_it_and_a_dead_one_is_replaced(database_url: str) -> None:
    nursery = Nursery()
    site = Site(database_url, nursery)
    sleeper = site.start_python("import time; time.sleep(60)")
    assert nursery._process is not None
    os.kill(nursery._process.pid, signal.SIGKILL)
    nursery._process.wait(60)

    assert site.python("print('here')").stdout == "here\n"
    second = site.start_python("import time; time.sleep(60)")
    nursery.close()

    until = time.monotonic() + 60
    while psutil.pid_exists(second.pid):
        assert time.monotonic() < until
        time.sleep(0.05)
    sleeper.kill()
    site.close()
