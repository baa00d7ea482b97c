"""Many rows at once, with a bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from django.db import connection, models

from events.demo.progress import Progress

Row = TypeVar("Row", bound=models.Model)


def write(model: type[Row], rows: Sequence[Row], *, progress: Progress, label: str) -> None:
    """Insert rows in batches; objects that name unsaved others by a key learn it once those are written."""
    for row in rows:
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.is_cached(row):
                related = field.get_cached_value(row)
                if related is not None:
                    setattr(row, field.attname, related.pk)
    size = 2000 if connection.vendor == "postgresql" else 1000
    for _row in progress.over(_batches(model, rows, size), label=label, total=len(rows)):
        pass


def _batches(model: type[Row], rows: Sequence[Row], size: int) -> Iterator[Any]:
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        model._default_manager.bulk_create(batch)
        yield from batch
