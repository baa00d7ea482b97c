"""`make test`: every test, in stages that can be told apart. All stages run, whatever fails."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.ground.bytecode import keep_bytecode


@dataclass(frozen=True)
class Stage:
    """One run of pytest."""

    title: str
    arguments: tuple[str, ...]
    engine: str


EVERYDAY = ("-m", "not guarantee and not browser and not slow", "-n", "2")
STAGES = [
    Stage("Everyday tests on SQLite", EVERYDAY, "sqlite"),
    Stage("The same on PostgreSQL", EVERYDAY, "postgres"),
    Stage(
        "Guarantees, with real processes, each on both engines; and what is slow",
        ("-m", "guarantee or (slow and not browser)", "-n", "2"),
        "sqlite",
    ),
    Stage(
        "Journeys in a real browser",
        ("-m", "browser and not guarantee", "-n", "2", "--dist", "loadscope"),
        "sqlite",
    ),
]


def run(stage: Stage) -> int:
    """The stage's exit code. A stage that finds no test has failed: its promise was not tried."""
    environment = {name: value for name, value in os.environ.items() if name != "TEST_ENGINE"}
    if stage.engine == "sqlite":
        environment.pop("DATABASE_URL", None)
    print(f"\n━━ {stage.title}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--engine={stage.engine}", *stage.arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """0 where every stage passed."""
    begun = time.monotonic()
    keep_bytecode()
    failed = [stage.title for stage in STAGES if run(stage) != 0]
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
