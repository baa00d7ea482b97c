"""A pooled connection is handed out without asking the server, and not when the server has gone."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from festival.standing import StandingConnection
from tests.ground.postgres import Postgres

pytestmark = [pytest.mark.once, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()


def test_a_line_that_stands_is_not_asked_about_and_one_that_was_cut_is_found_out(server: Postgres) -> None:
    address = server.url("postgres")
    with (
        StandingConnection.connect(address, autocommit=True) as line,
        psycopg.connect(address, autocommit=True) as other,
    ):
        line.execute("SELECT 'said before'").fetchone()
        pid = line.info.backend_pid

        ConnectionPool.check_connection(line)

        said = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
        assert said == ("SELECT 'said before'",)
        psycopg.Connection.execute(line, "")  # the question as the pool's own kind of connection asks it
        said = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
        assert said == ("",)
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(psycopg.OperationalError):
            ConnectionPool.check_connection(line)
