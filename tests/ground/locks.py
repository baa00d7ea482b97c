"""Who waits for whom in PostgreSQL."""

from django.db import connection


def who_wait() -> int:
    """How many sessions of this database wait for a lock: other tests are on the same server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # in a transaction it would go on telling the same
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])
