"""What a model's ``Meta.constraints`` cannot say on both engines: a room is never occupied twice.

PostgreSQL holds it with an exclusion constraint, SQLite with two triggers, so the admin, an import,
``bulk_create``, ``QuerySet.update`` and plain SQL are refused too. Laid by migration 0001 and, on SQLite,
again after each ``migrate``.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "events_roomoccupancy"
GUARD = "no_room_is_occupied_twice"

POSTGRESQL = f"""
ALTER TABLE {TABLE} ADD CONSTRAINT {GUARD}
EXCLUDE USING gist (room_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&) WHERE (active)
"""

SQLITE = [
    f"""
    CREATE TRIGGER IF NOT EXISTS {GUARD}_{moment} BEFORE {event} ON {TABLE} WHEN NEW.active BEGIN
        SELECT RAISE(ABORT, '{GUARD}') WHERE EXISTS (
            SELECT 1 FROM {TABLE} other
            WHERE other.room_id = NEW.room_id AND other.active AND {other}
              AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at);
    END
    """  # noqa: S608 - constants of this module
    for moment, event, other in (("on_insert", "INSERT", "1"), ("on_update", "UPDATE", "other.id <> NEW.id"))
]


def lay(connection: BaseDatabaseWrapper) -> None:
    """Put the guard in place. Safe to call twice."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
            if not present(connection):
                cursor.execute(POSTGRESQL)
        else:
            for statement in SQLITE:
                cursor.execute(statement)


def lift(connection: BaseDatabaseWrapper) -> None:
    """Take the guard away: for the migration's way back and for the tests' negative control."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {GUARD}")
        else:
            cursor.execute(f"DROP TRIGGER IF EXISTS {GUARD}_on_insert")
            cursor.execute(f"DROP TRIGGER IF EXISTS {GUARD}_on_update")


def present(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database would refuse a second occupancy of a room."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT count(*) FROM pg_constraint WHERE conname = %s", [GUARD])
            return bool(cursor.fetchone()[0] == 1)
        cursor.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"{GUARD}_on_%"]
        )
        return bool(cursor.fetchone()[0] == len(SQLITE))


def install_guards(using: str, **kwargs: Any) -> None:
    """After ``migrate``: lay the triggers again where a rebuilt SQLite table has lost them."""
    connection = connections[using]
    if connection.vendor == "sqlite" and TABLE in connection.introspection.table_names():
        lay(connection)
