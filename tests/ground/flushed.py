"""A database that can be emptied in one go, whatever order its tables happen to come in."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from events import marks


def empty_the_marks_last(connection: BaseDatabaseWrapper) -> None:
    """After a test that commits, Django deletes table by table, in an order that differs with each process.

    A slot that goes leaves a mark, which names its territory. Where the marks were emptied before the slots,
    one was left, its territory went, and this test and every later one failed.
    """
    if connection.vendor != "sqlite":
        return  # truncated all at once, and no trigger hears of it
    emptied = connection.ops.sql_flush

    def sql_flush(style: Any, tables: Iterable[str], **options: Any) -> list[str]:
        return emptied(style, sorted(tables, key=lambda table: (table == marks.TABLE, table)), **options)

    connection.ops.sql_flush = sql_flush  # type: ignore[method-assign]
