"""A fresh, migrated database for every test that runs real processes, made by copying one."""

import itertools
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.ground.migrated import MIGRATED
from tests.ground.nursery import Nursery
from tests.ground.postgres import Postgres, execute, maintenance_url
from tests.ground.site import Site

_numbers = itertools.count(1)

PATIENCE = {
    "sqlite": "timeout=120",
    "postgres": "connect_timeout=60&pool_timeout=60&options=-c%20lock_timeout%3D60000"
    "%20-c%20statement_timeout%3D120000",
}
"""How long the site waits for others in a race that is not about waiting: three seconds are enough for
people, and a busy machine stops a process for longer.
"""


class Databases:
    """Migrates once per engine and process, then copies: a file, or CREATE DATABASE … TEMPLATE."""

    def __init__(self, folder: Path, worker: str, nursery: Nursery) -> None:
        self._nursery = nursery
        self._folder = folder
        self._worker = worker
        self._server: Postgres | None = None
        self._templates: dict[str, str] = {}
        self._to_drop: list[str] = []

    def _postgres(self) -> str:
        """Any address on the server: the whole run's, else one of our own."""
        shared = os.environ.get("TEST_POSTGRES_URL")
        if shared:
            return shared
        if self._server is None:
            self._server = Postgres()
        return self._server.url("postgres")

    def _template(self, engine: str) -> str:
        if engine not in self._templates:
            self._templates[engine] = os.environ.get(MIGRATED[engine]) or self._migrate(engine)
        return self._templates[engine]

    def _migrate(self, engine: str) -> str:
        """One of our own, where `make test` has laid none ready."""
        if engine == "sqlite":
            url = f"sqlite:///{self._folder / 'template.sqlite3'}"
        else:
            name = f"template_{self._worker}_{os.getpid()}"
            execute(maintenance_url(self._postgres()), f"CREATE DATABASE {name}")
            url = f"{self._postgres().rpartition('/')[0]}/{name}"
        site = Site(url, self._nursery)
        try:
            site.manage("migrate", "--verbosity", "0")
        finally:
            site.close()
        if engine == "sqlite":
            # What still stands in the write-ahead log would not be in a copy of the file.
            with closing(sqlite3.connect(self._folder / "template.sqlite3")) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif self._server is None:
            self._to_drop.append(url)
        return url

    def fresh(self, engine: str) -> str:
        """The address of a new database with every table and no row of the festival, asked with patience."""
        template = self._template(engine)
        number = next(_numbers)
        if engine == "sqlite":
            copy = self._folder / f"site-{number}.sqlite3"
            shutil.copy(template.removeprefix("sqlite:///"), copy)
            return f"sqlite:///{copy}?{PATIENCE[engine]}"
        name = f"site_{self._worker}_{os.getpid()}_{number}"
        execute(maintenance_url(template), f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2]}")
        return f"{template.rpartition('/')[0]}/{name}?{PATIENCE[engine]}"

    def carry(self, server: Postgres, name: str) -> None:
        """The same on a server of the test's own."""
        server.take_over(self._template("postgres"), name)

    def drop(self, url: str) -> None:
        """Throw one away, whoever is still connected."""
        url = url.partition("?")[0]
        if url.startswith("sqlite"):
            path = Path(url.removeprefix("sqlite:///"))
            for file in path.parent.glob(f"{path.name}*"):
                file.unlink()
        else:
            execute(maintenance_url(url), f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def close(self) -> None:
        """Drop the templates and end our own server."""
        for url in self._to_drop:
            self.drop(url)
        if self._server is not None:
            self._server.stop()
