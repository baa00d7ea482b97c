"""Guards taken out, for the negative controls: what would happen without them.

The database undoes what the guard writes, in every process at once, however the code writes it. So a control
goes on telling the truth when the delivery is rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Guard:
    """Where a guard shows in the table of messages: at which statement, when, and what is put there instead.

    The values are (SQLite's expression, PostgreSQL's).
    """

    statement: str
    when: str
    undone: dict[str, tuple[str, str]]


LEASE = Guard(
    "UPDATE", "NEW.lease_until IS NOT NULL", {"lease_until": ("'2000-01-01 00:00:00'", "'2000-01-01 00:00Z'")}
)
"""A claim is over as soon as it is made."""

DATA_STARTED = Guard(
    "UPDATE",
    "NEW.data_started_at IS NOT NULL",
    {"data_started_at": ("NULL", "NULL"), "handed_over": ("0", "0")},
)
"""Nobody can see that the content was on its way."""

DEDUPE_KEY = Guard(
    "INSERT",
    "1 = 1",
    {
        "dedupe_key": (
            "lower(hex(randomblob(16))) || ':' || NEW.dedupe_key",
            "md5(random()::text) || ':' || NEW.dedupe_key",
        )
    },
)
"""No two debts are ever the same."""

FIXED_MESSAGE_ID = Guard(
    "UPDATE",
    "OLD.status = 'sending' AND NEW.status = 'pending'",
    {
        "message_id": (
            "'<' || lower(hex(randomblob(16))) || '@example.org>'",
            "'<' || md5(random()::text) || '@example.org>'",
        )
    },
)
"""What goes once more goes under another name."""


def take_out(guard: Guard) -> None:
    """From now on, in this database."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            undone = ", ".join(f"{column} = {value}" for column, (value, _other) in guard.undone.items())
            cursor.execute(
                f"CREATE TRIGGER sabotage AFTER {guard.statement} ON events_message WHEN {guard.when} "
                f"BEGIN UPDATE events_message SET {undone} WHERE id = NEW.id; END"
            )
        else:
            undone = "; ".join(f"NEW.{column} := {value}" for column, (_other, value) in guard.undone.items())
            cursor.execute(
                "CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {undone}; RETURN NEW; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER sabotage BEFORE {guard.statement} ON events_message "
                f"FOR EACH ROW WHEN ({guard.when}) EXECUTE FUNCTION sabotage()"
            )
