"""Rows and statements of the hot path, without the cost of putting the same SQL together each time.

PostgreSQL keeps a statement that comes here prepared for as long as the connection lasts: it is read and
planned once. Nothing else changes: same adapters, same transaction, same errors as through the ORM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    Model,
    QuerySet,
    TextField,
    UUIDField,
)
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

_NAMED = re.compile(r"%\((\w+)\)s")

M = TypeVar("M", bound=Model)
Params = Sequence[Any] | Mapping[str, Any]


def ask(sql: str, params: Params) -> tuple[Any, ...] | None:
    """The first row of the answer, or none."""
    rows = _run(sql, params, wants_rows=True)[0]
    return rows[0] if rows else None


def ask_all(sql: str, params: Params) -> list[tuple[Any, ...]]:
    """Every row of the answer."""
    return _run(sql, params, wants_rows=True)[0]


def change(sql: str, params: Params) -> int:
    """How many rows an UPDATE changed."""
    return _run(sql, params, wants_rows=False)[1]


def change_straight(sql: str, params: Mapping[str, Any]) -> int:
    """``change`` for what is said with every mail: on PostgreSQL and in no transaction straight to libpq.

    The driver's own way (a plan, adapters, a generator) costs as much here as the statement does in the
    server. Values are texts, numbers, UUIDs, moments with their zone, or None; the server knows their types.
    """
    own = connections[DEFAULT_DB_ALIAS]
    if not _is_bare(own) or own.in_atomic_block or not own.get_autocommit():
        return change(sql, params)
    line = own.connection
    with own.wrap_database_errors, line.lock:
        known: dict[str, tuple[bytes, list[str]]] = vars(line).setdefault("said_straight", {})
        if sql not in known:
            text, names = _numbered(sql)
            name = f"straight_{len(known)}".encode()
            _succeeded(line, line.pgconn.prepare(name, text))
            known[sql] = name, names
        name, names = known[sql]
        said = [None if params[one] is None else str(params[one]).encode() for one in names]
        return _succeeded(line, line.pgconn.exec_prepared(name, said)).command_tuples or 0


def _numbered(sql: str) -> tuple[bytes, list[str]]:
    """« %(id)s » as « $1 », as the server itself takes it, and the names in that order."""
    names = list(dict.fromkeys(_NAMED.findall(sql)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql).encode(), names


def _succeeded(line: psycopg.Connection[Any], result: PGresult) -> PGresult:
    """Raises what ``execute`` would."""
    if result.status == ExecStatus.COMMAND_OK:
        return result
    if line.pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)


def insert(
    row: Model, *, unless_there: bool = False, looked_up: Mapping[str, tuple[str, Any]] | None = None
) -> Any:
    """Insert a new row and give it its key; ``unless_there``: where a unique key exists, nothing, and None.

    ``looked_up``: columns whose value the database finds itself, each by an expression with one parameter.
    ``save()`` for a model with a key of its own and nothing to do before or after: what the model's own
    ``save``, its signals or a field's ``auto_now`` would add is not done.
    """
    row.pk = insert_values(type(row), vars(row), unless_there=unless_there, looked_up=looked_up)
    row._state.adding, row._state.db = row.pk is None, connection.alias
    return row.pk


def insert_values(
    model: type[Model],
    values: Mapping[str, Any],
    *,
    unless_there: bool = False,
    looked_up: Mapping[str, tuple[str, Any]] | None = None,
) -> Any:
    """The same from values by the name of their column, without an object; what is not among them gets the
    field's default. The new key.
    """
    looked_up = looked_up or {}
    found = tuple((name, expression) for name, (expression, _by) in looked_up.items())
    database = connections[DEFAULT_DB_ALIAS]
    sql, fields = _insert_of(model, unless_there, found, database.vendor)
    said = []
    for name, field, as_it_is in fields:
        value = (
            looked_up[field.name][1]
            if field.name in looked_up
            else values[name]
            if name in values
            else field.get_default()
        )
        said.append(value if as_it_is or value is None else field.get_db_prep_save(value, database))
    answer = ask(sql, said)
    return answer[0] if answer else None


@cache
def _insert_of(
    model: type[Model], unless_there: bool, looked_up: tuple[tuple[str, str], ...], vendor: str
) -> tuple[str, list[tuple[str, Field[Any, Any], bool]]]:
    """The statement, and the fields in its order, each with the name of its value and whether the driver
    takes its values as they are.
    """
    is_postgres = vendor == "postgresql"
    plain: tuple[type[Field[Any, Any]], ...] = (CharField, TextField)
    if is_postgres:
        plain += (DateTimeField, UUIDField, IntegerField, BooleanField, ForeignKey)
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    found = dict(looked_up)
    values = ", ".join(found.get(field.name, "%s") for field in fields)
    conflict = " ON CONFLICT DO NOTHING" if unless_there else ""
    table, key = model._meta.db_table, model._meta.pk.column
    return f'INSERT INTO "{table}" ({columns}) VALUES ({values}){conflict} RETURNING "{key}"', [  # noqa: S608
        (field.attname, field, isinstance(field, plain)) for field in fields
    ]


def by_key(queryset: Callable[[], QuerySet[M]], keys: Sequence[int]) -> list[M]:
    """The objects of a queryset with these primary keys, in this order; keys that find nothing are left out.

    Related rows and annotations come along as in the queryset, which is compiled once, as it is planned once:
    over ten tables, planning takes the server four times as long as looking up thirty rows. ``queryset`` is
    told from others by its name: a function of a module, without arguments.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if not keys:
        return []
    if database.vendor != "postgresql":
        found = queryset().in_bulk(keys)
    else:
        sql, params, place, compiler = _by_key(queryset)
        said = [*params[:place], list(keys), *params[place + 1 :]]
        found = {row.pk: row for row in _objects(compiler, ask_all(sql, said))}
    return [found[key] for key in keys if key in found]


@cache
def _by_key(queryset: Callable[[], QuerySet[Any]]) -> tuple[str, list[Any], int, SQLCompiler]:
    """Statement, parameters, where among them the keys go, and what knows the columns."""
    keys = object()
    rows = queryset().order_by()
    meta = rows.model._meta
    rows = rows.extra(where=[f'"{meta.db_table}"."{meta.pk.column}" = ANY(%s)'], params=[keys])  # noqa: S610
    compiler = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
    sql, params = compiler.as_sql()
    said = list(params)
    return sql, said, said.index(keys), compiler


def _objects(compiler: SQLCompiler, rows: list[tuple[Any, ...]]) -> Iterator[Any]:
    """As ``django.db.models.query.ModelIterable`` makes them."""
    info: Any = compiler.klass_info
    first, last = info["select_fields"][0], info["select_fields"][-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:last]]
    related = cast("Any", get_related_populators)(info, compiler.select, DEFAULT_DB_ALIAS)
    chunks: list[Any] = [rows]
    for row in compiler.results_iter(chunks):
        one = info["model"].from_db(DEFAULT_DB_ALIAS, names, row[first:last])
        for populator in related:
            populator.populate(row, one)
        for name, place in compiler.annotation_col_map.items():
            setattr(one, name, row[place])
        yield one


def _run(sql: str, params: Params, *, wants_rows: bool) -> tuple[list[tuple[Any, ...]], int]:
    own = connections[DEFAULT_DB_ALIAS]
    if not _is_bare(own):
        with own.cursor() as cursor:
            cursor.execute(sql, params)
            return (cursor.fetchall() if wants_rows else []), cursor.rowcount
    line = own.connection
    with own.wrap_database_errors:
        # One cursor a connection, for making one takes half as long as using it; those of the web processes
        # bring theirs along (``festival.standing``).
        quick: psycopg.Cursor[Any] | None = getattr(line, "quick", None)
        if quick is None:
            quick = vars(line)["quick"] = psycopg.Cursor(line)
        quick.execute(sql, params, prepare=True)
        return (quick.fetchall() if wants_rows else []), quick.rowcount


def _is_bare(own: BaseDatabaseWrapper) -> bool:
    """Whether this is PostgreSQL, connected, and nobody counts the statements or watches them."""
    if own.vendor != "postgresql" or own.queries_logged or own.execute_wrappers:
        return False
    own.ensure_connection()
    return True
