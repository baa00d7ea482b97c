"""Marks that whoever follows the programme needs, kept by the database whatever writes.

``events_slot.changed_ms`` is when what feeds say of a slot last changed, in milliseconds since 1970 (UTC):
its own columns, those of its activity, host, venue, room, territory and edition that are shown, and whether
it is full. It never goes back and rises with every change, so that a sum over a set tells one state of it
from another. How many places are left of many is no change: booking a place costs nothing here.

``events_goneslot`` gets a row when a slot that the public could see is deleted or taken back (itself, its
activity or its edition). It holds numbers, times, the codes that feeds are filtered by and the position of
its venue: a title or a text that was withdrawn is not kept.

Laid by a migration and, on SQLite, again after each ``migrate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "events_goneslot"
OWN = "a_slot_says_when_it_changed"
GONE = "a_slot_that_goes_leaves_a_mark"
SHOWN = "what_a_slot_shows_marks_it"
PREFIXES = (OWN, GONE, SHOWN)

_PG_NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
_LITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_COLUMNS = (
    *("activity_id", "venue_id", "room_id", "starts_at", "ends_at", "timezone", "state"),
    *("capacity", "overbook", "opens_at", "next_release_at"),
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A table whose ``columns`` are shown with each slot that ``of`` finds (``NEW`` is its row)."""

    table: str
    columns: tuple[str, ...]
    of: str


_ACTIVITIES = "slot.activity_id IN (SELECT id FROM events_activity WHERE {} = NEW.id)"
_ON_VENUE = "slot.venue_id = NEW.id"
SHOWN_WITH_A_SLOT = (
    _Shown(
        "events_activity",
        (
            *("festival_id", "programme_id", "territory_id", "host_id", "venue_id", "slug", "title_fr"),
            *("title_en", "description_fr", "description_en", "format", "theme", "mode", "audience"),
            *("minimum_age", "languages", "access", "meeting_point", "announced", "state", "external_id"),
            *("image_url", "image_credit"),
        ),
        "slot.activity_id = NEW.id",
    ),
    _Shown("events_host", ("name", "slug"), _ACTIVITIES.format("host_id")),
    _Shown(
        "events_venue",
        (
            *("name", "slug", "address", "postcode", "commune_id", "latitude", "longitude", "access"),
            "territory_id",
        ),
        _ON_VENUE,
    ),
    _Shown(
        "events_commune",
        ("name",),
        "slot.venue_id IN (SELECT id FROM events_venue WHERE commune_id = NEW.id)",
    ),
    _Shown("events_room", ("name",), "slot.room_id = NEW.id"),
    _Shown("events_territory", ("name", "slug", "contact_email"), _ACTIVITIES.format("territory_id")),
    _Shown("events_festival", ("name", "contact_email", "state"), _ACTIVITIES.format("festival_id")),
)

_FULL = (
    "({0}.capacity IS NOT NULL AND {0}.capacity + {0}.overbook - {0}.taken - {0}.held - {0}.reserved <= 0)"
)
_SEEN = "('published', 'cancelled')"
_KEPT = {
    "activity_number": "slot.activity_id",
    **{name: f"slot.{name}" for name in ("starts_at", "ends_at", "timezone")},
    "territory_id": "activity.territory_id",
    "programme_number": "activity.programme_id",
    **{name: f"activity.{name}" for name in ("format", "theme", "mode", "audience", "languages")},
    # Written as |mi|vi| each: one after the other they are read the same.
    "access": "activity.access || COALESCE(venue.access, '')",
    "commune_number": "venue.commune_id",
    **{name: f"venue.{name}" for name in ("latitude", "longitude")},
}
"""Columns of the mark, and what they are of the slot."""


def _gone(which: str, now: str, *, state: str, activity: str, festival: str, present: str) -> str:
    """Leave a mark for the slots of ``which``; the rest says what was seen before the change."""
    names = ", ".join(_KEPT)
    anew = ", ".join(f"{name} = excluded.{name}" for name in _KEPT)
    return f"""
        INSERT INTO events_goneslot (slot_number, sequence, gone_ms, {names})
        SELECT slot.id, slot.revision + 2, {now}, {", ".join(_KEPT.values())}
        FROM {which} JOIN events_activity activity ON activity.id = slot.activity_id
        JOIN events_festival festival ON festival.id = activity.festival_id
        LEFT JOIN events_venue venue ON venue.id = slot.venue_id
        WHERE {state} IN {_SEEN} AND {activity} IN {_SEEN} AND {festival} = 'published'
          AND slot.ends_at > {present}
        ON CONFLICT (slot_number) DO UPDATE SET {anew},
            sequence = CASE WHEN events_goneslot.sequence >= excluded.sequence
                       THEN events_goneslot.sequence + 2 ELSE excluded.sequence END,
            gone_ms = CASE WHEN events_goneslot.gone_ms >= excluded.gone_ms
                      THEN events_goneslot.gone_ms + 1 ELSE excluded.gone_ms END;
    """  # noqa: S608 - constants of this module


_OLD_SLOT = (
    "(SELECT OLD.id AS id, OLD.activity_id AS activity_id, OLD.venue_id AS venue_id, "
    "OLD.starts_at AS starts_at, "
    "OLD.ends_at AS ends_at, OLD.timezone AS timezone, OLD.revision AS revision, OLD.state AS state) slot"
)
_NOW_SEEN = {"state": "slot.state", "activity": "activity.state", "festival": "festival.state"}
_GOES: tuple[tuple[str, str, str, str, dict[str, str]], ...] = (
    # trigger, what it is on, when, whose slots, what was seen before
    ("deleted", "DELETE ON events_slot", "", _OLD_SLOT, {}),
    (
        "taken_back",
        "UPDATE OF state ON events_slot",
        f"OLD.state IN {_SEEN} AND NEW.state NOT IN {_SEEN}",
        _OLD_SLOT,
        {},
    ),
    (
        "with_its_activity",
        "UPDATE OF state ON events_activity",
        f"OLD.state IN {_SEEN} AND NEW.state NOT IN {_SEEN}",
        "(SELECT * FROM events_slot WHERE activity_id = OLD.id) slot",
        {"activity": "OLD.state"},
    ),
    (
        "with_its_edition",
        "UPDATE OF state ON events_festival",
        "OLD.state = 'published' AND NEW.state <> 'published'",
        "(SELECT events_slot.* FROM events_slot JOIN events_activity own "
        "ON own.id = events_slot.activity_id WHERE own.festival_id = OLD.id) slot",
        {"festival": "OLD.state"},
    ),
)


def lay(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place. Safe to call twice."""
    with connection.cursor() as cursor:
        for statement in _on_postgresql() if connection.vendor == "postgresql" else _on_sqlite():
            cursor.execute(statement)


def lift(connection: BaseDatabaseWrapper) -> None:
    """Take them away: for the migration's way back and for the tests' negative control."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for name in PREFIXES:
                cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE %s", [f"{name}%"])
                for (function,) in cursor.fetchall():
                    cursor.execute(f"DROP FUNCTION IF EXISTS {function}() CASCADE")
            return
        for name in PREFIXES:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"{name}%"]
            )
            for (trigger,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")


def install_marks(using: str, **kwargs: Any) -> None:
    """After ``migrate``: lay the triggers again where a rebuilt SQLite table has lost them."""
    connection = connections[using]
    if connection.vendor == "sqlite" and TABLE in connection.introspection.table_names():
        lay(connection)


def _differs(columns: tuple[str, ...], sign: str) -> str:
    return " OR ".join(f"OLD.{column} {sign} NEW.{column}" for column in columns)


def _on_postgresql() -> Iterator[str]:
    differs = "IS DISTINCT FROM"
    yield f"""
        CREATE OR REPLACE FUNCTION {OWN}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.changed_ms := GREATEST({_PG_NOW}, OLD.changed_ms + 1);
            RETURN NEW;
        END $$
    """
    yield f"""
        CREATE OR REPLACE TRIGGER {OWN} BEFORE UPDATE ON events_slot FOR EACH ROW
        WHEN ({_differs(_COLUMNS, differs)} OR NEW.changed_ms < OLD.changed_ms
              OR {_FULL.format("OLD")} <> {_FULL.format("NEW")})
        EXECUTE FUNCTION {OWN}()
    """
    for shown in SHOWN_WITH_A_SLOT:
        name = f"{SHOWN}_{shown.table.removeprefix('events_')}"
        # In the order of ids, as bookings lock them.
        yield f"""
            CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM 1 FROM events_slot slot WHERE {shown.of} AND slot.ends_at > now()
                ORDER BY slot.id FOR NO KEY UPDATE;
                UPDATE events_slot slot SET changed_ms = GREATEST({_PG_NOW}, slot.changed_ms + 1)
                WHERE {shown.of} AND slot.ends_at > now();
                RETURN NULL;
            END $$
        """  # noqa: S608
        yield f"""
            CREATE OR REPLACE TRIGGER {name} AFTER UPDATE ON {shown.table} FOR EACH ROW
            WHEN ({_differs(shown.columns, differs)}) EXECUTE FUNCTION {name}()
        """
    for ending, event, when, which, seen in _GOES:
        name = f"{GONE}_{ending}"
        body = _gone(which, _PG_NOW, present="now()", **{**_NOW_SEEN, **seen})
        yield f"""
            CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {body} RETURN NULL; END $$
        """
        condition = f"WHEN ({when})" if when else ""
        yield f"""
            CREATE OR REPLACE TRIGGER {name} AFTER {event} FOR EACH ROW {condition} EXECUTE FUNCTION {name}()
        """


def _on_sqlite() -> Iterator[str]:
    present = "strftime('%Y-%m-%d %H:%M:%S', 'now')"
    yield f"""
        CREATE TRIGGER IF NOT EXISTS {OWN} AFTER UPDATE ON events_slot
        WHEN {_differs(_COLUMNS, "IS NOT")} OR NEW.changed_ms < OLD.changed_ms
             OR {_FULL.format("OLD")} <> {_FULL.format("NEW")}
        BEGIN
            UPDATE events_slot SET changed_ms = MAX({_LITE_NOW}, OLD.changed_ms + 1) WHERE id = NEW.id;
        END
    """  # noqa: S608
    for shown in SHOWN_WITH_A_SLOT:
        of = shown.of.replace("slot.", "")
        yield f"""
            CREATE TRIGGER IF NOT EXISTS {SHOWN}_{shown.table.removeprefix("events_")}
            AFTER UPDATE ON {shown.table} WHEN {_differs(shown.columns, "IS NOT")}
            BEGIN
                UPDATE events_slot SET changed_ms = MAX({_LITE_NOW}, changed_ms + 1)
                WHERE {of} AND ends_at > {present};
            END
        """  # noqa: S608
    for ending, event, when, which, seen in _GOES:
        body = _gone(which, _LITE_NOW, present=present, **{**_NOW_SEEN, **seen})
        condition = f"WHEN {when}" if when else ""
        yield f"""
            CREATE TRIGGER IF NOT EXISTS {GONE}_{ending} AFTER {event} {condition} BEGIN {body} END
        """
