"""A venue has words by which what takes place there is found; on PostgreSQL an index of letter triples."""

from typing import Any

from django.db import migrations, models

from events.folding import padded

TABLES = ("events_activity", "events_venue")


def say(apps: Any, schema_editor: Any) -> None:
    """Write the words of venues, and each word of an activity once and between spaces."""
    venues = apps.get_model("events", "Venue").objects.select_related("commune", "territory")
    for venue in venues.iterator(chunk_size=1000):
        city = venue.commune.name if venue.commune else ""
        venue.search_text = padded(venue.name, venue.address, venue.postcode, city, venue.territory.name)
        venue.save(update_fields=["search_text"])
    for activity in apps.get_model("events", "Activity").objects.only("search_text").iterator(chunk_size=1000):
        activity.search_text = padded(activity.search_text)
        activity.save(update_fields=["search_text"])


def index(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for table in TABLES:
        schema_editor.execute(
            f"CREATE INDEX {table}_by_words ON {table} USING gin (search_text gin_trgm_ops)"
        )


def drop_index(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {table}_by_words")


class Migration(migrations.Migration):
    dependencies = [("events", "0019_one_mail_for_a_day")]

    operations = [
        migrations.AddField("venue", "search_text", models.TextField(blank=True, editable=False)),
        migrations.RunPython(say, migrations.RunPython.noop),
        migrations.RunPython(index, drop_index),
    ]
