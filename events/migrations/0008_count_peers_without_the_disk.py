"""PostgreSQL: what is counted of peers need not survive a crash.

Each booking counts its peer first, in a commit of its own, and waited for the disk twice. An unlogged table is
emptied after a crash, and a standby that takes over begins with none: then a peer has its limits anew.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def unlog(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE events_ratecount SET UNLOGGED")


def log(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE events_ratecount SET LOGGED")


class Migration(migrations.Migration):
    dependencies = [("events", "0007_openings_are_rows")]
    operations = [migrations.RunPython(unlog, log)]
