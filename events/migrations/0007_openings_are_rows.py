from django.db import migrations


class Migration(migrations.Migration):
    """What the migration before carried over."""

    dependencies = [("events", "0006_say_openings_apart")]

    operations = [
        migrations.RemoveField(model_name="festival", name="registration_opens_at"),
        migrations.RemoveField(model_name="programme", name="registration_opens_at"),
    ]
