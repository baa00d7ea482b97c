"""`make check`: everything that can be said about the code without running the site. All checks run."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent

A_HOST = re.compile(rb"[a-z][a-z0-9+.-]*://|^(?:--(?:extra-)?index-url|--find-links|-i|-f)\s|file:")
"""What would tie a lock file to one registry or one machine."""


@dataclass(frozen=True)
class Check:
    """A command that exits 0 when all is well."""

    title: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a check."""

    title: str
    passed: bool
    output: str
    seconds: float


def tracked(*patterns: str) -> list[str]:
    """Files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).exists()]


def lock_files() -> list[Path]:
    """Every file that pins what is installed."""
    return [*sorted(ROOT.glob("requirements*.txt")), ROOT / "package-lock.json"]


def hosts_in_locks() -> list[str]:
    """Lines of lock files that name a host, a protocol or a place of this machine."""
    return [
        f"{path.name}:{number}: {line.decode(errors='replace')}"
        for path in lock_files()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if A_HOST.search(line)
    ]


def run(check: Check) -> Outcome:
    """Run one, its output kept together."""
    begun = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=ROOT,
        env={**os.environ, "FESTIVAL_MODE": "test", "DJANGO_SETTINGS_MODULE": "festival.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(check.title, done.returncode == 0, done.stdout.rstrip(), time.monotonic() - begun)


def main() -> int:
    """0 where every check passed."""
    manage = (sys.executable, "manage.py")
    checks = [
        Check("types (mypy)", (str(PROGRAMS / "mypy"), ".")),
        Check("format (ruff format)", (str(PROGRAMS / "ruff"), "format", "--check", ".")),
        Check("lint (ruff check)", (str(PROGRAMS / "ruff"), "check", ".")),
        Check(
            "templates (djade)",
            (str(PROGRAMS / "djade"), "--check", "--target-version", "5.2", *tracked("*.html")),
        ),
        Check("import map (lint-imports)", (str(PROGRAMS / "lint-imports"),)),
        Check("system check", (*manage, "check", "--fail-level", "WARNING")),
        Check("missing migrations", (*manage, "makemigrations", "--check", "--dry-run")),
        Check("French texts", (*manage, "catalogue", "check")),
    ]
    failures = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for outcome in pool.map(run, checks):
            failures += not outcome.passed
            word = "ok    " if outcome.passed else "FAILED"
            print(f"{word} {outcome.title} ({outcome.seconds:.1f} s)", flush=True)
            if not outcome.passed:
                print("\n".join(f"       {line}" for line in outcome.output.splitlines()), flush=True)
    named = hosts_in_locks()
    failures += bool(named)
    print(f"{'FAILED' if named else 'ok    '} lock files name no host", flush=True)
    for line in named:
        print(f"       {line}", flush=True)
    print(f"{len(checks) + 1 - failures} checks passed, {failures} failed", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
