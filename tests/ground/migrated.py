"""A migrated database of each engine, made once for a whole `make test` and copied by every process of it.

Outside `make test`, SQLite's is kept from one run to the next, for as long as nothing changes of what makes
it: to migrate took every process a twelfth of its time.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.ground.postgres import Postgres, execute

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(sys.prefix) / ".migrated"
KEPT_FOR = 7 * 24 * 3600
"""Seconds without a run, after which a database is taken for one of the past."""
MADE_OF = ("*/migrations/*.py", "events/*.py", "requirements.txt")
"""Our migrations, what they call, and the packages with migrations of their own."""
MIGRATED = {"sqlite": "TEST_MIGRATED_SQLITE", "postgres": "TEST_MIGRATED_POSTGRES"}
"""Engine → where the tests find its address in their environment."""


def migrate_both(server: Postgres, folder: Path) -> dict[str, str]:
    """The environment that tells the tests where they are.

    :raises RuntimeError: a migration failed; the text is what it said.
    """
    file = folder / "migrated.sqlite3"
    execute(server.url("postgres"), "CREATE DATABASE migrated")
    addresses = {"sqlite": f"sqlite:///{file}", "postgres": server.url("migrated")}
    migrations = [_migrate(address, folder / engine) for engine, address in addresses.items()]
    for migration in migrations:
        said, _none = migration.communicate()
        if migration.returncode:
            raise RuntimeError(said)
    with closing(sqlite3.connect(file)) as connection:
        # What still stands in the write-ahead log would not be in a copy of the file.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {MIGRATED[engine]: address for engine, address in addresses.items()}


def _migrate(address: str, var_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "FESTIVAL_MODE": "test", "DATABASE_URL": address, "VAR_DIR": str(var_dir)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kept_file(root: Path = ROOT, kept: Path = KEPT) -> Path:
    """Where the database lies that these migrations make, if a run before has left it."""
    told = hashlib.sha256(sqlite3.sqlite_version.encode())
    for pattern in MADE_OF:
        for source in sorted(root.glob(pattern)):
            told.update(f"{source.relative_to(root)}\0".encode() + source.read_bytes())
    return kept / f"{told.hexdigest()[:32]}.sqlite3"


def keep(connection: BaseDatabaseWrapper) -> None:
    """Leave the everyday tests' own database, as yet empty, to the next run."""
    if connection.vendor != "sqlite" or MIGRATED["sqlite"] in os.environ or (file := kept_file()).exists():
        return
    with suppress(OSError, sqlite3.OperationalError):  # an environment that may not be written to
        file.parent.mkdir(exist_ok=True)
        for old in file.parent.iterdir():
            if old.stat().st_mtime < time.time() - KEPT_FOR:
                old.unlink(missing_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(unfinished)) as copy:
            connection.connection.backup(copy)
        unfinished.replace(file)


def lend(connection: BaseDatabaseWrapper) -> None:
    """Let the everyday tests' own database begin as a copy: Django then finds nothing left to migrate."""
    ready = os.environ.get(MIGRATED["sqlite" if connection.vendor == "sqlite" else "postgres"], "")
    if not ready and connection.vendor == "sqlite" and (file := kept_file()).exists():
        file.touch()
        ready = f"sqlite:///{file}"
    if not ready:
        return
    if connection.vendor == "postgresql":
        server, _, name = ready.rpartition("/")
        if os.environ.get("DATABASE_URL", "").startswith(f"{server}/"):
            connection.settings_dict["TEST"]["TEMPLATE"] = name
        return
    in_memory = sqlite3.connect(connection.creation._get_test_db_name(), uri=True)
    with closing(sqlite3.connect(ready.removeprefix("sqlite:///"))) as migrated:
        migrated.backup(in_memory)
    # It lives for as long as somebody is connected.
    connection.lent = in_memory  # type: ignore[attr-defined]
