"""`make test`: every test, in stages that can be told apart. All stages run, whatever fails.

`make quick`: the first of them alone.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ground.bytecode import keep_bytecode
from tests.ground.migrated import migrate_both
from tests.ground.postgres import Postgres, execute


@dataclass(frozen=True)
class Stage:
    """One run of pytest."""

    title: str
    arguments: tuple[str, ...]
    engine: str


EVERYDAY = "not guarantee and not browser and not slow"
TWO_AT_A_TIME = ("-n", "2")
ONE_BY_ONE = ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")
FROM_BOTH_ENDS = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"""See tests/ground/scheduling.py."""
STAGES = [
    Stage("Everyday tests on SQLite", ("-m", EVERYDAY, *TWO_AT_A_TIME), "sqlite"),
    Stage(
        "The same on PostgreSQL and what is slow, but for what no engine has a part in",
        ("-m", "not guarantee and not browser and not once", *TWO_AT_A_TIME),
        "postgres",
    ),
    Stage(
        "Guarantees, with real processes, each on both engines; and what is slow",
        ("-m", "guarantee or (slow and not browser)", *FROM_BOTH_ENDS),
        "sqlite",
    ),
    Stage(
        "Journeys in a real browser",
        ("-m", "browser and not guarantee", *ONE_BY_ONE),
        "sqlite",
    ),
]


def run(stage: Stage, ground: Mapping[str, str]) -> int:
    """The stage's exit code. A stage that finds no test has failed: its promise was not tried."""
    environment = {**os.environ, **ground}
    environment.pop("TEST_ENGINE", None)
    if stage.engine == "sqlite":
        environment.pop("DATABASE_URL", None)
    print(f"\n━━ {stage.title}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--engine={stage.engine}", *stage.arguments]
    return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def laid_ground() -> Iterator[dict[str, str]]:
    """What all stages stand on, made once: a PostgreSQL server, and a migrated database of each engine."""
    server = Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="festival-ground-") as folder:
            execute(server.url("postgres"), "CREATE DATABASE festival")
            yield {"TEST_POSTGRES_URL": server.url("festival"), **migrate_both(server, Path(folder))}
    finally:
        server.stop()


def main() -> int:
    """0 where every stage passed."""
    begun = time.monotonic()
    keep_bytecode()
    if sys.argv[1:] == ["quick"]:
        return run(STAGES[0], {})
    with laid_ground() as ground:
        failed = [stage.title for stage in STAGES if run(stage, ground) != 0]
    minutes = (time.monotonic() - begun) / 60
    print(
        f"\n━━ {len(STAGES) - len(failed)} of {len(STAGES)} stages passed in {minutes:.1f} minutes",
        flush=True,
    )
    for title in failed:
        print(f"   failed: {title}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
