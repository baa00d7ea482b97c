from typing import Any

from django.db import migrations

from events import guards


def lay(_apps: Any, schema_editor: Any) -> None:
    guards.lay(schema_editor.connection)
    guards.tie(schema_editor.connection)


def lift(_apps: Any, schema_editor: Any) -> None:
    guards.untie(schema_editor.connection)
    for guard in (guards.PEOPLE, guards.DRAFT):
        guards.lift(schema_editor.connection, guard)


class Migration(migrations.Migration):
    """No room planned twice, nobody in two places, and both tied to the time of the slot."""

    dependencies = [("events", "0009_rooms_people_drafts")]

    operations = [migrations.RunPython(lay, lift)]
