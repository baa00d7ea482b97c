from typing import Any

from django.db import migrations

from events.links import mailbox_of


def carry_over(apps: Any, schema_editor: Any) -> None:
    festivals, programmes = apps.get_model("events", "Festival"), apps.get_model("events", "Programme")
    opening, slot = apps.get_model("events", "Opening"), apps.get_model("events", "Slot")
    for festival in festivals.objects.filter(registration_opens_at__isnull=False):
        opening.objects.create(festival=festival, opens_at=festival.registration_opens_at)
    for programme in programmes.objects.filter(registration_opens_at__isnull=False):
        opening.objects.create(
            festival_id=programme.festival_id, programme=programme, opens_at=programme.registration_opens_at
        )
    for one in opening.objects.all():
        slots = slot.objects.filter(activity__festival=one.festival_id, opens_at=one.opens_at)
        if one.programme_id:
            slots = slots.filter(activity__programme=one.programme_id)
        slot.objects.filter(pk__in=list(slots.values_list("pk", flat=True))).update(opening=one)
    visitors = apps.get_model("events", "Visitor").objects.filter(mailbox="")
    for visitor in visitors.only("pk", "email").iterator(chunk_size=2000):
        visitors.model.objects.filter(pk=visitor.pk).update(mailbox=mailbox_of(visitor.email))


class Migration(migrations.Migration):
    """When registration opens becomes a row of its own; every visitor's mailbox is written down."""

    dependencies = [("events", "0005_book_in_the_opening_minute")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
