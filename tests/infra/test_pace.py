"""What the tests stand on: which of them are slow, a database that is there at once and can be emptied."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management.color import no_style
from django.db import connection

from events import marks
from tests.ground.migrated import kept_file
from tests.ground.pace import LONG, LONG_TOGETHER, function_of, is_slow, mark_slow

pytestmark = pytest.mark.once


def test_one_that_takes_long_is_slow() -> None:
    assert is_slow([LONG + 0.01])
    assert not is_slow([LONG - 0.01])


def test_a_table_is_slow_for_a_row_with_another_or_for_all_together() -> None:
    assert not is_slow([LONG + 0.01, 0.01])
    assert is_slow([3 * LONG, 0.01])
    assert not is_slow([0.01] * 100)
    assert is_slow([LONG_TOGETHER / 100 + 0.001] * 100)


@pytest.mark.parametrize("row", ["a", "b"])
def test_every_row_of_a_listed_function_is_marked(request: pytest.FixtureRequest, row: str) -> None:
    name = function_of(request.node.nodeid)
    mark_slow([request.node], frozenset({f"{name}_and_more"}))
    assert request.node.get_closest_marker("slow") is None

    mark_slow([request.node], frozenset({name}))

    assert request.node.get_closest_marker("slow") is not None


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL empties all tables at once.")
def test_the_marks_are_emptied_last() -> None:
    tables = ["events_slot", marks.TABLE, "events_territory"]

    said = connection.ops.sql_flush(no_style(), tables)

    assert [table for statement in said for table in tables if f'"{table}"' in statement] == [
        "events_slot",
        "events_territory",
        marks.TABLE,
    ]


def test_a_database_is_kept_for_as_long_as_what_makes_it_stays(tmp_path: Path) -> None:
    migrations = tmp_path / "events" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "0001_initial.py").write_text("first")
    before = kept_file(tmp_path, tmp_path)
    assert kept_file(tmp_path, tmp_path) == before

    changed = []
    for name in ("events/migrations/0002_more.py", "events/migrations/0001_initial.py", "requirements.txt"):
        (tmp_path / name).write_text("another")
        changed.append(kept_file(tmp_path, tmp_path))

    assert len({before, *changed}) == 4
