"""What a model's ``Meta.constraints`` cannot say on both engines: nothing is in two places at once.

Three tables hold ranges of time that never overlap for one room or one person: ``ROOMS`` (what occupies a
room), ``DRAFT`` (what would occupy it by the draft), ``PEOPLE`` (who receives visitors when). PostgreSQL
holds them with exclusion constraints, SQLite with triggers, so the admin, an import, ``bulk_create``,
``QuerySet.update`` and plain SQL are refused too.

Two more rules tie these ranges to the slot, so that writing to the slot alone leaves no hole: an appearance
always has the times of its slot, a placed slot does not leave the time for which it holds its room, and one
that was cancelled and comes back takes its room again or is refused.

Laid by migrations and, on SQLite, again after each ``migrate``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "events_roomoccupancy"
GUARD = "no_room_is_occupied_twice"
DRAFT_GUARD = "no_room_is_planned_twice"
PERSON_GUARD = "nobody_is_in_two_places"
TIED_GUARD = "a_placed_slot_keeps_the_time_of_its_room"


@dataclass(frozen=True, slots=True)
class NoOverlap:
    """Active rows of ``table`` with the same ``key`` share no instant of [starts_at, ends_at)."""

    name: str
    table: str
    key: str
    active: str = ""

    @property
    def postgresql(self) -> str:
        where = f" WHERE ({self.active})" if self.active else ""
        return (
            f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} "
            f"EXCLUDE USING gist ({self.key} WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&){where}"
        )

    def sqlite(self, event: str) -> str:
        """The trigger for INSERT or for UPDATE."""
        new, other = (f"NEW.{self.active}", f"other.{self.active}") if self.active else ("1", "1")
        itself = "1" if event == "INSERT" else "other.id <> NEW.id"
        return f"""
            CREATE TRIGGER IF NOT EXISTS {self.name}_on_{event.lower()} BEFORE {event} ON {self.table}
            WHEN {new} BEGIN
                SELECT RAISE(ABORT, '{self.name}') WHERE EXISTS (
                    SELECT 1 FROM {self.table} other
                    WHERE other.{self.key} = NEW.{self.key} AND {other} AND {itself}
                      AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at);
            END"""  # noqa: S608 - constants of this module


ROOMS = NoOverlap(GUARD, TABLE, "room_id", "active")
DRAFT = NoOverlap(DRAFT_GUARD, "events_plannedstay", "room_id")
PEOPLE = NoOverlap(PERSON_GUARD, "events_appearance", "person_id", "active")
ALL = (ROOMS, DRAFT, PEOPLE)

_SLOTS_TIME = "an_appearance_has_the_time_of_its_slot"
_SLOT_COPIES = "a_slot_takes_its_appearances_along"

TIES_ON_POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION {_SLOTS_TIME}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- FOR SHARE waits for whoever is moving the slot just now.
        SELECT starts_at, ends_at, state <> 'cancelled' INTO NEW.starts_at, NEW.ends_at, NEW.active
        FROM events_slot WHERE id = NEW.slot_id FOR SHARE;
        RETURN NEW;
    END $$
    """,  # noqa: S608
    f"""
    CREATE OR REPLACE TRIGGER {_SLOTS_TIME} BEFORE INSERT OR UPDATE ON events_appearance
    FOR EACH ROW EXECUTE FUNCTION {_SLOTS_TIME}()
    """,
    f"""
    CREATE OR REPLACE FUNCTION {_SLOT_COPIES}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE events_appearance SET starts_at = NEW.starts_at WHERE slot_id = NEW.id;
        RETURN NULL;
    END $$
    """,  # noqa: S608
    f"""
    CREATE OR REPLACE TRIGGER {_SLOT_COPIES} AFTER UPDATE OF starts_at, ends_at, state ON events_slot
    FOR EACH ROW EXECUTE FUNCTION {_SLOT_COPIES}()
    """,
    f"""
    CREATE OR REPLACE FUNCTION {TIED_GUARD}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state = 'cancelled' AND NEW.state <> 'cancelled' THEN
            UPDATE {TABLE} SET active = true WHERE slot_id = NEW.id AND NOT active;
        END IF;
        IF NEW.state <> 'cancelled' AND EXISTS (
            SELECT 1 FROM {TABLE} WHERE slot_id = NEW.id AND active
            AND NOT (starts_at <= NEW.starts_at AND ends_at >= NEW.ends_at)
        ) THEN
            RAISE EXCEPTION '{TIED_GUARD}' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,  # noqa: S608
    f"""
    CREATE OR REPLACE TRIGGER {TIED_GUARD} AFTER UPDATE OF starts_at, ends_at, state ON events_slot
    FOR EACH ROW EXECUTE FUNCTION {TIED_GUARD}()
    """,
]

_OF_ITS_SLOT = (
    "SET starts_at = (SELECT starts_at FROM events_slot WHERE id = slot_id), "
    "ends_at = (SELECT ends_at FROM events_slot WHERE id = slot_id), "
    "active = (SELECT state <> 'cancelled' FROM events_slot WHERE id = slot_id)"
)

TIES_ON_SQLITE = [
    # The times a row comes with count for nothing, so the overlap is looked for when they are written anew.
    f"""
    CREATE TRIGGER IF NOT EXISTS {_SLOTS_TIME} AFTER INSERT ON events_appearance BEGIN
        UPDATE events_appearance {_OF_ITS_SLOT} WHERE id = NEW.id;
    END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS {_SLOTS_TIME}_kept AFTER UPDATE OF starts_at, ends_at, active, slot_id
    ON events_appearance
    WHEN NEW.starts_at <> (SELECT starts_at FROM events_slot WHERE id = NEW.slot_id)
      OR NEW.ends_at <> (SELECT ends_at FROM events_slot WHERE id = NEW.slot_id)
      OR NEW.active <> (SELECT state <> 'cancelled' FROM events_slot WHERE id = NEW.slot_id)
    BEGIN
        UPDATE events_appearance {_OF_ITS_SLOT} WHERE id = NEW.id;
    END
    """,  # noqa: S608
    f"""
    CREATE TRIGGER IF NOT EXISTS {_SLOT_COPIES} AFTER UPDATE OF starts_at, ends_at, state ON events_slot BEGIN
        UPDATE events_appearance {_OF_ITS_SLOT} WHERE slot_id = NEW.id;
    END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS {TIED_GUARD} AFTER UPDATE OF starts_at, ends_at, state ON events_slot
    WHEN NEW.state <> 'cancelled' BEGIN
        UPDATE {TABLE} SET active = 1
        WHERE slot_id = NEW.id AND NOT active AND OLD.state = 'cancelled';
        SELECT RAISE(ABORT, '{TIED_GUARD}') WHERE EXISTS (
            SELECT 1 FROM {TABLE} WHERE slot_id = NEW.id AND active
            AND NOT (starts_at <= NEW.starts_at AND ends_at >= NEW.ends_at));
    END
    """,  # noqa: S608
]


def lay(connection: BaseDatabaseWrapper, guards: Iterable[NoOverlap] = ALL) -> None:
    """Put the guards in place, of those whose table there is. Safe to call twice."""
    tables = connection.introspection.table_names()
    guards = [guard for guard in guards if guard.table in tables]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
            for guard in guards:
                if not present(connection, guard):
                    cursor.execute(guard.postgresql)
        else:
            for guard in guards:
                if guard is not PEOPLE:
                    cursor.execute(guard.sqlite("INSERT"))
                cursor.execute(guard.sqlite("UPDATE"))


def tie(connection: BaseDatabaseWrapper) -> None:
    """Tie appearances and rooms to the time of their slot. Safe to call twice."""
    with connection.cursor() as cursor:
        for statement in TIES_ON_POSTGRESQL if connection.vendor == "postgresql" else TIES_ON_SQLITE:
            cursor.execute(statement)


def untie(connection: BaseDatabaseWrapper) -> None:
    """For the migration's way back and for the tests' negative control."""
    is_postgres = connection.vendor == "postgresql"
    ties = {_SLOTS_TIME: "events_appearance", _SLOT_COPIES: "events_slot", TIED_GUARD: "events_slot"}
    with connection.cursor() as cursor:
        for name, table in ties.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if is_postgres else ""))
        if is_postgres:
            for name in ties:
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")
        else:
            cursor.execute(f"DROP TRIGGER IF EXISTS {_SLOTS_TIME}_kept")


def tied(connection: BaseDatabaseWrapper) -> bool:
    """Whether all the ties are there."""
    names = [_SLOTS_TIME, _SLOT_COPIES, TIED_GUARD]
    if connection.vendor == "postgresql":
        sql = "SELECT count(*) FROM pg_trigger WHERE tgname IN (%s, %s, %s)"
    else:
        names.append(f"{_SLOTS_TIME}_kept")
        sql = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN (%s, %s, %s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(sql, names)
        return bool(cursor.fetchone()[0] == len(names))


def lift(connection: BaseDatabaseWrapper, guard: NoOverlap = ROOMS) -> None:
    """Take one guard away: for the migration's way back and for the tests' negative control."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {guard.table} DROP CONSTRAINT IF EXISTS {guard.name}")
        else:
            cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}_on_insert")
            cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}_on_update")


def present(connection: BaseDatabaseWrapper, guard: NoOverlap = ROOMS) -> bool:
    """Whether the database would refuse an overlap."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT count(*) FROM pg_constraint WHERE conname = %s", [guard.name])
            return bool(cursor.fetchone()[0] == 1)
        cursor.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s",
            [f"{guard.name}_on_%"],
        )
        return bool(cursor.fetchone()[0] == (1 if guard is PEOPLE else 2))


def install_guards(using: str, **kwargs: Any) -> None:
    """After ``migrate``: lay the triggers again where a rebuilt SQLite table has lost them."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        tables = connection.introspection.table_names()
        lay(connection)
        if PEOPLE.table in tables:
            tie(connection)
