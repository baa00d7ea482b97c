"""`manage.py sendtestemail ADDRESS`: Django's command, all the way through the outbox and the relay."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.sendtestemail import Command as DjangoCommand
from django.utils import timezone

from events.mail.deliver import deliver_due
from events.models import Message, RelayState


class Command(DjangoCommand):
    help = "Owe a test mail to each address and send what is due, saying what the relay answered."

    def handle(self, *args: Any, **options: Any) -> None:
        last = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        super().handle(*args, **options)
        # Whoever tries by hand wants to know now, not when the relay's pause is over.
        RelayState.objects.filter(pk=1).update(paused_until=None)
        report = deliver_due(only=Message.Kind.ACCOUNT)
        left = False
        for message in Message.objects.filter(pk__gt=last, kind=Message.Kind.ACCOUNT).order_by("pk"):
            self.stdout.write(f"{message.recipient}: {message.status}. {message.last_answer}")
            left = left or message.status == Message.Status.SENT
        if not left:
            raise CommandError(f"Nothing was sent. {report.paused}".strip())
        self.stdout.write(f"Done at {timezone.now():%H:%M:%S} UTC.")
