from typing import Any

from django.db import migrations

from events import guards


def lay(apps: Any, schema_editor: Any) -> None:
    guards.lay(schema_editor.connection)


def lift(apps: Any, schema_editor: Any) -> None:
    guards.lift(schema_editor.connection)


class Migration(migrations.Migration):
    """No room is occupied twice: an exclusion constraint on PostgreSQL, triggers on SQLite."""

    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunPython(lay, lift)]
