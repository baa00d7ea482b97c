"""A connection to PostgreSQL that is asked of its own socket whether it still stands, not of the server."""

from __future__ import annotations

import select
from functools import cached_property
from typing import Any

import psycopg


class StandingConnection(psycopg.Connection[Any]):
    """Before each request the pool sends the connection it hands out an empty query and waits for the answer.

    A server that has gone or ended the session has closed the socket, which this machine knows: there is
    something to read where nothing should be. Only then the server is asked.
    """

    def execute(self, query: Any, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        """An empty query is the pool's question (``psycopg_pool.ConnectionPool.check_connection``)."""
        if query == "" and not self.closed and self._is_quiet():
            return self.quick
        return super().execute(query, *arguments, **options)

    @cached_property
    def quick(self) -> psycopg.Cursor[Any]:
        """One cursor for all that is said by ``events.rows``: making one took half as long as using it."""
        return psycopg.Cursor(self)

    def _is_quiet(self) -> bool:
        line = select.poll()
        line.register(self.fileno(), select.POLLIN | select.POLLPRI)
        return not line.poll(0)
